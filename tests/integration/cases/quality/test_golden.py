"""Golden cases: each reviewer answers each once, the mildest first, and its author never."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest

from safelight.accounts import KeyScope, Principal, Role
from safelight.accounts.store import principal_of_person
from safelight.cases.quality import (
    Golden,
    NewGolden,
    Quality,
    QualityPurpose,
    QualityResults,
    QualitySampler,
    SamplingRule,
)
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.store import tables
from support.concurrency import run_together
from support.review_room import ReviewRoom, reviewer

LEAD = reviewer("lee", Role.TRUST_LEAD, KeyScope.REVIEW, KeyScope.POLICY)
TEAM = [reviewer(name) for name in ("ada", "bo", "cleo", "dan", "eve")]


def add(room: ReviewRoom, prompt: str = "a scene", answer: str = "in_policy") -> Golden:
    new = NewGolden(video_id=room.add_video(prompt), answer=answer, note="Stage blood in a theatre.")
    return Quality(room.database).add_golden(LEAD, new)


def daily(room: ReviewRoom, count: int = 1) -> QualitySampler:
    return QualitySampler(room.database, SamplingRule(golden_per_day=count))


def enroll(room: ReviewRoom, *team: Principal) -> None:
    for person in team:
        room.enroll(person)


def test_each_reviewer_gets_a_golden_case_once_and_its_author_never(room: ReviewRoom) -> None:
    enroll(room, LEAD, *TEAM[:2])
    golden = add(room)
    for _ in range(2):
        daily(room, 5).open_golden_cases()
    assert room.queue.take_next(LEAD) is None
    given = [room.take(person) for person in TEAM[:2]]
    assert given[0].id != given[1].id
    assert {case.video_id for case in given} == {golden.video_id}
    assert room.queue.take_next(TEAM[2]) is None
    for person, case, answer in zip(TEAM, given, ("in_policy", "against_policy"), strict=False):
        room.decide(person, case, answer)
    (own,) = QualityResults(room.database).own_answers(TEAM[1])
    assert (own.purpose, own.answer, own.expected) == (QualityPurpose.GOLDEN, "against_policy", "in_policy")
    assert own.note == golden.note
    daily(room, 5).open_golden_cases()
    assert room.queue.take_next(TEAM[0]) is None


@pytest.mark.both_databases
def test_two_processes_at_once_give_one_golden_case_a_day(
    room: ReviewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.enroll(TEAM[0])
    for number in range(4):
        add(room, f"scene {number}")
    both, real = threading.Barrier(2), principal_of_person

    def wait(row: Any) -> Any:
        # SQLite lets only one of them get here.
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1.0)
        return real(row)

    monkeypatch.setattr("safelight.cases.quality.sampler.principal_of_person", wait)
    run_together([daily(room).open_golden_cases for _ in range(2)])
    assert len(room.stored(tables.quality_cases)) == 1


def test_a_day_brings_a_limited_number_and_a_retired_case_none(room: ReviewRoom) -> None:
    enroll(room, TEAM[0])
    golden = [add(room, f"scene {number}") for number in range(3)]
    Quality(room.database).retire_golden(LEAD, golden[0].id)
    sampler = daily(room)
    for day, expected in ((0, 1), (0, 1), (1, 2), (1, 2)):
        room.clock.now += day * 86_400
        sampler.open_golden_cases()
        assert room.reviews.count_open(TEAM[0]) == expected
    given = room.take(TEAM[0])
    with pytest.raises(Conflict, match="quality review"):
        room.queue.escalate(TEAM[0], given.id, reason="Hard.")
    assert room.queue.take_next(TEAM[0]) == given


def test_what_cannot_become_a_golden_case(room: ReviewRoom) -> None:
    locked = room.add_video("a scene")
    room.change_video(locked, quarantined=True)
    for who, video, answer, problem in (
        (LEAD, add(room).video_id, "in_policy", Conflict),
        (LEAD, "video_none", "in_policy", NotFound),
        (LEAD, locked, "in_policy", NotFound),
        (LEAD, room.add_video("x"), "approve", InvalidField),
        (TEAM[0], room.add_video("x"), "in_policy", Forbidden),
    ):
        new = NewGolden(video_id=video, answer=answer, note="Fine.")
        with pytest.raises(problem):
            Quality(room.database).add_golden(who, new)


def test_the_team_has_figures_from_five_people_and_nobody_is_named(room: ReviewRoom) -> None:
    enroll(room, LEAD, *TEAM)
    add(room)
    daily(room).open_golden_cases()
    results = QualityResults(room.database)
    for number, person in enumerate(TEAM):
        answers = results.team_answers(LEAD)
        assert (answers.people, answers.golden, answers.machine) == (number, (), ())
        room.decide(person, room.take(person), "in_policy")
    answers = results.team_answers(LEAD)
    assert answers.people == 5
    assert answers.of_cases == (("in_policy",) * 5,)
    assert answers.golden == (("in_policy", "in_policy"),) * 5
    assert not {person.id for person in TEAM} & set(repr(answers).replace("'", " ").split())
    with pytest.raises(Forbidden):
        results.team_answers(TEAM[0])


def test_a_figure_is_not_that_of_one_person_because_others_decided_twice(room: ReviewRoom) -> None:
    enroll(room, LEAD, *TEAM)
    room.decide(TEAM[1], room.open_case("another scene"), "refuse")
    QualitySampler(room.database, SamplingRule(second_review_rate=1.0)).open_second_reviews()
    room.decide(TEAM[2], room.take(TEAM[2]), "in_policy")
    add(room)
    daily(room).open_golden_cases()
    for person in (TEAM[0], *TEAM[3:]):
        room.decide(person, room.take(person), "in_policy")
    answers = QualityResults(room.database).team_answers(LEAD)
    # Four people answered; the fifth only made a decision that was reviewed again.
    assert (answers.people, answers.golden, answers.second) == (4, (), ())
