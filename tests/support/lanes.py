"""Both lanes as real processes: the API under uvicorn, workers under Celery, Redis, a database, an object store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import select

from shared.adapters.broker import Broker
from shared.config import Database as DatabaseSettings
from shared.config import Delivery
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database, Message, as_message
from shared.models import JobRow, OutboxRow, Page
from shared.services.jobs import Jobs
from shared.services.keys import Keys
from shared.services.relay import Healed, Relay
from tests.support.object_store import ObjectStoreServer
from tests.support.programs import free_port
from tests.support.redis import RedisServer
from tests.support.waiting import wait_until

FINAL = {"completed", "partial", "failed", "cancelled"}

RELAY_SECONDS = 0.25
"""A test's minute."""

IMPATIENT = {
    "LEASE_SECONDS": "2",
    "RELAY_GRACE_SECONDS": "0",
    "RETRY_SECONDS": "0.2",
    "WORKER_SOFT_SHUTDOWN_SECONDS": "1",
}
"""Settings for tests that wait for what normally takes minutes."""


class Lanes:
    """The processes of one small deployment. The relay runs when a test says so.

    Args:
        directory: for logs and caches.
        database_url: migrated.
        environment: settings beside those that connect the processes.
    """

    def __init__(self, directory: Path, database_url: str, environment: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.redis = RedisServer(directory)
        self.store = ObjectStoreServer()
        self.client = httpx.Client(timeout=30)
        self._extra = {**IMPATIENT, **(environment or {})}
        self._database_url = DatabaseSettings(database_url=database_url).database_url
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start everything but workers."""
        self.redis.start()
        self.store.start()
        self.broker = Broker(self.redis.url)
        self.database = Database(make_engine(self._database_url), self.broker.send)
        delivery = Delivery(lease_seconds=2, relay_grace_seconds=0, retry_seconds=0.2)
        self._relay = Relay(self.database, Jobs(self.database, delivery), delivery, self.broker.waiting)
        secret = Keys(self.database).create(account="tests", name="tests", role="admin").secret
        self.client.headers["Authorization"] = f"Bearer {secret}"
        self._start_api()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill everything."""
        for process in self.processes:
            self.kill(process)
        self.client.close()
        self.store.stop()
        self.redis.kill()
        self.database.engine.dispose()

    def start_worker(self, *program: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker in a process group of its own; it takes work as soon as it is up.

        Args:
            program: arguments of Python that start it; `-m workers` if none are given.
            environment: settings.
        """
        return self._start([sys.executable, *(program or ("-m", "workers"))], environment)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process with its whole group, as a lost machine would."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def submit(self, path: Path | tuple[str, bytes], **options: str) -> httpx.Response:
        """POST a document."""
        name, body = path if isinstance(path, tuple) else (path.name, path.read_bytes())
        return self.client.post("/v1/documents", files={"file": (name, body)}, data=options)

    def document(self, document_id: str) -> dict[str, Any]:
        """GET a document."""
        answer: dict[str, Any] = self.client.get(f"/v1/documents/{document_id}").raise_for_status().json()
        return answer

    def wait(self, document_id: str, timeout: float = 60, *, relaying: bool = False) -> dict[str, Any]:
        """Wait until a document is final; `relaying` runs the relay meanwhile, as the schedule would."""
        relayed = 0.0

        def final() -> dict[str, Any] | None:
            nonlocal relayed
            if relaying and time.monotonic() - relayed > RELAY_SECONDS:
                self.relay()
                relayed = time.monotonic()
            document = self.document(document_id)
            return document if document["status"] in FINAL else None

        return wait_until(final, timeout, f"the end of document {document_id}; see {self.directory}") or {}

    def relay(self) -> Healed:
        """Run the relay once."""
        return self._relay.run()

    def pages(self, document_id: str) -> list[Page]:
        """The page ledger of a document, in order."""
        with self.database.read() as session:
            query = select(Page).order_by(Page.number)
            return [page for page in session.scalars(query) if str(page.document_id) == document_id]

    def jobs(self, document_id: str) -> list[JobRow]:
        """The jobs of a document, oldest first."""
        with self.database.read() as session:
            query = select(JobRow).order_by(JobRow.created_at)
            return [job for job in session.scalars(query) if str(job.document_id) == document_id]

    @staticmethod
    def message_for(job: JobRow) -> Message:
        """A message for a job, as the outbox would write it."""
        return as_message(OutboxRow(id=job.id, job_id=job.id, available_at=job.created_at), job)

    def log(self) -> str:
        """What all processes printed."""
        return "".join(path.read_text() for path in sorted(self.directory.glob("*.log")))

    def _start_api(self) -> None:
        port = free_port()
        self.client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        command = [sys.executable, "-m", "uvicorn", "functions.api.main:create_app", "--factory"]
        process = self._start([*command, "--host", "127.0.0.1", "--port", str(port)], {})

        def alive() -> bool:
            assert process.poll() is None, self.log()
            try:
                return self.client.get("/health/live").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(alive, 30, "the API")

    def _start(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        settings = {
            **os.environ,
            **self.store.environment,
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self.redis.url,
            "SOURCE_CACHE_DIR": str(self.directory / "sources"),
            **self._extra,
            **environment,
        }
        path = self.directory / f"{len(self.processes)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                command, env=settings, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.processes.append(process)
        return process
