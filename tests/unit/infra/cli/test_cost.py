"""`twolane cost`."""

from __future__ import annotations

import json
from uuid import uuid4

from tests.unit.infra.cli.conftest import Twolane
from tests.unit.infra.cli.fake_api import FakeApi


def test_a_receipt_says_what_was_taken_and_leaves_out_what_cost_nothing(api: FakeApi, twolane: Twolane) -> None:
    ran = twolane("cost", api.add("a.pdf")["id"])
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert ran.exit_code == 0
    assert lines == [
        "read by textract 1 pages, 1.50 CPU seconds",
        "text layer, reused 3 pages, 0.00 CPU seconds",
        "calls of textract 2",
        "CPU 1.50 seconds",
        "memory 220 MiB at most",
        "for cpu $0.000020",
        "for memory $0.000001",
        "for engines $0.001500",
        "in all $0.001521",
        "Textract $0.006000",
    ]


def test_as_json_it_is_what_the_api_says(api: FakeApi, twolane: Twolane) -> None:
    shown = json.loads(twolane("cost", api.add("a.pdf")["id"], "--json").stdout)
    assert shown["textract_dollars"] == 0.006


def test_an_unknown_document_has_none(twolane: Twolane) -> None:
    ran = twolane("cost", str(uuid4()))
    assert ran.exit_code == 1
    assert "There is no such document" in ran.stderr
