"""How often strangers may ask, by address: enough for people, too little for floods."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from safelight.errors import RateLimited

_REMEMBERED = 10_000


class RateLimiter:
    """So many in any `window_s` from one address. In memory: each process counts its own."""

    def __init__(self, most: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._window_s = window_s
        self._clock = clock
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def allow(self, address: str) -> None:
        """Count one. Raises `Limited`, saying when the next is free."""
        now = self._clock()
        times = self._seen.setdefault(address, deque())
        self._seen.move_to_end(address)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        while times and times[0] <= now - self._window_s:
            times.popleft()
        if len(times) >= self._most:
            wait = times[0] + self._window_s - now
            raise RateLimited(
                "That is more than is answered for one address right now. Nothing was kept.",
                retry_after_s=max(1.0, wait),
            )
        times.append(now)
