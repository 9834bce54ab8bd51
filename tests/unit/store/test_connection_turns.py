from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from safelight.store.connection_turns import ConnectionTurns


def test_who_waits_comes_before_who_wants_a_place_again() -> None:
    turns = ConnectionTurns(1, wait_s=60)
    served: list[str] = []

    def use(name: str) -> None:
        with turns.hold():
            served.append(name)

    with ThreadPoolExecutor() as threads:
        with turns.hold():
            for count, name in enumerate("abc", start=1):
                threads.submit(use, name)
                while len(turns._waiting) < count:
                    time.sleep(0.001)
        use("again")
    assert served == ["a", "b", "c", "again"]


def test_a_place_that_nobody_leaves_is_waited_for_only_so_long() -> None:
    turns = ConnectionTurns(1, wait_s=0.01)
    with turns.hold(), pytest.raises(PoolTimeout), turns.hold():
        pass
    with turns.hold():
        assert not turns._waiting


def test_a_failed_use_leaves_its_place() -> None:
    turns = ConnectionTurns(1, wait_s=0.01)
    with pytest.raises(LookupError), turns.hold():
        raise LookupError
    with turns.hold():
        pass
