"""A pool of warm children, which have loaded the models, for calls that must answer quickly."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from safelight.core import errors
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import NOOP, EntryPoint
from safelight.media.sandbox.process import NO_HOOKS, CallHooks, ChildProcess, NotAccepted
from safelight.media.sandbox.sandbox import Sandbox

_POLL_S = 0.2


class WorkerPool:
    """At most `size` children. `preload` initialises each child, which then runs at most `uses` calls.

    A child is replaced after its last use and after any failure except `BadInput`, which is a valid answer.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        size: int,
        limits: Limits,
        preload: EntryPoint = NOOP,
        preload_argument: Any = None,
        uses: int = 200,
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._preload = preload
        self._preload_argument = preload_argument
        self._uses = uses
        self._slots = threading.BoundedSemaphore(size)
        self._size = size
        self._lock = threading.Lock()
        self._idle: list[tuple[ChildProcess, int]] = []
        self._fillers: list[threading.Thread] = []
        self._closed = False

    def start(self) -> None:
        """Start all children and wait until they are ready.

        Optional: otherwise the first calls start them.
        """
        for filler in [self._start_filling() for _ in range(self._size)]:
            filler.join()

    def run(
        self,
        entry_point: EntryPoint,
        argument: Any = None,
        hooks: CallHooks = NO_HOOKS,
    ) -> Any:
        """Like `Sandbox.run`. Waits for a free child for at most the wall-clock limit of a call."""
        if not self._slots.acquire(timeout=self._limits.wall_s):
            raise errors.SandboxTimedOut(f"No child was free within {self._limits.wall_s:g} s.")
        retries = self._size
        try:
            while True:
                child, uses_left = self._take()
                reusable = False
                try:
                    result = child.call(entry_point, argument, hooks)
                    reusable = True
                    return result
                except errors.BadInput:
                    reusable = True
                    raise
                except NotAccepted:
                    # The child died while it was idle. Other idle children may have died too, so retry at
                    # most once for each.
                    if not retries:
                        raise
                    retries -= 1
                finally:
                    self._give_back(child, uses_left - 1, reusable=reusable)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Kill all idle children; a busy child ends after its call."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            fillers = self._fillers
        for filler in fillers:
            filler.join()
        for child, _ in idle:
            child.close()

    def _take(self) -> tuple[ChildProcess, int]:
        while True:
            with self._lock:
                idle = self._idle.pop() if self._idle else None
            if idle is None:
                return self._start_child(), self._uses
            if idle[0].alive:
                return idle
            idle[0].close()

    def _give_back(self, child: ChildProcess, uses_left: int, *, reusable: bool) -> None:
        with self._lock:
            keep = reusable and uses_left > 0 and not self._closed and child.alive
            if keep:
                self._idle.append((child, uses_left))
            replace = not keep and not self._closed
        if not keep:
            child.close()
        if replace:
            self._start_filling()

    def _start_filling(self) -> threading.Thread:
        filler = threading.Thread(target=self._fill, daemon=True, name="warm-pool")
        with self._lock:
            self._fillers = [other for other in self._fillers if other.is_alive()]
            # The thread is started under the lock, so that every thread in the list can be joined.
            filler.start()
            self._fillers.append(filler)
        return filler

    def _fill(self) -> None:
        """Add one idle child unless there are enough.

        An error is ignored here: the next caller starts its own child and gets the error.
        """
        while not self._slots.acquire(timeout=_POLL_S):
            if self._closed:
                return
        try:
            with self._lock:
                enough = self._closed or len(self._idle) >= self._size
            if not enough:
                with contextlib.suppress(errors.SandboxFailed):
                    child = self._start_child()
                    with self._lock:
                        keep = not self._closed
                        if keep:
                            self._idle.append((child, self._uses))
                    if not keep:
                        child.close()
        finally:
            self._slots.release()

    def _start_child(self) -> ChildProcess:
        child = self._sandbox.spawn(self._limits)
        try:
            child.call(self._preload, self._preload_argument)
        except BaseException:
            child.close()
            raise
        return child
