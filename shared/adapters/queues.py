"""The queues of the light lane: SQS."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.adapters import aws
from shared.db.unit_of_work import MAX_DELAY, Message
from shared.errors import QueueUnavailable, TwolaneError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

log = logging.getLogger(__name__)

BATCH = 10
"""Messages that SQS takes at once."""

SECONDS = 2
"""To connect, and between two packets of an answer."""

ATTEMPTS = 2
"""Of a question: a connection that died unnoticed fails the first, and what is said twice does no harm."""

PATIENCE_SECONDS = 3
"""After so long nothing more is begun: somebody waits for an answer whose work is committed, and the relay is there."""


class Queues:
    """Sends messages to the queues that this process knows.

    Args:
        urls: of queues, by name.
    """

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._turn = Lock()
        self._made: SQSClient | None = None

    def publish(self, messages: Sequence[Message]) -> list[UUID]:
        """Send messages, ten at a time; return the task ids of those that were taken. The relay sends the others.

        A queue that takes nothing is not in the way of another, unless it is by silence: all of it takes
        `PATIENCE_SECONDS` and one more question at most, which is silent for `ATTEMPTS` times `SECONDS` and the second
        in between.
        """
        taken: list[UUID] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        for queue in dict.fromkeys(message.queue for message in messages):
            # Whoever may not send there leaves it to the relay.
            if queue in self._urls:
                of_queue = [message for message in messages if message.queue == queue]
                taken += self._send_all(queue, of_queue, deadline)
        return taken

    def knows(self, queue: str) -> bool:
        """Whether this process may send to a queue."""
        return queue in self._urls

    def send_body(self, queue: str, body: str) -> None:
        """Send a message as it once was.

        Raises:
            QueueUnavailable: it was not taken, or nobody can tell; Throttled: not now.
            KeyError: this process knows no such queue.
        """
        url = self._urls[queue]
        with aws.our_errors("SQS", QueueUnavailable, QueueUnavailable):
            self._client.send_message(QueueUrl=url, MessageBody=body)

    def _send_all(self, queue: str, messages: Sequence[Message], deadline: float) -> list[UUID]:
        taken: list[UUID] = []
        try:
            for batch in _batches(messages):
                if time.monotonic() > deadline:
                    log.warning("the queue %s was asked to take %d of %d messages", queue, len(taken), len(messages))
                    break
                taken += self._send(queue, batch)
        except TwolaneError as error:
            log.warning("the queue %s took %d of %d messages: %s", queue, len(taken), len(messages), error)
        return taken

    def _send(self, queue: str, batch: Sequence[Message]) -> list[UUID]:
        entries = [_entry(message) for message in batch]
        with aws.our_errors("SQS", QueueUnavailable, QueueUnavailable):
            answer = self._client.send_message_batch(QueueUrl=self._urls[queue], Entries=entries)
        for failed in answer.get("Failed", []):
            log.warning("the queue %s did not take a message: %s", queue, failed.get("Code"))
        return [UUID(entry["Id"]) for entry in answer.get("Successful", [])]

    @property
    def _client(self) -> SQSClient:
        with self._turn:
            if self._made is None:
                self._made = aws.client("sqs", seconds=SECONDS, attempts=ATTEMPTS)
            return self._made


def body_of(message: Message) -> str:
    """What a message says: which job, and what that is about."""
    said: dict[str, Any] = {
        "job_id": str(message.job_id),
        "name": message.name,
        "payload": message.payload,
        "correlation_id": message.correlation_id,
    }
    return json.dumps(said)


def _entry(message: Message) -> SendMessageBatchRequestEntryTypeDef:
    wait = (message.available_at - datetime.now(UTC)).total_seconds()
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(message.task_id),
        "MessageBody": body_of(message),
        # Rounded up: what came early would find its job still backing off.
        "DelaySeconds": min(max(math.ceil(wait), 0), int(MAX_DELAY.total_seconds())),
    }
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    return entry


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), BATCH):
        yield messages[start : start + BATCH]
