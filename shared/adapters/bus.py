"""The event bus: EventBridge."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.adapters import aws
from shared.errors import QueueUnavailable, TwolaneError
from shared.events import SOURCE
from shared.models import EventRow

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

log = logging.getLogger(__name__)

BATCH = 10
"""Events that EventBridge takes at once."""

BATCH_BYTES = 200_000
"""Of a call's events together EventBridge takes 256 KB, names and times included."""

SECONDS = 2
"""To connect, and between two packets of an answer."""

ATTEMPTS = 2
"""Of a question: a connection that died unnoticed fails the first, and what is said twice does no harm."""

PATIENCE_SECONDS = 3
"""After so long nothing more is begun: somebody waits for an answer whose work is committed, and the relay is there."""


class Bus:
    """Tells what happened.

    Args:
        name: of the bus.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = Lock()
        self._made: EventBridgeClient | None = None

    def publish(self, events: Sequence[EventRow]) -> list[UUID]:
        """Tell of events, ten at a time; return the ids of those that the bus took. The relay tells of the others.

        This takes `PATIENCE_SECONDS` and one more question at most, which is silent for `ATTEMPTS` times `SECONDS` and
        the second in between.
        """
        taken: list[UUID] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            for batch in _batches(events):
                if time.monotonic() > deadline:
                    log.warning("the event bus was asked to take %d of %d events", len(taken), len(events))
                    break
                taken += self._put(batch)
        except TwolaneError as error:
            log.warning("the event bus took %d of %d events: %s", len(taken), len(events), error)
        return taken

    def _put(self, batch: Sequence[tuple[EventRow, str]]) -> list[UUID]:
        with aws.our_errors("EventBridge", QueueUnavailable, QueueUnavailable):
            answer = self._client.put_events(Entries=[self._entry(event, detail) for event, detail in batch])
        taken = []
        # An answer that says nothing of an event has not taken it.
        for (event, _), entry in zip(batch, answer.get("Entries", ()), strict=False):
            if "ErrorCode" in entry:
                log.warning("the event bus did not take an event: %s", entry["ErrorCode"])
            else:
                taken.append(event.id)
        return taken

    def _entry(self, event: EventRow, detail: str) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event.type,
            "Time": event.occurred_at,
            "Resources": [str(event.subject)],
            "Detail": detail,
        }

    @property
    def _client(self) -> EventBridgeClient:
        with self._turn:
            if self._made is None:
                self._made = aws.client("events", seconds=SECONDS, attempts=ATTEMPTS)
            return self._made


def envelope(event: EventRow) -> dict[str, Any]:
    """An event as subscribers get it: `detail` on the bus, and the body of a webhook's delivery."""
    return {
        "id": str(event.id),
        "type": event.type,
        "version": event.version,
        "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "account_id": str(event.account_id),
        "data": event.data,
    }


def _batches(events: Sequence[EventRow]) -> Iterator[Sequence[tuple[EventRow, str]]]:
    """Events with what is told of each; as many at once as fit."""
    batch: list[tuple[EventRow, str]] = []
    size = 0
    for event in events:
        detail = json.dumps(envelope(event), ensure_ascii=False)
        grown = size + len(detail.encode())
        if batch and (len(batch) == BATCH or grown > BATCH_BYTES):
            yield batch
            batch, grown = [], grown - size
        batch.append((event, detail))
        size = grown
    if batch:
        yield batch
