"""Mail by the week and by the month: what was read, and that nothing was.

Both are mail of many that say the same: they yield to other mail, can be unsubscribed from, and whoever did gets none.
Each account's has a key of its week or month, so that a schedule that fires twice sends nothing twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from shared.config import Mail
from shared.db.unit_of_work import Database, UnitOfWork
from shared.models import Account, ApiKey, Document, DocumentStatus, MessageRow
from shared.services.mail.variables import ErrorCount, InactiveReminder, Variables, WeeklyDigest
from shared.services.queueing_mail import queue_template
from shared.services.suppressions import BULK_MAIL, canonical, suppressed

BATCH = 200
"""Accounts in memory, and in one transaction, at a time."""

INACTIVE = timedelta(days=30)
"""Without a document or a new key."""

ERRORS = 5
"""Kinds of errors that a digest names."""


@dataclass(frozen=True, slots=True)
class Week:
    """A calendar week, Monday to Sunday, UTC; `end` is no part of it."""

    start: datetime
    end: datetime

    @classmethod
    def before(cls, now: datetime) -> Week:
        """The last one that is over."""
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        monday = midnight - timedelta(days=midnight.weekday())
        return cls(monday - timedelta(days=7), monday)

    @property
    def last_day(self) -> date:
        """Its Sunday."""
        return (self.end - timedelta(days=1)).date()

    @property
    def holds(self) -> tuple[ColumnElement[bool], ...]:
        """Of documents: that they came in it."""
        return (Document.created_at >= self.start, Document.created_at < self.end)

    @property
    def name(self) -> str:
        """As ISO 8601 calls it, e.g. `2026-W48`."""
        year, week, _ = self.start.isocalendar()
        return f"{year}-W{week:02}"


class Digests:
    """Queues them.

    Args:
        database: where accounts and documents are.
        mail: whether mail is sent at all.
    """

    def __init__(self, database: Database, mail: Mail) -> None:
        self._database = database
        self._mails = mail.mail_from is not None

    def weekly(self, now: datetime) -> int:
        """Queue a digest of the last week that is over for every account that had documents; return how many."""
        week = Week.before(now)
        queued = 0
        for accounts in self._batches(exists().where(Document.account_id == Account.id, *week.holds)):
            with self._database.write() as work:
                due = _due(work.session, accounts, lambda account: f"digest:{account.id}:{week.name}")
                summaries = _summaries(work.session, [one.account.id for one in due], week)
                for one in due:
                    one.queue(work, "weekly_digest", summaries[one.account.id].of(one.account, week))
            queued += len(due)
        return queued

    def remind(self, now: datetime) -> int:
        """Queue a reminder, one a calendar month, for every account that has been inactive; return how many."""
        since = now - INACTIVE
        inactive = (
            Account.created_at < since,
            ~exists().where(Document.account_id == Account.id, Document.created_at >= since),
            ~exists().where(ApiKey.account_id == Account.id, ApiKey.created_at >= since),
        )
        month = f"{now.astimezone(UTC):%Y-%m}"
        queued = 0
        for accounts in self._batches(*inactive):
            with self._database.write() as work:
                due = _due(work.session, accounts, lambda account: f"reminder:{account.id}:{month}")
                last = _last_documents(work.session, [one.account.id for one in due])
                for one in due:
                    said = InactiveReminder(account=one.account.name, last_active=last.get(one.account.id))
                    one.queue(work, "inactive_reminder", said)
            queued += len(due)
        return queued

    def _batches(self, *which: ColumnElement[bool]) -> Iterator[Sequence[Account]]:
        """Give accounts that have an address, some at a time, by id: none twice and none left out, however many."""
        query = select(Account).where(Account.email.is_not(None), *which).order_by(Account.id).limit(BATCH)
        further = query
        while self._mails:
            with self._database.read() as session:
                accounts = session.scalars(further).all()
            if not accounts:
                return
            yield accounts
            further = query.where(Account.id > accounts[-1].id)


@dataclass(frozen=True, slots=True)
class _Due:
    """A mail that is due to an account."""

    account: Account
    address: str
    key: str

    def queue(self, work: UnitOfWork, template: str, variables: Variables) -> None:
        said = variables.model_dump(mode="json")
        queue_template(work, self.account.id, self.address, template, said, key=self.key, bulk=True)


def _due(session: Session, accounts: Sequence[Account], key_of: Callable[[Account], str]) -> list[_Due]:
    """Leave out who has asked for silence, and who has theirs already."""
    keys = [key_of(account) for account in accounts]
    silent = suppressed(session, BULK_MAIL, [account.email for account in accounts if account.email])
    had = set(session.scalars(select(MessageRow.key).where(MessageRow.key.in_(keys))))
    return [
        _Due(account, account.email, key)
        for account, key in zip(accounts, keys, strict=True)
        if account.email and canonical(account.email) not in silent and key not in had
    ]


class _Summary:
    """What became of an account's documents."""

    def __init__(self) -> None:
        self._documents: Counter[DocumentStatus] = Counter()
        self._errors: Counter[str] = Counter()
        self._pages = 0

    def add(self, status: DocumentStatus, error: str | None, documents: int, pages: int) -> None:
        self._documents[status] += documents
        self._pages += pages
        if error:
            self._errors[error] += documents

    def of(self, account: Account, week: Week) -> WeeklyDigest:
        """As a mail tells it."""
        return WeeklyDigest(
            account=account.name,
            since=week.start.date(),
            until=week.last_day,
            documents=dict(self._documents),
            pages=self._pages,
            errors=[ErrorCount(code=code, count=count) for code, count in self._errors.most_common(ERRORS)],
        )


def _summaries(session: Session, account_ids: Sequence[UUID], week: Week) -> Mapping[UUID, _Summary]:
    columns = (Document.account_id, Document.status, Document.error_code)
    query = (
        select(*columns, func.count(), func.sum(Document.pages_done))
        .where(Document.account_id.in_(account_ids), *week.holds)
        .group_by(*columns)
    )
    summaries: defaultdict[UUID, _Summary] = defaultdict(_Summary)
    for account_id, status, error, documents, pages in session.execute(query):
        summaries[account_id].add(status, error, documents, int(pages))
    return summaries


def _last_documents(session: Session, account_ids: Sequence[UUID]) -> Mapping[UUID, date]:
    """The day of each account's last document."""
    query = (
        select(Document.account_id, func.max(Document.created_at))
        .where(Document.account_id.in_(account_ids))
        .group_by(Document.account_id)
    )
    return {account_id: last.date() for account_id, last in session.execute(query)}
