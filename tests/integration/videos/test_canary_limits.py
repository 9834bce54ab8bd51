"""What canaries may cost: charges that were not agreed, the operator's limit, and requests that wait."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import pytest

from safelight.accounts import KeyScope
from safelight.core.errors import Conflict, Forbidden, InvalidField, UpstreamUnavailable
from safelight.detectors.text.pipeline import TextPipeline
from safelight.providers.attempts.canaries.calls import CallEnd, CallSize, CanaryCalls
from safelight.providers.attempts.canaries.models import Canary, CanaryState, StopReason
from safelight.providers.attempts.canaries.schedule import slot_start
from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome
from safelight.providers.protocol import Charge, ChargeStatus
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
    new,
    record_videos,
    remove,
    request_call,
    service,
    state_of,
    switch_on,
    switched_on,
    work,
)
from support.concurrency import run_together
from support.house import House

SIZE = CallSize(seconds=4, width=720, height=1280)
ON, STOPPED = CanaryState.ON, CanaryState.STOPPED


def calls_of(house: House) -> CanaryCalls:
    calls: CanaryCalls = house.container.background.canary_sender.calls
    return calls


def spend(house: House, canary: Canary, **charged: Any) -> bool:
    """One call that the provider charges; False if none is due."""
    call = calls_of(house).reserve(canary, SIZE, {"paid-1"})
    if call is None:
        return False
    charge = Charge(charged=ChargeStatus.YES, source="upstream", **charged)
    return calls_of(house).finish(call, CallEnd(outcome=AttemptOutcome.PASSED, charge=charge))


@pytest.mark.parametrize(
    ("amount", "currency", "is_agreed", "spent"),
    [
        (0.4, "USD", True, 400_000),
        (0.9, "USD", False, 900_000),
        (50.0, "EUR", False, 400_000),
        (0.0, "EUR", True, 400_000),
        (None, "USD", True, 400_000),
    ],
)
def test_a_charge_that_was_not_agreed_stops_the_canary_after_one_call(
    priced: House, amount: float | None, currency: str, is_agreed: bool, spent: int
) -> None:
    time = Time(priced.database)
    canary = switched_on(priced)
    assert spend(priced, canary, amount=amount, currency=currency)
    time.pass_s(HOUR_S)
    report = state_of(priced, canary)
    assert report.spent_micros == spent
    assert (report.canary.state, report.canary.reason) == (
        (ON, None) if is_agreed else (STOPPED, StopReason.PRICE)
    )
    assert spend(priced, canary) is is_agreed


@pytest.mark.parametrize(("amount", "currency"), [(0.9, "USD"), (50.0, "EUR")])
def test_a_canary_is_not_switched_on_again_at_a_price_that_the_provider_does_not_keep(
    priced: House, amount: float, currency: str
) -> None:
    time, entry = Time(priced.database), add_entry(priced)
    canary = switched_on(priced, entry)
    assert spend(priced, canary, amount=amount, currency=currency)
    with pytest.raises(Conflict, match="The provider charge"):
        switch_on(priced, canary)
    # Removing it changes nothing.
    remove(priced, canary)
    with pytest.raises(Conflict, match="The provider charge"):
        add(priced, entry)
    time.pass_s(32 * DAY_S)
    assert add(priced, entry).spent_micros == 0


def test_the_ceiling_counts_the_calls_of_a_removed_canary_of_the_same_prompt(priced: House) -> None:
    time, entry = Time(priced.database), add_entry(priced)
    canary = switched_on(priced, entry, ceiling_micros=400_000)
    assert spend(priced, canary)
    remove(priced, canary)
    time.pass_s(HOUR_S)
    again = switched_on(priced, entry, ceiling_micros=400_000)
    assert state_of(priced, again).spent_micros == 400_000
    assert not spend(priced, again)


def test_all_canaries_of_a_tenant_together_cost_at_most_what_the_operator_allows(priced: House) -> None:
    time = Time(priced.database)
    calls, other = CanaryCalls(calls_of(priced).database, 1_000_000), []
    for prompt in ("a red boat", "a blue boat", "a green boat"):
        canary = switched_on(priced, add_entry(priced, prompt=prompt))
        call = calls.reserve(canary, SIZE, {"paid-1"})
        other.append(call is not None)
        if call is not None:
            calls.finish(
                call, CallEnd(outcome=AttemptOutcome.PASSED, charge=Charge(charged=ChargeStatus.YES))
            )
    assert other == [True, True, False]
    time.pass_s(-40 * DAY_S)
    assert calls.find_slot(canary) is None
    with pytest.raises(InvalidField, match=r"may cost \$20.00 in 31 days"):
        add(priced, add_entry(priced), ceiling_micros=20_000_001)


@pytest.mark.both_databases
def test_two_gateways_do_not_run_two_canaries_of_a_tenant_at_one_provider_at_once(
    priced: House, database: Database
) -> None:
    pair = [switched_on(priced, add_entry(priced, prompt=prompt)) for prompt in ("a red boat", "a blue boat")]

    with closing(Database(database.url)) as second:
        stores = [database, database if database.is_sqlite else second]
        for _round in range(6):
            with priced.transaction() as tx:
                tx.delete(tables.canary_calls, tables.canary_calls.c.id != "")
            reserved = run_together(
                [
                    partial(CanaryCalls(store, 20_000_000).reserve, canary, SIZE, {"paid-1"})
                    for store, canary in zip(stores, pair, strict=True)
                ]
            )
            assert [one for one in reserved if isinstance(one, BaseException)] == []
            assert sum(one is not None for one in reserved) == 1


def test_only_an_admin_who_may_request_videos_starts_canaries_and_any_admin_stops_them(
    priced: House,
) -> None:
    entry, canaries = add_entry(priced), service(priced)
    admin, reader = (
        replace(priced.who, scopes=frozenset({scope, KeyScope.VIDEOS_READ}))
        for scope in (KeyScope.ADMIN, KeyScope.VIDEOS_WRITE)
    )
    canary = switched_on(priced, entry)
    for who in (admin, reader):
        for start in (
            lambda who: canaries.add(who, new(entry)),
            lambda who: canaries.switch_on(who, canary.id, month_micros=10**12),
            lambda who: canaries.run(who, canary.id),
        ):
            with pytest.raises(Forbidden):
                start(who)
    assert [one.canary.id for one in canaries.list(reader)] == [canary.id]
    assert canaries.switch_off(admin, canary.id).canary.state is CanaryState.OFF


def test_a_requested_call_that_was_not_sent_within_an_hour_is_not_sent(priced: House) -> None:
    time = Time(priced.database)
    canary = switched_on(priced, per_day=1)
    # The hour must not reach the next slot, in which a call is due without a request.
    time.now = slot_start(canary.id, 1, time.now) + DAY_S
    assert spend(priced, canary)
    assert request_call(priced, canary).run_requested
    time.pass_s(HOUR_S)
    assert not state_of(priced, canary).run_requested
    assert not spend(priced, state_of(priced, canary).canary)
    assert request_call(priced, canary).run_requested


def test_a_check_that_was_not_made_in_time_skips_one_call_and_does_not_stop_the_canary(
    priced: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(priced.database)
    canary = switched_on(priced)
    screen, screened = TextPipeline.screen, []

    def screen_late(pipeline: TextPipeline, *args: Any, **named: Any) -> Any:
        screened.append(args)
        report = screen(pipeline, *args, **named)
        cells = tuple(msgspec.structs.replace(one, ran=True, complete=False) for one in report.cells)
        return replace(report, cells=cells)

    with monkeypatch.context() as patch:
        patch.setattr(TextPipeline, "screen", screen_late)
        for _round in range(3):
            work(priced)
        assert (len(screened), upstream.counts["received"]) == (1, 0)
        # A call that a person asked for is not retried, and does not keep the schedule from going on.
        request_call(priced, canary)
        work(priced)
        assert (len(screened), upstream.counts["received"]) == (2, 0)
    assert state_of(priced, canary).canary.state is ON
    work(priced)
    assert upstream.counts["received"] == 0
    time.pass_s(HOUR_S)
    work(priced)
    assert upstream.counts["received"] == 1


@pytest.mark.parametrize("why", ["the provider is down", "the budget of refusals is used up"])
def test_a_canary_that_waits_is_not_screened(
    priced: House, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    canary, context, screened = switched_on(priced), priced.context, []
    screen = TextPipeline.screen
    monkeypatch.setattr(
        TextPipeline, "screen", lambda *args, **named: (screened.append(args), screen(*args, **named))[1]
    )
    if why == "the provider is down":
        context.upstreams["paid"]._monotonic = lambda: 0.0
        for _call in range(5):
            with pytest.raises(UpstreamUnavailable), context.upstreams["paid"].record_outcome():
                raise UpstreamUnavailable("down")
    else:
        entry = add_entry(priced, prompt="a red boat")
        record_videos(priced, entry, "moderation_blocked", prompt="a red boat")
        context.refusals._limits = {"paid": 1}
    for _round in range(3):
        work(priced)
    assert screened == []
    assert state_of(priced, canary).canary.state is ON


def test_the_error_of_a_call_whose_canary_was_removed_while_it_ran_has_no_prompt(priced: House) -> None:
    canary = switched_on(priced)
    assert calls_of(priced).reserve(canary, SIZE, {"paid-1"})
    remove(priced, canary)
    (running,) = calls_of(priced).running()
    said = f'blocked: your prompt "{PROMPT}" was refused'
    charge = Charge(charged=ChargeStatus.NO)
    end = CallEnd(outcome=AttemptOutcome.REFUSED, charge=charge, code="blocked", error=said)
    assert calls_of(priced).finish(running, end)
    (row,) = log_of(priced, origin=AttemptOrigin.CANARY)
    assert (row.prompt, row.error) == (None, "blocked")
