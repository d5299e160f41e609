"""Queues, their dead letters, and what sends into them."""

from __future__ import annotations

import pytest

from tests.infra.deployments import ALL, deployment, made_by, resources
from tests.infra.stacks import Resource

QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"


def dead_letters_of(deployed: str, queue: Resource) -> Resource:
    """The queue where a queue's messages go that were given up."""
    return made_by(deployed, queue.properties["RedrivePolicy"]["deadLetterTargetArn"])


def collects_dead_letters(deployed: str) -> set[str]:
    """The paths of queues that hold what was given up: behind queues, rules, schedules and functions."""
    found = {
        dead_letters_of(deployed, queue).path
        for queue in resources(deployed, QUEUE)
        if "RedrivePolicy" in queue.properties
    }
    for resource in deployment(deployed).all("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
        targets = resource.properties.get("Targets") or [resource.properties["Target"]]
        found |= {
            made_by(deployed, one["DeadLetterConfig"]["Arn"]).path for one in targets if "DeadLetterConfig" in one
        }
    return found


@pytest.mark.parametrize("deployed", ALL)
def test_every_queue_is_invisible_for_six_times_its_function_timeout(deployed: str) -> None:
    for mapping in resources(deployed, MAPPING):
        queue = made_by(deployed, mapping.properties["EventSourceArn"])
        function = made_by(deployed, mapping.properties["FunctionName"])
        assert queue.properties["VisibilityTimeout"] >= 6 * function.properties["Timeout"]


@pytest.mark.parametrize("deployed", ALL)
def test_a_batch_gives_back_only_what_failed(deployed: str) -> None:
    for mapping in resources(deployed, MAPPING):
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("deployed", ALL)
def test_a_full_queue_leaves_concurrency_to_others(deployed: str) -> None:
    """Lambda takes 2 to 1000; an account begins with 10 for all functions together."""
    for mapping in resources(deployed, MAPPING):
        assert 2 <= mapping.properties["ScalingConfig"]["MaximumConcurrency"] <= 5


@pytest.mark.parametrize("deployed", ALL)
def test_every_queue_has_dead_letters_that_outlive_it(deployed: str) -> None:
    collecting = collects_dead_letters(deployed)
    for queue in resources(deployed, QUEUE):
        if queue.path not in collecting:
            kept = dead_letters_of(deployed, queue).properties["MessageRetentionPeriod"]
            assert kept >= queue.properties["MessageRetentionPeriod"]
            assert queue.properties["RedrivePolicy"]["maxReceiveCount"] >= 3


@pytest.mark.parametrize("deployed", ALL)
def test_every_queue_of_dead_letters_has_an_alarm(deployed: str) -> None:
    watched = {
        dimension["Value"]
        for alarm in resources(deployed, "AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        for dimension in alarm.properties["Dimensions"]
    }
    for path in collects_dead_letters(deployed):
        assert made_by(deployed, "${" + path + "}").attribute("QueueName") in watched, path


@pytest.mark.parametrize("deployed", ALL)
def test_events_that_cannot_be_delivered_are_kept(deployed: str) -> None:
    for rule in resources(deployed, "AWS::Events::Rule"):
        assert all("DeadLetterConfig" in target for target in rule.properties["Targets"])


@pytest.mark.parametrize("deployed", ALL)
def test_only_the_rules_that_feed_a_queue_may_send_to_it(deployed: str) -> None:
    rules = {rule.attribute("Arn") for rule in resources(deployed, "AWS::Events::Rule")}
    for policy in resources(deployed, "AWS::SQS::QueuePolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] in rules


@pytest.mark.parametrize("deployed", ALL)
def test_only_uploads_are_ingested(deployed: str) -> None:
    [rule] = resources(deployed, "AWS::Events::Rule")
    assert rule.properties["EventPattern"]["detail"]["object"]["key"] == [{"prefix": "uploads/"}]
    assert rule.properties["EventPattern"]["detail-type"] == ["Object Created"]
