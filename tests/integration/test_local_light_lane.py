"""The light lane as it is deployed: real zips behind real queues in the emulator. Message in; mail, text, call out."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import boto3
import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.local.layout import Layout
from infra.local.stack import running_stack
from infra.local.state import StackState
from shared.config import Database as DatabaseSettings
from shared.contracts import SendEmail
from shared.db.engine import make_engine
from shared.models import JobRow
from shared.signatures import verify
from tests.support import documents
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackState]:
    """A running stack with one worker."""
    with running_stack(tmp_path_factory.mktemp("stack"), workers=1) as running:
        yield running


@pytest.fixture
def api(stack: StackState) -> Iterator[httpx.Client]:
    """A client of the stack's API with its admin key."""
    with httpx.Client(base_url=stack.url, headers={"X-API-Key": stack.admin_key}, timeout=30) as client:
        yield client


class Receiver:
    """A webhook's receiver. Answers with `statuses` in turn, the last one from then on."""

    def __init__(self, *statuses: int) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        left = list(statuses) or [204]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805  # as http.server names it
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.taken.append((dict(handler.headers), body))
                handler.send_response(left.pop(0) if len(left) > 1 else left[0])
                handler.end_headers()

            def log_message(handler, *_: Any) -> None:  # noqa: N805  # likewise
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def mails(stack: StackState, subject: str) -> list[EmailMessage]:
    """What lies in the stack's mailbox with this subject."""
    files = sorted(Layout(Path(stack.data_dir)).mail.glob("*.eml"))
    found = [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]
    return [one for one in found if one["Subject"] == subject]


def became(api: httpx.Client, message_id: str, status: str) -> dict[str, Any]:
    """The message once it has this status."""

    def reached() -> dict[str, Any] | None:
        message: dict[str, Any] = api.get(f"/v1/messages/{message_id}").raise_for_status().json()
        return message if message["status"] == status else None

    return wait_until(reached, 60, f"message {message_id} to be {status}") or {}


def client_of(stack: StackState, service: str) -> Any:
    """A client of the emulator."""
    make: Any = boto3.client
    credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    return make(service, endpoint_url=stack.aws_endpoint_url, **credentials)


def message_of(stack: StackState, message_id: str) -> str:
    """What the queue said of a mail: its job."""
    engine = make_engine(DatabaseSettings(database_url=stack.database_url).database_url)
    with Session(engine) as session:
        job = session.scalars(select(JobRow).where(JobRow.key == f"{SendEmail.name}:{message_id}")).one()
    engine.dispose()
    return json.dumps({"job_id": str(job.id), "name": job.name, "payload": job.payload})


def depth(sqs: Any, url: str) -> int:
    """The messages that wait in a queue or are in hand."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def dead_letters(api: httpx.Client, said: str) -> list[dict[str, Any]]:
    """The open dead letters of the light lane in whose message this was said."""
    listed = api.get("/v1/dlq", params={"lane": "light", "resolved": "false"}).json()["items"]
    whole = [api.get(f"/v1/dlq/{one['id']}").json() for one in listed]
    return [one for one in whole if said in json.dumps(one["payload"])]


@contextmanager
def paused(stack: StackState, queue: str) -> Iterator[None]:
    """Nothing takes messages from a queue for as long as the block lasts."""
    functions = client_of(stack, "lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    name = stack.outputs[queue].rpartition("/")[2]
    [uuid] = [one["UUID"] for one in mappings if one["EventSourceArn"].rpartition(":")[2] == name]
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=uuid, Enabled=True)


def test_a_mail_goes_in_by_http_and_comes_out_as_mail_once(stack: StackState, api: httpx.Client) -> None:
    body = {"to": "reader@example.com", "subject": "By the deployed zip", "body": "Good morning.", "html": "<b>Hi</b>"}
    answer = api.post("/v1/emails", json=body, headers={"X-Request-ID": "through-and-through"})
    assert answer.status_code == 202, answer.text
    message = became(api, answer.json()["message_id"], "sent")
    assert message["attempts"] == 1
    [mail] = mails(stack, "By the deployed zip")
    assert mail["To"] == "reader@example.com"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Good morning." in text.get_content()


def test_a_message_that_sqs_delivers_five_times_is_sent_once(stack: StackState, api: httpx.Client) -> None:
    body = {"to": "reader@example.com", "subject": "Five times", "body": "Once."}
    message_id = api.post("/v1/emails", json=body).json()["message_id"]
    became(api, message_id, "sent")
    sqs, url = client_of(stack, "sqs"), stack.outputs["EmailQueueUrl"]
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=message_of(stack, message_id))
    last = api.post("/v1/emails", json={**body, "subject": "After them"}).json()["message_id"]
    became(api, last, "sent")
    wait_until(lambda: depth(sqs, url) == 0, 60, "the queue to be empty")
    assert len(mails(stack, "Five times")) == 1


def test_bulk_mail_reaches_each_recipient_and_can_be_refused_by_one_click(stack: StackState, api: httpx.Client) -> None:
    recipients = [f"reader{number}@example.com" for number in range(20)]
    order = {"recipients": [*recipients, "no address"], "subject": "News", "body": "There are some."}
    answer = api.post("/v1/emails/bulk", json=order).json()
    assert [refused["code"] for refused in answer["refused"]] == ["invalid_address"]
    message = became(api, answer["message_id"], "sent")
    assert message["counts"]["sent"] == 20
    found = mails(stack, "News")
    assert sorted(mail["To"] for mail in found) == sorted(recipients)
    link = found[0]["List-Unsubscribe"].strip("<>")
    assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).is_success
    again = api.post("/v1/emails/bulk", json={**order, "subject": "More news"}).json()
    assert {refused["code"] for refused in again["refused"]} == {"invalid_address", "recipient_suppressed"}


def test_a_text_message_leaves(stack: StackState, api: httpx.Client) -> None:
    answer = api.post("/v1/sms", json={"to": "+15555550100", "body": "Your document is ready."}).json()
    assert (answer["segments"], answer["encoding"]) == (1, "gsm7")
    became(api, answer["message_id"], "sent")
    sent = httpx.get(f"{stack.aws_endpoint_url}/_ministack/sns/sms-messages").text
    assert "Your document is ready." in sent


def test_a_notification_reaches_the_inbox_and_the_mailbox(stack: StackState, api: httpx.Client) -> None:
    assert api.patch("/v1/account", json={"email": "owner@example.com"}).is_success
    account_id = api.get("/v1/account").json()["id"]
    order = {"account_id": account_id, "title": "Quarter closed", "body": "All read.", "channels": ["in_app", "email"]}
    answer = api.post("/v1/notifications", json=order)
    assert answer.status_code == 202, answer.text
    became(api, answer.json()["message_id"], "sent")
    assert "Quarter closed" in [item["title"] for item in api.get("/v1/notifications").json()["items"]]
    wait_until(lambda: mails(stack, "Quarter closed"), 60, "the mail")


def test_a_document_that_was_read_calls_back_signed_until_it_is_heard(api: httpx.Client) -> None:
    with Receiver(500, 204) as receiver:
        made = api.post("/v1/webhooks", json={"url": receiver.url, "events": ["document.completed"]}).json()
        body = documents.png("Tell them")
        answer = api.post("/v1/documents", files={"file": ("tell.png", body)}, data={"metadata": '{"order": 17}'})
        document_id = answer.json()["id"]
        wait_until(lambda: len(receiver.taken) == 2, 90, "the second delivery")
        (first, _), (headers, said) = receiver.taken
        assert headers["Twolane-Delivery"] == first["Twolane-Delivery"]
        assert verify({made["key_id"]: made["secret"]}, headers, said)
        assert not verify({made["key_id"]: made["secret"]}, headers, said + b" ")
        event = json.loads(said)
        assert (event["type"], event["data"]["document_id"]) == ("document.completed", document_id)
        assert event["data"]["metadata"] == {"order": 17}

        def delivered() -> bool:
            [delivery] = api.get(f"/v1/webhooks/{made['id']}/deliveries").json()["items"]
            return bool(delivery["status"] == "delivered")

        wait_until(delivered, 30, "the delivery to be noted")
        assert api.delete(f"/v1/webhooks/{made['id']}").status_code == 204


def test_a_callback_is_told_of_its_document_alone(api: httpx.Client) -> None:
    with Receiver() as receiver:
        data = {"callback_url": receiver.url}
        answer = api.post("/v1/documents", files={"file": ("mine.png", documents.png("Call me"))}, data=data)
        assert answer.status_code == 202, answer.text
        wait_until(lambda: receiver.taken, 90, "the callback")
        assert json.loads(receiver.taken[0][1])["data"]["document_id"] == answer.json()["id"]


def test_others_can_subscribe_on_the_bus(stack: StackState, api: httpx.Client) -> None:
    events, sqs = client_of(stack, "events"), client_of(stack, "sqs")
    queue = sqs.create_queue(QueueName=f"others-{uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus, rule = stack.outputs["EventBusName"], f"others-{uuid4()}"
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"source": ["twolane"]}))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    document_id = api.post("/v1/documents", files={"file": ("bus.png", documents.png("All aboard"))}).json()["id"]
    taken: list[dict[str, Any]] = []

    def told() -> bool:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        taken.extend(json.loads(one["Body"]) for one in answer.get("Messages", []))
        return any(one["detail"]["data"]["document_id"] == document_id for one in taken)

    wait_until(told, 90, "the event")


def test_what_gave_up_is_a_dead_letter_and_can_be_sent_again(stack: StackState, api: httpx.Client) -> None:
    key = f"attachments/{api.get('/v1/account').json()['id']}/later.txt"
    s3 = client_of(stack, "s3")
    s3.put_object(Bucket=stack.documents_bucket, Key=key, Body=b"here")
    order = {"to": "reader@example.com", "subject": "With an attachment", "body": "-", "attachments": [{"key": key}]}
    # Gone between the question and the sending.
    with paused(stack, "EmailQueueUrl"):
        message_id = api.post("/v1/emails", json=order).json()["message_id"]
        s3.delete_object(Bucket=stack.documents_bucket, Key=key)
    assert became(api, message_id, "failed")["error"]["code"] == "attachment_missing"
    [dead] = dead_letters(api, message_id)
    assert dead["error"]["code"] == "attachment_missing"
    s3.put_object(Bucket=stack.documents_bucket, Key=key, Body=b"here")
    assert api.post(f"/v1/dlq/{dead['id']}/requeue").is_success
    became(api, message_id, "sent")
    [mail] = mails(stack, "With an attachment")
    assert [part.get_payload(decode=True) for part in mail.iter_attachments()] == [b"here"]


def test_what_no_function_understands_is_a_dead_letter_too(stack: StackState, api: httpx.Client) -> None:
    sqs = client_of(stack, "sqs")
    sqs.send_message(QueueUrl=stack.outputs["EmailDeadLettersUrl"], MessageBody="neither JSON nor a job")

    wait_until(lambda: dead_letters(api, "neither JSON nor a job"), 60, "the dead letter")


def test_the_lane_is_visible(api: httpx.Client) -> None:
    stats = api.get("/v1/monitoring/stats").raise_for_status().json()
    assert set(stats["light_lane"]) >= {"email", "webhook"}
    assert stats["dead_letters"]["open"] >= 1
