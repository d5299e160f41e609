"""What becomes of mail after it left: SES tells of bounces and complaints.

Events of a configuration set say `eventType`, an identity's notifications `notificationType`; else they are alike:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import or_, update

from shared.db.unit_of_work import Database, UnitOfWork
from shared.models import MessageRow
from shared.models.base import plain
from shared.services.suppressions import suppress
from shared.values import SuppressedChannel

log = logging.getLogger(__name__)

BOUNCE, COMPLAINT = "bounce", "complaint"
BOUNCED, COMPLAINED, REJECTED = "bounced", "complained", "rejected"

_TRIAL = "Successfully validated SNS topic"
"""How the text begins that SES sends, and not as JSON, when it is given a topic."""

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
            DatabaseUnavailable: try again.
        """
        match feedback.kind:
            case "Bounce":
                self._bounced(feedback.mail.id, _given(feedback.bounce, feedback.kind))
            case "Complaint":
                self._complained(feedback.mail.id, _given(feedback.complaint, feedback.kind))
            case "Reject":
                with self._database.write() as work:
                    reason = _given(feedback.reject, feedback.kind).reason
                    _note(work, feedback.mail.id, REJECTED, f"SES took the mail and did not send it: {reason}")
            case _:
                log.info("nothing to do for this event", extra={"event": feedback.kind[:60]})

    def _bounced(self, provider_id: str, bounce: Bounce) -> None:
        said = [f"{bounce.kind} {bounce.subtype}".strip(), *_diagnoses(bounce.recipients)]
        detail = "; ".join(said)[:1000]
        with self._database.write() as work:
            if bounce.kind == "Permanent":
                _suppress_all(work, bounce.recipients, BOUNCE, detail)
            _note(work, provider_id, BOUNCED, f"The mail came back: {detail}")

    def _complained(self, provider_id: str, complaint: Complaint) -> None:
        if complaint.kind == _NOT_SPAM:
            log.info("a recipient says that a mail is no spam")
            return
        detail = complaint.kind or "without a reason"
        with self._database.write() as work:
            _suppress_all(work, complaint.recipients, COMPLAINT, detail)
            _note(work, provider_id, COMPLAINED, f"The recipient complained about the mail: {detail}")


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


def _note(work: UnitOfWork, provider_id: str, code: str, text: str) -> None:
    """Note it in the message, if it is one of ours. A complaint stays: events come in any order, and again."""
    other = or_(MessageRow.error_code.is_(None), MessageRow.error_code != COMPLAINED)
    work.session.execute(
        update(MessageRow)
        .where(MessageRow.provider_id == plain(provider_id), other)
        .values(error_code=code, error_message=text)
    )
