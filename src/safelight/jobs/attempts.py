"""Attempts at a remote generator: submit at most once, poll, download, delete the remote copy.

The intent is committed before the submission, and the upstream id after it. After a crash between the two
commits, the upstream is asked whether it has received the request. If the upstream cannot answer, the video
fails with `submit_unknown` and the request is never sent again.
"""

from __future__ import annotations

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
    RemoteGenerator,
    UpstreamState,
)

from .context import PipelineContext
from .interruptions import ShutdownRequested
from .models import Attempt, Video, VideoSnapshot

_POLL_S = 2.0
#: Pauses before a retry: the first for submissions and downloads, the second for polling.
_RETRY = Backoff.doubling(first_s=0.5, max_s=15.0)
_POLL_RETRY = Backoff(delays_s=(_POLL_S,))


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
    """The generation attempts of one video at a remote generator."""

    context: PipelineContext
    video: Video
    generator: RemoteGenerator

    def submit_or_resume(self, request: GenerationRequest, last: Attempt | None) -> Attempt:
        """Return an attempt that the upstream has accepted: the unfinished one if there is one, else a new
        one.

        `last` is the latest attempt in the snapshot of this step.
        """
        if last is not None and last.ended_at is None:
            if last.upstream_id is not None:
                return last
            found = self._resolve(last)
            if found is not None:
                return found
        return self._submit(request, last.number + 1 if last else 1)

    def poll_until_done(self, attempt: Attempt) -> Charge:
        """Poll until the generation is done. Returns the charge; raises `ChargedFailure` if it fails."""
        upstream_id = attempt.upstream_id or ""
        charge = Charge(charged=ChargeStatus.UNKNOWN)
        with self.context.recorded_progress(self.video, 5, 60) as sink:
            while True:
                self.context.wait_for_lease()
                try:
                    progress = self.generator.progress(upstream_id)
                except UpstreamUnavailable as error:
                    self._wait(_POLL_RETRY.delay_s(1, retry_after_s=error.retry_after_s))
                    continue
                charge = progress.charge or charge
                if progress.refusal is not None:
                    raise ChargedFailure(
                        UpstreamModerationBlocked(progress.refusal.message, refusal=progress.refusal),
                        progress.charge or Charge(charged=progress.refusal.charged, source="documented"),
                    )
                if progress.state is UpstreamState.FAILED:
                    raise ChargedFailure(
                        UpstreamError(_describe_problem(self.video.generator, progress.problem)),
                        charge,
                    )
                if progress.state is UpstreamState.DONE:
                    return charge
                sink.report_percent(progress.percent or 0)
                self._wait(progress.poll_after_s or _POLL_S)

    def download_result(self, attempt: Attempt, charge: Charge, into: Path) -> None:
        """Download the finished clip to `into`."""
        max_bytes = self.context.limits.max_download_bytes
        failures = 0
        while True:
            self.context.wait_for_lease()
            try:
                self.generator.fetch(attempt.upstream_id or "", into, max_bytes=max_bytes)
            except UpstreamUnavailable as error:
                failures += 1
                self._wait(_RETRY.delay_s(failures, retry_after_s=error.retry_after_s))
            except UpstreamError as error:
                raise ChargedFailure(error, charge) from error
            else:
                self.context.fault_hook("fetched")
                return

    def _submit(self, request: GenerationRequest, number: int) -> Attempt:
        store, failures = self.context.attempts, 0
        while True:
            self.context.wait_for_lease()
            attempt = store.record_intent(self.video, number, billing=self.generator.billing)
            number = attempt.number + 1
            self.context.fault_hook("intended")
            try:
                upstream_id = self.generator.submit(replace(request, key=attempt.idempotency_key))
            except UpstreamUnavailable as error:
                not_charged = Charge(charged=ChargeStatus.NO, source="not taken")
                store.finish(self.video, attempt, "not_taken", not_charged)
                failures += 1
                try:
                    self._wait(_RETRY.delay_s(failures, retry_after_s=error.retry_after_s))
                except DeadlineExceeded as late:
                    raise DeadlineExceeded(f"{late.message} {error.message}") from error
                continue
            except SubmissionUnconfirmed as lost:
                try:
                    found = self._resolve(attempt)
                except SubmissionUnconfirmed as unknown:
                    raise SubmissionUnconfirmed(f"{lost.message} {unknown.message}") from lost
                if found is not None:
                    return found
                continue
            self.context.fault_hook("submitted")
            return store.record_upstream_id(self.video, attempt, upstream_id)

    def _resolve(self, unconfirmed: Attempt) -> Attempt | None:
        """Ask the upstream whether it has received an attempt.

        Returns the attempt with its upstream id, or None if the request may be submitted again.
        """
        store = self.context.attempts
        self.context.wait_for_lease()
        try:
            upstream_id = self.generator.find(unconfirmed.idempotency_key)
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

    def _wait(self, seconds: float) -> None:
        wait_before_retry(self.context, self.video, seconds)


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
    attempt = context.attempts.record_intent(video, last.number + 1 if last else 1, billing=Billing.OWN)
    context.fault_hook("intended")
    return attempt


def delete_upstream_copy(generator: RemoteGenerator, upstream_id: str) -> str:
    """Delete the upstream's copy, after our copy is stored. Returns `deleted` or `kept`."""
    try:
        return "deleted" if generator.delete(upstream_id) else "kept"
    except UpstreamError:
        return "kept"


def wait_before_retry(context: PipelineContext, video: Video, seconds: float) -> None:
    """Wait for this time.

    Raises `DeadlineExceeded` if the deadline of the video has passed, and `ShutdownRequested` if the process
    shuts down during the wait.
    """
    left = seconds_left(context, video)
    if left <= 0:
        raise DeadlineExceeded(f"The video was not finished within {context.limits.deadline_s:.0f} s.")
    if context.shutdown_event.wait(max(0.01, min(seconds, left))):
        raise ShutdownRequested


def seconds_left(context: PipelineContext, video: Video) -> float:
    """Seconds until the deadline of a video; 0 after it. Not 0 while nothing expires after a clock jump."""
    left = video_deadline(context, video) - context.database.clock()
    return max(left, context.clock_watch.held_for_s())


def video_deadline(context: PipelineContext, video: Video) -> float:
    """The deadline of a video in unix seconds. After it, an unfinished video fails with `timeout`."""
    return video.deadline_at or video.created_at + context.limits.deadline_s
