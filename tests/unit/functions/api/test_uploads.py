"""POST /v1/uploads."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from shared.bootstrap import Services
from tests.unit.functions.api.conftest import PNG

URL = "/v1/uploads"
FILE: dict[str, Any] = {"filename": "scan.png", "media_type": "image/png", "size_bytes": len(PNG)}


def test_an_announced_document_waits_for_its_bytes(client: httpx.Client, stack: Services) -> None:
    answer = client.post(URL, json=FILE | {"pages": "1-3", "metadata": {"a": [1]}})
    assert answer.status_code == 201
    document_id = answer.json()["document_id"]
    assert answer.headers["location"] == f"/v1/documents/{document_id}"
    document = client.get(answer.headers["location"]).json()
    assert (document["status"], document["sha256"]) == ("awaiting_upload", None)
    key = answer.json()["upload"]["fields"]["key"]
    stack.store.put(key, PNG)
    stack.submission.accept_upload(key, len(PNG))
    assert client.get(answer.headers["location"]).json()["status"] == "queued"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"size_bytes": 0}, 422, "empty_file"),
        ({"size_bytes": -1}, 422, "invalid_option"),
        ({"size_bytes": 10**15}, 413, "file_too_large"),
        ({"size_bytes": "many"}, 422, "invalid_option"),
        ({"media_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"filename": "a\x00b"}, 422, "invalid_filename"),
        ({"filename": "/"}, 422, "invalid_filename"),
        ({"filename": "\ud800"}, 422, "invalid_option"),
        ({"engine": "crystal-ball"}, 422, "unknown_engine"),
        ({"pages": "3-1"}, 422, "invalid_page_range"),
        ({"region": "eu"}, 422, "unknown_option"),
        ({"metadata": "text"}, 422, "invalid_option"),
        ({"metadata": {"a": "\x00"}}, 422, "invalid_option"),
        ({"metadata": {"a": "\ud800"}}, 422, "invalid_option"),
        ({"filename": None}, 422, "invalid_option"),
    ],
)
def test_wrong_announcements_are_refused(client: httpx.Client, change: dict[str, Any], status: int, code: str) -> None:
    # As ASCII, for a lone surrogate can only be sent escaped.
    body = json.dumps(FILE | change)
    answer = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"filename": NaN}', b"[" * 100_000, b"1" * 10_000]
)
def test_what_is_no_json_object_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text


def test_what_is_missing_is_named(client: httpx.Client) -> None:
    problem = client.post(URL, json={"filename": "a.png"}).json()
    assert problem["code"] == "invalid_request"
    assert [error["field"] for error in problem["errors"]] == ["media_type", "size_bytes"]


def test_a_password_never_comes_back(client: httpx.Client) -> None:
    answer = client.post(URL, json=FILE | {"password": ["s3cret"], "priority": 99})
    assert answer.status_code == 422
    assert "s3cret" not in answer.text


def test_a_json_body_has_a_limit_too(client: httpx.Client) -> None:
    answer = client.post(URL, content=b" " * 300_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    chunks = (b" " * 10_000 for _ in range(40))
    answer = client.post(URL, content=chunks, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
