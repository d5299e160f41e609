"""Where messages go when a test wants to see them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.db.unit_of_work import Message
from shared.errors import BrokerUnavailable
from shared.models import EventRow


class Outgoing:
    """Takes messages in place of broker, queues and bus. While `down` it takes none; `calls` counts the tries.

    Attributes:
        sent: to the broker.
        light: to the queues of the light lane.
        events: to the bus.
    """

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.light: list[Message] = []
        self.events: list[EventRow] = []
        self.calls = 0
        self.down = False

    def __call__(self, message: Message) -> None:
        """Take one message.

        Raises:
            BrokerUnavailable: it is down.
        """
        self.calls += 1
        if self.down:
            text = "The broker is down, as the test wants it."
            raise BrokerUnavailable(text)
        self.sent.append(message)

    def take_light(self, messages: Sequence[Message]) -> list[UUID]:
        """Take messages of the light lane, all or none."""
        taken = [] if self.down else list(messages)
        self.light += taken
        return [message.task_id for message in taken]

    def take_events(self, events: Sequence[EventRow]) -> list[UUID]:
        """Take events, all or none."""
        taken = [] if self.down else list(events)
        self.events += taken
        return [event.id for event in taken]

    @property
    def names(self) -> list[str]:
        """The names of the messages taken, in order."""
        return [message.name for message in self.sent]
