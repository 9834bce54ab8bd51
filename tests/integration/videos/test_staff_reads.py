"""What staff open of other people on the ordinary routes is on the record, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from safelight.accounts import ROLES, KeyScope, Principal, Role
from safelight.accounts.audit import read_entries
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reports import NewReport
from safelight.core.errors import Forbidden
from safelight.store.tables import audit_log
from safelight.videos.case_rows.exposure import MAX_VIEW_S, MIN_VIEW_S
from safelight.videos.case_rows.models import SHIFT_S
from safelight.videos.models import VideoFilter
from safelight.videos.staff_reads import StaffRead

from .conftest import Furnish, House
from .test_appeals import held_output
from .test_decisions import delivered, only_case
from .test_quarantine import browser, enrol
from .test_standing import Clock, clock, person
from .test_standing_story import Api, key_for

__all__ = ["clock"]


def entries(house: House, who: Principal) -> list[tuple[str, str]]:
    with house.read_transaction() as tx:
        of = audit_log.c
        kinds = [kind.value for kind in StaffRead]
        rows = tx.select(audit_log, of.event.in_(kinds), of.actor == who.id, order_by=(of.seq,))
    return [(row.event, row.subject) for row in rows]


def test_staff_who_open_the_video_of_another_person_leave_one_entry_for_each_kind(
    house: House, clock: Clock
) -> None:
    video, lead = delivered(house), person(house, "lea", Role.TRUST_LEAD)
    for _ in range(3):
        house.videos.get(lead, video.id)
        house.videos.record(lead, video.id)
        house.videos.list(lead, after=None, limit=10, order="desc")
        house.videos.find(lead, VideoFilter(), after=None, limit=10)
        house.videos.content(lead, video.id, "thumbnail")
        house.videos.content(lead, video.id, "video")
    once = [(kind.value, video.id) for kind in StaffRead]
    assert entries(house, lead) == once
    clock.now += SHIFT_S + 1
    house.videos.get(lead, video.id)
    assert entries(house, lead) == [*once, once[0]]


def test_a_list_of_prompts_leaves_an_entry_for_each_video_of_another_person(house: House) -> None:
    videos, lead = [house.order("a lake"), house.order("a hill")], person(house, "lea", Role.TRUST_LEAD)
    house.videos.find(lead, VideoFilter(), after=None, limit=10)
    assert sorted(entries(house, lead)) == sorted((StaffRead.PROMPT.value, video.id) for video in videos)


def test_the_own_videos_those_of_own_keys_and_readers_who_are_no_staff_leave_none(house: House) -> None:
    maker, creator = person(house, "olga", Role.OWNER), person(house, "carl", Role.CREATOR)
    accounts, who = house.accounts, house.who
    key, _ = accounts.create_key(who.tenant, "app", by=maker.id)
    found = accounts.find_key(who.tenant, key.id)
    assert found is not None
    house.who = found
    video = delivered(house)
    for reader in (maker, creator, found):
        house.videos.record(reader, video.id)
        house.videos.content(reader, video.id, "video")
        assert entries(house, reader) == []


def test_a_video_of_another_person_uses_the_exposure_budget_each_time_it_is_watched(
    furnish: Furnish, clock: Clock
) -> None:
    house = furnish(review={"exposure_budget": 12.0})
    house.waive()
    first, second = delivered(house), delivered(house)
    ada, exposure = person(house, "ada", Role.REVIEWER), house.container.case_reads.exposure
    assert 2 * first.seconds + MIN_VIEW_S < 12 <= 2 * first.seconds + MIN_VIEW_S + second.seconds
    house.videos.content(ada, first.id, "video")
    # A player fetches a file in parts.
    house.videos.content(ada, first.id, "video")
    assert exposure.read(ada).used == first.seconds
    clock.now += MAX_VIEW_S + 1
    house.videos.content(ada, first.id, "video")
    assert exposure.read(ada).used == 2 * first.seconds
    for _ in range(2):
        house.videos.content(ada, first.id, "thumbnail")
        clock.now += MAX_VIEW_S + 1
    assert exposure.read(ada).used == 2 * first.seconds + MIN_VIEW_S
    assert house.videos.content(ada, second.id, "video").size > 0
    with pytest.raises(Forbidden, match="budget"):
        house.videos.content(ada, second.id, "thumbnail")
    # What was opened before the budget was used up goes on, and so does what has no pictures.
    house.videos.content(ada, second.id, "video")
    assert house.videos.get(ada, first.id).id == first.id


def test_the_prompts_in_lists_of_attempts_leave_an_entry(house: House) -> None:
    video = delivered(house)
    tenant, persistence = house.who.tenant, house.container.persistence
    _, token = persistence.accounts.create_key(tenant, "lead", scopes=ROLES[Role.TRUST_LEAD].scopes)
    lead = persistence.accounts.authenticate(token)
    with TestClient(house.app) as client:
        api = Api(client, token)
        api("GET", "/v1/safelight/attempts/patterns")
        assert entries(house, lead) == []
        (attempt,) = api("GET", "/v1/safelight/attempts")["data"]
        assert attempt["prompt"] == video.prompt
        assert entries(house, lead) == [(StaffRead.PROMPT.value, video.id)]
        api("GET", f"/v1/safelight/attempts/{attempt['id']}")
        own = Api(client, key_for(house, *ROLES[Role.CREATOR].scopes))
        own("GET", "/v1/safelight/attempts")
    assert entries(house, lead) == [(StaffRead.PROMPT.value, video.id)]
    with persistence.database.read_transaction(tenant) as tx:
        assert tx.count(audit_log, audit_log.c.event == StaffRead.PROMPT.value) == 1


def test_a_reviewer_who_opens_a_case_that_another_one_has_reads_without_a_case(furnish: Furnish) -> None:
    house = furnish()
    video, ada, bo = (
        held_output(house),
        enrol(house, "ada", Role.REVIEWER),
        enrol(house, "bo", Role.REVIEWER),
    )
    case = only_case(house)
    for reader in (ada, bo):
        # Ada opens a case that no reviewer has, and the script of its page takes it.
        with browser(house, reader) as client:
            assert video.prompt in client.get(f"/review/{case.id}").text
            assert client.post(f"/review/{case.id}/lease").status_code == (204 if reader is ada else 409)
            assert video.prompt in client.get(f"/review/{case.id}").text
    assert entries(house, ada) == []
    assert entries(house, bo) == [(StaffRead.PROMPT.value, video.id)]


def test_who_decides_about_an_appeal_does_not_read_who_decided_first(furnish: Furnish) -> None:
    house = furnish()
    video, ada, bo = (
        held_output(house),
        enrol(house, "ada", Role.REVIEWER),
        enrol(house, "bo", Role.REVIEWER),
    )
    wanted = DecisionRequest(action="refuse", reason="Looked at it.", **house.ground())
    house.reviews.decide(ada, only_case(house).id, wanted)
    house.appeals.add(house.who, video.id, text="It is a film.")
    appeal = only_case(house)
    paths = (
        f"/videos/{video.id}",
        f"/v1/videos/{video.id}/record",
        f"/review/{appeal.id}",
        f"/v1/reviews/{appeal.id}",
    )
    with browser(house, bo) as client:
        assert not [path for path in paths if ada.id in client.get(path).text]
        house.reviews.decide(bo, appeal.id, replace(wanted, action="uphold"))
        assert ada.id in client.get(f"/videos/{video.id}").text


def test_an_auditor_reads_no_prompt_and_no_media_and_sees_the_policy_and_the_events(house: House) -> None:
    video = delivered(house)
    with TestClient(house.app) as client:
        auditor = Api(client, key_for(house, *ROLES[Role.AUDITOR].scopes))
        for path in ("", f"/{video.id}", f"/{video.id}/content", f"/{video.id}/record"):
            auditor("GET", f"/v1/videos{path}", expect=403)
        auditor("GET", "/v1/coverage")
        auditor("GET", "/v1/safelight/statements", expect=403)
    assert not ROLES[Role.AUDITOR].scopes & {KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE}


def test_the_audit_log_is_read_by_case_person_and_event(house: House) -> None:
    video, lead = delivered(house), person(house, "lea", Role.TRUST_LEAD)
    house.videos.get(lead, video.id)
    receipt = house.container.correspondence.reports.add(
        house.who, NewReport(video_id=video.id, reason="other")
    )
    assert receipt.report is not None
    case = receipt.report.case_id or ""
    database = house.database

    def events(**conditions: Any) -> list[str]:
        return [entry.event for entry in read_entries(database, **conditions)]

    assert events(case=case) == ["case.opened", "report.received"]
    assert events(case=case, limit=1, newest=True) == ["report.received"]
    assert events(case=case, event="case.opened") == ["case.opened"]
    assert events(person="lea") == [StaffRead.PROMPT.value]
    assert events(person="lea", case=case) == []
