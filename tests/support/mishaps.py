"""Functions that die, or are frozen for longer than their lease, at any point at which the world outside is touched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event

PATIENCE_SECONDS = 20

Point = int | str


class Died(BaseException):
    """The process is gone: nothing that comes after this line of it happens."""


@dataclass
class Mishap:
    """What befalls one run of a function.

    Attributes:
        dies_at: the point at which it dies, by its number, from 1, or by its name; None: it lives.
        freezes_at: the point at which it stands still until it is thawed.
        passed: the names of the points that it came to.
    """

    dies_at: Point | None = None
    freezes_at: Point | None = None
    passed: list[str] = field(default_factory=list)
    frozen: threading.Event = field(default_factory=threading.Event)
    thawed: threading.Event = field(default_factory=threading.Event)

    def pass_point(self, name: str, *, holds_locks: bool) -> None:
        """Come to a point. Who holds locks is not frozen there: a database ends such a transaction by itself."""
        self.passed.append(name)
        here = {len(self.passed), name}
        if self.freezes_at in here and not holds_locks:
            self.frozen.set()
            assert self.thawed.wait(PATIENCE_SECONDS)
        if self.dies_at in here:
            raise Died


_OF_THREAD = threading.local()


def point(name: str, *, holds_locks: bool = False) -> None:
    """A point at which this thread's run may meet its mishap; any other thread passes."""
    mishap: Mishap | None = getattr(_OF_THREAD, "mishap", None)
    if mishap is not None:
        mishap.pass_point(name, holds_locks=holds_locks)


def watch(engine: Engine) -> None:
    """Make points of a database: before each transaction and before each commit; after one is before another."""

    def before_a_transaction(*_: Any) -> None:
        point("begin")

    def before_a_commit(connection: Connection) -> None:
        try:
            point("commit", holds_locks=True)
        except Died:
            # The database ends the transaction of who is gone.
            connection.connection.rollback()
            raise

    event.listen(engine, "checkout", before_a_transaction)
    event.listen(engine, "commit", before_a_commit)


class Frozen:
    """A run in a thread of its own, that may stand still for a while."""

    def __init__(self, run: Callable[[], object], mishap: Mishap) -> None:
        self._mishap = mishap
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go, args=(run,), daemon=True)
        self._thread.start()
        while not (mishap.frozen.wait(0.001) or self._ended.is_set()):
            assert self._thread.is_alive() or self._ended.is_set()

    def thaw(self) -> None:
        """Let it go on, and wait for its end."""
        self._mishap.thawed.set()
        self._thread.join(PATIENCE_SECONDS)
        assert self._ended.is_set()

    def _go(self, run: Callable[[], object]) -> None:
        try:
            happen(run, self._mishap)
        finally:
            self._ended.set()


def happen(run: Callable[[], object], mishap: Mishap) -> None:
    """Run a function that meets a mishap; what it returned, if it did, nobody hears."""
    _OF_THREAD.mishap = mishap
    try:
        run()
    except Died:
        pass
    finally:
        _OF_THREAD.mishap = None
