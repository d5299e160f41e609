"""What documents cost, and what quotes are reckoned from, on both databases."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.db.unit_of_work import Database
from shared.errors import NotFound
from shared.models import Document, DocumentStatus, Extraction, Page, PageStatus
from shared.services.costs import Costs, Dollars, PageGroup, Tariff
from shared.services.expectations import ENOUGH_PAGES, Expectations, Look
from shared.services.options import DocumentOptions
from tests.support.rows import Rows

TARIFF = Tariff(vcpu_hour=3.6, gb_hour=1.8, textract_page=0.0015)
"""A vCPU-second costs a thousandth of a dollar, a second of a GB half of that."""

GB = 1024 * 1024


@pytest.fixture
def costs(database: Database) -> Costs:
    return Costs(database, TARIFF)


@pytest.fixture
def expectations(database: Database) -> Expectations:
    return Expectations(database, TARIFF)


def add_page(rows: Rows, document: Document, number: int, **columns: Any) -> None:
    given: dict[str, Any] = {"status": PageStatus.DONE, "source": "ocr", "engine": "tesseract", "duration_ms": 2000}
    given |= {"cpu_ms": 1000, "peak_kb": GB, "micros": 0, "attempts": [attempt("tesseract")]}
    with rows.database.write() as work:
        work.session.add(Page(document_id=document.id, number=number, **(given | columns)))


def attempt(engine: str) -> dict[str, Any]:
    return {"engine": engine, "kept": True, "confidence": 0.9, "word_count": 1, "duration_ms": 1}


def receipt(costs: Costs, document: Document) -> Any:
    return costs.receipt(document.account_id, document.id)


def test_a_receipt_adds_up_what_pages_took_and_what_others_charge(costs: Costs, rows: Rows) -> None:
    document = rows.document(status=DocumentStatus.PARTIAL)
    add_page(rows, document, 1)
    both = [attempt("tesseract"), attempt("textract")]
    add_page(rows, document, 2, engine="textract", micros=1500, attempts=both, peak_kb=GB // 2)
    bare: dict[str, Any] = {
        "engine": None,
        "source": "text_layer",
        "attempts": [],
        "cpu_ms": 1,
        "duration_ms": 1,
        "peak_kb": 1024,
    }
    add_page(rows, document, 3, **bare)
    refused: dict[str, Any] = {"source": None, "engine": None, "duration_ms": None, "cpu_ms": 0, "peak_kb": None}
    add_page(rows, document, 4, **refused, status=PageStatus.FAILED, micros=1500, attempts=[attempt("textract")])
    with rows.database.write() as work:
        work.session.add(Extraction(document_id=document.id, micros=250))
    found = receipt(costs, document)
    assert (found.cpu_seconds, found.peak_memory_mb) == (2.001, 1024)
    assert found.pages == [
        PageGroup("ocr", "tesseract", reused=False, pages=1, cpu_seconds=1),
        PageGroup("ocr", "textract", reused=False, pages=1, cpu_seconds=1),
        PageGroup("text_layer", None, reused=False, pages=1, cpu_seconds=0.001),
    ]
    assert found.engine_calls == {"tesseract": 2, "textract": 2}
    assert found.dollars.cpu == pytest.approx(0.002001)
    assert found.dollars.memory == pytest.approx((2 + 1) * 0.0005, rel=1e-3)
    assert (found.dollars.engines, found.dollars.extraction) == (0.003, 0.00025)
    assert found.dollars.total == pytest.approx(0.002001 + 0.0015 + 0.003 + 0.00025, rel=1e-3)
    assert found.textract_dollars == pytest.approx(0.0045)


def test_pages_taken_over_cost_nothing_again(costs: Costs, rows: Rows) -> None:
    document = rows.document(status=DocumentStatus.COMPLETED)
    add_page(rows, document, 1, reused_from=uuid4(), cpu_ms=None, peak_kb=None, micros=None)
    found = receipt(costs, document)
    assert found.pages == [PageGroup("ocr", "tesseract", reused=True, pages=1, cpu_seconds=0)]
    assert (found.dollars, found.engine_calls, found.peak_memory_mb) == (Dollars(0, 0, 0), {}, None)
    assert found.textract_dollars == 0.0015


def test_pages_of_before_the_meters_are_told_without_them(costs: Costs, rows: Rows) -> None:
    document = rows.document(status=DocumentStatus.COMPLETED)
    add_page(rows, document, 1, cpu_ms=None, peak_kb=None, micros=None, attempts=None)
    assert receipt(costs, document).dollars.total == 0


def test_a_document_without_pages_has_a_receipt_and_that_of_another_account_none(costs: Costs, rows: Rows) -> None:
    document = rows.document()
    assert receipt(costs, document).textract_dollars == 0
    with pytest.raises(NotFound):
        costs.receipt(rows.account(), document.id)


# --- expectations


def expect(expectations: Expectations, account: UUID, engine: str = "auto", at_once: int = 1) -> dict[str, Any]:
    look = Look(page_count=30, pages=20, with_text=10, to_recognise=10)
    return expectations.of(account, engine, look, at_once)


def read_before(rows: Rows, account: UUID, pages: int, engine: str = "auto", **columns: Any) -> None:
    options = DocumentOptions(engine=engine).reading()
    document = rows.document(account, DocumentStatus.COMPLETED, options=options)
    for number in range(1, pages + 1):
        add_page(rows, document, number, **columns)


def test_without_history_general_figures_are_told_as_such(expectations: Expectations, rows: Rows) -> None:
    found = expect(expectations, rows.account())
    assert found["based_on"] == "defaults"
    assert found["expected_cpu_seconds"] == pytest.approx(10 * 1.7 + 10 * 0.001)
    assert found["textract_dollars"] == pytest.approx(20 * 0.0015)


def test_what_the_account_had_read_with_the_engine_is_what_the_next_is_expected_to_take(
    expectations: Expectations, rows: Rows
) -> None:
    account = rows.account()
    read_before(rows, account, ENOUGH_PAGES, micros=500)
    read_before(rows, account, 3, engine="rapidocr", cpu_ms=90_000)
    read_before(rows, account, 3, source="text_layer", cpu_ms=0)
    read_before(rows, account, 3, reused_from=uuid4(), cpu_ms=1)
    read_before(rows, rows.account(), 9, cpu_ms=70_000)
    found = expect(expectations, account)
    assert found["based_on"] == "measured"
    assert found["expected_cpu_seconds"] == pytest.approx(10.01)
    assert found["expected_dollars"]["engines"] == pytest.approx(10 * 0.0005)
    assert found["expected_dollars"]["memory"] == pytest.approx((10 * 2 + 0.01) * 0.0005, rel=1e-3)
    assert expect(expectations, account, "rapidocr")["based_on"] == "defaults"


def test_workers_share_the_pages_as_far_as_there_are_some(expectations: Expectations, rows: Rows) -> None:
    account = rows.account()
    alone, four, many = (expect(expectations, account, at_once=count)["expected_seconds"] for count in (1, 4, 99))
    assert alone - 0.3 == pytest.approx(4 * (four - 0.3), rel=1e-2)
    assert alone - 0.3 == pytest.approx(10 * (many - 0.3), rel=1e-2)


def test_engines_of_others_cost_what_they_are_set_to(
    expectations: Expectations, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTRACT_PAGE_DOLLARS", "0.002")
    monkeypatch.setenv("DEEPSEEK_INPUT_DOLLARS", "1")
    monkeypatch.setenv("DEEPSEEK_INPUT_TOKENS", "3000")
    monkeypatch.setenv("DEEPSEEK_OUTPUT_DOLLARS", "2")
    account = rows.account()
    assert expect(expectations, account, "textract")["expected_dollars"]["engines"] == pytest.approx(0.02)
    assert expect(expectations, account, "deepseek")["expected_dollars"]["engines"] == pytest.approx(0.05)
    assert expect(expectations, account, "tesseract")["expected_dollars"]["engines"] == 0
