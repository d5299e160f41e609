"""The object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from shared.errors import ObjectMissing, StorageUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

MISSING = {"404", "NoSuchKey", "NotFound"}
BATCH = 1000
"""Keys in one DeleteObjects call."""


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A presigned POST: the form goes to `url` with `fields` first and the file last."""

    url: str
    fields: dict[str, str]


class S3Store:
    """One bucket. Short timeouts and two tries: who calls decides about later ones.

    boto3 is imported, and a client made, with the first call: 0.2 s that many a cold start does without.

    Args:
        bucket: its name. Region, credentials and endpoint are found by boto3.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._made: S3Client | None = None
        # boto3 makes clients in one thread at a time.
        self._turn = Lock()

    @property
    def _client(self) -> S3Client:
        with self._turn:
            if self._made is None:
                self._made = _make_client()
            return self._made

    def open(self) -> None:
        """Make the client now, which connects with its first call."""
        _ = self._client

    def close(self) -> None:
        """Close the connections that are kept; the next call opens new ones."""
        with self._turn:
            if self._made is not None:
                self._made.close()

    def put(self, key: str, body: bytes, media_type: str = "application/octet-stream") -> None:
        """Write an object whole.

        Raises:
            StorageUnavailable: it could not be written.
        """
        with _our_errors(key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=media_type)

    def put_file(self, key: str, path: Path, media_type: str) -> None:
        """Write an object from a file, streamed.

        Raises:
            StorageUnavailable: it could not be written.
        """
        with _our_errors(key), path.open("rb") as file:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=file, ContentType=media_type)

    def get(self, key: str, span: tuple[int, int] | None = None) -> bytes:
        """Read an object, or `span` = (offset, length) of it.

        Raises:
            ObjectMissing: there is none.
            StorageUnavailable: it could not be read.
        """
        extra: dict[str, Any] = {}
        if span is not None:
            extra["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
        with _our_errors(key):
            return self._client.get_object(Bucket=self._bucket, Key=key, **extra)["Body"].read()

    def chunks(self, key: str, size: int = 1024 * 1024) -> Iterator[bytes]:
        """Stream an object in pieces of at most `size` bytes.

        Raises:
            ObjectMissing: there is none.
            StorageUnavailable: it could not be read.
        """
        with _our_errors(key):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            yield from body.iter_chunks(size)

    def get_file(self, key: str, path: Path) -> None:
        """Read an object into a file.

        Raises:
            ObjectMissing: there is none.
            StorageUnavailable: it could not be read.
        """
        with path.open("wb") as file:
            file.writelines(self.chunks(key))

    def copy(self, key: str, to: str) -> None:
        """Copy an object inside the store.

        Raises:
            ObjectMissing: there is none.
            StorageUnavailable: it could not be copied.
        """
        with _our_errors(key):
            self._client.copy_object(Bucket=self._bucket, Key=to, CopySource={"Bucket": self._bucket, "Key": key})

    def size(self, key: str) -> int:
        """Return an object's size in bytes.

        Raises:
            ObjectMissing: there is none.
            StorageUnavailable: the store did not answer.
        """
        with _our_errors(key):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete_prefix(self, prefix: str) -> None:
        """Delete every object whose key starts with `prefix`; none is no error.

        Raises:
            StorageUnavailable: something could not be deleted.
        """
        with _our_errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                keys: list[ObjectIdentifierTypeDef] = [{"Key": item["Key"]} for item in page.get("Contents", [])]
                if keys:
                    self._delete(keys)

    def _delete(self, keys: list[ObjectIdentifierTypeDef]) -> None:
        """Delete objects; the answer is 200 even where some could not be."""
        answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
        for refused in answer.get("Errors", []):
            message = f"The object store did not delete {refused.get('Key')}: {refused.get('Message')}"
            raise StorageUnavailable(message)

    def upload_form(self, key: str, media_type: str, size_bytes: int, seconds: int) -> UploadForm:
        """Presign a POST of exactly `size_bytes` bytes that is valid for `seconds`."""
        conditions: list[Any] = [
            {"Content-Type": media_type},
            ["content-length-range", size_bytes, size_bytes],
        ]
        form = self._client.generate_presigned_post(
            self._bucket, key, Fields={"Content-Type": media_type}, Conditions=conditions, ExpiresIn=seconds
        )
        return UploadForm(url=form["url"], fields=form["fields"])

    def download_url(self, key: str, seconds: int = 300) -> str:
        """Presign a GET that is valid for `seconds`."""
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )

    def ping(self) -> None:
        """Ask for a sign of life.

        Raises:
            StorageUnavailable: there was none.
        """
        try:
            with _our_errors(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing as error:
            message = f"There is no bucket {self._bucket}: check DOCUMENTS_BUCKET."
            raise StorageUnavailable(message) from error


def _make_client() -> S3Client:
    import boto3  # noqa: PLC0415  # see S3Store
    from botocore.config import Config  # noqa: PLC0415  # likewise

    config = Config(
        connect_timeout=2,
        read_timeout=20,
        retries={"max_attempts": 2, "mode": "standard"},
        s3={"addressing_style": "path"},
        signature_version="s3v4",
    )
    return boto3.client("s3", config=config)


@contextmanager
def _our_errors(key: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # see S3Store

    try:
        yield
    except ClientError as error:
        if str(error.response.get("Error", {}).get("Code")) in MISSING:
            message = f"There is no object {key}."
            raise ObjectMissing(message) from error
        message = f"The object store refused {key}: {error}"
        raise StorageUnavailable(message) from error
    except (BotoCoreError, OSError) as error:
        message = f"The object store does not answer: {error}"
        raise StorageUnavailable(message) from error
