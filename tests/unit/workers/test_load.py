"""A worker counts the load as it takes a job, now and then, and a broker that is away costs no job."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.adapters.broker import FleetCount
from shared.config import ConfigurationError
from shared.errors import BrokerUnavailable
from workers.load import LOOK_SECONDS, LoadWatch


def counts() -> Mapping[str, FleetCount]:
    return {"ocr": FleetCount(backlog=7, in_flight=2, workers_alive=2), "default": FleetCount(0, 1, 1)}


def test_the_load_is_what_waits_and_what_is_in_hand() -> None:
    assert LoadWatch(counts).look("ocr") == 9


def test_the_next_look_comes_seconds_later() -> None:
    times = iter([100.0, 100.0, 100.0, 100.0 + LOOK_SECONDS - 0.1, 100.0 + LOOK_SECONDS, 100.0 + LOOK_SECONDS])
    watch = LoadWatch(counts, lambda: next(times))
    assert [watch.look("ocr") for _ in range(3)] == [9, None, 9]


@pytest.mark.parametrize(
    "error", [BrokerUnavailable("The broker does not answer."), ConfigurationError("the secret can't be read")]
)
def test_a_broker_that_is_away_is_asked_as_seldom_and_costs_nothing_else(error: Exception) -> None:
    asked = list[str]()

    def away() -> Mapping[str, FleetCount]:
        asked.append("once")
        raise error

    watch = LoadWatch(away, lambda: 100.0)
    assert watch.look("ocr") is None
    assert watch.look("ocr") is None
    assert asked == ["once"]
