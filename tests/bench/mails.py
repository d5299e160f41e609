"""Mail through one instance of `send_email`, as Lambda runs it: one message of SQS after the other.

As a program it is that instance: it makes messages, then does them and says how many a second.
`python -m tests.bench.mails NUMBER`, in the environment of a stack.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from infra.local.aws import MAIL_FROM
from infra.local.checks import HOST
from infra.local.layout import Layout
from tests.bench.bench import Api

BATCH = 1
"""Messages that the event source mapping hands over at once: `BatchSize` of the template."""

_NO_CONTEXT: Any = None


def per_second(api: Api, number: int) -> float:
    """Return how many mails a second one instance sends into the stack's mailbox."""
    # Without queues nothing takes the messages away before this instance gets them.
    ports = json.loads(Layout(Path(api.stack.data_dir)).ports.read_text())
    mail = {"MAIL_FROM": MAIL_FROM, "SMTP_URL": f"smtp://{HOST}:{ports['smtp']}", "MAIL_RATE": "0"}
    environment = {**os.environ, **api.stack.environment, **mail, "LIGHT_QUEUES": "{}"}
    command = [sys.executable, "-m", "tests.bench.mails", str(number)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    """Make so many messages, send them, print the rate."""
    from functions.send_email.handler import handler  # noqa: PLC0415  # in the environment of a stack alone
    from shared.bootstrap import services  # noqa: PLC0415  # likewise

    number = int(sys.argv[1])
    bodies = [_body(job_id, message_id) for job_id, message_id in _queued(number)]
    began = time.perf_counter()
    for start in range(0, number, BATCH):
        answer = handler(_event(bodies[start : start + BATCH]), _NO_CONTEXT)
        if answer["batchItemFailures"]:
            raise RuntimeError(f"messages failed: {answer}")
    seconds = time.perf_counter() - began
    if (unsent := _unsent()) > 0:
        raise RuntimeError(f"{unsent} messages were not sent")
    services().close()
    sys.stdout.write(f"{number / seconds}\n")
    return 0


def _queued(number: int) -> Iterator[tuple[UUID, UUID]]:
    """Messages of the oldest account, with their jobs."""
    from sqlalchemy import select  # noqa: PLC0415  # with the tables

    from shared.bootstrap import services  # noqa: PLC0415  # likewise
    from shared.contracts import SendEmail  # noqa: PLC0415  # likewise
    from shared.models import Account, MessageRow  # noqa: PLC0415  # likewise
    from shared.values import MessageKind  # noqa: PLC0415  # likewise

    with services().database.write() as work:
        account_id = work.session.scalars(select(Account.id).order_by(Account.created_at)).first()
        if account_id is None:
            raise RuntimeError("the stack has no account")
        for _ in range(number):
            message_id = uuid4()
            content = {"subject": "A measurement", "text": "One of many.", "html": None}
            row = MessageRow(
                id=message_id,
                account_id=account_id,
                kind=MessageKind.EMAIL,
                recipient="somebody@example.com",
                content=content,
            )
            work.session.add(row)
            job = SendEmail(message_id=message_id)
            yield work.send(job, key=f"{job.name}:{message_id}"), message_id


def _unsent() -> int:
    from sqlalchemy import func, select  # noqa: PLC0415  # with the tables

    from shared.bootstrap import services  # noqa: PLC0415  # likewise
    from shared.models import MessageRow  # noqa: PLC0415  # likewise
    from shared.values import MessageStatus  # noqa: PLC0415  # likewise

    with services().database.read() as session:
        count = select(func.count(MessageRow.id)).where(MessageRow.status != MessageStatus.SENT)
        return session.scalar(count) or 0


def _body(job_id: UUID, message_id: UUID) -> str:
    return json.dumps({"job_id": str(job_id), "name": "email.send", "payload": {"message_id": str(message_id)}})


def _event(bodies: Sequence[str]) -> dict[str, Any]:
    arn = "arn:aws:sqs:us-east-1:000000000000:email"
    common = {
        "receiptHandle": "-",
        "attributes": {},
        "messageAttributes": {},
        "md5OfBody": "",
        "awsRegion": "us-east-1",
    }
    record = {**common, "eventSource": "aws:sqs", "eventSourceARN": arn}
    return {"Records": [{**record, "messageId": str(uuid4()), "body": body} for body in bodies]}


if __name__ == "__main__":
    sys.exit(main())
