"""Files are sent and followed by a few threads; what happens to them arrives as events in one place."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.cli.client import FINAL, ApiError, Client, Json, Options

# The server holds a connection for each; more would not make the workers faster.
_AT_ONCE = 8
_QUICK = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """One file to be read; `number` is its place on the command line."""

    number: int
    file: Path
    options: Options


@dataclass(frozen=True, slots=True)
class Event:
    """News of a job: its document as it is now, or the error that ended it.

    Attributes:
        job: whose.
        document: the document as the API last told it; None if it was never accepted.
        error: `detail (code)` if the job can go no further.
        known: the API had this document already.
        seconds: since the job was begun.
    """

    job: Job
    document: Json | None = None
    error: str | None = None
    known: bool = False
    seconds: float = 0.0

    @property
    def last(self) -> bool:
        """Whether nothing more will be heard of this job."""
        return self.error is not None or (self.document or {}).get("status") in FINAL

    @property
    def completed(self) -> bool:
        """Whether every page was read."""
        return self.error is None and (self.document or {}).get("status") == "completed"


def follow(client: Client, jobs: Sequence[Job], *, wait: int) -> Iterator[Event]:
    """Send every file and yield what happens to each until all are final.

    Args:
        client: the API.
        jobs: the files.
        wait: seconds the API may hold a question about one document: short for a lively bar, long to spare requests.
    """
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    news: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    for _ in range(min(_AT_ONCE, len(jobs))):
        # Daemons: on Ctrl-C nobody waits for a question that is still open.
        threading.Thread(target=_work, args=(client, waiting, news, wait), daemon=True).start()
    open_jobs = len(jobs)
    while open_jobs:
        event = news.get()
        open_jobs -= event.last
        yield event


def _work(client: Client, waiting: queue.SimpleQueue[Job], news: queue.SimpleQueue[Event], wait: int) -> None:
    """Take jobs until there are no more."""
    while True:
        try:
            job = waiting.get_nowait()
        except queue.Empty:
            return
        for event in _read(client, job, wait):
            news.put(event)


def _read(client: Client, job: Job, wait: int) -> Iterator[Event]:
    """Send one file and ask after it until it is final; whatever goes wrong is its last event."""
    begun = time.monotonic()
    document: Json | None = None
    known = False
    try:
        document, known = client.submit(job.file, job.options)
        while True:
            yield Event(job, document, known=known, seconds=time.monotonic() - begun)
            if document["status"] in FINAL:
                return
            document = _ask(client, document["id"], wait)
    except (ApiError, OSError) as error:
        yield Event(job, document, _sentence(error), seconds=time.monotonic() - begun)
    except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the command waiting for ever
        yield Event(job, document, f"{type(error).__name__}: {error} (client_error)")


def _ask(client: Client, document_id: str, wait: int) -> Json:
    """The document after at most `wait` seconds; a server that doesn't hold the question is not asked in a rush."""
    asked = time.monotonic()
    document = client.document(document_id, wait)
    if document["status"] not in FINAL and time.monotonic() - asked < _QUICK:
        time.sleep(min(wait, 1))
    return document


def _sentence(error: ApiError | OSError) -> str:
    """What went wrong, with its code."""
    if isinstance(error, OSError):
        return f"{error.strerror or error} (unreadable_file)"
    return str(error)
