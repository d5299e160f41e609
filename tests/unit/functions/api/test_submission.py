"""POST /v1/documents."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, select

from shared.bootstrap import Services
from shared.config import MIB
from shared.models import Document, EngineRow, JobRow, OutboxRow
from shared.services.engines import EngineReport
from shared.services.keys import NewKey
from tests.unit.functions.api.conftest import PNG, Connect
from tests.unit.functions.api.sending import BOUNDARY, URL, assert_refused, send


def test_a_document_is_accepted_and_told_where_it_is(client: httpx.Client) -> None:
    answer = send(client, metadata='{"order": 17}', languages="eng+deu", priority="9", deskew="true")
    document = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/documents/{document['id']}" == document["links"]["self"]
    assert answer.headers["retry-after"] == "1"
    assert document["status"] == "queued"
    assert document["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert document["metadata"] == {"order": 17}
    assert document["languages"] == "eng+deu"
    assert document["engine"] == "auto"
    assert document["progress"] == {"pages_done": 0, "pages_total": None}
    assert document["created_at"].endswith("Z")
    assert document["error"] is None


def test_the_same_bytes_and_options_are_the_same_document(client: httpx.Client) -> None:
    first = send(client)
    again = send(client, name="renamed.png")
    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]


def test_other_options_make_another_document(client: httpx.Client) -> None:
    assert send(client).json()["id"] != send(client, languages="deu").json()["id"]


def test_force_reads_again(client: httpx.Client) -> None:
    first = send(client)
    forced = send(client, force="true")
    assert forced.status_code == 202
    assert forced.json()["id"] != first.json()["id"]


def test_eight_at_once_are_one_document(client: httpx.Client, stack: Services, user: NewKey) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(client), range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    with stack.database.read() as session:
        mine = Document.account_id == user.row.account_id
        assert session.scalar(select(func.count()).select_from(Document).where(mine)) == 1


def test_without_a_broker_it_is_accepted_in_time_and_the_message_waits(client: httpx.Client, stack: Services) -> None:
    start = time.monotonic()
    answer = send(client)
    assert answer.status_code == 202
    assert time.monotonic() - start < 2
    waiting = select(OutboxRow).join(JobRow, JobRow.id == OutboxRow.job_id)
    with stack.database.read() as session:
        assert session.scalars(waiting.where(JobRow.document_id == UUID(answer.json()["id"]))).one()


def test_an_empty_file_is_refused(client: httpx.Client) -> None:
    assert_refused(send(client, b""), 422, "empty_file")


def test_what_is_no_image_is_refused(client: httpx.Client) -> None:
    assert_refused(send(client, b"plain text"), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("languages", "not a language!", "invalid_option"),
        ("languages", "", "invalid_option"),
        ("priority", "11", "invalid_option"),
        ("priority", "high", "invalid_option"),
        ("deskew", "maybe", "invalid_option"),
        ("force", "perhaps", "invalid_option"),
        ("text_layer", "maybe", "invalid_option"),
        ("metadata", "[1]", "invalid_option"),
        ("metadata", "{", "invalid_option"),
        ("metadata", '{"a": NaN}', "invalid_option"),
        ("metadata", '{"a": 1e999}', "invalid_option"),
        ("metadata", '{"a": "\\u0000"}', "invalid_option"),
        ("metadata", '{"a": "\\ud800"}', "invalid_option"),
        ("metadata", '{"a":' * 5000 + "1" + "}" * 5000, "invalid_option"),
        ("metadata", '{"a": "' + "x" * 20000 + '"}', "invalid_option"),
        ("password", "a\x00b", "invalid_option"),
        ("engine", "x" * 41, "invalid_option"),
        ("engine", "crystal-ball", "unknown_engine"),
        ("extract", "recipe", "invalid_option"),
        ("colour", "sepia", "unknown_option"),
        ("langauges", "eng", "unknown_option"),
        *((("pages"), value, "invalid_page_range") for value in ("", "0", "3-1", "a", "1,,2", "-3", "1-2-3", "٣")),
        ("pages", "1," * 600, "invalid_page_range"),
    ],
)
def test_wrong_options_are_named(client: httpx.Client, option: str, value: str, code: str) -> None:
    problem = assert_refused(send(client, PNG, **{option: value}), 422, code)
    if code in {"invalid_option", "unknown_option"}:
        assert problem["errors"][0]["field"] == option


def forget_engines(stack: Services) -> None:
    with stack.database.write() as work:
        work.session.execute(delete(EngineRow))


def test_engines_and_languages_are_held_to_what_workers_reported(
    client: httpx.Client, stack: Services, request: pytest.FixtureRequest
) -> None:
    stack.engines.report([EngineReport("tesseract", "5.3", ["eng", "osd"])])
    request.addfinalizer(lambda: forget_engines(stack))
    assert_refused(send(client, languages="tlh"), 422, "unknown_language")
    assert_refused(send(client, engine="deepseek"), 422, "engine_unavailable")
    assert send(client, engine="tesseract", languages="eng+osd").status_code == 202


def test_a_password_never_comes_back(client: httpx.Client) -> None:
    opener = "s3cret"
    answer = send(client, password=opener * 40, languages="?")
    assert answer.status_code == 422
    assert opener not in answer.text
    assert opener not in send(client, password=opener).text


def test_a_file_of_exactly_the_limit_is_taken(client: httpx.Client) -> None:
    assert send(client, PNG + bytes(4 * MIB - len(PNG))).status_code == 202


@pytest.mark.parametrize("size", [4 * MIB + 1, 12 * MIB])
def test_a_larger_file_is_sent_to_uploads(client: httpx.Client, size: int) -> None:
    problem = assert_refused(send(client, PNG + bytes(size - len(PNG))), 413, "file_too_large")
    assert "POST /v1/uploads" in problem["detail"]


def test_a_chunked_body_over_the_limit_is_refused(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
        for _ in range(64):
            yield bytes(MIB)

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert_refused(client.post(URL, content=endless(), headers=headers), 413, "file_too_large")


def test_a_chunked_body_is_not_read_past_the_limit(app: FastAPI, user: NewKey) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "X-API-Key": user.secret}
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
        while True:
            taken += MIB
            yield bytes(MIB)

    async def send_it() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", trust_env=False) as client:
            return await client.post(URL, content=endless(), headers=headers)

    assert_refused(asyncio.run(send_it()), 413, "file_too_large")
    assert taken <= 5 * MIB


def test_accounts_do_not_share_documents(client: httpx.Client, stranger: httpx.Client) -> None:
    assert send(client).json()["id"] != send(stranger).json()["id"]
    assert send(stranger).status_code == 200


def test_a_submission_needs_a_key(connect: Connect) -> None:
    assert_refused(send(connect(None)), 401, "unauthorized")
