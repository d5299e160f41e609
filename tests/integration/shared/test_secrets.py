"""Credentials that lie in Secrets Manager, and URLs that hold none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import boto3
import pytest

from shared.adapters import secrets
from shared.config import Broker, ConfigurationError, Database
from shared.errors import BrokerUnavailable, DatabaseUnavailable
from tests.support.programs import free_port

DATABASE_URL = "postgresql://db.example.com:5432/twolane?sslmode=require"
REDIS_URL = "rediss://cache.example.com:6379/0?ssl_cert_reqs=required"
ODD = "p@ss/word:with?every#thing%"

Keep = Callable[[str], str]


@pytest.fixture
def keep(object_store: None, request: pytest.FixtureRequest) -> Keep:
    """Put a secret away and return its ARN."""
    del object_store
    client = boto3.client("secretsmanager")
    return lambda text: str(client.create_secret(Name=request.node.name, SecretString=text)["ARN"])


def database(arn: str | None) -> str:
    """The database's URL with the credentials of a secret."""
    return secrets.database_url(Database(database_url=DATABASE_URL, database_secret_arn=arn))


def broker(arn: str | None) -> str:
    """The broker's URL with the password of a secret."""
    return secrets.redis_url(Broker(redis_url=REDIS_URL, redis_secret_arn=arn))


@contextmanager
def answering(status: int, body: dict[str, str]) -> Iterator[str]:
    """The URL of a server that says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_without_a_secret_a_url_is_as_it_was_given() -> None:
    assert database(None) == "postgresql+psycopg://db.example.com:5432/twolane?sslmode=require"
    assert broker(None) == REDIS_URL


def test_the_credentials_of_the_database_are_joined_with_its_url(keep: Keep) -> None:
    url = urlsplit(database(keep(json.dumps({"username": "two lane", "password": ODD}))))
    assert (unquote(url.username or ""), unquote(url.password or "")) == ("two lane", ODD)
    assert (url.hostname, url.port, url.path, url.query) == ("db.example.com", 5432, "/twolane", "sslmode=require")


def test_the_password_of_the_broker_is_joined_with_its_url(keep: Keep) -> None:
    url = urlsplit(broker(keep(json.dumps({"password": ODD}))))
    assert (url.username, unquote(url.password or "")) == ("", ODD)
    assert (url.hostname, url.port, url.query) == ("cache.example.com", 6379, "ssl_cert_reqs=required")


@pytest.mark.parametrize("text", ["hunter2", "[]", '{"username": "hunter2"}', '{"password": ""}'])
def test_a_secret_of_another_form_is_refused_without_showing_it(keep: Keep, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r'DATABASE_SECRET_ARN: .* "password"') as refused:
        database(keep(text))
    assert "hunter2" not in str(refused.value)


def test_a_secret_that_may_not_be_read_names_what_is_missing(object_store: None) -> None:
    del object_store
    with pytest.raises(ConfigurationError, match="secretsmanager:GetSecretValue"):
        broker("arn:aws:secretsmanager:us-east-1:123456789012:secret:nobody-made-it")


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "ThrottlingException"), (500, "InternalServiceError"), (503, "ServiceUnavailable")],
)
def test_secrets_manager_being_busy_or_broken_is_an_outage_too(
    object_store: None, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    del object_store
    with answering(status, {"__type": code}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(BrokerUnavailable, match=code):
            broker("arn")


def test_secrets_manager_being_away_is_an_outage_of_what_needs_it(
    object_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del object_store
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DatabaseUnavailable):
        database("arn")
    with pytest.raises(BrokerUnavailable):
        broker("arn")
