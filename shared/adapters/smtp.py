"""Mail: any SMTP server, in place of SES."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable, Throttled, TwolaneError

SECONDS = 8
"""Between two packets."""

GREYLISTED_SECONDS = 60
"""When to come back to a server that does not take mail for an address yet: most that say so mean a minute or more."""

_PORTS = {"smtp": 587, "smtps": 465}
"""Of submission; from a function, port 25 leads nowhere.
https://datatracker.ietf.org/doc/html/rfc8314#section-3.3"""

_OK = 250
_WILL_FORWARD = 251
_CLOSING = 421
_FOR_GOOD = 500


class Smtp:
    """Hands mails to a mail server, each over a connection of its own.

    Encrypted from the start (`smtps`), else as soon as the server offers it (STARTTLS); its certificate is verified.

    Args:
        url: `smtp://[USER:PASSWORD@]HOST[:PORT]` or `smtps://...`; without a port 587, or 465.
    """

    name = "smtp"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._encrypted = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or _PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")

    def send(self, sender: str, to: str, raw: bytes) -> None:
        """Hand over a mail, encoded as it shall travel. The server gives it no id that we would hear of again.

        Args:
            sender: `Name <address>` or an address.
            to: one address.
            raw: headers and body.

        Raises:
            OutcomeUnknown: the connection was lost after the mail had left; it may be on its way.
            ProviderUnavailable: it was not taken; Throttled: not now.
            ProviderRefused: it never will be.
        """
        _, address = parseaddr(sender)
        with self._connected(address.rpartition("@")[2]) as server:
            _check(*server.mail(address, [f"size={len(raw)}"] if server.has_extn("size") else []))
            _check_recipient(*server.rcpt(to))
            try:
                code, said = server.data(raw)
            except smtplib.SMTPDataError as error:
                # It did not want to hear it.
                raise _refusal(error.smtp_code, error.smtp_error) from error
            except (smtplib.SMTPException, OSError) as error:
                raise OutcomeUnknown(f"The mail server was lost; it may have taken the mail: {error}") from error
            if code < 0:
                raise OutcomeUnknown(f"The mail server's answer can't be understood: {said!r}")
            _check(code, said)

    @contextmanager
    def _connected(self, local_name: str) -> Iterator[smtplib.SMTP]:
        """A connection that is ready for a mail. Whatever fails before the mail has left means that it was not sent."""
        try:
            server = self._open(local_name)
        except (smtplib.SMTPException, OSError) as error:
            raise _not_reached(error) from error
        try:
            yield server
        except (smtplib.SMTPException, OSError) as error:
            raise _not_reached(error) from error
        finally:
            # What was said has been said; a farewell changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _open(self, local_name: str) -> smtplib.SMTP:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        # With a name of our own, smtplib does not ask DNS for this machine's.
        if self._encrypted:
            server = smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=local_name, timeout=SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, local_hostname=local_name, timeout=SECONDS)
        try:
            self._greet(server, context)
        except BaseException:
            server.close()
            raise
        return server

    def _greet(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = self._encrypted
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            encrypted = True
        if not self._user:
            return
        if not encrypted:
            raise ProviderUnavailable(
                f"The mail server {self._host} offers no TLS, and a password is not sent without; use smtps:// or a "
                "server with STARTTLS in SMTP_URL."
            )
        server.login(self._user, self._password)


def _check(code: int, said: bytes) -> None:
    """Pass what the server took.

    Raises:
        ProviderUnavailable, ProviderRefused: it did not take it.
    """
    if code != _OK:
        raise _refusal(code, said)


def _check_recipient(code: int, said: bytes) -> None:
    """Pass a recipient that the server takes mail for; one that it does not take yet is no fault of the server's."""
    if code == _WILL_FORWARD:
        return
    if _OK < code < _FOR_GOOD and code != _CLOSING:
        raise Throttled(
            f"The mail server does not take mail for this address yet: {_text(code, said)}",
            retry_after=GREYLISTED_SECONDS,
        )
    _check(code, said)


def _refusal(code: int, said: bytes | str) -> TwolaneError:
    if code >= _FOR_GOOD:
        return ProviderRefused(f"The mail server refused: {_text(code, said)}")
    return ProviderUnavailable(f"The mail server does not take it now: {_text(code, said)}")


def _not_reached(error: Exception) -> TwolaneError:
    return ProviderUnavailable(f"The mail server can't be used: {error}")


def _text(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {text}"[:500]
