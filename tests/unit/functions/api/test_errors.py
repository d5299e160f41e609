"""Authentication, problems, request ids and headers: what every route has in common."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path

import httpx
import pytest

from functions.api import VERSION
from shared.services.documents import Documents
from shared.services.keys import NewKey
from tests.unit.functions.api.conftest import Connect

LIST = "/v1/documents"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer tl_unknown"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": ""},
        {"X-API-Key": "tl_unknown"},
        {"X-API-Key": b"\xff\xfe"},
    ],
)
def test_without_a_good_key_nothing_is_shown(connect: Connect, headers: dict[str, str]) -> None:
    answer = connect(None).get(LIST, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="twolane"'


def test_a_key_goes_in_either_header(connect: Connect, user: NewKey) -> None:
    assert connect(None).get(LIST, headers={"X-API-Key": user.secret}).status_code == 200
    assert connect(None).get(LIST, headers={"authorization": f"bearer {user.secret}"}).status_code == 200


def test_a_key_goes_beside_a_token_that_the_gateway_asked_for(connect: Connect, user: NewKey) -> None:
    token = {"Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}
    assert connect(None).get(LIST, headers=token | {"X-API-Key": user.secret}).status_code == 200
    assert connect(None).get(LIST, headers=token | {"X-API-Key": "tl_unknown"}).status_code == 401
    assert connect(None).get(LIST, headers=token).status_code == 401


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/documents", "/v1/documents/", "/health/", "/%00", "/v1/..%2f"])
def test_unknown_paths_are_problems(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() | {"detail": ""} == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "",
        "code": "not_found",
    }


def test_unknown_methods_are_problems(client: httpx.Client) -> None:
    answer = client.put(LIST)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"]


def test_the_unforeseen_is_logged_and_not_shown(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: object) -> None:
        message = "a secret inside"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(Documents, "list", explode)
    with caplog.at_level(logging.ERROR):
        answer = client.get(LIST, headers={"X-Request-ID": "trace-1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "trace-1" in answer.json()["detail"]
    assert answer.headers["x-request-id"] == "trace-1"
    assert "a secret inside" in caplog.text


def test_request_ids_are_taken_or_made(client: httpx.Client) -> None:
    assert client.get("/health", headers={"X-Request-ID": "abc-123"}).headers["x-request-id"] == "abc-123"
    made = {client.get("/health").headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    for wrong in ("a b", "x" * 129, "<script>", '"'):
        given = client.get("/health", headers={"X-Request-ID": wrong}).headers["x-request-id"]
        assert given != wrong
        assert len(given) == 32


def test_answers_are_neither_cached_nor_guessed_at(client: httpx.Client) -> None:
    headers = client.get(LIST).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_version_is_the_products() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION
