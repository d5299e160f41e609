"""`python -m workers.health`: 0 while the worker in this container consumes, 1 with a sentence where it does not.

The worker touches `WORKER_ALIVE_FILE` every ten seconds (`workers.alive`), in the loop that takes messages and after
its broker has answered. A process that lives, but hangs or has lost its broker, is not healthy. Run every few seconds
beside the work, so it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

VARIABLE = "WORKER_ALIVE_FILE"

OLDEST_SECONDS = 45.0
"""Four signs of life and a half: a loop may be busy for a moment, a broker slow once."""


def trouble(file: str | None, now: float) -> str | None:
    """Say what is wrong with a worker's last sign of life; None where nothing is.

    Args:
        file: the one the worker touches.
        now: seconds since the epoch.
    """
    if not file:
        return f"{VARIABLE} is not set, so nobody can tell whether the worker consumes; set it for the worker and here."
    try:
        age = now - Path(file).stat().st_mtime
    except FileNotFoundError:
        return "The worker has given no sign of life yet: it is starting, or does not reach its broker."
    except OSError as error:
        return f"{VARIABLE} can't be looked at: {error}."
    if age > OLDEST_SECONDS:
        return f"The worker's last sign of life is {age:.0f} seconds old: it hangs, or does not reach its broker."
    return None


def main() -> int:
    """Judge the worker of this container."""
    found = trouble(os.environ.get(VARIABLE), time.time())
    if found:
        sys.stderr.write(f"twolane: {found}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
