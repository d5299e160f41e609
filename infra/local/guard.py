"""The last one to leave: kills the stack's process groups if the process that held them is gone.

Started with the stack, it reads `+GROUP` and `-GROUP` lines from its standard input. The end of that input means that
`twolane up` has ended, however it did; groups not taken back by then are killed, children of children included.
Standard library only, so that it starts in a blink.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Keep the list; at the end of input, kill what is on it."""
    # The terminal's Ctrl-C is for the stack; this process goes when its input ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line.startswith("+") else groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
