"""Bad input through the HTTP API: a clear error with its code, nothing lost, no worker dead."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.support import documents, hostile
from tests.support.lanes import Lanes
from tests.support.waiting import at_once

MIB = 1024 * 1024

REFUSED: dict[str, tuple[str, bytes, dict[str, str], int, str]] = {
    "an empty file": ("empty.png", b"", {}, 422, "empty_file"),
    "text renamed .pdf": ("notes.pdf", b"Dear diary, this is no PDF.\n" * 50, {}, 415, "unsupported_media_type"),
    "a file over the limit": ("big.png", documents.png("big") + b"\0" * 4 * MIB, {}, 413, "file_too_large"),
    "an unknown language": ("a.png", documents.png("a"), {"languages": "eng+tlh"}, 422, "unknown_language"),
    "a malformed language": ("a.png", documents.png("a"), {"languages": "eng+/etc"}, 422, "invalid_option"),
    "an unknown engine": ("a.png", documents.png("a"), {"engine": "crystalball"}, 422, "unknown_engine"),
    "an engine that is not installed": ("a.png", documents.png("a"), {"engine": "textract"}, 422, "engine_unavailable"),
    "an unknown option": ("a.png", documents.png("a"), {"colour": "blue"}, 422, "unknown_option"),
    "an option with a wrong value": ("a.png", documents.png("a"), {"priority": "11"}, 422, "invalid_option"),
    "page range: words": ("a.png", documents.png("a"), {"pages": "one"}, 422, "invalid_page_range"),
    "page range: backwards": ("a.png", documents.png("a"), {"pages": "3-1"}, 422, "invalid_page_range"),
    "page range: page 0": ("a.png", documents.png("a"), {"pages": "0"}, 422, "invalid_page_range"),
    "page range: a hole": ("a.png", documents.png("a"), {"pages": "1,,2"}, 422, "invalid_page_range"),
    "page range: too long": ("a.png", documents.png("a"), {"pages": "1," * 4000 + "1"}, 422, "invalid_page_range"),
    "a name of 5,000 characters": ("a" * 5000 + ".png", documents.png("a"), {}, 422, "invalid_filename"),
    "a name that is only a path": ("../..", documents.png("a"), {}, 422, "invalid_filename"),
}

UNREADABLE: dict[str, tuple[str, Callable[[], bytes], dict[str, str], str]] = {
    "a truncated JPEG": ("half.jpg", hostile.truncated_jpeg, {}, "corrupt_file"),
    "a PDF cut in half": ("half.pdf", hostile.half_pdf, {}, "corrupt_file"),
    "an encrypted PDF without password": ("a.pdf", lambda: hostile.text_pdf("hush"), {}, "password_required"),
    "an encrypted PDF, wrong password": (
        "a.pdf",
        lambda: hostile.text_pdf("hush"),
        {"password": "loud"},
        "wrong_password",
    ),
    "a PDF of no pages": ("none.pdf", lambda: hostile.empty_pages_pdf(0), {}, "no_pages"),
    "a page of 14,400 x 14,400 points": ("huge.pdf", hostile.huge_page_pdf, {}, "page_too_large"),
    "an image of 50,000 x 50,000 pixels": ("huge.png", hostile.huge_png, {}, "page_too_large"),
    "a 5,000-page PDF": ("5000.pdf", lambda: hostile.empty_pages_pdf(5000), {}, "too_many_pages"),
    "a page range past the end": ("one.pdf", hostile.text_pdf, {"pages": "1-3"}, "page_out_of_range"),
}


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, after a look at its shape."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["code"]


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_be_seen_at_once_is_refused_at_once(shared_lanes: Lanes, case: str) -> None:
    name, body, options, status, code = REFUSED[case]
    shared_lanes.wait(shared_lanes.submit(("known.png", documents.png("a worker has reported"))).json()["id"])
    assert problem(shared_lanes.submit((name, body), **options)) == (status, code)


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_only_a_reader_can_see_fails_the_document(shared_lanes: Lanes, case: str) -> None:
    name, body, options, code = UNREADABLE[case]
    answer = shared_lanes.submit((name, body()), **options)
    assert answer.status_code == 202, answer.text
    document = shared_lanes.wait(answer.json()["id"])
    assert (document["status"], document["error"]["code"]) == ("failed", code)
    assert document["error"]["message"]
    # Refused for good, at the first attempt.
    assert shared_lanes.jobs(document["id"])[0].attempt == 1


def test_after_all_that_the_worker_still_reads(shared_lanes: Lanes) -> None:
    for name, body, options, _ in UNREADABLE.values():
        shared_lanes.submit((name, body()), force="true", **options)
    answer = shared_lanes.submit(("fine.png", documents.png("Still standing")), force="true")
    assert shared_lanes.wait(answer.json()["id"], 120)["status"] == "completed"
    assert all(process.poll() is None for process in shared_lanes.processes)


def test_an_encrypted_pdf_opens_with_its_password(shared_lanes: Lanes) -> None:
    password = "open sesame"  # noqa: S105  # of a document made here
    answer = shared_lanes.submit(("secret.pdf", hostile.text_pdf(password)), password=password)
    document = shared_lanes.wait(answer.json()["id"])
    assert document["status"] == "completed"
    text = shared_lanes.client.get(f"/v1/documents/{document['id']}/result", params={"format": "text"}).text
    assert "harbour lights" in text
    assert password not in shared_lanes.log()
    assert password not in answer.text


def test_pages_of_a_5000_page_pdf_can_be_read_by_name(shared_lanes: Lanes) -> None:
    answer = shared_lanes.submit(("5000.pdf", hostile.empty_pages_pdf(5000)), pages="1,2499-2500,5000")
    document = shared_lanes.wait(answer.json()["id"])
    assert document["status"] == "completed"
    assert (document["page_count"], document["progress"]["pages_total"]) == (5000, 4)


def test_an_announced_file_over_the_limit_is_refused(shared_lanes: Lanes) -> None:
    order = {"filename": "vast.pdf", "media_type": "application/pdf", "size_bytes": 600 * MIB}
    assert problem(shared_lanes.client.post("/v1/uploads", json=order)) == (413, "file_too_large")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("scans/2026/receipt.png", "receipt.png"),
        ("C:\\scans\\receipt.png", "receipt.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("Überweisung 領収書 ❤.png", "Überweisung 領収書 ❤.png"),
    ],
)
def test_odd_file_names_keep_their_last_part(shared_lanes: Lanes, sent: str, kept: str) -> None:
    answer = shared_lanes.submit((sent, documents.png(kept)), force="true")
    assert answer.status_code == 202, answer.text
    assert answer.json()["filename"] == kept


def test_a_file_name_with_nul_is_refused(shared_lanes: Lanes) -> None:
    # httpx escapes what a hostile client sends raw.
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\x00b.png"\r\n\r\n'
        + documents.png("nul")
        + b"\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = shared_lanes.client.post("/v1/documents", content=body, headers=headers)
    assert problem(answer) == (422, "invalid_filename")


def test_the_same_upload_at_the_same_moment_is_one_document(shared_lanes: Lanes) -> None:
    body = documents.png("Twins")
    answers = at_once([lambda: shared_lanes.submit(("twin.png", body))] * 6)
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len([answer for answer in answers if answer.status_code == 202]) == 1
    (document_id,) = {answer.json()["id"] for answer in answers}
    assert shared_lanes.wait(document_id)["status"] == "completed"
    assert len(shared_lanes.jobs(document_id)) == 1
