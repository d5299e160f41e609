"""What becomes of mail after it left: SES tells of bounces and complaints.

Events of a configuration set say `eventType`, an identity's notifications `notificationType`; else they are alike:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, Literal

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import or_, select, update

from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import Transient
from shared.models import MessageRow, utcnow
from shared.models.base import plain
from shared.services.suppressions import suppress
from shared.values import SuppressedChannel

log = logging.getLogger(__name__)

BOUNCE, COMPLAINT = "bounce", "complaint"
BOUNCED, COMPLAINED, REJECTED = "bounced", "complained", "rejected"

_TRIAL = "Successfully validated SNS topic"
"""How the text begins that SES sends, and not as JSON, when it is given a topic."""

NOTED_WITHIN = timedelta(minutes=10)
"""How long after SES took a mail we may still be about to note its id: longer than a function runs, and less than the
five times three minutes for which the queue gives a message again (`maxReceiveCount`, `VisibilityTimeout`)."""

_NOT_SPAM = "not-spam"
"""A complaint that is none: its recipient took the mail out of the spam folder."""


class Said(BaseModel):
    """Part of what SES or SNS says; errors do not quote it, for it names people."""

    model_config = ConfigDict(hide_input_in_errors=True)


class Recipient(Said):
    """Somebody whom a mail did not reach, or who did not want it."""

    address: str = Field(alias="emailAddress", min_length=3)
    diagnosis: str | None = Field(default=None, alias="diagnosticCode")


class Bounce(Said):
    """Mail that came back. Only what is permanent will come back again."""

    kind: Literal["Permanent", "Transient", "Undetermined"] = Field(alias="bounceType")
    subtype: str = Field(default="", alias="bounceSubType")
    recipients: Sequence[Recipient] = Field(alias="bouncedRecipients")


class Complaint(Said):
    """Mail that was called spam."""

    kind: str | None = Field(default=None, alias="complaintFeedbackType")
    recipients: Sequence[Recipient] = Field(alias="complainedRecipients")


class Reject(Said):
    """Mail that SES took and then did not send, for a virus."""

    reason: str = ""


class SentMail(Said):
    """The mail that an event is about."""

    id: str = Field(alias="messageId")
    taken_at: AwareDatetime | None = Field(default=None, alias="timestamp")


class Feedback(Said):
    """One event; which kind it is says which part it has."""

    kind: str = Field(validation_alias=AliasChoices("eventType", "notificationType"))
    mail: SentMail
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    reject: Reject | None = None


class Envelope(Said):
    """A notification of SNS, where it is not delivered raw."""

    kind: Literal["Notification"] = Field(alias="Type")
    message: str = Field(alias="Message")


def parse(body: str) -> Feedback | None:
    """Read an event, in SNS' envelope or without (raw message delivery); None for SES' trial of a new topic.

    Raises:
        ValidationError: it is none.
    """
    try:
        said = Envelope.model_validate_json(body).message
    except ValidationError:
        said = body
    return None if said.startswith(_TRIAL) else Feedback.model_validate_json(said)


class Recorder:
    """Writes down what SES tells."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, feedback: Feedback) -> None:
        """Stop mail to who can't be reached or does not want it, and note it in the message. Safe to repeat.

        Raises:
            ValueError: the event lacks the part that its kind promises.
            Transient: try again: the database is away, or the mail left so lately that its id is not noted yet. Who is
                to be written to no more is on the list by then.
        """
        match feedback.kind:
            case "Bounce":
                noted = self._bounced(feedback.mail.id, _given(feedback.bounce, feedback.kind))
            case "Complaint":
                noted = self._complained(feedback.mail.id, _given(feedback.complaint, feedback.kind))
            case "Reject":
                with self._database.write() as work:
                    reason = _given(feedback.reject, feedback.kind).reason
                    text = f"SES took the mail and did not send it: {reason}"
                    noted = _note(work, feedback.mail.id, REJECTED, text)
            case _:
                log.info("nothing to do for this event", extra={"event": feedback.kind[:60]})
                return
        if not noted:
            _wait_for_note(feedback.mail)

    def _bounced(self, provider_id: str, bounce: Bounce) -> bool:
        said = [f"{bounce.kind} {bounce.subtype}".strip(), *_diagnoses(bounce.recipients)]
        detail = "; ".join(said)[:1000]
        with self._database.write() as work:
            if bounce.kind == "Permanent":
                _suppress_all(work, bounce.recipients, BOUNCE, detail)
            return _note(work, provider_id, BOUNCED, f"The mail came back: {detail}")

    def _complained(self, provider_id: str, complaint: Complaint) -> bool:
        if complaint.kind == _NOT_SPAM:
            log.info("a recipient says that a mail is no spam")
            return True
        detail = complaint.kind or "without a reason"
        with self._database.write() as work:
            _suppress_all(work, complaint.recipients, COMPLAINT, detail)
            return _note(work, provider_id, COMPLAINED, f"The recipient complained about the mail: {detail}")


def _given(part: Any, kind: str) -> Any:
    if part is None:
        message = f"A {kind} event without its {kind.lower()} part."
        raise ValueError(message)
    return part


def _diagnoses(recipients: Sequence[Recipient]) -> Iterator[str]:
    return (recipient.diagnosis for recipient in recipients if recipient.diagnosis)


def _suppress_all(work: UnitOfWork, recipients: Sequence[Recipient], reason: str, detail: str) -> None:
    # In order: two events about the same addresses wait for each other, and neither forever.
    for address in sorted({parseaddr(recipient.address)[1] or recipient.address for recipient in recipients}):
        suppress(work.session, SuppressedChannel.EMAIL, address, reason, detail)


def _wait_for_note(mail: SentMail) -> None:
    """Let an event come again that was faster than the note of its mail's id; later the mail is none of ours."""
    if mail.taken_at is not None and utcnow() - mail.taken_at < NOTED_WITHIN:
        message = f"No message has the id {mail.id[:100]} yet; it may be noted in a moment."
        raise Transient(message)


def _note(work: UnitOfWork, provider_id: str, code: str, text: str) -> bool:
    """Note it in the message; False if none is known by this id. A complaint stays: events come in any order."""
    mine = MessageRow.provider_id == plain(provider_id)
    if work.session.scalar(select(MessageRow.id).where(mine).limit(1)) is None:
        return False
    other = or_(MessageRow.error_code.is_(None), MessageRow.error_code != COMPLAINED)
    work.session.execute(update(MessageRow).where(mine, other).values(error_code=code, error_message=text))
    return True
