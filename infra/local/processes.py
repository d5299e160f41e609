"""The stack's processes: started in groups of their own, watched, restarted or mourned, and stopped to the last one.

One thread does everything: it waits for output, deaths and signals in one `select`. Nothing outlives it: a child dies
with its parent (`PR_SET_PDEATHSIG`), and the guard kills the children's children.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from infra.local.children import Child, Program, fresh_log, spawn
from infra.local.console import Console
from infra.local.errors import LocalStackError
from infra.local.layout import PROJECT

# A process that lived so long (seconds) starts again at once; one that dies young waits, doubling up to the cap.
STEADY_SECONDS = 30.0
LONGEST_BACKOFF = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """Ctrl-C, or a signal that means the same."""


class Supervisor:
    """Holds every process of one stack; leaving the `with` block stops them, the last started first."""

    def __init__(self, console: Console, logs: Path) -> None:
        self._console = console
        self._logs = logs
        self._children: dict[str, Child] = {}
        self._due: list[tuple[float, Program, int]] = []
        self._stops = 0
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._alarm = socket.socketpair()

    def __enter__(self) -> Self:
        for end in (self._wakeup, self._alarm):
            end.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_stop_signal)
        # Only so that a death wakes `select`.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._guard = self._start_guard()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._due.clear()
        children = list(self._children.values())
        self._stop([child for child in children if not child.program.essential])
        for child in reversed(children):
            self._stop([child])
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait()
        signal.set_wakeup_fd(-1)
        self._selector.close()

    # --- what the stack asks for

    def start(self, program: Program, deaths: int = 0) -> Child:
        """Start a program and watch it from now on."""
        log = fresh_log(self._logs / f"{program.name}.log", keep=deaths > 0)
        process = spawn(program.command, program.environment, stdin=subprocess.DEVNULL)
        self._tell_guard(f"+{process.pid}")
        child = Child(program, process, log, deaths)
        assert process.stdout is not None  # noqa: S101  # for the type checker: stdout was asked to be a pipe
        os.set_blocking(process.stdout.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ, child)
        self._children[program.name] = child
        return child

    def run(self, program: Program) -> None:
        """Run a program to its end.

        Raises:
            LocalStackError: it failed.
        """
        child = self.start(program)
        while child.alive:
            self.pump(1.0)
        self._bury(child)
        if child.process.returncode != 0:
            raise LocalStackError(f"{program.name} failed ({child.cause}){child.last_words}")

    def wait(self, child: Child, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`.

        Raises:
            LocalStackError: the child died first, or it took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.pump(0.05)
            if not child.alive:
                self._drain(child)
                raise LocalStackError(f"{child.program.name} did not start ({child.cause}){child.last_words}")
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"{child.program.name} was not ready within {seconds:.0f} seconds{child.last_words}"
                )

    def watch(self) -> None:
        """Keep everything running until asked to stop.

        Raises:
            LocalStackError: an essential process died.
            StopRequestedError: somebody asked.
        """
        while True:
            self.pump(self._seconds_to_next_start())
            for child in [child for child in self._children.values() if not child.alive]:
                self._mourn(child)
            self._start_what_is_due()

    def restart(self, program: Program) -> Child:
        """Stop a program in order and start it again."""
        self._stop([self._children[program.name]])
        return self.start(program)

    def pump(self, seconds: float) -> None:
        """Pass output on for at most `seconds`; returns as soon as something happened.

        Raises:
            StopRequestedError: somebody asked the stack to stop.
        """
        for key, _events in self._selector.select(seconds):
            if isinstance(key.data, Child):
                self._read(key.data)
            else:
                _empty(self._wakeup)
        if self._stops and not self._stopping:
            raise StopRequestedError

    # --- output

    def _read(self, child: Child) -> bool:
        """Take what there is; False if there was nothing or never will be."""
        assert child.process.stdout is not None  # noqa: S101  # for the type checker, as above
        try:
            data = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(child.process.stdout)
            return False
        child.log.write(data)
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            self._pass_on(child, line.decode(errors="replace").rstrip())
        return True

    def _pass_on(self, child: Child, line: str) -> None:
        if not line:
            return
        child.tail.append(line)
        if child.program.shows(line):
            self._console.process_line(child.program.name, child.program.colour, line)

    def _drain(self, child: Child) -> None:
        assert child.process.stdout is not None  # noqa: S101  # for the type checker, as above
        while child.process.stdout in self._selector.get_map() and self._read(child):
            pass

    # --- life and death

    def _mourn(self, child: Child) -> None:
        """Say why a process died; start it again, or end the stack."""
        self._bury(child)
        sentence = f"{child.program.name} died unexpectedly ({child.cause})"
        if child.program.essential:
            raise LocalStackError(sentence + child.last_words)
        deaths = 0 if time.monotonic() - child.born > STEADY_SECONDS else child.deaths
        pause = min(2.0**deaths - 1, LONGEST_BACKOFF)
        self._due.append((time.monotonic() + pause, child.program, deaths + 1))
        when = f"in {pause:.0f} s" if pause else "now"
        self._console.say(f"{sentence}; starting it again {when}{child.last_words}", "bold red")

    def _bury(self, child: Child) -> None:
        """Pass on its last lines and let nothing of its group live on."""
        self._drain(child)
        self._kill_group(child)
        self._tell_guard(f"-{child.process.pid}")
        assert child.process.stdout is not None  # noqa: S101  # for the type checker, as above
        if child.process.stdout in self._selector.get_map():
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()
        child.log.close()
        if self._children.get(child.program.name) is child:
            del self._children[child.program.name]

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        for due, program, deaths in [entry for entry in self._due if entry[0] <= now]:
            self._due.remove((due, program, deaths))
            self.start(program, deaths)

    def _seconds_to_next_start(self) -> float:
        now = time.monotonic()
        return max(0.0, min((due - now for due, _, _ in self._due), default=5.0))

    def _stop(self, children: list[Child]) -> None:
        """Ask all of them to stop, then wait, then kill; a second Ctrl-C cuts the waiting short."""
        living = [child for child in children if child.alive]
        was_stopping, self._stopping = self._stopping, True
        for child in living:
            child.process.terminate()
        deadline = time.monotonic() + max((child.program.grace for child in living), default=0)
        while any(child.alive for child in living) and time.monotonic() < deadline and self._stops < 2:  # noqa: PLR2004  # the second Ctrl-C
            self.pump(0.1)
        for child in children:
            self._kill_group(child)
            child.process.wait()
            if self._children.get(child.program.name) is child:
                self._bury(child)
        self._stopping = was_stopping

    @staticmethod
    def _kill_group(child: Child) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    # --- the guard

    def _start_guard(self) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("guard.py")
        command = (sys.executable, "-I", "-S", str(script))
        return subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0, cwd=PROJECT)  # noqa: S603  # our own script

    def _tell_guard(self, message: str) -> None:
        assert self._guard.stdin is not None  # noqa: S101  # for the type checker: stdin was asked to be a pipe
        self._guard.stdin.write(message.encode() + b"\n")
        self._guard.stdin.flush()


def _empty(wakeup: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while wakeup.recv(4096):
            pass
