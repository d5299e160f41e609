"""Schedules: when they fire, what they start, and what they say to it."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from functions.run_schedule.handler import Scheduled
from shared.contracts import Job
from shared.schedule_expressions import schedule_expression
from tests.infra.deployments import ALL, deployment, made_by, resources
from tests.infra.stacks import Resource

EVERY_MINUTE = {"RelayOutboxFunction", "PublishMetricsFunction"}
"""Functions that nothing works without."""


def schedules(deployed: str) -> list[Resource]:
    """The schedules of a deployment."""
    return resources(deployed, "AWS::Scheduler::Schedule")


def jobs_named(said: Any) -> list[str]:
    """Every job that a schedule's input names, however deep."""
    if isinstance(said, dict):
        own = [said["job"]] if isinstance(said.get("job"), str) else []
        return own + [name for value in said.values() for name in jobs_named(value)]
    return [name for one in said for name in jobs_named(one)] if isinstance(said, list) else []


@pytest.mark.parametrize("deployed", ALL)
def test_every_schedule_fires(deployed: str) -> None:
    for schedule in schedules(deployed):
        schedule_expression(schedule.properties["ScheduleExpression"])
        wanted = "ENABLED" if is_wanted(deployed, schedule) else "DISABLED"
        assert schedule.properties.get("State", "ENABLED") == wanted, schedule.path


def is_wanted(deployed: str, schedule: Resource) -> bool:
    """Whether the parameters ask for a schedule; those that nobody can do without are always wanted."""
    given = deployment(deployed).parameters
    asked = {
        "RunScheduleFunctionWeeklyDigest": given["WeeklyDigest"] == "On",
        "RunScheduleFunctionReminders": given["Reminders"] == "On",
        "RunScheduleFunctionHealth": given["MailFrom"] != "",
    }
    return bool(asked.get(schedule.path, True))


def test_nobodys_customers_are_written_to_unasked() -> None:
    for schedule in schedules("first deployment"):
        if schedule.path.endswith(("WeeklyDigest", "Reminders")):
            assert schedule.properties["State"] == "DISABLED"


@pytest.mark.parametrize("deployed", ALL)
def test_a_schedule_has_the_name_that_aws_makes_up(deployed: str) -> None:
    """Names are the account's: with its logical id for a name, no second stack could be deployed beside the first."""
    for schedule in schedules(deployed):
        assert "Name" not in schedule.properties, schedule.path


@pytest.mark.parametrize("deployed", ALL)
def test_a_digest_that_was_not_finished_is_gone_on_with_the_same_morning(deployed: str) -> None:
    """A run has five minutes, and a mail a key: who was written to already is not written to again."""
    [digest] = [one for one in schedules(deployed) if one.path.endswith("WeeklyDigest")]
    expression = digest.properties["ScheduleExpression"]
    minute, hours, _, _, weekday, _ = expression.removeprefix("cron(").removesuffix(")").split()
    first, _, last = hours.partition("-")
    assert (minute, weekday) == ("0", "MON")
    assert int(last or first) - int(first) >= 3


@pytest.mark.parametrize("deployed", ALL)
def test_what_was_done_is_forgotten_everywhere_after_as_many_days_as_were_asked_for(deployed: str) -> None:
    [prune] = [one for one in schedules(deployed) if jobs_named(json.loads(said_by(one))) == ["prune"]]
    assert prune.properties.get("State", "ENABLED") == "ENABLED"
    function = made_by(deployed, prune.properties["Target"]["Arn"])
    given = function.properties["Environment"]["Variables"]["RETENTION_DAYS"]
    assert given == deployment(deployed).parameters["RetentionDays"] > 0


def said_by(schedule: Resource) -> str:
    """What a schedule says when it fires, as JSON."""
    return str(schedule.properties["Target"].get("Input", "{}"))


@pytest.mark.parametrize("deployed", ALL)
def test_every_schedule_starts_a_function_that_it_may_start(deployed: str) -> None:
    for schedule in schedules(deployed):
        target = schedule.properties["Target"]
        function = made_by(deployed, target["Arn"])
        role = made_by(deployed, target["RoleArn"])
        [statement] = role.properties["Policies"][0]["PolicyDocument"]["Statement"]
        assert function.kind == "AWS::Lambda::Function"
        assert statement["Resource"] == function.attribute("Arn")


@pytest.mark.parametrize("deployed", ALL)
def test_every_job_that_a_schedule_names_exists(deployed: str) -> None:
    of_schedules = set(get_args(Scheduled.model_fields["job"].annotation))
    known = {message.name for message in Job.__subclasses__()} | of_schedules
    assert of_schedules
    assert of_schedules <= {
        name
        for schedule in schedules(deployed)
        for name in jobs_named(json.loads(schedule.properties["Target"].get("Input", "{}")))
    }
    for schedule in schedules(deployed):
        assert set(jobs_named(json.loads(schedule.properties["Target"].get("Input", "{}")))) <= known


def test_a_job_is_found_in_what_a_schedule_says() -> None:
    assert jobs_named({"job": "a", "with": [{"job": "b"}], "other": {"job": 1}}) == ["a", "b"]


@pytest.mark.parametrize("deployed", ALL)
def test_what_heals_and_what_measures_runs_every_minute(deployed: str) -> None:
    often = {made_by(deployed, one.properties["Target"]["Arn"]).path: one.properties for one in schedules(deployed)}
    assert set(often) >= EVERY_MINUTE
    for name in EVERY_MINUTE:
        assert often[name]["ScheduleExpression"] == "rate(1 minute)"
        # A late run would meet the next one. The schedule hands over once, and Lambda runs once what it was handed.
        once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
        assert often[name]["Target"]["RetryPolicy"] == once
        [invoked] = [
            one.properties
            for one in resources(deployed, "AWS::Lambda::EventInvokeConfig")
            if made_by(deployed, one.properties["FunctionName"]).path == name
        ]
        assert once.items() <= invoked.items()
        assert invoked["Qualifier"] == "$LATEST"
