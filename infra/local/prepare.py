"""What happens between "the data stores answer" and "the API starts", in a process of its own.

Run by the stack with the environment of a worker: migrations, work of the previous run set free, the first admin key,
and one round of the relay, which queues everything that Redis forgot.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from infra.local.bootstrap_admin import ensure_admin_key
from infra.migrations.run import upgrade
from shared.bootstrap import services
from shared.config import Database
from shared.errors import TwolaneError


def main() -> int:
    """Prepare the data directory named by the only argument; the exit code says whether it is ready."""
    try:
        upgrade(Database().database_url)
        # The data directory's lock is held and no worker has been started: whoever held these leases is dead.
        services().jobs.release()
        ensure_admin_key(Path(sys.argv[1]))
        moved = asdict(services().relay.run())
    except TwolaneError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(" ".join(f"{name}={count}" for name, count in moved.items()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
