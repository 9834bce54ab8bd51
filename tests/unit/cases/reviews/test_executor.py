"""When the pending decisions are read again."""

from __future__ import annotations

from safelight.cases.reviews.executor import MAX_WAIT_S, wait_s
from safelight.videos.case_rows.models import UNDO_S


def test_the_executor_wakes_up_at_the_next_due_time() -> None:
    assert wait_s([104.0, 102.5], 100.0) == 2.5


def test_a_decision_that_became_due_meanwhile_is_carried_out_at_once() -> None:
    assert wait_s([99.0], 100.0) == 0.0


def test_a_decision_of_another_process_is_found_before_it_is_due() -> None:
    assert wait_s([], 100.0) == wait_s([1000.0], 100.0) == MAX_WAIT_S
    assert MAX_WAIT_S < UNDO_S
