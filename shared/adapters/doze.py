"""The note in Redis that says: nothing is open in the database."""

from __future__ import annotations

from uuid import uuid4

from shared.adapters.redis import asking
from shared.contracts import DOZE_KEY, KEY_PREFIX

EXPECTED = b"?"
"""Begins what stands in place of a note while somebody looks whether one can be left; who looks, the rest says."""

LOOKING_SECONDS = 60
"""How long that may take."""

_LEAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""

_KEY = f"{KEY_PREFIX}{DOZE_KEY}"


class DozeNote:
    """A short text that goes with the next message sent, with a flush, and after its time.

    `Broker.send` deletes the key before every message. A note can only be left by who expected it last, where nothing
    was sent since: so none outlives a message that was sent while its writer looked at the database, however many look.

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
        return note.decode() if isinstance(note, bytes) and not note.startswith(EXPECTED) else None

    def remove(self) -> None:
        """Remove the note, and the place of who looks now whether one can be left.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with asking(self._redis_url) as redis:
            redis.delete(_KEY)

    def expect(self) -> bytes:
        """Say that one looks now, and return what `leave` needs; a note that stood is gone.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        token = EXPECTED + uuid4().bytes
        with asking(self._redis_url) as redis:
            redis.set(_KEY, token, ex=LOOKING_SECONDS)
        return token

    def leave(self, token: bytes, note: str, seconds: int) -> bool:
        """Leave a note for so many seconds; False where a message was sent, or somebody else looked, since `expect`.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with asking(self._redis_url) as redis:
            return bool(redis.eval(_LEAVE, 1, _KEY, token, note, seconds))
