from __future__ import annotations

import pytest

from safelight.core.background.rows import MAX_TRIES, PARKED_S, RowFailures
from safelight.core.errors import Conflict, DatabaseDamaged, StorageFull, Unavailable


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(rows: RowFailures, error: Exception, times: int = 1) -> None:
    for _ in range(times):
        with rows.attempt("row_1"):
            raise error


def test_a_row_is_parked_after_several_failures_in_a_row_and_tried_again_later() -> None:
    clock = Clock()
    rows = RowFailures(monotonic=clock)
    fail(rows, ValueError(), MAX_TRIES - 1)
    assert rows.parked() == frozenset()
    fail(rows, ValueError())
    assert rows.parked() == {"row_1"}
    clock.now += PARKED_S + 1
    assert rows.parked() == frozenset()
    fail(rows, ValueError())
    assert rows.parked() == {"row_1"}
    with rows.attempt("row_1"):
        pass
    assert rows.parked() == frozenset()


def test_a_success_starts_the_count_again() -> None:
    rows = RowFailures()
    for _ in range(3):
        fail(rows, OSError(5, "Input/output error"), MAX_TRIES - 1)
        with rows.attempt("row_1"):
            pass
    assert rows.parked() == frozenset()


def test_a_conflict_is_not_a_failure() -> None:
    rows = RowFailures()
    fail(rows, Conflict("Another request was first."), 2 * MAX_TRIES)
    assert rows.parked() == frozenset()


@pytest.mark.parametrize(
    "error",
    [Unavailable("busy"), StorageFull("full"), DatabaseDamaged("damaged")],
    ids=lambda e: type(e).__name__,
)
def test_an_error_of_the_whole_store_is_raised_and_is_not_the_fault_of_the_row(error: Exception) -> None:
    rows = RowFailures()
    for _ in range(2 * MAX_TRIES):
        with pytest.raises(type(error)):
            fail(rows, error)
    assert rows.parked() == frozenset()
