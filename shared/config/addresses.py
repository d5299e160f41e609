"""Addresses that are checked when they are read: of stores, of models, of networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator


def _redis_url(value: str) -> str:
    """Accept `redis://`, or `rediss://` that verifies certificates: kombu does not unless the URL says so."""
    parts = urlsplit(value)
    if parts.scheme not in {"redis", "rediss"}:
        message = "must start with redis:// or rediss://"
        raise ValueError(message)
    if parts.scheme == "rediss" and parse_qs(parts.query).get("ssl_cert_reqs") != ["required"]:
        message = "a rediss:// URL must carry ?ssl_cert_reqs=required, or certificates are not verified"
        raise ValueError(message)
    return value


def _database_url(value: str) -> str:
    """Accept `sqlite:///PATH` and `postgresql://...`, the latter through psycopg 3."""
    if value.startswith("postgresql://"):
        return "postgresql+psycopg://" + value.removeprefix("postgresql://")
    if value.startswith(("postgresql+psycopg://", "sqlite:///")):
        return value
    message = "must start with postgresql:// or sqlite:///"
    raise ValueError(message)


def _networks(value: str) -> str:
    """Accept networks by comma, `10.0.0.0/8,fd00::/8`."""
    for part in value.split(","):
        if part.strip():
            ip_network(part.strip())
    return value


_PRIVATE_NAMES = (".internal", ".local", ".localhost", ".lan")
"""Ends of names that nobody outside can have."""


def _model_url(value: str) -> str:
    """Accept `https://`, and `http://` where pages and key stay inside: a private address, or a name of one label."""
    parts = urlsplit(value)
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"https", "http"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
        message = "must be like https://HOST/v1, without user, query or fragment"
        raise ValueError(message)
    if parts.scheme == "http" and not _inside(host):
        message = "must be https:// but for a private address or a name like vllm or vllm.internal: pages would be seen"
        raise ValueError(message)
    return value


def _inside(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)


RedisUrl = Annotated[str, AfterValidator(_redis_url)]


ModelUrl = Annotated[str, AfterValidator(_model_url)]


Networks = Annotated[str, AfterValidator(_networks)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
