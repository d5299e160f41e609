"""What the deployed scaling does with loads. Each promise is also seen broken: by another policy, or another world."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from infra.scaling.curves import CURVES, START, Curve
from infra.scaling.policy import read
from infra.scaling.service import Work, Worker
from infra.scaling.simulate import Conditions, Outcome, simulate
from tests.unit.infra.scaling.changed import changed

MINUTE = 60
BLIND = Worker(looks_every=float("inf"))
"""A worker that says nothing of the load: only the publisher counts, once a minute."""

NOT_QUIET = sorted(set(CURVES) - {"quiet"})


@cache
def outcome(name: str, max_tasks: int = 32) -> Outcome:
    """The deployed scaling under a load; computed once."""
    return simulate(read(), CURVES[name](), Conditions(max_tasks=max_tasks))


def desired_at(found: Outcome, second: float) -> int:
    return found.moments[int(second)].desired


def test_an_idle_fleet_stays_at_zero() -> None:
    assert outcome("quiet").max_tasks == 0
    assert outcome("quiet").task_seconds == 0


@pytest.mark.parametrize("max_tasks", [1, 5, 32])
@pytest.mark.parametrize("name", NOT_QUIET)
def test_there_are_never_more_tasks_than_the_maximum(name: str, max_tasks: int) -> None:
    assert 0 < outcome(name, max_tasks).max_tasks <= max_tasks


def test_a_minimum_stays_through_the_quiet() -> None:
    found = simulate(read(), CURVES["trickle"](), Conditions(min_tasks=2, max_tasks=8))
    assert min(moment.tasks for moment in found.moments) == 2


@pytest.mark.parametrize("name", NOT_QUIET)
def test_every_page_is_read(name: str) -> None:
    assert outcome(name).pages_read == outcome(name).pages
    assert outcome(name).drained is not None


@pytest.mark.parametrize(
    ("name", "minutes"),
    # A cold start takes up to a minute to be counted, a minute to be seen and a minute to start a task. A burst has
    # 10,000 pages x 1.6 s / 32 tasks = 8.3 minutes on top.
    [("trickle", 3), ("steady", 3), ("ramp", 3), ("sawtooth", 3), ("burst", 11), ("chunks", 11)],
)
def test_nobody_waits_for_long(name: str, minutes: float) -> None:
    assert outcome(name).max_age <= minutes * MINUTE


@pytest.mark.parametrize("name", NOT_QUIET)
def test_the_fleet_is_back_at_zero_ten_quiet_minutes_after_the_last_job_and_not_before(name: str) -> None:
    found = outcome(name)
    assert found.drained is not None
    assert found.emptied is not None
    # Two minutes for the numbers to arrive and the alarm to look.
    assert 9 * MINUTE <= found.emptied - found.drained <= 12 * MINUTE


@pytest.mark.parametrize("name", NOT_QUIET)
def test_no_load_makes_the_fleet_flap(name: str) -> None:
    found = outcome(name)
    assert found.flaps() == 0
    assert found.turns() <= 5 * found.moments[-1].now / 3600


@pytest.mark.parametrize("name", NOT_QUIET)
def test_fewer_tasks_come_only_ten_minutes_after_more_were_wanted(name: str) -> None:
    changes = outcome(name).changes()
    for (up, before), (down, after) in pairwise(changes):
        if after < before and up > 0 and before > desired_at(outcome(name), up - 1):
            assert down - up >= 9 * MINUTE


@pytest.mark.parametrize("name", ["trickle", "sawtooth", "chunks"])
@pytest.mark.parametrize(("publish", "delay", "evaluate"), [(0, 5, 0), (50, 45, 5), (59, 90, 58), (30, 20, 29)])
def test_it_does_not_depend_on_who_looks_when_in_a_minute(name: str, publish: int, delay: int, evaluate: int) -> None:
    conditions = Conditions(publish_second=publish, publish_delay=delay, evaluate_second=evaluate)
    found = simulate(read(), CURVES[name](), conditions)
    assert found.flaps() == 0
    assert found.pages_read == found.pages
    assert found.drained is not None
    assert found.emptied is not None
    assert 8 * MINUTE <= found.emptied - found.drained <= 14 * MINUTE


def test_waves_do_not_move_the_fleet() -> None:
    assert outcome("sawtooth").turns() == 1


def test_a_burst_goes_to_the_maximum_in_one_step() -> None:
    assert [tasks for _, tasks in outcome("burst").changes()][:2] == [0, 32]


def test_a_steady_load_is_met_with_few_more_tasks_than_it_needs() -> None:
    # 240 pages a minute of 1.6 s keep 6.4 workers busy.
    later = [moment.desired for moment in outcome("steady").moments if 40 <= moment.now / MINUTE <= 120]
    assert min(later) >= 7
    assert max(later) <= 16


def test_running_jobs_survive_scaling_in() -> None:
    assert all(outcome(name).lost == 0 for name in NOT_QUIET)


def _long_jobs_behind_a_burst() -> Curve:
    burst = tuple(Work(START + number / 10, 1) for number in range(300))
    return Curve("short ones, then a few of 25 minutes", (*burst, *(Work(START + 60, 1250) for _ in range(3))))


def test_protection_is_what_saves_them() -> None:
    unprotected = replace(Worker(), protection=False)
    found = {
        worker.protection: simulate(read(), _long_jobs_behind_a_burst(), Conditions(worker=worker))
        for worker in (Worker(), unprotected)
    }
    assert found[True].lost == 0
    assert found[True].pages_read == found[True].pages
    assert found[False].lost > 0


# --- a publisher that says nothing


def silent(name: str, begin: float, end: float, worker: Worker = BLIND) -> Outcome:
    span = (START + begin * MINUTE, START + end * MINUTE)
    return simulate(read(), CURVES[name](), Conditions(silences=[span], worker=worker))


def test_a_silent_publisher_does_not_make_the_fleet_collapse_or_explode() -> None:
    found = silent("steady", 30, 60)
    before = desired_at(found, START + 30 * MINUTE)
    during = [moment.desired for moment in found.moments if 30 <= (moment.now - START) / MINUTE <= 60]
    assert before / 2 <= min(during)
    assert max(during) <= 2 * before
    assert found.max_age <= 3 * MINUTE


def test_a_silence_in_the_middle_of_a_burst_loses_nothing() -> None:
    found = silent("burst", 4, 40)
    assert found.pages_read == found.pages
    assert desired_at(found, START + 39 * MINUTE) == 32
    assert found.emptied is not None


def test_ten_quiet_minutes_are_ten_that_were_seen() -> None:
    """One zero after a long silence empties nothing: ten minutes have to be seen."""
    assert silent("burst", 4, 40).emptied >= START + 49 * MINUTE  # type: ignore[operator]  # None would fail as well


def test_workers_see_the_load_when_the_publisher_does_not() -> None:
    assert silent("steady", 30, 60, Worker()).flaps() == 0


# --- other policies, other worlds: what the tests above would notice


def test_without_a_window_the_fleet_follows_every_breath_of_a_load() -> None:
    hasty = simulate(changed("LoadAlarm", Period=60), CURVES["steady"]())
    assert hasty.turns() > 2 * outcome("steady").turns()
    assert hasty.turns() > 5 * hasty.moments[-1].now / 3600


def test_adding_instead_of_setting_explodes() -> None:
    adding = changed("LoadPolicy", AdjustmentType="ChangeInCapacity")
    found = simulate(adding, CURVES["trickle"]())
    assert found.max_tasks > outcome("trickle").max_tasks


def test_a_higher_threshold_leaves_single_documents_lying() -> None:
    found = simulate(changed("LoadAlarm", Threshold=10), CURVES["trickle"]())
    assert found.max_age > 30 * MINUTE


def test_workers_that_do_not_say_what_they_saw_make_the_fleet_flap() -> None:
    """A count a minute overlooks what comes and goes between two counts."""
    blind = Conditions(worker=BLIND)
    assert simulate(read(), CURVES["sawtooth"](), blind).flaps() > 3
    assert simulate(read(), CURVES["trickle"](), blind).flaps() > 3


def test_one_period_of_ten_minutes_would_empty_the_fleet_on_a_single_zero() -> None:
    quiet = changed("QuietAlarm", Period=600, EvaluationPeriods=1, DatapointsToAlarm=1, TreatMissingData="missing")
    span = (START + 4 * MINUTE, START + 40 * MINUTE)
    found = simulate(quiet, CURVES["burst"](), Conditions(silences=[span], worker=BLIND))
    assert found.emptied is not None
    assert found.emptied < START + 44 * MINUTE
