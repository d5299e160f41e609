"""Asking until there is an answer: what a process starts against may take a while to come up, or to wake."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.5


def eventually(ask: Callable[[], T], seconds: float, *errors: type[Exception]) -> T:
    """Ask until it is answered, at least once.

    Args:
        ask: the question; should give up by itself after a few seconds.
        seconds: how long to go on.
        errors: what counts as no answer.

    Returns:
        The first answer.

    Raises:
        Exception: the last of `errors`, when time is up; any other at once.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except errors:
            if time.monotonic() + PAUSE_SECONDS > deadline:
                raise
        time.sleep(PAUSE_SECONDS)
