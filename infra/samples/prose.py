"""Prose without a meaning but with the shape of a report: seeded, endless, a different text for every seed."""

from __future__ import annotations

import random

_SUBJECTS = (
    "the inspection team", "our northern depot", "a revised schedule", "the second pump", "every regional office",
    "the quarterly budget", "an independent surveyor", "the maintenance crew", "this delivery", "the new supplier",
    "the harbour authority", "a spare controller", "the training programme", "the water board", "one of the drivers",
    "the archive", "a temporary bridge", "the laboratory", "the evening shift", "the cold store",
)  # fmt: skip
_VERBS = (
    "confirmed", "delayed", "replaced", "measured", "approved", "returned", "described", "reduced", "collected",
    "examined", "repaired", "questioned", "accepted", "prepared", "recorded", "inspected", "ordered", "released",
)  # fmt: skip
_OBJECTS = (
    "the annual report", "forty-two sealed crates", "a faulty valve", "the insurance claim", "most of the samples",
    "the original drawings", "three damaged pallets", "the safety notice", "a signed receipt", "the heating circuit",
    "the remaining stock", "an outdated manual", "the pressure readings", "the access road", "both storage tanks",
    "the customs papers", "a written estimate", "the lower gate", "the working budget", "its own records",
)  # fmt: skip
_CIRCUMSTANCES = (
    "before the end of March", "without further cost", "after a short review", "in spite of heavy rain",
    "at the request of the owner", "within nine working days", "as agreed in the contract", "during the night shift",
    "for the first time this year", "under the supervision of an engineer", "on Thursday morning",
    "in two separate lots",
    "because the crane was out of service", "with the help of volunteers", "according to the minutes",
)  # fmt: skip
_HEADINGS = ("Background", "Findings", "Costs and savings", "Next steps", "Site visit", "Supplies", "Open questions")


def sentence(rng: random.Random) -> str:
    """One sentence of 8 to 16 words."""
    parts = [rng.choice(words) for words in (_SUBJECTS, _VERBS, _OBJECTS, _CIRCUMSTANCES)]
    text = " ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def paragraph(rng: random.Random, words: int) -> str:
    """Sentences of together at least `words` words."""
    sentences = [sentence(rng)]
    while sum(len(one.split()) for one in sentences) < words:
        sentences.append(sentence(rng))
    return " ".join(sentences)


def heading(rng: random.Random) -> str:
    """A heading of a section."""
    return rng.choice(_HEADINGS)
