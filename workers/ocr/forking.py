"""The worker's end of the fork server: starts it, asks it for processes, notices when it is gone."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Final

from shared.errors import EngineFailed

# Forking takes milliseconds, ending a group little more; the first answer waits for the server's imports.
_ANSWER_SECONDS: Final = 60.0

SECRETS: Final = frozenset({"DATABASE_URL", "REDIS_URL", "DEEPSEEK_KEY", "EXTRACTOR_KEY"})
"""A process that parses untrusted bytes has no business with these, nor its parent, whose environment it may read."""

PRELOADED: Final = "tesseract"
"""The engine every fork server prepares at its start."""

_MOST_TRIES: Final = 3
"""Fork servers that are asked to prepare one engine: if it takes each of them down, documents load it themselves."""

# Ending what is left takes milliseconds as well.
_GOODBYE_SECONDS: Final = 5.0


class Forking:
    """The fork server of this process; started when first needed, again if it died, safe to call from any thread."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._prepared = {PRELOADED}
        self._tries: Counter[str] = Counter()

    def ensure_running(self) -> None:
        """Start the server unless it runs."""
        with self._lock:
            self._connected()

    def fork(self, descriptor: int, scratch: Path) -> int:
        """Return the id of a new reading process that talks over `descriptor`, leading a process group of its own.

        Args:
            descriptor: one end of a connection; the caller closes its copy.
            scratch: removed if this worker dies before it can.

        Raises:
            EngineFailed: no process could be made.
        """
        with self._lock:
            # A server that was killed shows only when it is spoken to: the second try talks to a new one.
            answer = self._ask({"fork": str(scratch)}, [descriptor]) or self._ask({"fork": str(scratch)}, [descriptor])
        if answer is None or "pid" not in answer:
            reason = (answer or {}).get("error", "the fork server does not answer")
            raise EngineFailed(f"No process could be started to read the document: {reason}.")
        pid: int = answer["pid"]
        return pid

    def end(self, pid: int) -> int | None:
        """Kill a process made by `fork` with its whole group, wait until they are gone, and return its wait status.

        If the server is gone, so are its processes, and None is returned: the kernel kills them with it.
        """
        with self._lock:
            answer = self._ask({"end": pid}, []) if self._control is not None else None
        status: int | None = (answer or {}).get("status")
        return status

    def prepare(self, engine: str) -> None:
        """Have an engine's models loaded once for all processes to come, if they are not; nothing waits for it here."""
        with self._lock:
            if engine in self._prepared or self._tries[engine] >= _MOST_TRIES or self._control is None:
                return
            self._prepared.add(engine)
            self._tries[engine] += 1
            with contextlib.suppress(OSError):  # a server that is gone is noticed by who needs it
                self._control.sendall(_line({"prepare": engine}))

    def stop(self) -> None:
        """Hang up, which ends the server and all it made, and wait for it."""
        with self._lock:
            self._hang_up()

    def forget(self) -> None:
        """Drop a server of the process this one was forked from: a copy of its socket would keep it alive."""
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.returncode = 0  # not ours to wait for

    def _ask(self, message: dict[str, Any], descriptors: list[int]) -> dict[str, Any] | None:
        """Return the answer, or None from a server that is gone."""
        control = self._connected()
        try:
            socket.send_fds(control, [_line(message)], descriptors)
            answer = control.recv(8192)
        except OSError:
            answer = b""
        if not answer:
            self._hang_up()
            return None
        fields: dict[str, Any] = json.loads(answer)
        return fields

    def _connected(self) -> socket.socket:
        if self._control is None or self._server is None or self._server.poll() is not None:
            self._hang_up()
            self._start()
        assert self._control is not None  # noqa: S101 - `_start` has just set it
        return self._control

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(_ANSWER_SECONDS)
        environ = {
            **{name: value for name, value in os.environ.items() if name not in SECRETS},
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            # A pool of threads would not survive the fork, and pages are read side by side already.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_THREAD_LIMIT": "1",
        }
        command = [sys.executable, "-m", "workers.ocr.fork_server", str(theirs.fileno())]
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - this very interpreter, our own module
                command, pass_fds=[theirs.fileno()], env=environ, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._control = ours
        self._prepared = {PRELOADED}

    def _hang_up(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            try:
                self._server.wait(_GOODBYE_SECONDS)
            except subprocess.TimeoutExpired:  # it waits for a process the kernel cannot kill yet
                self._server.kill()
                self._server.wait()
            self._server = None


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


_current: Forking | None = None


def forking() -> Forking:
    """Return this process's fork server; a prefork pool's children each get one of their own."""
    global _current  # noqa: PLW0603 - one server a process is the point
    if _current is None or _current.owner != os.getpid():
        if _current is not None:
            _current.forget()
        _current = Forking()
        atexit.register(_current.stop)
    return _current
