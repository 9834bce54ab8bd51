"""A generation whose clip is scanned while it arrives, and is stopped if the policy blocks what is there.

What passes here is scanned whole afterwards, so a check that fails or comes too late hides nothing.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from safelight.core.errors import (
    DeadlineExceeded,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamUnavailable,
)
from safelight.core.fileio import sha256_file
from safelight.core.progress import ProgressSink
from safelight.policy.steering import Steering
from safelight.policy.verdicts import Action
from safelight.providers.protocol import (
    OWN_HARDWARE,
    GenerationReport,
    GenerationRequest,
    StreamingGenerator,
)
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.scanning.report import ScanReport

from . import attempts
from .attempts import seconds_left
from .context import PipelineContext, slot_request
from .failure_message import late_sentence
from .interruptions import ShutdownRequested, UpstreamPending
from .models import Attempt, VideoSnapshot
from .upstream_places import claim_place

_log = logging.getLogger(__name__)

#: Shares of the clip at which what is there is scanned from its beginning. Together they cost one and a half
#: scans of the whole clip, and a clip that is bad from its beginning is stopped after about a quarter.
CHECK_SHARES = (0.25, 0.5, 0.75)
#: How often a session that broke is started again. More often is likelier the fault of the request.
_MAX_BROKEN = 2
_AGAIN_S = 15.0


@dataclass(frozen=True, kw_only=True)
class PartScan:
    """The verdict on the beginning of a clip, which is at `clip` as a plain MP4."""

    clip: Path
    sha256: str
    result: StageResult
    report: ScanReport


@dataclass(frozen=True, kw_only=True)
class Received:
    """The end of a generation. `stopped`: the scan for which it was stopped; None if the clip is whole."""

    attempt: Attempt
    stopped: PartScan | None


class _Stopped(Exception):
    """Ends the reception of a clip. Not in the error tree: it does not leave this module."""


def receive(
    context: PipelineContext,
    snapshot: VideoSnapshot,
    generator: StreamingGenerator,
    screening: ScreeningContext,
    *,
    build: Callable[[], GenerationRequest],
    asked: Steering | None,
    into: Path,
) -> Received:
    """Have the clip generated, and scan it meanwhile.

    Raises `UpstreamPending` to try again later, and `UpstreamError`, `DeadlineExceeded` or
    `ShutdownRequested`.
    """
    video, gate = snapshot.video, context.upstreams[snapshot.video.generator]
    request = slot_request(video)
    context.refusals.require(video.generator)
    with gate.visit(video.id):
        gate.enter(request)
        with gate.hold_call(accepted=False, request=request):
            built = build()
            claim = partial(claim_place, gate=gate, generator=video.generator, request=request)
            attempt = attempts.start_local_attempt(context, snapshot, asked, first=claim)
            keyed = replace(built, key=attempt.idempotency_key)
            with (
                context.recorded_progress(video, 5, 60) as progress,
                closing(_Watch(context, snapshot, screening, into.parent, progress)) as watch,
            ):
                try:
                    with gate.record_outcome(video.id):
                        generator.receive(keyed, into, watch, max_bytes=context.limits.max_download_bytes)
                except _Stopped:
                    pass
                except UpstreamUnavailable as error:
                    context.attempts.finish(video, attempt, "not_taken", OWN_HARDWARE)
                    tries = _last_in_a_row(snapshot, "not_taken") + 1
                    raise attempts.submit_again(context, video, error, tries=tries) from error
                except SubmissionUnconfirmed as error:
                    context.attempts.finish(video, attempt, "lost", OWN_HARDWARE)
                    if _last_in_a_row(snapshot, "lost") >= _MAX_BROKEN:
                        raise UpstreamError(error.message) from error
                    raise UpstreamPending(_AGAIN_S) from error
    context.attempts.record_report(video, attempt, watch.describe())
    return Received(attempt=attempt, stopped=watch.stopped)


class _Watch:
    """Called with what is there of a clip. Scans it in a thread of its own while the rest arrives."""

    def __init__(
        self,
        context: PipelineContext,
        snapshot: VideoSnapshot,
        screening: ScreeningContext,
        folder: Path,
        progress: ProgressSink,
    ) -> None:
        self.stopped: PartScan | None = None
        self._context = context
        self._snapshot = snapshot
        self._screening = screening
        self._folder = folder
        self._progress = progress
        self._shares = list(CHECK_SHARES)
        self._cancel = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watch")
        self._running: Future[PartScan | None] | None = None
        self._frames = self._expected = self._checks = 0

    def __call__(self, part: Path, frames: int, expected: int) -> None:
        self._frames, self._expected = frames, expected
        self._progress.report(frames, expected)
        self._require_time()
        if self._running is not None and self._running.done():
            found, self._running = self._running.result(), None
            self._checks += found is not None
            if found is not None and found.result.verdict.action is Action.BLOCK:
                self.stopped = found
                raise _Stopped
        due = [share for share in self._shares if frames >= share * expected]
        if self._running is None and due:
            self._shares = self._shares[len(due) :]
            copy = self._folder / f"part-{frames}.mp4"
            self._running = self._thread.submit(self._scan, part, part.stat().st_size, copy)

    def close(self) -> None:
        """End a scan that is not needed any more."""
        self._cancel.set()
        self._thread.shutdown()

    def describe(self) -> GenerationReport:
        """What was done, with the frames of the clip as its steps."""
        frames, expected = self._frames, self._expected
        return GenerationReport(
            applied=("watching",) if self._checks else (),
            checks=self._checks,
            steps=expected,
            steps_done=frames,
            saved_share=(expected - frames) / expected if self.stopped is not None and expected else 0.0,
        )

    def _require_time(self) -> None:
        """Raise if the clip is of no use any more."""
        context, video = self._context, self._snapshot.video
        if context.shutdown_event.is_set():
            raise ShutdownRequested
        if seconds_left(context, video) <= 0:
            raise DeadlineExceeded(late_sentence(context.limits.deadline_s))

    def _scan(self, part: Path, size: int, copy: Path) -> PartScan | None:
        """The verdict on the first `size` bytes of `part`, which grows; None if they could not be scanned."""
        context = self._context
        try:
            with context.local_slot(self._snapshot.video, "watch"):
                shutil.copyfile(part, copy)
                os.truncate(copy, size)
                clip = context.delivery.normalize(copy, copy.with_suffix(".plain.mp4")).path
                sha256 = sha256_file(clip)
                result, report = context.stages.output.scan(
                    clip, self._screening, subject_sha256=sha256, cancel=self._cancel
                )
        except Exception as error:
            if not self._cancel.is_set():
                video_id = self._snapshot.video.id
                _log.warning("What is there of the clip of %s was not scanned: %s", video_id, error)
            return None
        return PartScan(clip=clip, sha256=sha256, result=result, report=report)


def _last_in_a_row(snapshot: VideoSnapshot, outcome: str) -> int:
    """The number of attempts at the end that had this outcome, before this step."""
    last = itertools.takewhile(lambda each: each.outcome == outcome, reversed(snapshot.attempts))
    return sum(1 for _ in last)
