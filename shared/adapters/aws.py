"""Clients of AWS, made alike: short timeouts and few tries, for who calls decides about later ones."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLCertVerificationError
from typing import Any

from shared.errors import Throttled, TwolaneError

SERVER_ERROR = 500

THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "Throttled",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "SendingPausedException",
    "KmsThrottled",
    "KMSThrottling",
}
"""Codes with which services say: not so fast."""

TOO_MANY_REQUESTS = 429

IN_PASSING = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}
"""Codes of 4xx answers that botocore, too, counts among those to ask again after."""

FROM_IN_BETWEEN = {502, 504}
"""Statuses with which a gateway says that it has lost the service behind it, which may have done what was asked."""

IDLE_SECONDS = 3.0
"""After so long a connection counts as old. Services close theirs after some seconds, NAT gateways forget them after
350, and a function that was frozen meanwhile learns of it with its next question, whose fate is then unknown."""


def client(service: str, *, seconds: float, attempts: int = 1) -> Any:
    """A client; boto3 finds region, credentials and endpoint. Importing boto3 waits for the first.

    Args:
        service: boto3's name of it.
        seconds: to connect, and between two packets of an answer.
        attempts: tries of one call, the first included.
    """
    import boto3  # noqa: PLC0415  # 0.2 s that many a cold start does without
    from botocore.config import Config  # noqa: PLC0415  # likewise

    config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": attempts})
    # The stubs know a client by its literal name only.
    make: Any = boto3.client
    return make(service, config=config)


class Connections:
    """Keeps what must not be asked twice from old connections: a question lost on one of those would stay open."""

    def __init__(self) -> None:
        self._used_at = 0.0

    @contextmanager
    def young(self, client: Any) -> Iterator[None]:
        """Ask with a client; connections that have lain idle are dropped first.

        By the wall clock: the monotonic one may stand still while a function is frozen.
        """
        if not 0 <= time.time() - self._used_at < IDLE_SECONDS:
            # Of the connections only those that are not in use; the client makes new ones.
            client.close()
        try:
            yield
        finally:
            self._used_at = time.time()


@contextmanager
def our_errors(
    what: str, unavailable: type[TwolaneError], refused: type[TwolaneError], unknown: type[TwolaneError] | None = None
) -> Iterator[None]:
    """Turn botocore's errors into ours.

    Args:
        what: the service, as it begins a sentence.
        unavailable: no connection, 5xx of the service itself; what was asked for has certainly not been done.
        refused: 4xx, but for throttling, which is `Throttled`.
        unknown: the answer was lost after the question had left, or is one of `FROM_IN_BETWEEN`; without it that is
            `unavailable` too.
    """
    from botocore.exceptions import (  # noqa: PLC0415  # loaded with the client
        BotoCoreError,
        ClientError,
        HTTPClientError,
        SSLError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415  # likewise

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", SERVER_ERROR)
        code = error.response.get("Error", {}).get("Code")
        if code in THROTTLED or status == TOO_MANY_REQUESTS:
            raise Throttled(f"{what} asks for a pause: {error}", retry_after=_pause(error.response)) from error
        if status in FROM_IN_BETWEEN and unknown:
            raise unknown(f"{what} was answered for; it may have done what was asked: {error}") from error
        if status >= SERVER_ERROR or code in IN_PASSING:
            raise unavailable(f"{what} does not answer as it should: {error}") from error
        raise refused(f"{what} refused: {error}") from error
    except (HTTPClientError, ResponseParserError, SSLError) as error:
        # No answer, or none that can be read. That there was no connection is another ConnectionError than SSLError.
        if _in_the_handshake(error):
            raise unavailable(f"{what} can't be reached: {error}") from error
        raise (unknown or unavailable)(f"{what} did not answer; it may have done what was asked: {error}") from error
    except BotoCoreError as error:
        raise unavailable(f"{what} does not answer: {error}") from error


def _pause(response: Any) -> float | None:
    """The seconds of `Retry-After`, where it came."""
    said = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(said) if said.isascii() and said.isdecimal() else None


def _in_the_handshake(error: Exception) -> bool:
    """Whether a connection failed while TLS was being agreed upon, and so before any question had left."""
    # What urllib3 met, and what is behind that. botocore's own context is not looked at: a failure that somebody is
    # handling may be in there.
    behind: list[Any] = [getattr(error, "kwargs", {}).get("error")]
    while behind:
        met = behind.pop()
        if isinstance(met, SSLCertVerificationError):
            return True
        if isinstance(met, BaseException):
            if any(frame.f_code.co_name == "do_handshake" for frame, _ in traceback.walk_tb(met.__traceback__)):
                return True
            behind += [*met.args, met.__cause__]
    return False
