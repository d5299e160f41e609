"""`twolane up`: the deployed template, the API, real workers; stopped, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest

from infra.local import state
from infra.local.stack import running_stack
from infra.local.state import StackState
from tests.support import documents
from tests.support.waiting import wait_until

TWOLANE = str(Path(sys.executable).with_name("twolane"))
WHOLE = {"pages_done": 20, "pages_total": 20}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that the tests of this module start on in turn; the template is deployed into it once."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture
def stack(data_dir: Path) -> Iterator[StackState]:
    """A running stack with two workers."""
    with running_stack(data_dir) as running:
        yield running


def client(stack: StackState, url: str | None = None) -> httpx.Client:
    """A client of the stack's API with its admin key."""
    return httpx.Client(base_url=url or stack.url, headers={"X-API-Key": stack.admin_key}, timeout=30)


def finished(api: httpx.Client, document_id: str, timeout: float = 90) -> dict[str, Any]:
    """The document once it is final."""

    def final() -> dict[str, Any] | None:
        document: dict[str, Any] = api.get(f"/v1/documents/{document_id}", params={"wait": 5}).json()
        return document if document["completed_at"] else None

    return wait_until(final, timeout, f"the end of {document_id}") or {}


def announce(api: httpx.Client, body: bytes) -> dict[str, Any]:
    """Announce an upload of exactly `body`'s size."""
    order = {"filename": "note.png", "media_type": "image/png", "size_bytes": len(body)}
    answer = api.post("/v1/uploads", json=order)
    assert answer.status_code == 201, answer.text
    announced: dict[str, Any] = answer.json()
    return announced


def send(announced: dict[str, Any], body: bytes) -> httpx.Response:
    """POST the form as a browser would."""
    form = announced["upload"]
    return httpx.post(form["url"], data=form["fields"], files={"file": ("note.png", body, "image/png")}, timeout=30)


def descendants(pid: int) -> list[psutil.Process]:
    """Every process below `pid`, and itself."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_an_upload_is_accepted_by_the_deployed_function_and_read(stack: StackState) -> None:
    body = documents.png("Through the bucket, the bus and the queue")
    with client(stack) as api:
        announced = announce(api, body)
        assert api.get(f"/v1/documents/{announced['document_id']}").json()["status"] == "awaiting_upload"
        assert send(announced, body).is_success
        document = finished(api, announced["document_id"])
        assert document["status"] == "completed"
        text = api.get(document["links"]["result"], params={"format": "text"}).text
    assert "bucket" in text


def test_the_form_takes_the_announced_size_and_no_other(stack: StackState) -> None:
    body = documents.png("Just this")
    with client(stack) as api:
        announced = announce(api, body)
        assert send(announced, body + b"more").is_client_error
        assert api.get(f"/v1/documents/{announced['document_id']}").json()["status"] == "awaiting_upload"


def test_the_gateway_answers_from_the_real_zip(stack: StackState) -> None:
    with client(stack, stack.gateway_url) as api:
        assert api.get("/health/ready").json()["status"] == "ok"
        answer = api.post(
            "/v1/documents", files={"file": ("zip.png", documents.png("From the zip"))}, data={"force": "true"}
        )
        assert answer.status_code == 202, answer.text
        document = finished(api, answer.json()["id"])
        assert document["status"] == "completed"
        assert "zip" in api.get(f"/v1/documents/{document['id']}/result").text
        refused = api.get(f"/v1/documents/{document['id']}", headers={"X-API-Key": "wrong"})
        assert refused.json()["code"] == "unauthorized"


def test_the_deployed_relay_runs(stack: StackState) -> None:
    environment = stack.environment
    relay = boto3.client(
        "lambda",
        endpoint_url=stack.aws_endpoint_url,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    answer = relay.invoke(FunctionName=stack.outputs["RelayOutboxFunctionName"])
    assert answer["Payload"].read() == b'{"published": 0, "recovered": 0, "resent": 0}'
    relay.close()


def test_nothing_listens_beyond_this_machine(stack: StackState) -> None:
    assert {address for process in descendants(stack.pid) for address in listening(process)} == {"127.0.0.1"}


def listening(process: psutil.Process) -> set[str]:
    """Where a process listens; nowhere if it has ended meanwhile."""
    try:
        connections = process.net_connections()
    except psutil.NoSuchProcess:
        return set()
    return {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_half_read_document_is_finished_after_a_restart(data_dir: Path, how: signal.Signals) -> None:
    with running_stack(data_dir) as stack, client(stack) as api:
        answer = api.post(
            "/v1/documents", files={"file": ("long.pdf", documents.scanned_pdf(20))}, data={"force": "true"}
        )
        path = f"/v1/documents/{answer.json()['id']}"
        wait_until(lambda: api.get(path).json()["progress"]["pages_done"] >= 2, 60, "two pages")
        everything = descendants(stack.pid)
        os.kill(stack.pid, how)
        # Readers end with the worker they belong to; nothing is left to clean up by hand.
        wait_until(lambda: not alive(everything), 60, "the end of every process")
    with running_stack(data_dir) as stack, client(stack) as api:
        document = finished(api, answer.json()["id"])
        assert (document["status"], document["progress"]) == ("completed", WHOLE)
        pages = api.get(f"{path}/pages").json()["items"]
        assert [documents.page_word(page["number"]) in page["text"] for page in pages] == [True] * 20


def test_ctrl_c_stops_everything_and_is_no_failure(data_dir: Path) -> None:
    command = [TWOLANE, "up", "--port", "0", "--data-dir", str(data_dir), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        stack = wait_until(lambda: state.read(data_dir), 120, "the stack")
        assert stack is not None
        everything = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0, output
    assert stack.url in output
    assert "Traceback" not in output
    assert alive(everything) == []


def said(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of `twolane up`, which should not start."""
    command = [TWOLANE, "up", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr.strip()


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, sentence = said("--port", port, "--data-dir", str(tmp_path))
    assert code == 1
    assert f"port {port} is already in use" in sentence
    assert len(sentence.splitlines()) == 1


def test_a_data_directory_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    code, sentence = said("--data-dir", str(tmp_path / "file" / "data"))
    assert code == 1
    assert "cannot be used" in sentence
    assert len(sentence.splitlines()) == 1


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "twolane.db").write_bytes(b"This was a database once. " * 500)
    code, sentence = said("--data-dir", str(tmp_path), "--port", "0")
    assert code == 1
    assert "is damaged" in sentence
    assert len(sentence.splitlines()) == 1


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    code, sentence = said("--data-dir", str(tmp_path), "--port", "0", PATH=str(tmp_path))
    assert code == 1
    assert "is not installed" in sentence
    assert len(sentence.splitlines()) == 1
