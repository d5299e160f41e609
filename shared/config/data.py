"""Where state lies: database, broker, bucket; how large and how old what is in them may be."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from shared.config.addresses import DatabaseUrl, RedisUrl
from shared.config.base import S, Settings


def _only_in_the_secret(settings: S, name: str, url: str, secret_arn: str | None) -> S:
    """Refuse credentials from two places."""
    if secret_arn and "@" in urlsplit(url).netloc:
        message = f"{name}_URL names a user although {name}_SECRET_ARN is given; take one of them away"
        raise ValueError(message)
    return settings


class Database(Settings):
    """Where all state lives.

    Attributes:
        database_url: `postgresql://...` or `sqlite:///PATH`.
        database_secret_arn: a secret of Secrets Manager, `{"username": ..., "password": ...}`, for a URL without them.
        database_pool_size: connections a process keeps; 0 keeps none, so that a database that pauses when nobody is
            connected can.
    """

    database_url: DatabaseUrl
    database_secret_arn: str | None = None
    database_pool_size: int = Field(default=5, ge=0)

    @model_validator(mode="after")
    def database_credentials_come_from_one_place(self) -> Self:
        """Refuse a URL with a password beside a secret."""
        return _only_in_the_secret(self, "DATABASE", self.database_url, self.database_secret_arn)


class Broker(Settings):
    """Where messages pass through; may be flushed at any moment.

    Attributes:
        redis_url: `redis://...`, or `rediss://...?ssl_cert_reqs=required`.
        redis_secret_arn: a secret of Secrets Manager, `{"password": ...}`, for a URL without one.
    """

    redis_url: RedisUrl
    redis_secret_arn: str | None = None

    @model_validator(mode="after")
    def redis_credentials_come_from_one_place(self) -> Self:
        """Refuse a URL with a password beside a secret."""
        return _only_in_the_secret(self, "REDIS", self.redis_url, self.redis_secret_arn)


class Storage(Settings):
    """`DOCUMENTS_BUCKET`: where documents and results lie. boto3 finds the endpoint in `AWS_ENDPOINT_URL`."""

    documents_bucket: str


MIB = 1024 * 1024


class Limits(Settings):
    """What one upload may be.

    Attributes:
        max_direct_bytes: largest file in a multipart POST; a Lambda answer and question hold 6 MB, base64 included.
        max_upload_bytes: largest file through a presigned upload.
        upload_expires_seconds: how long a presigned upload form stays valid.
    """

    max_direct_bytes: int = 4 * MIB
    max_upload_bytes: int = 512 * MIB
    upload_expires_seconds: int = 3600


class Doze(Settings):
    """`DATABASE_DOZE_SECONDS`: how long the schedules leave an idle database alone, so that it can pause; 0: never."""

    database_doze_seconds: int = Field(default=0, ge=0)


class Retention(Settings):
    """How long things stay.

    Attributes:
        retention_days: how long it is kept that something was done: messages, deliveries, events, settled dead letters.
    """

    retention_days: int = Field(default=90, ge=1)
