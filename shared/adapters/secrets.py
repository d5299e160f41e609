"""Credentials from Secrets Manager, joined with the URL they belong to.

Where they live, environments and templates hold the secret's ARN alone. They are read when a process first connects:
one that started before a rotation has to be started again.
"""

from __future__ import annotations

import json
import time
from threading import Lock
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from shared.config import Broker, ConfigurationError, Database, Signing
from shared.errors import BrokerUnavailable, DatabaseUnavailable, EngineUnreachable, QueueUnavailable, Transient


class Patience(NamedTuple):
    """How long a question to Secrets Manager may take: connect and read timeout of each attempt."""

    seconds: float
    attempts: int


AT_START = Patience(seconds=3, attempts=3)
WITHIN_A_REQUEST = Patience(seconds=1, attempts=1)

BELIEVED_SECONDS = 5
"""How long a Secrets Manager that did not answer is not asked again while requests wait."""

_BUSY = {"ThrottlingException"}
"""Codes of errors below 500 that are over in a while."""

_FAILED = 500


def database_url(settings: Database) -> str:
    """Return the database's URL, complete.

    Raises:
        ConfigurationError: this process may not read the secret, or it is not of the form it should have.
        DatabaseUnavailable: Secrets Manager does not answer.
    """
    url, arn = settings.database_url, settings.database_secret_arn
    return _complete(url, arn, "DATABASE_SECRET_ARN", DatabaseUnavailable, AT_START)


def redis_url(settings: Broker, patience: Patience = AT_START) -> str:
    """Return the broker's URL, complete.

    Raises:
        ConfigurationError: this process may not read the secret, or it is not of the form it should have.
        BrokerUnavailable: Secrets Manager does not answer.
    """
    return _complete(settings.redis_url, settings.redis_secret_arn, "REDIS_SECRET_ARN", BrokerUnavailable, patience)


def signing_key(settings: Signing) -> bytes:
    """Return the key that webhooks' secrets and unsubscribe links are derived from.

    Raises:
        ConfigurationError: there is none, or this process may not read it.
        QueueUnavailable: Secrets Manager does not answer.
    """
    arn = settings.signing_secret_arn
    if arn is None:
        message = "SIGNING_SECRET_ARN is not set: nothing can be signed here; give the ARN of a secret with a password."
        raise ConfigurationError(message)
    return _parse(_read(arn, "SIGNING_SECRET_ARN", QueueUnavailable, WITHIN_A_REQUEST), "SIGNING_SECRET_ARN")[
        "password"
    ].encode()


def model_key(arn: str, variable: str) -> str:
    """Return the key of a model's server from its secret, `{"password": ...}`.

    Args:
        arn: of the secret.
        variable: the setting it is from, for what there may be to say.

    Raises:
        ConfigurationError: this process may not read the secret, or it is not of the form it should have.
        EngineUnreachable: Secrets Manager does not answer.
    """
    return _parse(_read(arn, variable, EngineUnreachable, AT_START), variable)["password"]


class BrokerUrl:
    """The broker's URL, complete, for a process whose requests can be answered without the broker.

    It is found out when first needed, in about two seconds or not at all; a Secrets Manager that is silent is believed
    for `BELIEVED_SECONDS`, so that not every request waits for it.

    Args:
        settings: the URL, and the secret it belongs to.
    """

    def __init__(self, settings: Broker) -> None:
        self._settings = settings
        self._url: str | None = None
        self._turn = Lock()
        self._silence = ""
        self._believed_until = 0.0

    def get(self) -> str:
        """Return it.

        Raises:
            ConfigurationError: this process may not read the secret, or it is not of the form it should have.
            BrokerUnavailable: Secrets Manager does not answer, or did not a moment ago.
        """
        with self._turn:
            if self._url is None:
                self._url = self._find_out()
            return self._url

    def _find_out(self) -> str:
        if time.monotonic() < self._believed_until:
            raise BrokerUnavailable(self._silence)
        try:
            return redis_url(self._settings, WITHIN_A_REQUEST)
        except BrokerUnavailable as error:
            self._silence = str(error)
            self._believed_until = time.monotonic() + BELIEVED_SECONDS
            raise


def _complete(url: str, arn: str | None, variable: str, unavailable: type[Transient], patience: Patience) -> str:
    if arn is None:
        return url
    secret = _parse(_read(arn, variable, unavailable, patience), variable)
    credentials = f"{quote(secret.get('username', ''), safe='')}:{quote(secret['password'], safe='')}"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{credentials}@{parts.netloc}"))


def _read(arn: str, variable: str, unavailable: type[Transient], patience: Patience) -> str:
    # Half a second that processes with whole URLs do without.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    config = Config(
        connect_timeout=patience.seconds,
        read_timeout=patience.seconds,
        retries={"total_max_attempts": patience.attempts},
    )
    try:
        return str(boto3.client("secretsmanager", config=config).get_secret_value(SecretId=arn)["SecretString"])
    except ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        if status >= _FAILED or code in _BUSY:
            raise unavailable(f"Secrets Manager does not answer: {error}") from error
        message = f"{variable}: the secret can't be read ({error}); give this role secretsmanager:GetSecretValue on it."
        raise ConfigurationError(message) from error
    except BotoCoreError as error:
        raise unavailable(f"Secrets Manager does not answer: {error}") from error


def _parse(text: str, variable: str) -> dict[str, str]:
    try:
        secret = json.loads(text)
    except ValueError:
        secret = None
    if not isinstance(secret, dict) or not secret.get("password"):
        message = f'{variable}: the secret must be a JSON object with a "password" and, for the database, a "username".'
        raise ConfigurationError(message)
    return secret
