"""Places that are taken by a few at a time, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest

from shared.db.unit_of_work import Database
from shared.errors import Postponed
from shared.models import Rate, utcnow
from shared.services.places import Places
from tests.support.rows import Rows


def test_no_more_hold_a_place_than_there_are(database: Database) -> None:
    places = Places(database, 3, 60)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(places.hold("webhook:a", 5))
        with pytest.raises(Postponed) as full, places.hold("webhook:a", 7):
            pass
        assert full.value.retry_after == 7
        with places.hold("webhook:b", 5):
            pass
    for _ in range(5):
        with places.hold("webhook:a", 5):
            pass


def test_however_many_ask_at_once_no_place_is_taken_twice(database: Database) -> None:
    places, together = Places(database, 3, 60), Barrier(8)

    def ask() -> bool:
        together.wait(10)
        try:
            with places.hold("webhook:a", 5):
                together.wait(10)
        except Postponed:
            together.wait(10)
            return False
        return True

    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            assert sorted(threads.map(lambda _: ask(), range(8))) == [False] * 5 + [True] * 3


def test_a_place_is_left_by_whoever_fails_and_free_in_the_end_where_nobody_leaves_it(
    database: Database, rows: Rows
) -> None:
    places = Places(database, 1, 60)
    with pytest.raises(ZeroDivisionError), places.hold("webhook:a", 5):
        raise ZeroDivisionError
    with places.hold("webhook:a", 5):
        # As if it had been held for longer than may be: another takes it, and keeps it.
        rows.change(Rate, "webhook:a:0", free_at=utcnow())
        other = ExitStack()
        other.enter_context(places.hold("webhook:a", 5))
    with pytest.raises(Postponed), places.hold("webhook:a", 5):
        pass
    other.close()
    with places.hold("webhook:a", 5):
        pass
