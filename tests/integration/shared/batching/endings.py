"""How documents of batches end, and what is told of it."""

from __future__ import annotations

from uuid import UUID

from shared.config import Delivery
from shared.contracts import OcrDocument
from shared.db.unit_of_work import Database
from shared.errors import EngineFailed
from shared.services.jobs import Jobs
from shared.services.ledger import FailedPage, Ledger
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows, read_page


def told(outgoing: Outgoing) -> list[dict[str, int]]:
    """The counts of every `batch.completed` that was told."""
    return [event.data["counts"] for event in outgoing.events if event.type == "batch.completed"]


def being_read(rows: Rows, account: UUID, count: int) -> list[UUID]:
    """Documents of one page, which is being read."""
    ledger = Ledger(rows.database)
    made = [rows.document(account).id for _ in range(count)]
    for document_id in made:
        ledger.begin(document_id)
        ledger.open(document_id, 1, [1])
    return made


def end(database: Database, document_id: UUID, *, well: bool = True) -> None:
    """Read the only page of a document, or fail it, and close the document."""
    ledger = Ledger(database)
    if well:
        ledger.save(document_id, [read_page(1, attempts=[], cpu_ms=1, peak_kb=1, micros=0)])
    else:
        ledger.save(document_id, [], [FailedPage(1, "corrupt_file", "torn")])
    ledger.close(document_id, ledger.summary(document_id))


def give_up(database: Database, rows: Rows, document_id: UUID) -> bool:
    """Let the last attempt at a document fail; False where it was cancelled before that began."""
    jobs = Jobs(database, Delivery(max_attempts=1))
    claim = jobs.claim(rows.job(OcrDocument(document_id=document_id), document_id=document_id))
    return claim is not None and jobs.fail(claim, EngineFailed("it died")) is not None
