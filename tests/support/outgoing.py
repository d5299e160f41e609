"""Where messages go when a test wants to see them."""

from __future__ import annotations

from shared.db.unit_of_work import Message
from shared.errors import BrokerUnavailable


class Outgoing:
    """Takes messages in place of the broker. While `down` it takes none; `calls` counts the tries."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
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

    @property
    def names(self) -> list[str]:
        """The names of the messages taken, in order."""
        return [message.name for message in self.sent]
