"""An order to somebody's server: sent at most once, watched until it ends, fetched, and its copy removed.

The intent is committed before the call and the id after it. A crash between the two leaves doubt, and doubt
is settled by asking; where the upstream cannot tell, the job ends in `submit_unknown`, never sent again.
"""

from __future__ import annotations

import time
from dataclasses import replace
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
from .models import Attempt, Video

_POLL_S = 2.0
#: For submitting and downloading, and for asking how far a video is.
_RETRY = Backoff.doubling(first_s=0.5, max_s=15.0)
_POLL_RETRY = Backoff(delays_s=(_POLL_S,))


class ShutdownRequested(Exception):
    """The process shuts down; the step runs again after the next start.

    Not in the error tree: it is not a failure, and `except SafelightError` must not catch it.
    """


def submit_or_resume(
    workshop: PipelineContext, video: Video, generator: RemoteGenerator, order: GenerationRequest
) -> Attempt:
    """An attempt the upstream has taken: the one that is under way, or a new one."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    if last is not None and last.ended_at is None:
        if last.upstream_id is not None:
            return last
        found = _settle(workshop, video, generator, last)
        if found is not None:
            return found
    return _submit(workshop, video, generator, order)


def start_local_attempt(workshop: PipelineContext, video: Video) -> Attempt:
    """A fresh attempt on our own hardware; one that a crash interrupted is noted as lost."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    if last is not None and last.ended_at is None:
        _end(workshop, video, last, "lost", Charge(charged=ChargeStatus.NO, source="own hardware"))
    attempt = workshop.store.record_attempt_intent(video.tenant, video, ownership=Billing.OWN)
    workshop.fault_hook("intended")
    return attempt


def _settle(
    workshop: PipelineContext, video: Video, generator: RemoteGenerator, doubtful: Attempt
) -> Attempt | None:
    """The attempt with its id where the upstream knows it; None where it may be sent (again)."""
    try:
        upstream_id = generator.find(doubtful.idempotency_key)
    except SubmissionUnconfirmed:
        if generator.ownership is Billing.OWN:
            _end(workshop, video, doubtful, "lost")
            return None
        raise
    if upstream_id is None:
        _end(workshop, video, doubtful, "not_taken", Charge(charged=ChargeStatus.NO, source="upstream"))
        return None
    return workshop.store.record_upstream_id(video.tenant, video.id, doubtful, upstream_id)


def _submit(
    workshop: PipelineContext, video: Video, generator: RemoteGenerator, order: GenerationRequest
) -> Attempt:
    failures = 0
    while True:
        attempt = workshop.store.record_attempt_intent(video.tenant, video, ownership=generator.ownership)
        workshop.fault_hook("intended")
        try:
            upstream_id = generator.submit(replace(order, key=attempt.idempotency_key))
        except UpstreamUnavailable as error:
            _end(workshop, video, attempt, "not_taken", Charge(charged=ChargeStatus.NO, source="not taken"))
            failures += 1
            wait_before_retry(workshop, video, _RETRY.delay_s(failures, retry_after_s=error.retry_after_s))
            continue
        except SubmissionUnconfirmed:
            found = _settle(workshop, video, generator, attempt)
            if found is not None:
                return found
            continue
        workshop.fault_hook("submitted")
        return workshop.store.record_upstream_id(video.tenant, video.id, attempt, upstream_id)


def _end(
    workshop: PipelineContext, video: Video, attempt: Attempt, outcome: str, charge: Charge | None = None
) -> None:
    with workshop.database.transaction(tenant=video.tenant) as tx:
        workshop.store.finish_attempt(tx, video.id, attempt, outcome, charge=charge)


def wait_before_retry(workshop: PipelineContext, video: Video, seconds: float) -> None:
    """Wait, unless the deadline passes or the process stops meanwhile."""
    left = video_deadline(workshop, video) - time.time()
    if left <= 0:
        raise DeadlineExceeded(f"The video was not finished within {workshop.terms.deadline_s:.0f} s.")
    if workshop.shutdown_event.wait(max(0.01, min(seconds, left))):
        raise ShutdownRequested


def video_deadline(workshop: PipelineContext, video: Video) -> float:
    """Unix seconds after which an unfinished video fails with `timeout`."""
    return video.deadline_at or video.created_at + workshop.terms.deadline_s


def poll_until_done(
    workshop: PipelineContext, video: Video, generator: RemoteGenerator, attempt: Attempt
) -> Charge:
    """Ask until the order is done; what it cost. Raises `Charging` where it failed or was refused."""
    upstream_id = attempt.upstream_id or ""
    report = workshop.progress_callback(video.tenant, video.id, 5, 60)
    charge = Charge(charged=ChargeStatus.UNKNOWN)
    while True:
        try:
            progress = generator.progress(upstream_id)
        except UpstreamUnavailable as error:
            wait_before_retry(workshop, video, _POLL_RETRY.delay_s(1, retry_after_s=error.retry_after_s))
            continue
        charge = progress.charge or charge
        if progress.refusal is not None:
            raise ChargedFailure(
                UpstreamModerationBlocked(progress.refusal.message, refusal=progress.refusal),
                progress.charge or Charge(charged=progress.refusal.charged, source="documented"),
            )
        if progress.state is UpstreamState.FAILED:
            raise ChargedFailure(
                UpstreamError(f"The generator failed: {progress.problem or 'no reason given'}."), charge
            )
        if progress.state is UpstreamState.DONE:
            return charge
        report(progress.percent or 0)
        wait_before_retry(workshop, video, progress.poll_after_s or _POLL_S)


class ChargedFailure(Exception):
    """An upstream error with the charge of the failed attempt.

    Not in the error tree: it only carries one of the tree's errors from the attempt to the step.
    """

    def __init__(self, error: UpstreamError, charge: Charge) -> None:
        super().__init__(str(error))
        self.error = error
        self.charge = charge


def download_result(
    workshop: PipelineContext,
    video: Video,
    generator: RemoteGenerator,
    attempt: Attempt,
    charge: Charge,
    into: Path,
) -> None:
    """Download the result of a finished order to `into`."""
    failures = 0
    while True:
        try:
            generator.fetch(attempt.upstream_id or "", into, max_bytes=workshop.terms.max_download_bytes)
        except UpstreamUnavailable as error:
            failures += 1
            wait_before_retry(workshop, video, _RETRY.delay_s(failures, retry_after_s=error.retry_after_s))
        except UpstreamError as error:
            raise ChargedFailure(error, charge) from error
        else:
            workshop.fault_hook("fetched")
            return


def delete_upstream_copy(generator: RemoteGenerator, upstream_id: str) -> str:
    """Remove the upstream's copy once ours is safe; `deleted` or `kept`."""
    try:
        return "deleted" if generator.delete(upstream_id) else "kept"
    except UpstreamError:
        return "kept"
