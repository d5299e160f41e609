"""The Celery app: queues, priorities, transport options. Configuration is read when it is first used, not at import.

Each setting that differs from Celery's default has its reason here; what a task may do is in `workers.job`.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, signals
from kombu import Exchange, Queue

from shared import log as logs
from shared.adapters import secrets
from shared.bootstrap import abandon, forget, services
from shared.config import Logging, Worker, WorkerSettings, load
from shared.contracts import KEY_PREFIX, PRIORITY_STEPS, queues_of, unacked_key
from workers.alive import SignsOfLife
from workers.protection import Protection
from workers.shutdown import Shutdown

log = logging.getLogger(__name__)

HARD_LIMIT_SECONDS = 1800
"""The longest any task may run."""

OCR_QUEUE = "ocr"

LONGEST_COUNTDOWN_SECONDS = 300
MARGIN_SECONDS = 300


def configuration() -> dict[str, Any]:
    """The whole configuration of a worker.

    Raises:
        ConfigurationError: a setting is missing or malformed, or a secret can't be read.
        BrokerUnavailable: Secrets Manager does not answer.
        KeyError: there is no fleet of the name given.
    """
    settings = load(WorkerSettings, "The worker")
    fleet = settings.worker_fleet
    return {
        "broker_url": secrets.redis_url(settings),
        "broker_transport_options": _transport(fleet),
        # A worker waits for a broker that is away, however long; who watches its health may replace it before.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A lost connection does not take running jobs down: their rows are the truth.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in queues_of(fleet)],
        "task_default_queue": queues_of(fleet)[0],
        "task_create_missing_queues": False,
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        # A killed child: its message is sent again a few times. Never `task_reject_on_worker_lost`, which loops.
        "task_retry_on_worker_lost": True,
        "task_reject_on_worker_lost": False,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_time_limit": HARD_LIMIT_SECONDS,
        # `workers.shutdown` makes it end as soon as the jobs in hand have.
        "worker_soft_shutdown_timeout": settings.worker_soft_shutdown_seconds,
        "worker_redirect_stdouts": False,
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
        "worker_concurrency": settings.worker_concurrency,
    }


def _transport(fleet: str) -> dict[str, Any]:
    """How kombu speaks to Redis."""
    unacked = unacked_key(fleet)
    return {
        "global_keyprefix": KEY_PREFIX,
        "priority_steps": list(PRIORITY_STEPS),
        # Priorities rank before the order of queues.
        "queue_order_strategy": "priority",
        # The shortest timeout on a shared key wins, so each fleet has keys of its own.
        "visibility_timeout": HARD_LIMIT_SECONDS + LONGEST_COUNTDOWN_SECONDS + MARGIN_SECONDS,
        "unacked_key": unacked,
        "unacked_index_key": f"{unacked}.index",
        "unacked_mutex_key": f"{unacked}.mutex",
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    }


app = Celery(
    "twolane",
    include=["workers.ocr.tasks", "workers.extraction.tasks", "workers.maintenance.tasks"],
    set_as_current=False,
)
app.add_defaults(configuration)
app.steps["consumer"].update([SignsOfLife, Protection, Shutdown])


def _log_as_json(**_signal: Any) -> None:
    """One object a line; what Celery says of each task `workers.job` says better."""
    logs.configure(Logging().log_level)
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _reads() -> bool:
    """Whether this worker's fleet reads documents; others need not wait for what only readers use."""
    return OCR_QUEUE in queues_of(Worker().worker_fleet)


def _report_engines(**_signal: Any) -> None:
    """Tell the API what can be read with here; then forget the connections, which children must not inherit."""
    if not _reads():
        return
    from workers.ocr import catalog  # noqa: PLC0415  # only who reads needs it

    try:
        services().engines.report(catalog.installed())
    finally:
        forget()


def _warm_up(**_signal: Any) -> None:
    """Make what the first document would wait for: clients, and the process that readers are forked from.

    A process that takes a lost one's place is forked from a parent that may have asked the database meanwhile.
    """
    abandon()
    if not _reads():
        return
    from workers.ocr import sandbox  # noqa: PLC0415  # likewise

    sandbox.warm_up()
    for name in ("store", "jobs", "ledger"):
        getattr(services(), name)


signals.setup_logging.connect(_log_as_json)
signals.worker_init.connect(_report_engines)
signals.worker_process_init.connect(_warm_up)
