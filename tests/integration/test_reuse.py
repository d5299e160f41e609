"""What was read before is not read again: through a real worker."""

from __future__ import annotations

from uuid import UUID, uuid4

from shared.models import Document, DocumentStatus
from shared.services.submission import send_reading
from tests.support import documents
from tests.support.lanes import Lanes


def landed_again(lanes: Lanes, document_id: str) -> str:
    """Queue a document of the same bytes, as an upload that landed makes it; its file is nowhere to be found."""
    with lanes.database.write() as work:
        earlier = work.session.get_one(Document, UUID(document_id))
        again = Document(
            id=uuid4(),
            account_id=earlier.account_id,
            status=DocumentStatus.QUEUED,
            filename="the same under another name.png",
            media_type=earlier.media_type,
            size_bytes=earlier.size_bytes,
            sha256=earlier.sha256,
            source_key="documents/nowhere",
            options=earlier.options,
            user_metadata={"order": 7},
        )
        work.session.add(again)
        work.session.flush()
        send_reading(work, again)
        return str(again.id)


def test_the_pages_of_the_first_are_those_of_the_second(shared_lanes: Lanes) -> None:
    lanes = shared_lanes
    first = lanes.wait(lanes.submit(("first.png", documents.png("Lighthouse"))).json()["id"])
    second = lanes.wait(landed_again(lanes, first["id"]))
    assert (second["status"], second["confidence"]) == ("completed", first["confidence"])
    assert lanes.client.delete(f"/v1/documents/{first['id']}").status_code == 204
    result = lanes.client.get(f"/v1/documents/{second['id']}/result", params={"format": "json"}).json()
    assert (result["document"]["filename"], result["document"]["metadata"]) == (
        "the same under another name.png",
        {"order": 7},
    )
    assert "Lighthouse" in [word["text"] for word in result["pages"][0]["words"]]
