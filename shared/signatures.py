"""Signatures of what leaves here: how they are made, and how a receiver checks them. Standard library only.

A webhook's delivery carries `Twolane-Timestamp` (seconds since 1970) and `Twolane-Signature`, which is
`KEY_ID=HEX[, KEY_ID=HEX]`: HMAC-SHA256 of `TIMESTAMP.BODY`, once for each secret that is live. Receivers may copy
`verify` as it stands.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TIMESTAMP_HEADER = "Twolane-Timestamp"
SIGNATURE_HEADER = "Twolane-Signature"

SECRET_PREFIX = "whsec_"  # noqa: S105  # no secret, but how one begins
"""Of a webhook's secret: lets scanners recognise one that got where it should not be."""

TOLERANCE_SECONDS = 300
"""How old a delivery may be: an older one is somebody's copy."""

LONGEST_TIMESTAMP = 12
"""Digits: until the year 33658; a header of thousands is no number to Python."""


def derive(key: bytes, *names: str) -> str:
    """Derive a secret from the deployment's key: the same names give the same secret, which so needs no storing.

    Args:
        key: known to this deployment alone.
        names: what the secret is for.
    """
    return base64.urlsafe_b64encode(_mac(key, "\n".join(names).encode())).decode().rstrip("=")


def webhook_secret(key: bytes, webhook_id: str, key_id: str) -> str:
    """The secret that a webhook's deliveries are signed with, by the deployment's key."""
    return SECRET_PREFIX + derive(key, "webhook", webhook_id, key_id)


def sign(secrets: Mapping[str, str], timestamp: int, body: bytes) -> str:
    """The signature header of a body.

    Args:
        secrets: those that are live, by key id.
        timestamp: seconds since 1970.
        body: as it is sent, to the byte.
    """
    return ", ".join(f"{key_id}={_hex(secret, timestamp, body)}" for key_id, secret in secrets.items())


def verify(secrets: Mapping[str, str], headers: Mapping[str, str], body: bytes, now: float | None = None) -> bool:
    """Whether a delivery is genuine and fresh.

    Args:
        secrets: the receiver's, by key id; during a rotation there may be two.
        headers: of the request, whatever their case.
        body: as it came, to the byte: parsed and written out again it would be another.
        now: seconds since 1970; the clock's if not given.
    """
    given = {name.lower(): value for name, value in headers.items()}
    timestamp = given.get(TIMESTAMP_HEADER.lower(), "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIMESTAMP):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = dict(part.strip().partition("=")[::2] for part in given.get(SIGNATURE_HEADER.lower(), "").split(","))
    return any(
        hmac.compare_digest(_hex(secret, int(timestamp), body).encode(), signed[key_id].encode(errors="replace"))
        for key_id, secret in secrets.items()
        if key_id in signed
    )


def token(key: bytes, *names: str) -> str:
    """A token for a link that only we can make; `names` say what it allows, and travel beside it."""
    return derive(key, "token", *names)


def token_matches(given: str, key: bytes, *names: str) -> bool:
    """Whether a token is the one for these names."""
    return hmac.compare_digest(given.encode(errors="replace"), token(key, *names).encode())


def _hex(secret: str, timestamp: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
