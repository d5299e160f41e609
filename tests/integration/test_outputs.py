"""Outputs through the API and a real worker: made when first asked for, once, and again after a failure."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pikepdf
import pypdfium2
import pytest
from lxml import etree

from infra import samples
from shared.contracts import MakeOutput
from shared.models import JobRow, JobStatus
from tests.support import alto, documents, hostile
from tests.support.lanes import Lanes
from tests.support.signing import signed
from tests.support.waiting import wait_until

PASSWORD = "open sesame"  # noqa: S105 - of a file made here

HANGING_WORKER = """
import sys, time
from workers.ocr.outputs import making, tsv

def hang(filename, pages):
    open({flag!r}, "w").close()
    time.sleep(600)
    yield ""

making._WRITERS["tsv"] = hang
sys.argv = ["workers"]
import runpy
runpy.run_module("workers", run_name="__main__")
"""


def result(lanes: Lanes, document_id: str, form: str) -> httpx.Response:
    path = f"/v1/documents/{document_id}/result"
    return lanes.client.get(path, params={"format": form}, follow_redirects=True)


def making(lanes: Lanes, document_id: str) -> list[JobRow]:
    return [job for job in lanes.jobs(document_id) if job.name == MakeOutput.name]


def pdf_text(body: bytes) -> list[str]:
    with pypdfium2.PdfDocument(body) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


@pytest.fixture(scope="module")
def mixed(shared_lanes: Lanes) -> str:
    """A document of four pages, two of which are scans."""
    document = shared_lanes.wait(shared_lanes.submit(samples.path("mixed.pdf")).json()["id"], 120)
    assert document["status"] == "completed"
    return str(document["id"])


MEDIA_TYPES = {
    "markdown": "text/markdown; charset=utf-8",
    "hocr": "application/xhtml+xml",
    "alto": "application/xml",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "pdf": "application/pdf",
}


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_an_output_is_made_when_it_is_first_asked_for_and_stays(shared_lanes: Lanes, mixed: str, form: str) -> None:
    first = result(shared_lanes, mixed, form)
    assert first.status_code == 200, first.text
    assert first.headers["content-type"] == MEDIA_TYPES[form]
    jobs = making(shared_lanes, mixed)
    assert result(shared_lanes, mixed, form).content == first.content
    assert [job.id for job in making(shared_lanes, mixed)] == [job.id for job in jobs]


def words_in(form: str, body: bytes) -> str:
    """The words of an output, as whoever uses it finds them."""
    if form == "hocr":
        words = etree.fromstring(body).iterfind(".//{*}span[@class='ocrx_word']")
        return " ".join(word.text or "" for word in words)
    if form == "alto":
        return " ".join(word.get("CONTENT") for word in alto.checked(body).iterfind(".//{*}String"))
    if form == "tsv":
        return " ".join(line.split("\t")[-1] for line in body.decode().splitlines()[1:])
    if form == "pdf":
        return " ".join(pdf_text(body))
    return re.sub(r"[\\|#]", " ", body.decode())


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_every_output_says_what_the_document_says(shared_lanes: Lanes, mixed: str, form: str) -> None:
    found = words_in(form, result(shared_lanes, mixed, form).content)
    assert samples.word_recall(samples.expected_text("mixed.pdf"), found) > 0.95


def test_asked_for_many_times_at_once_it_is_made_once(shared_lanes: Lanes) -> None:
    document = shared_lanes.wait(shared_lanes.submit(("scan.pdf", documents.scanned_pdf(3))).json()["id"])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: result(shared_lanes, document["id"], "pdf"), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    (job,) = making(shared_lanes, document["id"])
    assert (job.attempt, job.status) == (1, JobStatus.SUCCEEDED)


def test_what_can_not_be_made_says_why_and_is_tried_again_when_asked_again(shared_lanes: Lanes, mixed: str) -> None:
    answer = result(shared_lanes, mixed, "pdfa")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_archivable")
    assert "fonts" in answer.json()["detail"]
    (first,) = [job for job in making(shared_lanes, mixed) if job.payload["format"] == "pdfa"]
    assert result(shared_lanes, mixed, "pdfa").json()["code"] == "not_archivable"
    (again,) = [job for job in making(shared_lanes, mixed) if job.payload["format"] == "pdfa"]
    assert again.id == first.id
    assert again.started_at > first.started_at  # type: ignore[operator]  # both were started
    assert shared_lanes.document(mixed)["status"] == "completed"


def test_a_document_without_a_result_has_no_output(shared_lanes: Lanes) -> None:
    document = shared_lanes.wait(shared_lanes.submit(("torn.jpg", hostile.truncated_jpeg())).json()["id"])
    assert result(shared_lanes, document["id"], "pdf").json()["code"] == "conflict"
    assert making(shared_lanes, document["id"]) == []


def test_a_signed_pdf_is_given_as_it_came_and_makes_no_pdfa(shared_lanes: Lanes) -> None:
    body = signed(documents.scanned_pdf(1))
    document = shared_lanes.wait(shared_lanes.submit(("signed.pdf", body)).json()["id"])
    assert "signed" in document["flags"]
    answer = result(shared_lanes, document["id"], "pdf")
    assert answer.content == body
    assert answer.headers["x-unaltered"] == "signed"
    assert result(shared_lanes, document["id"], "pdfa").json()["code"] == "not_archivable"


def test_the_pdf_of_a_document_with_a_password_is_made_before_the_password_goes(shared_lanes: Lanes) -> None:
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(documents.scanned_pdf(2))) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="owner", user=PASSWORD))
    document = shared_lanes.wait(shared_lanes.submit(("locked.pdf", locked.getvalue()), password=PASSWORD).json()["id"])
    assert document["status"] == "completed"
    body = result(shared_lanes, document["id"], "pdf").content
    assert all(documents.page_word(number) in text for number, text in enumerate(pdf_text(body), start=1))
    assert making(shared_lanes, document["id"]) == []
    archived = result(shared_lanes, document["id"], "pdfa")
    assert archived.status_code == 200, archived.text
    assert pdf_text(archived.content) == pdf_text(body)


def test_a_signed_pdf_with_a_password_is_given_as_it_came(shared_lanes: Lanes) -> None:
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(documents.scanned_pdf(1))) as pdf:
        value = pikepdf.Dictionary(Type=pikepdf.Name.Sig, ByteRange=pikepdf.Array([0, 10, 20, 30]))
        field = pdf.make_indirect(pikepdf.Dictionary(FT=pikepdf.Name.Sig, V=pdf.make_indirect(value)))
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
        pdf.save(locked, encryption=pikepdf.Encryption(owner="owner", user=PASSWORD))
    document = shared_lanes.wait(shared_lanes.submit(("both.pdf", locked.getvalue()), password=PASSWORD).json()["id"])
    assert {"signed", "encrypted"} <= set(document["flags"])
    answer = result(shared_lanes, document["id"], "pdf")
    assert answer.content == locked.getvalue()
    assert answer.headers["x-unaltered"] == "signed"


def test_pages_that_failed_are_empty_and_made_anew_when_they_were_read(lanes: Lanes) -> None:
    sizes = [(700, 220), (2100, 660), (700, 220)]
    pictures = [documents.image(documents.page_word(number), size) for number, size in enumerate(sizes, start=1)]
    scan = io.BytesIO()
    pictures[0].save(scan, "PDF", save_all=True, append_images=pictures[1:], resolution=150)
    worker = lanes.start_worker(MAX_PAGE_PIXELS="700000")
    document = lanes.wait(lanes.submit(("scan.pdf", scan.getvalue())).json()["id"])
    assert document["status"] == "partial"
    assert result(lanes, document["id"], "markdown").text.count("<!-- page 2 could not be read: page_too_large") == 1
    assert pdf_text(result(lanes, document["id"], "pdf").content)[1] == ""
    lanes.kill(worker)
    lanes.start_worker()
    lanes.client.post(f"/v1/documents/{document['id']}/retry").raise_for_status()
    assert lanes.wait(document["id"])["status"] == "completed"
    assert documents.page_word(2) in result(lanes, document["id"], "markdown").text
    assert documents.page_word(2) in pdf_text(result(lanes, document["id"], "pdf").content)[1]


def test_a_worker_killed_in_the_middle_costs_only_time(lanes: Lanes, tmp_path: Path) -> None:
    first = lanes.start_worker()
    document = lanes.wait(lanes.submit(("scan.png", documents.png("harbour"))).json()["id"])
    lanes.kill(first)
    flag = tmp_path / "hanging"
    hanging = lanes.start_worker("-c", HANGING_WORKER.format(flag=str(flag)))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(result, lanes, document["id"], "tsv")
        wait_until(flag.exists, 30, "the worker to be in the middle of it")
        lanes.kill(hanging)
        lanes.start_worker()
        wait_until(lambda: lanes.relay() and asked.done(), 40, "the answer")
        answer = asked.result()
    if answer.status_code == 409:  # the lease ran out too late for this request
        assert answer.json()["code"] == "output_in_progress"
        assert answer.headers["retry-after"] == "1"
        answer = result(lanes, document["id"], "tsv")
    assert "harbour" in answer.text
    (job,) = making(lanes, document["id"])
    assert job.attempt == 2


def test_nobody_waits_longer_than_the_gateway_does(lanes: Lanes) -> None:
    worker = lanes.start_worker()
    document = lanes.wait(lanes.submit(("scan.png", documents.png("harbour"))).json()["id"])
    lanes.kill(worker)
    answer = result(lanes, document["id"], "hocr")
    assert (answer.status_code, answer.json()["code"]) == (409, "output_in_progress")
    assert answer.headers["retry-after"] == "1"
