"""A Redis server of the tests' own, to be killed, flushed and silenced."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.support.programs import find, free_port
from tests.support.waiting import wait_until


class RedisServer:
    """A server on 127.0.0.1 that keeps nothing on disk; a restarted one keeps its port and forgets everything.

    Args:
        directory: its working directory.
        port: where it listens; a free one if not given.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """Start it and wait for its first answer.

        Raises:
            FileNotFoundError: Redis is not installed.
        """
        address = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._directory)]
        policy = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--loglevel", "warning"]
        self._process = subprocess.Popen([find("redis-server"), *address, *policy], stdout=subprocess.DEVNULL)
        wait_until(self._answers, 10, "Redis' first answer")
        return self

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as a crash would, and wait."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it if it runs, and start it again, empty."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Silence it: connections are taken, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def client(self) -> Redis:
        """A new client; use it in a `with` block."""
        return Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0))

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            if self._process is None or self._process.poll() is not None:
                raise
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)  # a paused one would not hear SIGTERM
        self._process.send_signal(number)
        self._process.wait(10)
        self._process = None
