"""Progress of one piece of work, passed down as an object so that lower layers call nothing above them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any


class ProgressSink:
    """Keeps the highest progress reported so far. Safe to use from many threads.

    The code that does the work reports to it; the code that shows or stores progress reads `percent` when it
    wants to. `listener` is for a progress bar: it gets every report, as units done and units in total (0:
    not known).
    """

    def __init__(self, listener: Callable[[int, int], None] | None = None) -> None:
        self._listener = listener
        self._lock = Lock()
        self._percent = 0

    @property
    def percent(self) -> int:
        """0 to 100; never falls."""
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
        """A report of a sandboxed child: `{"frame": done, "frames": total}`.

        Any other message is ignored, because the child is not trusted.
        """
        if not isinstance(message, dict):
            return
        done, total = message.get("frame", 0), message.get("frames", 0)
        if isinstance(done, int) and isinstance(total, int):
            self.report(done, total)
