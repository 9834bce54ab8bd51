"""The budget of pictures of a reviewer, on both databases."""

from __future__ import annotations

import pytest

from safelight.core.errors import Forbidden, InvalidField, NotFound
from safelight.store.tables import audit_log, audit_log_contents, exposures
from safelight.videos.case_rows import ExposureLog
from safelight.videos.case_rows.exposure import MAX_VIEW_S, OVERRIDDEN
from safelight.videos.case_rows.models import KEEP_SKIPS_S, SHIFT_S
from support.review_room import ReviewRoom, reviewer

ADA, BO = reviewer("ada"), reviewer("bo")


def test_views_count_seconds_times_severity_for_their_reviewer_only_and_are_deleted(room: ReviewRoom) -> None:
    log, case = ExposureLog(room.database, budget=100.0), room.open_case("a scene")
    view = log.begin_view(ADA, case)
    room.clock.now += 10.0
    for who in (BO, ADA, ADA):
        log.end_view(who, view)
    assert (log.read(ADA).used, log.read(BO).used) == (40.0, 0.0)
    assert not log.read(ADA).is_near
    room.clock.now += KEEP_SKIPS_S + 1
    log.delete_old_views()
    assert room.stored(exposures) == []


def test_a_used_budget_stops_pictures_until_the_shift_is_over(room: ReviewRoom) -> None:
    log, case = ExposureLog(room.database, budget=50.0), room.open_case("a scene")
    view = log.begin_view(ADA, case)
    room.clock.now += 12.0
    log.end_view(ADA, view)
    assert log.read(ADA).is_near
    log.begin_view(ADA, case)
    assert log.read(ADA).is_used_up
    with pytest.raises(Forbidden, match="budget of pictures and sound"):
        log.begin_view(ADA, case)
    log.begin_view(BO, case)
    room.decide(ADA, case)
    room.clock.now += SHIFT_S + 1
    assert log.read(ADA).used == 0.0


def test_a_written_reason_shows_one_case_to_one_reviewer_past_the_budget_and_is_in_the_log(
    room: ReviewRoom,
) -> None:
    log, case, other = ExposureLog(room.database, budget=1.0), room.open_case("one"), room.open_case("two")
    for who in (ADA, BO):
        log.begin_view(who, other)
    with pytest.raises(InvalidField):
        room.queue.override_budget(ADA, case.id, reason=" ")
    with pytest.raises(NotFound):
        room.queue.override_budget(ADA, "case_1", reason="A child may be in danger.")
    room.queue.override_budget(ADA, case.id, reason="A child may be in danger.")
    used = log.read(ADA).used
    log.begin_view(ADA, case)
    assert log.read(ADA).used > used
    for who, seen in ((ADA, other), (BO, case)):
        with pytest.raises(Forbidden, match="budget of pictures and sound"):
            log.begin_view(who, seen)
    (entry,) = room.stored(audit_log, audit_log.c.event == OVERRIDDEN)
    (content,) = room.stored(audit_log_contents, audit_log_contents.c.seq == entry.seq)
    assert (entry.subject, entry.actor) == (case.id, ADA.id)
    assert b"A child may be in danger." in content.content


def test_a_view_whose_end_was_lost_counts_at_most_a_minute(room: ReviewRoom) -> None:
    log, case = ExposureLog(room.database, budget=1e6), room.open_case("a scene")
    view = log.begin_view(ADA, case)
    for later_s, used in ((0.0, 4.0), (10.0, 40.0), (5000.0, MAX_VIEW_S * 4)):
        room.clock.now += later_s
        assert log.read(ADA).used == used
    log.end_view(ADA, view)
    assert log.read(ADA).used == MAX_VIEW_S * 4
