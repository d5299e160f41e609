"""Loads to play through: when how many documents of how many pages arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from infra.scaling.service import Work

MINUTE = 60
START = 10 * MINUTE
"""When the first document arrives: an idle fleet is part of every picture."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A load.

    Attributes:
        about: one line for people.
        arrivals: messages by the second they arrive at, in order.
    """

    about: str
    arrivals: tuple[Work, ...]

    @property
    def pages(self) -> int:
        """Pages of all documents together."""
        return sum(work.pages for work in self.arrivals)

    @property
    def last(self) -> float:
        """The second of the last arrival; 0 where nothing arrives."""
        return self.arrivals[-1].arrived if self.arrivals else 0.0


def quiet() -> Curve:
    """Nothing."""
    return Curve("nothing arrives for two hours", ())


def burst() -> Curve:
    """A batch sent at once."""
    return Curve("10,000 documents of one page within a minute", _even(10_000, START, MINUTE))


def chunks() -> Curve:
    """Long documents: fewer messages, each of which takes longer."""
    return Curve("four scans of 2,500 pages, in chunks of 16 pages", _even(625, START, MINUTE, pages=16))


def steady() -> Curve:
    """The same load all the time: what keeps a few workers busy and would let a bad policy hunt."""
    return Curve("240 pages a minute, at random, for two hours", _by_minute([240] * 120))


def ramp() -> Curve:
    """A load that grows slowly, and as slowly goes."""
    minutes = [*range(60), *range(60, 0, -1)]
    return Curve(
        "from nothing to 480 pages a minute in an hour, and back", _by_minute([8 * count for count in minutes])
    )


def sawtooth() -> Curve:
    """Waves with pauses between them."""
    return Curve("200 pages at once, every five minutes, for an hour and a half", _waves(18, 5 * MINUTE, 200))


def trickle() -> Curve:
    """A small office."""
    return Curve("one document of three pages every four minutes, for two hours", _waves(30, 4 * MINUTE, 1, pages=3))


def _even(count: int, begin: float, seconds: float, pages: int = 1) -> tuple[Work, ...]:
    return tuple(Work(begin + seconds * number / count, pages) for number in range(count))


def _by_minute(counts: list[int]) -> tuple[Work, ...]:
    """So many pages in each minute, a document each, at random moments; the same ones every time."""
    random = Random(1)  # noqa: S311 - a load, not a secret
    return tuple(
        Work(START + minute * MINUTE + second, 1)
        for minute, count in enumerate(counts)
        for second in sorted(random.uniform(0, MINUTE) for _ in range(count))
    )


def _waves(waves: int, every: float, count: int, pages: int = 1) -> tuple[Work, ...]:
    return tuple(Work(START + wave * every, pages) for wave in range(waves) for _ in range(count))


CURVES: Final[Mapping[str, Callable[[], Curve]]] = MappingProxyType(
    {
        "quiet": quiet,
        "trickle": trickle,
        "steady": steady,
        "ramp": ramp,
        "sawtooth": sawtooth,
        "burst": burst,
        "chunks": chunks,
    }
)
