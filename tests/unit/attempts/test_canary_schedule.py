"""The schedule of a canary: one call in a slot, and never above the ceiling, whatever the clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.attempts.canaries.schedule import (
    MAX_PER_DAY,
    MONTH_S,
    CallCost,
    find_due_slot,
    is_within_ceiling,
    month_price,
    slot_start,
)

DAY_S = 86_400.0
START = 1_800_000_000.0
per_days = st.integers(1, MAX_PER_DAY)
#: Steps of a clock: usual ones, a suspended machine, and jumps in both directions.
steps = st.one_of(st.floats(0, 7_200), st.floats(-40 * DAY_S, 40 * DAY_S))


@given(per_day=per_days, now=st.floats(START, START + 400 * DAY_S), name=st.text(max_size=8))
def test_a_moment_is_in_the_slot_that_begins_before_it(per_day: int, now: float, name: str) -> None:
    start = slot_start(name, per_day, now)
    assert start <= now < start + DAY_S / per_day + 1e-3
    # Every moment of a slot has the same start, to the last digit.
    assert slot_start(name, per_day, start + DAY_S / per_day / 2) == start


@given(
    per_day=per_days,
    price=st.integers(0, 900_000),
    ceiling=st.integers(0, 5_000_000),
    moves=st.lists(steps, max_size=60),
)
def test_no_slot_has_two_calls_and_no_31_days_exceed_the_ceiling(
    per_day: int, price: int, ceiling: int, moves: list[float]
) -> None:
    now, sent = START, {}
    for move in moves:
        now += move
        slot = find_due_slot("canary_1", per_day, now, taken=sent, since=0.0)
        if slot is not None and is_within_ceiling(
            sent.values(), now, price_micros=price, ceiling_micros=ceiling
        ):
            assert slot not in sent
            sent[slot] = CallCost(at=now, micros=price)
    times = sorted(one.at for one in sent.values())
    for first in times:
        assert price * sum(first <= at < first + MONTH_S for at in times) <= ceiling


@given(per_day=per_days, days=st.integers(1, 20))
def test_a_clock_that_runs_evenly_gives_the_calls_of_the_schedule(per_day: int, days: int) -> None:
    sent: dict[float, CallCost] = {}
    for minute in range(0, days * 1440, 10):
        now = START + minute * 60
        slot = find_due_slot("canary_1", per_day, now, taken=sent, since=START)
        if slot is not None:
            sent[slot] = CallCost(at=now, micros=1)
    assert days * per_day <= len(sent) <= days * per_day + 1
    assert len(sent) <= month_price(per_day, 1)


def test_slots_that_passed_without_a_call_are_not_made_up_for() -> None:
    taken = {slot_start("canary_1", 4, START): CallCost(at=START, micros=1)}
    later = START + 10 * DAY_S
    slot = find_due_slot("canary_1", 4, later, taken=taken, since=START)
    assert slot == slot_start("canary_1", 4, later)
    taken[slot] = CallCost(at=later, micros=1)
    assert find_due_slot("canary_1", 4, later + 1, taken=taken, since=START) is None
