"""The commands of the stack's own processes, each in one place."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from infra.local.checks import HOST, binary
from infra.local.children import Program, nothing
from infra.local.layout import Layout

WORKER_COLOURS = ("green", "magenta", "blue", "bright_green", "bright_magenta", "bright_blue")
WORKER_COMMAND = (sys.executable, "-m", "workers")
# Time to finish the page at hand; what is not finished goes on at the next start.
WORKER_GRACE_SECONDS = 10


def redis(layout: Layout, port: int, environment: Mapping[str, str]) -> Program:
    """A broker that keeps nothing on disk: what it forgets, the relay queues again."""
    settings = {
        "bind": HOST,
        "port": str(port),
        "protected-mode": "yes",
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "dir": str(layout.root),
        "daemonize": "no",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return Program("redis", (binary("redis-server"), *options), environment, colour="red", shows=nothing)


def mailbox(layout: Layout, port: int, environment: Mapping[str, str]) -> Program:
    """A mail server that keeps what it is given; started again if it dies, since mail waits for it."""
    command = (sys.executable, "-m", "infra.local.mailbox", str(port), str(layout.mail))
    # One line a mail.
    return Program("mail", command, environment, colour="yellow", essential=False)


def prepare(layout: Layout, environment: Mapping[str, str]) -> Program:
    """Migrations, the admin key and the first round of the relay; ends by itself.

    The broker has just been started, empty: whatever was sent before is lost for certain, without a grace.
    """
    command = (sys.executable, "-m", "infra.local.prepare", str(layout.root))
    return Program("prepare", command, {**environment, "RELAY_GRACE_SECONDS": "0"}, colour="white", shows=nothing)


def api(port: int, environment: Mapping[str, str], *, reload: bool) -> Program:
    """The API as FastAPI developers run it."""
    command = [sys.executable, "-m", "uvicorn", "functions.api.main:create_app", "--factory"]
    command += ["--host", HOST, "--port", str(port), "--timeout-graceful-shutdown", "3"]
    # The application logs its requests itself, as it does on Lambda.
    command += ["--no-access-log", "--log-level", "warning"]
    if reload:
        command += ["--reload", "--reload-dir", "functions", "--reload-dir", "shared"]
    return Program("api", tuple(command), environment, colour="cyan", shows=_is_no_probe)


def worker(number: int, environment: Mapping[str, str]) -> Program:
    """One Celery worker, which reads one document at a time."""
    name = f"worker-{number}"
    return Program(
        name=name,
        command=(*WORKER_COMMAND, "--hostname", f"{name}@local"),
        # Celery puts unfinished work back a little before it would be killed.
        environment={**environment, "WORKER_SOFT_SHUTDOWN_SECONDS": str(WORKER_GRACE_SECONDS - 2)},
        colour=WORKER_COLOURS[(number - 1) % len(WORKER_COLOURS)],
        # Celery's banner and its warning to root are in the file.
        shows=_is_ours,
        essential=False,
        grace=WORKER_GRACE_SECONDS,
    )


def _is_ours(line: str) -> bool:
    return line.startswith("{")


def _is_no_probe(line: str) -> bool:
    return "/health" not in line
