"""Finds jumps of the wall clock, and returns for how long nothing may expire after one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
#: A larger change of the wall clock against the monotonic clock between two comparisons is a jump.
MAX_STEP_S = 60.0


class ClockWatch:
    """Compares the wall clock with the monotonic clock at every call. Thread-safe.

    After a jump, times in the database can be past although their work had no time, so nothing expires for
    `hold_s`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        hold_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hold_s = hold_s
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offset = clock() - monotonic()
        #: The monotonic time until which nothing expires.
        self._held_until = monotonic()

    def held_for_s(self) -> float:
        """Compare the clocks. Returns for how many seconds nothing may expire; 0 without a recent jump."""
        with self._lock:
            now = self._monotonic()
            offset = self._clock() - now
            step, self._offset = offset - self._offset, offset
            if abs(step) > MAX_STEP_S:
                self._held_until = now + self._hold_s
                _log.warning("The clock jumped by %+.0f s. Nothing expires for %.0f s.", step, self._hold_s)
            return max(0.0, self._held_until - now)
