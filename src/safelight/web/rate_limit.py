"""Rate limit per client address, for requests without an account."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from safelight.core.errors import RateLimited

_MAX_ADDRESSES = 10_000
#: One subscriber usually has a whole IPv6 network of this size, and any address in it.
_IPV6_NETWORK_BITS = 64


class RateLimiter:
    """Allows `max_requests` per address in any `window_s` seconds. Each process keeps its own counts in
    memory. All IPv6 addresses of one /64 network count as one.
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
        key = network_of(address)
        times = self._requests.setdefault(key, deque())
        self._requests.move_to_end(key)
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


def network_of(address: str) -> str:
    """The address, or its network for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(int(parsed) >> (128 - _IPV6_NETWORK_BITS))
