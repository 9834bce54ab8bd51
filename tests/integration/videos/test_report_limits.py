"""Limits of reports and appeals: for each reporter, and for an API key with all its end users."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from safelight.accounts import Principal, PrincipalKind
from safelight.accounts.reporter import Reporter
from safelight.cases.appeals import NewAppeal
from safelight.cases.reports import NewReport, Receipt, hidings, notice_store
from safelight.core.errors import RateLimited
from safelight.store.tables import check_usage, notices, statements, video_hidings
from safelight.videos.models import Video
from support.concurrency import run_together

from .conftest import Furnish, House
from .test_decisions import decide, delivered, only_case
from .test_notices import HOUR_S, intimate, notify


@pytest.fixture
def limited(furnish: Furnish) -> House:
    """Two reports an hour of one reporter, five of one key."""
    house = furnish(limits={"reports_per_hour": 2, "key_reports_per_hour": 5})
    house.waive()
    return house


def key(house: House, number: int = 1) -> Principal:
    return replace(house.who, kind=PrincipalKind.KEY, id=f"key_{number}")


def send(house: House, who: Principal, video: Video, end_user: str | None = None, **fields: str) -> Receipt:
    new = NewReport(video_id=video.id, reason="other", end_user=end_user, **fields)  # type: ignore[arg-type]
    return house.container.correspondence.reports.add(who, new)


def test_an_end_user_has_a_limit_that_no_other_source_with_the_same_name_uses_up(limited: House) -> None:
    video = delivered(limited)
    for _ in range(2):
        send(limited, key(limited), video, "anna")
    with pytest.raises(RateLimited, match="This end user sent 2 reports") as caught:
        send(limited, key(limited), video, "anna")
    assert 0 < (caught.value.retry_after_s or 0) <= HOUR_S + 60
    send(limited, key(limited, 2), video, "anna")
    send(limited, replace(limited.who, id="anna"), video)
    send(limited, key(limited), video, "key_1")
    send(limited, key(limited), video)
    with limited.read_transaction() as tx:
        assert Counter(row.reporter for row in tx.select(notices)) == {
            "key:key_1/anna": 2,
            "key:key_2/anna": 1,
            "person:anna": 1,
            "key:key_1/key_1": 1,
            "key:key_1": 1,
        }


def test_a_key_that_invents_end_users_reaches_its_own_limit_and_other_keys_do_not(limited: House) -> None:
    video = delivered(limited)
    for number in range(5):
        send(limited, key(limited), video, f"user {number}", idempotency_key=f"form {number}")
    with pytest.raises(RateLimited, match="This API key and its end users sent 5"):
        send(limited, key(limited), video, "user 5")
    send(limited, key(limited), video, "user 4", idempotency_key="form 4")
    send(limited, key(limited, 2), video, "user 5")


def test_a_person_gets_no_further_reports_by_naming_end_users(limited: House) -> None:
    video = delivered(limited)
    for number in range(2):
        send(limited, limited.who, video, f"user {number}")
    with pytest.raises(RateLimited):
        send(limited, limited.who, video, "user 2")


def test_a_large_platform_is_not_stopped_by_honest_reports_of_its_users(house: House) -> None:
    video = delivered(house)
    for number in range(70):
        send(house, key(house), video, f"user {number}")


@pytest.mark.both_databases
def test_concurrent_reports_of_a_key_never_exceed_its_limit(limited: House) -> None:
    video, who = delivered(limited), key(limited)
    answers = run_together([partial(send, limited, who, video, f"user {number}") for number in range(12)])
    assert Counter(type(answer) for answer in answers) == {Receipt: 5, RateLimited: 7}


def test_the_accuracy_of_an_end_user_is_not_that_of_the_same_name_elsewhere(house: House) -> None:
    video = delivered(house)
    first = send(house, key(house), video, "anna")
    send(house, key(house, 2), video, "anna")
    database, tenant = house.database, house.who.tenant
    with database.transaction(tenant) as tx:
        tx.update(notices, notices.c.id == first.status.notice.id, outcome="kept")
    with database.read_transaction(tenant) as tx:
        decided = [
            notice_store.count_upheld(tx, Reporter.of(key(house, number), "anna").name, newest=20)
            for number in (1, 2)
        ]
    assert decided == [(1, 0), (0, 0)]


def test_invented_end_users_of_a_key_cannot_hide_a_whole_platform(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidings, "MAX_HIDINGS_OF_CROWD", 2)
    database, tenant = house.database, house.who.tenant
    videos = [house.make(f"a lake {number}") for number in range(3)]
    reports = house.container.correspondence.reports
    for number, video in enumerate(videos):
        reports.add(key(house), intimate(location=video.id, end_user=f"user {number}"))
    with database.read_transaction(tenant) as tx:
        assert {row.video_id for row in tx.select(video_hidings)} == {one.id for one in videos[:2]}
    reports.add(key(house, 2), intimate(location=videos[2].id, end_user="user 2"))
    with database.read_transaction(tenant) as tx:
        assert tx.count(video_hidings) == 3


def test_a_visitor_with_many_networks_cannot_hide_a_whole_platform(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidings, "MAX_HIDINGS_OF_CROWD", 2)
    videos = [house.make(f"a lake {number}") for number in range(3)]
    networks = [f"2001:db8:0:{number}::1" for number in range(3)]
    for video, network in zip(videos, networks, strict=True):
        notify(house, video, network=network)
    with house.read_transaction() as tx:
        assert {row.video_id for row in tx.select(video_hidings)} == {one.id for one in videos[:2]}
        urgent = tx.select(notices, notices.c.video_id == videos[2].id)
        assert [row.unattended_at is None for row in urgent] == [False], "the notice keeps its clock"
    house.container.correspondence.reports.add(key(house), intimate(location=videos[2].id, end_user="anna"))
    with house.read_transaction() as tx:
        assert tx.count(video_hidings) == 3


def test_reports_of_a_key_stop_no_appeal_and_no_notice_that_comes_first(limited: House) -> None:
    video = delivered(limited)
    send(limited, key(limited), video, "anna")
    decide(limited, only_case(limited), "keep")
    with limited.read_transaction() as tx:
        (answer,) = tx.select(statements, statements.c.end_user == "anna")
    for number in range(4):
        send(limited, key(limited), video, f"user {number}")
    with pytest.raises(RateLimited):
        send(limited, key(limited), video, "user 4")
    reports, appeals = limited.container.correspondence.reports, limited.appeals
    for number in range(5):
        reports.add(key(limited), intimate(location=video.id, end_user=f"person {number}"))
    with pytest.raises(RateLimited, match="sent 5 urgent reports"):
        reports.add(key(limited), intimate(location=video.id, end_user="person 5"))
    appeals.send(key(limited), NewAppeal(statement_id=answer.id, end_user="anna", text="It shows me."))


def test_a_reporter_with_an_upheld_notice_does_not_use_up_the_hidings_of_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidings, "MAX_HIDINGS_OF_CROWD", 2)
    first = house.make()
    house.container.correspondence.reports.add(key(house), intimate(location=first.id, end_user="anna"))
    with house.transaction() as tx:
        hidings.end_hiding(tx, first.id, notice_id=tx.select(notices)[0].id, upheld=True)
        anna, bert, carl = (Reporter.of(key(house), name) for name in ("anna", "bert", "carl"))
        for number in range(2):
            assert hidings.may_hide(tx, anna)
            hidings.hide(tx, f"video_{number}", notice_id=f"report_{number}", reporter=anna.name)
        assert not hidings.may_hide(tx, anna), "proven reporters have a limit too"
        for number in range(2):
            assert hidings.may_hide(tx, bert)
            hidings.hide(tx, f"video_{number}", notice_id=f"report_b{number}", reporter=bert.name)
        assert not hidings.may_hide(tx, carl)


def test_all_counts_are_deleted_after_an_hour(house: House) -> None:
    database = house.database
    notify(house, delivered(house))
    send(house, key(house), delivered(house), "anna")

    def counted() -> set[str]:
        with database.across_tenants("a test", readonly=True) as tx:
            return {row.subject for row in tx.select(check_usage) if row.subject.startswith("reports")}

    before = counted()
    assert len(before) == 3
    house.container.correspondence.reports.erase_old_reporters()
    assert counted() == before
    later = database.clock() + 2 * HOUR_S
    database.clock = lambda: later
    send(house, key(house), delivered(house), "bert")
    house.container.correspondence.reports.erase_old_reporters()
    assert counted() == {"reports-of:reports:key:key_1", "reports:key:key_1/bert"}
