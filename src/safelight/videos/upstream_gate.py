"""Limits the requests and calls at one upstream, and pauses calls while it fails.

Nothing fails at a limit: what has no place waits. Places and submissions are those of all processes, which
`see` and `claim` receive, also the pause that the upstream asked for. Calls, and pauses after failures, are
those of this process: one that cannot reach the upstream must not stop the others.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from safelight.core.backoff import Backoff
from safelight.core.errors import SubmissionUnconfirmed, UpstreamUnavailable
from safelight.providers.protocol import Generator

from .fair_order import FairOrder, SlotRequest
from .interruptions import UpstreamPending

#: Submissions, polls and downloads at one upstream at the same time. A call can take minutes, and the videos
#: of other generators need threads too. As with places, one key gets all but one.
_MAX_CALLS = 8
_POLL_THREADS = 4
#: Failed calls in a row after which the upstream is not called for a pause. Then one call tests it.
_FAILURES = 5
_PAUSE = Backoff.doubling(first_s=5.0, max_s=60.0)
#: A place is kept for an invited video for this time.
_INVITED_S = 10.0
#: The time in which the submissions of a minute are counted.
MINUTE_S = 60.0
#: What is known of other processes counts for this time.
_SEEN_S = 3.0
#: Videos of which the last failed call is remembered.
_MAX_PROBLEMS = 10_000
#: A video looks again after this time for a free place or a free call.
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class UpstreamProblem:
    """Why requests to an upstream wait now."""

    #: Failed calls in a row for which this process does not call it for a time; 0 if it is called.
    failed_calls: int = 0
    #: Why it did not answer when it was last asked for its models; empty if it did or is not asked.
    no_answer: str = ""


@dataclass(frozen=True, kw_only=True)
class Occupancy:
    """What all processes have at an upstream: the videos there, by id, and the submissions of a minute.

    For `closed_s` seconds, the upstream wants no submissions.
    """

    inside: Mapping[str, SlotRequest]
    recent: int
    closed_s: float = 0.0


class UpstreamGate:
    """The state of one upstream for this process: videos that are there, calls that run, failures in a row.

    Of several places, one key gets all but one, because what was submitted cannot be taken back when another
    key comes. A free place goes to the tenant that has the fewest, of it to the key that has the fewest, and
    among equals to the one that was served least recently.
    """

    def __init__(
        self, *, limit: int, per_minute: int | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._per_minute = per_minute
        self._limit_of_a_key = places_of_a_key(limit)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._order = FairOrder()
        #: Videos with a request at the upstream, by id.
        self._inside: dict[str, SlotRequest] = {}
        #: Videos that a place is kept for, by id, and until when.
        self._invited: dict[str, tuple[SlotRequest, float]] = {}
        #: Videos that wait for a free place, by id.
        self._waiting: dict[str, SlotRequest] = {}
        #: Why the last call for a video failed or was not made, by id.
        self._problems: dict[str, str] = {}
        #: The calls that run now, by tenant and key; those of the gateway itself have none.
        self._calls: Counter[tuple[str, str] | None] = Counter()
        self._failures = 0
        self._next_call = 0.0
        #: When the last submissions of this process began, by video, if they are limited.
        self._submissions: dict[str, float] = {}
        self._next_submission = -math.inf
        #: What all processes had there when it was last read (see `Occupancy`), and until when that counts.
        self._seen: dict[str, SlotRequest] = {}
        self._seen_recent = 0
        self._seen_until = -math.inf

    @cached_property
    def poll_threads(self) -> Executor:
        """Threads for the polls of this upstream, so that a slow one does not delay the others."""
        return ThreadPoolExecutor(_POLL_THREADS, thread_name_prefix="poll")

    def failures_of_pause(self) -> int:
        """The failed calls in a row for which the upstream is not called for a time; 0 if it is called."""
        with self._lock:
            return self._failures if self._failures >= _FAILURES else 0

    def wait(self, request: SlotRequest) -> None:
        """The video waits for a free place until it enters or leaves."""
        with self._lock:
            self._waiting[request.video_id] = request

    def invite(self, request: SlotRequest) -> bool:
        """Keep a place for the video if it is next."""
        with self._lock:
            if not self._is_next(request):
                return False
            self._invited[request.video_id] = (request, self._monotonic() + _INVITED_S)
            self._waiting.pop(request.video_id, None)
            return True

    def enter(self, request: SlotRequest) -> None:
        """Take a place for a new submission. Raises `UpstreamPending` if it is not the video's turn."""
        with self._lock:
            if request.video_id not in self._inside:
                if not self._is_next(request):
                    raise UpstreamPending(LOOK_AGAIN_S)
                self._order.record(request)
                self._enter(request)
                if self._per_minute is not None:
                    self._submissions[request.video_id] = self._monotonic()

    def see(self, occupancy: Occupancy) -> None:
        """What all processes have at the upstream now."""
        with self._lock:
            self._seen, self._seen_recent = dict(occupancy.inside), occupancy.recent
            self._seen_until = self._monotonic() + _SEEN_S
            self._next_submission = self._monotonic() + occupancy.closed_s

    def claim(self, request: SlotRequest, occupancy: Occupancy) -> None:
        """Raise `UpstreamPending` if the upstream wants no submission now, or if the videos of all processes
        leave no place for one that has entered.
        """
        self.see(occupancy)
        with self._lock:
            others = [each for video_id, each in occupancy.inside.items() if video_id != request.video_id]
            has_turn = self._per_minute is None or occupancy.recent < self._per_minute
            if occupancy.closed_s <= 0 and has_turn and self._has_room(_of_keys(others), request):
                return
            self._submissions.pop(request.video_id, None)
        raise UpstreamPending(LOOK_AGAIN_S)

    @property
    def has_waiting(self) -> bool:
        """Whether a video waits for a free place."""
        return bool(self._waiting)

    def resume(self, request: SlotRequest) -> None:
        """The upstream has accepted a request of this video before."""
        with self._lock:
            self._enter(request)

    def leave(self, video_id: str) -> None:
        with self._lock:
            self._inside.pop(video_id, None)
            self._seen.pop(video_id, None)
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
    def call(self, *, accepted: bool, request: SlotRequest | None = None) -> Iterator[None]:
        """One call that is sent at once: `hold_call` and `record_outcome`."""
        with (
            self.hold_call(accepted=accepted, request=request),
            self.record_outcome(request.video_id if request else ""),
        ):
            yield

    @contextmanager
    def hold_call(self, *, accepted: bool, request: SlotRequest | None = None) -> Iterator[None]:
        """Allow one call. Raises `UpstreamPending` during a pause, or if too many calls run.

        `accepted`: whether the upstream has accepted the request of the video. `request`: whose call it is.
        """
        key = (request.tenant, request.key) if request else None
        with self._lock:
            if (pause_s := self._pause_s()) > 0:
                raise UpstreamPending(pause_s, accepted=accepted)
            if self._calls.total() >= _MAX_CALLS or (key and self._calls[key] >= _MAX_CALLS - 1):
                raise UpstreamPending(LOOK_AGAIN_S, accepted=accepted)
            if self._failures >= _FAILURES:
                # This call tests the upstream; the others wait for its result.
                self._next_call = self._monotonic() + self._next_pause_s()
            self._calls[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls[key] -= 1
                self._calls = +self._calls

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
        """Whether the upstream works, has a free place, and it is the video's turn."""
        now = self._monotonic()
        self._invited = {
            video_id: (invited, until) for video_id, (invited, until) in self._invited.items() if until > now
        }
        if self._pause_s() > 0 or now < self._next_submission:
            return False
        if request.video_id in self._invited:
            return True
        is_seen = self._seen_until > now
        if self._per_minute is not None:
            self._submissions = {
                video_id: at for video_id, at in self._submissions.items() if at > now - MINUTE_S
            }
            recent = max(len(self._submissions), self._seen_recent if is_seen else 0)
            if recent + len(self._invited) >= self._per_minute:
                return False
        invited = {video_id: each for video_id, (each, _until) in self._invited.items()}
        held = ((self._seen if is_seen else {}) | invited | self._inside).values()
        of_keys = _of_keys(held)
        if not self._has_room(of_keys, request):
            return False
        of_tenants = Counter(each.tenant for each in held)
        waiting = {**self._waiting, request.video_id: request}.values()
        return request is min(
            (each for each in waiting if of_keys[each.tenant, each.key] < self._limit_of_a_key),
            key=lambda each: (
                of_tenants[each.tenant],
                of_keys[each.tenant, each.key],
                self._order.rank(each),
            ),
        )

    def _has_room(self, of_keys: Counter[tuple[str, str]], request: SlotRequest) -> bool:
        # After a restart or a takeover a key can have more places than it gets. The others do not count, so
        # that another key still finds one.
        taken = sum(min(number, self._limit_of_a_key) for number in of_keys.values())
        return taken < self._limit and of_keys[request.tenant, request.key] < self._limit_of_a_key

    def _enter(self, request: SlotRequest) -> None:
        self._inside[request.video_id] = request
        self._invited.pop(request.video_id, None)
        self._waiting.pop(request.video_id, None)

    def _count(self, *, failed: bool) -> None:
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= _FAILURES:
            self._next_call = self._monotonic() + self._next_pause_s()

    def _pause_s(self) -> float:
        return self._next_call - self._monotonic() if self._failures >= _FAILURES else 0.0

    def _next_pause_s(self) -> float:
        return _PAUSE.delay_s(max(1, self._failures - _FAILURES + 1))


def _of_keys(held: Iterable[SlotRequest]) -> Counter[tuple[str, str]]:
    """The number of places by tenant and key."""
    return Counter((each.tenant, each.key) for each in held)


def places_of_a_key(limit: int) -> int:
    """The places of an upstream with this limit that one key gets."""
    return max(1, limit - 1)


def upstream_gates(generators: Mapping[str, Generator]) -> Mapping[str, UpstreamGate]:
    """A gate for each generator."""
    found = {name: each.info() for name, each in generators.items()}
    return {
        name: UpstreamGate(limit=info.max_concurrent, per_minute=info.max_submissions_per_minute)
        for name, info in found.items()
    }
