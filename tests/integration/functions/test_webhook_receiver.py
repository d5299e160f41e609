"""What people who receive are given: the example receiver and the code of the documentation, with real deliveries."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared import errors, signatures
from shared.events import EVENTS
from shared.services.webhooks import MOST
from shared.values import WebhookChange
from tests.support.receiver import Receiver, answer
from tests.support.webhooks import WebhookLane, webhook_lane

PROJECT = Path(__file__).parents[3]
GUIDE = (PROJECT / "infra/WEBHOOKS.md").read_text()

Genuine = Callable[[Mapping[str, str], Mapping[str, str], bytes], bool]


@pytest.fixture
def lane(database_url: str, object_store: None) -> Iterator[WebhookLane]:
    """The function's services; receivers on this machine may be called."""
    del object_store
    with webhook_lane(database_url, networks="127.0.0.0/8", seconds=10) as lane:
        yield lane


@contextmanager
def example(**secrets: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The example receiver as a process, and its port."""
    given = [text for key_id, secret in secrets.items() for text in ("--secret", f"{key_id}={secret}")]
    command = [sys.executable, "-m", "infra.samples.webhook_receiver", "--port", "0", *given]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rsplit(":", 1)[1]), process
        finally:
            process.kill()


def post(port: int, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", body, dict(headers))
    response = connection.getresponse()
    said = response.status, response.read().decode().strip()
    connection.close()
    return said


def test_the_example_takes_a_delivery_once_and_no_other_that_is_not_ours(lane: WebhookLane) -> None:
    made = lane.subscribe("https://example.com/")
    new = lane.services.webhooks.rotate(lane.account, made.webhook.id)
    with example(**{made.webhook.key_id: made.secret, new.webhook.key_id: new.secret}) as (port, process):
        here = WebhookChange(url=f"http://127.0.0.1:{port}/hook")
        lane.services.webhooks.update(lane.account, made.webhook.id, here)
        detail = lane.event()
        [delivery_id] = lane.tell(detail)
        lane.run()
        assert lane.attempts(delivery_id)[0].response_excerpt == "taken\n"
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == detail["id"]
        replay = lane.services.delivery_log.replay(lane.account, delivery_id).delivery.id
        lane.run()
        assert lane.attempts(replay)[0].response_excerpt == "taken before\n"
        body = lane.delivery(delivery_id).body.encode()
        now = int(time.time())
        for timestamp, sent, status in (
            (now, body, 200),
            (now, body.replace(b"completed", b"failed"), 401),
            (now - 301, body, 401),
            (now + 301, body, 401),
        ):
            signature = signatures.sign({made.webhook.key_id: made.secret}, timestamp, body)
            headers = {"Twolane-Timestamp": str(timestamp), "Twolane-Signature": signature}
            assert post(port, headers, sent)[0] == status
        assert post(port, {}, body)[0] == 401
        assert post(port, {"Content-Length": "99999999"}, b"")[0] == 413
        for nonsense in ("twelve", "-1", "1e3", "+5", "\xb2"):
            assert post(port, {"Content-Length": nonsense}, b"") == (400, "no Content-Length")


@pytest.fixture
def genuine() -> Genuine:
    """The function that the guide gives to copy."""
    found = re.search(r"<!-- verify -->\n```python\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102  # our own documentation
    function: Genuine = names["genuine"]
    return function


def test_the_code_of_the_guide_knows_what_is_ours(lane: WebhookLane, genuine: Genuine) -> None:
    with Receiver(answer()) as receiver:
        old = lane.subscribe(receiver.url)
        new = lane.services.webhooks.rotate(lane.account, old.webhook.id)
        lane.tell()
        lane.run()
        [request] = receiver.requests
    for one in (old, new):
        secrets = {one.webhook.key_id: one.secret}
        assert genuine(secrets, request.headers, request.body)
        assert not genuine(secrets, request.headers, request.body + b" ")
        assert not genuine({one.webhook.key_id: "whsec_other"}, request.headers, request.body)
        late = signatures.sign(secrets, int(time.time()) - 301, request.body)
        stale = {"Twolane-Timestamp": str(int(time.time()) - 301), "Twolane-Signature": late}
        assert not genuine(secrets, stale, request.body)
    for headers in ({}, {"Twolane-Timestamp": "9" * 5000}, {"Twolane-Timestamp": str(int(time.time()))}):
        assert not genuine({new.webhook.key_id: new.secret}, headers, request.body)


def test_the_guide_names_every_event_and_every_code() -> None:
    assert all(f"`{name}`" in GUIDE for name in EVENTS)
    told = (errors.DeliveryFailed, errors.Throttled, errors.DeliveryRefused, errors.CircuitOpen)
    for kind in (*told, errors.UrlNotAllowed, errors.WebhookDisabled, errors.TooManyWebhooks):
        assert f"`{kind.code}`" in GUIDE
    assert f"up to {MOST} webhooks" in GUIDE
