"""The page ledger: each page once, the document closed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest

from shared.config import Delivery
from shared.contracts import Job, OcrClose, OcrDocument, OcrPages
from shared.db.unit_of_work import Database
from shared.errors import CorruptFile, EngineFailed
from shared.models import Document, DocumentStatus, Page, PageStatus
from shared.services.documents import reopen
from shared.services.jobs import Jobs
from shared.services.ledger import BATCH, DocumentGone, FailedPage, Ledger, Progress
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows, read_page
from tests.support.waiting import at_once

PASSWORD = "opens the file"  # noqa: S105  # of no account


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, Delivery(max_attempts=1))


def opened(ledger: Ledger, rows: Rows, pages: int) -> Document:
    """A document that is being read, with that many pages pending."""
    document = ledger.begin(rows.document().id)
    ledger.open(document.id, pages, range(1, pages + 1))
    return document


def failed(number: int, code: str = "corrupt_file") -> FailedPage:
    return FailedPage(number, code, f"page {number} is torn")


def give_up(jobs: Jobs, rows: Rows, message: Job, document_id: UUID) -> None:
    claim = jobs.claim(rows.job(message, document_id=document_id))
    assert claim is not None
    jobs.fail(claim, EngineFailed("it died"))


# --- begun and opened


def test_beginning_twice_keeps_the_first_start(ledger: Ledger, rows: Rows) -> None:
    document_id = rows.document().id
    first, second = ledger.begin(document_id), ledger.begin(document_id)
    assert first.status == second.status == DocumentStatus.PROCESSING
    assert first.started_at == second.started_at is not None


@pytest.mark.parametrize("status", sorted(set(DocumentStatus) - {DocumentStatus.QUEUED, DocumentStatus.PROCESSING}))
def test_a_document_that_is_not_queued_cannot_begin(ledger: Ledger, rows: Rows, status: DocumentStatus) -> None:
    document = rows.document(status=status)
    with pytest.raises(DocumentGone):
        ledger.begin(document.id)
    assert rows.get_document(document.id).status == status


def test_opening_twice_writes_the_ledger_once(ledger: Ledger, rows: Rows) -> None:
    document = ledger.begin(rows.document().id)
    assert ledger.open(document.id, 9, [1, 2, 9]) == Progress(0, 3)
    ledger.save(document.id, [read_page(2)])
    assert ledger.open(document.id, 9, [1, 2, 9]) == Progress(1, 3)
    assert ledger.pending(document.id) == [1, 9]
    assert rows.get_document(document.id).page_count == 9


def test_two_that_open_at_the_same_moment_write_one_ledger(ledger: Ledger, rows: Rows) -> None:
    document = ledger.begin(rows.document().id)
    at_once([lambda: ledger.open(document.id, 5, range(1, 6))] * 4)
    assert rows.count(Page) == 5


@pytest.mark.parametrize("end", ["cancelled", "deleted"])
def test_a_document_that_is_gone_stops_its_reader_everywhere(ledger: Ledger, rows: Rows, end: str) -> None:
    document = opened(ledger, rows, 2)
    gone = uuid4() if end == "deleted" else document.id
    rows.change(Document, document.id, status=DocumentStatus.CANCELLED)
    for call in (
        lambda: ledger.begin(gone),
        lambda: ledger.get(gone),
        lambda: ledger.open(gone, 1, [1]),
        lambda: ledger.save(gone, [read_page(1)]),
        lambda: ledger.fan_out(document, [[1, 2]]),
    ):
        with pytest.raises(DocumentGone):
            call()
    assert ledger.pending(document.id) == [1, 2]
    assert not ledger.close(gone, ledger.summary(document.id))


# --- saved


def test_saved_pages_are_kept_as_they_were_read(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 2)
    page = read_page(1, text="Größe\f\n", confidence=None, engine=None, words_key="k", words_offset=7, words_length=9)
    assert ledger.save(document.id, [page], [failed(2)]) == Progress(2, 2)
    first, second = ledger.finals(document.id)
    kept = {name: getattr(first, name) for name in type(page).__slots__}
    assert kept == {name: getattr(page, name) for name in kept}
    assert (first.status, second.status) == (PageStatus.DONE, PageStatus.FAILED)
    assert (second.error_code, second.error_message) == ("corrupt_file", "page 2 is torn")


def test_a_page_saved_twice_counts_once_and_keeps_the_first_text(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 2)
    assert ledger.save(document.id, [read_page(1)]) == Progress(1, 2)
    again = ledger.save(document.id, [read_page(1, text="other"), read_page(2)], [failed(1)])
    assert again == Progress(2, 2)
    assert [page.text for page in ledger.finals(document.id)] == ["page 1", "page 2"]


def test_readers_of_the_same_pages_count_each_once(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 20)
    pages = [read_page(number) for number in range(1, 21)]
    backwards = pages[::-1]
    at_once([lambda: ledger.save(document.id, pages), lambda: ledger.save(document.id, backwards)] * 2)
    row = rows.get_document(document.id)
    assert (row.pages_done, row.pages_total) == (20, 20)


def test_readers_of_different_pages_count_all_and_the_last_knows(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 8)
    saves = [lambda number=number: ledger.save(document.id, [read_page(number)]) for number in range(1, 9)]
    progress = at_once(saves)
    assert sorted(step.done for step in progress) == list(range(1, 9))
    assert len([step for step in progress if step.complete]) == 1


def test_a_page_the_ledger_does_not_have_counts_nothing(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 2)
    assert ledger.save(document.id, [read_page(7)]) == Progress(0, 2)


@pytest.mark.parametrize("text", ["a NUL \x00 inside", "a lone surrogate \udc80 inside"])
def test_a_text_no_database_takes_is_written_without_what_it_does_not_take(
    ledger: Ledger, rows: Rows, text: str
) -> None:
    document = opened(ledger, rows, 2)
    ledger.save(document.id, [read_page(1, text=text)], [FailedPage(2, "corrupt_file", text)])
    first, second = ledger.finals(document.id)
    assert (first.text or "").endswith("inside")
    assert (second.error_message or "").endswith("inside")


# --- fanned out


def test_fanning_out_sends_a_job_for_each_chunk(ledger: Ledger, rows: Rows, outgoing: Outgoing) -> None:
    document = opened(ledger, rows, 5)
    ledger.save(document.id, [read_page(1)])
    ledger.fan_out(document, [[2, 3], [4, 5]])
    assert [(message.name, message.payload["chunk"]) for message in outgoing.sent] == [
        ("ocr.pages", 2),
        ("ocr.pages", 4),
    ]
    assert ledger.pending(document.id) == []
    assert [ledger.pending(document.id, chunk) for chunk in (2, 4)] == [[2, 3], [4, 5]]


def test_fanning_out_twice_sends_once(ledger: Ledger, rows: Rows, outgoing: Outgoing) -> None:
    document = opened(ledger, rows, 4)
    at_once([lambda: ledger.fan_out(document, [[1, 2], [3, 4]])] * 3)
    assert len(outgoing.sent) == 2


def test_fanning_out_otherwise_a_second_time_leaves_no_page_without_a_job(
    ledger: Ledger, rows: Rows, outgoing: Outgoing
) -> None:
    document = opened(ledger, rows, 4)
    ledger.fan_out(document, [[1, 2]])
    ledger.fan_out(document, [[1, 2, 3], [4]])
    sent = {message.payload["chunk"] for message in outgoing.sent}
    assert {page.chunk for page in ledger.finals(document.id)} <= sent
    assert ledger.pending(document.id, 1) == [1, 2]


# --- added up and closed


def test_every_page_is_given_in_order_whatever_their_number(ledger: Ledger, rows: Rows) -> None:
    pages = 2 * BATCH + 1
    document = opened(ledger, rows, pages)
    assert [page.number for page in ledger.finals(document.id)] == list(range(1, pages + 1))


def test_the_summary_weighs_confidence_by_words(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 4)
    ledger.save(
        document.id,
        [
            read_page(1, confidence=1.0, word_count=3),
            read_page(2, confidence=0.5, word_count=1, source="text_layer", engine=None),
            read_page(3, confidence=None, word_count=100),
        ],
        [failed(4)],
    )
    summary = ledger.summary(document.id)
    assert summary.confidence == pytest.approx((3 * 1.0 + 0.5) / 4)
    assert (summary.total, summary.failed) == (4, [(4, "corrupt_file", "page 4 is torn")])
    assert (summary.sources, summary.engines) == (frozenset({"ocr", "text_layer"}), frozenset({"tesseract"}))


def test_a_document_without_words_has_no_confidence(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 1)
    ledger.save(document.id, [read_page(1, confidence=None, word_count=0)])
    assert ledger.summary(document.id).confidence is None


def test_a_document_is_closed_once(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 1)
    ledger.save(document.id, [read_page(1)])
    summary = ledger.summary(document.id)
    assert sorted(at_once([lambda: ledger.close(document.id, summary)] * 4)) == [False, False, False, True]
    row = rows.get_document(document.id)
    assert (row.status, row.confidence, row.text_source, row.engine) == ("completed", 0.9, "ocr", "tesseract")
    assert row.completed_at is not None


def test_a_completed_document_forgets_its_password_a_partial_one_may_need_it(ledger: Ledger, rows: Rows) -> None:
    whole, torn = opened(ledger, rows, 1), opened(ledger, rows, 2)
    for document in (whole, torn):
        rows.change(Document, document.id, password=PASSWORD)
    ledger.save(whole.id, [read_page(1)])
    ledger.save(torn.id, [read_page(1)], [failed(2)])
    for document in (whole, torn):
        assert ledger.close(document.id, ledger.summary(document.id))
    assert rows.get_document(whole.id).password is None
    assert rows.get_document(torn.id).password == PASSWORD


@pytest.mark.parametrize(
    ("torn", "status", "message"),
    [
        ([], "completed", None),
        ([2], "partial", "1 of 3 pages could not be read: 2. Page 2: page 2 is torn"),
        ([1, 2, 3], "failed", "Page 1: page 1 is torn"),
    ],
)
def test_the_verdict_follows_from_the_pages(
    ledger: Ledger, rows: Rows, torn: list[int], status: str, message: str | None
) -> None:
    document = opened(ledger, rows, 3)
    whole = [read_page(number) for number in (1, 2, 3) if number not in torn]
    ledger.save(document.id, whole, [failed(number) for number in torn])
    ledger.close(document.id, ledger.summary(document.id))
    row = rows.get_document(document.id)
    assert (row.status, row.error_message) == (status, message)
    assert row.error_code == ("corrupt_file" if torn else None)


def test_the_only_page_speaks_for_the_document(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 1)
    ledger.save(document.id, [], [failed(1)])
    ledger.close(document.id, ledger.summary(document.id))
    assert rows.get_document(document.id).error_message == "page 1 is torn"


# --- given up


def test_a_document_that_could_not_be_opened_fails(ledger: Ledger, jobs: Jobs, rows: Rows) -> None:
    document = ledger.begin(rows.document().id)
    give_up(jobs, rows, OcrDocument(document_id=document.id), document.id)
    row = rows.get_document(document.id)
    assert (row.status, row.error_code, row.error_message) == ("failed", "engine_failed", "it died")
    assert row.completed_at is not None


def test_a_document_given_up_after_its_ledger_keeps_what_was_read(ledger: Ledger, jobs: Jobs, rows: Rows) -> None:
    document = opened(ledger, rows, 3)
    ledger.save(document.id, [read_page(1)])
    give_up(jobs, rows, OcrDocument(document_id=document.id), document.id)
    assert [page.status for page in ledger.finals(document.id)] == ["done", "failed", "failed"]
    assert rows.get_document(document.id).status == DocumentStatus.PROCESSING
    assert len(rows.jobs("ocr.close")) == 1


def test_a_document_given_up_after_it_was_fanned_out_waits_for_its_chunks(
    ledger: Ledger, jobs: Jobs, rows: Rows
) -> None:
    document = opened(ledger, rows, 2)
    ledger.fan_out(document, [[1, 2]])
    give_up(jobs, rows, OcrDocument(document_id=document.id), document.id)
    assert ledger.pending(document.id, 1) == [1, 2]
    assert rows.jobs("ocr.close") == []


def test_a_chunk_given_up_fails_its_own_pages(ledger: Ledger, jobs: Jobs, rows: Rows) -> None:
    document = opened(ledger, rows, 4)
    ledger.fan_out(document, [[1, 2], [3, 4]])
    ledger.save(document.id, [read_page(1)])
    give_up(jobs, rows, OcrPages(document_id=document.id, chunk=1), document.id)
    assert [page.status for page in ledger.finals(document.id)] == ["done", "failed", "pending", "pending"]
    assert rows.jobs("ocr.close") == []
    ledger.save(document.id, [read_page(3), read_page(4)])
    ledger.close(document.id, ledger.summary(document.id))
    assert rows.get_document(document.id).status == DocumentStatus.PARTIAL


def test_chunks_given_up_after_the_last_page_close_the_document_by_one_job(
    ledger: Ledger, jobs: Jobs, rows: Rows
) -> None:
    document = opened(ledger, rows, 4)
    ledger.fan_out(document, [[1, 2], [3, 4]])
    ledger.save(document.id, [read_page(number) for number in (1, 2, 3, 4)])
    for chunk in (1, 3):
        give_up(jobs, rows, OcrPages(document_id=document.id, chunk=chunk), document.id)
    assert len(rows.jobs("ocr.close")) == 1


def test_a_document_that_could_not_be_closed_fails_and_keeps_its_pages(ledger: Ledger, jobs: Jobs, rows: Rows) -> None:
    document = opened(ledger, rows, 1)
    ledger.save(document.id, [read_page(1)])
    give_up(jobs, rows, OcrClose(document_id=document.id), document.id)
    assert rows.get_document(document.id).status == DocumentStatus.FAILED
    assert [page.status for page in ledger.finals(document.id)] == [PageStatus.DONE]


@pytest.mark.parametrize("status", [DocumentStatus.CANCELLED, DocumentStatus.COMPLETED])
def test_a_job_given_up_does_not_touch_a_final_document(
    jobs: Jobs, rows: Rows, ledger: Ledger, status: DocumentStatus
) -> None:
    document = rows.document(status=status)
    claim = jobs.claim(rows.job(OcrDocument(document_id=document.id), document_id=document.id))
    assert claim is not None
    jobs.fail(claim, CorruptFile("no image"))
    assert rows.get_document(document.id).status == status
    with pytest.raises(DocumentGone):
        ledger.get(document.id)


def test_giving_up_a_chunk_and_saving_its_pages_never_block_each_other(
    database: Database, ledger: Ledger, rows: Rows
) -> None:
    """Both lock the document before its pages; the other order deadlocks within a few of these rounds."""
    jobs = Jobs(database, Delivery(max_attempts=1))
    pages = [read_page(number) for number in range(1, 31)]
    for _ in range(5):
        document = opened(ledger, rows, 31)
        ledger.fan_out(document, [range(1, 31)])
        message = OcrPages(document_id=document.id, chunk=1)
        calls: list[Callable[[], object]] = [partial(give_up, jobs, rows, message, document.id)]
        saves = [partial(ledger.save, document.id, pages), partial(ledger.save, document.id, pages[::-1])]
        calls += [partial(_unless_gone, save) for save in saves]
        at_once(calls)
        assert rows.get_document(document.id).pages_done == 30


def _unless_gone(save: Callable[[], Progress]) -> Progress | None:
    try:
        return save()
    except DocumentGone:
        return None


def test_what_a_failed_page_took_is_kept_and_added_to_when_it_is_read(ledger: Ledger, rows: Rows) -> None:
    document = opened(ledger, rows, 1)
    asked = [{"engine": "deepseek", "kept": False, "error": "engine_refused"}]
    ledger.save(document.id, [], [FailedPage(1, "engine_refused", "It would not.", asked, cpu_ms=5, micros=300)])
    page = next(ledger.finals(document.id))
    assert (page.attempts, page.cpu_ms, page.micros) == (asked, 5, 300)
    ledger.close(document.id, ledger.summary(document.id))
    with rows.database.write() as work:
        reopen(work, work.session.get_one(Document, document.id))
    ledger.begin(document.id)
    ledger.save(document.id, [read_page(1, cpu_ms=8, micros=1000)])
    page = next(ledger.finals(document.id))
    assert (page.status, page.cpu_ms, page.micros) == (PageStatus.DONE, 13, 1300)
