"""`twolane status` from the outside."""

from __future__ import annotations

import json

import pytest

from tests.unit.infra.cli.conftest import Twolane
from tests.unit.infra.cli.fake_api import FakeApi, not_ready


def test_a_healthy_stack_lists_its_checks_and_documents(twolane: Twolane, api: FakeApi) -> None:
    api.add("scan.png")
    api.add("letter.pdf", status="completed")

    result = twolane("status")

    assert result.exit_code == 0
    for word in ("database", "storage", "broker", "workers", "scan.png", "1 queued", "1 completed"):
        assert word in result.stdout


def test_a_failing_check_is_named_and_exit_code_1(twolane: Twolane, api: FakeApi) -> None:
    api.health["celery"] = not_ready("workers", "none answers")

    result = twolane("status")

    assert result.exit_code == 1
    assert "none answers" in result.stdout


def test_without_a_database_no_documents_are_asked_for(twolane: Twolane, api: FakeApi) -> None:
    api.health["ready"] = not_ready("database", "does not answer")

    result = twolane("status", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["checks"] == {
        "api": "ok",
        "database": "does not answer",
        "storage": "ok",
        "broker": "ok",
        "workers": "ok",
    }


def test_without_a_broker_nothing_is_known_of_workers(twolane: Twolane, api: FakeApi) -> None:
    api.health["ready"] = api.health["celery"] = not_ready("broker", "does not answer")

    checks = json.loads(twolane("status", "--json").stdout)["checks"]

    assert (checks["broker"], checks["workers"]) == ("does not answer", "unknown")


def test_status_as_json_counts_documents(twolane: Twolane, api: FakeApi) -> None:
    api.add("scan.png")

    answer = json.loads(twolane("status", "--json").stdout)

    assert answer["healthy"] is True
    assert answer["documents"]["queued"] == 1


def test_a_server_that_is_gone_is_not_healthy(twolane: Twolane, monkeypatch: pytest.MonkeyPatch, free_url: str) -> None:
    monkeypatch.setenv("TWOLANE_URL", free_url)

    result = twolane("status")

    assert result.exit_code == 1
    assert "no answer from" in result.stdout


def test_one_document_is_shown(twolane: Twolane, api: FakeApi) -> None:
    document = api.add("scan.png")

    result = twolane("status", document["id"])

    assert result.exit_code == 0
    for word in ("scan.png", "processing", "1 of 2"):
        assert word in result.stdout


def test_a_failed_document_shows_why(twolane: Twolane, api: FakeApi) -> None:
    document = api.add("broken.pdf", status="failed")
    document["error"] = {"code": "corrupt_file", "message": "The file is damaged."}

    result = twolane("status", document["id"])

    assert result.exit_code == 1
    assert "The file is damaged. (corrupt_file)" in result.stdout


def test_an_unknown_document_is_one_sentence(twolane: Twolane) -> None:
    result = twolane("status", "00000000-0000-0000-0000-000000000000")

    assert result.exit_code == 1
    assert result.stderr == "There is no such document. (not_found)\n"
