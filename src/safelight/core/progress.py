"""Progress of one piece of work. It is passed down as an object, so lower layers do not call higher ones."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any


class ProgressSink:
    """Keeps the highest progress reported so far. Threads can use it at the same time.

    The code that does the work calls `report`; the code that shows or stores progress reads `percent`.
    `listener`, such as a progress bar, gets every report as units done and units in total (0: not known).
    """

    def __init__(self, listener: Callable[[int, int], None] | None = None) -> None:
        self._listener = listener
        self._lock = Lock()
        self._percent = 0

    @property
    def percent(self) -> int:
        """The progress from 0 to 100. It never falls."""
        return self._percent

    def report(self, done: int, total: int) -> None:
        if total > 0:
            percent = 100 * max(0, min(done, total)) // total
            with self._lock:
                self._percent = max(self._percent, percent)
        if self._listener is not None:
            self._listener(done, total)

    def report_percent(self, percent: int) -> None:
        self.report(percent, 100)

    def report_message(self, message: Any) -> None:
        """Report the progress in a message of a sandboxed child: `{"frame": done, "frames": total}`.

        Any other message is ignored, because the child is not trusted.
        """
        if not isinstance(message, dict):
            return
        done, total = message.get("frame", 0), message.get("frames", 0)
        if isinstance(done, int) and isinstance(total, int):
            self.report(done, total)
