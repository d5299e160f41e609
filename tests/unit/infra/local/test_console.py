"""Log lines, as people read them."""

from __future__ import annotations

import json

import pytest

from infra.local.console import Console, parse
from shared import metrics


def rendered(capsys: pytest.CaptureFixture[str], line: str) -> str:
    """What the terminal shows of one line of `worker-1`."""
    Console(width=200).process_line("worker-1", "green", line)
    return capsys.readouterr().out


def test_a_json_line_becomes_time_message_and_facts() -> None:
    entry = parse(json.dumps({"time": "2026-03-01T12:00:00+00:00", "level": "info", "message": "done", "pages": 3}))
    assert (entry.message, entry.level, entry.fields) == ("done", "info", {"pages": "3"})
    assert len(entry.time) == len("12:00:00")


def test_powertools_lines_are_understood_too() -> None:
    line = {"level": "WARNING", "location": "handler:9", "message": "late", "timestamp": "2026-03-01 12:00:00,123+0000"}
    entry = parse(json.dumps({**line, "service": "ingest"}))
    assert (entry.message, entry.level, entry.fields) == ("late", "warning", {})
    assert entry.time


def test_of_a_line_that_is_metrics_too_only_the_numbers_are_shown() -> None:
    values = {metrics.JOBS_SUCCEEDED: 1, metrics.JOB_SECONDS: 0.5}
    entry = parse(json.dumps({"message": "succeeded", **metrics.fields(values, stack="local", fleet="ocr")}))
    assert entry.fields == {"JobsSucceeded": "1", "JobSeconds": "0.5"}


def test_a_message_that_is_an_object_stays_readable() -> None:
    assert parse('{"message": {"a": 1}}').message == '{"a": 1}'


@pytest.mark.parametrize("line", ["plain words", "{not json", '{"no": "message"}', "[1, 2]", ""])
def test_anything_else_is_shown_as_it_is(line: str) -> None:
    assert parse(line).message == line


@pytest.mark.parametrize("stamp", ["yesterday", 12, None, ""])
def test_a_time_nobody_understands_is_left_out(stamp: object) -> None:
    assert parse(json.dumps({"message": "m", "time": stamp})).time == ""


def test_the_screen_shows_who_how_bad_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    shown = rendered(capsys, '{"message": "page failed", "level": "error", "page": 2}')
    assert shown.startswith("worker-1  ")
    assert shown.endswith("ERROR page failed page=2\n")


def test_information_carries_no_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert "INFO" not in rendered(capsys, '{"message": "fine", "level": "info"}')


def test_a_traceback_follows_on_its_own_lines(capsys: pytest.CaptureFixture[str]) -> None:
    shown = rendered(capsys, json.dumps({"message": "m", "level": "error", "traceback": "Traceback:\n  oops"}))
    assert shown.endswith("m\nTraceback:\n  oops\n")


def test_square_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[red]x[/red]" in rendered(capsys, "[red]x[/red]")


def test_a_long_line_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert rendered(capsys, "x" * 1000).count("\n") == 1
