"""What is attached to a mail, and lies in the object store until the mail leaves.

An object that is named by its key must be the account's own: below `attachments/ACCOUNT_ID/`, or of one of its
documents. Another account's key and one that is not there are answered alike, so that nobody learns what exists.
"""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from shared.adapters.s3 import S3Store
from shared.config import MIB
from shared.db.unit_of_work import Database
from shared.errors import AttachmentMissing, MessageTooLarge, ObjectMissing, TwolaneError
from shared.models import Document
from shared.services.drafts import Enclosure
from shared.services.mail import mime
from shared.services.mail.addresses import check_header

log = logging.getLogger(__name__)

INLINE_LIMIT = 3 * MIB
"""Bytes that may come with one request, all attachments together: in base64, what a Lambda function can be sent."""

KEY_LIMIT = 1024
"""Bytes of an object's key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An attachment in the store, as the message's row names it."""

    filename: str
    content_type: str
    key: str

    def as_json(self) -> dict[str, Any]:
        """What the row holds."""
        return {"filename": self.filename, "content_type": self.content_type, "key": self.key}


class Enclosures:
    """Attachments on their way through the store."""

    def __init__(self, database: Database, store: S3Store) -> None:
        self._database = database
        self._store = store

    def sizes(self, account_id: UUID, enclosures: Sequence[Enclosure]) -> list[int]:
        """The bytes of each; nothing is written.

        Raises:
            InvalidHeader: a name that no header can hold.
            MessageTooLarge: more came with the request than may.
            AttachmentMissing: the account has no such object.
            StorageUnavailable: the store did not answer.
        """
        for enclosure in enclosures:
            check_header(enclosure.name, "the name of an attachment")
        inline = sum(len(enclosure.body or b"") for enclosure in enclosures)
        if inline > INLINE_LIMIT:
            raise MessageTooLarge(
                f"The attachments in this request have {inline / MIB:.1f} MiB together, and at most "
                f"{INLINE_LIMIT // MIB} MiB may come with one; put larger ones into the store and send their keys."
            )
        return [self._size(account_id, enclosure) for enclosure in enclosures]

    def keep(self, message_id: UUID, enclosures: Sequence[Enclosure]) -> list[Kept]:
        """Put what came with the request into the store; all or nothing.

        Raises:
            StorageUnavailable: it could not be written; what was is removed again.
        """
        try:
            return [self._keep(message_id, number, enclosure) for number, enclosure in enumerate(enclosures)]
        except TwolaneError:
            self.drop(message_id)
            raise

    def drop(self, message_id: UUID) -> None:
        """Remove what was put into the store for a message that came to nothing."""
        try:
            self._store.delete_prefix(_prefix(message_id))
        except TwolaneError as error:
            # Nobody refers to it; the error that led here is the one to report.
            log.warning("attachments of the message %s, which is not sent, stay in the store: %s", message_id, error)

    def fetch(self, kept: Sequence[dict[str, Any]], text: str, html: str | None) -> list[mime.Attachment]:
        """Read attachments for a mail with this text.

        Their sizes are asked first: whoever owns an object can have changed it since, and memory is bounded.

        Raises:
            AttachmentMissing: one is gone.
            MessageTooLarge: together they are more than a mail carries.
            StorageUnavailable: the store did not answer.
        """
        try:
            mime.check_size([self._store.size(one["key"]) for one in kept], text, html)
            return [mime.Attachment(one["filename"], one["content_type"], self._store.get(one["key"])) for one in kept]
        except ObjectMissing as error:
            raise AttachmentMissing("An attachment of this mail is not in the store any more.") from error

    def _size(self, account_id: UUID, enclosure: Enclosure) -> int:
        if enclosure.body is not None:
            return len(enclosure.body)
        key = enclosure.key or ""
        missing = f"This account has no object {key[:200]!r} to attach; see the documentation of `attachments`."
        if not self._may_attach(account_id, key):
            raise AttachmentMissing(missing)
        try:
            return self._store.size(key)
        except ObjectMissing as error:
            raise AttachmentMissing(missing) from error

    def _may_attach(self, account_id: UUID, key: str) -> bool:
        parts = key.split("/")
        if len(key.encode(errors="replace")) > KEY_LIMIT or not {"", ".", ".."}.isdisjoint(parts):
            return False
        match parts:
            case ["attachments", owner, _, *_]:
                return owner == str(account_id)
            case ["documents", document_id, _, *_]:
                return self._owns(account_id, document_id)
        return False

    def _owns(self, account_id: UUID, text: str) -> bool:
        try:
            document_id = UUID(text)
        except ValueError:
            return False
        mine = select(Document.id).where(Document.id == document_id, Document.account_id == account_id)
        with self._database.read() as session:
            # A UUID can be written in several ways, and only one of them begins our keys.
            return text == str(document_id) and session.scalar(mine) is not None

    def _keep(self, message_id: UUID, number: int, enclosure: Enclosure) -> Kept:
        guessed = mimetypes.guess_type(enclosure.name)[0] or "application/octet-stream"
        kept = Kept(
            enclosure.name, enclosure.content_type or guessed, enclosure.key or _prefix(message_id) + str(number)
        )
        if enclosure.body is not None:
            self._store.put(kept.key, enclosure.body)
        return kept


def _prefix(message_id: UUID) -> str:
    return f"messages/{message_id}/"
