"""The clock of the database's server, which the processes of a fleet share. Thread-safe."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)
#: Closer clocks count as equal: the server's answer is not read more precisely under load.
MAX_DIFFERENCE_S = 1.0
_INTERVAL_S = 60.0


@dataclass(frozen=True)
class _Reading:
    #: The server's time, and when it was read by the clocks of this machine.
    server: float
    monotonic: float
    own: float


class SharedClock:
    """The time of this machine, or that of the server once they differ by more than `MAX_DIFFERENCE_S`.

    Otherwise a machine whose clock is ahead would end what the others have just begun.
    """

    def __init__(
        self, own: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._own = own
        self._monotonic = monotonic
        self._last: _Reading | None = None

    def __call__(self) -> float:
        own, last = self._own(), self._last
        if last is None:
            return own
        server = last.server + self._monotonic() - last.monotonic
        return server if abs(own - server) > MAX_DIFFERENCE_S else own

    @property
    def ahead_s(self) -> float:
        """By how much this machine was ahead of the server at the last reading."""
        return self._last.own - self._last.server if self._last is not None else 0.0

    def is_due(self) -> bool:
        """Whether the server's time must be read: never yet, long ago, or this machine's clock was set since
        (or slept, which the monotonic clock does not count). Both at once can cancel out until the next one.
        """
        last = self._last
        if last is None:
            return True
        passed = self._monotonic() - last.monotonic
        return passed > _INTERVAL_S or abs(self._own() - last.own - passed) > MAX_DIFFERENCE_S

    def read(self, ask: Callable[[], float]) -> None:
        """Read the server's time with `ask`."""
        began, before = self._monotonic(), self.ahead_s
        server = ask()
        ended = self._monotonic()
        self._last = _Reading(server=server + (ended - began) / 2, monotonic=ended, own=self._own())
        if abs(self.ahead_s - before) > MAX_DIFFERENCE_S:
            _log.warning(
                "The clock of this machine is %+.0f s off the database's, whose time counts.", self.ahead_s
            )
