"""The state and the pseudonyms in the stream of case events depend on nothing that happens later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.case_events import CaseEntry, event_object, follow
from safelight.cases.plain_messages import without_identity
from safelight.cases.reviews.ozone import (
    DECISION_TYPES,
    TYPE_OF_ACTION,
    ModerationEventType,
    ReviewState,
    read_action,
)
from safelight.policy.findings import Stage
from safelight.store.tables import CASE_EVENTS
from safelight.videos.case_rows import Case, CaseKind, CaseState, DecisionAction
from support.rows import each_row

STAFF = ("Zephyrine Hollowbrook", "user_ignatius")


def a_case(number: int, kind: CaseKind = CaseKind.REPORT) -> Case:
    return Case(
        id=f"case_{number}",
        tenant="acme",
        video_id=f"video_{number}",
        kind=kind,
        stage=Stage.DELIVERY,
        category="violence",
        rule="vi-1",
        reason="Reported: rude",
        state=CaseState.OPEN,
        quarantined=False,
        opened_at=0.0,
        due_at=900.0,
        closed_at=None,
    )


def an_entry(seq: int, event: str, *, case: int = 0, actor: str = STAFF[0], **content: Any) -> CaseEntry:
    return CaseEntry(seq=seq, at=float(seq), event=event, actor=actor, content=content, case=a_case(case))


HISTORIES = st.lists(
    st.tuples(st.sampled_from(CASE_EVENTS), st.integers(0, 2), st.sampled_from(STAFF)), max_size=30
).map(lambda rows: [an_entry(n, event, case=case, actor=who) for n, (event, case, who) in enumerate(rows)])


@given(HISTORIES, st.integers(0, 30))
def test_an_event_is_the_same_whatever_happens_later(entries: list[CaseEntry], count: int) -> None:
    assert follow(entries)[:count] == follow(entries[:count])


@given(HISTORIES)
def test_each_event_has_a_type_and_no_name_of_staff(entries: list[CaseEntry]) -> None:
    for event in follow(entries):
        written = event_object(event)
        assert written["event"]["$type"].startswith(("tools.ozone.moderation.defs#modEvent", "safelight."))
        assert not [name for name in STAFF if name in str(written)]


@given(HISTORIES)
def test_two_people_of_a_case_have_different_pseudonyms(entries: list[CaseEntry]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for event in follow(entries):
        if event.created_by.startswith("reviewer-"):
            key = (event.entry.case.id, event.created_by)
            assert seen.setdefault(key, event.entry.actor) == event.entry.actor


def test_a_case_that_was_escalated_stays_so_until_it_is_closed() -> None:
    events = ("case.opened", "case.escalated", "report.received", "case.decided", "case.undone", "case.keep")
    states = [one.review_state for one in follow(an_entry(seq, name) for seq, name in enumerate(events))]
    escalated = [ReviewState.ESCALATED] * 4
    assert states == [ReviewState.OPEN, *escalated, ReviewState.CLOSED]


def test_the_roles_of_people_are_shown_with_their_number() -> None:
    entries = [
        an_entry(1, "case.opened", actor="visitor"),
        an_entry(2, "case.escalated", role="reviewer"),
        an_entry(3, "case.keep", actor=STAFF[1], role="trust_lead"),
        an_entry(4, "case.keep", role="reviewer"),
    ]
    shown = [one.created_by for one in follow(entries)]
    assert shown == ["reporter", "reviewer-1", "trust_lead-2", "reviewer-1"]


def test_the_cause_of_a_case_is_named_by_its_kind() -> None:
    def opened(kind: CaseKind, actor: str) -> str:
        return follow([replace(an_entry(1, "case.opened", actor=actor), case=a_case(1, kind))])[0].created_by

    assert opened(CaseKind.HOLD, "policy") == "policy"
    assert opened(CaseKind.APPEAL, "user_creator") == "appellant"
    assert opened(CaseKind.REPORT, "key") == "reporter"
    assert opened(CaseKind.REPORT, "notices") == "system"


def test_every_decision_can_be_sent_back_with_the_word_that_it_had_in_the_stream() -> None:
    kinds = {
        **dict.fromkeys((DecisionAction.APPROVE, DecisionAction.REFUSE), CaseKind.HOLD),
        **dict.fromkeys((DecisionAction.KEEP, DecisionAction.WITHDRAW), CaseKind.REPORT),
        **dict.fromkeys((DecisionAction.OVERTURN, DecisionAction.UPHOLD), CaseKind.APPEAL),
    }
    assert set(kinds) == set(TYPE_OF_ACTION)
    for action, word in TYPE_OF_ACTION.items():
        assert read_action(kinds[action], word) == action.value
    others = [(CaseKind.QUALITY, word) for word in DECISION_TYPES]
    others.append((CaseKind.APPEAL, ModerationEventType.TAKEDOWN))
    others.append((CaseKind.HOLD, ModerationEventType.RESOLVE_APPEAL))
    for kind, word in others:
        assert read_action(kind, word) == word, "a word for another kind of case stays as it is"


@each_row
def test_names_and_addresses_of_a_reporter_are_removed_from_the_text(text: str, shown: str) -> None:
    assert without_identity(text, ("j.doe@example.com", "Jane Doe", None, "王小明")) == shown
