"""Notifications: accepted, put into an inbox, passed on to the channels they name; and the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import metrics
from shared.contracts import Notify
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import ChannelUnavailable, NotFound, UnknownRecipient
from shared.models import Account, MessageRow, Notification, utcnow
from shared.services import cursors
from shared.services.mail import variables
from shared.services.notices import Notice
from shared.services.queueing_mail import queue_template
from shared.services.runs import Run
from shared.services.sms import TextMessages
from shared.services.suppressions import MAIL, refuse_suppressed
from shared.values import Caller, Channel, MessageKind, MessageStatus

TEMPLATE = "notification"


class Notifications:
    """Accepts notifications, passes them on, and shows inboxes.

    Args:
        database: where they are.
        texts: the text messages.
        mails: whether this deployment sends mail.
    """

    def __init__(self, database: Database, texts: TextMessages, *, mails: bool) -> None:
        self._database = database
        self._texts = texts
        self._mails = mails

    def submit(self, caller: Caller, notice: Notice, message_id: UUID | None = None) -> UUID:
        """Queue a notification; return its message's id.

        Args:
            caller: who tells; an admin may tell any account, others their own.
            notice: what, and whom.
            message_id: the id it shall have; if there is one of this id already, that is the one.

        Raises:
            UnknownRecipient: no such account, or it has no address on a channel.
            ChannelUnavailable: this deployment sends nothing on a channel.
            RecipientSuppressed: an address may not be written to.
            MessageTooLarge, SpendCapReached: it does not go as a text message.
        """
        new_id = message_id or uuid4()
        # What was accepted stays so, whatever addresses and budgets have become since.
        if self._exists(new_id):
            return new_id
        addresses = self._addresses(caller, notice)
        content = {
            "account_id": str(notice.account_id),
            "title": notice.title,
            "body": notice.body,
            "in_app": Channel.IN_APP in notice.channels,
            "to": {channel.value: address for channel, address in addresses.items()},
        }
        row = MessageRow(
            id=new_id,
            account_id=caller.account_id,
            kind=MessageKind.NOTIFICATION,
            recipient=str(notice.account_id),
            content=content,
        )
        self._add(row)
        return new_id

    def deliver(self, message: Notify, run: Run) -> None:
        """Put a notification into the inbox and queue what goes to other channels: all of it once, or nothing yet.

        Raises:
            NotFound: it is gone.
            UnknownRecipient: the account is.
        """
        with self._database.write() as work:
            # The job is locked before the message, as whoever gives one up does.
            run.complete(work.session)
            row = work.session.get(MessageRow, message.message_id, with_for_update=True)
            if row is None:
                message_gone = f"The notification {message.message_id} is gone, and the account that sent it with it."
                raise NotFound(message_gone)
            self._pass_on(work, row)
            row.status, row.sent_at = MessageStatus.SENT, utcnow()
            row.error_code = row.error_message = None
        run.measure(metrics.SENT_SECONDS, (utcnow() - row.created_at).total_seconds())

    def list(
        self, account_id: UUID, limit: int, cursor: str | None = None, *, unread: bool = False
    ) -> tuple[Sequence[Notification], str | None]:
        """List an account's notifications, newest first, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = select(Notification).where(Notification.account_id == account_id)
        if unread:
            query = query.where(Notification.read_at.is_(None))
        if cursor is not None:
            created_at, last_id = cursors.decode(cursor)
            earlier = and_(Notification.created_at == created_at, Notification.id < last_id)
            query = query.where(or_(Notification.created_at < created_at, earlier))
        query = query.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(limit + 1)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit], cursors.encode(last.created_at, last.id) if last else None

    def read(self, account_id: UUID, notification_id: UUID) -> Notification:
        """Note that a notification was read; when it was for the first time stays.

        Raises:
            NotFound: this account has no such notification.
        """
        with self._database.write() as work:
            row = work.session.get(Notification, notification_id, with_for_update=True)
            if row is None or row.account_id != account_id:
                message = "There is no such notification."
                raise NotFound(message)
            row.read_at = row.read_at or utcnow()
        return row

    def _exists(self, message_id: UUID) -> bool:
        with self._database.read() as session:
            return session.get(MessageRow, message_id) is not None

    def _add(self, row: MessageRow) -> None:
        message_id = row.id
        try:
            with self._database.write() as work:
                work.session.add(row)
                work.session.flush()
                work.send(Notify(message_id=message_id), key=f"{Notify.name}:{message_id}")
        except IntegrityError:
            # The same request, which another process is answering too, has made it.
            if not self._exists(message_id):
                raise

    def _addresses(self, caller: Caller, notice: Notice) -> dict[Channel, str]:
        """Where a notification goes beside the inbox; all that can be wrong with it is said before it is stored."""
        account = None
        if caller.role == "admin" or notice.account_id == caller.account_id:
            with self._database.read() as session:
                account = session.get(Account, notice.account_id)
        if account is None:
            message = "There is no such account."
            raise UnknownRecipient(message, errors=[{"field": "account_id", "message": message}])
        if Channel.EMAIL in notice.channels and not self._mails:
            message = "This deployment sends no mail; its operator can turn it on with MAIL_FROM."
            raise ChannelUnavailable(message)
        known = {Channel.EMAIL: account.email, Channel.SMS: account.phone}
        addresses = {channel: _known(channel, known[channel]) for channel in known if channel in notice.channels}
        if (email := addresses.get(Channel.EMAIL)) is not None:
            with self._database.read() as session:
                refuse_suppressed(session, MAIL, email)
        if (phone := addresses.get(Channel.SMS)) is not None:
            self._texts.check(phone, notice.as_text_message)
        return addresses

    def _pass_on(self, work: UnitOfWork, row: MessageRow) -> None:
        notice = _notice(row)
        _require_account(work.session, notice.account_id)
        if row.content["in_app"] and work.session.get(Notification, row.id) is None:
            work.session.add(
                Notification(id=row.id, account_id=notice.account_id, title=notice.title, body=notice.body)
            )
        to = row.content["to"]
        if (email := to.get(Channel.EMAIL)) is not None:
            said = variables.Notification(title=notice.title, body=notice.body).model_dump(mode="json")
            key = _key(row, Channel.EMAIL)
            queue_template(work, row.account_id, email, TEMPLATE, said, key=key, parent_id=row.id)
        if (phone := to.get(Channel.SMS)) is not None:
            key = _key(row, Channel.SMS)
            self._texts.queue(work, row, phone, notice.as_text_message, key)


def _notice(row: MessageRow) -> Notice:
    said = row.content
    return Notice(UUID(said["account_id"]), said["title"], said["body"], frozenset())


def _require_account(session: Session, account_id: UUID) -> None:
    if session.get(Account, account_id) is None:
        message = f"The account {account_id} is gone; nobody is left to be told."
        raise UnknownRecipient(message)


def _known(channel: Channel, address: str | None) -> str:
    if address is None:
        what = "mail address" if channel == Channel.EMAIL else "phone number"
        message = f"This account has no {what}; set one with PATCH /v1/account."
        raise UnknownRecipient(message, errors=[{"field": "channels", "message": message}])
    return address


def _key(row: MessageRow, channel: Channel) -> str:
    return f"notification:{row.id}:{channel.value}"
