"""The note in Redis that says: nothing is open in the database."""

from __future__ import annotations

from shared.adapters.redis import asking
from shared.contracts import DOZE_KEY, KEY_PREFIX

EXPECTED = b""
"""Stands in place of a note while somebody looks whether one can be left."""

LOOKING_SECONDS = 60
"""How long that may take."""

_KEY = f"{KEY_PREFIX}{DOZE_KEY}"


class DozeNote:
    """A short text that goes with the next message sent, with a flush, and after its time.

    `Broker.send` deletes the key before every message. A note can only be left where the key still is since `expect`,
    so none outlives a message that was sent while its writer looked at the database.

    Args:
        redis_url: the broker's.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url

    def read(self) -> str | None:
        """The note; None where there is none.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with asking(self._redis_url) as redis:
            note = redis.get(_KEY)
        return note.decode() if isinstance(note, bytes) and note != EXPECTED else None

    def expect(self) -> None:
        """Say that one looks now; a note that stood is gone.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with asking(self._redis_url) as redis:
            redis.set(_KEY, EXPECTED, ex=LOOKING_SECONDS)

    def leave(self, note: str, seconds: int) -> bool:
        """Leave a note for so many seconds; False where a message was sent since `expect`.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with asking(self._redis_url) as redis:
            return bool(redis.set(_KEY, note, ex=seconds, xx=True))
