"""`twolane up --database-url`: the same stack, its state in a PostgreSQL that somebody else runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.local.stack import running_stack
from infra.local.state import StackState
from tests.support import documents
from tests.support.postgres import PostgresCluster
from tests.support.programs import free_port

TWOLANE = str(Path(sys.executable).with_name("twolane"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresCluster) -> Iterator[StackState]:
    """A stack on an empty database, named as a user would name it."""
    url = postgres.create_database().replace("+psycopg", "")
    with running_stack(tmp_path_factory.mktemp("stack"), workers=1, database_url=url) as running:
        yield running
    postgres.drop_database(url)


@pytest.mark.parametrize("face", ["uvicorn", "deployed function"])
def test_a_document_is_read(stack: StackState, face: str) -> None:
    url = stack.url if face == "uvicorn" else stack.gateway_url
    with httpx.Client(base_url=url, headers={"X-API-Key": stack.admin_key}, timeout=60) as api:
        sent = api.post("/v1/documents", files={"file": ("a.png", documents.png(f"Sent to the {face}"))})
        assert sent.status_code == 202, sent.text
        document = api.get(f"/v1/documents/{sent.json()['id']}", params={"wait": 20}).json()
        assert document["status"] == "completed"
        assert face in api.get(f"/v1/documents/{document['id']}/result").text
    with psycopg.connect(stack.database_url) as database:
        found = database.execute("SELECT status FROM documents WHERE id = %s", [document["id"]]).fetchone()
    assert found == ("completed",)


def test_no_state_is_left_in_the_data_directory(stack: StackState) -> None:
    assert not list(Path(stack.data_dir).glob("twolane.db*"))


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    url = f"postgresql://someone:s3cret@127.0.0.1:{free_port()}/twolane"
    done = subprocess.run(
        [TWOLANE, "up", "--port", "0", "--data-dir", str(tmp_path)],
        env={**os.environ, "TWOLANE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("twolane: the database cannot be used: ")
    assert done.stderr.endswith("start it, or give another --database-url\n")
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


def test_a_second_stack_on_the_same_database_is_refused(stack: StackState, tmp_path: Path) -> None:
    command = [TWOLANE, "up", "--port", "0", "--data-dir", str(tmp_path), "--database-url", stack.database_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "another twolane is running on the database" in done.stderr
