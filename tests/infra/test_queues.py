"""Queues, their dead letters, and what sends into them."""

from __future__ import annotations

import json

import pytest

from shared.contracts import LIGHT_QUEUES
from shared.events import EVENTS, SOURCE
from shared.services.feedback import BOUNCE, COMPLAINT
from tests.infra.deployments import ALL, REACHING_OUT, deployment, made_by, resources
from tests.infra.stacks import Resource
from tests.infra.watching import named_by_alarms

QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"
SENDING = {"SendEmailFunction", "SendSmsFunction", "NotifyFunction", "DeliverWebhookFunction"}
"""Functions that can do nothing without a way out; the others write into the database alone."""


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
    found |= {
        made_by(deployed, one.properties["RedrivePolicy"]["deadLetterTargetArn"]).path
        for one in deployment(deployed).all("AWS::SNS::Subscription")
        if "RedrivePolicy" in one.properties
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
def test_queues_are_looked_into_where_something_may_be_in_them(deployed: str) -> None:
    for mapping in resources(deployed, MAPPING):
        needs_a_way_out = made_by(deployed, mapping.properties["FunctionName"]).path in SENDING
        assert mapping.properties.get("Enabled", True) is (not needs_a_way_out or deployed in REACHING_OUT), (
            mapping.path
        )


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
            # SQS counts from when a message was first sent, and goes on counting in the queue of dead letters.
            assert kept - queue.properties["MessageRetentionPeriod"] >= 10 * 24 * 3600
            assert queue.properties["RedrivePolicy"]["maxReceiveCount"] >= 3


@pytest.mark.parametrize("deployed", ALL)
def test_every_queue_of_dead_letters_has_an_alarm(deployed: str) -> None:
    watched = {
        one.dimensions["QueueName"]
        for one in named_by_alarms(deployment(deployed))
        if one.name == "ApproximateNumberOfMessagesNotVisible"
    }
    for path in collects_dead_letters(deployed):
        assert made_by(deployed, "${" + path + "}").attribute("QueueName") in watched, path


@pytest.mark.parametrize("deployed", ALL)
def test_events_that_cannot_be_delivered_are_kept(deployed: str) -> None:
    for rule in resources(deployed, "AWS::Events::Rule"):
        assert all("DeadLetterConfig" in target for target in rule.properties["Targets"])


@pytest.mark.parametrize("deployed", ALL)
def test_what_cannot_become_a_row_comes_again_and_is_lost_to_no_limit(deployed: str) -> None:
    """The function of dead letters has no dead letters: its queues have no redrive policy."""
    mappings = [one.properties for one in resources(deployed, MAPPING)]
    consumed = {
        made_by(deployed, one["EventSourceArn"]).path
        for one in mappings
        if made_by(deployed, one["FunctionName"]).path == "RecordDeadLetterFunction"
    }
    assert consumed == collects_dead_letters(deployed)
    for path in consumed:
        assert "RedrivePolicy" not in deployment(deployed).own[path].properties


@pytest.mark.parametrize("deployed", ALL)
def test_dead_letters_are_known_by_the_names_that_settings_give_the_queues(deployed: str) -> None:
    [recorder] = [one for one in resources(deployed, "AWS::Lambda::Function") if one.path == "RecordDeadLetterFunction"]
    given = json.loads(recorder.properties["Environment"]["Variables"]["DEAD_LETTER_QUEUES"])
    assert set(given) == {*LIGHT_QUEUES, "feedback", "ingest"}
    for name, arn in given.items():
        [queue] = [
            one
            for one in resources(deployed, QUEUE)
            if one.properties.get("RedrivePolicy", {}).get("deadLetterTargetArn") == arn
        ]
        assert queue.path == "".join(word.capitalize() for word in name.split("_")) + "Queue"


@pytest.mark.parametrize("deployed", ALL)
def test_settings_know_queues_by_the_names_of_the_resources(deployed: str) -> None:
    given = json.loads(deployment(deployed).outputs["LightQueues"])
    assert set(given) == {*LIGHT_QUEUES, "feedback", "ingest"}
    for name, url in given.items():
        assert made_by(deployed, url).path == "".join(word.capitalize() for word in name.split("_")) + "Queue"


@pytest.mark.parametrize("deployed", ALL)
def test_only_what_feeds_a_queue_may_send_to_it(deployed: str) -> None:
    rules = {rule.attribute("Arn"): rule for rule in resources(deployed, "AWS::Events::Rule")}
    topics = {topic.ref for topic in resources(deployed, "AWS::SNS::Topic")}
    for policy in resources(deployed, "AWS::SQS::QueuePolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            source = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            known = {"events.amazonaws.com": set(rules), "sns.amazonaws.com": topics}
            assert source in known[statement["Principal"]["Service"]]


@pytest.mark.parametrize("deployed", ALL)
def test_what_a_rule_or_a_subscription_sends_the_queue_and_its_dead_letters_take(deployed: str) -> None:
    allowed = {
        (statement["Condition"]["ArnEquals"]["aws:SourceArn"], target)
        for policy in resources(deployed, "AWS::SQS::QueuePolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for target in statement["Resource"]
    }
    for rule in resources(deployed, "AWS::Events::Rule"):
        for target in rule.properties["Targets"]:
            for queue in (target["Arn"], target["DeadLetterConfig"]["Arn"]):
                assert (rule.attribute("Arn"), queue) in allowed
    for one in resources(deployed, "AWS::SNS::Subscription"):
        if one.properties["Protocol"] == "sqs":
            for queue in (one.properties["Endpoint"], one.properties["RedrivePolicy"]["deadLetterTargetArn"]):
                assert (one.properties["TopicArn"], queue) in allowed


@pytest.mark.parametrize("deployed", ALL)
def test_only_uploads_are_ingested(deployed: str) -> None:
    [rule] = [one for one in resources(deployed, "AWS::Events::Rule") if one.path == "UploadedRule"]
    assert rule.properties["EventPattern"]["detail"]["object"]["key"] == [{"prefix": "uploads/"}]
    assert rule.properties["EventPattern"]["detail-type"] == ["Object Created"]


@pytest.mark.parametrize("deployed", ALL)
def test_every_event_of_ours_is_passed_on(deployed: str) -> None:
    [rule] = [one for one in resources(deployed, "AWS::Events::Rule") if one.path == "HappenedRule"]
    [bus] = resources(deployed, "AWS::Events::EventBus")
    assert rule.properties["EventBusName"] == bus.ref
    assert rule.properties["EventPattern"]["source"] == [SOURCE]
    prefixes = {one["prefix"] for one in rule.properties["EventPattern"]["detail-type"]}
    assert {f"{kind.partition('.')[0]}." for kind in EVENTS} == prefixes
    [target] = rule.properties["Targets"]
    assert made_by(deployed, target["Arn"]).path == "NotifyQueue"


@pytest.mark.parametrize("deployed", ALL)
def test_bounces_complaints_and_rejects_come_back(deployed: str) -> None:
    [destination] = resources(deployed, "AWS::SES::ConfigurationSetEventDestination")
    told = destination.properties["EventDestination"]
    assert set(told["MatchingEventTypes"]) == {BOUNCE, COMPLAINT, "reject"}
    assert told["Enabled"] is True
    [subscription] = [one for one in resources(deployed, "AWS::SNS::Subscription") if "FeedbackQueue" in str(one)]
    assert subscription.properties["TopicArn"] == told["SnsDestination"]["TopicARN"]
    # What record_feedback reads is what SES said, without SNS' envelope.
    assert subscription.properties["RawMessageDelivery"] is True
    sender = deployment(deployed).own["SendEmailFunction"].properties["Environment"]["Variables"]
    assert sender["SES_CONFIGURATION_SET"] == destination.properties["ConfigurationSetName"]


@pytest.mark.parametrize("deployed", ALL)
def test_who_may_be_written_to_is_said_in_one_list_alone(deployed: str) -> None:
    """Ours. Whom it lets through again, the list of SES' account must not hold back in silence."""
    [made] = resources(deployed, "AWS::SES::ConfigurationSet")
    assert made.properties["SuppressionOptions"] == {"SuppressedReasons": []}


@pytest.mark.parametrize("deployed", ALL)
def test_mail_reaches_servers_that_know_no_tls(deployed: str) -> None:
    """Password resets too: where TLS is required, SES drops what it cannot encrypt on the way."""
    [made] = resources(deployed, "AWS::SES::ConfigurationSet")
    assert made.properties["DeliveryOptions"] == {"TlsPolicy": "OPTIONAL"}


@pytest.mark.parametrize("deployed", ALL)
def test_ses_may_use_the_key_for_this_topic_and_names_no_account(deployed: str) -> None:
    """It tries the topic when the destination is made: a condition that it does not meet rolls the deployment back."""
    [key] = resources(deployed, "AWS::KMS::Key")
    [topic] = [one for one in resources(deployed, "AWS::SNS::Topic") if one.path == "MailFeedback"]
    [statement] = [
        one
        for one in key.properties["KeyPolicy"]["Statement"]
        if one["Principal"].get("Service") == "ses.amazonaws.com"
    ]
    [(kind, [(context, arn)])] = [(kind, list(one.items())) for kind, one in statement["Condition"].items()]
    assert (kind, context) == ("StringLike", "kms:EncryptionContext:aws:sns:topicArn")
    assert arn.endswith(f"-{topic.path}-*")


@pytest.mark.parametrize("deployed", ALL)
def test_services_that_publish_to_an_encrypted_topic_may_use_its_key(deployed: str) -> None:
    """SNS drops what a publisher may not encrypt."""
    for policy in resources(deployed, "AWS::SNS::TopicPolicy"):
        [topic] = [made_by(deployed, ref) for ref in policy.properties["Topics"]]
        key = made_by(deployed, topic.properties["KmsMasterKeyId"])
        users = {one["Principal"].get("Service") for one in key.properties["KeyPolicy"]["Statement"]}
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"]["Service"] in users
