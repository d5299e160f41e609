"""An object store that other processes reach over HTTP, and that can fail when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Self
from uuid import uuid4

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        """Say nothing."""


class ObjectStoreServer:
    """moto's S3 on 127.0.0.1. While `failing`, every request is answered 503, as S3 does when it is overloaded."""

    def __init__(self) -> None:
        self.failing = False
        # moto keeps what all servers of a process hold in one place.
        self.bucket = f"documents-{uuid4()}"
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which boto3 and the settings find it."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.port}",
            "DOCUMENTS_BUCKET": self.bucket,
        }

    def start(self) -> Self:
        """Serve, with one empty bucket."""
        self._thread.start()
        self._client = boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # moto takes any
        )
        self._client.create_bucket(Bucket=self.bucket)
        return self

    def put(self, key: str, body: bytes) -> None:
        """Store an object, as a client with a form would."""
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def keys(self) -> list[str]:
        """The keys of all objects."""
        return [entry["Key"] for entry in self._client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def stop(self) -> None:
        """Stop serving, and forget every object: moto keeps them in this process."""
        self.failing = False
        for key in self.keys():
            self._client.delete_object(Bucket=self.bucket, Key=key)
        self._client.delete_bucket(Bucket=self.bucket)
        self._client.close()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.failing:
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"]
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer
