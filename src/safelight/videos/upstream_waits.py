"""Videos that wait for an upstream. They take no slot and no thread; their polls are scheduled."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.trace import Span

from safelight.core.background.part import BackgroundPart
from safelight.core.errors import UpstreamError, UpstreamUnavailable
from safelight.core.tracing import begin, set_attributes
from safelight.providers.protocol import Progress, RemoteGenerator

from .attempts import POLL_S, generation_percent, has_ended, poll_pause_s, seconds_left
from .context import PipelineContext, slot_request
from .fair_order import SlotRequest
from .interruptions import UpstreamPending
from .queue import DurableQueue
from .runner import Runner
from .runs import enqueue_next, next_run
from .transitions import write_progress
from .upstream_gate import LOOK_AGAIN_S, UpstreamGate
from .upstream_places import read_occupancy

_log = logging.getLogger(__name__)
#: The next run of a waiting video is stored in the queue with this delay. This process polls, and wakes the
#: video, only until some time before, so that two runs never meet.
_DELAY_S = 600.0
_OWNED_S = _DELAY_S - 60.0
_ROUND_S = 0.5
#: A smaller change of the progress is not written.
_MIN_STEP_PERCENT = 5


@dataclass(kw_only=True)
class _Wait:
    """One waiting video. `run` is the run that is stored with a delay; another one follows earlier.

    Times are those of a monotonic clock, because the clock of the system can jump.
    """

    request: SlotRequest
    run: int
    generator: str
    #: None: the video waits to be submitted, or it is unknown whether its request arrived.
    upstream_id: str | None
    unconfirmed: bool
    began: float
    ends: float
    #: From this time on the stored run has the video.
    owned_until: float
    due: float
    percent: int
    span: Span
    polls: int = 0
    #: Whether a thread works on it now.
    busy: bool = False

    def end_span(self) -> None:
        set_attributes(self.span, accepted=self.upstream_id is not None, polls=self.polls)
        self.span.end()


class UpstreamWaits:
    """Executes steps for the queue, and keeps the videos whose next step has to wait for an upstream."""

    def __init__(
        self,
        context: PipelineContext,
        runner: Runner,
        queue: DurableQueue,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._runner = runner
        self._queue = queue
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._waits: dict[str, _Wait] = {}
        self._next_sight = -math.inf
        self.part = BackgroundPart(
            "upstream-polls", {"poll": self.poll_due}, interval_s=0.0, stopping=context.shutdown_event
        )

    def advance(self, tenant: str, video_id: str, run: int) -> bool:
        """Run one step. Returns whether the next one may follow at once, in the same run."""
        self._forget(video_id, run)
        following = self._runner.run_steps(tenant, video_id, run)
        if following is None:
            return False
        if following.elsewhere:
            enqueue_next(self._context.database, self._queue, tenant, video_id, run)
            return False
        if following.after_s <= 0:
            return True
        added = False
        try:
            added = self._add(tenant, video_id, run, following.after_s)
        finally:
            if not added:
                for gate in self._context.upstreams.values():
                    gate.leave(video_id)
        return False

    def poll_due(self) -> None:
        """Inspect the waiting videos that are due. Returns after a short time if there is none."""
        self._see_other_processes()
        with self._changed:
            if not self._due():
                times = [wait.due for wait in self._waits.values() if not wait.busy]
                self._changed.wait(min([_ROUND_S, *(max(0.0, due - self._monotonic()) for due in times)]))
            due = self._due()
            for wait in due:
                wait.busy = True
        failed: Exception | None = None
        for wait in due:
            try:
                self._look(wait)
            except Exception as error:
                # The other videos are inspected all the same.
                self._again(wait, LOOK_AGAIN_S)
                failed = failed or error
        if failed is not None:
            raise failed

    def _see_other_processes(self) -> None:
        """Tell the gates what other processes have at their upstreams, so that no video asks in vain."""
        if self._context.database.is_sqlite or self._monotonic() < self._next_sight:
            return
        self._next_sight = self._monotonic() + LOOK_AGAIN_S
        wanted = {name: gate for name, gate in self._context.upstreams.items() if gate.has_waiting}
        if wanted:
            with self._context.database.across_tenants("places at upstreams", readonly=True) as tx:
                for name, gate in wanted.items():
                    gate.see(read_occupancy(tx, name))

    def _forget(self, video_id: str, run: int) -> None:
        """This run begins: it is not woken any more."""
        with self._changed:
            wait = self._waits.get(video_id)
            if wait is not None and wait.run <= run:
                del self._waits[video_id]
                wait.end_span()

    def _due(self) -> list[_Wait]:
        now = self._monotonic()
        return [wait for wait in self._waits.values() if not wait.busy and wait.due <= now]

    def _add(self, tenant: str, video_id: str, run: int, after_s: float) -> bool:
        """Keep the video, and store its next run. Returns False if another run has the video."""
        snapshot = self._context.videos.snapshot(tenant, video_id)
        video, last = snapshot.video, snapshot.last_attempt
        now, clock = self._monotonic(), self._context.database.clock()
        following = next_run(self._context.database, tenant, video_id, run)
        if following is None:
            return False
        open_attempt = last if last is not None and last.ended_at is None else None
        wait = _Wait(
            request=slot_request(video),
            run=following,
            generator=video.generator,
            upstream_id=open_attempt.upstream_id if open_attempt else None,
            unconfirmed=open_attempt is not None and open_attempt.upstream_id is None,
            began=now - max(0.0, clock - ((open_attempt and open_attempt.submitted_at) or clock)),
            ends=now + min(seconds_left(self._context, video), _OWNED_S),
            owned_until=now + _DELAY_S - LOOK_AGAIN_S,
            due=now + after_s,
            percent=video.progress,
            span=begin("wait for upstream", video.id, generator=video.generator),
        )
        if wait.upstream_id is None and not wait.unconfirmed:
            self._gate(wait).wait(wait.request)
        self._queue.enqueue(tenant, video_id, following, delay_s=_DELAY_S)
        with self._changed:
            self._waits[video_id] = wait
            self._changed.notify_all()
        return True

    def _look(self, wait: _Wait) -> None:
        now = self._monotonic()
        if now >= wait.owned_until:
            self._forget(wait.request.video_id, wait.run)
            self._gate(wait).leave(wait.request.video_id)
        elif not self._queue.may_work:
            self._again(wait, LOOK_AGAIN_S)
        elif now >= wait.ends or wait.unconfirmed:
            self._wake(wait)
        elif wait.upstream_id is not None:
            self._gate(wait).poll_threads.submit(self._poll, wait, wait.upstream_id)
        elif self._gate(wait).invite(wait.request):
            self._wake(wait, invited=True)
        else:
            self._again(wait, LOOK_AGAIN_S)

    def _poll(self, wait: _Wait, upstream_id: str) -> None:
        pause_s: float | None = LOOK_AGAIN_S
        try:
            pause_s = self._ask(wait, upstream_id)
            if pause_s is None:
                self._wake(wait)
        except Exception:
            _log.exception("A poll of %s failed and is repeated.", wait.request.video_id)
        finally:
            self._again(wait, pause_s or LOOK_AGAIN_S)

    def _ask(self, wait: _Wait, upstream_id: str) -> float | None:
        """Ask the upstream for its progress. Returns the pause until the next poll, or None if it is done."""
        generator = self._context.generators[wait.generator]
        assert isinstance(generator, RemoteGenerator)
        wait.polls += 1
        try:
            with self._gate(wait).call(accepted=True, request=wait.request):
                progress = generator.progress(upstream_id)
        except UpstreamPending as pending:
            return pending.after_s
        except UpstreamUnavailable as error:
            return error.retry_after_s or POLL_S
        except UpstreamError:
            # The step asks again, and ends the video.
            return None
        if has_ended(progress):
            return None
        self._write(wait, progress)
        return poll_pause_s(progress, self._monotonic() - wait.began)

    def _write(self, wait: _Wait, progress: Progress) -> None:
        percent = generation_percent(progress)
        if percent >= wait.percent + _MIN_STEP_PERCENT:
            with self._context.database.transaction(tenant=wait.request.tenant) as tx:
                write_progress(tx, wait.request.video_id, percent)
            wait.percent = percent

    def _again(self, wait: _Wait, after_s: float) -> None:
        with self._changed:
            wait.due, wait.busy = min(self._monotonic() + after_s, max(wait.ends, self._monotonic())), False
            self._changed.notify_all()

    def _wake(self, wait: _Wait, *, invited: bool = False) -> None:
        """Enqueue the video: its next step follows. An invited one keeps its place at the upstream."""
        request = wait.request
        with self._changed:
            if self._waits.get(request.video_id) is not wait:
                return
            del self._waits[request.video_id]
        try:
            run = next_run(self._context.database, request.tenant, request.video_id, wait.run)
        except BaseException:
            with self._changed:
                self._waits.setdefault(request.video_id, wait)
            raise
        wait.end_span()
        if not invited or run is None:
            self._gate(wait).leave(request.video_id)
        if run is not None:
            self._queue.enqueue(request.tenant, request.video_id, run)

    def _gate(self, wait: _Wait) -> UpstreamGate:
        return self._context.upstreams[wait.generator]
