"""Limits of one MCP session: money, and an hour without requests after a block."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping

from safelight_client.money import format_money

#: How long a session requests nothing after a block, and gets no suggestions after one by our policy, in
#: seconds.
_AFTER_BLOCK_S = 3_600


class SessionRefusal(Exception):
    """A tool does not do what was asked. The message states why, and what to do. Not in the error tree,
    because it is returned to the assistant. `texts`: what others wrote about it.
    """

    def __init__(self, message: str, texts: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.texts = texts or {}


class SessionLimits:
    """Money that may still be spent, and the last blocks of this session. Thread-safe."""

    def __init__(self, allowed_usd: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed_usd = allowed_usd
        self._left_usd = allowed_usd or 0.0
        self._clock = clock
        self._blocked_at = self._blocked_by_policy_at = -math.inf
        self._lock = threading.Lock()

    @property
    def left_usd(self) -> float:
        """US dollars that are neither spent nor reserved."""
        return round(self._left_usd, 6)

    def remember_block(self, *, by_policy: bool) -> None:
        """Remember that a prompt was blocked now: by our policy, or perhaps by a provider."""
        self._blocked_at = self._clock()
        if by_policy:
            self._blocked_by_policy_at = self._blocked_at

    def had_policy_block(self) -> bool:
        """Whether our policy blocked a prompt of this session within the last hour."""
        return self._clock() - self._blocked_by_policy_at < _AFTER_BLOCK_S

    def require_allowed(self) -> None:
        """Raises `SessionRefusal` if nothing may be requested."""
        if self._allowed_usd is None:
            raise SessionRefusal(
                "This server requests no videos. Its operator can allow it with --allow-spend and an amount "
                "in US dollars; 0 allows models without charge."
            )
        if self._clock() - self._blocked_at < _AFTER_BLOCK_S:
            raise SessionRefusal(
                "A prompt was blocked in this session within the last hour, so nothing is requested. Do not "
                "try other words for it. Tell the user what was blocked."
            )

    def require_affordable(self, usd: float | None) -> float:
        """The price. Raises `SessionRefusal` if it is not known or higher than what is left."""
        if usd is None:
            raise SessionRefusal("The price of this model is not known, so nothing is requested.")
        left = self.left_usd
        if usd > left:
            raise SessionRefusal(
                f"The video costs {format_money(usd)}; {format_money(left)} of --allow-spend are left."
            )
        return usd

    def reserve(self, usd: float | None) -> float:
        """Reserve the price, and return it. Raises `SessionRefusal` if it is not known or too high."""
        with self._lock:
            price = self.require_affordable(usd)
            self._left_usd -= price
        return price

    def release(self, usd: float) -> None:
        """Give back a reserved price of which nothing was charged."""
        with self._lock:
            self._left_usd += usd
