"""What a person's decision does to a video, in the decision's own transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from safelight import canonical_json
from safelight.errors import Conflict, NotFound, Withdrawn
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.trust.appeals import AppealSubject
from safelight.trust.reports import ReportedVideo
from safelight.trust.reviews import Case, Decision

from . import mappers, outcomes, steps
from .context import PipelineContext
from .models import StageRecord, Video
from .reinstatement import appealable, reinstate
from .states import VideoState
from .withdrawal import withdraw_within

_log = logging.getLogger(__name__)
_EARLY = frozenset({Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE})


class ReviewActions:
    """Carries decisions out; see `trust.reviews.Consequences`."""

    def __init__(self, workshop: PipelineContext, hand_over: Callable[[str, str, int], None]) -> None:
        self._workshop = workshop
        self._hand_over = hand_over

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None]:
        """Let a held video go on: a request to generation, an output to sealing."""
        video, row = self._held(tx, case)
        changes: dict[str, Any] = {
            # Time spent waiting for a person is not the video's.
            "deadline_at": time.time() + self._workshop.terms.deadline_s,
            "enqueue_count": row.enqueue_count + 1,
        }
        early = case.stage in _EARLY
        if case.stage is Stage.REFERENCE:
            # What was held has been looked at: it is not looked at again.
            changes["request"] = canonical_json.encode({**mappers.from_json(row.request), "pending": False})
        if not early:
            held = self._judgement(video, case)
            judge = self._workshop.stages.output.judge
            label = judge.wants_label(video.tenant, Stage.OUTPUT, held.findings)
            changes |= {
                "stage": Stage.DELIVERY.value,
                "progress": 90,
                "badge_text": steps.BADGE if label else None,
                "waived": video.waived or bool(held.verdict.waivers),
            }
        self._workshop.store.transition(
            tx,
            video,
            VideoState.QUEUED if early else VideoState.SEALING,
            actor=decision.decided_by,
            why=_why(case, decision),
            **changes,
        )
        return partial(self._carry_on, video.tenant, video.id, row.enqueue_count + 1)

    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """End a held video; its quota is returned."""
        video, _ = self._held(tx, case)
        outcomes.reject_by_reviewer(
            self._workshop,
            tx,
            video,
            _holding_record(tx, case).verdict,
            case,
            decision,
        )

    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Take a reported video back, and what was made from it."""
        withdraw_within(
            self._workshop,
            tx,
            case.video_id,
            actor=decision.decided_by,
            why=f"decision {decision.id}",
        )

    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None]:
        """Release a blocked video under a new id."""
        fresh = reinstate(self._workshop, tx, case.video_id, decision)
        return partial(self._carry_on, case.tenant, fresh, 1)

    def appeal_subject(self, tx: Transaction, video_id: str) -> AppealSubject:
        """The blocked video an appeal is about. Raises `NotFound` or `Conflict` for any other."""
        return appealable(self._workshop, tx, video_id)

    def report_subject(self, tx: Transaction, video_id: str) -> ReportedVideo:
        """The delivered video a report is about. Raises `NotFound`, `Gone` or `Conflict` for any other."""
        row = tx.one(tables.videos, tables.videos.c.id == video_id)
        if row is None or (row.deleted_at is not None and row.state != VideoState.WITHDRAWN.value):
            raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
        if row.state == VideoState.WITHDRAWN.value:
            raise Withdrawn(f"{video_id} was withdrawn already.", param="video_id")
        if row.state != VideoState.DELIVERED.value:
            raise Conflict(
                f"{video_id} has not been delivered, so nobody has seen it.",
                param="video_id",
            )
        return ReportedVideo(id=row.id, quarantined=row.quarantined)

    def _held(self, tx: Transaction, case: Case) -> tuple[Video, Any]:
        row = tx.one(tables.videos, tables.videos.c.id == case.video_id, lock=True)
        if row is None or row.state != VideoState.HELD.value:
            state = row.state if row is not None else "gone"
            raise Conflict(
                f"{case.video_id} is no longer held: it is {state}.",
                param="case_id",
                remedy="Order the video again.",
            )
        return mappers.video(row), row

    def _judgement(self, video: Video, case: Case) -> StageRecord:
        """What the video was held for."""
        made = self._workshop.store.judgements(video.tenant, video.id)
        return [each for each in made if each.stage is case.stage and each.verdict.action is Action.HOLD][-1]

    def _carry_on(self, tenant: str, video_id: str, run: int) -> None:
        try:
            self._hand_over(tenant, video_id, run)
        except Exception:
            _log.exception("%s was not handed over after a decision; the sweeper does it.", video_id)


def _why(case: Case, decision: Decision) -> dict[str, Any]:
    return {"case": case.id, "decision": decision.id, "action": decision.action.value}
