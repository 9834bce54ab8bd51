"""Limits the requests and calls of this process at one upstream, and pauses calls while it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property

from safelight.backoff import Backoff
from safelight.errors import SubmissionUnconfirmed, UpstreamUnavailable
from safelight.generation.protocol import Generator

from .fair_order import FairOrder, SlotRequest
from .interruptions import UpstreamPending

#: Submissions, polls and downloads at one upstream at the same time. A call can take minutes, and the videos
#: of other generators need threads too.
_MAX_CALLS = 8
_POLL_THREADS = 4
#: Failed calls in a row after which the upstream is not called for a pause. Then one call tests it.
_FAILURES = 5
_PAUSE = Backoff.doubling(first_s=5.0, max_s=60.0)
#: A place is kept for an invited video for this time.
_INVITED_S = 10.0
#: Videos of which the last failed call is remembered.
_MAX_PROBLEMS = 10_000
#: A video looks again after this time for a free place or a free call.
LOOK_AGAIN_S = 1.0


class UpstreamGate:
    """The state of one upstream in this process: videos that are there, calls that run, failures in a row."""

    def __init__(self, *, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._order = FairOrder()
        #: Videos with a request at the upstream.
        self._inside: set[str] = set()
        #: Videos that a place is kept for, and until when.
        self._invited: dict[str, float] = {}
        #: Videos that wait for a free place, by id.
        self._waiting: dict[str, SlotRequest] = {}
        #: Why the last call for a video failed or was not made, by id.
        self._problems: dict[str, str] = {}
        self._calls = 0
        self._failures = 0
        self._next_call = 0.0

    @cached_property
    def poll_threads(self) -> Executor:
        """Threads for the polls of this upstream, so that a slow one does not delay the others."""
        return ThreadPoolExecutor(_POLL_THREADS, thread_name_prefix="poll")

    def failures_of_pause(self) -> int:
        """The failed calls in a row for which the upstream is not called for a time; 0 if it is called."""
        with self._lock:
            return self._failures if self._failures >= _FAILURES else 0

    def require_no_pause(self) -> None:
        """Raise what `hold_call` raises during a pause, before a request is prepared."""
        with self._lock:
            if (pause_s := self._pause_s()) > 0:
                raise UpstreamPending(pause_s)

    def wait(self, request: SlotRequest) -> None:
        """The video waits for a free place until it enters or leaves."""
        with self._lock:
            self._waiting[request.video_id] = request

    def is_next(self, request: SlotRequest) -> bool:
        """Whether the upstream works, has a free place, and it is the video's turn."""
        with self._lock:
            return self._is_next(request)

    def invite(self, request: SlotRequest) -> bool:
        """Keep a place for the video if it is next."""
        with self._lock:
            if not self._is_next(request):
                return False
            self._invited[request.video_id] = self._monotonic() + _INVITED_S
            self._waiting.pop(request.video_id, None)
            return True

    def enter(self, request: SlotRequest) -> None:
        """Take a place for a new submission. Raises `UpstreamPending` if it is not the video's turn."""
        with self._lock:
            if request.video_id not in self._inside:
                if not self._is_next(request):
                    raise UpstreamPending(LOOK_AGAIN_S)
                self._order.record(request)
                self._enter(request.video_id)

    def resume(self, video_id: str) -> None:
        """The upstream has accepted a request of this video before."""
        with self._lock:
            self._enter(video_id)

    def leave(self, video_id: str) -> None:
        with self._lock:
            self._inside.discard(video_id)
            self._invited.pop(video_id, None)
            self._waiting.pop(video_id, None)

    @contextmanager
    def visit(self, video_id: str) -> Iterator[None]:
        """One step of a video. At its end the video leaves, unless the upstream still works on it."""
        try:
            yield
        except UpstreamPending as pending:
            if pending.problem:
                with self._lock:
                    self._remember(video_id, pending.problem)
            if not pending.accepted:
                self.leave(video_id)
            raise
        except BaseException:
            self.leave(video_id)
            raise
        else:
            self.leave(video_id)

    def last_problem(self, video_id: str) -> str:
        """Why the last call for the video failed, or why none was made.

        Empty if it succeeded, or was made by another process.
        """
        with self._lock:
            return self._problems.get(video_id, "")

    @contextmanager
    def call(self, *, accepted: bool, video_id: str = "") -> Iterator[None]:
        """One call that is sent at once: `hold_call` and `record_outcome`."""
        with self.hold_call(accepted=accepted), self.record_outcome(video_id):
            yield

    @contextmanager
    def hold_call(self, *, accepted: bool) -> Iterator[None]:
        """Allow one call. Raises `UpstreamPending` during a pause, or if too many calls run.

        `accepted`: whether the upstream has accepted the request of the video.
        """
        with self._lock:
            if (pause_s := self._pause_s()) > 0:
                raise UpstreamPending(pause_s, accepted=accepted)
            if self._calls >= _MAX_CALLS:
                raise UpstreamPending(LOOK_AGAIN_S, accepted=accepted)
            if self._failures >= _FAILURES:
                # This call tests the upstream; the others wait for its result.
                self._next_call = self._monotonic() + self._next_pause_s()
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1

    @contextmanager
    def record_outcome(self, video_id: str = "") -> Iterator[None]:
        """Count whether the upstream answers. Only around the call itself.

        `video_id`: the video whose last problem this call changes.
        """
        failed, problem = False, ""
        try:
            yield
        except (UpstreamUnavailable, SubmissionUnconfirmed) as error:
            failed, problem = True, error.message
            raise
        finally:
            with self._lock:
                self._count(failed=failed)
                if video_id:
                    self._remember(video_id, problem)

    def _remember(self, video_id: str, problem: str) -> None:
        self._problems.pop(video_id, None)
        if problem:
            self._problems[video_id] = problem
        if len(self._problems) > _MAX_PROBLEMS:
            del self._problems[next(iter(self._problems))]

    def _is_next(self, request: SlotRequest) -> bool:
        now = self._monotonic()
        self._invited = {video_id: until for video_id, until in self._invited.items() if until > now}
        if self._pause_s() > 0:
            return False
        if request.video_id in self._invited:
            return True
        if len(self._inside) + len(self._invited) >= self._limit:
            return False
        return self._order.first({**self._waiting, request.video_id: request}.values()) is request

    def _enter(self, video_id: str) -> None:
        self._inside.add(video_id)
        self._invited.pop(video_id, None)
        self._waiting.pop(video_id, None)

    def _count(self, *, failed: bool) -> None:
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= _FAILURES:
            self._next_call = self._monotonic() + self._next_pause_s()

    def _pause_s(self) -> float:
        return self._next_call - self._monotonic() if self._failures >= _FAILURES else 0.0

    def _next_pause_s(self) -> float:
        return _PAUSE.delay_s(max(1, self._failures - _FAILURES + 1))


def upstream_gates(generators: Mapping[str, Generator]) -> Mapping[str, UpstreamGate]:
    """A gate for each generator."""
    return {name: UpstreamGate(limit=each.info().max_concurrent) for name, each in generators.items()}
