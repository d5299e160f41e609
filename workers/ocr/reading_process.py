"""The worker's end of one reading process: made, asked, listened to, ended."""

from __future__ import annotations

import contextlib
import os
import signal
from multiprocessing.connection import Pipe
from typing import Final

from shared.errors import EngineFailed, PageTimeout
from workers.ocr.forking import Forking
from workers.ocr.pages import Answer, Failed, OpenDocument, Opened, Request

_FROM_OUTSIDE: Final = frozenset({signal.SIGKILL, signal.SIGTERM})


class ReadingProcess:
    """One reading process with the document open in it.

    Attributes:
        page_count: of the document.
        flags: what else it is.
        pid: the process' id, and its group's.

    Raises:
        EngineFailed, PageTimeout: no process could be made, or the document took it down or too long.
        TwolaneError: the document can't be opened.
    """

    def __init__(self, server: Forking, opening: OpenDocument) -> None:
        self._server = server
        self._timeout = opening.limits.page_timeout_seconds
        self._connection, theirs = Pipe()
        try:
            with theirs:
                self.pid = server.fork(theirs.fileno(), opening.scratch)
        except BaseException:
            self._connection.close()
            raise
        try:
            opened = self._open(opening)
            self.page_count, self.flags = opened.page_count, opened.flags
        except BaseException:
            self.end()
            raise

    def _open(self, opening: OpenDocument) -> Opened:
        self.send(opening)
        answer = self.receive("Opening the document")
        if not isinstance(answer, Opened):
            raise EngineFailed(f"The reading process answered {answer!r} when asked to open the document.")
        return answer

    def send(self, request: Request) -> None:
        """Ask. A process that is gone shows when it is listened to."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(request)

    def receive(self, what: str) -> Answer:
        """Wait for one answer.

        Raises:
            PageTimeout: none came in time.
            EngineFailed: none can come, the process is gone.
            TwolaneError: whatever the process reports as its failure.
        """
        try:
            if not self._connection.poll(self._timeout):
                raise PageTimeout(f"{what} took longer than {self._timeout:g} seconds.")
            answer: Answer = self._connection.recv()
        except (EOFError, ConnectionResetError) as error:
            raise EngineFailed(f"{what} ended the reading process: it crashed or ran out of memory.") from error
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    def end(self) -> bool:
        """Kill the process and everything it started, wait for their end, and tell whether it had ended by itself."""
        self._connection.close()
        status = self._server.end(self.pid)
        # Killed: by us just now, or from outside, for what others on the machine needed.
        return status is not None and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) in _FROM_OUTSIDE)
