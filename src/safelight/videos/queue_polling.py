"""Polls the engine's queues in threads: quickly while there is work, seldom while there is none.

The engine offers no other way to wake its polling. A test checks that the function still exists.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from dbos import DBOS, Queue
from dbos._queue import queue_thread, queue_worker_thread

_log = logging.getLogger(__name__)
#: After the last sign of work, the interval of the engine is kept for this time, because a run that ends, or
#: that is recovered after a start, becomes visible a little later.
_QUICK_S = 5.0


class SlowPause(threading.Event):
    """A stop event on which a thread of the engine waits at least for `least_s` between two rounds."""

    def __init__(self, least_s: float) -> None:
        super().__init__()
        self._least_s = least_s

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else max(timeout, self._least_s))


class PollPause(threading.Event):
    """The stop event of the engine's polling. The engine waits on it between two polls."""

    def __init__(
        self,
        *,
        is_busy: Callable[[], bool],
        idle_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`idle_s`: the pause while nothing happens in this process."""
        super().__init__()
        self._idle_s = idle_s
        self._is_busy = is_busy
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._quick_until = monotonic() + _QUICK_S

    def wake(self) -> None:
        """There is work: poll at once, and then at the engine's interval."""
        with self._changed:
            self._quick_until = self._monotonic() + _QUICK_S
            self._changed.notify_all()

    def set(self) -> None:
        super().set()
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the engine's interval, or for longer if there is no work. Returns whether to stop."""
        if self._is_busy():
            self.wake()
        with self._changed:
            if self._monotonic() >= self._quick_until:
                self._changed.wait_for(self._must_poll, self._idle_s)
                return self.is_set()
        return super().wait(timeout)

    def _must_poll(self) -> bool:
        return self.is_set() or self._monotonic() < self._quick_until


class QueuePolling:
    """Starts runs of one queue in this process. The engine itself must not listen to the queue."""

    def __init__(self, engine: DBOS, queue: Queue, *, is_busy: Callable[[], bool], idle_s: float) -> None:
        self._engine = engine
        self._queue = queue
        self._pause = PollPause(is_busy=is_busy, idle_s=idle_s)
        engine.background_thread_stop_events.append(self._pause)
        self._thread: threading.Thread | None = None

    def keep_running(self) -> None:
        """Start the thread. A later call starts it again if it has ended."""
        if self._pause.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        if self._thread is not None:
            _log.error("The thread that polls the queue has ended, and is started again.")
        self._thread = threading.Thread(
            target=queue_worker_thread,
            args=(self._pause, self._engine, self._queue),
            name="queue-polling",
            daemon=True,
        )
        self._thread.start()

    def wake(self) -> None:
        """A run was enqueued: poll at once."""
        self._pause.wake()

    def stop(self) -> None:
        """Start no further run."""
        self._pause.set()


def end_queue_threads(engine: DBOS) -> None:
    """End the engine's own threads for queues: they read its database twice a second for nothing.

    Our queue has `QueuePolling`, and no run waits in the internal one. The engine has no setting for it.
    """
    for thread in engine._background_threads:  # noqa: SLF001
        if getattr(thread, "_target", None) is queue_thread:
            stop_event: threading.Event = thread._args[0]  # type: ignore[attr-defined]  # noqa: SLF001
            stop_event.set()
