"""The function behind the dead-letter queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._runtime import require
from functions.record_dead_letter.handler import handler
from infra.migrations.run import upgrade
from shared.bootstrap import Services, services
from shared.config import ConfigurationError
from shared.contracts import SendEmail
from shared.models import JobStatus
from shared.services.retries import PATIENCE_WITH_OURSELVES
from shared.values import DeadLetterFilter
from tests.support.rows import Rows

EVENT = json.loads((Path(__file__).parents[2] / "events" / "record_dead_letter.json").read_text())
ARN = "arn:aws:sqs:us-east-1:123456789012"


@pytest.fixture
def wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services wired from what this function has in its environment, and no more."""
    url = f"sqlite:///{tmp_path}/twolane.db"
    upgrade(url)
    monkeypatch.setenv("DATABASE_URL", url)
    queues = {"email": f"{ARN}:twolane-EmailDeadLetters", "ingest": f"{ARN}:twolane-IngestDeadLetters"}
    monkeypatch.setenv("DEAD_LETTER_QUEUES", json.dumps(queues))
    for name in ("REDIS_URL", "LIGHT_QUEUES", "DOCUMENTS_BUCKET", "EVENT_BUS_NAME"):
        monkeypatch.delenv(name, raising=False)
    services.cache_clear()
    require.cache_clear()
    wired = services()
    yield wired
    if "database" in vars(wired):
        wired.database.close()
    services.cache_clear()
    require.cache_clear()


def record(body: str, queue: str, message_id: str = "m-1") -> dict[str, Any]:
    """A message of a dead-letter queue, as SQS gives it."""
    attributes = {"ApproximateReceiveCount": "6", "SentTimestamp": "1763719200000"}
    given = {"messageId": message_id, "body": body, "attributes": attributes}
    return {**given, "eventSource": "aws:sqs", "eventSourceARN": f"{ARN}:{queue}"}


def listed(wired: Services) -> dict[str, Any]:
    """The dead letters, by queue."""
    rows, _ = wired.dead_letters.list(DeadLetterFilter(), 50)
    return {row.queue: row for row in rows}


def test_a_batch_becomes_dead_letters_of_the_queues_it_came_from(wired: Services) -> None:
    rows = Rows(wired.database)
    # Its last attempt was lost on the way.
    job_id = rows.job(SendEmail(message_id=rows.message()), faults=PATIENCE_WITH_OURSELVES - 1)
    records = [
        record(json.dumps({"job_id": str(job_id)}), "twolane-EmailDeadLetters", "a"),
        record('{"detail-type": "Object Created"}', "twolane-IngestDeadLetters", "b"),
        record("{", "somebody-elses", "c"),
    ]
    for _ in range(2):
        assert handler({"Records": records}, LambdaContext()) == {"batchItemFailures": []}
    found = listed(wired)
    assert found.keys() == {"email", "ingest", "somebody-elses"}
    assert (found["email"].id, rows.get_job(job_id).status) == (job_id, JobStatus.FAILED)
    assert (found["ingest"].attempts, found["ingest"].first_failed_at.year) == (6, 2025)


def test_the_recorded_event_becomes_a_dead_letter(wired: Services) -> None:
    assert handler(EVENT, LambdaContext()) == {"batchItemFailures": []}
    [letter] = listed(wired).values()
    assert letter.payload["body"] == EVENT["Records"][0]["body"]


def test_what_cannot_be_written_comes_again(wired: Services) -> None:
    Path(wired.database.engine.url.database or "").write_bytes(b"no database any more")
    answer = handler({"Records": [record("{}", "x", "a"), record("{}", "x", "b")]}, LambdaContext())
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["a", "b"]


def test_without_a_database_it_says_what_is_missing(wired: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wired
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        handler({"Records": []}, LambdaContext())
