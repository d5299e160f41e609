"""`python -m workers`: one worker of the fleet named by `WORKER_FLEET`."""

from __future__ import annotations

import os
import sys

from shared.config import ConfigurationError

# Read by billiard at import: SIGTERM, which is what ECS and supervisors send, starts the soft shutdown.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")


def main() -> None:
    """Run a Celery worker in the foreground; further arguments go to `celery worker`.

    A missing or malformed setting is one sentence and exit code 2.
    """
    from workers.app import app, configuration  # noqa: PLC0415  # after the environment is set

    try:
        configuration()
    except (ConfigurationError, KeyError) as error:
        sys.exit(_say(error))
    app.worker_main(
        ["worker", "--pool", "prefork", "--without-gossip", "--without-mingle", "--loglevel", "INFO", *sys.argv[1:]]
    )


def _say(error: Exception) -> int:
    text = f"There is no fleet {error}." if isinstance(error, KeyError) else str(error)
    sys.stderr.write(f"twolane: {text}\n")
    return 2


if __name__ == "__main__":
    main()
