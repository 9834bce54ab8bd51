"""Pending decisions that fail, and clocks that differ, on both databases."""

from __future__ import annotations

import threading

import pytest

from safelight.cases.reviews import DecisionExecutor
from safelight.cases.reviews.executor import MAX_WAIT_S
from safelight.core.background.rows import MAX_TRIES
from safelight.core.errors import Unavailable
from safelight.videos.case_rows import CaseState
from safelight.videos.case_rows.models import UNDO_S
from safelight.videos.models import VideoState
from safelight.videos.sweeper import Sweeper

from .conftest import House
from .test_decisions import MARKED, held, only_case, reviewer
from .test_pending_decisions import Clock, case_file, clock, decide_with_undo, executor, house, state
from .test_video_lifecycle import NoEngine

__all__ = ["clock", "held", "house"]


def test_a_decision_that_cannot_be_applied_does_not_stop_the_others(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = house.order(MARKED), house.order(f"{MARKED} again")
    for case in house.reviews.list(reviewer(house)).items:
        decide_with_undo(house, case, "approve" if case.video_id == broken.id else "refuse")
    actions = house.container.decisions.actions

    def fail(*_: object) -> None:
        raise RuntimeError("a fault in the code")

    clock.now += UNDO_S
    with monkeypatch.context() as patched:
        patched.setattr(actions, "approve", fail)
        executor(house).part.run_all()
    assert (state(house, broken), state(house, fine)) == (VideoState.HELD, VideoState.REJECTED)
    executor(house).part.run_all()
    assert state(house, broken) is VideoState.QUEUED


@pytest.mark.both_databases
def test_a_decision_that_meets_a_locked_row_does_not_stop_the_others(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, fine = house.order(MARKED), house.order(f"{MARKED} again")
    for video, action in ((locked, "approve"), (fine, "refuse")):
        (case,) = house.cases_of(video.id)
        decide_with_undo(house, case, action)
        clock.now += 0.1

    def fail(*_: object) -> None:
        raise Unavailable("Another transaction has the row.")

    clock.now += UNDO_S
    monkeypatch.setattr(house.container.decisions.actions, "approve", fail)
    with pytest.raises(Unavailable):
        executor(house).carry_out_due()
    assert (state(house, locked), state(house, fine)) == (VideoState.HELD, VideoState.REJECTED)


def test_a_decision_that_fails_again_and_again_opens_the_case_so_that_it_can_expire(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    decide_with_undo(house, case, "approve")

    def fail(*_: object) -> None:
        raise RuntimeError("a fault in the code")

    clock.now += UNDO_S
    monkeypatch.setattr(house.container.decisions.actions, "approve", fail)
    made = executor(house)
    for _ in range(MAX_TRIES):
        assert case_file(house, case).case.state is CaseState.PENDING
        made.carry_out_due()
    file = case_file(house, case)
    assert file.pending is not None
    assert (file.case.state, file.pending.conflict) == (
        CaseState.OPEN,
        "It could not be carried out because of a fault.",
    )
    clock.now = case.due_at + 1
    Sweeper(house.context, NoEngine()).expire_reviews()  # type: ignore[arg-type]
    assert state(house, video) is VideoState.REJECTED


@pytest.mark.both_databases
@pytest.mark.parametrize(("ahead_s", "wait_s"), [(3600.0, UNDO_S - MAX_WAIT_S), (-3600.0, UNDO_S)])
def test_a_decision_can_be_undone_for_some_time_although_the_clock_of_the_executor_is_wrong(
    house: House, clock: Clock, ahead_s: float, wait_s: float
) -> None:
    monotonic = Clock()
    made = DecisionExecutor(
        house.database,
        house.container.decisions.actions,
        stopping=threading.Event(),
        monotonic=lambda: monotonic.now,
    )
    made.carry_out_due()
    video = house.order(MARKED)
    decide_with_undo(house, only_case(house), "refuse")
    clock.now += ahead_s
    made.carry_out_due()
    monotonic.now += wait_s - 0.1
    made.carry_out_due()
    assert state(house, video) is VideoState.HELD
    monotonic.now += 0.2
    made.carry_out_due()
    assert state(house, video) is VideoState.REJECTED
