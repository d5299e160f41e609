"""`python -m infra.scaling`: play loads through the policy that is deployed, and see tasks, waits and dollars."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.console import Console

from infra.scaling import prices
from infra.scaling.charts import Picture, duration
from infra.scaling.curves import CURVES
from infra.scaling.idle import defaults, table
from infra.scaling.policy import read
from infra.scaling.service import SECONDS_PER_PAGE, Worker
from infra.scaling.simulate import Conditions, Outcome, simulate

MIB: Final = 1024
"""MiB a GB of memory, and CPU units a vCPU."""


class Architecture(StrEnum):
    """What tasks run on."""

    X86 = "x86_64"
    ARM = "arm64"


def _known(names: list[str] | None) -> list[str]:
    for name in names or []:
        if name not in CURVES:
            message = f"there is no curve {name!r}; there are {', '.join(CURVES)}"
            raise typer.BadParameter(message)
    return names or list(CURVES)


def main(  # noqa: PLR0913 - one parameter an option
    *,
    curve: Annotated[
        list[str] | None, typer.Option(callback=_known, help=f"What arrives; again for more. {', '.join(CURVES)}: all.")
    ] = None,
    max_tasks: Annotated[int | None, typer.Option(min=1, help="MaxTasks; the template's for ocr unless given.")] = None,
    min_tasks: Annotated[int, typer.Option(min=0, help="MinTasks.")] = 0,
    seconds_per_page: Annotated[
        float, typer.Option(min=0.01, help="CPU seconds a page; `make bench` measures.")
    ] = SECONDS_PER_PAGE,
    vcpu: Annotated[float | None, typer.Option(min=0.25, help="vCPUs of a task; the template's unless given.")] = None,
    memory: Annotated[float | None, typer.Option(min=0.5, help="GB of a task; the template's unless given.")] = None,
    start_seconds: Annotated[float, typer.Option(min=0, help="From the decision to a task that consumes.")] = 60,
    architecture: Annotated[Architecture, typer.Option(help="What tasks run on.")] = Architecture.X86,
    spot_share: Annotated[float, typer.Option(min=0, max=1, help="Part of the tasks that runs on Spot.")] = 0.0,
    idle: Annotated[bool, typer.Option("--idle", help="Instead: what each preset costs a month, idle.")] = False,
) -> None:
    """Play loads through the scaling of infra/stacks/fleet.yaml.

    Documents arrive, their number is published every minute, alarms look at it, tasks start, read and stop: as AWS
    documents it, a day in a second. Dollars are list prices of us-east-1.
    """
    console = Console()
    if idle:
        console.print(table())
        return
    template = defaults()
    size = vcpu or float(template["OcrTaskCpu"]) / MIB, memory or float(template["OcrTaskMemory"]) / MIB
    worker = Worker(*size, seconds_per_page, start_seconds)
    conditions = Conditions(min_tasks, max_tasks or int(template["OcrMaxTasks"]), worker)
    hourly = prices.task_hour(*size, architecture.value, spot_share)
    for name in curve or []:
        load = CURVES[name]()
        outcome = simulate(read(), load, conditions)
        console.print(Picture(f"{name}: {load.about}", outcome, _facts(outcome, worker, hourly)))


def _facts(outcome: Outcome, worker: Worker, hourly: float) -> list[tuple[str, str]]:
    """What a picture doesn't say."""
    dollars = outcome.task_seconds / 3600 * hourly
    reading = outcome.pages_read * worker.reading_seconds(1) / worker.lanes / max(1, outcome.task_seconds)
    each = f", {dollars / outcome.pages_read * 1000:.3f} $ per 1,000 pages" if outcome.pages_read else ""
    return [
        ("read", f"{outcome.pages_read:,} of {outcome.pages:,} pages, the last after {duration(outcome.drained)}"),
        ("oldest", f"waits {duration(outcome.max_age)} at most, {duration(outcome.p95_age)} at the 95th percentile"),
        ("tasks", f"{outcome.max_tasks} at most, none from {duration(outcome.emptied)} on; {outcome.turns()} turns"),
        ("cost of tasks", f"{dollars:.2f} ${each}; they read {reading:.0%} of the time"),
    ]


if __name__ == "__main__":
    typer.run(main)
