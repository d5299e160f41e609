"""Settings are checked when they are read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.config import ApiSettings, Broker, ConfigurationError, Database, Delivery, Storage, load

TLS = "rediss://cache.example.com:6379/0?ssl_cert_reqs=required"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", TLS])
def test_a_broker_that_is_plain_or_verified_is_taken(url: str) -> None:
    assert Broker(redis_url=url).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "rediss://user:hunter2@cache.example.com:6379",
        "rediss://user:hunter2@cache.example.com:6379?ssl_cert_reqs=none",
        "rediss://user:hunter2@cache.example.com:6379?ssl_cert_reqs=required&ssl_cert_reqs=none",
    ],
)
def test_a_broker_whose_certificate_is_not_verified_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ValidationError, match="ssl_cert_reqs=required") as refused:
        Broker(redis_url=url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "amqp://127.0.0.1"])
def test_another_broker_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="redis://"):
        Broker(redis_url=url)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:////tmp/a.sqlite", "sqlite:////tmp/a.sqlite"),
    ],
)
def test_postgresql_is_reached_through_psycopg(given: str, used: str) -> None:
    assert Database(database_url=given).database_url == used


@pytest.mark.parametrize("url", ["mysql://h/d", "postgresql+psycopg2://h/d", "sqlite://"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="postgresql:// or sqlite:///"):
        Database(database_url=url)


def test_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "DOCUMENTS_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValidationError) as refused:
        ApiSettings()
    for name in ("database_url", "redis_url", "documents_bucket"):
        assert name in str(refused.value)


def test_settings_come_from_the_environment_and_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCUMENTS_BUCKET", "mine")
    settings = Storage()
    assert settings.documents_bucket == "mine"
    with pytest.raises(ValidationError):
        settings.documents_bucket = "other"  # type: ignore[misc]  # it is frozen


@pytest.mark.parametrize(("name", "value"), [("LEASE_SECONDS", "0"), ("MAX_ATTEMPTS", "0"), ("RETRY_SECONDS", "-1")])
def test_a_value_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Delivery()


def test_credentials_in_a_url_and_in_a_secret_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": "postgresql://someone:hunter2@db.example.com/twolane",
        "DATABASE_SECRET_ARN": "arn:database",
        "REDIS_URL": "rediss://:hunter2@cache.example.com:6379?ssl_cert_reqs=required",
        "REDIS_SECRET_ARN": "arn:redis",
        "DOCUMENTS_BUCKET": "mine",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for group in ("REDIS", "DATABASE"):
        contradiction = f"{group}_URL names a user although {group}_SECRET_ARN is given"
        with pytest.raises(ConfigurationError, match=contradiction) as refused:
            load(ApiSettings, "The API")
        assert "hunter2" not in str(refused.value)
        monkeypatch.delenv(f"{group}_SECRET_ARN")
    assert load(ApiSettings, "The API").redis_url == given["REDIS_URL"]


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    monkeypatch.setenv("DATABASE_SECRET_ARN", "")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    settings = load(Database, "The test")
    assert (settings.database_secret_arn, settings.database_pool_size) == (None, 5)
    monkeypatch.setenv("DATABASE_URL", "")
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        load(Database, "The test")
