"""What tests of containers share. They need a Docker engine and built images: `make containers` sees to both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.containers import Containers


@pytest.fixture
def containers() -> Iterator[Containers]:
    """Starts containers for one test, and removes them after it."""
    with Containers() as started:
        yield started
