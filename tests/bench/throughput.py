"""Documents taken in a second, and jobs done in a second beside plain Celery."""

from __future__ import annotations

from tests.bench import submissions
from tests.bench.bench import Bench
from tests.bench.figures import Line, Target, alternate, median
from tests.bench.no_ops import NoOps


def measure(bench: Bench) -> list[Line]:
    """Documents first, which nobody reads; then jobs, whose queue is another."""
    with bench.stack(workers=0) as api:
        (documents,) = alternate(bench.rounds, submissions.measure(api), say=bench.say)
        no_ops = NoOps(bench, api)
        # Seconds each and noisy: a few more rounds cost little.
        ours, plain, logging = alternate(
            max(5, bench.rounds), no_ops.ours, no_ops.plain, no_ops.plain_logging, say=bench.say
        )
    return [
        Line(f"documents taken by one API process, {submissions.CLIENTS} clients", median(documents), "docs/s"),
        Line("no-op jobs of one worker: claim, lease, run, succeed", median(ours), "jobs/s"),
        Line("no-op tasks of one plain Celery worker, same Redis and settings", median(plain), "tasks/s"),
        Line("the same at --loglevel INFO: like ours, it logs every task", median(logging), "tasks/s"),
        Line("ours / plain Celery", median(ours) / median(plain), "x", Target(0.8)),
        Line("ours / plain Celery that logs", median(ours) / median(logging), "x"),
    ]
