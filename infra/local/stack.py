"""The whole stack on one machine: `template.yaml` in an emulator, beside a real Redis, real workers and a database."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from signal import SIGTERM

from infra.local import checks, database, programs, state
from infra.local.aws import MAIL_FROM, Deployment, Emulator, answers, plain_environment
from infra.local.checks import HOST
from infra.local.children import die_with_parent
from infra.local.console import Console
from infra.local.errors import LocalStackError
from infra.local.layout import PROJECT, Layout
from infra.local.processes import StopRequestedError, Supervisor
from infra.local.state import StackState, aws_environment

START_SECONDS = 180.0
DATABASE_VARIABLE = "TWOLANE_DATABASE_URL"
# What messages may do here, unless the environment says otherwise: the emulator keeps text messages, mail is read where
# it lies, receivers of webhooks run beside the stack.
LIGHT_LANE = {
    "SMS_ENABLED": "true",
    "SMS_MONTHLY_DOLLARS": "100",
    "MAIL_RATE": "0",
    "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
}


def up(port: int, data_dir: Path, workers: int, *, reload: bool = False, database_url: str | None = None) -> int:
    """Run the stack in the foreground until Ctrl-C.

    Args:
        port: of the API; 0 for any free one.
        data_dir: everything the stack keeps; the next start goes on from there.
        workers: how many documents are read at once.
        reload: start the API again when its source changes.
        database_url: a PostgreSQL to keep all state in; None for the SQLite file in the data directory.

    Returns:
        The exit code: 0 after Ctrl-C or SIGTERM, 1 when something is missing or an essential process died.
    """
    console = Console()
    try:
        layout = checks.data_directory(data_dir)
        with (
            checks.exclusive(layout),
            database.held(layout, database_url) as url,
            Supervisor(console, layout.logs) as supervisor,
        ):
            try:
                _Stack(supervisor, console, layout, url).run(port, workers, reload=reload)
            except StopRequestedError:
                console.say("stopping; the workers end what they have in hand, Ctrl-C again does not wait for them")
            finally:
                state.remove(layout.root)
    except LocalStackError as error:
        sys.stderr.write(f"twolane: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"twolane: {error.strerror or error}: {error.filename or data_dir}\n")
        return 1
    return 0


class _Stack:
    """One start of the stack, step by step."""

    def __init__(self, supervisor: Supervisor, console: Console, layout: Layout, database_url: str) -> None:
        self._supervisor = supervisor
        self._console = console
        self._layout = layout
        self._database_url = database_url

    def run(self, port: int, workers: int, *, reload: bool) -> None:
        """Start everything, say where it is, watch over it.

        Raises:
            LocalStackError: something is missing or died.
            StopRequestedError: somebody asked the stack to stop.
        """
        began = time.monotonic()
        _check_machine()
        ports = checks.remembered_ports(self._layout, ("redis", "aws", "api", "smtp"))
        # The functions are deployed with the API's address, for links in mails: with another they are deployed anew.
        port = checks.wanted_port(port or ports["api"])
        environment = self._environment(ports, f"http://{HOST}:{port}")

        self._console.say(f"starting on {self._layout.root}")
        redis = self._supervisor.start(programs.redis(self._layout, ports["redis"], plain_environment()))
        mailbox = self._supervisor.start(programs.mailbox(self._layout, ports["smtp"], plain_environment()))
        emulator = Emulator(self._supervisor, self._layout, ports["aws"], environment)
        deployment = self._deploy(emulator)
        environment |= deployment.environment
        self._supervisor.wait(redis, partial(_accepts, ports["redis"]), seconds=10)
        self._supervisor.wait(mailbox, partial(_accepts, ports["smtp"]), seconds=10)
        self._supervisor.run(programs.prepare(self._layout, environment))

        api = self._supervisor.start(programs.api(port, environment, reload=reload))
        for number in range(1, workers + 1):
            self._supervisor.start(programs.worker(number, environment))
        emulator.wait()
        url = f"http://{HOST}:{port}"
        self._supervisor.wait(api, lambda: answers(f"{url}/health/ready"), seconds=60)
        self._publish(url, environment, deployment)
        self._console.say(f"ready in {time.monotonic() - began:.1f} s at {url}", "bold green")
        self._console.say(f"admin key {self._layout.admin_key.read_text().strip()}", "bold green")
        self._supervisor.watch()

    def _deploy(self, emulator: Emulator) -> Deployment:
        """What is deployed; where that is current, the emulator may still be starting."""
        current = emulator.current()
        emulator.start()
        if current is not None:
            return current
        self._console.say("building the functions and deploying template.yaml; about 25 seconds, only after a change")
        return emulator.deploy()

    def _environment(self, ports: Mapping[str, int], url: str) -> dict[str, str]:
        """What the API and the workers get, but for what the deployment names."""
        return (
            LIGHT_LANE
            | plain_environment()
            | aws_environment(f"http://{HOST}:{ports['aws']}")
            | {
                "DATABASE_URL": self._database_url,
                "REDIS_URL": f"redis://{HOST}:{ports['redis']}/0",
                "MAIL_FROM": MAIL_FROM,
                "SMTP_URL": f"smtp://{HOST}:{ports['smtp']}",
                "SOURCE_CACHE_DIR": str(self._layout.sources),
                "PUBLIC_URL": url,
                # Lines appear when they are written, not when a buffer is full.
                "PYTHONUNBUFFERED": "1",
            }
        )

    def _publish(self, url: str, environment: Mapping[str, str], deployment: Deployment) -> None:
        endpoint = environment["AWS_ENDPOINT_URL"]
        pid = os.getpid()
        state.write(
            StackState(
                url=url,
                gateway_url=f"{endpoint}/_aws/execute-api/{deployment.outputs['ApiId']}/$default",
                redis_url=environment["REDIS_URL"],
                database_url=environment["DATABASE_URL"],
                aws_endpoint_url=endpoint,
                documents_bucket=environment["DOCUMENTS_BUCKET"],
                pid=pid,
                pid_started=state.process_started(pid) or 0,
                data_dir=str(self._layout.root),
                outputs=deployment.outputs,
            )
        )


@contextmanager
def running_stack(  # noqa: PLR0913  # each has a default that fits
    data_dir: Path,
    *,
    port: int = 0,
    workers: int = 2,
    quiet: bool = True,
    environment: Mapping[str, str] | None = None,
    database_url: str | None = None,
) -> Iterator[StackState]:
    """A stack in a process of its own, for as long as the `with` block lasts.

    Args:
        data_dir: as for `up`.
        port: as for `up`.
        workers: as for `up`.
        quiet: its log goes to `DATA_DIR/logs/up.log` instead of the terminal.
        environment: variables for all its processes, e.g. `{"LEASE_SECONDS": "2"}`.
        database_url: as for `up`.

    Raises:
        LocalStackError: it did not start; the sentence `up` said.
    """
    layout = checks.data_directory(data_dir)
    # Not as an argument, which every user of the machine may read. What the caller's shell says is for `twolane up`.
    variables = {**(environment or {}), DATABASE_VARIABLE: database_url or ""}
    process = _start_apart(layout, port, workers, quiet=quiet, environment=variables)
    try:
        yield _await_state(process, layout)
    finally:
        # Its own group: the terminal's Ctrl-C reaches the caller, and the caller stops it once.
        process.send_signal(SIGTERM)
        process.wait()


def _start_apart(
    layout: Layout, port: int, workers: int, *, quiet: bool, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "infra.local.stack", "--port", str(port), "--workers", str(workers)]
    with (layout.logs / "up.log").open("wb") as log, (layout.logs / "up.err").open("wb") as errors:
        return subprocess.Popen(  # noqa: S603  # our own module
            [*command, "--data-dir", str(layout.root)],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log if quiet else None,
            stderr=errors,
            process_group=0,
            preexec_fn=partial(die_with_parent, SIGTERM),  # noqa: PLW1509  # calls one function of libc, takes no lock
        )


def _await_state(process: subprocess.Popen[bytes], layout: Layout) -> StackState:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = state.read(layout.root)
        if found is not None and found.pid == process.pid:
            return found
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            said = (layout.logs / "up.err").read_text().strip().removeprefix("twolane: ")
            raise LocalStackError(said or f"the stack ended with exit code {process.returncode} before it was ready")
    raise LocalStackError(f"the stack was not ready within {START_SECONDS:.0f} seconds; see {layout.logs}")


def _check_machine() -> None:
    """Name the first missing program before anything is started."""
    for program in ("redis-server", "tesseract", "make"):
        checks.binary(program)
    checks.tool("emulator", "python")
    checks.tool("sam", "sam")


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def main() -> int:
    """`python -m infra.local.stack`: what `twolane up` does, without the command line's own imports."""
    parser = argparse.ArgumentParser(description=up.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()
    database_url = os.environ.get(DATABASE_VARIABLE)
    return up(arguments.port, arguments.data_dir, arguments.workers, database_url=database_url)


if __name__ == "__main__":
    sys.exit(main())
