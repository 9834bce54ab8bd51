"""Children kept warm, models loaded, for calls that somebody is waiting on."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from safelight import errors
from safelight.sandbox.entrypoints import NOOP, EntryPoint
from safelight.sandbox.process import ChildProcess, NotAccepted, Progress, Signer
from safelight.sandbox.sandbox import Limits, Sandbox

_TICK_S = 0.2


class WarmPool:
    """At most `size` children, each prepared once by `preload` and used for `uses` calls.

    A child is replaced after its last use and after any failure, a `BadInput` excepted: that is an answer.
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
        """Prepare all children now, and wait for them. Without it the first calls prepare their own."""
        for filler in [self._start_filling() for _ in range(self._size)]:
            filler.join()

    def run(
        self,
        entry_point: EntryPoint,
        argument: Any = None,
        *,
        progress: Progress | None = None,
        signer: Signer | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """As `Sandbox.run`; waits for a free child within the same time limit."""
        if not self._slots.acquire(timeout=self._limits.wall_s):
            raise errors.SandboxTimedOut(f"No child was free within {self._limits.wall_s:g} s.")
        tries = self._size
        try:
            while True:
                child, left = self._take()
                good = False
                try:
                    answer = child.call(
                        entry_point, argument, progress=progress, signer=signer, cancel=cancel
                    )
                    good = True
                    return answer
                except errors.BadInput:
                    good = True
                    raise
                except NotAccepted:
                    # It died while nobody used it; so may all that are kept, and no more.
                    if not tries:
                        raise
                    tries -= 1
                finally:
                    self._give_back(child, left - 1, good=good)
        finally:
            self._slots.release()

    def close(self) -> None:
        """End all idle children; those at work end with their call."""
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
                kept = self._idle.pop() if self._idle else None
            if kept is None:
                return self._prepared(), self._uses
            if kept[0].alive:
                return kept
            kept[0].close()

    def _give_back(self, child: ChildProcess, left: int, *, good: bool) -> None:
        with self._lock:
            keep = good and left > 0 and not self._closed and child.alive
            if keep:
                self._idle.append((child, left))
            replace = not keep and not self._closed
        if not keep:
            child.close()
        if replace:
            self._start_filling()

    def _start_filling(self) -> threading.Thread:
        filler = threading.Thread(target=self._fill, daemon=True, name="warm-pool")
        with self._lock:
            self._fillers = [other for other in self._fillers if other.is_alive()]
            # Started under the lock, so that every listed thread can be joined.
            filler.start()
            self._fillers.append(filler)
        return filler

    def _fill(self) -> None:
        """One more idle child, unless there are enough. One that cannot be prepared is the next caller's
        to see: it prepares its own, and is told what is wrong."""
        while not self._slots.acquire(timeout=_TICK_S):
            if self._closed:
                return
        try:
            with self._lock:
                enough = self._closed or len(self._idle) >= self._size
            if not enough:
                with contextlib.suppress(errors.SandboxFailed):
                    child = self._prepared()
                    with self._lock:
                        keep = not self._closed
                        if keep:
                            self._idle.append((child, self._uses))
                    if not keep:
                        child.close()
        finally:
            self._slots.release()

    def _prepared(self) -> ChildProcess:
        child = self._sandbox.spawn(self._limits)
        try:
            child.call(self._preload, self._preload_argument)
        except BaseException:
            child.close()
            raise
        return child
