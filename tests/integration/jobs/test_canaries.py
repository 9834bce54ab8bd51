"""Active canaries at a scripted provider, on both databases: what is sent, what it costs, what stops it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from safelight.attempts.canaries.calls import CallSize, CanaryCalls
from safelight.attempts.canaries.models import CanaryState, StopReason
from safelight.attempts.canaries.store import find_canary
from safelight.attempts.models import AttemptOrigin, AttemptOutcome
from safelight.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.store import tables
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from safelight.trust.accounts import KeyScope
from safelight.trust.ledger import EntryKind, Ledger, Reason
from support.canaries import (
    DAY_S,
    HOUR_S,
    PROMPT,
    Time,
    add_entry,
    log_of,
    new,
    record_videos,
    service,
    state_of,
    switched_on,
    work,
)
from support.house import Crash, House

REFUSED = {
    "polls": 0,
    "ends": "refused",
    "error": {"code": "moderation_blocked", "message": "Your request was blocked."},
}


def test_a_canary_is_off_until_its_price_was_accepted_and_then_sends_the_shortest_length(
    priced: House, upstream: ScriptedUpstream
) -> None:
    added = service(priced).add(priced.who, new(add_entry(priced), per_day=2))
    shown = added.as_json()
    assert (shown["state"], shown["passes"], shown["usd_per_call"]) == ("off", 5, 0.4)
    assert shown["usd_per_month"] == pytest.approx(2 * 31 * 0.4)
    work(priced)
    with pytest.raises(Conflict, match=r"A month costs \$24.80"):
        service(priced).switch_on(priced.who, added.canary.id, month_micros=24_799_999)
    assert upstream.counts["received"] == 0
    service(priced).switch_on(priced.who, added.canary.id, month_micros=24_800_000)
    work(priced)
    work(priced)
    assert upstream.counts["received"] == 1
    assert state_of(priced, added.canary).as_json()["last_outcome"] == "passed"
    (call,) = log_of(priced, origin=AttemptOrigin.CANARY)
    assert (call.seconds, call.prompt, call.outcome) == (4.0, PROMPT, AttemptOutcome.PASSED)
    assert (call.is_reported, call.video_id) == (False, "")


def test_the_clip_is_not_downloaded_and_is_deleted_at_the_provider(
    priced: House, upstream: ScriptedUpstream
) -> None:
    switched_on(priced)
    work(priced)
    work(priced)
    assert upstream.counts["fetches"] == 0
    assert upstream.counts["deletes"] == 1
    assert priced.container.review.canaries.sender.calls.with_copy() == ()


def test_calls_are_apart_from_the_attempts_of_clients_and_their_cost_is_charged_to_nobody(
    priced: House,
) -> None:
    switched_on(priced)
    before = log_of(priced)
    work(priced)
    assert log_of(priced) == before
    assert len(log_of(priced, with_canaries=True)) == len(before) + 1
    entries, _more = Ledger(priced.container.persistence.database).list(priced.who)
    (cost,) = [one for one in entries if one.reason is Reason.CANARY]
    assert (cost.kind, cost.amount_micros) == (EntryKind.COST, 400_000)
    assert (cost.work.account, cost.work.video_id, cost.work.end_user) == ("canaries", "", None)


def test_only_a_prompt_that_passed_five_times_and_was_never_refused_can_be_a_canary(priced: House) -> None:
    entry = add_entry(priced, passes=4)
    with pytest.raises(Conflict, match="passed 4 times and was refused 0 times"):
        service(priced).add(priced.who, new(entry))
    record_videos(priced, entry, "moderation_blocked", "done")
    with pytest.raises(Conflict, match="passed 5 times and was refused 1 times"):
        service(priced).add(priced.who, new(entry))
    with pytest.raises(NotFound):
        service(priced).add(priced.who, new("entry_none"))


def test_a_price_must_be_known_or_stated_and_a_ceiling_must_allow_one_call(house: House) -> None:
    entry = add_entry(house)
    with pytest.raises(InvalidField, match="price of 4 s of paid-1 is not known"):
        service(house).add(house.who, new(entry))
    with pytest.raises(InvalidField, match="more than the ceiling"):
        service(house).add(house.who, new(entry, price_micros=500_000, ceiling_micros=499_999))
    with pytest.raises(InvalidField, match="rendered here"):
        service(house).add(house.who, new(entry, model="instant-1"))
    stated = service(house).add(house.who, new(entry, price_micros=500_000))
    assert stated.as_json()["price_source"] == "stated"
    with pytest.raises(Conflict, match="already"):
        service(house).add(house.who, new(entry, price_micros=500_000))


def test_changes_need_the_scope_admin(priced: House) -> None:
    entry, who = add_entry(priced), priced.who
    reader = type(who)(**{**vars(who), "scopes": frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE})})
    with pytest.raises(Forbidden):
        service(priced).add(reader, new(entry))
    assert service(priced).list(reader) == ()


def test_one_call_in_a_slot_and_none_above_the_ceiling(priced: House, upstream: ScriptedUpstream) -> None:
    time = Time(priced.container.persistence.database)
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
    time = Time(priced.container.persistence.database)
    canary = switched_on(priced, per_day=1, ceiling_micros=800_000)
    for _round in range(2):
        work(priced)
    for _ask in range(3):
        service(priced).run(priced.who, canary.id)
    time.pass_s(1)
    for _round in range(3):
        work(priced)
    assert upstream.counts["received"] == 2
    with pytest.raises(Conflict, match="would exceed a ceiling"):
        service(priced).run(priced.who, canary.id)
    service(priced).switch_off(priced.who, canary.id)
    with pytest.raises(Conflict, match="not switched on"):
        service(priced).run(priced.who, canary.id)


@pytest.mark.parametrize("was_sent", [False, True])
def test_after_a_crash_the_call_counts_as_spent_and_is_never_sent_again(
    priced: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, was_sent: bool
) -> None:
    time = Time(priced.container.persistence.database)
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
        "from safelight.attempts.canaries.calls import CallSize, CanaryCalls\n"
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
    size, reserved, problems = CallSize(seconds=4, width=720, height=1280), [], []

    def send(calls: CanaryCalls, start: threading.Barrier) -> None:
        try:
            start.wait()
            call = calls.reserve(canary, size, {"paid-1"})
            if call is not None:
                reserved.append(call.id)
        except Exception as error:
            problems.append(error)

    # On SQLite, one process has the database.
    with closing(Database(database.url)) as second:
        second.clock = database.clock
        stores = [database, database if database.is_sqlite else second]
        for _hour in range(4):
            start = threading.Barrier(6, timeout=60)
            threads = [
                threading.Thread(target=send, args=(CanaryCalls(stores[number % 2], 20_000_000), start))
                for number in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            with database.transaction(priced.who.tenant) as tx:
                tx.update(tables.canary_calls, ended_at=tx.now(), outcome="passed")
            time.pass_s(HOUR_S)
    assert problems == []
    # Four slots, and money for two calls.
    assert len(reserved) == 2


@pytest.mark.both_databases
def test_a_clock_jump_delays_the_calls(
    priced: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on(priced)
    watch = priced.container.pipeline.context.clock_watch
    monkeypatch.setattr(watch, "held_for_s", lambda: 10.0)
    work(priced)
    assert upstream.counts["received"] == 0


def test_a_removed_entry_stops_the_canary_and_takes_its_prompt(
    priced: House, upstream: ScriptedUpstream
) -> None:
    entry = add_entry(priced)
    canary = switched_on(priced, entry)
    priced.container.prompts.library.remove(priced.who, entry)
    work(priced)
    assert upstream.counts["received"] == 0
    stopped = state_of(priced, canary).canary
    assert (stopped.state, stopped.reason) == (CanaryState.STOPPED, StopReason.ENTRY_REMOVED)
    assert stopped.prompt is None
    with pytest.raises(Conflict, match="removed from the library"):
        service(priced).switch_on(priced.who, canary.id, month_micros=10**12)


def test_an_entry_that_lost_its_status_stops_the_canary(priced: House, upstream: ScriptedUpstream) -> None:
    entry = add_entry(priced)
    canary = switched_on(priced, entry)
    record_videos(priced, entry, "moderation_blocked", "moderation_blocked")
    work(priced)
    assert upstream.counts["received"] == 0
    assert state_of(priced, canary).canary.reason is StopReason.ENTRY_STATUS


def test_a_prompt_that_the_policy_does_not_allow_any_more_is_not_sent(
    priced: House, upstream: ScriptedUpstream
) -> None:
    # As if the policy had become stricter since the prompt was proven.
    entry = add_entry(priced, prompt="SAFELIGHT-TEST:violence/graphic on a wall")
    canary = switched_on(priced, entry)
    work(priced)
    assert upstream.counts["received"] == 0
    assert state_of(priced, canary).canary.reason is StopReason.POLICY


def test_a_higher_price_stops_the_canary(
    priced: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = switched_on(priced)
    with priced.container.persistence.database.transaction(priced.who.tenant) as tx:
        tx.update(tables.canaries, price_micros=399_999)
    work(priced)
    assert upstream.counts["received"] == 0
    assert state_of(priced, canary).canary.reason is StopReason.PRICE


def test_a_refused_canary_is_an_attempt_uses_the_refusal_budget_and_stops_after_six_in_a_row(
    priced: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": REFUSED})
    time = Time(priced.container.persistence.database)
    canary, budget = switched_on(priced), priced.container.pipeline.context.refusals
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
        service(priced).switch_on(priced.who, canary.id, month_micros=10**12)


def test_a_used_up_budget_of_refusals_pauses_canaries(priced: House, upstream: ScriptedUpstream) -> None:
    entry = add_entry(priced)
    canary = switched_on(priced, entry)
    other = add_entry(priced, prompt="a red boat")
    record_videos(priced, other, "moderation_blocked", prompt="a red boat")
    priced.container.pipeline.context.refusals._limits = {"paid": 1}
    work(priced)
    assert upstream.counts["received"] == 0
    assert state_of(priced, canary).canary.state is CanaryState.ON
    priced.container.pipeline.context.refusals._limits = {"paid": 2}
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
    service(priced).remove(priced.who, canary.id)
    assert service(priced).list(priced.who) == ()
    (call,) = log_of(priced, origin=AttemptOrigin.CANARY)
    assert (call.prompt, call.charge.amount) == (None, 0.4)
    with pytest.raises(NotFound):
        service(priced).get(priced.who, canary.id)


@pytest.mark.both_databases
def test_canaries_of_another_tenant_are_not_reached(priced: House) -> None:
    canary = switched_on(priced)
    other = priced.container.persistence.accounts.create_tenant("other").id
    with priced.container.persistence.database.read_transaction(other) as tx:
        assert find_canary(tx, canary.id) is None
