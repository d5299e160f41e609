"""`infra/EVENTS.md` says what is so."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from shared.adapters.bus import envelope
from shared.config import MIB
from shared.events import EVENTS, SOURCE, VERSION
from shared.models import EventRow, utcnow

DOC = (Path(__file__).parents[3] / "infra" / "EVENTS.md").read_text()
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", DOC, re.MULTILINE | re.DOTALL))
FIELDS_OF_DOCUMENTS = set(re.findall(r"^\| `(\w+)`", SECTIONS["document.cancelled"], re.MULTILINE))


def example(text: str) -> dict[str, Any]:
    """The first block of JSON."""
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_every_event_has_its_section_and_no_section_another_event() -> None:
    assert SECTIONS.keys() == EVENTS.keys()


@pytest.mark.parametrize("name", EVENTS)
def test_the_example_of_an_event_is_one_and_shows_every_field(name: str) -> None:
    given = example(SECTIONS[name])
    event = EVENTS[name].model_validate(given)
    assert given.keys() == EVENTS[name].model_fields.keys()
    assert event.model_dump(mode="json") == given
    assert str(event.subject) in given.values()


@pytest.mark.parametrize("name", EVENTS)
def test_every_field_of_an_event_is_explained(name: str) -> None:
    explained = set(re.findall(r"^\| `(\w+)`", SECTIONS[name], re.MULTILINE))
    assert set(EVENTS[name].model_fields) <= explained | (
        FIELDS_OF_DOCUMENTS if name.startswith("document.") else set()
    )


@pytest.mark.parametrize("name", EVENTS)
def test_the_doc_says_of_an_event_what_the_code_does(name: str) -> None:
    said = (inspect.getdoc(EVENTS[name]) or "").split(". ")[0].rstrip(".")
    assert f"{said}." in SECTIONS[name]


def test_the_envelope_of_the_doc_is_the_one_that_is_sent() -> None:
    shown = example(DOC)
    row = EventRow(
        id=uuid4(), account_id=uuid4(), type="document.completed", version=VERSION, data={}, occurred_at=utcnow()
    )
    sent = envelope(row)
    assert shown.keys() == sent.keys()
    assert (shown["version"], shown["data"]) == (VERSION, {})
    table = DOC.split("## The promises", maxsplit=1)[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == sent.keys()


def test_the_rule_of_the_doc_would_get_events() -> None:
    class Loader(yaml.SafeLoader):
        """Takes the short forms of intrinsic functions as they are written."""

    Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))
    found = re.search(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    assert found
    template = yaml.load(found[1], Loader)  # noqa: S506  # a subclass of the safe one
    pattern = template["Resources"]["FailedDocuments"]["Properties"]["EventPattern"]
    assert pattern["source"] == [SOURCE]
    assert set(pattern["detail-type"]) <= EVENTS.keys()
    assert pattern["detail"] == {"version": [VERSION]}


def test_an_event_is_far_smaller_than_the_bus_takes() -> None:
    """The longest of everything a document may have, in letters that JSON writes with the most bytes."""
    worst = {
        "document_id": str(uuid4()),
        "status": "failed",
        "filename": "🎉" * 255,
        "page_count": 3000,
        "error": {"code": "x" * 60, "message": "🎉" * 2000},
        "metadata": {"text": "x" * 16 * 1024},
    }
    row = EventRow(
        id=uuid4(), account_id=uuid4(), type="document.failed", version=VERSION, data=worst, occurred_at=utcnow()
    )
    assert len(json.dumps(envelope(row), ensure_ascii=False).encode()) < MIB / 32
