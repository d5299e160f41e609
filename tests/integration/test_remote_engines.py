"""Documents read by engines that others run or bring: API, worker, reading process and a server of models, all real."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image, ImageFilter

from shared.models import Spend
from tests.support import documents
from tests.support.databases import SqliteDatabases
from tests.support.lanes import Lanes
from tests.support.model_server import Behaviour, asked, fails, writes
from tests.support.receiver import Receiver, in_turn
from tests.support.third_party import installed

KEY = "sk-never-shown"
GROUNDED = "<|ref|>text<|/ref|><|det|>[[100, 100, 500, 500]]<|/det|>\nSeen by a model"


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    """Speaks the API; each test says how."""
    with Receiver(writes()) as server:
        yield server


@pytest.fixture(scope="module")
def lanes(
    tmp_path_factory: pytest.TempPathFactory, sqlite_databases: SqliteDatabases, server: Receiver
) -> Iterator[Lanes]:
    """A deployment with one worker, which has such a server and another package's engine."""
    directory = tmp_path_factory.mktemp("lanes")
    environment = {
        "PAGE_TIMEOUT_SECONDS": "30",
        "DEEPSEEK_URL": f"{server.url}/v1",
        "DEEPSEEK_KEY": KEY,
        "DEEPSEEK_INPUT_DOLLARS": "1",
        "DEEPSEEK_OUTPUT_DOLLARS": "2",
        "DEEPSEEK_TIMEOUT_SECONDS": "5",
        "AUTO_ENGINES": "tesseract,deepseek",
        "PYTHONPATH": str(installed(directory / "packages")),
    }
    with sqlite_databases.migrated() as url, Lanes(directory, url, environment) as lanes:
        lanes.start_worker()
        # Before a worker has said what is there, nothing is refused.
        lanes.wait(lanes.submit(("first.png", documents.png("first")), engine="tesseract").json()["id"])
        yield lanes


@pytest.fixture(autouse=True)
def _nothing_asked(server: Receiver) -> None:
    server.requests.clear()


def spent(lanes: Lanes) -> int:
    """What was counted as spent, in millionths of a dollar."""
    with lanes.database.read() as session:
        return sum(row.micros for row in session.query(Spend))


def test_a_page_is_shown_to_the_model_and_comes_back_with_words_boxes_and_cost(lanes: Lanes, server: Receiver) -> None:
    server.behave = writes(GROUNDED, usage=(900, 50), tokens=[(GROUNDED, -0.1)])
    before = spent(lanes)
    document = lanes.wait(lanes.submit(("a.png", documents.png("anything")), engine="deepseek").json()["id"])
    assert (document["status"], document["engine"]) == ("completed", "deepseek")
    (page,) = lanes.client.get(f"/v1/documents/{document['id']}/pages", params={"words": "true"}).json()["items"]
    assert (page["text"], page["width"], page["height"]) == ("Seen by a model", 700, 220)
    assert page["words"][0]["box"] == [70, 22, 145, 110]
    (attempt,) = page["attempts"]
    assert (attempt["engine"], attempt["kept"], attempt["error"]) == ("deepseek", True, None)
    assert lanes.pages(document["id"])[0].micros == 900 + 2 * 50 == spent(lanes) - before
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    image, prompt = asked(request)["messages"][0]["content"]
    assert "grounding" in prompt["text"]
    sent = Image.open(BytesIO(base64.b64decode(image["image_url"]["url"].partition(",")[2])))
    assert (sent.format, sent.size) == ("PNG", (700, 220))


def test_pages_of_a_long_document_each_have_their_own(lanes: Lanes, server: Receiver) -> None:
    server.behave = writes("Some page", usage=(10, 5))
    answer = lanes.submit(("long.pdf", documents.scanned_pdf(7)), engine="deepseek")
    document = lanes.wait(answer.json()["id"])
    assert document["status"] == "completed"
    assert [page.engine for page in lanes.pages(document["id"])] == ["deepseek"] * 7
    images = {asked(request)["messages"][0]["content"][0]["image_url"]["url"] for request in server.requests}
    assert len(images) == len(server.requests) == 7


def test_a_busy_server_is_asked_again_and_both_tries_are_on_record(lanes: Lanes, server: Receiver) -> None:
    server.behave = in_turn(fails(429, Retry_After="1"), fails(503), writes("At last", usage=(1, 1)))
    document = lanes.wait(lanes.submit(("b.png", documents.png("busy")), engine="deepseek").json()["id"])
    assert document["status"] == "completed"
    (page,) = lanes.client.get(f"/v1/documents/{document['id']}/pages").json()["items"]
    tried = [(attempt["error"], attempt["kept"]) for attempt in page["attempts"]]
    assert tried == [("throttled", False), ("engine_unreachable", False), (None, True)]


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (fails(401, KEY), "engine_unavailable"),
        (fails(400, KEY), "engine_refused"),
        (writes("round and " * 200, finish_reason="length"), "unusable_answer"),
        (writes(None, refusal="No."), "unusable_answer"),
    ],
)
def test_what_asking_again_does_not_change_fails_at_once(
    lanes: Lanes, server: Receiver, behave: Behaviour, code: str
) -> None:
    server.behave = behave
    answer = lanes.submit((f"{code}.png", documents.png("no")), engine="deepseek", force="true")
    document = lanes.wait(answer.json()["id"])
    assert document["status"] == "failed"
    (page,) = lanes.pages(document["id"])
    assert (page.error_code, [attempt["error"] for attempt in page.attempts or ()]) == (code, [code])
    receipt = lanes.client.get(f"/v1/documents/{document['id']}/cost").json()
    assert (receipt["engine_calls"], receipt["textract_dollars"]) == ({"deepseek": 1}, 0)
    assert len(server.requests) == 1
    assert KEY not in lanes.client.get(f"/v1/documents/{document['id']}").text
    assert KEY not in lanes.log()


def blurred(text: str) -> bytes:
    """A line that can be read, and not be sure of."""
    picture = documents.image(text, (1100, 220)).filter(ImageFilter.GaussianBlur(4))
    return documents.encoded(picture, "PNG")


def test_auto_asks_the_model_about_doubtful_pages_alone(lanes: Lanes, server: Receiver) -> None:
    server.behave = writes("Seen by a model that knows better", usage=(10, 10))
    clear = lanes.wait(lanes.submit(("clear.png", documents.png("This is as clear as can be"))).json()["id"])
    assert (clear["engine"], server.requests) == ("tesseract", [])
    doubtful = lanes.wait(
        lanes.submit(("blurred.png", blurred("This is hard to see because of the blur"))).json()["id"]
    )
    (page,) = lanes.client.get(f"/v1/documents/{doubtful['id']}/pages").json()["items"]
    assert [attempt["engine"] for attempt in page["attempts"]][-1] == "deepseek"
    assert len(server.requests) == 1
    assert page["engine"] == "deepseek"
    assert [attempt["kept"] for attempt in page["attempts"]].count(True) == 1


def test_auto_keeps_what_it_has_where_the_model_fails(lanes: Lanes, server: Receiver) -> None:
    server.behave = fails(400)
    document = lanes.wait(
        lanes.submit(("blurred.png", blurred("This is hard to see because of the blur")), force="true").json()["id"]
    )
    assert document["status"] == "completed"
    (page,) = lanes.client.get(f"/v1/documents/{document['id']}/pages").json()["items"]
    assert page["engine"] == "tesseract"
    assert (page["attempts"][-1]["engine"], page["attempts"][-1]["error"]) == ("deepseek", "engine_refused")


def test_auto_asks_the_model_where_no_local_engine_knows_the_language(lanes: Lanes, server: Receiver) -> None:
    server.behave = writes("nuqneH", usage=(10, 10))
    document = lanes.wait(lanes.submit(("tlh.png", documents.png("nuqneH")), languages="tlh").json()["id"])
    assert (document["status"], document["engine"]) == ("completed", "deepseek")


def test_another_packages_engine_reads_a_document(lanes: Lanes) -> None:
    document = lanes.wait(lanes.submit(("c.png", documents.png("x")), engine="parrot", languages="prr").json()["id"])
    assert (document["status"], document["engine"]) == ("completed", "parrot")
    assert lanes.pages(document["id"])[0].text == "700x220 prr"


def test_what_is_not_there_is_refused_at_submit(lanes: Lanes) -> None:
    for options, code in (
        ({"engine": "textract"}, "engine_unavailable"),
        ({"engine": "cockatoo"}, "unknown_engine"),
        ({"engine": "parrot", "languages": "deu"}, "unknown_language"),
    ):
        answer = lanes.submit(("d.png", documents.png("x")), **options)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
