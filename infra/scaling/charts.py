"""Simulations drawn in the terminal: how long the queue is, how long one waits in it, and how many tasks there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.scaling.simulate import Moment, Outcome

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 72
HEIGHT = 4
_LABEL = 16


def bars(values: Sequence[float], height: int = HEIGHT) -> list[str]:
    """Draw values as columns of eighths of a character, `height` lines high; anything above zero can be seen."""
    top = max(values, default=0)
    eighths = [ceil(value / top * height * 8) if top else 0 for value in values]
    return [
        "".join(BLOCKS[min(8, max(0, column - 8 * line))] for column in eighths) for line in reversed(range(height))
    ]


def squeezed(values: Sequence[float], width: int) -> list[float]:
    """So many values, each the highest of its stretch."""
    edges = [len(values) * column // width for column in range(width + 1)]
    return [max(values[begin : max(end, begin + 1)]) for begin, end in pairwise(edges)]


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "never"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Picture:
    """One simulation, as wide as the terminal allows.

    Args:
        title: what was played through.
        outcome: what became of it.
        facts: further lines, a name and a value each.
    """

    def __init__(self, title: str, outcome: Outcome, facts: Sequence[tuple[str, str]]) -> None:
        self._title = title
        self._outcome = outcome
        self._facts = facts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(20, min(WIDTH, options.max_width - _LABEL - 8))
        charts: list[RenderableType] = [
            self._chart("waiting", "messages", lambda moment: moment.waiting, width, "yellow"),
            self._chart("oldest waits", "", lambda moment: moment.oldest_age, width, "magenta"),
            self._chart("tasks", "", lambda moment: moment.tasks, width, "green"),
            self._axis(width),
        ]
        facts = Table.grid(padding=(0, 2))
        for name, value in self._facts:
            facts.add_row(f"[dim]{name}[/]", value)
        yield Panel(Group(*charts, Text(), facts), title=self._title, title_align="left", expand=False)

    def _chart(self, name: str, unit: str, value: Callable[[Moment], float], width: int, colour: str) -> Table:
        values = [value(moment) for moment in self._outcome.moments]
        top = duration(max(values)) if name == "oldest waits" else f"{max(values):,.0f} {unit}"
        grid = Table.grid()
        grid.add_column(width=_LABEL)
        grid.add_column(style=colour)
        for number, line in enumerate(bars(squeezed(values, width))):
            label = {0: f"[dim]{top}[/]", HEIGHT - 1: name}.get(number, "")
            grid.add_row(label, line)
        return grid

    def _axis(self, width: int) -> Text:
        """Where each half hour begins, or each second hour of a long one."""
        length = self._outcome.moments[-1].now + 1
        every = 1800 if length <= 4 * 3600 else 7200
        axis = [" "] * (width + 8)
        for second in range(0, int(length) + 1, every):
            column = round(second / length * width)
            axis[column : column + 5] = f"{second // 3600}:{second // 60 % 60:02}".ljust(5)
        return Text(" " * _LABEL + "".join(axis).rstrip(), style="dim")
