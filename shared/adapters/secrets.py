"""Credentials from Secrets Manager, joined with the URL they belong to.

Where they live, environments and templates hold the secret's ARN alone. They are read when a process first connects:
one that started before a rotation has to be started again.
"""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit, urlunsplit

from shared.config import Broker, ConfigurationError, Database
from shared.errors import BrokerUnavailable, DatabaseUnavailable, Transient

SECONDS = 3
"""Connect and read timeout of a question; it is asked three times."""


def database_url(settings: Database) -> str:
    """Return the database's URL, complete.

    Raises:
        ConfigurationError: this process may not read the secret, or it is not of the form it should have.
        DatabaseUnavailable: Secrets Manager does not answer.
    """
    return _complete(settings.database_url, settings.database_secret_arn, "DATABASE_SECRET_ARN", DatabaseUnavailable)


def redis_url(settings: Broker) -> str:
    """Return the broker's URL, complete.

    Raises:
        ConfigurationError: this process may not read the secret, or it is not of the form it should have.
        BrokerUnavailable: Secrets Manager does not answer.
    """
    return _complete(settings.redis_url, settings.redis_secret_arn, "REDIS_SECRET_ARN", BrokerUnavailable)


def _complete(url: str, arn: str | None, variable: str, unavailable: type[Transient]) -> str:
    if arn is None:
        return url
    secret = _parse(_read(arn, variable, unavailable), variable)
    credentials = f"{quote(secret.get('username', ''), safe='')}:{quote(secret['password'], safe='')}"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{credentials}@{parts.netloc}"))


def _read(arn: str, variable: str, unavailable: type[Transient]) -> str:
    # Half a second that processes with whole URLs do without.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    patience = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 3})
    try:
        return str(boto3.client("secretsmanager", config=patience).get_secret_value(SecretId=arn)["SecretString"])
    except ClientError as error:
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
