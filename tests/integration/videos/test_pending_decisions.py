"""Decisions that wait for their time to undo, on both databases."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial

import pytest

from safelight.cases.appeals import AppealState
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reports import NewReport
from safelight.cases.reviews import DecisionExecutor
from safelight.core.background.clock_watch import ClockWatch
from safelight.core.errors import Conflict, Forbidden
from safelight.store import tables
from safelight.store.database import Database
from safelight.videos.case_rows import Case, CaseFile, CaseState
from safelight.videos.case_rows.models import UNDO_S
from safelight.videos.models import Video, VideoState
from support.concurrency import run_together

from .conftest import Furnish, House
from .test_decisions import MARKED, decide, delivered, held, only_case, reviewer
from .test_video_lifecycle import sweeper

__all__ = ["held"]


class Clock:
    def __init__(self) -> None:
        self.now = time.time()


@pytest.fixture
def clock(database: Database) -> Clock:
    made = Clock()
    database.clock = lambda: made.now
    return made


@pytest.fixture
def house(clock: Clock, held: Furnish) -> House:
    """A house that holds a marked prompt. Time passes in it, so the clock never jumps."""
    made = held()
    watch = ClockWatch(clock=lambda: clock.now, monotonic=lambda: clock.now, hold_s=60.0)
    made.container.pipeline.context = replace(made.container.pipeline.context, clock_watch=watch)
    return made


def executor(house: House) -> DecisionExecutor:
    """As a process that has just started: it knows only the database."""
    return DecisionExecutor(
        house.database,
        house.container.decisions.actions,
        stopping=threading.Event(),
    )


def decide_with_undo(house: House, case: Case, action: str, name: str = "ada") -> CaseFile:
    return house.reviews.decide_with_undo(
        reviewer(house, name),
        case.id,
        DecisionRequest(action=action, reason="Looked at it.", **house.ground()),
    )


def undo(house: House, case: Case, name: str = "ada") -> CaseFile:
    return house.reviews.undo(reviewer(house, name), case.id)


def case_file(house: House, case: Case) -> CaseFile:
    return house.reviews.get(reviewer(house), case.id)


def state(house: House, video: Video) -> VideoState:
    return house.reread(video).state


def case_events(house: House, video: Video) -> list[str]:
    log = house.record(video).audit_log
    return [entry["event"] for entry in log if entry["event"].startswith("case.")]


def test_a_decision_is_carried_out_when_the_time_to_undo_is_over_by_any_process(
    house: House, clock: Clock
) -> None:
    video = house.order(MARKED)
    case, decided_at = only_case(house), clock.now
    file = decide_with_undo(house, case, "approve")
    assert (file.case.state, file.case.actions, file.decision) == (CaseState.PENDING, (), None)
    assert file.pending is not None
    assert file.pending.due_at == pytest.approx(clock.now + UNDO_S)
    clock.now += UNDO_S - 0.1
    executor(house).carry_out_due()
    assert state(house, video) is VideoState.HELD
    assert house.reviews.list(reviewer(house)).items == ()
    assert house.reviews.count_open(reviewer(house, "ben")) == 0

    clock.now += 3600
    executor(house).carry_out_due()
    file = case_file(house, case)
    assert (file.case.state, file.pending) == (CaseState.DECIDED, None)
    assert file.decision is not None
    assert (file.decision.decided_by, file.decision.clause) == ("ada", "held-1")
    assert (file.decision.at, file.case.closed_at) == pytest.approx((decided_at, clock.now))
    assert house.carry(video).state is VideoState.DELIVERED
    assert case_events(house, video) == ["case.opened", "case.decided", "case.approve"]


def test_after_an_undo_the_case_is_open_and_can_be_decided_again(house: House, clock: Clock) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    decide_with_undo(house, case, "refuse")
    clock.now += UNDO_S - 1
    undone = undo(house, case)
    assert (undone.case.state, undone.pending) == (CaseState.OPEN, None)
    clock.now += UNDO_S
    executor(house).carry_out_due()
    assert state(house, video) is VideoState.HELD
    decide_with_undo(house, only_case(house), "approve")
    clock.now += UNDO_S
    executor(house).carry_out_due()
    assert state(house, video) is VideoState.QUEUED
    assert case_events(house, video) == [
        "case.opened",
        "case.decided",
        "case.undone",
        "case.decided",
        "case.approve",
    ]


def test_an_undo_after_the_execution_says_when_the_decision_was_carried_out(
    house: House, clock: Clock
) -> None:
    house.order(MARKED)
    case = only_case(house)
    with pytest.raises(Conflict, match="no decision that can be undone"):
        undo(house, case)
    decide_with_undo(house, case, "refuse")
    clock.now += UNDO_S
    executor(house).carry_out_due()
    with pytest.raises(Conflict, match=r"\(refuse\) was already carried out at 20"):
        undo(house, case)


def test_while_a_decision_is_pending_nobody_decides_again_and_only_its_author_undoes_it(
    house: House, clock: Clock
) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    decide_with_undo(house, case, "refuse")
    for second in (decide, decide_with_undo):
        with pytest.raises(Conflict, match=r"already: refuse\. The decision is carried out at 20"):
            second(house, case, "approve", "ben")
    with pytest.raises(Forbidden):
        undo(house, case, "ben")
    assert case_file(house, case).case.state is CaseState.PENDING
    assert (state(house, video), case_events(house, video)[1:]) == (VideoState.HELD, ["case.decided"])


@pytest.mark.both_databases
def test_processes_at_the_same_time_carry_a_decision_out_once(house: House, clock: Clock) -> None:
    video = house.order(MARKED)
    decide_with_undo(house, only_case(house), "approve")
    clock.now += UNDO_S
    run_together([executor(house).part.run_all for _ in range(4)])
    # A process that met a locked row leaves it to the next round.
    executor(house).carry_out_due()
    assert case_events(house, video).count("case.approve") == 1
    with house.read_transaction() as tx:
        assert tx.count(tables.decisions) == 1
        assert tx.count(tables.pending_decisions) == 0
    assert house.snapshot(video).run == 2


@pytest.mark.both_databases
def test_of_an_undo_and_an_execution_at_the_same_time_one_wins(house: House, clock: Clock) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    decide_with_undo(house, case, "refuse")
    clock.now += UNDO_S
    undone, _executed = run_together([partial(undo, house, case), executor(house).carry_out_due])
    last = case_events(house, video)[-1]
    if isinstance(undone, Conflict):
        assert (last, state(house, video)) == ("case.refuse", VideoState.REJECTED)
    else:
        assert (last, state(house, video)) == ("case.undone", VideoState.HELD)


def test_a_decision_before_the_due_time_wins_against_the_expiry(house: House, clock: Clock) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    clock.now = case.due_at - 1
    decide_with_undo(house, case, "approve")
    clock.now = case.due_at + 5
    sweeper(house).expire_reviews()
    assert state(house, video) is VideoState.HELD
    clock.now += UNDO_S
    executor(house).carry_out_due()
    sweeper(house).expire_reviews()
    assert state(house, video) is VideoState.QUEUED


def test_a_decision_that_is_undone_after_the_due_time_leaves_the_case_to_the_expiry(
    house: House, clock: Clock
) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    clock.now = case.due_at - 1
    decide_with_undo(house, case, "approve")
    clock.now = case.due_at + 5
    undo(house, case)
    sweeper(house).expire_reviews()
    assert state(house, video) is VideoState.REJECTED
    assert case_file(house, case).case.state is CaseState.EXPIRED


def report(house: House, video: Video) -> Case:
    house.container.correspondence.reports.add(house.who, NewReport(video_id=video.id, reason="other"))
    return only_case(house)


def test_a_report_after_the_decision_to_keep_the_video_opens_the_case_again(
    house: House, clock: Clock
) -> None:
    video = delivered(house)
    case = report(house, video)
    decide_with_undo(house, case, "keep")
    clock.now += 1
    late = house.container.correspondence.reports.add(
        house.who, NewReport(video_id=video.id, reason="violence")
    )
    assert late.report.case_id == case.id
    clock.now += UNDO_S
    executor(house).carry_out_due()
    file = case_file(house, case)
    assert file.pending is not None
    assert (file.case.state, file.decision) == (CaseState.OPEN, None)
    assert file.pending.conflict == "It was reported again after this decision."
    decide_with_undo(house, case, "keep")
    clock.now += UNDO_S
    executor(house).carry_out_due()
    assert case_file(house, case).case.state is CaseState.DECIDED


def test_a_case_that_was_closed_by_a_withdrawal_is_not_called_late(house: House) -> None:
    video = delivered(house)
    case = report(house, video)
    house.withdraw(video, actor="ben", why="wrong file")
    for decide_case in (decide, decide_with_undo):
        with pytest.raises(Conflict, match="because the state of the video changed"):
            decide_case(house, case, "keep", "ada")


def test_a_case_that_is_opened_again_at_this_moment_is_not_called_late(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.order(MARKED)
    case = only_case(house)
    monkeypatch.setattr("safelight.videos.case_rows.store.move_case", lambda *_, **__: False)
    with pytest.raises(Conflict, match="opened again at this moment"):
        decide_with_undo(house, case, "approve")


@pytest.mark.parametrize("action", ["keep", "withdraw"])
def test_a_video_that_was_withdrawn_meanwhile_is_a_recorded_conflict(
    house: House, clock: Clock, action: str
) -> None:
    video = delivered(house)
    case = report(house, video)
    decide_with_undo(house, case, action)
    house.withdraw(video, actor="ben", why="wrong file")
    clock.now += UNDO_S
    made = executor(house)
    made.part.run_all()
    assert made.part.health().errors == 0
    file = case_file(house, case)
    assert (file.case.state, file.decision) == (CaseState.EXPIRED, None)
    assert file.pending is not None
    assert "the state of the video changed" in str(file.pending.conflict)
    assert case_events(house, video)[-1] == "case.not_carried_out"
    with pytest.raises(Conflict):
        undo(house, case)


def test_a_decision_that_does_not_apply_any_more_opens_the_case_again(house: House, clock: Clock) -> None:
    video = house.order(MARKED)
    case = only_case(house)
    decide_with_undo(house, case, "approve")
    house.change(video, state=VideoState.FAILED.value)
    clock.now += UNDO_S
    made = executor(house)
    made.part.run_all()
    file = case_file(house, case)
    assert file.pending is not None
    assert "its state is failed" in str(file.pending.conflict)
    assert (file.case.state, file.decision) == (CaseState.OPEN, None)
    assert not house.reread(video).reviewed
    made.part.run_all()
    assert case_events(house, video).count("case.not_carried_out") == 1
    # Another decision replaces the one that could not be carried out.
    house.change(video, state=VideoState.HELD.value)
    decide(house, case, "refuse")
    assert (case_file(house, case).pending, state(house, video)) == (None, VideoState.REJECTED)


def test_an_appeal_waits_until_its_decision_is_carried_out(house: House, clock: Clock) -> None:
    video = house.order(MARKED)
    decide(house, only_case(house), "refuse")
    appeals = house.appeals
    appeals.add(house.who, video.id, text="It is a play.")
    case = only_case(house)
    decide_with_undo(house, case, "uphold", "cleo")
    assert appeals.get(house.who, video.id).state is AppealState.WAITING
    # The requester reads this record.
    assert case_events(house, video)[-1] == "case.decided"
    clock.now += UNDO_S
    executor(house).carry_out_due()
    assert appeals.get(house.who, video.id).state is AppealState.UPHELD
    assert case_events(house, video)[-1] == "case.uphold"


def test_an_involved_person_cannot_decide_an_appeal_that_is_opened_again_at_this_moment(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = house.order(MARKED)
    decide(house, only_case(house), "refuse")
    house.appeals.add(house.who, video.id, text="It is a play.")
    case = only_case(house)
    # The row as it was while the decision of another person was pending.
    pending = replace(case, state=CaseState.PENDING)
    monkeypatch.setattr("safelight.cases.reviews.service.find_case", lambda *_, **__: pending)
    for action in (decide, decide_with_undo):
        with pytest.raises(Forbidden, match="You cannot decide this appeal"):
            action(house, case, "overturn", "ada")
    monkeypatch.undo()
    assert case_file(house, case).case.state is CaseState.OPEN
