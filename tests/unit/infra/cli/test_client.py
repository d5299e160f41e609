"""The client's own rules: what is tried again, after how long, and what an error becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import Response

from infra.cli.client import ApiError, Client
from tests.unit.infra.cli.fake_api import KEY, FakeApi, problem


def test_retry_after_is_honoured_and_capped(api: FakeApi) -> None:
    document = api.add("a.pdf")
    api.script.extend(
        [
            problem(503, "broker_unavailable", "Later.", **{"retry-after": "7"}),
            problem(429, "rate_limited", "Slow down.", **{"retry-after": "3600"}),
            problem(503, "broker_unavailable", "Later."),
        ]
    )
    pauses: list[float] = []

    with Client(api.url, KEY, sleep=pauses.append) as client:
        found = client.document(document["id"])

    assert found["id"] == document["id"]
    assert pauses == [7, 30, 2]


def test_a_refusal_is_not_tried_again(api: FakeApi) -> None:
    api.script.append(problem(422, "invalid_option", "priority must be 1-10."))
    pauses: list[float] = []

    with Client(api.url, KEY, sleep=pauses.append) as client, pytest.raises(ApiError) as caught:
        client.documents(10)

    assert (caught.value.status, caught.value.code, pauses) == (422, "invalid_option", [])
    assert str(caught.value) == "priority must be 1-10. (invalid_option)"


def test_a_file_is_sent_whole_again_after_a_failed_attempt(api: FakeApi, make_file: Callable[..., Path]) -> None:
    file = make_file("large.pdf", 5 * 1024 * 1024)
    api.storage_script.append(Response("<Error><Code>SlowDown</Code></Error>", 503))

    with Client(api.url, KEY, sleep=lambda _: None) as client:
        document, _ = client.submit(file, {})

    assert api.stored[document["id"]] == file.read_bytes()


def test_an_answer_that_is_no_problem_document_still_makes_a_sentence(api: FakeApi) -> None:
    api.script.append(Response("<html>Bad\n gateway</html>", 400))

    with Client(api.url, KEY) as client, pytest.raises(ApiError, match=r"answered 400: <html>Bad gateway</html>"):
        client.documents(10)


def test_a_200_that_is_not_json_is_an_error(api: FakeApi) -> None:
    api.script.append(Response("<html>Welcome to the hotel network</html>"))

    with Client(api.url, KEY) as client, pytest.raises(ApiError, match="not JSON"):
        client.documents(10)
