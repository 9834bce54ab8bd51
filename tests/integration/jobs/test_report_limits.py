"""Limits of reports and appeals: for each reporter, and for an API key with all its end users."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from safelight.errors import RateLimited
from safelight.jobs.models import Video
from safelight.store.tables import check_usage, notices, video_hidings
from safelight.trust.accounts import Principal, PrincipalKind
from safelight.trust.accounts.reporter import Reporter
from safelight.trust.reports import NewReport, Receipt, hidings, notice_store
from safelight.trust.reports.limits import forget_visitors

from .conftest import House
from .test_decisions import delivered
from .test_notices import HOUR_S, intimate, notify


@pytest.fixture
def limited(furnish: Callable[..., House]) -> House:
    """Two reports an hour of one reporter, five of one key."""
    house = furnish(limits={"reports_per_hour": 2, "key_reports_per_hour": 5})
    house.waive()
    return house


def key(house: House, number: int = 1) -> Principal:
    return replace(house.who, kind=PrincipalKind.KEY, id=f"key_{number}")


def send(house: House, who: Principal, video: Video, end_user: str | None = None, **fields: str) -> Receipt:
    new = NewReport(video_id=video.id, reason="other", end_user=end_user, **fields)  # type: ignore[arg-type]
    return house.container.review.reports.add(who, new)


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
    with limited.container.persistence.database.read_transaction(limited.who.tenant) as tx:
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


def test_concurrent_reports_of_a_key_never_exceed_its_limit(limited: House) -> None:
    video, results = delivered(limited), Counter[str]()
    ready = threading.Barrier(4)

    def report(thread: int) -> None:
        ready.wait()
        for number in range(3):
            try:
                send(limited, key(limited), video, f"user {thread} {number}")
                results["sent"] += 1
            except RateLimited:
                results["refused"] += 1

    threads = [threading.Thread(target=report, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {"sent": 5, "refused": 7}


def test_the_accuracy_of_an_end_user_is_not_that_of_the_same_name_elsewhere(house: House) -> None:
    video = delivered(house)
    first = send(house, key(house), video, "anna")
    send(house, key(house, 2), video, "anna")
    database, tenant = house.container.persistence.database, house.who.tenant
    with database.transaction(tenant) as tx:
        tx.update(notices, notices.c.notice_id == first.status.id, outcome="kept")
    with database.read_transaction(tenant) as tx:
        decided = [
            notice_store.count_upheld(tx, Reporter.of(key(house, number), "anna").name, newest=20)
            for number in (1, 2)
        ]
    assert decided == [(1, 0), (0, 0)]


def test_invented_end_users_of_a_key_cannot_hide_a_whole_platform(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidings, "MAX_HIDINGS_OF_SOURCE", 2)
    database, tenant = house.container.persistence.database, house.who.tenant
    videos = [house.carry(house.order(f"a lake {number}")) for number in range(3)]
    reports = house.container.review.reports
    for number, video in enumerate(videos):
        reports.add(key(house), intimate(location=video.id, end_user=f"user {number}"))
    with database.read_transaction(tenant) as tx:
        assert {row.video_id for row in tx.select(video_hidings)} == {one.id for one in videos[:2]}
    reports.add(key(house, 2), intimate(location=videos[2].id, end_user="user 2"))
    with database.read_transaction(tenant) as tx:
        assert tx.count(video_hidings) == 3


def test_the_count_of_a_network_address_is_deleted_after_an_hour(house: House) -> None:
    database = house.container.persistence.database
    notify(house, delivered(house))
    send(house, key(house), delivered(house), "anna")

    def counted() -> set[str]:
        with database.across_tenants("a test", readonly=True) as tx:
            return {row.subject for row in tx.select(check_usage) if row.subject.startswith("reports")}

    def forget() -> None:
        with database.across_tenants("a test") as tx:
            forget_visitors(tx)

    before = counted()
    forget()
    assert counted() == before
    later = database.clock() + 2 * HOUR_S
    database.clock = lambda: later
    forget()
    assert {one for one in before if "visitor" in one} == before - counted()
    assert len(before) == 3
