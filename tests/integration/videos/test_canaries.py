"""Active canaries at a scripted provider, on both databases: what is sent, what it costs, what stops it."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.providers.attempts.canaries.calls import CallSize, CanaryCalls
from safelight.providers.attempts.canaries.models import CanaryState, StopReason
from safelight.providers.attempts.canaries.store import find_canary
from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome
from safelight.store import tables
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from support.canaries import (
    DAY_S,
    HOUR_S,
    PROMPT,
    Time,
    add,
    add_entry,
    log_of,
    record_videos,
    remove,
    request_call,
    service,
    state_of,
    switch_off,
    switch_on,
    switched_on,
    work,
)
from support.concurrency import run_together
from support.house import Crash, House

REFUSED = {
    "polls": 0,
    "ends": "refused",
    "error": {"code": "moderation_blocked", "message": "Your request was blocked."},
}


def test_a_canary_is_off_until_its_price_was_accepted_and_then_sends_the_shortest_length(
    priced: House, upstream: ScriptedUpstream
) -> None:
    added = add(priced, add_entry(priced), per_day=2)
    shown = added.as_json()
    assert (shown["state"], shown["passes"], shown["usd_per_call"]) == ("off", 5, 0.4)
    assert shown["usd_per_month"] == pytest.approx(2 * 31 * 0.4)
    work(priced)
    with pytest.raises(Conflict, match=r"A month costs \$24.80"):
        switch_on(priced, added.canary, month_micros=24_799_999)
    assert upstream.counts["received"] == 0
    switch_on(priced, added.canary, month_micros=24_800_000)
    work(priced)
    work(priced)
    assert upstream.counts["received"] == 1
    assert state_of(priced, added.canary).as_json()["last_outcome"] == "passed"
    (call,) = log_of(priced, origin=AttemptOrigin.CANARY)
    assert (call.seconds, call.prompt, call.outcome) == (4.0, PROMPT, AttemptOutcome.PASSED)
    assert (call.is_reported, call.video_id) == (False, "")


def test_clips_are_deleted_unseen_calls_are_apart_from_those_of_clients_and_charged_to_nobody(
    priced: House, upstream: ScriptedUpstream
) -> None:
    switched_on(priced)
    before = log_of(priced)
    work(priced)
    work(priced)
    assert upstream.counts["fetches"] == 0
    assert upstream.counts["deletes"] == 1
    assert priced.container.background.canary_sender.calls.with_copy() == ()
    assert log_of(priced) == before
    assert len(log_of(priced, with_canaries=True)) == len(before) + 1
    (spent,) = priced.standing.quotas.spent(priced.who)
    assert spent.today_micros == 400_000
    assert priced.standing.quotas.own(priced.who).used.cost_micros == 0


def test_only_a_prompt_that_passed_five_times_and_was_never_refused_can_be_a_canary(priced: House) -> None:
    entry = add_entry(priced, passes=4)
    with pytest.raises(Conflict, match="passed 4 times and was refused 0 times"):
        add(priced, entry)
    record_videos(priced, entry, "moderation_blocked", "done")
    with pytest.raises(Conflict, match="passed 5 times and was refused 1 times"):
        add(priced, entry)
    with pytest.raises(NotFound):
        add(priced, "entry_none")


def test_a_price_must_be_known_or_stated_and_a_ceiling_must_allow_one_call(house: House) -> None:
    entry = add_entry(house)
    with pytest.raises(InvalidField, match="price of 4 s of paid-1 is not known"):
        add(house, entry)
    with pytest.raises(InvalidField, match="more than the ceiling"):
        add(house, entry, price_micros=500_000, ceiling_micros=499_999)
    with pytest.raises(InvalidField, match="rendered here"):
        add(house, entry, model="instant-1")
    stated = add(house, entry, price_micros=500_000)
    assert stated.as_json()["price_source"] == "stated"
    with pytest.raises(Conflict, match="already"):
        add(house, entry, price_micros=500_000)


def test_one_call_in_a_slot_and_none_above_the_ceiling(priced: House, upstream: ScriptedUpstream) -> None:
    time = Time(priced.database)
    canary = switched_on(priced, ceiling_micros=1_200_000)
    for _hour in range(6):
        for _round in range(3):
            work(priced)
            time.pass_s(HOUR_S / 3)
    # Three calls of 0.4 dollars.
    assert upstream.counts["received"] == 3
    time.pass_s(32 * DAY_S)
    work(priced)
    assert upstream.counts["received"] == 4
    assert state_of(priced, canary).canary.state is CanaryState.ON


def test_a_requested_call_is_sent_once_and_within_the_ceiling(
    priced: House, upstream: ScriptedUpstream
) -> None:
    time = Time(priced.database)
    canary = switched_on(priced, per_day=1, ceiling_micros=800_000)
    for _round in range(2):
        work(priced)
    for _ask in range(3):
        request_call(priced, canary)
    time.pass_s(1)
    for _round in range(3):
        work(priced)
    assert upstream.counts["received"] == 2
    with pytest.raises(Conflict, match="would exceed a ceiling"):
        request_call(priced, canary)
    switch_off(priced, canary)
    with pytest.raises(Conflict, match="not switched on"):
        request_call(priced, canary)


@pytest.mark.parametrize("was_sent", [False, True])
def test_after_a_crash_the_call_counts_as_spent_and_is_never_sent_again(
    priced: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, was_sent: bool
) -> None:
    time = Time(priced.database)
    canary = switched_on(priced, ceiling_micros=400_000)
    generator = priced.container.core.generators["paid"]

    def crash(*_: object) -> None:
        raise Crash

    broken = (CanaryCalls, "record_upstream_id") if was_sent else (generator, "submit")
    with monkeypatch.context() as patch:
        patch.setattr(*broken, crash)
        with pytest.raises(Crash):
            work(priced)
    sent = upstream.counts["received"]
    assert sent == was_sent
    for _hour in range(5):
        time.pass_s(HOUR_S)
        work(priced)
        work(priced)
    assert upstream.counts["received"] == sent
    report = state_of(priced, canary)
    assert (report.calls, report.spent_micros) == (1, 400_000)
    # The provider is asked: what it received is found and deleted. The rest is no failure of the provider.
    assert report.last_outcome is (AttemptOutcome.PASSED if sent else AttemptOutcome.UNKNOWN)
    assert upstream.counts["deletes"] == sent


@pytest.mark.both_databases
def test_a_process_killed_after_the_reservation_leaves_the_money_spent(
    priced: House, database: Database
) -> None:
    canary = switched_on(priced, ceiling_micros=400_000)
    script = (
        "import os, signal, sys\n"
        "from safelight.providers.attempts.canaries.calls import CallSize, CanaryCalls\n"
        "from safelight.store.database import Database\n"
        "calls = CanaryCalls(Database(sys.argv[1]), 20_000_000)\n"
        "(canary,) = calls.switched_on()\n"
        "assert calls.reserve(canary, CallSize(seconds=4, width=720, height=1280), {'paid-1'})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, database.url], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    work(priced)
    report = state_of(priced, canary)
    assert (report.calls, report.spent_micros, report.last_outcome) == (1, 400_000, None)


@pytest.mark.both_databases
def test_two_gateways_never_reserve_one_slot_twice_nor_exceed_the_ceiling(
    priced: House, database: Database
) -> None:
    time = Time(database)
    canary = switched_on(priced, ceiling_micros=800_000)
    size, reserved = CallSize(seconds=4, width=720, height=1280), list[Any]()
    # On SQLite, one process has the database.
    with closing(Database(database.url)) as second:
        second.clock = database.clock
        stores = [database, database if database.is_sqlite else second]
        for _hour in range(4):
            calls = [CanaryCalls(store, 20_000_000) for store in stores] * 3
            reserved += run_together([partial(one.reserve, canary, size, {"paid-1"}) for one in calls])
            with priced.transaction() as tx:
                tx.update(tables.canary_calls, ended_at=tx.now(), outcome="passed")
            time.pass_s(HOUR_S)
    assert [one for one in reserved if isinstance(one, BaseException)] == []
    # Four slots, and money for two calls.
    assert sum(one is not None for one in reserved) == 2


@pytest.mark.both_databases
def test_a_clock_jump_delays_the_calls(
    priced: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on(priced)
    watch = priced.context.clock_watch
    monkeypatch.setattr(watch, "held_for_s", lambda: 10.0)
    work(priced)
    assert upstream.counts["received"] == 0


def test_a_removed_entry_stops_the_canary_and_takes_its_prompt(
    priced: House, upstream: ScriptedUpstream
) -> None:
    entry = add_entry(priced)
    canary = switched_on(priced, entry)
    priced.container.library.remove(priced.who, entry)
    with priced.read_transaction() as tx:
        rows = tx.select(tables.audit_log, tables.audit_log.c.event == "canary.stopped")
    assert [row.subject for row in rows] == [canary.id]
    work(priced)
    assert upstream.counts["received"] == 0
    stopped = state_of(priced, canary).canary
    assert (stopped.state, stopped.reason) == (CanaryState.STOPPED, StopReason.ENTRY_REMOVED)
    assert stopped.prompt is None
    with pytest.raises(Conflict, match="removed from the library"):
        switch_on(priced, canary)


@pytest.mark.parametrize("reason", [StopReason.ENTRY_STATUS, StopReason.POLICY, StopReason.PRICE])
def test_what_changed_since_the_canary_was_switched_on_stops_it_before_a_call(
    priced: House, upstream: ScriptedUpstream, reason: StopReason
) -> None:
    # As if the policy had become stricter since the prompt was proven.
    is_policy = reason is StopReason.POLICY
    entry = add_entry(priced, prompt="SAFELIGHT-TEST:violence/graphic on a wall" if is_policy else PROMPT)
    canary = switched_on(priced, entry)
    if reason is StopReason.ENTRY_STATUS:
        record_videos(priced, entry, "moderation_blocked", "moderation_blocked")
    if reason is StopReason.PRICE:
        with priced.transaction() as tx:
            tx.update(tables.canaries, price_micros=399_999)
    work(priced)
    assert upstream.counts["received"] == 0
    assert state_of(priced, canary).canary.reason is reason


def test_a_refused_canary_is_an_attempt_uses_the_refusal_budget_and_stops_after_six_in_a_row(
    priced: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": REFUSED})
    time = Time(priced.database)
    canary, budget = switched_on(priced), priced.context.refusals
    budget._limits = {"paid": 20}
    for number in range(1, 9):
        work(priced)
        assert budget.read()["paid"].refused <= number
        time.pass_s(HOUR_S)
    assert upstream.counts["received"] == 6
    report = state_of(priced, canary)
    assert (report.refused, report.canary.reason) == (6, StopReason.REFUSED)
    assert {one.outcome for one in log_of(priced, origin=AttemptOrigin.CANARY)} == {AttemptOutcome.REFUSED}
    # It is not a prompt that has always passed any more.
    with pytest.raises(Conflict, match="refused 6 times"):
        switch_on(priced, canary)


def test_a_used_up_budget_of_refusals_pauses_canaries(priced: House, upstream: ScriptedUpstream) -> None:
    entry = add_entry(priced)
    canary = switched_on(priced, entry)
    other = add_entry(priced, prompt="a red boat")
    record_videos(priced, other, "moderation_blocked", prompt="a red boat")
    priced.context.refusals._limits = {"paid": 1}
    work(priced)
    assert upstream.counts["received"] == 0
    assert state_of(priced, canary).canary.state is CanaryState.ON
    priced.context.refusals._limits = {"paid": 2}
    work(priced)
    assert upstream.counts["received"] == 1


def test_a_provider_that_is_down_gets_no_canaries_and_a_failed_one_is_not_repeated(
    priced: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"submit": {"do": "status", "status": 429}}})
    canary = switched_on(priced)
    for _round in range(3):
        work(priced)
    assert upstream.counts["received"] <= 1
    report = state_of(priced, canary)
    assert (report.calls, report.last_outcome) == (1, AttemptOutcome.FAILED)


def test_a_removed_canary_keeps_its_calls_without_the_prompt(priced: House) -> None:
    canary = switched_on(priced)
    work(priced)
    remove(priced, canary)
    assert service(priced).list(priced.who) == ()
    (call,) = log_of(priced, origin=AttemptOrigin.CANARY)
    assert (call.prompt, call.charge.amount) == (None, 0.4)
    with pytest.raises(NotFound):
        service(priced).get(priced.who, canary.id)


@pytest.mark.both_databases
def test_canaries_of_another_tenant_are_not_reached(priced: House) -> None:
    canary = switched_on(priced)
    other = priced.accounts.create_tenant("other").id
    with priced.database.read_transaction(other) as tx:
        assert find_canary(tx, canary.id) is None
