"""The filters, the search and the counts of the queue."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.accounts import KeyScope, Role
from safelight.cases.inputs import CaseFilter
from safelight.core.errors import InvalidField
from safelight.store.tables import notices, quality_cases, reports
from safelight.videos.case_rows import Case, CaseKind, CaseState
from support.review_room import TENANT, ReviewRoom, reviewer

ADA = reviewer("ada", None, KeyScope.REVIEW, KeyScope.VIDEOS_READ)
LIN = reviewer("lin")


def found(room: ReviewRoom, who: Any = ADA, **asked: Any) -> list[str]:
    return [case.id for case in room.reviews.list(who, CaseFilter(**asked)).items]


@pytest.fixture
def queue(room: ReviewRoom) -> dict[str, Case]:
    """A hold, a report in the lane of intimate pictures, an appeal, and a quality review."""
    opened = {
        "hold": room.open_case("a fight on a stage"),
        "report": room.open_case(
            "",
            kind=CaseKind.REPORT,
            category="ncii",
            video_id=room.add_video("一名男子在街上走路", requested_by="user_grace", end_user="end-7"),
        ),
        "appeal": room.open_case("a quiet lake", kind=CaseKind.APPEAL, category="hate"),
    }
    report = {"id": "report_1", "case_id": opened["report"].id, "video_id": opened["report"].video_id}
    with room.database.transaction(TENANT) as tx:
        tx.insert(
            reports,
            **report,
            reason="rude",
            note="",
            reporter_kind="key",
            reporter="key:key_9/end-8",
            created_at=tx.now(),
        )
        tx.insert(
            notices,
            **report,
            lane="intimate_imagery",
            reporter="key:key_9/end-8",
            created_at=tx.now(),
            due_at=tx.now() + 60,
        )
    quality = room.open_case(
        "", kind=CaseKind.QUALITY, category="hate", video_id=room.add_video("a bus", requested_by="key_5")
    )
    with room.database.transaction(TENANT) as tx:
        tx.insert(
            quality_cases,
            case_id=quality.id,
            purpose="sample",
            opened_for=quality.id,
            source="draw_1",
            opened_at=tx.now(),
        )
    return opened | {"quality": quality}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["hold", "report", "appeal", "quality"]),
        ({"kind": "quality"}, ["quality"]),
        ({"search": "a bus"}, ["quality"]),
        ({"kind": "report"}, ["report"]),
        ({"category": "hate"}, ["appeal"]),
        ({"language": "zh-Hans"}, ["report"]),
        ({"lane": "intimate_imagery"}, ["report"]),
        ({"lane": "ordinary"}, []),
        ({"search": "FIGHT on"}, ["hold"]),
        ({"search": "街上"}, ["report"]),
        ({"search": "user_grace"}, ["report"]),
        ({"search": "end-7"}, ["report"]),
        # The person who reported it.
        ({"search": "end-8"}, ["report"]),
        ({"search": "key:key_9/end-8"}, ["report"]),
        # Not a pattern.
        ({"search": "%"}, []),
        ({"search": "fight", "kind": "appeal"}, []),
    ],
)
def test_cases_are_filtered_and_searched(
    room: ReviewRoom, queue: dict[str, Case], asked: dict[str, str], names: list[str]
) -> None:
    assert sorted(found(room, **asked)) == sorted(queue[name].id for name in names)


def test_ids_are_found_and_prompts_only_by_those_who_may_read_them(
    room: ReviewRoom, queue: dict[str, Case]
) -> None:
    hold = queue["hold"]
    assert found(room, search=hold.id) == found(room, search=f" {hold.video_id} ") == [hold.id]
    assert found(room, LIN, search="fight") == []
    assert found(room, LIN, search=hold.id) == [hold.id]
    for lock in ("quarantined", "vaulted"):
        room.change_video(hold.video_id, **{lock: True})
        assert found(room, search="fight") == []


def test_a_person_is_found_by_name_and_mail_with_their_keys(room: ReviewRoom) -> None:
    person = reviewer("grace", Role.SENIOR_REVIEWER)
    room.enroll(person)
    case = room.open_case("", video_id=room.add_video("a boat", requested_by="grace"))
    assert found(room, search=person.name) == [case.id]


def test_what_is_hidden_of_a_quality_review_cannot_be_searched_for(
    room: ReviewRoom, queue: dict[str, Case]
) -> None:
    quality = queue["quality"]
    assert quality.id in found(room)
    for asked in ({"category": "hate"}, {"search": "key_5"}, {"search": quality.video_id}):
        assert quality.id not in found(room, **asked)


def test_cases_are_filtered_by_the_reviewer_who_has_them(room: ReviewRoom, queue: dict[str, Case]) -> None:
    taken, other = room.take(ADA).id, room.take(LIN).id
    assert found(room, holder="own") == [taken]
    assert found(room, holder="other") == [other]
    assert {taken, other}.isdisjoint(found(room, holder="none"))
    room.clock.now += 200
    assert (found(room, holder="own"), len(found(room, holder="none"))) == ([], 4)


@pytest.mark.parametrize("field", ["kind", "lane", "holder", "search"])
def test_a_filter_that_is_none_is_refused(room: ReviewRoom, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        found(room, **{field: "x" * 201})
    assert refused.value.param == field


def test_open_cases_are_counted_by_kind_with_those_that_are_late(
    room: ReviewRoom, queue: dict[str, Case]
) -> None:
    start = room.clock.now
    room.clock.now += 100
    room.open_case("another fight", due_s=10)
    room.clock.now += 50
    counted = [
        (one.kind.value, one.number, one.late, one.oldest_at) for one in room.reviews.count_by_kind(ADA)
    ]
    assert counted == [
        ("hold", 2, 1, start),
        ("report", 1, 0, start),
        ("appeal", 1, 0, start),
        ("quality", 1, 0, start),
    ]


def test_the_list_of_closed_cases_reads_no_open_ones(room: ReviewRoom, queue: dict[str, Case]) -> None:
    room.decide(ADA, queue["hold"])
    page = room.reviews.list(ADA, state=None, closed=True, limit=1)
    assert ([case.id for case in page.items], page.has_more) == ([queue["hold"].id], False)
    assert page.items[0].state is CaseState.DECIDED
