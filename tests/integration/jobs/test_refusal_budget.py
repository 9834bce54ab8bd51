"""The budget of refused calls: counted from the database, warned at half, stopped before anything is sent."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import Any

import pytest

from safelight.errors import RefusalBudgetUsed
from safelight.generation.videos_api import create as videos_api
from safelight.ids import new_id
from safelight.jobs.interruptions import UpstreamPending
from safelight.jobs.models import Video
from safelight.jobs.refusal_budget import RefusalBudget, refusal_limits
from safelight.jobs.states import VideoState
from safelight.store import tables
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from safelight.trust.accounts import Accounts

from .conftest import House
from .test_video_lifecycle import OWN, PAID

DAY_S = 86_400
REFUSED = {
    "polls": 0,
    "ends": "refused",
    "error": {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."},
}


def limit(house: House, count: int) -> RefusalBudget:
    budget = house.container.pipeline.context.refusals
    budget._limits = {"paid": count}
    return budget


def refused(house: House, upstream: ScriptedUpstream, prompt: str) -> Video:
    upstream.play({"otherwise": REFUSED})
    return house.carry(house.order(prompt, **PAID))


def test_the_option_of_an_upstream_is_its_limit() -> None:
    options: dict[str, Any] = {"url": "http://127.0.0.1:9/v1", "models": ["m"], "name": "paid"}
    with (
        closing(videos_api({**options, "max_refusals_per_day": 4})) as limited,
        closing(videos_api(options)) as free,
    ):
        assert refusal_limits({"paid": limited, "free": free}) == {"paid": 4}


def test_at_the_end_a_request_is_refused_before_anything_is_sent_until_the_next_day(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(house, 2)
    waiting = house.order("a third lake", **PAID)
    for prompt in ("a lake", "a quiet lake"):
        assert refused(house, upstream, prompt).state is VideoState.BLOCKED
    with pytest.raises(RefusalBudgetUsed, match="paid has refused 2 requests since 00:00 UTC") as stopped:
        house.order("a lake at noon", **PAID)
    assert 0 < (stopped.value.retry_after_s or 0) <= DAY_S
    # A request that was accepted before ends without an attempt.
    ended = house.carry(waiting)
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "refusal_budget_used")
    assert house.videos.record(house.who, waiting.id).attempts == ()
    assert upstream.counts["received"] == 2
    # Other generators go on, and so does this one on the next day.
    assert house.order("a lake at dusk", **OWN).state is VideoState.QUEUED
    database = house.container.persistence.database
    clock = database.clock
    monkeypatch.setattr(database, "clock", lambda: clock() + DAY_S)
    assert house.order("a lake at night", **PAID).state is VideoState.QUEUED


def test_half_of_the_budget_is_logged_once_and_shown_by_readiness(
    house: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    limit(house, 2)
    assert "refusal_budgets" not in house.container.review.describe_readiness()
    refused(house, upstream, "a lake")
    with caplog.at_level(logging.WARNING):
        house.order("a lake at noon", **PAID)
        house.order("a lake at dusk", **PAID)
    assert sum("paid has refused 1 requests" in one.message for one in caplog.records) == 1
    shown = house.container.review.describe_readiness()["refusal_budgets"]
    assert shown == {"paid": "1 of 2 refusals since 00:00 UTC"}
    assert house.container.services.refusal_budgets()["paid"].is_half_used


def test_failures_and_blocks_by_our_policy_do_not_count(house: House, upstream: ScriptedUpstream) -> None:
    budget = limit(house, 1)
    upstream.play({"otherwise": {"polls": 0, "ends": "failed", "error": {"message": "out of memory"}}})
    assert house.carry(house.order("a lake", **PAID)).state is VideoState.FAILED
    upstream.play({"otherwise": {"polls": 0}})
    assert house.carry(house.order("a quiet lake", **PAID)).state is VideoState.DELIVERED
    assert budget.read()["paid"].refused == 0


def test_an_attempt_without_an_end_of_a_video_that_ended_does_not_count(database: Database) -> None:
    tenant = Accounts(database).create_tenant("one").id
    budget = RefusalBudget(database, {"paid": 1})
    with database.transaction(tenant=tenant) as tx:
        _record_attempt(tx, 1)
    with pytest.raises(UpstreamPending), budget.reserve("paid"):
        pass
    with database.transaction(tenant=tenant) as tx:
        tx.update(tables.videos, state="failed")
    with budget.reserve("paid"):
        pass


def test_two_gateways_never_have_more_open_requests_than_may_be_refused(database: Database) -> None:
    tenants = [Accounts(database).create_tenant(name).id for name in ("one", "two")]
    allowed, stopped, problems = [], [], []
    began = threading.Barrier(8, timeout=60)

    def submit(number: int, budget: RefusalBudget, store: Database) -> None:
        tenant = tenants[number % 2]
        try:
            began.wait()
            with budget.reserve("paid"), store.transaction(tenant=tenant) as tx:
                _record_attempt(tx, number)
            allowed.append(number)
        except UpstreamPending:
            stopped.append(number)
        except Exception as error:
            problems.append(error)

    # On SQLite, one process has the database.
    with closing(Database(database.url)) as second:
        stores = (database, database if database.is_sqlite else second)
        budgets = [RefusalBudget(store, {"paid": 3}) for store in stores]
        if database.is_sqlite:
            budgets[1] = budgets[0]
        threads = [
            threading.Thread(target=submit, args=(n, budgets[n // 4], stores[n // 4])) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert problems == []
    assert (len(allowed), len(stopped)) == (3, 5)


def _record_attempt(tx: Any, number: int) -> None:
    video_id, now = new_id("video"), tx.now()
    tx.insert(
        tables.videos,
        id=video_id,
        state="generating",
        stage="generation",
        created_at=now,
        updated_at=now,
        principal_id="key_1",
        model="paid-1",
        generator="paid",
        prompt=f"a lake {number}",
        seconds=4,
        width=1280,
        height=720,
        request=b"{}",
        request_sha256="0" * 64,
    )
    tx.insert(
        tables.attempts,
        id=new_id("attempt"),
        video_id=video_id,
        number=1,
        generator="paid",
        billing="paid",
        idempotency_key=video_id,
        created_at=now,
    )
