"""The audit log of one tenant, for its auditors."""

from __future__ import annotations

from contextlib import suppress

import pytest

from safelight.accounts import KeyScope, Role
from safelight.accounts.tenant_log import READS, TenantLog
from safelight.core.errors import BadInput, Forbidden
from safelight.core.log_filter import LogFilter
from safelight.videos.case_rows import CaseKind
from safelight.videos.case_rows.exposure import OVERRIDDEN
from support.review_room import TENANT, ReviewRoom, reviewer

AUDITOR = reviewer("auditor", None, KeyScope.AUDIT)


def write(room: ReviewRoom, *events: str, tenant: str = TENANT) -> None:
    with room.database.transaction(tenant) as tx:
        for event in events:
            tx.append_audit(event, subject="video_1", actor="ada", content={"secret": "a word"})


def read(room: ReviewRoom, limit: int = 10, **asked: object) -> list[str]:
    log = TenantLog(room.database)
    return [one.event for one in log.read(AUDITOR, LogFilter(**asked), limit=limit).items]  # type: ignore[arg-type]


@pytest.mark.parametrize("event", ["reads", "media.shown", ""])
def test_a_lead_has_the_reads_and_no_other_entry(room: ReviewRoom, event: str) -> None:
    write(room, "case.decided", "media.shown")
    lead, log = reviewer("lead", Role.TRUST_LEAD, KeyScope.POLICY), TenantLog(room.database)
    (one,) = log.read(lead, LogFilter(event=event), limit=9).items
    assert one.event == "media.shown"
    for who, asked in ((lead, "case.decided"), (reviewer("ada"), event)):
        with pytest.raises(Forbidden):
            log.read(who, LogFilter(event=asked), limit=9)


def test_an_auditor_reads_the_own_tenant_newest_first(room: ReviewRoom) -> None:
    write(room, "case.decided", "media.shown", "case.undone")
    write(room, "case.approve", tenant="other")
    assert read(room) == ["case.undone", "media.shown", "case.decided"]
    page = TenantLog(room.database).read(AUDITOR, LogFilter(), limit=2)
    assert (len(page.items), page.has_more) == (2, True)
    assert read(room, before=page.items[-1].seq) == ["case.decided"]
    assert read(room, before=10**30) == read(room)
    assert read(room, before=-(10**30)) == []
    assert read(room, event="reads") == ["media.shown"]
    assert read(room, event="case.undone") == ["case.undone"]
    assert read(room, person="ada", subject="video_1") == read(room)
    assert read(room, person="lin") == read(room, subject="video_2") == []


def test_the_entries_about_a_case_are_also_those_of_its_video(room: ReviewRoom) -> None:
    case = room.open_case("a fight")
    room.reviews.person(reviewer("ada"), case.id)
    assert read(room, subject=case.id) == ["person.read", *read(room, subject=case.video_id)]
    assert read(room, subject=case.video_id)


def test_a_nul_character_finds_nothing_or_is_bad_input(room: ReviewRoom) -> None:
    write(room, "case.decided")
    for field in ("person", "subject", "event"):
        # PostgreSQL stores no such text.
        with suppress(BadInput):
            assert read(room, **{field: "a\0b"}) == []


def test_every_read_without_a_case_is_in_the_list_of_reads(room: ReviewRoom) -> None:
    from safelight.videos.staff_reads import StaffRead

    assert set(READS) == {*(kind.value for kind in StaffRead), "person.read", "case.read", OVERRIDDEN}
    case = room.open_case("a fight")
    room.reviews.person(reviewer("ada"), case.id)
    room.open_case("a fight", kind=CaseKind.QUALITY)
    assert read(room, event="reads") == ["person.read"]
