"""`sam local start-api` in front of a running local stack: HTTP in, the stack's workers, HTTP out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import pytest

from infra.local.stack import running_stack
from infra.local.state import StackState
from tests.support import documents
from tests.support.containers import docker
from tests.support.postgres import PostgresCluster
from tests.support.programs import free_port
from tests.support.sam import SamLocal, say
from tests.support.waiting import wait_until
from tests.unit.workers.ocr.making import bare_pdf


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresCluster) -> Iterator[StackState]:
    """A stack on PostgreSQL: its SQLite file could not be reached from a container."""
    with running_stack(tmp_path_factory.mktemp("stack"), database_url=postgres.create_database()) as running:
        yield running


@pytest.fixture(scope="module")
def api(
    stack: StackState, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[httpx.Client]:
    """A client of the API in sam's containers, with the stack's admin key."""
    with (
        SamLocal(tmp_path_factory.mktemp("sam"), stack.environment) as sam,
        sam.api() as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {stack.admin_key}"}, timeout=60) as client,
    ):
        yield client
        first, *others = sam.durations_ms()
        say(
            request.config,
            f"{len(others) + 1} requests: the first {first:.0f} ms, others {median(others):.0f} ms (median)",
        )


def finished(api: httpx.Client, document_id: str) -> dict[str, Any]:
    """The document once it is final."""

    def final() -> dict[str, Any] | None:
        document: dict[str, Any] = api.get(f"/v1/documents/{document_id}", params={"wait": 5}).raise_for_status().json()
        return document if document["completed_at"] else None

    return wait_until(final, 90, f"the end of {document_id}") or {}


def test_a_document_is_sent_read_and_fetched(api: httpx.Client, tmp_path: Path) -> None:
    # A PDF in plain ASCII: unlike the gateway on AWS, sam takes every body for UTF-8 and makes a 502 of others
    # (aws/aws-sam-cli#3110). Forms with other bytes go through `sam local invoke`, and through the emulated gateway.
    pdf = bare_pdf(1, tmp_path / "a.pdf", content=b"BT /F1 40 Tf 60 700 Td (Through the runtime) Tj ET")
    sent = api.post(
        "/v1/documents",
        files={"file": ("a.pdf", pdf.read_bytes())},
        # The workers shall have something to do.
        data={"text_layer": "ignore"},
    )
    assert sent.status_code == 202, sent.text
    assert sent.headers["location"].endswith(f"/v1/documents/{sent.json()['id']}")
    document = finished(api, sent.json()["id"])
    assert (document["status"], document["progress"]) == ("completed", {"pages_done": 1, "pages_total": 1})
    assert document["text_source"] == "ocr"
    text = api.get(document["links"]["result"], params={"format": "text"})
    assert "Through the runtime" in text.text


def test_an_announced_upload_is_posted_read_and_fetched(api: httpx.Client) -> None:
    body = documents.png("Around the functions")
    order = {"filename": "b.png", "media_type": "image/png", "size_bytes": len(body)}
    announced = api.post("/v1/uploads", json=order).raise_for_status().json()
    form = announced["upload"]
    posted = httpx.post(form["url"], data=form["fields"], files={"file": ("b.png", body, "image/png")}, timeout=30)
    assert posted.is_success, posted.text
    document = finished(api, announced["document_id"])
    assert "Around" in api.get(f"/v1/documents/{document['id']}/result").text


def test_a_request_without_a_key_is_refused_in_the_container_too(api: httpx.Client) -> None:
    refused = httpx.get(api.base_url.join("/v1/documents"), timeout=60)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "unauthorized"


def test_nothing_is_left_behind_when_a_test_fails(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    variables = {"DATABASE_URL": f"postgresql://{nowhere}/x", "REDIS_URL": f"redis://{nowhere}/0"}
    variables |= {"DOCUMENTS_BUCKET": "x", "AWS_ENDPOINT_URL": f"http://{nowhere}"}
    sam = SamLocal(tmp_path, variables)
    with pytest.raises(ZeroDivisionError):
        fail_while_serving(sam)
    started = re.findall(r"SAM_CONTAINER_ID: (\w+)", (tmp_path / "start-api.log").read_text())
    assert started
    assert not set(started) & set(docker("ps", "--all", "--quiet", "--no-trunc").stdout.split())
    assert sam.image not in docker("images").stdout
    # Of one that ended while it is looked at there is no command line.
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(tmp_path) in command]


def fail_while_serving(sam: SamLocal) -> None:
    """What a test does that finds something wrong."""
    with sam, sam.api() as url:
        assert httpx.get(f"{url}/health/live", timeout=60).is_success
        raise ZeroDivisionError
