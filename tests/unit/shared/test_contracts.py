"""The words both lanes agree on."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from pydantic import ValidationError

from shared import contracts
from shared.contracts import Job, OcrClose, OcrDocument, OcrPages, Ping

JOBS = [OcrDocument(document_id=uuid4()), OcrPages(document_id=uuid4(), chunk=3), OcrClose(document_id=uuid4()), Ping()]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [(10, 0), (9, 3), (8, 3), (7, 3), (6, 6), (5, 6), (4, 6), (3, 9), (2, 9), (1, 9)],
)
def test_ten_is_first_and_one_is_last(asked: int, sent: int) -> None:
    assert contracts.broker_priority(asked) == sent
    assert sent in contracts.PRIORITY_STEPS


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_message_survives_the_way_and_carries_ids_alone(job: Job) -> None:
    payload = job.model_dump(mode="json")
    assert type(job).model_validate(json.loads(json.dumps(payload))) == job
    assert all(isinstance(value, str | int) for value in payload.values())


def test_names_are_unique_and_every_queue_has_a_fleet() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert {job.queue for job in JOBS} <= set(contracts.queues_of(contracts.ALL_FLEETS))


def test_a_message_is_frozen() -> None:
    with pytest.raises(ValidationError):
        JOBS[1].chunk = 4  # type: ignore[attr-defined]  # it is an OcrPages


def test_fleets_share_neither_queues_nor_unacked_keys() -> None:
    queues = [queue for fleet in contracts.FLEETS for queue in contracts.queues_of(fleet)]
    assert len(queues) == len(set(queues))
    keys = {contracts.unacked_key(fleet) for fleet in (*contracts.FLEETS, contracts.ALL_FLEETS)}
    assert len(keys) == len(contracts.FLEETS) + 1
    with pytest.raises(KeyError):
        contracts.queues_of("nobody")
