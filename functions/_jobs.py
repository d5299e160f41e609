"""What every function of the light lane does around a job: all task policy of this lane is in here and in `retries`.

A message names a job; its row is the truth. Around the use case: the claim (a second delivery finds nothing to claim),
what a failure means, one line of log, which is the metrics as well. A message is done with when its job's row says how
the attempt ended; only where that could not be written does SQS give it again.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from functions._runtime import each_message, logger
from shared import metrics
from shared.bootstrap import services
from shared.config import Telemetry
from shared.contracts import Job
from shared.errors import OutcomeUnknown, TwolaneError
from shared.log import CORRELATION_ID
from shared.metrics import Metric
from shared.models import JobStatus
from shared.services.runs import Run, TakenOver

Do = Callable[[Any, Run], None]
"""A use case: takes the job's message and the attempt."""


class Envelope(BaseModel):
    """What a message of a queue says."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    job_id: UUID
    name: str
    payload: dict[str, Any]
    correlation_id: str | None = None


def each_job(
    event: dict[str, Any], context: LambdaContext, channel: str, todo: Mapping[type[Job], Do]
) -> PartialItemFailureResponse:
    """Do each job of an SQS batch.

    Args:
        event: of SQS.
        context: of Lambda.
        channel: dimension of the metrics.
        todo: what to do with which job.
    """
    return each_message(event, context, partial(_of_record, channel, todo))


def _of_record(channel: str, todo: Mapping[type[Job], Do], record: SQSRecord) -> None:
    perform(Envelope.model_validate_json(record.body), channel, todo)


def perform(envelope: Envelope, channel: str, todo: Mapping[type[Job], Do]) -> None:
    """Claim a job, do it, write down how it ended.

    Raises:
        DatabaseUnavailable: the end could not be written; the message comes again, or the lease runs out.
        KeyError: this function does no such job.
    """
    kinds = {kind.name: kind for kind in todo}
    kind = kinds[envelope.name]
    token = CORRELATION_ID.set(envelope.correlation_id or "")
    try:
        claim = services().jobs.claim_light(envelope.job_id)
        if claim is None:
            logger.info("nothing to claim", extra=_story(envelope))
            return
        run = Run(services().jobs, claim)
        started = time.perf_counter()
        said = _attempt(run, lambda: todo[kind](kind.model_validate(envelope.payload), run))
        run.measure(metrics.ATTEMPT_SECONDS, round(time.perf_counter() - started, 6))
        run.measure(metrics.ATTEMPTS, 1)
        written = metrics.fields(run.measured, stack=stack_name(), channel=channel)
        # One line a job, for people and for CloudWatch.
        metrics.write_line({"message": said, "attempt": claim.attempt, **_story(envelope), **written})
    finally:
        CORRELATION_ID.reset(token)


def _attempt(run: Run, do: Callable[[], None]) -> str:
    try:
        do()
    except TakenOver as gone:
        return str(gone)
    except TwolaneError as error:
        return _failed(run, error)
    except Exception as error:  # noqa: BLE001  # whatever it is, the job's row tells of it
        logger.exception("a mistake of ours")
        return _failed(run, error)
    if run.done_before:
        return "sent already"
    run.measure(metrics.SENT, 1)
    return "sent"


def _failed(run: Run, error: Exception) -> str:
    if run.may_have_happened and not isinstance(error, OutcomeUnknown):
        # What went wrong afterwards must not lead to its being done again.
        error = run.unnoted(error)
        # At once: the database, which is asked next, may still be away.
        logger.error(str(error), extra={"job_id": str(run.claim.job_id), "provider_id": run.receipt})
    status = run.jobs.fail(run.claim, error, "".join(traceback.format_exception(error))[-8000:])
    if (counted := _COUNTED.get(status)) is not None:
        run.measure(counted, 1)
    return f"{status or 'no longer ours'}: {str(error) or repr(error)}"


_COUNTED: Mapping[JobStatus | None, Metric] = {
    JobStatus.QUEUED: metrics.SENDS_RETRIED,
    JobStatus.FAILED: metrics.SENDS_FAILED,
}


def _story(envelope: Envelope) -> dict[str, Any]:
    story: dict[str, Any] = {"job": envelope.name, "job_id": str(envelope.job_id)}
    return story | {"correlation_id": envelope.correlation_id}


@cache
def stack_name() -> str:
    """Which deployment this function is of."""
    return Telemetry().stack_name
