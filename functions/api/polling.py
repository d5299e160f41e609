"""Waiting for something in the database without holding a thread between two looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

T = TypeVar("T")

FIRST_PAUSE = 0.025
LONGEST_PAUSE = 0.25
BRISK_SECONDS = 1.0
"""Looks come every 25 ms for the first second, when most of what is waited for happens, then ever less often."""


async def poll(request: Request, seconds: float, look: Callable[[], T], over: Callable[[T], bool]) -> T:
    """Look until it is over, for so long, or until nobody listens any more; return what was seen last."""
    start, pause = time.monotonic(), FIRST_PAUSE
    while True:
        seen = await run_in_threadpool(look)
        elapsed = time.monotonic() - start
        if over(seen) or elapsed >= seconds or await request.is_disconnected():
            return seen
        if elapsed > BRISK_SECONDS:
            pause = min(pause * 1.5, LONGEST_PAUSE)
        await anyio.sleep(min(pause, seconds - elapsed))
