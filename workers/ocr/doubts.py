"""Why the result of an engine is not trusted, and which of two results is better.

Nothing here needs the page itself: whoever has read it again elsewhere can ask the same questions.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workers.ocr.engine import PageText
from workers.ocr.pages import Attempt

LOW_CONFIDENCE: Final = "low_confidence"
"""The engine itself is not sure: its mean confidence is below `_LEAST_CONFIDENCE`."""

UNSURE_WORDS: Final = "unsure_words"
"""It is sure of most, but of too many words it is not."""

TOO_FEW_WORDS: Final = "too_few_words"
"""There is ink on the page for far more than was read."""

WRONG_SCRIPT: Final = "wrong_script"
"""Many letters are of a script that none of the languages asked for is written in."""

SIDEWAYS: Final = "sideways"
"""Words are higher than wide."""

TURNED: Final = "turned"
"""The page was seen to lie on its side or its head; another attempt was made with it upright."""

# Measured with tesseract and rapidocr on office pages at 75 to 600 dpi, as they are, blurred, noisy, faint and skewed,
# on faxes and on scanned receipts: pages read with a word F1 of 0.95 and more lie above, those below 0.9 do not.
_LEAST_CONFIDENCE: Final = 0.88
_UNSURE: Final = 0.8
_MOST_UNSURE: Final = 0.08

_LEAST_READ: Final = 0.4
"""Of the shapes like letters on a page so many at least are read, in print, dot-matrix print, and on photographs."""

_LETTERS_TO_TELL: Final = 40
_WORDS_TO_TELL: Final = 5
_MOST_FOREIGN: Final = 0.15
_HIGH: Final = 1.2
_LONG_WORD: Final = 5


@dataclass(frozen=True, slots=True)
class Ink:
    """How much there is to read on a page.

    Attributes:
        letters: connected shapes like letters in the rows counted.
        top: first of those rows.
        bottom: last of them, plus one.
    """

    letters: int
    top: int
    bottom: int


def of(found: PageText, languages: Sequence[str], ink: Ink | None = None) -> tuple[str, ...]:
    """Return why a result is not to be trusted; empty if nothing speaks against it.

    Args:
        found: what was read.
        languages: asked for, in tesseract's names.
        ink: how much there was to read, where somebody looked.
    """
    questions = {
        LOW_CONFIDENCE: found.confidence is not None and found.confidence < _LEAST_CONFIDENCE,
        UNSURE_WORDS: _unsure(found) > _MOST_UNSURE,
        TOO_FEW_WORDS: ink is not None and _left_out(found, ink),
        WRONG_SCRIPT: _foreign(found, languages) > _MOST_FOREIGN,
        SIDEWAYS: _sideways(found),
    }
    return tuple(doubt for doubt, there in questions.items() if there)


def better(later: Attempt, earlier: Attempt) -> bool:
    """Tell whether the later of two readings is to be kept.

    Words are better than none, and fewer doubts than more. Confidences of two engines do not compare; with as many
    doubts the later is of the stronger engine and is kept, if it has not lost half of the words.
    """
    if not (later.word_count and earlier.word_count):
        return later.word_count > 0
    if len(later.doubts) != len(earlier.doubts):
        return len(later.doubts) < len(earlier.doubts)
    if later.engine == earlier.engine:
        return (later.confidence or 0.0) > (earlier.confidence or 0.0)
    return 2 * later.word_count >= earlier.word_count


def _unsure(found: PageText) -> float:
    """Return the share of words the engine is not sure of; of a few words one may be unsure."""
    if len(found.words) < _WORDS_TO_TELL:
        return 0.0
    return sum(word.confidence < _UNSURE for word in found.words) / len(found.words)


def _left_out(found: PageText, ink: Ink) -> bool:
    if ink.letters < _LETTERS_TO_TELL:
        return False
    read = sum(len(word.text) for word in found.words if ink.top <= (word.box[1] + word.box[3]) / 2 < ink.bottom)
    return read < _LEAST_READ * ink.letters


def _sideways(found: PageText) -> bool:
    """Tell whether most long words are higher than wide; four letters in a generous box may be."""
    boxes = [word.box for word in found.words if len(word.text) >= _LONG_WORD]
    high = sum(bottom - top > _HIGH * (right - left) for left, top, right, bottom in boxes)
    return len(boxes) >= _WORDS_TO_TELL and 2 * high > len(boxes)


# --- scripts, as Unicode calls them in the names of letters

_SCRIPTS: Final = {
    "CYRILLIC": "bel bul kaz kir mkd mon rus srp tat tgk uig_cyrl ukr uzb_cyrl",
    "GREEK": "ell grc",
    "ARABIC": "ara div fas kur_ara pus snd uig urd",
    "HEBREW": "heb yid",
    "CJK": "chi_sim chi_sim_vert chi_tra chi_tra_vert jpn jpn_vert kor kor_vert",
    "HIRAGANA": "jpn jpn_vert",
    "KATAKANA": "jpn jpn_vert",
    "KATAKANA-HIRAGANA": "jpn jpn_vert",
    "HANGUL": "kor kor_vert",
    "DEVANAGARI": "hin mar nep san",
    "BENGALI": "asm ben",
    "GURMUKHI": "pan",
    "GUJARATI": "guj",
    "ORIYA": "ori",
    "TAMIL": "tam",
    "TELUGU": "tel",
    "KANNADA": "kan",
    "MALAYALAM": "mal",
    "SINHALA": "sin",
    "THAI": "tha",
    "LAO": "lao",
    "MYANMAR": "mya",
    "KHMER": "khm",
    "TIBETAN": "bod dzo",
    "ETHIOPIC": "amh tir",
    "GEORGIAN": "kat kat_old",
    "ARMENIAN": "hye",
    "CHEROKEE": "chr",
    "SYRIAC": "syr",
    "CANADIAN": "iku",
}

_PACKS_OF_SCRIPTS: Final = "script/"
"""Packs for a whole script, `script/Cyrillic`: what they are written in is not looked up, everything is expected."""

# Latin letters stand in texts of every script; the others are no script's own.
_ANYWHERE: Final = frozenset({"LATIN", "FULLWIDTH", "MODIFIER", "FEMININE", "MASCULINE", "MICRO", "SUPERSCRIPT"})


def scripts(languages: Sequence[str]) -> frozenset[str]:
    """Return the scripts these languages are written in, Latin always among them."""
    wanted = set(languages)
    return _ANYWHERE | {script for script, written in _SCRIPTS.items() if wanted & set(written.split())}


def _foreign(found: PageText, languages: Sequence[str]) -> float:
    """Return the share of letters that are of none of the scripts of the languages."""
    if any(language.startswith(_PACKS_OF_SCRIPTS) for language in languages):
        return 0.0
    if found.text.isascii():
        return 0.0
    counts = Counter(_script(letter) for word in found.words for letter in word.text if letter.isalpha())
    total = sum(counts.values())
    expected = scripts(languages)
    foreign = sum(count for script, count in counts.items() if script not in expected)
    return foreign / total if total >= _LETTERS_TO_TELL else 0.0


def _script(letter: str) -> str:
    return "LATIN" if letter.isascii() else unicodedata.name(letter, "UNKNOWN").split(maxsplit=1)[0]
