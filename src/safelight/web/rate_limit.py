"""Rate limit per client address, for requests without an account."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from safelight.errors import RateLimited

_MAX_ADDRESSES = 10_000


class RateLimiter:
    """Allows `max_requests` per address in any `window_s` seconds. Each process keeps its own counts in
    memory.
    """

    def __init__(
        self, max_requests: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_requests = max_requests
        self._window_s = window_s
        self._clock = clock
        self._requests: OrderedDict[str, deque[float]] = OrderedDict()

    def allow(self, address: str) -> None:
        """Count one request. Raises `RateLimited` with the time until the next request is allowed."""
        now = self._clock()
        times = self._requests.setdefault(address, deque())
        self._requests.move_to_end(address)
        while len(self._requests) > _MAX_ADDRESSES:
            self._requests.popitem(last=False)
        while times and times[0] <= now - self._window_s:
            times.popleft()
        if len(times) >= self._max_requests:
            wait_s = times[0] + self._window_s - now
            raise RateLimited(
                "Too many requests from this address. Nothing was stored.",
                retry_after_s=max(1.0, wait_s),
            )
        times.append(now)
