"""Attempts at a remote generator: submit at most once, poll, download, delete the remote copy.

The intent is committed before the submission, and the upstream id after it. After a crash between the two
commits, the upstream is asked whether it has received the request. If the upstream cannot answer, the video
fails with `submit_unknown` and the request is never sent again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from opentelemetry.trace import Span, SpanKind

from safelight.core.backoff import Backoff
from safelight.core.errors import (
    DeadlineExceeded,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamUnavailable,
)
from safelight.core.tracing import child_span
from safelight.policy.steering import Steering
from safelight.providers.protocol import (
    Billing,
    Charge,
    ChargeStatus,
    ClipMissing,
    GenerationRequest,
    Progress,
    ProviderRefusal,
    RemoteGenerator,
    SteeringUnavailable,
    UpstreamState,
)
from safelight.store.database import Transaction
from safelight.store.retention import PAID_CLIP_S

from .context import DownloadTries, PipelineContext, slot_request
from .failure_message import describe_cut_download, late_sentence
from .interruptions import ShutdownRequested, UpstreamPending
from .models import Attempt, Video, VideoSnapshot
from .transitions import write_progress
from .upstream_gate import UpstreamGate
from .upstream_places import claim_place

#: Pauses between two polls, and before a call to an upstream that is not available is repeated.
POLL_S, _MAX_POLL_S = 2.0, 10.0
#: The same after the deadline, while a paid upstream cannot say whether it has finished.
_LATE_POLL_S = 60.0
#: Before the first generation was measured, it is assumed to need this share of the time until the deadline.
_MIN_TIME_SHARE = 0.05
#: Pauses between two submissions.
_RETRY = Backoff.doubling(first_s=0.5, max_s=15.0)
#: Before a request whose answer was lost is submitted to our own hardware for the second and last time. A
#: server that restarts needs some seconds.
_SECOND_S = 15.0
#: Pauses between two searches for a lost paid submission; 3 minutes together. Only the last one is believed
#: that says that the upstream does not have it, because a list may show it late.
_SEARCH = Backoff.doubling(first_s=2.0, max_s=60.0, max_attempts=8)
#: Pauses between two downloads of which the second may get no more bytes than the first. An answer that is
#: not the clip, and the end of the link, are believed after this number of downloads.
_DOWNLOAD = Backoff.doubling(first_s=POLL_S, max_s=300.0, max_attempts=3)
#: For this time after the end of a generation its clip may be missing.
_APPEARS_S = 3600.0


class ChargedFailure(Exception):
    """A `SafelightError` of the upstream, together with the charge of the failed attempt.

    Not in the error tree itself: it only carries a `SafelightError` from the attempt to the step.
    """

    def __init__(self, error: UpstreamError, charge: Charge) -> None:
        super().__init__(str(error))
        self.error = error
        self.charge = charge


class GenerationStopped(UpstreamError):
    """The generator's watcher, which works for our policy, stopped the generation. There is no clip."""


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
                self.gate.resume(slot_request(self.video))
                return accepted
        return self._submit(build, last.number + 1 if last else 1)

    def collect(self, attempt: Attempt, into: Path) -> Charge:
        """The charge; the finished clip is then at `into`. Raises `ChargedFailure` if it has failed.

        What was downloaded is kept outside the folder of the step, so that a step that is repeated, also
        after a restart, continues.
        """
        stored, charge = download_of(self.context, attempt), attempt.charge
        if not stored.exists():
            charge, until = self._poll(attempt)
            self._download(attempt, charge, stored, until)
        into.hardlink_to(stored)
        self.context.fault_hook("fetched")
        return charge

    def _poll(self, attempt: Attempt) -> tuple[Charge, float]:
        """The charge, and until when the clip can be downloaded, if the generation is done."""
        self.context.wait_for_lease()
        try:
            with self._call("progress", accepted=True):
                progress = self.generator.progress(attempt.upstream_id or "")
        except UpstreamUnavailable as error:
            is_late = self._left_s() <= 0
            if not is_late or self._is_asked_no_more(attempt):
                self._require_wait(attempt)
            pause_s = _LATE_POLL_S if is_late else POLL_S
            raise UpstreamPending(error.retry_after_s or pause_s, accepted=True) from error
        self.context.attempts.record_answer(self.video, attempt, progress.answer)
        if progress.generation is not None:
            self.context.attempts.record_report(self.video, attempt, progress.generation)
        if progress.refusal is not None:
            documented = Charge(charged=progress.refusal.charged, source="documented")
            raise ChargedFailure(
                UpstreamModerationBlocked(progress.refusal.message, refusal=progress.refusal),
                _known_charge(self._priced(progress.charge or documented), attempt),
            )
        charge = _known_charge(self._priced(progress.charge), attempt)
        if progress.stopped:
            raise ChargedFailure(GenerationStopped("The generation was stopped."), charge)
        if progress.unsteered:
            raise ChargedFailure(SteeringUnavailable(progress.problem), charge)
        if progress.state is UpstreamState.FAILED:
            raise ChargedFailure(
                UpstreamError(_describe_problem(self.video.generator, progress.problem)), charge
            )
        age_s = self.context.database.clock() - (attempt.submitted_at or attempt.created_at)
        if progress.state is not UpstreamState.DONE:
            self._require_wait(attempt)
            raise UpstreamPending(poll_pause_s(progress, age_s), accepted=True)
        if age_s < self.context.limits.deadline_s:
            # A longer one is the jump of a clock.
            self.context.generation_times[self.video.generator].append(max(0.0, age_s))
        # The step that ends the video does not poll, and from now on the deadline does not apply.
        with self.context.database.transaction(tenant=self.video.tenant) as tx:
            self.context.attempts.record_generated(tx, self.video, attempt, charge)
            write_progress(tx, self.video.id, generation_percent(progress))
        return charge, progress.expires_at or self._kept_until()

    def _priced(self, charge: Charge | None) -> Charge:
        """The charge; with the amount of the settings if the upstream charged and states none."""
        price = self.generator.info().usd_per_second
        if (
            charge is None
            or charge.charged is not ChargeStatus.YES
            or charge.amount is not None
            or price is None
        ):
            return charge or Charge(charged=ChargeStatus.UNKNOWN)
        return replace(charge, amount=round(price * self.video.seconds, 6), source="price list")

    def _require_wait(self, attempt: Attempt) -> None:
        """Raise if the deadline of a video that the upstream has not finished is over, or, after it was
        finished, the time for which its clip is asked for.
        """
        if self._left_s() <= 0:
            raise DeadlineExceeded(late_sentence(self.context.limits.deadline_s))
        if self.context.database.clock() > self._kept_until():
            raise ChargedFailure(
                _unobtainable(self.video.generator, self.video.failed_downloads), attempt.charge
            )

    def _is_asked_no_more(self, attempt: Attempt) -> bool:
        is_over = self.context.database.clock() > asked_until(self.context, self.video, attempt)
        return is_over and self._left_s() <= 0

    def _kept_until(self) -> float:
        """Until when a finished clip is asked for if the upstream does not state when its link ends."""
        return self._generated_at() + PAID_CLIP_S

    def _generated_at(self) -> float:
        """When the upstream had finished; now, if this step is the first that knows it."""
        return self.video.generated_at or self.context.database.clock()

    def _download(self, attempt: Attempt, charge: Charge, into: Path, until: float) -> None:
        """Download the finished clip to `into`, or what can be had of it now.

        It is tried as long as bytes come, and else until the link has ended, which the next step then asks
        the upstream for again.
        """
        tries = self.context.downloads.setdefault(attempt.id, DownloadTries())
        tries.see(_stored_bytes(into))
        max_bytes = self.context.limits.max_download_bytes
        self.context.wait_for_lease()
        into.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            with self._call("download", accepted=True):
                self.generator.fetch(attempt.upstream_id or "", into, max_bytes=max_bytes)
        except (UpstreamUnavailable, UpstreamInvalidResponse) as error:
            tries.fail(_stored_bytes(into))
            failures, is_exhausted = self.video.failed_downloads + 1, _DOWNLOAD.is_exhausted(tries.in_a_row)
            # What the operator can remedy, for example a limit, is tried again until the link ends. Some
            # upstreams have a clip only a while after they have finished.
            is_missing = isinstance(error, ClipMissing)
            is_no_clip = isinstance(error, UpstreamInvalidResponse)
            is_final = is_no_clip and error.remedy is None and not is_missing
            if is_missing:
                until = min(until, self._generated_at() + _APPEARS_S)
            problem = self.video.download_problem
            if error.remedy:
                problem = str(error)
            elif is_exhausted and not is_final:
                problem = describe_cut_download(replace(attempt, charge=charge), error, failures, until)
            self.context.attempts.record_failed_download(self.video, problem)
            if is_exhausted and (is_final or self.context.database.clock() > until):
                cause = error if error.remedy or is_no_clip else _unobtainable(self.video.generator, failures)
                raise ChargedFailure(cause, charge) from error
            asked_s = error.retry_after_s if isinstance(error, UpstreamUnavailable) else None
            pause_s = _DOWNLOAD.delay_s(tries.in_a_row, retry_after_s=asked_s)
            # The upstream has finished, so the video takes no place at it.
            raise UpstreamPending(pause_s, problem=error.message) from error
        except UpstreamError as error:
            raise ChargedFailure(error, charge) from error

    def _submit(self, build: Callable[[], GenerationRequest], number: int) -> Attempt:
        self._require_time()
        self.context.refusals.require(self.video.generator)
        place = slot_request(self.video)
        self.gate.enter(place)
        request, store = build(), self.context.attempts
        self.context.wait_for_lease()
        try:
            with self.gate.hold_call(accepted=False, request=place):
                # Nothing is sent by a run that another one has overtaken.
                claim = partial(claim_place, gate=self.gate, generator=self.video.generator, request=place)
                with self.context.commit_step(self.snapshot, first=claim) as tx:
                    attempt = store.record_intent(
                        tx,
                        self.video,
                        number,
                        billing=self.generator.billing,
                        steering=request.steering,
                    )
                self.context.fault_hook("intended")
                try:
                    with self._request("submit"):
                        upstream_id = self.generator.submit(
                            replace(request, key=attempt.idempotency_key, time_left_s=self._left_s())
                        )
                except UpstreamUnavailable as error:
                    not_charged = Charge(charged=ChargeStatus.NO, source="not taken")
                    # It is the upstream's limit for all requests, not only for this one.
                    store.finish(
                        self.video, attempt, "not_taken", not_charged, retry_after_s=error.retry_after_s
                    )
                    raise
                except UpstreamModerationBlocked as error:
                    if isinstance(error.refusal, ProviderRefusal):
                        store.record_answer(self.video, attempt, error.refusal.answer)
                    raise
        except UpstreamUnavailable as error:
            raise submit_again(
                self.context, self.video, error, tries=self._refusals() + 1, needed_s=self._needed_s()
            ) from error
        except SubmissionUnconfirmed as error:
            found = self._resolve(attempt, error.message)
            if found is None:
                raise UpstreamPending(_SECOND_S) from None
            return found
        self.context.fault_hook("submitted")
        return store.record_upstream_id(self.video, attempt, upstream_id)

    @contextmanager
    def _call(self, operation: str, *, accepted: bool) -> Iterator[None]:
        """One call to the upstream, if the gate allows it. See `UpstreamGate.hold_call`."""
        request = slot_request(self.video)
        with self.gate.hold_call(accepted=accepted, request=request), self._request(operation):
            yield

    @contextmanager
    def _request(self, operation: str) -> Iterator[None]:
        """What is sent to the upstream, as a span of the trace. Its outcome counts."""
        with self._span(operation), self.gate.record_outcome(self.video.id):
            yield

    def _span(self, operation: str) -> AbstractContextManager[Span]:
        return child_span(f"upstream {operation}", kind=SpanKind.CLIENT, generator=self.video.generator)

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
        """The least time that a request needs until the generator has finished.

        Half of the deadline at most: otherwise wrong measurements would stop all submissions, for ever.
        """
        deadline_s = self.context.limits.deadline_s
        measured = tuple(self.context.generation_times[self.video.generator])
        return min(*measured, deadline_s / 2) if measured else deadline_s * _MIN_TIME_SHARE

    def _left_s(self) -> float:
        return seconds_left(self.context, self.video)

    def _refusals(self) -> int:
        """The number of attempts in a row that the upstream did not accept, before this step."""
        ended = itertools.takewhile(lambda each: each.upstream_id is None, reversed(self.snapshot.attempts))
        return sum(1 for _ in ended)

    def _resolve(self, unconfirmed: Attempt, problem: str = "") -> Attempt | None:
        """Ask the upstream whether it has received an attempt, of whose submission `problem` is known.

        Returns the attempt with its upstream id, or None if the request may be submitted again. A paid
        upstream is asked several times, over some minutes, before it counts as unknown. One of our own gets
        the request once more.
        """
        store, searches = self.context.attempts, unconfirmed.searches + 1
        is_paid = self.generator.billing is Billing.PAID
        again = UpstreamPending(_SEARCH.delay_s(searches))
        is_last = not is_paid or _SEARCH.is_exhausted(searches)
        self.context.wait_for_lease()
        try:
            # Not counted: its outcome shows neither why the answer was lost nor whether submissions work.
            request = slot_request(self.video)
            with self.gate.hold_call(accepted=False, request=request), self._span("find"):
                store.record_search(self.video, unconfirmed)
                upstream_id = self.generator.find(unconfirmed.idempotency_key)
        except UpstreamUnavailable as error:
            if is_paid and is_last and self._is_asked_no_more(unconfirmed):
                raise SubmissionUnconfirmed(error.message) from error
            raise UpstreamPending(error.retry_after_s or again.after_s) from error
        except SubmissionUnconfirmed:
            if not is_paid:
                earlier = [each for each in self.snapshot.attempts if each.id != unconfirmed.id]
                if any(each.outcome == "lost" for each in earlier):
                    raise UpstreamError(
                        f"{problem} {self.video.generator} got the request twice and is not sent it a third "
                        "time, because each may have started a generation.".strip()
                    ) from None
                store.finish(self.video, unconfirmed, "lost")
                return None
            if not is_last:
                raise again from None
            raise
        if upstream_id is None and not is_last:
            raise again
        if upstream_id is None:
            not_charged = Charge(charged=ChargeStatus.NO, source="upstream")
            store.finish(self.video, unconfirmed, "not_taken", not_charged)
            return None
        return store.record_upstream_id(self.video, unconfirmed, upstream_id)


def download_of(context: PipelineContext, attempt: Attempt) -> Path:
    """Where the clip of an attempt is downloaded to."""
    return downloads_folder(context) / f"{attempt.id}.mp4"


def downloads_folder(context: PipelineContext) -> Path:
    """The folder of unfinished downloads. It is not emptied when the process starts."""
    return context.scratch.with_name("downloads")


def discard_download(context: PipelineContext, attempt: Attempt) -> None:
    """Delete what was downloaded of an attempt, because it is stored or of no use."""
    context.downloads.pop(attempt.id, None)
    path = download_of(context, attempt)
    for file in (path, *path.parent.glob(f"{path.name}.*")):
        file.unlink(missing_ok=True)


def _stored_bytes(download: Path) -> int:
    return sum(file.stat().st_size for file in download.parent.glob(f"{download.name}.part"))


def _unobtainable(name: str, failures: int) -> UpstreamError:
    return UpstreamError(
        f"{name} had finished the video, but {failures} downloads failed until its link ended."
    )


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


def start_local_attempt(
    context: PipelineContext,
    snapshot: VideoSnapshot,
    steering: Steering | None,
    *,
    first: Callable[[Transaction], None] | None = None,
) -> Attempt:
    """Record a new attempt on own hardware. An attempt that a crash interrupted ends as `lost`.

    `first`: see `PipelineContext.commit_step`.
    """
    video, last = snapshot.video, snapshot.last_attempt
    if last is not None and last.ended_at is None:
        not_charged = Charge(charged=ChargeStatus.NO, source="own hardware")
        context.attempts.finish(video, last, "lost", not_charged)
    with context.commit_step(snapshot, first=first) as tx:
        attempt = context.attempts.record_intent(
            tx, video, last.number + 1 if last else 1, billing=Billing.OWN, steering=steering
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


def submit_again(
    context: PipelineContext, video: Video, error: UpstreamUnavailable, *, tries: int, needed_s: float = 0.0
) -> UpstreamPending:
    """The pause after an upstream has not taken a request, for the `tries`th time in a row.

    Raises `DeadlineExceeded` if less than `needed_s` would be left.
    """
    pause_s = _RETRY.delay_s(tries, retry_after_s=error.retry_after_s)
    if pause_s >= seconds_left(context, video) - needed_s:
        raise DeadlineExceeded(late_sentence(context.limits.deadline_s)) from error
    return UpstreamPending(pause_s)


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
    """Seconds until the deadline of a video; 0 after it. Not 0 while nothing expires after a clock jump.

    Without a limit when its generator has finished.
    """
    if not video.waits_for_generator:
        return math.inf
    left = video_deadline(context, video) - context.database.clock()
    return max(left, context.clock_watch.held_for_s())


def asked_until(context: PipelineContext, video: Video, attempt: Attempt) -> float:
    """Until when an upstream that gives no answer is asked what became of an attempt that it may have.

    A paid one may have finished by the deadline, so its clip would be lost.
    """
    return video_deadline(context, video) + (PAID_CLIP_S if attempt.billing is Billing.PAID else 0.0)


def video_deadline(context: PipelineContext, video: Video) -> float:
    """The deadline of a video in unix seconds: after it, the video no longer waits for its generator."""
    return video.deadline_at or video.created_at + context.limits.deadline_s
