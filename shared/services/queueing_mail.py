"""Mail that follows from something else: queued in the transaction of whatever it follows from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from shared.contracts import SendBulkEmail, SendEmail
from shared.db.inserting import insert_into
from shared.db.unit_of_work import UnitOfWork
from shared.models import MessageRow
from shared.values import MessageKind, MessageStatus


def queue_template(  # noqa: PLR0913  # everything one mail has
    work: UnitOfWork,
    account_id: UUID,
    to: str,
    template: str,
    variables: Mapping[str, Any],
    *,
    key: str | None = None,
    parent_id: UUID | None = None,
    bulk: bool = False,
) -> UUID:
    """Queue a mail made from a template; it leaves after the caller's transaction has committed.

    Nothing is checked here: an address or a variable that turns out wrong is a dead letter of that mail alone and does
    not stop what it follows from.

    Args:
        work: the caller's transaction.
        account_id: whose message it is.
        to: one address.
        template: its name, see `shared.services.mail`.
        variables: what the template asks for, as JSON.
        key: unique name of the effect; a key that has its mail makes no other.
        parent_id: the message it is part of.
        bulk: mail of many that say the same: it yields to other mail and carries unsubscribe headers.

    Returns:
        The id of the message, or of the one that has the key already.
    """
    columns = {
        "id": uuid4(),
        "account_id": account_id,
        "kind": MessageKind.EMAIL,
        "status": MessageStatus.QUEUED,
        "parent_id": parent_id,
        "key": key,
        "recipient": to,
        "content": {"template": template, "variables": dict(variables)},
    }
    statement = (
        insert_into(work.session, MessageRow).values(columns).on_conflict_do_nothing(index_elements=[MessageRow.key])
    )
    message_id: UUID | None = work.session.scalar(statement.returning(MessageRow.id))
    if message_id is None:
        return work.session.scalars(select(MessageRow.id).where(MessageRow.key == key)).one()
    queue(work, message_id, bulk=bulk)
    return message_id


def queue(work: UnitOfWork, message_id: UUID, *, bulk: bool = False) -> UUID:
    """Send the job that sends a mail; once a message. Returns the job's id."""
    job = SendBulkEmail(message_id=message_id) if bulk else SendEmail(message_id=message_id)
    return work.send(job, key=f"{job.name}:{message_id}")
