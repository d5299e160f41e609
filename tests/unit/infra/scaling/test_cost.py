"""Dollars: of a task, of a thousand pages, of a month without work."""

from __future__ import annotations

import pytest

from infra.scaling import cost, idle, prices
from infra.scaling.curves import START, Curve
from infra.scaling.policy import read
from infra.scaling.service import MINIMUM_BILLED_SECONDS, Service, Work, Worker
from infra.scaling.simulate import Conditions, simulate
from shared.contracts import FLEETS


def test_a_task_of_one_vcpu_and_two_gb_costs_what_the_price_list_says() -> None:
    assert prices.task_hour(1, 2) == pytest.approx(0.04937)
    assert prices.task_hour(2, 4, "arm64") == pytest.approx(2 * 0.0395)
    assert prices.task_hour(1, 2, spot_share=1) == pytest.approx(0.04937 * 0.4)
    assert prices.task_hour(1, 2, spot_share=0.5) == pytest.approx(0.04937 * 0.7)


def test_a_thousand_pages_of_3_6_seconds_are_one_vcpu_hour() -> None:
    assert cost.workers(3.6) == pytest.approx(prices.task_hour(1, 2))
    assert cost.workers(1.8, "arm64", spot_share=1) == pytest.approx(prices.task_hour(1, 2, "arm64", 1) / 2)


def test_the_rest_is_named_by_service_and_small_beside_textract() -> None:
    rest = cost.everything_else(1.5)
    assert set(rest) == {"HTTP API", "Lambda", "S3 requests", "S3 storage, one month", "Aurora", "logs"}
    assert rest["HTTP API"] == pytest.approx(0.004)
    assert all(dollars > 0 for dollars in rest.values())
    assert sum(rest.values()) < prices.TEXTRACT_THOUSAND_PAGES / 10


def test_a_task_is_billed_from_its_image_on_and_for_a_minute_at_least() -> None:
    service = Service(Worker(unbilled_seconds=15))
    service.step(0, 2)
    service.step(30, 1)
    assert service.billed_seconds == MINIMUM_BILLED_SECONDS
    service.step(200, 0)
    assert service.billed_seconds == MINIMUM_BILLED_SECONDS + 185


def test_a_task_that_never_pulled_its_image_costs_nothing() -> None:
    service = Service(Worker(unbilled_seconds=15))
    service.step(0, 1)
    service.step(10, 0)
    assert (service.tasks, service.billed_seconds) == (0, 0)


def test_a_task_of_half_a_vcpu_reads_half_as_fast_and_one_of_two_reads_two_at_once() -> None:
    pages = Curve("ten", tuple(Work(START, 1) for _ in range(10)))
    took = {
        vcpu: simulate(read(), pages, Conditions(max_tasks=1, worker=Worker(vcpu, seconds_per_page=6))).drained or 0
        for vcpu in (0.5, 1, 2)
    }
    assert took[0.5] - took[1] == pytest.approx(60, abs=2)
    assert took[1] - took[2] == pytest.approx(30, abs=2)


def test_presets_are_those_of_samconfig_over_the_template_s_defaults() -> None:
    presets = idle.presets()
    assert {"dev", "prod"} <= set(presets)
    assert set(presets["dev"]) == set(presets["prod"]) == set(idle.defaults())
    assert presets["dev"]["DatabaseMinCapacity"] == "0"


def test_dev_idles_near_zero_and_prod_pays_for_being_ready() -> None:
    dev, prod = (idle.monthly(idle.presets()[name]) for name in ("dev", "prod"))
    assert dev["Aurora, at its least capacity"] == dev["tasks that always run"] == dev["SnapStart's snapshot"] == 0
    assert sum(dev.values()) < 40
    assert sum(prod.values()) > 200


def test_functions_are_paid_by_the_memory_that_the_template_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cost.everything_else(1.5)["Lambda"], idle.monthly(idle.presets()["prod"])
    assert cost.lambda_runs(0, 1) == pytest.approx(cost.function_gb() * 0.0000166667)
    monkeypatch.setattr(cost, "load", lambda _path: {"Globals": {"Function": {"MemorySize": 2048}}})
    after = cost.everything_else(1.5)["Lambda"], idle.monthly(idle.presets()["prod"])
    assert cost.function_gb() == 2
    assert after[0] > 1.5 * before[0]
    traces = 2 * prices.MONTH_SECONDS / 60 * prices.TRACE
    for row, fixed in (("functions every minute", traces), ("SnapStart's snapshot", 0.0)):
        assert after[1][row] - fixed > 1.5 * (before[1][row] - fixed)


def test_insights_are_paid_by_what_runs_and_only_where_they_are_switched_on() -> None:
    prod = idle.presets()["prod"]
    assert idle.insights(prod | {"ContainerInsights": "disabled"}) == 0
    assert idle.insights(prod | {"OcrMinTasks": "0"}) == 3 + 5 * len(FLEETS)
    assert idle.insights(prod | {"OcrMinTasks": "2"}) == 3 + 5 * len(FLEETS) + 30
    assert idle.monthly(prod)["Container Insights, an estimate"] == pytest.approx(48 * 0.30)


def test_endpoints_are_paid_by_zone() -> None:
    def zones(egress: str, gateways: str, textract: str = "false") -> int:
        return idle.endpoint_zones({"WorkerEgress": egress, "NatGateways": gateways, "TextractEnabled": textract})

    assert zones("public-ip", "0") == zones("public-ip", "0", "true") == 1
    assert zones("endpoints", "0") == zones("endpoints", "2") == 8
    assert zones("endpoints", "0", "true") == 10
    assert zones("nat", "1") == zones("public-ip", "1") == 0


def test_gateways_are_paid_by_the_hour_with_their_addresses() -> None:
    prod = idle.presets()["prod"]
    row = "NAT gateways and their addresses"
    assert idle.monthly(prod)[row] == pytest.approx(2 * 36.5)
    assert idle.monthly(prod | {"NatGateways": "0"})[row] == 0


def test_a_database_that_pauses_is_woken_by_looks_and_once_a_day_to_delete() -> None:
    woken = idle.monthly(idle.presets()["dev"])["Aurora, woken now and then"]
    wakes = (4 + 1) * prices.HOURS_A_MONTH / 24
    assert woken == pytest.approx(wakes * (300 + 15) / 3600 * prices.AURORA_ACU_HOUR)


def test_queues_are_asked_only_where_something_may_be_in_them() -> None:
    a_queue = 5 * 3 * 60 * 730
    assert idle.queues_asked({"NatGateways": "1"}) == pytest.approx(14 * a_queue)
    assert idle.queues_asked({"NatGateways": "0"}) == pytest.approx(9 * a_queue)


def test_a_fleet_s_resources_count_for_every_fleet() -> None:
    assert idle.count("AWS::ApplicationAutoScaling::ScalableTarget") == len(FLEETS)


def test_every_price_is_either_confirmed_or_said_not_to_be() -> None:
    assert set(prices.CONFIRMED.values()) == {True, False}
