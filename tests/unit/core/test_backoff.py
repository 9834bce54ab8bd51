from __future__ import annotations

import dataclasses

import pytest

from safelight.core.backoff import Backoff
from support.rows import each_row


def test_delays_are_used_in_sequence_and_the_last_one_repeats() -> None:
    backoff = Backoff(delays_s=(5.0, 30.0, 120.0))
    assert [backoff.delay_s(failures) for failures in range(1, 6)] == [5.0, 30.0, 120.0, 120.0, 120.0]


@each_row
def test_doubling_ends_at_the_cap(first_s: float, max_s: float, expected: tuple[float, ...]) -> None:
    assert Backoff.doubling(first_s=first_s, max_s=max_s).delays_s == expected


def test_doubling_equals_a_manual_computation() -> None:
    submit, rest = Backoff.doubling(first_s=0.5, max_s=15.0), Backoff.doubling(first_s=5.0, max_s=300.0)
    wait = 0.5
    for failures in range(1, 40):
        assert submit.delay_s(failures) == wait
        wait = min(wait * 2, 15.0)
        assert rest.delay_s(failures) == min(300.0, 5.0 * 2 ** min(failures - 1, 10))


def test_a_requested_delay_takes_precedence() -> None:
    backoff = Backoff(delays_s=(2.0,))
    assert backoff.delay_s(1, retry_after_s=60.0) == 60.0
    assert backoff.delay_s(1, retry_after_s=None) == 2.0
    assert backoff.delay_s(1, retry_after_s=0.0) == 2.0


def test_retries_end_after_the_maximum_number_of_attempts() -> None:
    assert [Backoff(delays_s=(0.0,), max_attempts=3).is_exhausted(n) for n in range(1, 5)] == [
        False,
        False,
        True,
        True,
    ]
    assert not Backoff(delays_s=(0.0,)).is_exhausted(10**9)


def test_a_backoff_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(Backoff(delays_s=(1.0,)), "max_attempts", 2)  # noqa: B010


def test_invalid_values_are_refused() -> None:
    for delays in [(), (-1.0,)]:
        with pytest.raises(ValueError, match="0 s or more"):
            Backoff(delays_s=delays)
    for first, cap in [(0.0, 1.0), (2.0, 1.0)]:
        with pytest.raises(ValueError, match="first_s"):
            Backoff.doubling(first_s=first, max_s=cap)
    with pytest.raises(ValueError, match="1 or more"):
        Backoff(delays_s=(1.0,)).delay_s(0)
