"""Invoices through the HTTP API and real workers: asked for with the file, or later; from words, or from their XML."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.support import documents, e_invoices
from tests.support.lanes import Lanes
from tests.support.model_server import fails, writes
from tests.support.receiver import Receiver, hang, in_turn
from tests.support.waiting import wait_until

PDF = "rechnung.pdf"


def invoice(lanes: Lanes, document_id: str) -> dict[str, Any]:
    """The fields, once they were looked for."""
    answer = lanes.client.get(f"/v1/documents/{document_id}/invoice", params={"wait": "20"})
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


def values(found: Mapping[str, Any]) -> dict[str, str | None]:
    """The values of the fields."""
    return {name: field and field["value"] for name, field in found["fields"].items() if name != "lines"}


def test_the_fields_of_a_printed_invoice_come_with_its_reading(shared_lanes: Lanes) -> None:
    document_id = shared_lanes.submit((PDF, e_invoices.printed()), extract="invoice").json()["id"]
    found = invoice(shared_lanes, document_id)
    assert (found["status"], found["extractor"], found["fallback"]) == ("completed", "rules", None)
    fields = found["fields"]
    assert fields["total"]["value"] == "140.42"
    assert fields["date"]["value"] == "2026-11-12"
    assert fields["total"]["page"] == 1
    page = shared_lanes.client.get(f"/v1/documents/{document_id}/pages").json()["items"][0]
    left, top, right, bottom = fields["total"]["box"]
    assert 0 <= left < right <= page["width"]
    assert 0 <= top < bottom <= page["height"]


def test_the_fields_of_a_scan_can_be_asked_for_later(shared_lanes: Lanes) -> None:
    document_id = shared_lanes.submit(("receipt.png", documents.png("TOTAL 12.50"))).json()["id"]
    path = f"/v1/documents/{document_id}/invoice"
    shared_lanes.wait(document_id)
    assert shared_lanes.client.get(path).json()["code"] == "not_found"
    started = shared_lanes.client.post(path)
    assert (started.status_code, started.headers["location"]) == (202, path)
    assert values(invoice(shared_lanes, document_id))["total"] == "12.50"
    assert shared_lanes.client.post(path).status_code == httpx.codes.OK
    assert [job.name for job in shared_lanes.jobs(document_id)].count("extraction.invoice") == 1


def test_the_same_file_sent_again_with_the_wish_gets_its_fields(shared_lanes: Lanes) -> None:
    file = (PDF, e_invoices.printed([*e_invoices.PRINTED, "Zweitschrift"]))
    document_id = shared_lanes.submit(file).json()["id"]
    shared_lanes.wait(document_id)
    again = shared_lanes.submit(file, extract="invoice")
    assert (again.status_code, again.json()["id"]) == (httpx.codes.OK, document_id)
    assert values(invoice(shared_lanes, document_id))["total"] == "140.42"


@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml", "our own name.xml"])
def test_an_e_invoice_is_read_from_its_xml(shared_lanes: Lanes, name: str) -> None:
    file = e_invoices.carrying(e_invoices.cii(supplier=f"Of {name}"), name)
    document = shared_lanes.wait(shared_lanes.submit((PDF, file), extract="invoice").json()["id"])
    assert (document["flags"], document["text_source"]) == (["e_invoice"], "text_layer")
    found = invoice(shared_lanes, document["id"])
    assert (found["extractor"], found["fallback"]) == ("e_invoice", None)
    assert values(found)["supplier"] == f"Of {name}"
    assert found["fields"]["total"]["text"].startswith("140,42")
    assert [line["description"]["value"] for line in found["fields"]["lines"]] == ["Lamp glass", "Wick"]


def test_an_e_invoice_in_an_encrypted_pdf_is_read_although_its_password_is_forgotten(shared_lanes: Lanes) -> None:
    password = "open sesame"  # noqa: S105  # opens a file of this test
    file = e_invoices.carrying(e_invoices.ubl(), "xrechnung.xml", password=password)
    document_id = shared_lanes.submit((PDF, file), password=password).json()["id"]
    shared_lanes.wait(document_id)
    shared_lanes.client.post(f"/v1/documents/{document_id}/invoice")
    found = invoice(shared_lanes, document_id)
    assert (found["extractor"], values(found)["supplier"]) == ("e_invoice", e_invoices.SUPPLIER)


@pytest.mark.parametrize("name", [*e_invoices.HOSTILE, "200 MB of zeros"])
def test_xml_that_can_not_be_relied_on_gives_way_to_the_words(shared_lanes: Lanes, name: str) -> None:
    xml = e_invoices.HOSTILE.get(name)
    file = e_invoices.bomb() if xml is None else e_invoices.carrying(xml)
    document_id = shared_lanes.submit((PDF, file), extract="invoice").json()["id"]
    found = invoice(shared_lanes, document_id)
    assert (found["extractor"], found["fallback"]["code"]) == ("rules", "e_invoice_unusable")
    assert values(found)["total"] == "140.42"
    assert "root:" not in str(found)


def test_deleting_a_document_deletes_its_fields(shared_lanes: Lanes) -> None:
    file = e_invoices.carrying(e_invoices.cii(number="GONE-1"))
    document_id = shared_lanes.submit((PDF, file), extract="invoice").json()["id"]
    invoice(shared_lanes, document_id)
    assert f"documents/{document_id}/e-invoice.xml" in shared_lanes.store.keys()  # noqa: SIM118  # no dict
    shared_lanes.client.delete(f"/v1/documents/{document_id}")
    assert shared_lanes.client.get(f"/v1/documents/{document_id}/invoice").json()["code"] == "not_found"
    left = shared_lanes.store.keys()
    assert not [key for key in left if document_id in key]


def test_a_model_finds_the_fields_and_rules_do_where_it_fails(lanes: Lanes) -> None:
    said = {"supplier": "Of the model", "total": "140.42"}
    behave = in_turn(writes(json.dumps(said), usage=(500, 100)), fails(400), fails(400))
    with Receiver(behave) as server:
        settings = {"EXTRACTOR_URL": f"{server.url}/v1", "EXTRACTOR_MODEL": "m", "EXTRACTOR_INPUT_DOLLARS": "2"}
        lanes.start_worker(EXTRACTOR="llm", **settings)
        first = lanes.submit((PDF, e_invoices.printed(["Of the model", "Total 140,42"])), extract="invoice").json()
        found = invoice(lanes, first["id"])
        assert (found["extractor"], values(found)["supplier"]) == ("llm", "Of the model")
        second = lanes.submit((PDF, e_invoices.printed()), extract="invoice").json()
        found = invoice(lanes, second["id"])
        assert (found["extractor"], found["fallback"]["code"]) == ("rules", "engine_refused")
        assert values(found)["total"] == "140.42"
        assert len(server.requests) == 3


def test_a_worker_that_dies_while_it_looks_leaves_the_fields_to_the_next(lanes: Lanes) -> None:
    over = threading.Event()
    with Receiver(hang(over)) as server:
        model = {"EXTRACTOR": "llm", "EXTRACTOR_URL": f"{server.url}/v1", "EXTRACTOR_MODEL": "m"}
        worker = lanes.start_worker(**model)
        document_id = lanes.submit((PDF, e_invoices.printed()), extract="invoice").json()["id"]
        wait_until(lambda: server.requests, 60, "a question to the model")
        lanes.kill(worker)
        over.set()
    assert lanes.client.get(f"/v1/documents/{document_id}/invoice").json()["code"] == "not_final"
    lanes.start_worker()

    def looked_for() -> bool:
        lanes.relay()
        return lanes.client.get(f"/v1/documents/{document_id}/invoice").status_code == httpx.codes.OK

    wait_until(looked_for, 60, "the fields")
    found = invoice(lanes, document_id)
    assert (found["extractor"], values(found)["total"]) == ("rules", "140.42")
