"""`python -m workers`: one worker of the fleet named by `WORKER_FLEET`."""

from __future__ import annotations

import os
import sys

# Read by billiard at import: SIGTERM, which is what ECS and supervisors send, starts the soft shutdown.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")


def main() -> None:
    """Run a Celery worker in the foreground; further arguments go to `celery worker`."""
    from workers.app import app  # noqa: PLC0415  # after the environment is set

    app.worker_main(
        ["worker", "--pool", "prefork", "--without-gossip", "--without-mingle", "--loglevel", "INFO", *sys.argv[1:]]
    )


if __name__ == "__main__":
    main()
