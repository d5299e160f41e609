"""Links that end bulk mail to an address. Whoever has the link may: only we can make one (RFC 8058)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from shared.db.unit_of_work import Database
from shared.errors import InvalidToken
from shared.services.suppressions import canonical, suppress
from shared.signatures import token, token_matches
from shared.values import SuppressedChannel

_PURPOSE = "unsubscribe"
REASON = "unsubscribed"


def link(key: bytes, public_url: str, address: str) -> str:
    """The link of an address.

    Args:
        key: the deployment's signing key.
        public_url: where the API answers.
        address: whose mail it ends.
    """
    listed = canonical(address)
    query = urlencode({"address": listed, "token": token(key, _PURPOSE, listed)})
    return f"{public_url.rstrip('/')}/unsubscribe?{query}"


class Unsubscribing:
    """Takes links back.

    Args:
        database: where the list is.
        key: gives the deployment's signing key, when one is asked for; None where nothing is signed.
    """

    def __init__(self, database: Database, key: Callable[[], bytes] | None) -> None:
        self._database = database
        self._key = key

    def check(self, address: str, given: str) -> None:
        """Look at a link; changes nothing.

        Raises:
            InvalidToken: it is none of ours.
        """
        if self._key is None or not token_matches(given, self._key(), _PURPOSE, canonical(address)):
            message = "This link is incomplete or none of ours; open it once more from the mail, whole."
            raise InvalidToken(message)

    def unsubscribe(self, address: str, given: str) -> None:
        """Send an address no more bulk mail; safe to repeat.

        Raises:
            InvalidToken: the link is none of ours.
        """
        self.check(address, given)
        with self._database.write() as work:
            suppress(work.session, SuppressedChannel.BULK_EMAIL, address, REASON)
