"""The event bus: EventBridge."""

from __future__ import annotations

import json
import logging
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

SECONDS = 2


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
        """Tell of events, ten at a time; return the ids of those that the bus took. The relay tells of the others."""
        taken: list[UUID] = []
        try:
            for batch in _batches(events):
                taken += self._put(batch)
        except TwolaneError as error:
            log.warning("the event bus took %d of %d events: %s", len(taken), len(events), error)
        return taken

    def _put(self, batch: Sequence[EventRow]) -> list[UUID]:
        with aws.our_errors("EventBridge", QueueUnavailable, QueueUnavailable):
            answer = self._client.put_events(Entries=[self._entry(event) for event in batch])
        taken = []
        for event, entry in zip(batch, answer["Entries"], strict=True):
            if "ErrorCode" in entry:
                log.warning("the event bus did not take an event: %s", entry["ErrorCode"])
            else:
                taken.append(event.id)
        return taken

    def _entry(self, event: EventRow) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event.type,
            "Time": event.occurred_at,
            "Resources": [str(event.subject)],
            "Detail": json.dumps(envelope(event)),
        }

    @property
    def _client(self) -> EventBridgeClient:
        with self._turn:
            if self._made is None:
                self._made = aws.client("events", seconds=SECONDS)
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


def _batches(events: Sequence[EventRow]) -> Iterator[Sequence[EventRow]]:
    for start in range(0, len(events), BATCH):
        yield events[start : start + BATCH]
