"""A Celery app as one writes it without us: what every job costs at least. Its transport settings are ours."""

from __future__ import annotations

import os

from celery import Celery
from kombu import Exchange, Queue

from shared.contracts import KEY_PREFIX, PRIORITY_STEPS

QUEUE = "plain"
WORKER = [
    *("-m", "celery", "--app", "tests.bench.plain_celery", "worker", "--pool", "prefork", "--concurrency", "1"),
    *("--without-gossip", "--without-mingle"),
]
"""Arguments of Python that run its worker."""

app = Celery("plain", broker=os.environ.get("REDIS_URL"), set_as_current=False)
app.conf.update(
    broker_transport_options={
        "global_keyprefix": KEY_PREFIX,
        "priority_steps": list(PRIORITY_STEPS),
        "queue_order_strategy": "priority",
        "unacked_key": "unacked.plain",
        "unacked_index_key": "unacked.plain.index",
        "unacked_mutex_key": "unacked.plain.mutex",
    },
    task_queues=[Queue(QUEUE, Exchange(QUEUE), routing_key=QUEUE)],
    task_default_queue=QUEUE,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
)


@app.task(name="plain.no_op")  # type: ignore[untyped-decorator]  # Celery publishes no types
def no_op() -> None:
    """Do nothing."""
