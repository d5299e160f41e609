"""The functions behind queues and schedules: an event in, one call, an answer out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest import handler as ingest
from functions.relay_outbox import handler as relay_outbox
from infra.migrations.run import upgrade
from shared.bootstrap import Services, services
from shared.models import Document, DocumentStatus
from shared.services.options import DocumentOptions
from tests.support.redis import RedisServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture
def wired(
    tmp_path: Path, redis_server: RedisServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """Services wired from the environment, as in a function."""
    url = f"sqlite:///{tmp_path}/twolane.db"
    upgrade(url)
    for name, value in {"DATABASE_URL": url, "REDIS_URL": redis_server.url, "DOCUMENTS_BUCKET": bucket}.items():
        monkeypatch.setenv(name, value)
    services.cache_clear()
    yield services()
    services().database.engine.dispose()
    services.cache_clear()


def announced(wired: Services) -> Document:
    """A document that waits for its bytes."""
    account = wired.keys.create(account="someone", name="test", role="user").account
    return wired.submission.announce(account.id, "a.png", "image/png", len(PNG), DocumentOptions()).document


def uploads(*keys: str) -> dict[str, Any]:
    """What SQS gives for the S3 events of these objects; message ids are the keys."""
    bodies = {key: {"detail-type": "Object Created", "detail": {"object": {"key": key, "size": 32}}} for key in keys}
    records = [{"messageId": key, "eventSource": "aws:sqs", "body": json.dumps(body)} for key, body in bodies.items()]
    return {"Records": records}


def returned(answer: Any) -> list[str]:
    """The message ids that SQS shall give again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def status_of(wired: Services, document: Document) -> DocumentStatus:
    """The document's status now."""
    return wired.documents.get(document.account_id, document.id).status


def test_an_upload_queues_its_document(wired: Services) -> None:
    document = announced(wired)
    wired.store.put(document.source_key, PNG)
    assert returned(ingest.handler(uploads(document.source_key), LambdaContext())) == []
    assert status_of(wired, document) == DocumentStatus.QUEUED


def test_only_the_upload_that_failed_comes_again(wired: Services) -> None:
    lost, document = announced(wired), announced(wired)
    wired.store.put(document.source_key, PNG)
    event = uploads(lost.source_key, document.source_key)
    assert returned(ingest.handler(event, LambdaContext())) == [lost.source_key]
    assert status_of(wired, document) == DocumentStatus.QUEUED


def test_a_message_that_failed_says_why_in_the_log(wired: Services, caplog: pytest.LogCaptureFixture) -> None:
    lost = announced(wired)
    ingest.handler(uploads(lost.source_key), LambdaContext())
    [record] = [record for record in caplog.records if record.message == "a message failed and will come again"]
    assert vars(record)["message_id"] == lost.source_key
    assert record.exc_info is not None


def test_a_batch_that_fails_as_a_whole_comes_again_as_a_whole(wired: Services) -> None:
    event = uploads(announced(wired).source_key)
    event["Records"].append({"messageId": "garbage", "eventSource": "aws:sqs", "body": "{"})
    failed = returned(ingest.handler(event, LambdaContext()))
    assert failed == [record["messageId"] for record in event["Records"]]


def test_an_object_nobody_waits_for_is_no_failure(wired: Services) -> None:
    assert wired
    assert returned(ingest.handler(uploads("uploads/unknown/source"), LambdaContext())) == []


def test_the_relay_says_what_it_moved(wired: Services) -> None:
    assert wired
    assert relay_outbox.handler({}, LambdaContext()) == {"published": 0, "recovered": 0, "resent": 0}
