"""Stop request: the first Ctrl-C or SIGTERM lets the running work end, and the second one interrupts it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest(AbstractContextManager["StopRequest"]):
    """Whether a stop was asked for. The second signal raises `KeyboardInterrupt` in the main thread."""

    def __init__(self, announce: Callable[[], None]) -> None:
        """`announce` is called at the first signal, inside the signal handler."""
        self.is_made = False
        self._announce = announce
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_made:
            raise KeyboardInterrupt
        self.is_made = True
        self._announce()
