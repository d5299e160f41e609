"""Circuit breakers that concurrent functions share, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from shared.adapters.broker import Broker
from shared.db.unit_of_work import Database
from shared.errors import CircuitOpen
from shared.models import Circuit, utcnow
from shared.services import circuits as circuits_module
from shared.services.circuits import FAILURES, OPEN_SECONDS, Circuits, of_provider, of_url, state_of
from tests.support.redis import RedisServer
from tests.support.waiting import at_once

NAME = "host:example.com:443"


@pytest.fixture
def circuits(database: Database) -> Circuits:
    return Circuits(database)


def entered(circuits: Circuits) -> bool:
    try:
        circuits.enter(NAME)
    except CircuitOpen:
        return False
    return True


def row(database: Database) -> Circuit:
    with database.read() as session:
        return session.get_one(Circuit, NAME)


def open_it(circuits: Circuits) -> None:
    for _ in range(FAILURES):
        circuits.failed(NAME, "connection refused")


def let_time_pass(database: Database) -> None:
    """What it was opened for is over, and so is the time of a probe."""
    with database.write() as work:
        found = work.session.get_one(Circuit, NAME)
        found.open_until = utcnow() - timedelta(seconds=1)
        found.probe_until = found.probe_until and found.open_until


def seconds_open(database: Database) -> float:
    found = row(database)
    assert found.open_until is not None
    return (found.open_until - found.updated_at).total_seconds()


def test_it_opens_with_the_failure_that_is_too_much(circuits: Circuits) -> None:
    for _ in range(FAILURES - 1):
        circuits.failed(NAME, "connection refused")
        assert entered(circuits)
    circuits.failed(NAME, "connection refused")
    with pytest.raises(CircuitOpen, match=r"example\.com.*connection refused") as caught:
        circuits.enter(NAME)
    assert 0 < caught.value.retry_after <= OPEN_SECONDS


def test_a_success_between_them_starts_the_count_anew(circuits: Circuits) -> None:
    for _ in range(3):
        for _ in range(FAILURES - 1):
            circuits.failed(NAME, "away")
        circuits.succeeded(NAME)
    assert entered(circuits)


def test_what_one_process_opens_is_open_for_all_and_for_no_other_destination(
    database: Database, circuits: Circuits
) -> None:
    open_it(circuits)
    assert not entered(Circuits(database))
    circuits.enter("host:example.com:80")


def test_when_its_time_is_up_one_of_ten_probes(database: Database, circuits: Circuits) -> None:
    open_it(circuits)
    let_time_pass(database)
    assert sum(at_once([partial(entered, circuits)] * 10)) == 1
    assert not entered(circuits)


def test_a_probe_that_succeeds_closes_it(database: Database, circuits: Circuits) -> None:
    open_it(circuits)
    let_time_pass(database)
    assert entered(circuits)
    circuits.succeeded(NAME)
    assert all(at_once([partial(entered, circuits)] * 5))
    assert circuits.troubled() == []


def test_a_probe_that_fails_opens_it_for_twice_as_long_and_no_longer_than_ten_minutes(
    database: Database, circuits: Circuits
) -> None:
    open_it(circuits)
    seen = [seconds_open(database)]
    for _ in range(6):
        let_time_pass(database)
        assert entered(circuits)
        circuits.failed(NAME, "still away")
        assert not entered(circuits)
        seen.append(seconds_open(database))
    assert seen == [30, 60, 120, 240, 480, 600, 600]


def test_a_probe_that_is_lost_makes_way_for_another(
    database: Database, circuits: Circuits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuits_module, "PROBE_SECONDS", -1.0)
    open_it(circuits)
    let_time_pass(database)
    assert entered(circuits)
    assert entered(circuits)


def test_calls_under_way_when_it_opens_do_not_open_it_further(database: Database, circuits: Circuits) -> None:
    at_once([partial(circuits.failed, NAME, "away")] * 20)
    found = row(database)
    assert (found.failures, found.openings, seconds_open(database) <= OPEN_SECONDS) == (20, 1, True)


def test_failures_and_successes_at_once_leave_one_state(database: Database, circuits: Circuits) -> None:
    calls: list[Callable[[], object]] = [partial(circuits.failed, NAME, "away"), partial(circuits.succeeded, NAME)]
    at_once(calls * 8)
    circuits.succeeded(NAME)
    assert state_of(row(database), utcnow()) == "closed"


def test_it_stays_open_when_redis_is_flushed(circuits: Circuits, redis_server: RedisServer) -> None:
    open_it(circuits)
    redis_server.flush()
    assert Broker(redis_server.url).waiting() == 0
    assert not entered(circuits)


def test_states_are_told_apart(database: Database, circuits: Circuits) -> None:
    circuits.failed(NAME, "away")
    states = [state_of(row(database), utcnow())]
    open_it(circuits)
    states.append(state_of(row(database), utcnow()))
    let_time_pass(database)
    states.append(state_of(row(database), utcnow()))
    assert states == ["closed", "open", "half_open"]


def test_whatever_an_error_says_can_be_kept(circuits: Circuits) -> None:
    circuits.failed(NAME, "NUL \x00, half a pair \ud800, " + "x" * 5000)
    [found] = circuits.troubled()
    assert found.last_error is not None
    assert len(found.last_error) <= 500


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://Example.com/a?b", "host:https:example.com:443"),
        ("http://example.com", "host:http:example.com:80"),
        ("http://example.com:8080/", "host:http:example.com:8080"),
        ("https://example.com:8080/", "host:https:example.com:8080"),
        ("https://[2001:db8::1]/", "host:https:2001:db8::1:443"),
        ("https://" + "a" * 400 + "/", "host:https:" + "a" * 289),
    ],
)
def test_a_scheme_host_and_port_have_one_circuit(url: str, name: str) -> None:
    assert of_url(url) == name
    assert of_provider("ses") == "provider:ses"
