"""Attempts at a remote generator: submit at most once, poll, download, delete the remote copy.

The intent is committed before the submission, and the upstream id after it. After a crash between the two
commits, the upstream is asked whether it has received the request. If the upstream cannot answer, the video
fails with `submit_unknown` and the request is never sent again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from safelight.backoff import Backoff
from safelight.errors import (
    DeadlineExceeded,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamModerationBlocked,
    UpstreamUnavailable,
)
from safelight.generation.protocol import (
    Billing,
    Charge,
    ChargeStatus,
    GenerationRequest,
    Progress,
    RemoteGenerator,
    UpstreamState,
)
from safelight.tracing.tracer import SpanKind, child_span

from .closed_tenants import require_open
from .context import PipelineContext, slot_request
from .durations import Part
from .failure_message import late_sentence
from .interruptions import ShutdownRequested, UpstreamPending
from .models import Attempt, Video, VideoSnapshot
from .upstream_gate import UpstreamGate

#: Pauses between two polls, and before a call to an upstream that is not available is repeated.
POLL_S, _MAX_POLL_S = 2.0, 10.0
#: Before the first generation was measured, it is assumed to need this share of the time until the deadline.
_MIN_TIME_SHARE = 0.05
#: Pauses between two submissions.
_RETRY = Backoff.doubling(first_s=0.5, max_s=15.0)


class ChargedFailure(Exception):
    """A `SafelightError` of the upstream, together with the charge of the failed attempt.

    Not in the error tree itself: it only carries a `SafelightError` from the attempt to the step.
    """

    def __init__(self, error: UpstreamError, charge: Charge) -> None:
        super().__init__(str(error))
        self.error = error
        self.charge = charge


@dataclass(frozen=True, kw_only=True)
class RemoteAttempts:
    """The generation attempts of one video at a remote generator.

    Each method makes one call. If the upstream has to be called again later, it raises `UpstreamPending`.
    """

    context: PipelineContext
    snapshot: VideoSnapshot
    generator: RemoteGenerator

    @property
    def video(self) -> Video:
        return self.snapshot.video

    @property
    def gate(self) -> UpstreamGate:
        return self.context.upstreams[self.video.generator]

    def submit_or_resume(self, build: Callable[[], GenerationRequest]) -> Attempt:
        """Return an attempt that the upstream has accepted: the unfinished one if there is one, else a new
        one, with the request that `build` returns.
        """
        last = self.snapshot.last_attempt
        if last is not None and last.ended_at is None:
            accepted = last if last.upstream_id is not None else self._resolve(last)
            if accepted is not None:
                self.gate.resume(self.video.id)
                return accepted
        return self._submit(build, last.number + 1 if last else 1)

    def poll(self, attempt: Attempt) -> Charge:
        """The charge, if the generation is done. Raises `ChargedFailure` if it has failed."""
        self.context.wait_for_lease()
        try:
            with self._call("progress", accepted=True):
                progress = self.generator.progress(attempt.upstream_id or "")
        except UpstreamUnavailable as error:
            raise UpstreamPending(error.retry_after_s or POLL_S, accepted=True) from error
        if progress.refusal is not None:
            documented = Charge(charged=progress.refusal.charged, source="documented")
            raise ChargedFailure(
                UpstreamModerationBlocked(progress.refusal.message, refusal=progress.refusal),
                _known_charge(progress.charge or documented, attempt),
            )
        charge = _known_charge(progress.charge or Charge(charged=ChargeStatus.UNKNOWN), attempt)
        if progress.state is UpstreamState.FAILED:
            raise ChargedFailure(
                UpstreamError(_describe_problem(self.video.generator, progress.problem)), charge
            )
        age_s = self.context.database.clock() - (attempt.submitted_at or attempt.created_at)
        if progress.state is not UpstreamState.DONE:
            raise UpstreamPending(poll_pause_s(progress, age_s), accepted=True)
        if age_s < self.context.limits.deadline_s:
            # A longer one is the jump of a clock.
            self.context.durations.record(self.video.generator, Part.UPSTREAM, age_s)
        if charge.charged is not ChargeStatus.UNKNOWN and charge != attempt.charge:
            # The download may fail until the deadline, and the step that ends the video does not poll.
            self.context.attempts.record_charge(self.video, attempt, charge)
        return charge

    def download_result(self, attempt: Attempt, charge: Charge, into: Path) -> None:
        """Download the finished clip to `into`."""
        max_bytes = self.context.limits.max_download_bytes
        self.context.wait_for_lease()
        try:
            with self._call("download", accepted=True):
                self.generator.fetch(attempt.upstream_id or "", into, max_bytes=max_bytes)
        except UpstreamUnavailable as error:
            pause_s = error.retry_after_s or POLL_S
            if pause_s >= self._left_s():
                raise DeadlineExceeded(late_sentence(self.context.limits.deadline_s)) from error
            raise UpstreamPending(pause_s, accepted=True) from error
        except UpstreamError as error:
            raise ChargedFailure(error, charge) from error
        self.context.fault_hook("fetched")

    def _submit(self, build: Callable[[], GenerationRequest], number: int) -> Attempt:
        self._require_time()
        self.context.refusals.require_room(self.video.generator)
        self.gate.enter(slot_request(self.video))
        request, store = build(), self.context.attempts
        self.context.wait_for_lease()
        try:
            with self.gate.hold_call(accepted=False):
                # Nothing is sent by a run that another one has overtaken.
                with (
                    self.context.refusals.reserve(self.video.generator),
                    self.context.commit_step(self.snapshot) as tx,
                ):
                    require_open(tx)
                    attempt = store.record_intent(tx, self.video, number, billing=self.generator.billing)
                self.context.fault_hook("intended")
                try:
                    with self._request("submit"):
                        upstream_id = self.generator.submit(
                            replace(request, key=attempt.idempotency_key, time_left_s=self._left_s())
                        )
                except UpstreamUnavailable:
                    not_charged = Charge(charged=ChargeStatus.NO, source="not taken")
                    store.finish(self.video, attempt, "not_taken", not_charged)
                    raise
        except UpstreamUnavailable as error:
            pause_s = _RETRY.delay_s(self._refusals() + 1, retry_after_s=error.retry_after_s)
            if pause_s >= self._left_s() - self._needed_s():
                raise DeadlineExceeded(late_sentence(self.context.limits.deadline_s)) from error
            raise UpstreamPending(pause_s) from error
        except SubmissionUnconfirmed as lost:
            try:
                found = self._resolve(attempt)
            except SubmissionUnconfirmed as unknown:
                raise SubmissionUnconfirmed(f"{lost.message} {unknown.message}") from lost
            if found is None:
                raise UpstreamPending(_RETRY.delay_s(self._refusals() + 1)) from None
            return found
        self.context.fault_hook("submitted")
        return store.record_upstream_id(self.video, attempt, upstream_id)

    @contextmanager
    def _call(self, operation: str, *, accepted: bool) -> Iterator[None]:
        """One call to the upstream, if the gate allows it. See `UpstreamGate.hold_call`."""
        with self.gate.hold_call(accepted=accepted), self._request(operation):
            yield

    @contextmanager
    def _request(self, operation: str) -> Iterator[None]:
        """What is sent to the upstream, as a span of the trace. Its outcome counts."""
        # The search for a lost request does not say why the request was lost.
        video_id = "" if operation == "find" else self.video.id
        with (
            child_span(f"upstream {operation}", kind=SpanKind.CLIENT, generator=self.video.generator),
            self.gate.record_outcome(video_id),
        ):
            yield

    def _require_time(self) -> None:
        """Raise `DeadlineExceeded` if a request that is submitted now cannot finish before the deadline."""
        name, left_s, needed_s = self.video.generator, self._left_s(), self._needed_s()
        if left_s < needed_s:
            late = late_sentence(self.context.limits.deadline_s)
            if not self.snapshot.attempts:
                late += (
                    f" Nothing was sent to {name}, because {max(left_s, 0.0):.1f} s were left and it needs "
                    f"at least {needed_s:.1f} s."
                )
            raise DeadlineExceeded(late)

    def _needed_s(self) -> float:
        """The least time that a request needs from its submission to the end.

        Half of the deadline at most: otherwise wrong measurements would stop all submissions, for ever.
        """
        deadline_s = self.context.limits.deadline_s
        measured_s = self.context.durations.shortest_s(
            self.video.generator, Part.UPSTREAM, Part.NORMALIZE, Part.SCAN, Part.SEAL
        )
        return min(measured_s or deadline_s * _MIN_TIME_SHARE, deadline_s / 2)

    def _left_s(self) -> float:
        return seconds_left(self.context, self.video)

    def _refusals(self) -> int:
        """The number of attempts in a row that the upstream did not accept, before this step."""
        ended = itertools.takewhile(lambda each: each.upstream_id is None, reversed(self.snapshot.attempts))
        return sum(1 for _ in ended)

    def _resolve(self, unconfirmed: Attempt) -> Attempt | None:
        """Ask the upstream whether it has received an attempt.

        Returns the attempt with its upstream id, or None if the request may be submitted again.
        """
        store = self.context.attempts
        self.context.wait_for_lease()
        try:
            with self._call("find", accepted=False):
                upstream_id = self.generator.find(unconfirmed.idempotency_key)
        except UpstreamUnavailable as error:
            raise UpstreamPending(error.retry_after_s or POLL_S) from error
        except SubmissionUnconfirmed:
            if self.generator.billing is Billing.OWN:
                store.finish(self.video, unconfirmed, "lost")
                return None
            raise
        if upstream_id is None:
            not_charged = Charge(charged=ChargeStatus.NO, source="upstream")
            store.finish(self.video, unconfirmed, "not_taken", not_charged)
            return None
        return store.record_upstream_id(self.video, unconfirmed, upstream_id)


def has_ended(progress: Progress) -> bool:
    """Whether the upstream has finished, failed or refused the request."""
    return progress.refusal is not None or progress.state in {UpstreamState.DONE, UpstreamState.FAILED}


def _known_charge(stated: Charge, attempt: Attempt) -> Charge:
    """The charge that the upstream states now; the recorded one if it is known and the stated one is not."""
    if stated.charged is ChargeStatus.UNKNOWN and attempt.charge.charged is not ChargeStatus.UNKNOWN:
        return attempt.charge
    return stated


def poll_pause_s(progress: Progress, age_s: float) -> float:
    """Seconds until the next poll: what the upstream asks for, else a pause that grows with the age."""
    return progress.poll_after_s or min(max(age_s / 30, POLL_S), _MAX_POLL_S)


def generation_percent(progress: Progress) -> int:
    """The progress of the whole video: the generation is 5 to 60 percent of it."""
    return 5 + 55 * (progress.percent or 0) // 100


def _describe_problem(name: str, problem: str) -> str:
    """The failure that a generator reported, as one sentence."""
    text = problem.strip() or "it gave no reason"
    return f"{name} failed: {text}" + ("" if text.endswith((".", "!", "?", "。", "…")) else ".")


def start_local_attempt(context: PipelineContext, snapshot: VideoSnapshot) -> Attempt:
    """Record a new attempt on own hardware. An attempt that a crash interrupted ends as `lost`."""
    video, last = snapshot.video, snapshot.last_attempt
    if last is not None and last.ended_at is None:
        not_charged = Charge(charged=ChargeStatus.NO, source="own hardware")
        context.attempts.finish(video, last, "lost", not_charged)
    with context.commit_step(snapshot) as tx:
        require_open(tx)
        attempt = context.attempts.record_intent(
            tx, video, last.number + 1 if last else 1, billing=Billing.OWN
        )
    context.fault_hook("intended")
    return attempt


def delete_upstream_copy(generator: RemoteGenerator, upstream_id: str) -> str:
    """Delete the upstream's copy. Returns `deleted` or `kept`. Raises `UpstreamUnavailable`."""
    try:
        return "deleted" if generator.delete(upstream_id) else "kept"
    except UpstreamUnavailable:
        raise
    except UpstreamError:
        return "kept"


def wait_before_retry(context: PipelineContext, video: Video, seconds: float) -> None:
    """Wait for this time.

    Raises `DeadlineExceeded` if the deadline of the video has passed, and `ShutdownRequested` if the process
    shuts down during the wait.
    """
    left = seconds_left(context, video)
    if left <= 0:
        raise DeadlineExceeded(late_sentence(context.limits.deadline_s))
    if context.shutdown_event.wait(max(0.01, min(seconds, left))):
        raise ShutdownRequested


def seconds_left(context: PipelineContext, video: Video) -> float:
    """Seconds until the deadline of a video; 0 after it. Not 0 while nothing expires after a clock jump."""
    left = video_deadline(context, video) - context.database.clock()
    return max(left, context.clock_watch.held_for_s())


def video_deadline(context: PipelineContext, video: Video) -> float:
    """The deadline of a video in unix seconds. After it, an unfinished video fails with `timeout`."""
    return video.deadline_at or video.created_at + context.limits.deadline_s
