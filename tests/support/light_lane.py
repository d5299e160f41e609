"""What SQS gives to the functions of the light lane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import select

from shared.adapters.queues import body_of
from shared.bootstrap import Services, forget, services
from shared.contracts import Job
from shared.db.unit_of_work import Database, as_message
from shared.models import JobRow, OutboxRow


@contextmanager
def wired(environment: dict[str, str]) -> Iterator[Services]:
    """Services wired from the environment, as in a function; what they send waits in the outbox."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        services.cache_clear()
        made = services()
        yield made
        made.close()
        forget()


def bodies(database: Database, kind: type[Job]) -> list[str]:
    """The messages of one kind that wait in the outbox, as the queue gets them, oldest first."""
    query = select(OutboxRow, JobRow).join(JobRow, JobRow.id == OutboxRow.job_id).where(JobRow.name == kind.name)
    with database.read() as session:
        rows = session.execute(query.order_by(OutboxRow.created_at, OutboxRow.id))
        return [body_of(as_message(outbox, job)) for outbox, job in rows]


def sqs(*bodies: str) -> dict[str, Any]:
    """A batch; message ids are new."""
    records = [{"messageId": str(uuid4()), "eventSource": "aws:sqs", "body": body} for body in bodies]
    return {"Records": records}


def bus_event(kind: str, detail: dict[str, Any]) -> str:
    """What a rule of the event bus puts into a queue."""
    return json.dumps({"version": "0", "id": str(uuid4()), "source": "twolane", "detail-type": kind, "detail": detail})


def returned(answer: Any) -> int:
    """How many messages of a batch SQS shall give again."""
    return len(answer["batchItemFailures"])


def at_once(handler: Any, event: dict[str, Any], times: int = 5) -> list[Any]:
    """Deliver a batch several times at the same moment."""
    with ThreadPoolExecutor(times) as threads:
        return [call.result() for call in [threads.submit(handler, event, LambdaContext()) for _ in range(times)]]
