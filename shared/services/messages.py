"""Messages of the light lane, as their account sees them: how far one is, how often it was tried, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.contracts import Notify, SendBulkEmail, SendEmail, SendSms
from shared.db.unit_of_work import Database
from shared.errors import NotFound
from shared.models import JobRow, MessageRow
from shared.values import MessageKind, MessageStatus

_JOBS = {
    MessageKind.EMAIL: (SendEmail, SendBulkEmail),
    MessageKind.SMS: (SendSms,),
    MessageKind.NOTIFICATION: (Notify,),
    MessageKind.BULK: (),
}
_OF_MANY = {MessageKind.BULK, MessageKind.NOTIFICATION}


@dataclass(frozen=True, slots=True)
class MessageState:
    """How far a message is.

    Attributes:
        attempts: how often sending it was tried; of a bulk its parts alone are.
        provider_id: what SES or SNS calls it; None until it was sent, or where its outcome is unknown.
        counts: how many parts there are by status, of a bulk or notification.
    """

    id: UUID
    kind: MessageKind
    status: MessageStatus
    recipient: str | None
    attempts: int
    segments: int | None
    provider_id: str | None
    error_code: str | None
    error_message: str | None
    created_at: datetime
    sent_at: datetime | None
    counts: dict[MessageStatus, int] | None


class Messages:
    """Messages of an account. To all but admins, another account's id is as unknown as none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account_id: UUID, message_id: UUID, *, of_any: bool = False) -> MessageState:
        """Tell how far a message is.

        Args:
            account_id: who asks.
            message_id: which.
            of_any: whether who asks may look at any account's, as admins may.

        Raises:
            NotFound: there is none of that id that they may look at.
        """
        with self._database.read() as session:
            row = session.get(MessageRow, message_id)
            if row is None or (row.account_id != account_id and not of_any):
                message = "There is no such message."
                raise NotFound(message)
            return _state(session, row)


def _state(session: Session, row: MessageRow) -> MessageState:
    job = _job(session, row)
    counts = _counts(session, row.id) if row.kind in _OF_MANY else None
    # What failed and will be tried again says so in the job alone.
    pending = row.error_code is None and row.status == MessageStatus.QUEUED and job is not None
    return MessageState(
        id=row.id,
        kind=row.kind,
        status=_status(row, counts),
        recipient=row.recipient,
        attempts=job.attempt if job else 0,
        segments=row.segments,
        provider_id=row.provider_id,
        error_code=job.error_code if job and pending else row.error_code,
        error_message=job.error_message if job and pending else row.error_message,
        created_at=row.created_at,
        sent_at=row.sent_at,
        counts=counts,
    )


def _status(row: MessageRow, counts: dict[MessageStatus, int] | None) -> MessageStatus:
    """A bulk has no status of its own: it is done when every part is, and sent where one of them was."""
    if row.kind != MessageKind.BULK or counts is None:
        return row.status
    there = (MessageStatus.QUEUED, MessageStatus.SENT, MessageStatus.FAILED)
    return next((status for status in there if counts[status]), MessageStatus.SUPPRESSED)


def _job(session: Session, row: MessageRow) -> JobRow | None:
    keys = [f"{kind.name}:{row.id}" for kind in _JOBS[row.kind]]
    return session.scalar(select(JobRow).where(JobRow.key.in_(keys))) if keys else None


def _counts(session: Session, parent_id: UUID) -> dict[MessageStatus, int]:
    found = session.execute(
        select(MessageRow.status, func.count()).where(MessageRow.parent_id == parent_id).group_by(MessageRow.status)
    )
    return dict.fromkeys(MessageStatus, 0) | {row[0]: row[1] for row in found}
