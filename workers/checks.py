"""What must be so before a worker takes its first message: a bad deployment ends here, with a sentence, not in a job.

Settings that contradict each other are refused at once. What the worker stands on may take a while to come up, so each
is asked until it answers or `WORKER_START_SECONDS` are over. A broker that goes away later is waited for, for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from shared.adapters import secrets
from shared.adapters.redis import asking
from shared.adapters.s3 import S3Store
from shared.config import ConfigurationError, WorkerSettings
from shared.contracts import ALL_FLEETS, FLEETS
from shared.db import schema
from shared.db.engine import make_engine
from shared.errors import BrokerUnavailable, DatabaseUnavailable, NotReady, StorageUnavailable, Transient, TwolaneError
from shared.patience import eventually
from workers.app import HARD_LIMIT_SECONDS, app

STOP_TIMEOUT_SECONDS = 120
"""ECS kills a container so long after SIGTERM: the highest `stopTimeout` of Fargate, and ours."""

STOP_MARGIN_SECONDS = 20
"""What ending takes beside waiting for the job in hand."""

SHORTEST_LEASE_SECONDS = 1
"""A lease is renewed three times in its length; a slow answer of the database must not look like a lost worker."""

POLICY = "noeviction"

SECRETS_CURE = (
    "check that this worker has a way to it, by an interface endpoint of secretsmanager or a public address, "
    "and AWS_ENDPOINT_URL"
)


class CannotStart(ConfigurationError):
    """The worker would not do its work here; the sentence says why, and what helps."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The worker can't start: {what}.")


class SecretsUnavailable(Transient):
    """Secrets Manager did not answer, so that what the secret is for could not even be asked."""

    code = "secrets_unavailable"


def check_settings(settings: WorkerSettings) -> None:
    """Refuse settings that can't all be meant.

    Raises:
        CannotStart: naming the first such setting, and the cure.
    """
    for sentence in _contradictions(settings):
        raise CannotStart(sentence)


def check_surroundings(settings: WorkerSettings) -> None:
    """Ask broker, database and bucket, for `worker_start_seconds` in all and each at least once.

    Raises:
        CannotStart: naming the first that does not answer or is not as it must be, and the cure.
        ConfigurationError: a secret can't be read.
    """
    deadline = time.monotonic() + settings.worker_start_seconds
    for check, cure in (
        (_broker, "check REDIS_URL, that Redis runs, and that its security group lets this worker in"),
        (_database, "check DATABASE_URL, that the database runs, and that its security group lets this worker in"),
        (_bucket, "check that it is in this region, that this role may s3:ListBucket on it, and AWS_ENDPOINT_URL"),
    ):
        try:
            check(settings, deadline)
        except SecretsUnavailable as error:
            raise CannotStart(f"{_clause(error)}; {SECRETS_CURE}") from error
        except (BrokerUnavailable, DatabaseUnavailable, StorageUnavailable) as error:
            raise CannotStart(f"{_clause(error)}; {cure}") from error
        except NotReady as error:
            raise CannotStart(_clause(error)) from error


def check_configuration() -> None:
    """Have Celery's configuration made, which reads the broker's secret again.

    Raises:
        CannotStart: it can't be read this time.
        ConfigurationError: likewise, for good.
    """
    try:
        app.conf.get("broker_url")
    except BrokerUnavailable as error:
        raise CannotStart(f"{_clause(error)}; {SECRETS_CURE}") from error


def _clause(error: TwolaneError) -> str:
    """A sentence, to go on after a colon."""
    return error.detail.replace("The ", "the ", 1).rstrip(".")


def _contradictions(settings: WorkerSettings) -> Iterator[str]:
    fleet, fleets = settings.worker_fleet, (*FLEETS, ALL_FLEETS)
    if fleet not in fleets:
        yield f"there is no fleet {fleet}; set WORKER_FLEET to {', '.join(fleets[:-1])} or {fleets[-1]}"
    page, lease = settings.page_timeout_seconds, settings.lease_seconds
    if page >= HARD_LIMIT_SECONDS:
        yield (
            f"PAGE_TIMEOUT_SECONDS is {page:g}, but a job is killed after {HARD_LIMIT_SECONDS} seconds; "
            "set it well below, so that one page can fail alone"
        )
    soft, longest = settings.worker_soft_shutdown_seconds, STOP_TIMEOUT_SECONDS - STOP_MARGIN_SECONDS
    if soft > longest:
        yield (
            f"WORKER_SOFT_SHUTDOWN_SECONDS is {soft:g}, but ECS kills a container {STOP_TIMEOUT_SECONDS} seconds after "
            f"SIGTERM; set it to {longest} or less"
        )
    if lease < SHORTEST_LEASE_SECONDS:
        yield f"LEASE_SECONDS is {lease:g}, too short to be renewed in time; set it to 60, or to 1 at least"
    if lease > HARD_LIMIT_SECONDS:
        yield (
            f"LEASE_SECONDS is {lease:g}, so a lost worker's job would wait for longer than any job may run; "
            f"set it to 60, or to {HARD_LIMIT_SECONDS} at most"
        )


def _broker(settings: WorkerSettings, deadline: float) -> None:
    url = _url(lambda: secrets.redis_url(settings), deadline)
    policy = eventually(lambda: _policy(url), _left(deadline), BrokerUnavailable)
    if policy != POLICY:
        message = (
            f"Redis evicts keys when its memory is full (maxmemory-policy {policy}), and with them queued jobs; "
            f"set it to {POLICY}, in the parameter group of ElastiCache or in redis.conf"
        )
        raise NotReady(message)


def _policy(url: str) -> str:
    """What INFO says of it; CONFIG is closed on ElastiCache."""
    with asking(url) as redis:
        answer: dict[str, str] = redis.info("memory")
        return answer.get("maxmemory_policy", "unknown")


def _database(settings: WorkerSettings, deadline: float) -> None:
    engine = make_engine(_url(lambda: secrets.database_url(settings), deadline), pool_size=0)
    try:
        schema.check(engine, _left(deadline))
    finally:
        engine.dispose()


def _bucket(settings: WorkerSettings, deadline: float) -> None:
    eventually(S3Store(settings.documents_bucket).ping, _left(deadline), StorageUnavailable)


def _url(complete: Callable[[], str], deadline: float) -> str:
    """A URL with the credentials from its secret."""
    try:
        return eventually(complete, _left(deadline), BrokerUnavailable, DatabaseUnavailable)
    except (BrokerUnavailable, DatabaseUnavailable) as error:
        raise SecretsUnavailable(error.detail) from error


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
