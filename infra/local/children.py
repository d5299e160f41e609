"""One process of the stack: what to run, how it is started, what is known of it."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.local.layout import PROJECT

PR_SET_PDEATHSIG = 1
TAIL_LINES = 8


def everything(_line: str) -> bool:
    """Show every line."""
    return True


def nothing(_line: str) -> bool:
    """Show no line; the log file has them all."""
    return False


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        name: how the log calls it.
        command: program and arguments.
        environment: all of its environment.
        colour: of its name in the log.
        shows: which lines reach the screen; all reach `logs/NAME.log`.
        essential: the stack ends with it; others are started again.
        grace: seconds between the request to stop and the kill.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    colour: str = "white"
    shows: Callable[[str], bool] = everything
    essential: bool = True
    grace: float = 5.0


@dataclass(slots=True)
class Child:
    """A program that runs, or ran."""

    program: Program
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    deaths: int = 0
    born: float = field(default_factory=time.monotonic)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    rest: bytes = b""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def last_words(self) -> str:
        """Its last lines, to be put after a sentence."""
        return ":\n  " + "\n  ".join(self.tail) if self.tail else ""

    @property
    def cause(self) -> str:
        """How it ended."""
        code = self.process.returncode
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def spawn(command: tuple[str, ...], environment: Mapping[str, str], *, stdin: int) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, its output in one pipe; it dies with this process."""
    return subprocess.Popen(  # noqa: S603  # commands are built here from fixed words and checked paths
        command,
        env=dict(environment),
        cwd=PROJECT,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # this process has one thread
    )


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process `number` when its parent ends. For `preexec_fn`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def fresh_log(path: Path, *, keep: bool) -> IO[bytes]:
    """Open a log file; the previous run's is kept beside it, a restarted process goes on in its own."""
    if not keep and path.exists():
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab", buffering=0)
