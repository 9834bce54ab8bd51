"""Ends videos whose deadline has passed, and cancels requests at the upstreams whose result is not needed."""

from __future__ import annotations

from safelight.core.background.part import BackgroundPart
from safelight.core.errors import (
    DeadlineExceeded,
    SafelightError,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamUnavailable,
    Withdrawn,
)
from safelight.providers.protocol import Billing, RemoteGenerator, UpstreamState
from safelight.store import tables
from safelight.store.database import Transaction

from . import mappers, outcomes
from .attempt_store import finish_attempt, last_attempt
from .attempts import delete_upstream_copy
from .context import PipelineContext, slot_request
from .interruptions import UpstreamPending
from .models import Attempt, Video, VideoState
from .transitions import StaleRevision

_INTERVAL_S = 5.0
#: A request at an upstream that does not answer is left there after this time.
_TRIED_FOR_S = 3600.0
_MAX_PER_ROUND = 500
#: The outcomes of attempts that were ended here and not at the upstream.
_ENDED_HERE = (DeadlineExceeded.code, Withdrawn.code)


def end_late(context: PipelineContext, tx: Transaction, video: Video, error: DeadlineExceeded) -> None:
    """End a video whose deadline has passed, with its unfinished attempt.

    If it is unknown whether a paid generator has accepted the attempt, the video ends with `submit_unknown`.
    """
    row = tx.one(tables.videos, video.id, lock=True)
    if row is None or row.generated_at is not None:
        # The upstream has finished since the row was read.
        raise StaleRevision(video.id)
    last = last_attempt(tx, video.id)
    ended: SafelightError = error
    if last is not None and last.ended_at is None:
        if is_unconfirmed(last):
            ended = SubmissionUnconfirmed(
                "The process that submitted this request ended before the answer of the generator came."
            )
        finish_attempt(tx, video.id, last, ended.code, charge=last.charge)
    outcomes.fail(context, tx, video, ended)


def may_have_finished(context: PipelineContext, video: Video, last: Attempt | None) -> bool:
    """Whether an upstream has this late video, according to our records, so that it is asked once more.

    Its answer may not have been read, for example because this process was not running.
    """
    return (
        video.state is VideoState.GENERATING
        and last is not None
        and last.ended_at is None
        and (last.upstream_id is not None or is_unconfirmed(last))
        and isinstance(context.generators.get(video.generator), RemoteGenerator)
    )


def is_unconfirmed(attempt: Attempt) -> bool:
    """Whether it is unknown if a paid generator has accepted this attempt."""
    return attempt.ended_at is None and attempt.upstream_id is None and attempt.billing is Billing.PAID


class Cancellation:
    """Deletes the requests of late and stopped videos at their upstreams, if these allow it.

    A background part: the database has the requests that are left, so none is forgotten in a crash.
    """

    def __init__(self, context: PipelineContext) -> None:
        self._context = context
        self.part = BackgroundPart(
            "cancellation",
            {"cancel": self.cancel_late},
            interval_s=_INTERVAL_S,
            stopping=context.shutdown_event,
            version=context.database.version,
        )

    def cancel_late(self) -> None:
        """Cancel what can be cancelled now. An upstream that does not answer is asked again later."""
        for video, attempt in self._left():
            with self.part.rows.attempt(attempt.id):
                self._cancel(video, attempt)

    def _left(self) -> list[tuple[Video, Attempt]]:
        videos, attempts = tables.videos.c, tables.attempts.c
        with self._context.database.across_tenants("late requests", readonly=True) as tx:
            left = tx.select(
                tables.attempts,
                attempts.outcome.in_(_ENDED_HERE),
                attempts.upstream_id.is_not(None),
                attempts.upstream_copy_status.is_(None),
                attempts.ended_at > self._context.database.clock() - 2 * _TRIED_FOR_S,
                attempts.id.not_in(self.part.rows.parked()),
                order_by=(attempts.ended_at,),
                limit=_MAX_PER_ROUND,
            )
            rows = tx.select(
                tables.videos,
                videos.id.in_([row.video_id for row in left]),
                videos.state == VideoState.FAILED.value,
            )
        late = {row.id: mappers.video(row) for row in rows}
        return [(late[row.video_id], mappers.attempt(row)) for row in left if row.video_id in late]

    def _cancel(self, video: Video, attempt: Attempt) -> None:
        generator = self._context.generators.get(attempt.generator)
        fate = "kept"
        if isinstance(generator, RemoteGenerator):
            try:
                with self._context.upstreams[attempt.generator].call(
                    accepted=True, request=slot_request(video)
                ):
                    if not self._would_lose_clip(generator, attempt):
                        fate = delete_upstream_copy(generator, attempt.upstream_id or "")
            except (UpstreamPending, UpstreamUnavailable):
                if self._context.database.clock() < (attempt.ended_at or 0.0) + _TRIED_FOR_S:
                    return
        self._context.attempts.record_upstream_deletion(video, attempt, fate)

    def _would_lose_clip(self, generator: RemoteGenerator, attempt: Attempt) -> bool:
        """Whether a paid provider has finished after the deadline. What was withdrawn is deleted."""
        if attempt.billing is Billing.OWN or attempt.outcome != DeadlineExceeded.code:
            return False
        try:
            return generator.progress(attempt.upstream_id or "").state is UpstreamState.DONE
        except UpstreamUnavailable:
            raise
        except UpstreamError:
            return False
