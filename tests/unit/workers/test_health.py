"""The health check of a container: consuming, not merely running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from shared.contracts import SIGN_OF_LIFE_SECONDS
from workers.health import OLDEST_SECONDS, trouble


def check(**environment: str) -> tuple[int, str]:
    """Run the command as the engine does."""
    done = subprocess.run(
        [sys.executable, "-m", "workers.health"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_worker_that_gave_a_sign_is_healthy_until_the_sign_is_old(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    file.touch()
    now = file.stat().st_mtime
    assert trouble(str(file), now + OLDEST_SECONDS) is None
    said = trouble(str(file), now + OLDEST_SECONDS + 1)
    assert said == "The worker's last sign of life is 46 seconds old: it hangs, or does not reach its broker."


def test_one_missed_sign_is_no_reason_to_replace_a_worker() -> None:
    assert OLDEST_SECONDS > 3 * SIGN_OF_LIFE_SECONDS


def test_the_command_tells_by_its_exit_code_and_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    code, said = check(WORKER_ALIVE_FILE=str(file))
    assert (code, said.count("\n")) == (1, 1)
    assert "no sign of life yet" in said
    file.touch()
    assert check(WORKER_ALIVE_FILE=str(file)) == (0, "")
    long_ago = time.time() - 60
    os.utime(file, (long_ago, long_ago))
    code, said = check(WORKER_ALIVE_FILE=str(file))
    assert (code, said.count("\n")) == (1, 1)
    assert "WORKER_ALIVE_FILE is not set" in check()[1]


def test_the_command_loads_no_library() -> None:
    code = "import sys, workers.health; print(sorted(name for name in sys.modules if name in sys.argv[1:]))"
    heavy = ["celery", "pydantic", "sqlalchemy", "boto3", "logging"]
    done = subprocess.run([sys.executable, "-S", "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
