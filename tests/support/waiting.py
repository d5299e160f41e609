"""Waiting for conditions, and doing things at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


def wait_until(condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """Ask a condition until it is true and return what it said.

    Args:
        condition: cheap, safe to repeat.
        timeout: seconds.
        what: what is waited for, for the message.

    Raises:
        AssertionError: it never was true.
    """
    deadline = time.monotonic() + timeout
    while True:
        said = condition()
        if said:
            return said
        if time.monotonic() > deadline:
            message = f"{what or condition} did not come true within {timeout:g} s; last answer: {said!r}"
            raise AssertionError(message)
        time.sleep(POLL_SECONDS)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Start every call at the same moment, each in its own thread; return their results in order.

    Raises:
        Exception: whatever the first call that failed raised.
    """
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
