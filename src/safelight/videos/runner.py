"""Runs one step of a video, and converts every error of the step to a state of the video."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from opentelemetry.trace import Span

from safelight.core.backoff import Backoff
from safelight.core.errors import DeadlineExceeded, NotFound, SafelightError, SandboxFailed, Unavailable
from safelight.core.metrics import STEP_SECONDS
from safelight.core.tracing import fail, set_attributes, work

from . import outcomes
from .attempts import seconds_left, wait_before_retry
from .context import PipelineContext
from .failure_message import late_sentence
from .fleet_roles import role_of
from .interruptions import ShutdownRequested, UpstreamPending
from .models import Video, VideoSnapshot, VideoState
from .steps import STEPS, Step, delete_downloaded
from .timeouts import end_late, may_have_finished
from .transitions import StaleRevision

_log = logging.getLogger(__name__)
#: A failed step is run again without a pause, until it has failed this many times.
_RETRY = Backoff(delays_s=(0.0,), max_attempts=3)
#: A pause after a clip that an upstream has finished could not be stored, for a reason of our own.
_OWN_FAILURE_PAUSE_S = 60.0
#: Steps that do not start in a closed tenant. What a provider has taken is still polled and scanned.


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """The video has a next step, which may run after this time."""

    after_s: float = 0.0
    #: Whether a process with another role runs it.
    elsewhere: bool = False


class Runner:
    """Runs the next step of a video. May be called any number of times, by any process."""

    def __init__(self, context: PipelineContext) -> None:
        self._context = context
        self._failures: Counter[tuple[str, VideoState]] = Counter()

    def run_steps(self, tenant: str, video_id: str, run: int | None = None) -> NextStep | None:
        """Run one step. Returns when the next one may follow, or None if none follows in this run.

        `run` is the number of the run that asks. If the video was enqueued again since then, that newer run
        has the video, and this one ends.
        """
        try:
            snapshot = self._context.videos.snapshot(tenant, video_id)
        except NotFound:
            return None
        if run is not None and snapshot.run != run:
            return None
        video = snapshot.video
        step = STEPS.get(video.state)
        if step is None:
            self._context.local_slots.leave(video.id)
            return None
        if role_of(video.state, snapshot.request) not in self._context.roles:
            self._context.local_slots.leave(video.id)
            if video.state is VideoState.SCANNING:
                # The process that scans cannot: it does not call upstreams.
                delete_downloaded(self._context, snapshot)
            return NextStep(elsewhere=True)
        with work(f"step {video.state.value}", video.id, generator=video.generator) as span:
            return self._run(step, snapshot, span)

    def _run(self, step: Step, snapshot: VideoSnapshot, span: Span) -> NextStep | None:
        video, following = snapshot.video, NextStep()
        try:
            if seconds_left(self._context, video) <= 0 and not may_have_finished(
                self._context, video, snapshot.last_attempt
            ):
                raise DeadlineExceeded(late_sentence(self._context.limits.deadline_s))
            with STEP_SECONDS.time(video.state.value):
                step(self._context, snapshot)
            self._context.fault_hook("moved")
        except StaleRevision:
            set_attributes(span, superseded=True)
        except ShutdownRequested as stop:
            fail(span, stop)
            return None
        except UpstreamPending as pending:
            fail(span, pending)
            following = NextStep(after_s=pending.after_s)
        except Exception as error:
            fail(span, error)
            following = NextStep(after_s=self._handle_error(video, error))
        else:
            self._failures.pop((video.id, video.state), None)
        return None if self._context.shutdown_event.is_set() else following

    def _handle_error(self, video: Video, error: Exception) -> float:
        """Run the failed step again if that can help; otherwise end the video. Returns the pause before."""
        self._failures[video.id, video.state] += 1
        failures = self._failures[video.id, video.state]
        permanent = isinstance(error, SafelightError) and not isinstance(error, Unavailable | SandboxFailed)
        if not isinstance(error, SafelightError):
            _log.exception("A step of %s (%s) failed.", video.id, video.state)
        if isinstance(error, Unavailable):
            # Storage is full or unavailable. Waiting loses no data.
            try:
                wait_before_retry(self._context, video, error.retry_after_s)
            except ShutdownRequested:
                return 0.0
            except DeadlineExceeded as exceeded:
                self._end(video, exceeded)
            return 0.0
        if permanent or _RETRY.is_exhausted(failures):
            current = self._context.videos.get(video.tenant, video.id)
            if current.state is VideoState.GENERATING and not current.waits_for_generator:
                # The finished clip is not stored yet, so an end would throw it away.
                return _OWN_FAILURE_PAUSE_S
            self._end(video, error if isinstance(error, SafelightError) else _internal())

        return 0.0

    def _end(self, video: Video, error: SafelightError) -> None:
        self._failures.pop((video.id, video.state), None)
        try:
            current = self._context.videos.get(video.tenant, video.id)
            with self._context.database.transaction(tenant=video.tenant) as tx:
                if isinstance(error, DeadlineExceeded):
                    end_late(self._context, tx, current, error)
                else:
                    outcomes.fail(self._context, tx, current, error)
        except StaleRevision:
            pass


def _internal() -> SafelightError:
    return SafelightError(
        "The video failed because of an internal error of this installation.",
        remedy="Ask the operator to search the log for the id of the video.",
    )
