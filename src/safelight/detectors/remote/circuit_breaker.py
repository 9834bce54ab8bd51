"""Circuit breaker: a server that fails several times in a row gets no calls for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable


class CircuitBreaker:
    """Counts consecutive failures. After `failure_threshold` failures the breaker is open for `cooldown_s`
    seconds.

    After that time calls are allowed, and the first one that fails opens it again. Thread-safe.
    """

    def __init__(self, *, failure_threshold: int, cooldown_s: float, clock: Callable[[], float]) -> None:
        self._failure_threshold, self._cooldown_s, self._clock = failure_threshold, cooldown_s, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open, so that callers must not call the server."""
        with self._lock:
            return self._clock() < self._open_until

    def record_failure(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._failure_threshold:
                self._open_until = self._clock() + self._cooldown_s

    def record_success(self) -> None:
        with self._lock:
            self._failures = 0
