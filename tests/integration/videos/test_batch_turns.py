"""Turns of batches: which one is next, what is planned and checked in a turn, and no lock meanwhile."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from safelight.core.errors import Forbidden, RateLimited, Unavailable
from safelight.store.tables import batches
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.batches import advancer, service, store
from safelight.videos.batches.models import BatchLimits, BatchRequest
from safelight.videos.batches.planning import BatchPlanner
from safelight.videos.batches.transitions import find_neighbours
from safelight_client.batch import PlanOptions
from safelight_client.batch.rows import rows_of_entries

from .test_batches import Studio, be_stricter, shots
from .test_batches import studio as studio  # the fixture

pytestmark = pytest.mark.both_databases

BAD = {"prompt": "Two men SAFELIGHT-TEST:violence under a bridge", "seconds": 4, "model": "paid-1"}


def write(studio: Studio) -> None:
    """A write of another request, which fails while a transaction is open."""
    with studio.house.transaction() as tx:
        tx.update(batches, batches.c.id == "none", due_at=0.0)


def test_others_can_write_while_a_plan_is_made(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = BatchPlanner.plan

    def writing(*given: Any) -> Any:
        write(studio)
        return plan(*given)

    monkeypatch.setattr(BatchPlanner, "plan", writing)
    assert studio.carry(studio.order(*shots(2), run=False)).state == "planned"


def test_a_batch_that_is_cancelled_while_its_plan_is_made_stays_cancelled(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = BatchPlanner.plan

    def cancelling(*given: Any) -> Any:
        studio.cancel(batch)
        return plan(*given)

    monkeypatch.setattr(BatchPlanner, "plan", cancelling)
    batch = studio.order(*shots(2))
    assert studio.carry(batch).state == "cancelled"
    assert studio.states(batch) == ["not_sent"] * 2


def test_others_can_write_while_neighbours_of_a_blocked_row_are_looked_for(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[int]] = []

    def writing(*given: Any) -> Any:
        write(studio)
        found.append(find_neighbours(*given))
        return found[-1]

    monkeypatch.setattr(advancer, "find_neighbours", writing)
    batch = studio.order(*shots(1), run=False)
    studio.carry(batch)
    be_stricter(studio)
    studio.run(batch)
    studio.carry(batch)
    assert (studio.states(batch), found) == (["blocked"], [[]])


def test_a_wrong_row_with_the_same_words_does_not_hide_a_block(studio: Studio) -> None:
    near = {**BAD, "prompt": "Two men under a bridge SAFELIGHT-TEST:none"}
    batch = studio.order(BAD, {**BAD, "seconds": 5}, near, *shots(1), run=False)
    done = studio.carry(batch)
    assert done.plan is not None
    assert (done.plan["to_send"], done.plan["invalid"], done.plan["neighbours"]) == (1, 1, 1)
    assert studio.states(batch) == ["not_sent"] * 3 + ["pending"]


def test_batches_that_only_wait_do_not_keep_others_from_their_turn(
    studio: Studio, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advancer, "_MAX_BATCHES", 2)
    upstream.play({"otherwise": {"polls": 100_000}})
    waiting = [studio.order(*shots(1)) for _ in range(2)]
    while [studio.states(batch) for batch in waiting] != [["open"]] * 2:
        studio.advancer.advance()
    late = studio.order(*shots(1), run=False)
    for _ in range(2):
        studio.advancer.advance()
    assert studio.read(late)[0].state == "planned"


def test_the_first_batch_of_each_tenant_comes_before_the_second_of_another(studio: Studio) -> None:
    mine = [studio.order(*shots(1)).id for _ in range(3)]
    stranger = replace(studio.house.who, tenant="tenant_other")
    rows = rows_of_entries([(1, {"prompt": "A boat"})])
    request = BatchRequest(rows=rows, options=PlanOptions(), limits=BatchLimits(), run=False)
    theirs = studio.service.create(stranger, request)[0].id
    with studio.house.database.across_tenants("batches", readonly=True) as tx:
        due = [batch_id for _, batch_id in store.due_batches(tx, "one", left_out=(), limit=2)]
    assert due == [mine[0], theirs]


def test_a_round_ends_before_the_part_counts_as_hanging(studio: Studio) -> None:
    orders = [studio.order(*shots(1), run=False) for _ in range(2)]
    ticks = itertools.count(0, 20)
    studio.advancer = replace(studio.advancer, monotonic=lambda: float(next(ticks)))
    studio.advancer.advance()
    assert [studio.read(batch)[0].state.value for batch in orders] == ["planned", "planning"]
    studio.advancer.advance()
    assert [studio.read(batch)[0].state.value for batch in orders] == ["planned", "planned"]


def test_a_tenant_has_a_limit_of_batches_that_have_not_ended(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_UNFINISHED", 1)
    first = studio.order(*shots(1), run=False, key="monday")
    with pytest.raises(RateLimited, match="at most 1 "):
        studio.order(*shots(2), run=False)
    assert studio.order(*shots(1), run=False, key="monday").id == first.id
    studio.cancel(first)
    studio.order(*shots(2), run=False)


def fail_at(studio: Studio, number: int, error: Exception) -> None:
    """Let one check of the prompts raise an error."""
    check, calls = studio.advancer.planner.check, itertools.count(1)

    def failing(*given: Any, **options: Any) -> Any:
        if next(calls) == number:
            raise error
        return check(*given, **options)

    planner = replace(studio.advancer.planner, check=failing)
    studio.advancer = replace(studio.advancer, planner=planner)


def test_an_outage_delays_the_plan_and_keeps_the_rows_that_were_checked(studio: Studio) -> None:
    fail_at(studio, 2, Unavailable("The disk is busy.", retry_after_s=60.0))
    batch = studio.order(*shots(3), run=False)
    studio.advancer.advance()
    waiting, totals = studio.read(batch)
    assert (waiting.state, waiting.wait_reason) == ("planning", "The disk is busy.")
    assert totals.states == {"pending": 1, "unchecked": 2}


def test_a_key_that_may_not_check_stops_the_plan_and_no_row_is_wrong(studio: Studio) -> None:
    fail_at(studio, 1, Forbidden("The account is suspended."))
    batch = studio.order(*shots(2), run=False)
    studio.advancer.advance()
    stopped, _ = studio.read(batch)
    assert stopped.state == "stopped"
    assert stopped.stop_reason.endswith("The account is suspended.")
    studio.run(batch)
    assert studio.carry(batch).state == "planned"
