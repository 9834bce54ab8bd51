"""Finds jumps of the wall clock, and returns for how long nothing may expire after one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)
#: A larger change of the wall clock against the monotonic clock between two comparisons is a jump.
MAX_STEP_S = 60.0


@dataclass(frozen=True, kw_only=True)
class ClockJump:
    """A jump of the wall clock, for example because a virtual machine was suspended."""

    #: Seconds; negative if the clock went back.
    by_s: float
    #: The monotonic time until which nothing expires.
    held_until: float


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
        self.hold_s = hold_s
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offset = clock() - monotonic()
        self._jump: ClockJump | None = None

    def last_jump(self) -> ClockJump | None:
        """Compare the clocks. Returns the last jump since the start."""
        with self._lock:
            now = self._monotonic()
            offset = self._clock() - now
            step, self._offset = offset - self._offset, offset
            if abs(step) > MAX_STEP_S:
                self._jump = ClockJump(by_s=step, held_until=now + self.hold_s)
                _log.warning("The clock jumped by %+.0f s. Nothing expires for %.0f s.", step, self.hold_s)
            return self._jump

    def held_for_s(self) -> float:
        """Compare the clocks. Returns for how many seconds nothing may expire; 0 without a recent jump."""
        jump = self.last_jump()
        return 0.0 if jump is None else max(0.0, jump.held_until - self._monotonic())
