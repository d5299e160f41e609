"""Mail to who operates this: what was given up, and what is not well. Silent where all is.

A kind of alert leaves at most once an hour, however often it is looked for: a row of `rates` says when the next may.
The messages need an account to belong to, and belong to that of the oldest admin key, whoever ADMIN_EMAIL is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.config import Mail
from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.models import ApiKey, Circuit, DeadLetter, EventRow, OutboxRow, Rate
from shared.services.circuits import of_provider
from shared.services.mail.variables import Finding, HealthAlert, TaskFailure, Variables
from shared.services.queueing_mail import queue_template

PAUSE = timedelta(hours=1)
"""Between two mails of a kind."""

OUTBOX_AGE = timedelta(minutes=10)
"""The relay runs every minute: what is older than this nobody takes."""

SETTLING = timedelta(seconds=10)
"""What was entered this lately may still be uncommitted; the next look sees it."""

NAMED = 10
"""Findings that one mail has at most."""

_EVER = datetime(1970, 1, 2, tzinfo=UTC)


class Idle(Protocol):
    """Knows whether the database may be left alone."""

    def idle(self) -> object | None:
        """None where it should be looked at."""
        ...


@dataclass(frozen=True, slots=True)
class _Alert:
    """A mail."""

    template: str
    variables: Variables


_Look = Callable[[Session, datetime, datetime], _Alert | None]
"""Looks for one kind of trouble, given when it was last told and the time; None: there is none."""


class Alerts:
    """Looks, and queues what there is to tell.

    Args:
        database: where everything stands.
        mail: to whom, and whether mail is sent at all.
        doze: an idle database is left alone. What was given up just before it fell idle is told once it wakes, or the
            note has run out: `DATABASE_DOZE_SECONDS` later at most.
    """

    def __init__(self, database: Database, mail: Mail, doze: Idle) -> None:
        self._database = database
        self._to = mail.admin_email if mail.mail_from else None
        self._doze = doze

    def look(self, now: datetime) -> int:
        """Queue a mail of each kind for which there is trouble, and none was queued within the hour; return how many.

        Raises:
            DatabaseUnavailable: the database did not answer.
        """
        if self._to is None or self._doze.idle() is not None:
            return 0
        with self._database.read() as session:
            operator = session.scalar(
                select(ApiKey.account_id).where(ApiKey.role == "admin").order_by(ApiKey.created_at, ApiKey.id).limit(1)
            )
        if operator is None:
            return 0
        return sum(self._tell(operator, self._to, kind, now - SETTLING) for kind in _LOOKS)

    def _tell(self, operator: UUID, to: str, kind: str, now: datetime) -> bool:
        name = f"alert:{kind}"
        with self._database.write() as work:
            known = insert_into(work.session, Rate).values(name=name, free_at=_EVER)
            work.session.execute(known.on_conflict_do_nothing())
            free_at = work.session.scalars(select(Rate.free_at).where(Rate.name == name).with_for_update()).one()
            alert = _LOOKS[kind](work.session, free_at - PAUSE, now) if free_at <= now else None
            if alert is None:
                return False
            work.session.execute(update(Rate).where(Rate.name == name).values(free_at=now + PAUSE))
            said = alert.variables.model_dump(mode="json")
            queue_template(work, operator, to, alert.template, said, key=f"{name}:{now.isoformat()}")
        return True


def _dead_letters(session: Session, since: datetime, now: datetime) -> _Alert | None:
    """What was given up since the last alert: a single one in full, many by what they have in common."""
    new = (DeadLetter.resolved_at.is_(None), DeadLetter.last_failed_at > since, DeadLetter.last_failed_at <= now)
    found = session.scalars(select(DeadLetter).where(*new).order_by(DeadLetter.last_failed_at.desc()).limit(2)).all()
    if len(found) == 1:
        return _Alert("task_failure", _failure(found[0]))
    alike = (DeadLetter.lane, DeadLetter.name, DeadLetter.error_code)
    query = select(*alike, func.count(), func.max(DeadLetter.last_failed_at)).where(*new).group_by(*alike)
    groups = session.execute(query.order_by(func.count().desc(), *alike).limit(NAMED)).all()
    return _not_well(
        [
            Finding(name="Dead letters", detail=f"{count} of {name} ({lane} lane) with {code}, the last {_time(last)}.")
            for lane, name, code, count, last in groups
        ],
        now,
    )


def _failure(letter: DeadLetter) -> TaskFailure:
    return TaskFailure(
        task_id=letter.id,
        lane=letter.lane,
        queue=letter.queue,
        name=letter.name,
        error_code=letter.error_code,
        error_message=letter.error_message,
        attempts=letter.attempts,
        failed_at=letter.last_failed_at,
        correlation_id=letter.correlation_id,
    )


def _outbox(session: Session, since: datetime, now: datetime) -> _Alert | None:
    """What has been waiting for a broker, a queue or the bus for so long that nobody seems to take it."""
    del since
    old = now - OUTBOX_AGE
    messages = (OutboxRow.available_at, OutboxRow.available_at <= old)
    events = (EventRow.occurred_at, EventRow.published_at.is_(None) & (EventRow.occurred_at <= old))
    findings = []
    for name, (column, waits) in {"Messages": messages, "Events": events}.items():
        count, oldest = session.execute(select(func.count(), func.min(column)).where(waits)).one()
        if count:
            detail = f"{count} wait in the outbox, the oldest since {_time(oldest)}; nobody takes them."
            findings.append(Finding(name=name, detail=detail))
    return _not_well(findings, now)


def _circuits(session: Session, since: datetime, now: datetime) -> _Alert | None:
    """Providers that are left alone now; one that nobody has called since is nobody's trouble.

    A receiver that does not answer is the trouble of whose webhook it is, who is told when it is disabled.
    """
    del since
    open_now = (Circuit.open_until > now, Circuit.name.startswith(of_provider(""), autoescape=True))
    query = select(Circuit).where(*open_now).order_by(Circuit.openings.desc(), Circuit.name)
    return _not_well(
        [Finding(name=row.name, detail=_left_alone(row)) for row in session.scalars(query.limit(NAMED))],
        now,
    )


def _left_alone(row: Circuit) -> str:
    until = f" until {_time(row.open_until)}" if row.open_until else ""
    return f"It failed {row.failures} times in a row and is left alone{until}; it last said: {row.last_error}"


def _not_well(findings: Sequence[Finding], now: datetime) -> _Alert | None:
    return _Alert("health_alert", HealthAlert(findings=list(findings), checked_at=now)) if findings else None


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_LOOKS: dict[str, _Look] = {"dead_letters": _dead_letters, "outbox": _outbox, "circuits": _circuits}
