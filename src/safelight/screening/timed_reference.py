"""The reference stage with a time limit, for references that are screened while a client waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field

from safelight.policy.verdicts import Action

from .evaluation import ScreeningContext, StageResult
from .reference import ReferenceInput, ReferenceStage

#: Time for the files of one check. A clip is scanned only if its scan probably takes less: on two cores that
#: are 1280x720 at 24 frames/s up to 30 s, or 1920x1080 up to 26 s. Clients and reverse proxies wait for 60 s.
CHECK_TIMEOUT_S = 45.0
#: Checks that scan clips at the same time in one process, one of each caller. Others are answered without a
#: scan, so that clips never hold all threads for checks, and one caller never holds all places.
MAX_CLIP_CHECKS = 2
#: Calls of `/v1/moderations` that wait for one of these places. Each holds a thread, and the pool has 64.
MAX_CLIP_WAITS = 8
#: Seconds after which a check that waits for a scan sees that the process stops.
_LOOK_AGAIN_S = 0.5


class ClipPlaces:
    """Who has clips scanned while a client waits: one place for each caller, at most `MAX_CLIP_CHECKS`."""

    def __init__(self) -> None:
        self._callers: set[str] = set()
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, caller: str, *, wait_s: float = 0.0) -> Iterator[bool]:
        """Whether the caller has a place inside the block.

        Waits `wait_s` for it, unless `MAX_CLIP_WAITS` others wait.
        """
        with self._changed:
            if not self._is_free(caller) and wait_s and self._waiting < MAX_CLIP_WAITS:
                self._waiting += 1
                try:
                    self._changed.wait_for(lambda: self._is_free(caller), wait_s)
                finally:
                    self._waiting -= 1
            if held := self._is_free(caller):
                self._callers.add(caller)
        try:
            yield held
        finally:
            if held:
                with self._changed:
                    self._callers.discard(caller)
                    self._changed.notify_all()

    def _is_free(self, caller: str) -> bool:
        return caller not in self._callers and len(self._callers) < MAX_CLIP_CHECKS


@dataclass(frozen=True, kw_only=True)
class TimedReferenceStage:
    """Screens the references of a request for at most `timeout_s`, and the files of a check for at most
    `check_timeout_s`.
    """

    stage: ReferenceStage
    #: Threads that screen. They are shared by all requests.
    threads: Executor
    timeout_s: float
    check_timeout_s: float = CHECK_TIMEOUT_S
    #: Set when the process stops. A check then ends without its scan, before the time for requests is over.
    stopping: threading.Event = field(default_factory=threading.Event)
    _places: ClipPlaces = field(default_factory=ClipPlaces)

    def screen_files(
        self, files: Sequence[ReferenceInput], context: ScreeningContext, *, caller: str = ""
    ) -> tuple[tuple[StageResult, ...], Mapping[ReferenceInput, float | None]]:
        """The results, and the files that were not screened in time.

        The value of a clip is the estimated time of its scan in seconds, at least `check_timeout_s` if that
        time was over. Images are screened before clips, and the clips that take least before the others.
        Raises the errors of `ReferenceStage.screen`.
        """
        pictures = [file for file in files if file.is_picture]
        clips = [file for file in files if not file.is_picture]
        ends = time.monotonic() + self.check_timeout_s
        first = self.screen(pictures, context, self.check_timeout_s) if pictures else None
        results = () if first is None else (first,)
        if first is not None and first.verdict.action is Action.BLOCK:
            return results, dict.fromkeys(clips)
        estimates = {clip: self.stage.estimate_scan_s(clip) for clip in clips}
        left: dict[ReferenceInput, float | None] = dict.fromkeys(pictures if first is None else ())
        # One deadline, because the client waits for pictures and clips together.
        left_s = ends - time.monotonic()
        fitting, total_s = [], 0.0
        for clip in sorted(clips, key=lambda clip: estimates[clip]):
            total_s += estimates[clip]
            if total_s <= left_s:
                fitting.append(clip)
        left |= {clip: estimates[clip] for clip in clips if clip not in fitting}
        if not fitting:
            return results, left
        with self._places.hold(caller) as held:
            if not held:
                return results, left | {clip: estimates[clip] for clip in fitting}
            found = self.screen(fitting, context, left_s)
        if found is None:
            least_s = 0.0 if self.stopping.is_set() else self.check_timeout_s
            return results, left | {clip: max(estimates[clip], least_s) for clip in fitting}
        return (*results, found), left

    def screen(
        self, files: Sequence[ReferenceInput], context: ScreeningContext, timeout_s: float | None = None
    ) -> StageResult | None:
        """The result, or None if it was not finished in time, or when the process stops.

        An unfinished scan is cancelled. Raises the errors of `ReferenceStage.screen`.
        """
        cancel = threading.Event()
        # With the context of this thread, which has the span of the request.
        job = self.threads.submit(
            copy_context().run, lambda: self.stage.screen(files, context, cancel=cancel)
        )
        ends = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while not self.stopping.is_set() and not job.done() and (left_s := ends - time.monotonic()) > 0:
            wait([job], timeout=min(left_s, _LOOK_AGAIN_S))
        if job.done():
            return job.result()
        cancel.set()
        job.cancel()
        return None
