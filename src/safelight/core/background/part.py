"""A part of the gateway that repeats its tasks in a thread, survives every error and reports its health."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from safelight.core.backoff import Backoff
from safelight.core.errors import Unavailable

from .rows import RowFailures

_log = logging.getLogger(__name__)
#: Failures of one task in a row after which the part, and so the process, is not ready.
UNREADY_AFTER = 5
#: A task that runs for longer than this, without an end, makes the part unready too.
STALLED_S = 120.0
#: Tasks whose data did not change are run after this time all the same, for what is due by the clock.
UNCHANGED_S = 15.0
#: A part that another process runs asks this often whether it still does.
_FOLLOWING_S = 1.0
#: Pauses after failures in a row. Short, because a part works again soon after the database or the disk does.
_BACKOFF = Backoff.doubling(first_s=1.0, max_s=4.0)
#: Own generator: the state of the module `random` belongs to the process that this thread runs in.
_RANDOM = random.Random()  # noqa: S311


@dataclass(frozen=True, kw_only=True)
class PartHealth:
    """The health of a background part at one moment."""

    name: str
    #: Errors since the start.
    errors: int
    #: Why the part does not do its work; None if it does.
    problem: str | None
    #: Rows that failed again and again and are left out for now.
    parked: tuple[str, ...]


@dataclass
class _Task:
    name: str
    run: Callable[[], object]
    due: float = 0.0
    #: The version of the data before the last run, and the time from which that run does not count.
    version: int | None = None
    outdated_at: float = 0.0
    failures: int = 0
    last_error: str = ""


@dataclass
class _Running:
    """The task that runs now, and since when."""

    task: str = ""
    since: float = 0.0


class BackgroundPart:
    """Runs each of its tasks at every interval, in one thread, until `stopping` is set.

    `interval_s` can be a function, which is called after each task that succeeded. `version` returns a number
    that every change of the data of the tasks changes, and None where that is not known. A task is left out
    while its data have not changed since its last run, for at most `UNCHANGED_S`.

    An error of a task is logged and counted; it never ends the thread. The failed task is run again after a
    pause that grows and has jitter. The other tasks keep their interval.

    While `runs_elsewhere()` is true, no task is started, and the part has no problem.
    """

    def __init__(
        self,
        name: str,
        tasks: Mapping[str, Callable[[], object]],
        *,
        interval_s: float | Callable[[], float],
        stopping: threading.Event,
        version: Callable[[], int | None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.rows = RowFailures(monotonic=monotonic)
        #: Whether another process of the fleet runs the tasks.
        self.runs_elsewhere: Callable[[], bool] = lambda: False
        self._tasks = [_Task(name=each, run=run) for each, run in tasks.items()]
        self._interval_s = interval_s
        self._stopping = stopping
        self._version = version
        self._monotonic = monotonic
        self._errors = 0
        self._running = _Running()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. The first round follows at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread, after `stopping` was set."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def run_all(self) -> None:
        """Run every task once, also those that wait after a failure."""
        for task in self._tasks:
            self._attempt(task, None)

    def health(self) -> PartHealth:
        return PartHealth(
            name=self.name,
            errors=self._errors,
            problem=None if self.runs_elsewhere() else self.problem(),
            parked=tuple(sorted(self.rows.parked())),
        )

    def problem(self) -> str | None:
        """Why the part cannot do its work in this process, also if it runs elsewhere now."""
        if self._thread is not None and not self._thread.is_alive() and not self._stopping.is_set():
            return "its thread has ended"
        for task in self._tasks:
            if task.failures >= UNREADY_AFTER:
                return f"{task.name} failed {task.failures} times in a row, last with {task.last_error}"
        task_name, since = self._running.task, self._running.since
        if task_name and self._monotonic() - since > STALLED_S:
            return f"{task_name} has run for {self._monotonic() - since:.0f} s without an end"
        return None

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self.runs_elsewhere():
                self._stopping.wait(_FOLLOWING_S)
                continue
            version = self._version()
            for task in self._tasks:
                if task.due <= self._monotonic() and not self._stopping.is_set():
                    self._attempt(task, version)
            self._stopping.wait(max(0.0, min(task.due for task in self._tasks) - self._monotonic()))

    def _attempt(self, task: _Task, version: int | None) -> None:
        self._running = _Running(task=task.name, since=self._monotonic())
        try:
            now = self._monotonic()
            if version is None or version != task.version or now >= task.outdated_at:
                task.run()
                task.version, task.outdated_at = version, now + UNCHANGED_S
        except Exception as error:
            self._errors += 1
            task.failures += 1
            task.outdated_at = 0.0
            task.last_error = type(error).__name__
            pause_s = _BACKOFF.delay_s(task.failures) * _RANDOM.uniform(0.5, 1.0)
            task.due = self._monotonic() + pause_s
            log = _log.warning if isinstance(error, Unavailable) else _log.error
            log(
                "%s: %s failed (%d in a row) and is tried again in %.1f s.",
                self.name,
                task.name,
                task.failures,
                pause_s,
                exc_info=error,
            )
        else:
            task.failures = 0
            interval_s = self._interval_s() if callable(self._interval_s) else self._interval_s
            task.due = self._monotonic() + interval_s
        finally:
            self._running = _Running()
