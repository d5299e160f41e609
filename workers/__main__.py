"""`python -m workers`: one worker of the fleet named by `WORKER_FLEET`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from shared.config import ConfigurationError, WorkerSettings, load

# Read by billiard at import: SIGTERM, which is what ECS and supervisors send, starts the soft shutdown.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")


def main() -> None:
    """Run a Celery worker in the foreground; further arguments go to `celery worker`.

    A setting or a surrounding that is not as it must be is one sentence and exit code 2.
    """
    # Until Celery takes over. As the first process of a container it would otherwise not hear SIGTERM at all.
    signal.signal(signal.SIGTERM, _end)
    from workers import checks  # noqa: PLC0415  # after the environment is set
    from workers.app import app  # noqa: PLC0415  # likewise

    try:
        settings = load(WorkerSettings, "The worker")
        checks.check_settings(settings)
        checks.check_surroundings(settings)
        checks.check_configuration()
    except ConfigurationError as error:
        sys.stderr.write(f"twolane: {error}\n")
        sys.exit(2)
    app.worker_main(
        ["worker", "--pool", "prefork", "--without-gossip", "--without-mingle", "--loglevel", "INFO", *sys.argv[1:]]
    )


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
