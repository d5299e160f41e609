"""A real worker writes the load it found, its own job included, where the scaling looks for it."""

from __future__ import annotations

from pathlib import Path

from tests.support import documents
from tests.support.databases import SqliteDatabases
from tests.support.emf import metrics_in
from tests.support.lanes import Lanes

OCR = (("Stack", "prod"), ("Fleet", "ocr"))


def test_a_worker_that_takes_a_job_tells_of_those_behind_it(tmp_path: Path, sqlite_databases: SqliteDatabases) -> None:
    with sqlite_databases.migrated() as url, Lanes(tmp_path, url, {"STACK_NAME": "prod"}) as lanes:
        sent = [lanes.submit((f"{number}.png", documents.png(f"Number {number}"))).json()["id"] for number in range(3)]
        lanes.start_worker()
        assert {lanes.wait(document_id)["status"] for document_id in sent} == {"completed"}
        seen = metrics_in(lanes.log())["Load", OCR]
    assert seen[0] == 3
