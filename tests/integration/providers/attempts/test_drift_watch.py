"""Drift watch on both databases: from new attempts to one audit entry and one event of each drift."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import msgspec
import pytest

from safelight.accounts import Accounts
from safelight.core.ids import new_id
from safelight.providers.attempts import drift_history
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.drift import Drift, DriftKind, DriftReport, OutcomeRate
from safelight.providers.attempts.drift_alarms import report_drift
from safelight.providers.attempts.drift_history import DriftHistory
from safelight.providers.attempts.drift_watch import DriftWatch
from safelight.providers.attempts.fields import read_attempt
from safelight.providers.attempts.models import AttemptOrigin
from safelight.store.database import Database
from safelight.store.tables import audit_log, drift_alarms, outbox

HOUR_S = 3600.0


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tenant(database: Database) -> str:
    return Accounts(database).create_tenant("default").id


def watch(database: Database, clock: Clock | None = None) -> DriftWatch:
    clock = clock or Clock()
    return DriftWatch(
        database, DriftHistory(AttemptLog(database)), stopping=threading.Event(), monotonic=clock
    )


def add(database: Database, tenant: str, outcomes: str, *, hours_ago: float) -> None:
    """Reported attempts, one an hour: R is refused by the filter, P is passed."""
    start = database.clock() - hours_ago * HOUR_S
    rows = [
        read_attempt(
            {"time": start + number * HOUR_S, "provider": "runway", "model": "gen4"}
            | ({"error": "SAFETY.OUTPUT.VIDEO"} if one == "R" else {"outcome": "passed", "file_came": True})
        )
        for number, one in enumerate(outcomes)
    ]
    AttemptLog(database).add(tenant, rows, origin=AttemptOrigin.REPORTED, actor="operator")


def events(database: Database, tenant: str) -> list[dict[str, Any]]:
    with database.read_transaction(tenant) as tx:
        rows = tx.select(outbox, outbox.c.topic == "provider.drift")
        entries = tx.select(audit_log, audit_log.c.event == "provider.drift", order_by=(audit_log.c.seq,))
    found = {one["id"]: one for one in (msgspec.json.decode(row.body) for row in rows)}
    assert len(found) == len(rows) == len(entries)
    return [found[entry.subject] for entry in entries]


def test_each_drift_is_reported_once_and_the_next_one_of_its_kind_is_a_new_one(
    database: Database, tenant: str
) -> None:
    clock = Clock()
    made = watch(database, clock)
    add(database, tenant, "P" * 150 + "PR" * 30, hours_ago=320)
    assert made.search_next() == tenant
    (first,) = events(database, tenant)
    assert (first["kind"], first["provider"], first["model"]) == ("refuses_more", "runway", "gen4")
    clock.now += 600
    add(database, tenant, "P" * 60, hours_ago=105)
    add(database, tenant, "PR" * 20, hours_ago=40)
    assert made.search_next() == tenant
    assert [one["kind"] for one in events(database, tenant)] == [
        "refuses_more",
        "refuses_less",
        "refuses_more",
    ]
    # A new process searches the attempts of the last days again.
    assert watch(database).search_next() == tenant
    assert len(events(database, tenant)) == 3
    with database.read_transaction(tenant) as tx:
        assert {row.kind for row in tx.select(drift_alarms)} == {"refuses_more", "refuses_less"}


def test_a_drift_of_long_ago_as_in_an_imported_file_is_not_reported(database: Database, tenant: str) -> None:
    report_drift(database, tenant, found_drift(database.clock() - 15 * 24 * HOUR_S).drifts)
    assert events(database, tenant) == []


def test_a_tenant_is_searched_again_only_after_new_attempts_and_five_minutes(
    database: Database, tenant: str
) -> None:
    clock = Clock()
    now = [database.clock()]
    database.clock = lambda: now[0]
    made = watch(database, clock)
    assert made.search_next() is None
    add(database, tenant, "PPP", hours_ago=3)
    assert made.search_next() == tenant
    clock.now, now[0] = 60.0, now[0] + 60
    assert made.search_next() is None
    clock.now, now[0] = 1_000.0, now[0] + 940
    # The rows can have been committed after the first search.
    assert made.search_next() == tenant
    clock.now, now[0] = 2_000.0, now[0] + 1_000
    assert made.search_next() is None
    add(database, tenant, "R", hours_ago=0)
    assert made.search_next() == tenant


def test_the_end_of_a_video_leads_to_a_search(database: Database, tenant: str) -> None:
    made = watch(database)
    with database.transaction(tenant) as tx:
        tx.publish("video.blocked", subject=new_id("video"), body={})
    assert made.search_next() == tenant


def found_drift(at: float) -> DriftReport:
    drift = Drift(
        provider="runway",
        model="",
        kind=DriftKind.FAILS_MORE,
        since=at - HOUR_S,
        found_at=at,
        until=None,
        before=OutcomeRate(count=0, total=100),
        after=OutcomeRate(count=10, total=20),
    )
    return DriftReport(drifts=(drift,))


@pytest.mark.both_databases
def test_two_gateways_on_one_database_report_a_drift_once(
    database: Database, database_url: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Barrier(2, timeout=30)
    report = found_drift(database.clock())

    def find_drift(_attempts: object) -> DriftReport:
        gate.wait()
        return report

    monkeypatch.setattr(drift_history, "find_drift", find_drift)
    add(database, tenant, "PPP", hours_ago=3)
    with closing(Database(database_url)) as second, ThreadPoolExecutor(2) as threads:
        searches = [threads.submit(watch(one).search_next) for one in (database, second)]
        assert [one.result() for one in searches] == [tenant, tenant]
    assert [one["kind"] for one in events(database, tenant)] == ["fails_more"]


def test_a_failed_search_of_one_tenant_does_not_delay_the_others(
    database: Database, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Accounts(database).create_tenant("other").id
    made = watch(database)
    searched: list[str] = []

    def search(_self: DriftHistory, asked: str) -> tuple[Drift, ...]:
        searched.append(asked)
        if asked == tenant:
            raise RuntimeError("damaged row")
        return found_drift(database.clock()).drifts

    monkeypatch.setattr(DriftHistory, "drifts", search)
    for one in (tenant, other):
        add(database, one, "PPP", hours_ago=3)
    for _round in range(10):
        made.search_next()
    assert searched.count(other) == 1
    assert searched.count(tenant) == 5
    assert events(database, tenant) == []
    assert [one["kind"] for one in events(database, other)] == ["fails_more"]
