"""Calls to receivers on this machine."""

from __future__ import annotations

from typing import Any

from shared.adapters.outbound import Outbound, Reply, Resolve
from shared.config import Outbound as Settings
from tests.support.hostile_urls import Resolver

ALLOWED = "127.0.0.2/32"
"""Where the tests' receivers are; 127.0.0.1 stays what it is, somebody's own machine."""

SECONDS = 0.5
"""What a call may take."""


def caller(resolve: Resolve | None = None, seconds: float = SECONDS, **more: Any) -> Outbound:
    """A client; `more` goes to `Outbound`."""
    settings = Settings(outbound_allowed_networks=ALLOWED, outbound_timeout_seconds=seconds)
    return Outbound(settings, resolve=resolve or Resolver(), **more)


def post(url: str, **how: Any) -> Reply:
    """Send a small JSON object; raises why a redirect was not followed."""
    reply = caller(**how).post(url, {"Content-Type": "application/json"}, b'{"a": 1}')
    if reply.refused is not None:
        raise reply.refused
    return reply
