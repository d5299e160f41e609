"""Questions to the broker's Redis, beside the messages Celery sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.errors import BrokerUnavailable

SECONDS = 1.0
"""Connect and socket timeout; the defaults wait for ever on a silent Redis."""


@contextmanager
def asking(redis_url: str) -> Iterator[Redis]:
    """Connect for a few questions; each is asked once.

    Raises:
        BrokerUnavailable: there was no answer within about a second.
    """
    patience = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    try:
        with Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0), **patience) as redis:
            yield redis
    except RedisError as error:
        message = f"The broker does not answer: {error}"
        raise BrokerUnavailable(message) from error
