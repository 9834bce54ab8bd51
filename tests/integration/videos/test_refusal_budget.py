"""The budget of refused calls: counted from the database, warned at half, stopped before anything is sent."""

from __future__ import annotations

import logging
import re
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from safelight.accounts import Accounts
from safelight.core.errors import RefusalBudgetUsed
from safelight.core.ids import new_id
from safelight.providers.videos_api import create as videos_api
from safelight.store import tables
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.failure_message import NOTHING_SENT
from safelight.videos.models import Video, VideoState
from safelight.videos.refusal_budget import RefusalBudget, refusal_limits
from safelight.web.console.video_pages import find_video_gate
from support.videos import add_video

from .conftest import Furnish, House
from .test_video_lifecycle import OWN, PAID

DAY_S = 86_400
REFUSED = {
    "polls": 0,
    "ends": "refused",
    "error": {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."},
}


def limit(house: House, count: int) -> RefusalBudget:
    budget = house.context.refusals
    budget._limits = {"paid": count}
    return budget


def refused(house: House, upstream: ScriptedUpstream, prompt: str, **fields: Any) -> Video:
    upstream.play({"otherwise": REFUSED})
    return house.make(prompt, **PAID, **fields)


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
    with pytest.raises(RefusalBudgetUsed, match="paid has refused as many requests as it may") as stopped:
        house.order("a lake at noon", **PAID)
    # The counts are those of all tenants.
    assert " 2 " not in stopped.value.message
    assert stopped.value.message.endswith(NOTHING_SENT)
    assert 0 < (stopped.value.retry_after_s or 0) <= DAY_S
    # A request that was accepted before ends without an attempt.
    ended = house.carry(waiting)
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "refusal_budget_used")
    assert (ended.error_message or "").endswith(NOTHING_SENT)
    assert house.record(waiting).attempts == ()
    assert upstream.counts["received"] == 2
    # Other generators go on, and so does this one on the next day.
    assert house.order("a lake at dusk", **OWN).state is VideoState.QUEUED
    database = house.database
    clock = database.clock
    monkeypatch.setattr(database, "clock", lambda: clock() + DAY_S)
    assert house.order("a lake at night", **PAID).state is VideoState.QUEUED


def test_half_of_the_budget_is_logged_once_and_shown_by_readiness(
    house: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    limit(house, 2)
    assert "refusal_budgets" not in house.container.readiness.describe()
    refused(house, upstream, "a lake")
    with caplog.at_level(logging.WARNING):
        house.order("a lake at noon", **PAID)
        house.order("a lake at dusk", **PAID)
    assert sum("paid has refused 1 requests" in one.message for one in caplog.records) == 1
    shown = house.container.readiness.describe()["refusal_budgets"]
    assert shown == {"paid": "1 of 2 refusals since 00:00 UTC"}
    count = house.services.refusal_budgets()["paid"]
    assert (count.is_half_used, count.level) == (True, "half_used")


def test_readiness_reads_no_budget_if_its_response_has_no_reasons(
    furnish: Furnish, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = furnish(server={"host": "192.0.2.1", "behind_proxy": True})
    budget = limit(house, 1)
    monkeypatch.setattr(budget, "read", lambda: pytest.fail("the budgets were read"))
    assert house.container.readiness.describe()["ready"] is True


def test_a_video_that_the_budget_ended_has_no_gate_of_an_earlier_attempt(
    house: House, upstream: ScriptedUpstream
) -> None:
    blocked = refused(house, upstream, "a lake")
    record, services = house.record(blocked), house.services
    log, history = services.attempts, services.drift
    assert find_video_gate(log, house.who.tenant, record, find_drifts=history.drifts) is not None
    ended = replace(record.video, state=VideoState.FAILED, error_code="refusal_budget_used")
    video = replace(record, video=ended)
    assert find_video_gate(log, house.who.tenant, video, find_drifts=history.drifts) is None


def test_the_count_uses_an_index_that_has_only_its_rows(database: Database) -> None:
    tenant = Accounts(database).create_tenant("one").id
    with database.transaction(tenant=tenant) as tx:
        for number in range(300):
            _record_attempt(tx, number)
        tx.update(tables.attempts, ended_at=tx.now(), outcome="done")
        tx.update(tables.videos, state="delivered")
    with database.raw_connection() as connection:
        # Without statistics, the plan of PostgreSQL depends on whether its autovacuum was here.
        connection.exec_driver_sql("ANALYZE")
    budget, sent = RefusalBudget(database, {"paid": 1}), []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    budget.read()
    event.remove(database._engine, "before_cursor_execute", note)
    [(statement, parameters)] = [one for one in sent if "count(" in one[0]]
    with database.raw_connection(readonly=True) as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plan = " ".join(map(str, connection.exec_driver_sql(explain + statement, parameters)))
    assert re.search(r"\bix_attempts_generator_ended_at\b", plan)


def test_failures_and_blocks_by_our_policy_do_not_count(house: House, upstream: ScriptedUpstream) -> None:
    budget = limit(house, 1)
    upstream.play({"otherwise": {"polls": 0, "ends": "failed", "error": {"message": "out of memory"}}})
    assert house.make("a lake", **PAID).state is VideoState.FAILED
    upstream.play({"otherwise": {"polls": 0}})
    assert house.make("a quiet lake", **PAID).state is VideoState.DELIVERED
    assert budget.read()["paid"].refused == 0


def _record_attempt(tx: Any, number: int) -> None:
    video_id = add_video(
        tx,
        state="generating",
        stage="generation",
        model="paid-1",
        generator="paid",
        prompt=f"a lake {number}",
    )
    tx.insert(
        tables.attempts,
        id=new_id("attempt"),
        video_id=video_id,
        number=1,
        generator="paid",
        billing="paid",
        idempotency_key=video_id,
        created_at=tx.now(),
    )
