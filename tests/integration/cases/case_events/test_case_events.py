"""The stream of case events: order, pages, who may see what, and two writers at the same time."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.accounts import ROLES, KeyScope, Role
from safelight.accounts.audit import erase_contents
from safelight.cases.case_events import CaseEvent, CaseEvents, event_object
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reviews.ozone import ReviewState
from safelight.core.errors import Forbidden
from safelight.policy.findings import Stage
from safelight.store.database import Database
from safelight.store.tables import cases
from safelight.videos.case_rows import CaseKind, NewCase, close_cases, open_case
from safelight.videos.case_rows.models import UNDO_S
from support.review_room import TENANT, ReviewRoom, reviewer

ADA, BEN = reviewer("Ada Quillfeather"), reviewer("Ben Quillfeather", Role.TRUST_LEAD)
CLEO = reviewer("Cleo Quillfeather", Role.TRUST_LEAD)
OFFICER = reviewer("Eve", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)


def a_hold(video: str) -> NewCase:
    return NewCase(video_id=video, kind=CaseKind.HOLD, stage=Stage.PROMPT, due_at=4e9, category="violence")


def play(room: ReviewRoom) -> None:
    """Cases of all kinds with decisions, an undo, an escalation, a conflict and an expiry."""
    held, undone, conflicting, ended = (room.open_case(f"scene {number}") for number in range(4))
    appeal = room.open_case("", kind=CaseKind.APPEAL, video_id=held.video_id)
    room.open_case("secret", quarantined=True)
    room.queue.escalate(ADA, appeal.id, reason="Quillfeather is not sure.")
    room.decide(BEN, held, "refuse")
    room.decide(CLEO, appeal, "overturn")
    wanted = DecisionRequest(action="approve", reason="Quillfeather looked.", clause="by Quillfeather")
    room.reviews.decide_with_undo(ADA, undone.id, wanted)
    room.reviews.undo(ADA, undone.id)
    room.reviews.decide_with_undo(ADA, conflicting.id, wanted)
    room.actions.closed_videos.add(conflicting.video_id)
    room.clock.now += UNDO_S
    room.executor.carry_out_due()
    with room.database.transaction(TENANT) as tx:
        close_cases(tx, ended.video_id, actor=ADA.id, overdue=True)


@pytest.mark.both_databases
def test_events_come_in_the_order_of_the_log_with_states_and_without_names_of_staff(room: ReviewRoom) -> None:
    play(room)
    events = CaseEvents(room.database).list(ADA)
    assert [event.entry.event for event in events] == [
        *["case.opened"] * 5,
        "case.escalated",
        "case.refuse",
        "case.overturn",
        "case.decided",
        "case.undone",
        "case.decided",
        "case.not_carried_out",
        "case.expired",
    ]
    states = [event.review_state for event in events]
    assert states[5:8] == [ReviewState.ESCALATED, ReviewState.CLOSED, ReviewState.CLOSED]
    assert (states[9], states[11], states[12]) == (ReviewState.OPEN, ReviewState.OPEN, ReviewState.NONE)
    assert [event.created_by for event in events[4:8]] == [
        "appellant",
        "reviewer-1",
        "trust_lead-1",
        "trust_lead-2",
    ]
    written = str([event_object(event) for event in events])
    assert "Quillfeather" not in written


@pytest.mark.both_databases
def test_a_quarantined_case_is_only_in_the_stream_of_the_vault_officer(room: ReviewRoom) -> None:
    play(room)
    stream = CaseEvents(room.database)
    shown = stream.list(ADA)
    (hidden,) = (event for event in stream.list(OFFICER) if event not in shown)
    assert stream.list(replace(OFFICER, scopes=frozenset({KeyScope.VAULT}))) == (hidden,)
    assert stream.list(replace(ADA, scopes=ROLES[Role.AUDITOR].scopes)) == shown
    with pytest.raises(Forbidden):
        stream.list(replace(ADA, scopes=frozenset({KeyScope.VIDEOS_READ})))
    assert stream.list(replace(OFFICER, tenant="other")) == ()


def test_a_quality_review_and_an_entry_whose_content_was_erased_are_left_out(room: ReviewRoom) -> None:
    blind, erased = room.open_case("one"), room.open_case("two")
    stream = CaseEvents(room.database)
    before = stream.list(ADA)
    with room.database.transaction(TENANT) as tx:
        tx.update(cases, cases.c.id == blind.id, kind=CaseKind.QUALITY.value)
        erase_contents(tx, [before[-1].entry.seq], actor="officer", reason="asked")
    assert before[-1].entry.case.id == erased.id
    assert stream.list(ADA) == ()


@pytest.mark.both_databases
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_pages_of_any_size_have_the_same_events_as_one_page(room: ReviewRoom, sizes: list[int]) -> None:
    stream = CaseEvents(room.database)
    if not stream.list(OFFICER):
        play(room)
    for who in (ADA, OFFICER):
        pages: list[CaseEvent] = []
        while page := stream.list(
            who, after=pages[-1].entry.seq if pages else 0, limit=sizes[len(pages) % len(sizes)]
        ):
            pages += page
        assert tuple(pages) == stream.list(who)


def test_hidden_events_do_not_end_the_stream_early(room: ReviewRoom) -> None:
    with room.database.transaction(TENANT) as tx:
        for number in range(120):
            open_case(tx, replace(a_hold(f"video_{number}"), quarantined=True), actor="policy")
    last = room.open_case("open")
    (event,) = CaseEvents(room.database).list(ADA, limit=1)
    assert event.entry.case.id == last.id


@pytest.mark.both_databases
def test_an_entry_that_was_added_first_and_committed_last_comes_after_the_last_event_read(
    room: ReviewRoom, database_url: str
) -> None:
    if room.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time.")
    stream = CaseEvents(room.database)
    added, commit = threading.Event(), threading.Event()

    def open_slowly() -> None:
        with closing(Database(database_url)) as own, own.transaction(TENANT) as tx:
            open_case(tx, a_hold("video_slow"), actor="policy")
            added.set()
            assert commit.wait(30)

    slow = threading.Thread(target=open_slowly)
    slow.start()
    assert added.wait(30)
    quick = room.open_case("quick")
    (first,) = stream.list(ADA)
    assert first.entry.case.id == quick.id
    commit.set()
    slow.join()
    (late,) = stream.list(ADA, after=first.entry.seq)
    assert late.entry.case.video_id == "video_slow"


def test_a_reader_gets_every_event_of_two_writers_once(room: ReviewRoom, database_url: str) -> None:
    def write(name: str) -> None:
        with closing(Database(database_url)) as own:
            for number in range(20):
                with own.transaction(TENANT) as tx:
                    open_case(tx, a_hold(f"video_{name}_{number}"), actor="policy")

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    stream, found = CaseEvents(room.database), list[CaseEvent]()
    while any(writer.is_alive() for writer in writers) or len(found) < 40:
        found += stream.list(ADA, after=found[-1].entry.seq if found else 0, limit=3)
    videos = [event.entry.case.video_id for event in found]
    assert sorted(videos) == sorted(f"video_{name}_{number}" for name in "ab" for number in range(20))
