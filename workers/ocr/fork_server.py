"""A small process that has the OCR libraries loaded and forks a reading process in milliseconds.

The standard library's fork server was the first choice; here it costs more than it gives. Its children import the
caller's `__main__` (Celery, each time), it cannot be used by a process whose parent had started one (prefork pools),
and it reaps a dead child at once: its process id may then belong to somebody else when the group is to be killed.
This one keeps every child until it is told to `end` it, and ends whole groups, engines included.

It runs in a session of its own (Ctrl-C ends workers, not readers) and lives as long as its control socket:
when the worker is gone, so are all its readers and their scratch directories.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import shutil
import signal
import socket
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NoReturn

_MESSAGE_BYTES: Final = 8192
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


def _die_first() -> None:
    """Have the kernel, where memory runs out, end this process before any other: its page fails, the worker stays.

    Everybody may raise their own score; 1000 is the highest: https://docs.kernel.org/filesystems/proc.html
    """
    with contextlib.suppress(OSError):  # where there is no such file, the kernel chooses
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _prctl(option: int, value: int) -> None:
    """Set a Linux process option; other systems do without."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class ForkServer:
    """Does what one message after the other says, each a line of JSON.

    `{"fork": SCRATCH}`, with a connection's descriptor, and `{"end": PID}` are answered. `{"prepare": ENGINE}` is not:
    nobody waits for an engine's models but whoever forks next.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._scratch: dict[int, str] = {}

    def run(self) -> None:
        """Serve until the worker hangs up, then end what it left behind."""
        while True:
            lines, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 1)
            if not lines:
                break
            # The worker waits for every answer: only what has none shares a piece of the stream with what comes next.
            for line in lines.splitlines():
                self._do(json.loads(line), descriptors)
        for pid, scratch in list(self._scratch.items()):
            self._end(pid)
            shutil.rmtree(scratch, ignore_errors=True)

    def _do(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "prepare" in message:
            _prepare(message["prepare"])
            return
        answer = self._answer(message, descriptors)
        self._control.sendall(json.dumps(answer).encode())

    def _answer(self, message: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        if "end" in message:
            return {"status": self._end(message["end"])}
        try:
            return {"pid": self._fork(message["fork"], descriptors[0])}
        except OSError as error:
            return {"error": str(error)}
        finally:
            os.close(descriptors[0])

    def _fork(self, scratch: str, descriptor: int) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_reader(descriptor, parent)
        # Both sides do it: whoever comes first, the group exists before anybody signals it.
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        self._scratch[pid] = scratch
        return pid

    def _become_reader(self, descriptor: int, parent: int) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _die_first()
            self._control.close()
            if os.getppid() == parent:  # else it died before the signal was asked for
                from workers.ocr import reader  # noqa: PLC0415 - loaded by `main`; the worker imports this module too

                reader.serve(Connection(descriptor))
            code = 0
        finally:
            os._exit(code)

    def _end(self, pid: int) -> int | None:
        """Kill the group, wait for all of it, and return how its leader ended.

        Orphaned engines are handed to this process, its subreaper.
        """
        if self._scratch.pop(pid, None) is None:
            return None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        leaders = None
        with contextlib.suppress(ChildProcessError):
            while True:
                ended, status = os.waitpid(-pid, 0)
                leaders = status if ended == pid else leaders
        return leaders


def _prepare(name: str) -> None:
    """Load an engine's models, which every process forked from now on shares."""
    from workers.ocr import reader  # noqa: PLC0415 - as in `main`

    reader.prepare(name)
    _settle()


def _settle() -> None:
    """Objects that never move leave their pages shared with the children."""
    gc.collect()
    gc.freeze()


def main(descriptor: int) -> None:
    """Load the libraries once, then serve the worker at the other end of `descriptor`."""
    from workers.ocr import reader  # noqa: PLC0415 - the worker imports this module too, and stays small

    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    reader.preload()
    _settle()
    with socket.socket(fileno=descriptor) as control:
        ForkServer(control).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
