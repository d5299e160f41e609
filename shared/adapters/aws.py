"""Clients of AWS, made alike: short timeouts and few tries, for who calls decides about later ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    "LimitExceededException",
    "SendingPausedException",
    "KmsThrottled",
    "KMSThrottling",
}
"""Codes with which services say: not so fast."""

TOO_MANY_REQUESTS = 429

IN_PASSING = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}
"""Codes of 4xx answers that botocore, too, counts among those to ask again after."""


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


@contextmanager
def our_errors(
    what: str, unavailable: type[TwolaneError], refused: type[TwolaneError], unknown: type[TwolaneError] | None = None
) -> Iterator[None]:
    """Turn botocore's errors into ours.

    Args:
        what: the service, as it begins a sentence.
        unavailable: network, 5xx; what was asked for has certainly not been done.
        refused: 4xx, but for throttling, which is `Throttled`.
        unknown: the answer was lost after the question had left; without it that is `unavailable` too.
    """
    from botocore.exceptions import (  # noqa: PLC0415  # loaded with the client
        BotoCoreError,
        ClientError,
        HTTPClientError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415  # likewise

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", SERVER_ERROR)
        code = error.response.get("Error", {}).get("Code")
        if code in THROTTLED or status == TOO_MANY_REQUESTS:
            raise Throttled(f"{what} asks for a pause: {error}", retry_after=_pause(error.response)) from error
        if status >= SERVER_ERROR or code in IN_PASSING:
            raise unavailable(f"{what} does not answer as it should: {error}") from error
        raise refused(f"{what} refused: {error}") from error
    except (HTTPClientError, ResponseParserError) as error:
        # No answer, or none that can be read. That there was no connection is a ConnectionError, none of these.
        raise (unknown or unavailable)(f"{what} did not answer; it may have done what was asked: {error}") from error
    except BotoCoreError as error:
        raise unavailable(f"{what} does not answer: {error}") from error


def _pause(response: Any) -> float | None:
    """The seconds of `Retry-After`, where it came."""
    said = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(said) if said.isascii() and said.isdecimal() else None
