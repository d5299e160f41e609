"""Textract's client, against an endpoint that answers on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from shared.adapters import textract
from shared.adapters.textract import Textract
from shared.errors import AnswerLost, EngineRefused, EngineUnavailable, EngineUnreachable, Throttled, TwolaneError
from tests.integration.shared.aws import point_at
from tests.support.aws_endpoint import HANG_UP, SILENCE, Answer, AwsEndpoint, Json, Reply, error
from tests.support.textract_blocks import page_blocks


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Patience for a fraction of a second, and a session without other credentials."""
    monkeypatch.setattr(textract, "SECONDS", 0.5)
    boto3.setup_default_session()
    yield
    boto3.setup_default_session()


def _always(reply: Reply | str | None) -> Answer:
    return lambda _operation, _asked: reply


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, answer: Answer | Json | Reply | str | None) -> Iterator[AwsEndpoint]:
    """An endpoint that answers so, which boto3 asks."""
    given = answer if callable(answer) else _always(Reply(body=answer) if isinstance(answer, dict) else answer)
    with AwsEndpoint(given) as endpoint:
        point_at(monkeypatch, endpoint)
        yield endpoint


def test_a_picture_goes_out_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = page_blocks(["Hello world"])
    with served(monkeypatch, {"Blocks": blocks}) as endpoint:
        assert Textract().detect(b"\x89PNG") == blocks
    assert endpoint.asked == [("DetectDocumentText", {"Document": {"Bytes": "iVBORw=="}})]


def test_a_stored_document_is_started_with_a_token_and_asked_for_by_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = page_blocks(["a"])
    answers: list[Json] = [
        {"JobId": "job-1"},
        {"JobStatus": "IN_PROGRESS"},
        {"JobStatus": "SUCCEEDED", "Blocks": blocks, "NextToken": "more"},
        {"JobStatus": "PARTIAL_SUCCESS", "Blocks": []},
        {"JobStatus": "FAILED", "StatusMessage": "UNSUPPORTED_DOCUMENT"},
    ]
    with served(monkeypatch, lambda *_: Reply(body=answers.pop(0))) as endpoint:
        client = Textract()
        assert client.start("bucket", "documents/1/source", "token-1") == "job-1"
        assert client.progress("job-1").state == "running"
        done = client.progress("job-1")
        assert (done.state, done.blocks, done.more) == ("done", blocks, "more")
        assert client.progress("job-1", "more") == textract.Progress("done", [], None)
        assert client.progress("job-1") == textract.Progress("failed", said="UNSUPPORTED_DOCUMENT")
    assert endpoint.asked[0] == (
        "StartDocumentTextDetection",
        {
            "DocumentLocation": {"S3Object": {"Bucket": "bucket", "Name": "documents/1/source"}},
            "ClientRequestToken": "token-1",
        },
    )
    assert endpoint.asked[3][1] == {"JobId": "job-1", "MaxResults": 1000, "NextToken": "more"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error("ThrottlingException"), Throttled),
        (error("ProvisionedThroughputExceededException"), Throttled),
        (error("LimitExceededException"), Throttled),
        (error("AccessDeniedException"), EngineUnavailable),
        (error("UnrecognizedClientException"), EngineUnavailable),
        (error("UnsupportedDocumentException"), EngineRefused),
        (error("BadDocumentException"), EngineRefused),
        (error("DocumentTooLargeException"), EngineRefused),
        (error("InternalServerError", 500), EngineUnreachable),
        (error("ServiceUnavailable", 503), EngineUnreachable),
        (error("BadGateway", 502), AnswerLost),
        (SILENCE, AnswerLost),
        (HANG_UP, AnswerLost),
        (Reply(body="<html>not JSON</html>"), AnswerLost),
        ({}, AnswerLost),
        ({"Blocks": None}, AnswerLost),
    ],
)
def test_failures_become_ours(
    monkeypatch: pytest.MonkeyPatch, answer: Json | Reply | str | None, kind: type[TwolaneError]
) -> None:
    with served(monkeypatch, answer) as endpoint:
        with pytest.raises(kind) as met:
            Textract().detect(b"picture")
        assert type(met.value) is kind
    # Whoever calls decides about another try: it costs money.
    assert len(endpoint.asked) == 1


def test_a_pause_is_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = error("ThrottlingException", 400, **{"Retry-After": "7"})
    with served(monkeypatch, busy), pytest.raises(Throttled) as met:
        Textract().detect(b"picture")
    assert met.value.retry_after == 7


def test_nobody_there_was_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch, {}):
        pass
    with pytest.raises(EngineUnreachable) as met:
        Textract().detect(b"picture")
    assert type(met.value) is EngineUnreachable
