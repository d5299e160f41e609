"""`python -m infra.scaling` as people run it, and what it draws."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.scaling.__main__ import main
from infra.scaling.charts import bars, duration, squeezed


def run(*arguments: str) -> Result:
    """The command, in a terminal of 100 columns."""
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})


def test_a_curve_is_drawn_with_its_waits_tasks_and_cost() -> None:
    said = run("--curve", "burst", "--max-tasks", "16", "--seconds-per-page", "1.5").output
    assert "burst: 10,000 documents of one page within a minute" in said
    assert "10,000 of 10,000 pages" in said
    assert "16 at most" in said
    assert "$ per 1,000 pages" in said
    assert "█" in said


def test_several_curves_are_drawn_one_after_the_other() -> None:
    said = run("--curve", "quiet", "--curve", "trickle").output
    assert said.index("quiet:") < said.index("trickle:")


def test_an_unknown_curve_is_refused_with_those_there_are() -> None:
    answer = run("--curve", "waterfall")
    assert answer.exit_code == 2
    assert "quiet, trickle" in answer.output


def test_spot_is_cheaper() -> None:
    full, spot = (run("--curve", "chunks", "--spot-share", share).output for share in ("0", "1"))
    assert dollars(spot) == pytest.approx(0.4 * dollars(full), abs=0.01)


def dollars(said: str) -> float:
    [line] = [line for line in said.splitlines() if "cost of tasks" in line]
    return float(line.split("cost of tasks")[1].split("$")[0])


def test_idle_prints_a_column_a_preset() -> None:
    said = run("--idle").output
    assert "dev" in said
    assert "prod" in said
    assert "Valkey nodes" in said


def test_bars_are_as_high_as_their_values_and_the_smallest_can_be_seen() -> None:
    assert bars([0, 1, 8, 16], height=2) == ["   █", " ▁██"]
    assert bars([0, 0], height=1) == ["  "]


def test_squeezing_keeps_the_peaks() -> None:
    assert squeezed([1, 9, 2, 3], 2) == [9, 3]
    assert squeezed([1, 2], 4) == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "never"), (0, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (725.4, "12 min 05 s")]
)
def test_durations_are_said_as_people_do(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
