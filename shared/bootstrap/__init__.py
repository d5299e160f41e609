"""Settings -> wired services, once a process. Importing this module does nothing, and loads none of them.

A process loads what it uses when it first uses it: the relay never sees boto3, a question about a document never waits
for Celery.
"""

from __future__ import annotations

from functools import cache

from shared.bootstrap.documents import DocumentServices
from shared.bootstrap.messages import MessageServices
from shared.bootstrap.operating import OperatingServices


class Services(DocumentServices, MessageServices, OperatingServices):
    """Every service, made when first asked for with the settings it needs and no others."""


@cache
def services() -> Services:
    """The services of this process."""
    return Services()


def forget() -> None:
    """Close every client and forget it, with the secrets it was made from; the next use makes it anew."""
    services().close()
    services.cache_clear()


def abandon() -> None:
    """Forget every client without closing it: after a fork, open connections are the parent's."""
    made = services()
    if "database" in made.__dict__:
        made.database.engine.dispose(close=False)
    services.cache_clear()
