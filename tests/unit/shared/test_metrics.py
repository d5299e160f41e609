"""Every metric, and the lines that carry them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from shared import log as logs
from shared import metrics
from tests.support.emf import metrics_of

OF_THE_STACK = (("Stack", "prod"),)
OF_THE_FLEET = (("Stack", "prod"), ("Fleet", "ocr"))


@pytest.fixture
def root_logger() -> Iterator[None]:
    """The root logger is as before after the test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    metrics.log.setLevel(logging.NOTSET)


def test_every_name_is_declared_once() -> None:
    names = [metric.name for metric in metrics.METRICS]
    assert len(names) == len(set(names))


def test_every_declared_metric_is_listed() -> None:
    declared = {value for value in vars(metrics).values() if isinstance(value, metrics.Metric)}
    assert declared == set(metrics.METRICS)


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_one_that_cloudwatch_takes(metric: metrics.Metric, capsys: pytest.CaptureFixture[str]) -> None:
    metrics.write({metric: 1.5}, stack="prod", fleet="ocr", channel="email")
    given = {"Stack": "prod", "Fleet": "ocr", "Channel": "email"}
    dimensions = tuple((name, given[name]) for name in metric.dimensions)
    assert metrics_of(capsys.readouterr().out) == {(metric.name, dimensions): 1.5}


def test_one_line_carries_metrics_of_fleet_and_stack(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.write({metrics.JOB_SECONDS: 0.5, metrics.PAGES_READ: 3, metrics.JOBS_FAILED: 1}, stack="prod", fleet="ocr")
    [line] = capsys.readouterr().out.splitlines()
    assert metrics_of(line) == {
        ("JobSeconds", OF_THE_FLEET): 0.5,
        ("JobsFailed", OF_THE_FLEET): 1,
        ("PagesRead", OF_THE_STACK): 3,
    }
    assert {one["Namespace"] for one in json.loads(line)["_aws"]["CloudWatchMetrics"]} == {"Twolane"}


@pytest.mark.usefixtures("root_logger")
def test_a_log_line_with_metrics_is_written_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ERROR")
    logging.getLogger("workers.job").info("nobody asked")
    metrics.log.info("succeeded", extra=metrics.fields({metrics.JOBS_SUCCEEDED: 1}, stack="prod", fleet="ocr"))
    [line] = capsys.readouterr().out.splitlines()
    assert metrics_of(line) == {("JobsSucceeded", OF_THE_FLEET): 1}
    assert json.loads(line)["message"] == "succeeded"
