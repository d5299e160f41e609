"""What is made when, and what a restored function does not share with its siblings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from functions.api import snapshot
from functions.api.main import create_app
from shared.bootstrap import Services, forget, services


@pytest.fixture
def fresh(environment: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has made no service yet."""
    del environment
    services.cache_clear()
    yield
    forget()


def made() -> set[str]:
    """The services made so far."""
    return set(vars(services()))


@pytest.mark.usefixtures("fresh")
def test_building_the_application_makes_no_service() -> None:
    create_app()
    assert made() == set()


@pytest.mark.usefixtures("fresh")
def test_a_server_has_made_its_services_when_it_begins_to_listen() -> None:
    app = create_app()

    async def start() -> set[str]:
        async with app.router.lifespan_context(app):
            return made()

    assert asyncio.run(start()) >= {"database", "broker", "store", "submission", "documents", "keys", "idempotency"}


@pytest.mark.usefixtures("fresh")
def test_a_woken_function_makes_its_services_anew() -> None:
    before = services()
    assert before.keys
    snapshot.wake()
    assert services() is not before
    assert made() == set()


@pytest.mark.usefixtures("fresh")
def test_two_functions_woken_from_one_snapshot_draw_different_numbers() -> None:
    state = random.getstate()
    drawn = set()
    for _ in range(2):
        random.setstate(state)
        snapshot.wake()
        drawn.add(random.getrandbits(64))
    assert len(drawn) == 2


@pytest.mark.usefixtures("fresh")
def test_nothing_is_left_of_the_services_that_a_snapshot_was_prepared_with() -> None:
    snapshot.load()
    assert made() == set()
    assert isinstance(services(), Services)
