"""What a SnapStart snapshot holds, and what of it is left behind when a function wakes up from it.

In the snapshot: every module that a request needs. Not in it: a connection, for its other end will be gone; a secret,
for it may have been rotated; and anything drawn from a random generator, for every function that is restored has the
same. psycopg's wheel brings an OpenSSL of its own, which knows nothing of snapshots: so nothing speaks TLS to the
database before one is taken.
"""

from __future__ import annotations

import random
from importlib import import_module

from snapshot_restore_py import register_after_restore, register_before_snapshot

from shared.bootstrap import forget, services

LOADED_WITH_FIRST_USE = (
    "anyio._backends._asyncio",
    "celery.app.amqp",
    "celery.app.events",
    "celery.backends.base",
    "celery.events",
    "celery.loaders.app",
    "encodings.idna",
    "kombu.transport.redis",
    "psycopg",
    "shared.adapters.broker",
    "shared.adapters.secrets",
    "shared.services.documents",
    "shared.services.idempotency",
    "shared.services.keys",
    "shared.services.submission",
)
"""What our code, and the libraries it stands on, import when they are first used; a test finds what is missing."""


def register() -> None:
    """Have Lambda call the two below, each at its time; where there are no snapshots nobody calls them."""
    register_before_snapshot(load)
    register_after_restore(wake)


def load() -> None:
    """Import what the first requests would have to, half a second of it, and leave no connection open."""
    from sqlalchemy.orm import configure_mappers  # noqa: PLC0415  # importing it is what this function is for

    for name in LOADED_WITH_FIRST_USE:
        import_module(name)
    configure_mappers()
    # The description of S3 takes longest to read; the next client finds it in memory.
    services().store.open()
    forget()


def wake() -> None:
    """Begin anew: clients are made with their first use, from secrets as they are now."""
    forget()
    random.seed()
