from __future__ import annotations

import pytest

from safelight.core.background.clock_watch import ClockWatch


class Clocks:
    wall = 1_000_000.0
    steady = 50.0

    def pass_s(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def watch(clocks: Clocks) -> ClockWatch:
    return ClockWatch(clock=lambda: clocks.wall, monotonic=lambda: clocks.steady, hold_s=1800.0)


def test_time_that_passes_is_not_a_jump(watch: ClockWatch, clocks: Clocks) -> None:
    for _ in range(10):
        clocks.pass_s(7200)
        assert watch.held_for_s() == 0.0


def test_a_clock_that_is_adjusted_in_small_steps_does_not_jump(watch: ClockWatch, clocks: Clocks) -> None:
    for _ in range(100):
        clocks.wall += 59
        assert watch.held_for_s() == 0.0


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 61.0])
def test_after_a_jump_nothing_expires_for_one_deadline(
    by_s: float, watch: ClockWatch, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    clocks.wall += by_s
    assert watch.held_for_s() == 1800.0
    assert f"The clock jumped by {by_s:+.0f} s" in caplog.text
    clocks.pass_s(1799)
    assert watch.held_for_s() == 1.0
    clocks.pass_s(1)
    assert watch.held_for_s() == 0.0
    assert len(caplog.records) == 1


def test_a_second_jump_starts_the_time_again(watch: ClockWatch, clocks: Clocks) -> None:
    clocks.wall += 3600
    watch.held_for_s()
    clocks.pass_s(1000)
    clocks.wall -= 3600
    assert watch.held_for_s() == 1800.0
