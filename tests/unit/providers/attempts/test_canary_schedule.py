"""The schedule of a canary: one call in a slot, whatever the clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.attempts.canaries.schedule import MAX_PER_DAY, find_due_slot, month_price, slot_start

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


@given(per_day=per_days, moves=st.lists(steps, max_size=60))
def test_no_slot_has_two_calls_and_none_is_older_than_a_day(per_day: int, moves: list[float]) -> None:
    now, sent = START, set[float]()
    for move in moves:
        now += move
        # The slots of the last day are all that is compared.
        recent = {one for one in sent if one > now - DAY_S}
        slot = find_due_slot("canary_1", per_day, now, taken=recent, since=0.0)
        if slot is not None:
            assert slot not in sent
            sent.add(slot)


@given(per_day=per_days, days=st.integers(1, 20))
def test_a_clock_that_runs_evenly_gives_the_calls_of_the_schedule(per_day: int, days: int) -> None:
    sent = set[float]()
    for minute in range(0, days * 1440, 10):
        now = START + minute * 60
        slot = find_due_slot("canary_1", per_day, now, taken=sent, since=START)
        if slot is not None:
            sent.add(slot)
    assert days * per_day <= len(sent) <= days * per_day + 1
    assert len(sent) <= month_price(per_day, 1)


def test_slots_that_passed_without_a_call_are_not_made_up_for() -> None:
    taken = {slot_start("canary_1", 4, START)}
    later = START + 10 * DAY_S
    slot = find_due_slot("canary_1", 4, later, taken=taken, since=START)
    assert slot == slot_start("canary_1", 4, later)
    taken.add(slot)
    assert find_due_slot("canary_1", 4, later + 1, taken=taken, since=START) is None
