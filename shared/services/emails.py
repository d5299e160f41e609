"""Mail: accepted. Everything is checked before anything is stored, and what is stored is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from shared.config import Mail
from shared.contracts import SendBulkEmail
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import ChannelUnavailable, InvalidAddress, RecipientSuppressed, TooManyRecipients, TwolaneError
from shared.models import MessageRow, utcnow
from shared.models.base import plain
from shared.services.drafts import BulkDraft, BulkQueued, Draft, Refused
from shared.services.enclosures import Enclosures
from shared.services.mail import mime
from shared.services.mail.addresses import check_header, mail_address
from shared.services.mail.render import checked
from shared.services.queueing_mail import queue
from shared.services.suppressions import BULK_MAIL, MAIL, canonical, refuse_suppressed, suppressed
from shared.values import MessageKind, MessageStatus

RECIPIENTS = 1000
"""Of one bulk."""

_SUBJECT = "the subject"


class Emails:
    """Accepts mail.

    Args:
        database: where messages are.
        enclosures: attachments.
        settings: whether mail is sent at all.
    """

    def __init__(self, database: Database, enclosures: Enclosures, settings: Mail) -> None:
        self._database = database
        self._enclosures = enclosures
        self._enabled = settings.mail_from is not None

    def send(self, account_id: UUID, draft: Draft, message_id: UUID | None = None) -> UUID:
        """Queue a mail.

        Args:
            account_id: whose message it is.
            draft: what it says, to whom.
            message_id: the id it shall have; if there is one of this id already, that is the one.

        Raises:
            ChannelUnavailable, InvalidAddress, InvalidHeader, RecipientSuppressed, AttachmentMissing, MessageTooLarge:
                such a mail is not sent; nothing was stored.
            StorageUnavailable, DatabaseUnavailable: try again; nothing was stored.
        """
        new_id = message_id or uuid4()
        # What was accepted stays so, whatever its recipient and its attachments have become since.
        if self._exists(new_id):
            return new_id
        self._require_channel()
        to = self._recipient(draft.to)
        check_header(draft.subject, _SUBJECT)
        mime.check_size(self._enclosures.sizes(account_id, draft.enclosures), draft.text, draft.html)
        kept = self._enclosures.keep(new_id, draft.enclosures)
        content: dict[str, Any] = {"subject": draft.subject, "text": draft.text, "html": draft.html}
        content["attachments"] = [one.as_json() for one in kept]
        try:
            self._add(account_id, new_id, to, content)
        except TwolaneError:
            self._drop_if_lost(new_id)
            raise
        return new_id

    def send_template(
        self, account_id: UUID, to: str, template: str, variables: Mapping[str, Any], message_id: UUID | None = None
    ) -> UUID:
        """Queue a mail made from a template.

        Args:
            account_id: whose message it is.
            to: one address.
            template: its name.
            variables: what it asks for.
            message_id: as for `send`.

        Raises:
            ChannelUnavailable, InvalidAddress, RecipientSuppressed: such a mail is not sent; nothing was stored.
            TemplateUnknown, TemplateVariableMissing: likewise.
        """
        new_id = message_id or uuid4()
        if not self._exists(new_id):
            self._require_channel()
            address = self._recipient(to)
            self._add(account_id, new_id, address, {"template": template, "variables": checked(template, variables)})
        return new_id

    def send_bulk(self, account_id: UUID, draft: BulkDraft, message_id: UUID | None = None) -> BulkQueued:
        """Queue a mail to each of many. Who can't be written to is told, and never stops the rest.

        Args:
            account_id: whose message it is.
            draft: what it says, to whom; an address that is there twice gets one mail.
            message_id: as for `send`.

        Raises:
            ChannelUnavailable, TooManyRecipients, InvalidHeader, MessageTooLarge: nothing is sent to anybody.
            InvalidAddress, RecipientSuppressed: there is nobody among them who can be written to; nothing was stored.
        """
        new_id = message_id or uuid4()
        if (found := self._bulk(new_id)) is not None:
            return found
        self._require_channel()
        if len(draft.recipients) > RECIPIENTS:
            raise TooManyRecipients(
                f"One request takes {RECIPIENTS} recipients, and this one has {len(draft.recipients)}; send several."
            )
        check_header(draft.subject, _SUBJECT)
        mime.check_size([], draft.text, draft.html)
        wanted, refused = self._sort(draft.recipients)
        if not wanted:
            raise _nobody(refused)
        content: dict[str, Any] = {"subject": draft.subject, "text": draft.text, "html": draft.html}
        content["refused"] = [[one.recipient, one.code] for one in refused]
        parent = MessageRow(id=new_id, account_id=account_id, kind=MessageKind.BULK, content=content)
        try:
            with self._database.write() as work:
                work.session.add(parent)
                work.session.flush()
                _add_parts(work, parent, wanted)
        except IntegrityError:
            # The same request, which another process is answering too, has made it.
            if (found := self._bulk(new_id)) is None:
                raise
            return found
        return BulkQueued(new_id, len(wanted), refused)

    def _require_channel(self) -> None:
        if not self._enabled:
            message = "This deployment sends no mail; its operator can turn it on with MAIL_FROM."
            raise ChannelUnavailable(message)

    def _exists(self, message_id: UUID) -> bool:
        with self._database.read() as session:
            return session.get(MessageRow, message_id) is not None

    def _recipient(self, to: str) -> str:
        """The address of somebody who may be written to."""
        address = mail_address(to)
        with self._database.read() as session:
            refuse_suppressed(session, MAIL, address)
        return address

    def _add(self, account_id: UUID, message_id: UUID, to: str, content: dict[str, Any]) -> None:
        row = MessageRow(id=message_id, account_id=account_id, kind=MessageKind.EMAIL, recipient=to, content=content)
        try:
            with self._database.write() as work:
                work.session.add(row)
                work.session.flush()
                queue(work, message_id)
        except IntegrityError:
            # The same request, which another process is answering too, has made it.
            if not self._exists(message_id):
                raise

    def _drop_if_lost(self, message_id: UUID) -> None:
        """Remove the attachments of a mail that was not stored; where that can't be known, they are left."""
        try:
            stored = self._exists(message_id)
        except TwolaneError:
            return
        if not stored:
            self._enclosures.drop(message_id)

    def _bulk(self, message_id: UUID) -> BulkQueued | None:
        with self._database.read() as session:
            parent = session.get(MessageRow, message_id)
            if parent is None:
                return None
            parts = session.scalar(select(func.count()).where(MessageRow.parent_id == message_id)) or 0
        return BulkQueued(message_id, parts, [Refused(*one) for one in parent.content["refused"]])

    def _sort(self, recipients: Iterable[str]) -> tuple[list[str], list[Refused]]:
        """Tell who can be written to, each once, from who can't."""
        good: dict[str, str] = {}
        refused: dict[str, Refused] = {}
        for text in recipients:
            try:
                address = mail_address(text)
                good.setdefault(canonical(address), address)
            except InvalidAddress as error:
                # As the row can hold it, so that the first answer and a repeated one are the same.
                shown = plain(text)
                refused.setdefault(shown, Refused(shown, error.code))
        with self._database.read() as session:
            for listed in suppressed(session, BULK_MAIL, good):
                refused.setdefault(listed, Refused(good.pop(listed), RecipientSuppressed.code))
        return list(good.values()), list(refused.values())


def _nobody(refused: Sequence[Refused]) -> TwolaneError:
    """The error of a bulk that nobody gets: that of its recipients, who are all in the same case or some wrong."""
    named = [{"field": "recipients", "message": f"{one.recipient}: {one.code}"} for one in refused]
    kind = RecipientSuppressed if all(one.code == RecipientSuppressed.code for one in refused) else InvalidAddress
    return kind("None of the recipients can be written to; `errors` says why. Nothing was sent.", errors=named)


def _add_parts(work: UnitOfWork, parent: MessageRow, addresses: list[str]) -> None:
    """Add a message and a job for each; what they say is the parent's."""
    if not addresses:
        return
    same = {
        "account_id": parent.account_id,
        "kind": MessageKind.EMAIL,
        "status": MessageStatus.QUEUED,
        "parent_id": parent.id,
        "content": {},
        "created_at": utcnow(),
    }
    rows = [{**same, "id": uuid4(), "recipient": address} for address in addresses]
    work.session.execute(insert(MessageRow), rows)
    jobs = [SendBulkEmail(message_id=row["id"]) for row in rows]
    work.send_all({f"{job.name}:{job.message_id}": job for job in jobs})
