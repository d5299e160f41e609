"""What a thousand pages cost, from the CPU seconds that one takes."""

from __future__ import annotations

from dataclasses import dataclass

from infra.scaling import prices
from infra.scaling.policy import FRONT, load

PAGES = 1000


@dataclass(frozen=True, slots=True)
class Document:
    """What a document of one page, the dearest kind, asks of everything but the workers.

    Attributes:
        requests: sending it, waiting for it twice, fetching the result.
        lambda_seconds: of all of them: 60 ms each.
        puts, gets: of the source and its outputs.
        stored_gb: source and outputs.
        logged_gb: lines of the API, its access log and the workers.
    """

    requests: int = 4
    lambda_seconds: float = 4 * 0.060
    puts: int = 3
    gets: int = 3
    stored_gb: float = 0.4e-3
    logged_gb: float = 5e-6


BUSY_ACU = 1.0
"""Aurora capacity while documents are read. Half of it is the least a running database takes."""


def function_gb() -> float:
    """Memory of each function, as the template gives it to all of them."""
    return float(load(FRONT)["Globals"]["Function"]["MemorySize"]) / 1024


def lambda_runs(runs: float, seconds: float) -> float:
    """Dollars for so many runs of functions that take so many seconds together."""
    return runs * prices.LAMBDA_REQUEST + seconds * function_gb() * prices.LAMBDA_GB_SECOND["x86_64"]


def workers(cpu_seconds: float, architecture: str = "x86_64", spot_share: float = 0.0, gb_per_vcpu: float = 2) -> float:
    """Dollars a thousand pages, for tasks that always have something to read.

    Args:
        cpu_seconds: of one page, all processes of a worker together.
        architecture: `x86_64` or `arm64`; a page is taken to need as many seconds on either.
        spot_share: the part (0-1) of tasks that runs on Spot.
        gb_per_vcpu: memory of a task by its vCPUs.
    """
    return PAGES * cpu_seconds / 3600 * prices.task_hour(1, gb_per_vcpu, architecture, spot_share)


def everything_else(cpu_seconds: float, tasks: int = 8, document: Document | None = None) -> dict[str, float]:
    """Dollars a thousand one-page documents, by service, without the workers and without what costs when idle.

    Args:
        cpu_seconds: of one page.
        tasks: that read at the same time; the database is busy for as long as they take.
        document: what one asks for.
    """
    document = document or Document()
    hours = PAGES * cpu_seconds / 3600 / tasks
    return {
        "HTTP API": PAGES * document.requests * prices.HTTP_API_REQUEST,
        "Lambda": PAGES * lambda_runs(document.requests, document.lambda_seconds),
        "S3 requests": PAGES * (document.puts * prices.S3_PUT + document.gets * prices.S3_GET),
        "S3 storage, one month": PAGES * document.stored_gb * prices.S3_GB_MONTH,
        "Aurora": hours * BUSY_ACU * prices.AURORA_ACU_HOUR,
        "logs": PAGES * document.logged_gb * prices.LOG_GB,
    }
