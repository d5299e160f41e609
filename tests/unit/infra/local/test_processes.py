"""Processes are watched, restarted, mourned, and none is left behind. Each test runs a small supervisor of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.layout import PROJECT
from infra.local.state import process_started
from tests.support.waiting import wait_until

# A supervisor in a process of its own: signals and the parent's death are what is tested.
HOLDER = """
import os, sys
from pathlib import Path
from infra.local.console import Console
from infra.local.errors import LocalStackError
from infra.local.children import Program
from infra.local.processes import StopRequestedError, Supervisor

script, essential, logs = sys.argv[1], sys.argv[2] == "essential", Path(sys.argv[3])
command = (sys.executable, "-u", "-c", script)
try:
    with Supervisor(Console(), logs) as supervisor:
        supervisor.start(Program("child", command, os.environ, essential=essential, grace=float(sys.argv[4])))
        supervisor.watch()
except StopRequestedError:
    sys.exit(0)
except LocalStackError as error:
    sys.exit(str(error))
"""

# Starts a child of its own, writes both ids, and stays.
FAMILY = """
import os, time
child = os.fork()
if child:
    print("ids", os.getpid(), child)
time.sleep(600)
"""

# Notes that it was asked to stop, and does not.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('asked'))" + FAMILY


class Holder:
    """A running supervisor with one child."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.process: subprocess.Popen[str] | None = None

    def start(self, script: str, kind: str = "essential", grace: float = 5) -> subprocess.Popen[str]:
        """Have it run `script`."""
        command = [sys.executable, "-c", HOLDER, script, kind, str(self.logs), str(grace)]
        self.process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self.process

    def family(self, generation: int = 1) -> list[int]:
        """The ids that the child has written, at its start number `generation`."""
        return [int(word) for word in wait_until(lambda: self._lines()[generation - 1 :], what="ids")[0].split()[1:]]

    def _lines(self) -> list[str]:
        log = self.logs / "child.log"
        return [line for line in log.read_text().splitlines() if line.startswith("ids")] if log.exists() else []


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    """A supervisor that ends with the test."""
    held = Holder(tmp_path)
    yield held
    if held.process:
        held.process.kill()
        held.process.communicate()


def is_gone(pid: int) -> bool:
    """Whether a process ended; a zombie waiting for its adopter has."""
    if process_started(pid) is None:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_ends_everything_with_success(holder: Holder, number: signal.Signals) -> None:
    process = holder.start(FAMILY)
    family = holder.family()
    process.send_signal(number)
    assert process.wait(20) == 0
    assert all(is_gone(pid) for pid in family)


def test_a_child_that_ignores_the_request_is_killed_after_its_grace(holder: Holder) -> None:
    process = holder.start(STUBBORN, grace=0.2)
    family = holder.family()
    process.terminate()
    assert process.wait(20) == 0
    assert all(is_gone(pid) for pid in family)


def test_a_second_ctrl_c_waits_for_nothing(holder: Holder) -> None:
    process = holder.start(STUBBORN, grace=600)
    family = holder.family()
    process.send_signal(signal.SIGINT)
    wait_until(lambda: "asked" in (holder.logs / "child.log").read_text(), what="the first Ctrl-C")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert all(is_gone(pid) for pid in family)


def test_nothing_outlives_a_supervisor_that_is_killed(holder: Holder) -> None:
    process = holder.start(FAMILY)
    family = holder.family()
    process.kill()
    wait_until(lambda: all(is_gone(pid) for pid in family), what="the end of the family")


def test_the_death_of_an_essential_child_is_explained_and_ends_the_rest(holder: Holder) -> None:
    process = holder.start("print('cannot bind'); raise SystemExit(3)")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == "child died unexpectedly (exit code 3):\n  cannot bind\n"


def test_a_killed_worker_is_said_to_have_been_killed_and_starts_again(holder: Holder) -> None:
    process = holder.start(FAMILY, kind="replaceable")
    first = holder.family()
    os.kill(first[0], signal.SIGKILL)
    second = holder.family(generation=2)
    assert set(first).isdisjoint(second)
    wait_until(lambda: all(is_gone(pid) for pid in first), what="the end of the killed worker's own child")
    process.terminate()
    shown, _ = process.communicate(timeout=20)
    assert "child died unexpectedly (killed by SIGKILL); starting it again now" in shown


def test_a_worker_that_keeps_dying_is_given_more_and_more_time(holder: Holder) -> None:
    process = holder.start("raise SystemExit(1)", kind="replaceable")
    assert process.stdout is not None
    pauses = []
    for line in process.stdout:
        if "starting it again" in line:
            pauses.append(line.rsplit("again ", 1)[1].rstrip(":\n"))
        if len(pauses) == 3:
            break
    assert pauses == ["now", "in 1 s", "in 3 s"]


def test_every_line_is_in_the_file_and_the_last_run_beside_it(holder: Holder) -> None:
    for word in ("first", "second"):
        holder.start(f"print('{word}')").communicate(timeout=20)
    assert (holder.logs / "child.log").read_text() == "second\n"
    assert (holder.logs / "child.log.1").read_text() == "first\n"
