"""What is wrong is said in words of this service, not of its libraries."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

MAIL = {"to": "ada@example.com", "subject": "Hello", "body": "there"}
NOTICE = {"title": "Hello", "body": "there"}
CONTROL = "holds a line break or control character; leave it out"
WEBHOOK = {"url": "https://example.com/hook", "events": ["document.completed"]}


@pytest.mark.parametrize(
    ("path", "body", "field", "sentence"),
    [
        ("emails", MAIL | {"body": " \n"}, "body", "is blank"),
        ("emails", MAIL | {"body": ""}, "body", "is blank"),
        ("emails", MAIL | {"html": "a\x00"}, "html", "holds a control character; leave it out"),
        ("emails", MAIL | {"attachments": [{"content": "YQ=="}]}, "attachments.0", "content needs a filename"),
        (
            "emails",
            MAIL | {"attachments": [{"filename": "a", "content": "YQ==", "content_type": "pdf"}]},
            "attachments.0.content_type",
            "is no media type, such as application/pdf",
        ),
        ("emails/verification", {"to": "a@example.com", "token": "a b"}, "token", "holds a space or what is not ASCII"),
        ("sms", {"to": "+4915112345678", "body": "\t"}, "body", "is blank"),
        ("notifications", NOTICE | {"title": " "}, "title", "is blank"),
        ("notifications", NOTICE | {"title": "a\nb"}, "title", CONTROL),
        ("notifications", NOTICE | {"title": "a\u2028b"}, "title", CONTROL),
        ("notifications", NOTICE | {"body": "\x07"}, "body", "holds a control character; leave it out"),
        ("webhooks", WEBHOOK | {"description": "a\nb"}, "description", CONTROL),
    ],
)
def test_an_error_is_a_sentence_that_people_understand(
    client: httpx.Client, path: str, body: dict[str, Any], field: str, sentence: str
) -> None:
    answer = client.post(f"/v1/{path}", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_option")
    assert problem["errors"] == [{"field": field, "message": sentence}]
    assert problem["detail"] == f"{field}: {sentence}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("emails", MAIL | {"body": "\ud83d"}),
        ("emails", MAIL | {"to": "\ud83d@example.com"}),
        ("emails", MAIL | {"subject": "\ud83d"}),
        ("emails", MAIL | {"attachments": [{"key": "attachments/\ud83d"}]}),
        ("emails", MAIL | {"attachments": [{"content": "\ud83d", "filename": "\ud83d"}]}),
        ("emails/bulk", {"recipients": ["\ud83d@example.com"], "subject": "Hello", "body": "there"}),
        ("notifications", NOTICE | {"title": "\ud83d"}),
        ("webhooks", WEBHOOK | {"description": "\ud83d"}),
    ],
)
def test_half_a_character_is_refused(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/v1/{path}", content=json.dumps(body), headers=headers)
    assert answer.status_code == 422, answer.text


def test_no_error_quotes_a_regular_expression(admin: httpx.Client) -> None:
    for answer in (
        admin.post("/v1/keys", json={"name": "a\nb"}),
        admin.post("/v1/uploads", json={}, headers={"Idempotency-Key": "a b"}),
    ):
        assert answer.status_code == 422
        assert "pattern" not in answer.text
        assert "Value error" not in answer.text
