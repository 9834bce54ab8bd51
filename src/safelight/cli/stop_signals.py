"""SIGTERM and SIGINT: the first one asks the process to stop, and the second one ends it at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """The signal handlers of the gateway. A stop that is asked for during the start follows after it."""

    def __init__(self) -> None:
        self._received = False
        self._stop: Callable[[], None] | None = None

    def install(self) -> None:
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def call(self, stop: Callable[[], None]) -> None:
        """Call `stop` at the first signal, or now if that signal has arrived already.

        `stop` runs inside the signal handler, so it must not take a lock.
        """
        self._stop = stop
        if self._received:
            stop()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._received:
            os._exit(128 + number)
        self._received = True
        if self._stop is not None:
            self._stop()
