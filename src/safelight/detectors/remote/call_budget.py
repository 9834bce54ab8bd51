"""A limit on the calls to a server in any 24 hours, because the server may charge for each call."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

_DAY_S = 86_400


class CallBudget:
    """Counts the calls of this process. Thread-safe.

    `calls_per_day`: the most calls in any 24 hours; 0: no limit.
    """

    def __init__(self, calls_per_day: int, *, clock: Callable[[], float]) -> None:
        self._calls_per_day, self._clock = calls_per_day, clock
        self._lock = threading.Lock()
        self._calls: deque[float] = deque()

    def take(self) -> bool:
        """Count a call; False, and not counted, if the limit is reached."""
        if not self._calls_per_day:
            return True
        now = self._clock()
        with self._lock:
            while self._calls and now - self._calls[0] >= _DAY_S:
                self._calls.popleft()
            if len(self._calls) >= self._calls_per_day:
                return False
            self._calls.append(now)
            return True

    def give_back(self) -> None:
        """Do not count a call that `take` allowed and that was not made."""
        with self._lock:
            if self._calls:
                self._calls.pop()
