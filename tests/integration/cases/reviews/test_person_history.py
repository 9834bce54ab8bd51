"""What a reviewer reads about the person who requested the video of a case."""

from __future__ import annotations

import pytest

from safelight.accounts import KeyScope
from safelight.accounts.statements import (
    DecisionGround,
    GroundBasis,
    NewStatement,
    StatementKind,
    StatementSource,
    record_statement,
)
from safelight.cases.reviews.person_history import MAX_OF_KIND, EntryKind, PersonHistory
from safelight.core.errors import NotFound
from safelight.store.tables import appeals, audit_log, reports, strikes
from safelight.videos.case_rows import Case, CaseKind
from support.review_room import TENANT, ReviewRoom, reviewer

ADA = reviewer("ada", None, KeyScope.REVIEW, KeyScope.VIDEOS_READ)
LIN = reviewer("lin")
OFFICER = reviewer("officer", None, KeyScope.REVIEW, KeyScope.VAULT, KeyScope.VIDEOS_READ)


def history(room: ReviewRoom, case: Case) -> PersonHistory:
    return room.reviews.person(ADA, case.id)


def kinds(found: PersonHistory) -> list[str]:
    return sorted(one.kind.value for one in found.entries)


def report(room: ReviewRoom, name: str, video: str, reporter: str, reason: str = "rude") -> None:
    with room.database.transaction(TENANT) as tx:
        tx.insert(
            reports,
            id=name,
            video_id=video,
            case_id="case_of_report",
            reason=reason,
            note="",
            reporter_kind="key",
            reporter=reporter,
            created_at=tx.now(),
        )


def test_one_list_has_what_is_on_record_about_the_person_and_nothing_of_others(room: ReviewRoom) -> None:
    video = room.add_video("a fight on a stage", requested_by="key_1", end_user="end-7")
    other = room.add_video("a boat", requested_by="key_1", end_user="end-8")
    case = room.open_case("", video_id=video)
    room.open_case("", video_id=other)
    report(room, "report_1", other, "key:key_1/end-7")
    report(room, "report_2", video, "visitor:abc")
    report(room, "report_3", other, "key:key_1/end-9")
    # An appeal is stored as a report too.
    report(room, "appeal_1", video, "key:key_1/end-7", reason="appeal")
    with room.database.transaction(TENANT) as tx:
        for subject, of in (("end_user:end-7", video), ("end_user:end-8", other)):
            tx.insert(
                strikes,
                id=f"strike_{of}",
                subject=subject,
                video_id=of,
                category="violence",
                learned=False,
                severity=4,
                weight=1,
                given_by="policy",
                given_at=tx.now(),
                expires_at=tx.now() + 60,
            )
        tx.insert(
            appeals,
            id="appeal_1",
            statement_id="statement_1",
            video_id=video,
            case_id="case_9",
            account="key_1",
            end_user="end-7",
            request_sha256="0" * 64,
            created_at=tx.now(),
        )
    room.clock.now += 30
    found = history(room, case)
    assert (found.account, found.end_user, found.is_cut) == ("key_1", "end-7", False)
    assert kinds(found) == ["appeal", "case", "report_sent", "reported", "strike", "video"]
    assert [one.prompt for one in found.entries if one.kind is EntryKind.VIDEO] == ["a fight on a stage"]
    # The words of a reporter are in the case.
    assert [one.what for one in found.entries if one.kind is EntryKind.REPORTED] == ["other"]
    assert [one.is_over for one in found.entries if one.kind is EntryKind.STRIKE] == [False]
    room.clock.now += 60
    assert [one.is_over for one in history(room, case).entries if one.kind is EntryKind.STRIKE] == [True]
    read = room.stored(audit_log, audit_log.c.event == "person.read")
    # Not in the log of the video, which the person may read.
    assert [(row.subject, row.actor) for row in read] == [(case.id, "ada")] * 2


def test_prompts_and_quarantined_videos_are_for_those_who_may_see_them(room: ReviewRoom) -> None:
    case = room.open_case("", video_id=room.add_video("a fight", requested_by="key_1"))
    hidden = room.add_video("a secret", requested_by="key_1", quarantined=True)
    room.add_video("a vaulted scene", requested_by="key_1", vaulted=True)
    told = NewStatement(
        kind=StatementKind.BLOCKED,
        source=StatementSource.POLICY,
        ground=DecisionGround(basis=GroundBasis.WITHHELD),
        automated_detection=True,
        automated_decision=True,
        account="key_1",
        video_id=hidden,
    )
    with room.database.transaction(TENANT) as tx:
        record_statement(tx, told)
    seen = {who.id: room.reviews.person(who, case.id).entries for who in (ADA, LIN, OFFICER)}
    assert {one.prompt for one in seen["lin"]} == {""}
    assert {one.prompt for one in seen["ada"]} == {"", "a fight"}
    assert hidden not in [one.video_id for one in seen["ada"]]
    assert {one.prompt for one in seen["officer"]} == {"", "a fight", "a secret"}
    assert "vaulted" in [one.what for one in seen["ada"]]


def test_the_list_is_cut_and_says_so(room: ReviewRoom) -> None:
    case = room.open_case("", video_id=room.add_video("a fight", requested_by="key_1"))
    for _ in range(MAX_OF_KIND):
        room.add_video("a lake", requested_by="key_1")
    found = history(room, case)
    assert (found.is_cut, kinds(found).count("video")) == (True, MAX_OF_KIND)


def test_a_quality_review_leads_to_no_person(room: ReviewRoom) -> None:
    case = room.open_case("a fight", kind=CaseKind.QUALITY)
    with pytest.raises(NotFound):
        history(room, case)
    assert room.stored(audit_log, audit_log.c.event == "person.read") == []
