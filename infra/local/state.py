"""How other commands find the running stack: `DATA_DIR/stack.json`, there only while it runs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local.layout import Layout

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class StackState:
    """A running stack.

    Attributes:
        url: the API under uvicorn, e.g. `http://127.0.0.1:8000`.
        gateway_url: the same API through the emulated gateway and the real zip.
        redis_url: the broker.
        database_url: where all state lives: the SQLite file, or the PostgreSQL that `up` was given.
        aws_endpoint_url: the emulator.
        documents_bucket: where documents and results lie.
        pid: the process that holds the stack; stopping it stops everything.
        pid_started: when that process started, in clock ticks since boot; tells it from a later one with its number.
        data_dir: the data directory, absolute.
        outputs: what the deployed template gave out, by name: function names, queue URLs.
    """

    url: str
    gateway_url: str
    redis_url: str
    database_url: str
    aws_endpoint_url: str
    documents_bucket: str
    pid: int
    pid_started: int
    data_dir: str
    outputs: dict[str, str]

    @property
    def admin_key(self) -> str:
        """The first admin key."""
        return Layout(Path(self.data_dir)).admin_key.read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process of this project joins the stack."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DOCUMENTS_BUCKET": self.documents_bucket,
            "SOURCE_CACHE_DIR": str(Layout(Path(self.data_dir)).sources),
            **aws_environment(self.aws_endpoint_url),
        }


def aws_environment(endpoint_url: str) -> dict[str, str]:
    """The variables that send boto3 and SAM to the emulator, with credentials that open nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A profile of the user's could name another endpoint or another account.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def process_started(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses; `starttime` is the 20th field after it (proc(5)).
    return int(stat.rpartition(")")[2].split()[19])


def read(data_dir: Path) -> StackState | None:
    """The stack that runs on `data_dir`, or None: never one that was killed and left its file behind."""
    try:
        state = StackState(**json.loads(Layout(data_dir.absolute()).state.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return state if process_started(state.pid) == state.pid_started else None


def write(state: StackState) -> None:
    """Publish `state`; a reader sees all of it or nothing."""
    write_atomically(Layout(Path(state.data_dir)).state, json.dumps(asdict(state), indent=2) + "\n")


def remove(data_dir: Path) -> None:
    """Take the stack off the map."""
    Layout(data_dir.absolute()).state.unlink(missing_ok=True)


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a whole file, readable by its owner alone, or leave the old one."""
    beside = path.with_suffix(f".{os.getpid()}")
    beside.touch(mode)
    beside.write_text(text)
    beside.replace(path)
