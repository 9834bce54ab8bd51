"""What `GET /metrics` reads from the database: late cases, reports and messages, and answers of samples."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.app.gauges import _read
from safelight.core.metrics import VIDEOS_ENDED
from safelight.store import tables
from safelight.videos import mappers
from safelight.videos.models import VideoState
from safelight.videos.transitions import transition
from support.review_room import TENANT, Clock, ReviewRoom, reviewer

pytestmark = pytest.mark.both_databases
_DAY_S = 86_400.0


def read(room: ReviewRoom) -> dict[str, dict[tuple[str, ...], float]]:
    with room.database.across_tenants("metrics", readonly=True) as tx:
        return {gauge.name.removeprefix("safelight_"): gauge.values for gauge in _read(tx)}


def insert(room: ReviewRoom, table: Any, **columns: Any) -> None:
    with room.database.transaction(TENANT) as tx:
        tx.insert(table, **columns)


def test_open_cases_are_counted_by_kind_and_by_whether_they_are_late(room: ReviewRoom, clock: Clock) -> None:
    for number, due_s in enumerate((60.0, 600.0, 700.0)):
        room.open_case(f"scene {number}", due_s=due_s)
    clock.now += 61
    assert read(room)["open_cases"] == {("hold", "true"): 1, ("hold", "false"): 2}
    ada = reviewer("ada")
    room.decide(ada, room.take(ada))
    assert sum(read(room)["open_cases"].values()) == 2


def test_reports_without_a_decision_are_late_after_their_due_time(room: ReviewRoom, clock: Clock) -> None:
    now = clock()
    for number, (lane, due_s, outcome) in enumerate(
        (("removal_order", 60, None), ("ordinary", 600, None), ("removal_order", 60, "removed"))
    ):
        due = {"created_at": now, "due_at": now + due_s, "outcome": outcome}
        insert(room, tables.notices, id=f"report_{number}", lane=lane, reporter="key_1", **due)
    assert read(room)["overdue_reports"] == {}
    clock.now += 61
    assert read(room)["overdue_reports"] == {("removal_order",): 1}


def test_the_oldest_message_is_one_that_is_due_or_that_failed(room: ReviewRoom, clock: Clock) -> None:
    def add(name: str, **columns: Any) -> None:
        body = {"subject": "endpoint", "body": b"{}", "created_at": clock(), "due_at": clock()}
        insert(room, tables.outbox, id=name, topic=name, **{**body, **columns})

    add("due")
    add("failed", due_at=clock() + _DAY_S, attempts=3)
    add("reminder", due_at=clock() + _DAY_S)
    add("sent", delivered_at=clock())
    add("given_up", dead_at=clock())
    clock.now += 100
    assert read(room)["oldest_message_seconds"] == {("due",): 100.0, ("failed",): 100.0}


def test_the_answers_of_samples_are_counted_for_30_days(room: ReviewRoom, clock: Clock) -> None:
    def answer(name: str, answered: str, *, stratum: str | None = "light", days: float = 0) -> None:
        at, case = clock() - days * _DAY_S, {"case_id": name}
        purpose = "sample" if stratum else "second"
        of = {"purpose": purpose, "opened_for": name, "source": "draw", "stratum": stratum}
        insert(room, tables.quality_cases, **case, **of, opened_at=at)
        insert(room, tables.quality_answers, **case, answer=answered, at=at)

    answer("a", "in_policy")
    answer("b", "in_policy")
    answer("c", "against_policy")
    answer("old", "against_policy", days=31)
    answer("second", "against_policy", stratum=None)
    assert read(room)["sample_answers"] == {("light", "in_policy"): 2, ("light", "against_policy"): 1}


def test_unfinished_videos_have_a_value_for_each_state(room: ReviewRoom, clock: Clock) -> None:
    room.change_video(room.add_video("a scene"), state="held", accepted_at=clock(), updated_at=clock() - 40)
    found = read(room)
    assert found["unfinished_videos"]["held",] == 1
    assert found["longest_unchanged_seconds"]["held",] == 40.0
    assert found["unfinished_videos"]["sealing",] == found["longest_unchanged_seconds"]["sealing",] == 0.0


def test_a_video_that_ends_is_counted_by_its_generator_and_state(room: ReviewRoom) -> None:
    (row,) = room.stored(tables.videos, tables.videos.c.id == room.add_video("a scene"))
    labels = (row.generator, "failed")
    before = VIDEOS_ENDED.read().get(labels, 0)
    with room.database.transaction(TENANT) as tx:
        transition(tx, mappers.video(row), VideoState.FAILED, actor="test")
    assert VIDEOS_ENDED.read()[labels] == before + 1
