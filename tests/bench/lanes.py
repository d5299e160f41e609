"""That the lanes do not disturb each other: mail while documents wait, beside mail while none does."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from tests.bench import mails, submissions
from tests.bench.bench import Api, Bench
from tests.bench.figures import Line, Target, alternate, median

DOCUMENTS = 1000
"""That wait for a worker."""

MAILS = 60
"""In one round."""

MAILS_PER_SECOND = 8.0
"""Below the rate that is held, so that nothing but the way is measured."""

THROUGH_ONE = 500
"""Mails for the rate of one instance."""

PATIENCE_SECONDS = 60
LIMIT = Target(1.2, at_most=True)


def measure(bench: Bench) -> list[Line]:
    """Two stacks side by side, in turn: one with nothing to read, one with a thousand documents that nobody reads."""
    with bench.stack(workers=0, name="empty") as empty, bench.stack(workers=0, name="full") as full:
        (rate,) = alternate(bench.rounds, lambda: mails.per_second(empty, THROUGH_ONE), say=bench.say)
        bench.say(f"queueing {DOCUMENTS} documents")
        submissions.queue(full, DOCUMENTS)
        for api in (empty, full):
            _send(api)
        found: dict[str, list[float]] = {"empty": [], "full": []}
        alternate(
            max(5, bench.rounds),
            lambda: _p99(found["empty"], _send(empty)),
            lambda: _p99(found["full"], _send(full)),
            say=bench.say,
        )
    alone, beside = (percentile(found[name], 0.99) * 1000 for name in ("empty", "full"))
    return [
        Line("mails a second through one instance of send_email", median(rate), "mails/s"),
        Line("POST to sent, p50, nothing to read", percentile(found["empty"], 0.5) * 1000, "ms"),
        Line(f"POST to sent, p50, {DOCUMENTS} documents wait", percentile(found["full"], 0.5) * 1000, "ms"),
        Line("POST to sent, p99, nothing to read", alone, "ms"),
        Line(f"POST to sent, p99, {DOCUMENTS} documents wait", beside, "ms"),
        Line("p99 while they wait / p99 alone", beside / alone, "x", LIMIT),
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the others does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]


def _p99(found: list[float], seconds: Sequence[float]) -> float:
    found.extend(seconds)
    return percentile(seconds, 0.99)


def _send(api: Api) -> list[float]:
    """Send mails at a steady pace; return the seconds from each POST to when its message was sent."""
    began = time.perf_counter()
    with ThreadPoolExecutor(MAILS) as pool:
        posting = []
        for number in range(MAILS):
            time.sleep(max(began + number / MAILS_PER_SECOND - time.perf_counter(), 0))
            posting.append(pool.submit(_post, api.client))
        posted = [one.result() for one in posting]
    # Asked for only now: questions would be in the way of what is measured.
    return [(_sent_at(api.client, message_id) - at).total_seconds() for message_id, at in posted]


def _post(client: httpx.Client) -> tuple[str, datetime]:
    at = datetime.now(UTC)
    body = {"to": "somebody@example.com", "subject": "A measurement", "body": "One of many."}
    message_id: str = client.post("/v1/emails", json=body).raise_for_status().json()["message_id"]
    return message_id, at


def _sent_at(client: httpx.Client, message_id: str) -> datetime:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        message = client.get(f"/v1/messages/{message_id}").raise_for_status().json()
        if message["status"] == "sent":
            return datetime.fromisoformat(message["sent_at"])
        if message["status"] != "queued" or time.monotonic() > deadline:
            raise RuntimeError(f"the message {message_id} is {message['status']}: {message['error']}")
        time.sleep(0.25)
