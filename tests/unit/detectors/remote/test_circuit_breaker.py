from __future__ import annotations

from safelight.detectors.remote.circuit_breaker import CircuitBreaker


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_consecutive_failures_and_closes_after_the_cooldown() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failure_threshold=3, cooldown_s=30.0, clock=clock)
    for _ in range(2):
        breaker.record_failure()
        assert not breaker.is_open
    breaker.record_failure()
    assert breaker.is_open
    clock.now += 29.9
    assert breaker.is_open
    clock.now += 0.1
    assert not breaker.is_open


def test_one_more_failure_after_the_cooldown_opens_it_again() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failure_threshold=3, cooldown_s=30.0, clock=clock)
    for _ in range(3):
        breaker.record_failure()
    clock.now += 30.0
    breaker.record_failure()
    assert breaker.is_open


def test_a_success_starts_the_count_again() -> None:
    breaker = CircuitBreaker(failure_threshold=2, cooldown_s=30.0, clock=Clock())
    breaker.record_failure()
    breaker.record_success()
    breaker.record_failure()
    assert not breaker.is_open
