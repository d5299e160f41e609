"""What SES tells of mail after it left, as SNS and SQS bring it: events in the form that AWS documents."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.record_feedback import handler as record_feedback
from shared.bootstrap import Services
from shared.errors import RecipientSuppressed
from shared.models import MessageRow, Suppression, utcnow
from shared.services.drafts import Draft
from shared.services.messages import MessageState
from shared.values import MessageStatus, SuppressedChannel
from tests.support.light_lane import at_once, returned, sqs
from tests.support.rows import Rows

EVENTS = Path(__file__).parents[2] / "events"
ADA = "ada@example.com"


def event(name: str) -> str:
    """What SES says."""
    return (EVENTS / "ses" / f"{name}.json").read_text()


def enveloped(message: str) -> str:
    """The same as SNS brings it where raw delivery is off."""
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:1:feedback", "Message": message})


def tell(*bodies: str) -> int:
    """Hand messages to the function; how many SQS shall give again."""
    return returned(record_feedback.handler(sqs(*bodies), LambdaContext()))


@pytest.fixture
def message(stack: Services, account: UUID, rows: Rows) -> UUID:
    """The mail that the events are about, as it was sent."""
    message_id = stack.emails.send(account, Draft(ADA, "Your documents", "Hello"))
    provider_id = json.loads(event("bounce_permanent"))["mail"]["messageId"]
    rows.change(MessageRow, message_id, status=MessageStatus.SENT, provider_id=provider_id)
    return message_id


def listed(stack: Services) -> list[tuple[str, str]]:
    """Who is written to no more, and why."""
    return [(row.address, row.reason) for row in stack.suppressions.list(SuppressedChannel.EMAIL, 200)[0]]


def state(stack: Services, account: UUID, message_id: UUID) -> MessageState:
    return stack.messages.get(account, message_id)


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    ("name", "reason", "code"),
    [
        ("bounce_permanent", "bounce", "bounced"),
        ("notification_bounce", "bounce", "bounced"),
        ("complaint", "complaint", "complained"),
        ("notification_complaint", "complaint", "complained"),
    ],
)
def test_who_cannot_be_reached_or_complains_is_written_to_no_more(  # noqa: PLR0913, PLR0917  # both ways of each
    stack: Services,
    account: UUID,
    message: UUID,
    name: str,
    reason: str,
    code: str,
    raw: bool,  # noqa: FBT001
) -> None:
    assert tell(event(name) if raw else enveloped(event(name))) == 0
    assert listed(stack) == [(ADA, reason)]
    shown = state(stack, account, message)
    assert (shown.status, shown.error_code) == (MessageStatus.SENT, code)
    with pytest.raises(RecipientSuppressed):
        stack.emails.send(account, Draft("Ada@Example.com", "Again", "Hello"))


@pytest.mark.parametrize(
    ("name", "code", "stopped"),
    [("bounce_permanent", "bounced", 1), ("complaint", "complained", 1), ("reject", "rejected", 0)],
)
def test_news_that_are_faster_than_our_own_note_come_again(  # noqa: PLR0913, PLR0917  # each kind of news
    stack: Services, account: UUID, message: UUID, rows: Rows, name: str, code: str, stopped: int
) -> None:
    news = json.loads(event(name))
    provider_id = news["mail"]["messageId"]
    rows.change(MessageRow, message, provider_id=None)
    news["mail"]["timestamp"] = (utcnow() - timedelta(seconds=2)).isoformat()
    assert tell(json.dumps(news)) == 1
    assert len(listed(stack)) == stopped
    rows.change(MessageRow, message, provider_id=provider_id)
    assert tell(json.dumps(news), json.dumps(news)) == 0
    assert state(stack, account, message).error_code == code


@pytest.mark.parametrize("timestamp", ["2026-11-02T09:15:27.309Z", None])
def test_news_of_a_mail_that_is_long_gone_or_not_ours_come_once(stack: Services, timestamp: str | None) -> None:
    news = json.loads(event("complaint"))
    news["mail"]["timestamp"] = timestamp
    assert tell(json.dumps(news)) == 0
    assert listed(stack) == [(ADA, "complaint")]


def test_an_event_that_no_database_takes_stops_mail_all_the_same(stack: Services) -> None:
    hostile = json.loads(event("bounce_permanent"))
    hostile["mail"]["messageId"] = "a\x00b"
    [recipient] = hostile["bounce"]["bouncedRecipients"]
    recipient |= {"emailAddress": "a\x00b@example.com", "diagnosticCode": "550 \x00"}
    assert tell(json.dumps(hostile)) == 0
    assert listed(stack) == [("ab@example.com", "bounce")]


@pytest.mark.parametrize("name", ["bounce_transient", "bounce_undetermined"])
def test_what_may_arrive_next_time_stops_nothing(stack: Services, account: UUID, message: UUID, name: str) -> None:
    assert tell(enveloped(event(name))) == 0
    assert listed(stack) == []
    shown = state(stack, account, message)
    assert shown.error_code == "bounced"
    assert shown.error_message
    assert "smtp;" in shown.error_message


def test_mail_that_ses_took_and_did_not_send_says_so(stack: Services, account: UUID, message: UUID) -> None:
    assert tell(event("reject")) == 0
    assert listed(stack) == []
    assert state(stack, account, message).error_code == "rejected"


@pytest.mark.parametrize("name", ["delivery", "delivery_delay", "complaint_not_spam"])
def test_other_news_changes_nothing(stack: Services, account: UUID, message: UUID, name: str) -> None:
    assert tell(event(name), enveloped(event(name))) == 0
    assert listed(stack) == []
    assert state(stack, account, message).error_code is None


def test_ses_trying_a_new_topic_is_no_failure(stack: Services) -> None:
    trial = "Successfully validated SNS topic for Amazon SES event publishing."
    assert tell(trial, enveloped(trial)) == 0
    assert listed(stack) == []


def test_the_same_news_many_times_at_once_is_one_entry(stack: Services, account: UUID, message: UUID) -> None:
    batch = sqs(*[enveloped(event("bounce_permanent"))] * 3)
    assert sum(returned(answer) for answer in at_once(record_feedback.handler, batch)) == 0
    assert listed(stack) == [(ADA, "bounce")]
    assert state(stack, account, message).error_code == "bounced"


def test_a_complaint_stays_whatever_comes_after_it(stack: Services, account: UUID, message: UUID) -> None:
    tell(event("complaint"), event("bounce_permanent"), event("bounce_transient"))
    assert listed(stack) == [(ADA, "complaint")]
    assert state(stack, account, message).error_code == "complained"


def test_news_of_a_mail_that_is_not_ours_still_stops_mail(stack: Services) -> None:
    assert tell(event("bounce_permanent")) == 0
    assert listed(stack) == [(ADA, "bounce")]


def without(path: str) -> str:
    """A permanent bounce that lacks something."""
    said = json.loads(event("bounce_permanent"))
    *parents, name = path.split(".")
    place: Any = said
    for parent in parents:
        place = place[parent]
    del place[name]
    return json.dumps(said)


@pytest.mark.parametrize(
    "body",
    [
        "garbage",
        "{}",
        "[]",
        "null",
        without("mail"),
        without("mail.messageId"),
        without("bounce"),
        without("bounce.bounceType"),
        without("bounce.bouncedRecipients"),
        event("bounce_permanent").replace("Permanent", "Perhaps"),
    ],
)
def test_what_is_no_news_comes_again_and_ends_among_the_dead_letters(stack: Services, rows: Rows, body: str) -> None:
    assert tell(body, enveloped(body), event("bounce_permanent")) == 2
    assert rows.count(Suppression) == 1
    assert stack


def test_the_recorded_event_is_understood(stack: Services) -> None:
    recorded = json.loads((EVENTS / "record_feedback.json").read_text())
    assert returned(record_feedback.handler(recorded, LambdaContext())) == 0
    assert listed(stack) == [("gone@example.com", "bounce")]
