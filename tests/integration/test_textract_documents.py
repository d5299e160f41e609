"""Documents read by Textract, page by page and as a whole: API, worker, reading process and an endpoint on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pikepdf
import pytest

from shared.models import Spend
from tests.support import documents
from tests.support.aws_endpoint import AwsEndpoint, Json, Reply, error
from tests.support.databases import SqliteDatabases
from tests.support.lanes import Lanes
from tests.support.textract_blocks import page_blocks
from tests.support.waiting import wait_until

PRICE = 1500
"""Of a page, in millionths of a dollar."""


class Service:
    """As much of Textract as is asked here; jobs are known by their token, as there."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.jobs: dict[str, str] = {}
        self.pages = 3
        self.running = 1
        self.refuses: Reply | None = None
        self.outcome = "SUCCEEDED"
        self.left_out: set[int] = set()
        self.blocks: list[Json] = []

    def __call__(self, operation: str, asked: Json) -> Reply:
        """Answer."""
        if operation == "DetectDocumentText":
            return Reply(body={"Blocks": page_blocks(["Read as one page"])})
        if self.refuses is not None:
            return self.refuses
        if operation == "StartDocumentTextDetection":
            token = asked["ClientRequestToken"]
            return Reply(body={"JobId": self.jobs.setdefault(token, f"job-{len(self.jobs)}")})
        return Reply(body=self._progress(asked))

    def _progress(self, asked: Json) -> Json:
        if self.running > 0:
            self.running -= 1
            return {"JobStatus": "IN_PROGRESS"}
        if self.outcome == "FAILED":
            return {"JobStatus": "FAILED", "StatusMessage": "UNSUPPORTED_DOCUMENT"}
        blocks = self.blocks = self.blocks or [
            block
            for page in range(1, self.pages + 1)
            if page not in self.left_out
            for block in page_blocks([f"Page {page} of all", "second line"], page)
        ]
        half = len(blocks) // 2 + 1
        if "NextToken" in asked:
            return {"JobStatus": self.outcome, "Blocks": blocks[half:]}
        return {"JobStatus": self.outcome, "Blocks": blocks[:half], "NextToken": "the rest"}


@pytest.fixture(scope="module")
def service() -> Service:
    """What answers."""
    return Service()


@pytest.fixture(scope="module")
def endpoint(service: Service) -> Iterator[AwsEndpoint]:
    """Where it answers."""
    with AwsEndpoint(service) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def lanes(
    tmp_path_factory: pytest.TempPathFactory, sqlite_databases: SqliteDatabases, endpoint: AwsEndpoint
) -> Iterator[Lanes]:
    """A deployment whose worker may use it; a second page or file is no more than a fan-out away."""
    environment = {
        "PAGE_TIMEOUT_SECONDS": "30",
        "TEXTRACT_ENABLED": "true",
        "AWS_ENDPOINT_URL_TEXTRACT": endpoint.url,
    }
    with sqlite_databases.migrated() as url, Lanes(tmp_path_factory.mktemp("lanes"), url, environment) as lanes:
        lanes.start_worker()
        yield lanes


@pytest.fixture(autouse=True)
def _fresh(service: Service, endpoint: AwsEndpoint) -> None:
    service.reset()
    endpoint.asked.clear()


def read(lanes: Lanes, body: bytes, **options: str) -> tuple[dict[str, object], list[str]]:
    """Read a document; return it and the texts of its pages."""
    name = "document.pdf" if body.startswith(b"%PDF") else "document.tiff"
    answer = lanes.submit((name, body), engine="textract", force="true", **options)
    document = lanes.wait(answer.json()["id"], relaying=True)
    return document, [page.text or "" for page in lanes.pages(document["id"])]


def spent(lanes: Lanes) -> int:
    """What was counted against the engine's budget."""
    with lanes.database.read() as session:
        return sum(row.micros for row in session.query(Spend) if row.period.startswith("engine:textract"))


def operations(endpoint: AwsEndpoint) -> list[str]:
    """What was asked, in order."""
    return [operation for operation, _ in endpoint.asked]


def test_a_picture_is_sent_along(lanes: Lanes, endpoint: AwsEndpoint) -> None:
    before = spent(lanes)
    document, texts = read(lanes, documents.png("whatever"))
    assert (document["status"], document["engine"], texts) == ("completed", "textract", ["Read as one page"])
    assert operations(endpoint) == ["DetectDocumentText"]
    assert spent(lanes) - before == PRICE
    (page,) = lanes.pages(str(document["id"]))
    listed = lanes.client.get(f"/v1/documents/{document['id']}/pages", params={"words": "true"}).json()["items"]
    assert listed[0]["words"][1] == {"text": "as", "confidence": 0.975, "box": [70, 22, 133, 40]}
    assert page.micros == PRICE


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_a_whole_document_is_one_job_of_theirs(
    lanes: Lanes, endpoint: AwsEndpoint, service: Service, kind: str
) -> None:
    before = spent(lanes)
    document, texts = read(lanes, scans(3, kind))
    assert texts == [f"Page {number} of all\nsecond line" for number in (1, 2, 3)]
    assert set(operations(endpoint)) == {"StartDocumentTextDetection", "GetDocumentTextDetection"}
    (token,) = service.jobs
    assert token == f"{str(document['id']).replace('-', '')}-0"
    assert spent(lanes) - before == 3 * PRICE
    assert {page.width for page in lanes.pages(str(document["id"]))} == {700 if kind == "TIFF" else 1400}


def test_some_pages_or_prepared_ones_are_sent_one_by_one(lanes: Lanes, endpoint: AwsEndpoint) -> None:
    for options in ({"pages": "1-2"}, {"deskew": "true"}):
        document, texts = read(lanes, documents.scanned_pdf(3), **options)
        assert document["status"] == "completed"
        assert set(texts) == {"Read as one page"}
    assert set(operations(endpoint)) == {"DetectDocumentText"}


def test_an_encrypted_one_is_sent_page_by_page(lanes: Lanes, endpoint: AwsEndpoint) -> None:
    buffer = BytesIO()
    with pikepdf.open(BytesIO(documents.scanned_pdf(2))) as pdf:
        pdf.save(buffer, encryption=pikepdf.Encryption(owner="o", user="u"))
    _, texts = read(lanes, buffer.getvalue(), password="u")  # noqa: S106  # of a test
    assert texts == ["Read as one page"] * 2
    assert set(operations(endpoint)) == {"DetectDocumentText"}


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_what_it_does_not_read_as_a_whole_it_may_read_by_the_page(lanes: Lanes, service: Service, how: str) -> None:
    service.refuses = error("UnsupportedDocumentException") if how == "refused" else None
    service.outcome = "FAILED"
    document, texts = read(lanes, documents.scanned_pdf(2))
    assert (document["status"], texts) == ("completed", ["Read as one page"] * 2)


def test_pages_that_a_job_leaves_out_are_sent_one_by_one(lanes: Lanes, service: Service) -> None:
    service.outcome, service.left_out = "PARTIAL_SUCCESS", {2}
    _, texts = read(lanes, documents.scanned_pdf(3))
    assert [text.partition("\n")[0] for text in texts] == ["Page 1 of all", "Read as one page", "Page 3 of all"]


def test_a_lost_worker_s_job_is_gone_on_with_and_paid_once(
    lanes: Lanes, endpoint: AwsEndpoint, service: Service
) -> None:
    before = spent(lanes)
    service.running = 1000
    body = documents.scanned_pdf(3)
    answer = lanes.submit(("long.pdf", body), engine="textract", force="true")
    wait_until(lambda: "GetDocumentTextDetection" in operations(endpoint), 30, "the job to be asked for")
    lanes.kill(lanes.processes[-1])
    service.running = 0
    lanes.start_worker()
    document = lanes.wait(answer.json()["id"], relaying=True)
    assert document["status"] == "completed"
    assert operations(endpoint).count("StartDocumentTextDetection") == 2
    assert len(service.jobs) == 1
    assert spent(lanes) - before == 3 * PRICE


def scans(pages: int, kind: str) -> bytes:
    """Scanned pages as a file."""
    if kind == "PDF":
        return documents.scanned_pdf(pages)
    pictures = [documents.image(f"page {number}") for number in range(pages)]
    buffer = BytesIO()
    pictures[0].save(buffer, "TIFF", save_all=True, append_images=pictures[1:], dpi=(150, 150))
    return buffer.getvalue()
