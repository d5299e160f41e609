"""Hostile documents through the API and a real worker: each ends in time, and no process and no file outlives it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support import hostile_images, hostile_pdf, hostile_text
from tests.support.databases import SqliteDatabases
from tests.support.hostile_pdf import page, picture, text
from tests.support.hostile_reading import below, is_server
from tests.support.lanes import Lanes
from tests.support.waiting import wait_until

PAGE_SECONDS = 2
ENDLESS = hostile_pdf.ENDLESS["a pattern of a million million tiles"]
GREY = b"/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode"

# The worker's page images go where a test can count them: other workers of this machine share the usual place.
WORKER = """import pathlib, runpy
from workers.ocr import sandbox
sandbox._SHARED_MEMORY = pathlib.Path({scratch!r})
runpy.run_module("workers", run_name="__main__")
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the worker puts page images."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def hostile_lanes(
    tmp_path_factory: pytest.TempPathFactory, sqlite_databases: SqliteDatabases, scratch: Path
) -> Iterator[Lanes]:
    """A deployment with one worker that has little patience with pages."""
    with (
        sqlite_databases.migrated() as url,
        Lanes(tmp_path_factory.mktemp("lanes"), url, {"PAGE_TIMEOUT_SECONDS": str(PAGE_SECONDS)}) as lanes,
    ):
        lanes.start_worker("-c", WORKER.format(scratch=str(scratch)))
        yield lanes


@pytest.fixture(autouse=True)
def _nothing_left(hostile_lanes: Lanes, scratch: Path) -> Iterator[None]:
    yield
    wait_until(lambda: not list(below(worker(hostile_lanes))), 20, "the end of every reading process")
    wait_until(lambda: not list(scratch.iterdir()), 20, "the end of every scratch directory")
    assert worker(hostile_lanes).is_running()


def worker(lanes: Lanes) -> psutil.Process:
    """The worker, which was started last."""
    return psutil.Process(lanes.processes[-1].pid)


def outcome(lanes: Lanes, data: bytes) -> tuple[str, str]:
    """Submit a file and return how it ended, and its text or the code of its error."""
    answer = lanes.submit(("hostile.pdf", data), force="true", engine="tesseract")
    assert answer.status_code == 202, answer.text
    document = lanes.wait(answer.json()["id"], 60, relaying=True)
    if document["status"] == "failed":
        return "failed", document["error"]["code"]
    found = lanes.client.get(f"/v1/documents/{document['id']}/result", params={"format": "text"})
    return document["status"], " ".join(found.text.split())


KINDS = {
    "JBIG2": (hostile_pdf.PICTURES["JBIG2"], "completed", hostile_images.TEXT),
    "a font that is mapped wrongly": (
        hostile_pdf.mismapped(hostile_text.LANGUAGES["English"], 3),
        "completed",
        "The bridge was closed for three weeks",
    ),
    "a stamp": (hostile_pdf.note(b"Stamp", b"BT /F1 30 Tf 5 10 Td (PAID IN FULL) Tj ET"), "completed", "PAID IN FULL"),
    "a layer that is off": (hostile_pdf.layered(text("Nobody", at=(72, 400)), on=False), "completed", "On every plan"),
    "a filled form": (hostile_pdf.field(b"Smithson"), "completed", "Smithson"),
    "a plan that is too large": (hostile_images.tiff([b"\0"], t256=19_866, t257=28_087), "failed", "page_too_large"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_ends_as_it_should(hostile_lanes: Lanes, kind: str) -> None:
    data, status, expected = KINDS[kind]
    ended, text_or_code = outcome(hostile_lanes, data)
    assert (ended, expected in text_or_code) == (status, True), text_or_code


def test_a_blank_page_is_a_result(hostile_lanes: Lanes) -> None:
    assert outcome(hostile_lanes, page(b"")) == ("completed", "")
    blank = picture(GREY, hostile_pdf.flate(b"\xff" * 700 * 220))
    answer = hostile_lanes.submit(("blank.pdf", blank), force="true", engine="tesseract")
    document = hostile_lanes.wait(answer.json()["id"])
    [read] = hostile_lanes.pages(document["id"])
    assert (document["status"], document["error"], read.text, read.confidence) == ("completed", None, "", None)


def test_an_endless_page_fails_alone(hostile_lanes: Lanes) -> None:
    answer = hostile_lanes.submit(("endless.pdf", ENDLESS), force="true", engine="tesseract")
    document = hostile_lanes.wait(answer.json()["id"], 90, relaying=True)
    assert document["status"] == "partial"
    first, second = hostile_lanes.pages(document["id"])
    assert first.error_code == "page_timeout"
    assert second.text == "Page two is fine"


@pytest.mark.parametrize("victim", ["reader", "fork server"])
def test_whoever_is_killed_is_replaced(hostile_lanes: Lanes, victim: str) -> None:
    answer = hostile_lanes.submit(("endless.pdf", ENDLESS), force="true", engine="tesseract")
    reader = wait_until(lambda: next(below(worker(hostile_lanes)), None), 20, "a reading process")
    assert reader is not None
    doomed = reader if victim == "reader" else reader.parent()
    assert doomed is not None
    assert victim == "reader" or is_server(doomed)
    doomed.send_signal(signal.SIGKILL)
    wait_until(lambda: not reader.is_running() or reader.status() == psutil.STATUS_ZOMBIE, 10, "its end")
    assert hostile_lanes.wait(answer.json()["id"], 90, relaying=True)["status"] == "partial"
    assert outcome(hostile_lanes, page(text("Still standing"))) == ("completed", "Still standing")


def test_a_child_of_the_worker_that_is_killed_takes_its_readers_along(hostile_lanes: Lanes) -> None:
    answer = hostile_lanes.submit(("endless.pdf", ENDLESS), force="true", engine="tesseract")
    reader = wait_until(lambda: next(below(worker(hostile_lanes)), None), 20, "a reading process")
    assert reader is not None
    server = reader.parent()
    assert server is not None
    child = server.parent()
    assert child is not None
    assert child.pid != worker(hostile_lanes).pid, "a worker reads in children, which it replaces"
    child.kill()
    wait_until(lambda: not server.is_running() and not reader.is_running(), 20, "the end of its fork server")
    assert hostile_lanes.wait(answer.json()["id"], 90, relaying=True)["status"] == "partial"
