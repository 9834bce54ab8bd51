"""How a way ends short of delivery: what goes on the row, into the log, and back to the quota."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from safelight.errors import SafelightError
from safelight.generation.protocol import Charge, ProviderRefusal
from safelight.moderation.evaluation import StageResult
from safelight.moderation.provider_refusal import explain_refusal
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.store.transaction import Transaction
from safelight.trust.reviews import Case, CaseKind, Decision, NewCase, close_cases, open_case

from .context import PipelineContext
from .models import Video
from .states import VideoState


def is_appealable(verdict: Verdict) -> bool:
    """Whether an appeal against a block can be won: something was seen, and it is not vaulted."""
    return bool(verdict.findings) and not verdict.vault


def reject(workshop: PipelineContext, tx: Transaction, video: Video, judged: StageResult) -> None:
    """Blocked before anything was spent, although the request had been answered."""
    sentence, details = workshop.explain(judged.verdict, None, video.id, appeal=is_appealable(judged.verdict))
    _end(
        workshop,
        tx,
        video,
        VideoState.REJECTED,
        judged,
        error_code="sentinel_block",
        error_message=sentence,
        explanation=details,
    )


def block(workshop: PipelineContext, tx: Transaction, video: Video, judged: StageResult) -> None:
    """Blocked after generation; the explanation says what it cost."""
    last = workshop.store.last_attempt(video.tenant, video.id)
    sentence, details = workshop.explain(
        judged.verdict, last.charge if last else None, video.id, appeal=is_appealable(judged.verdict)
    )
    _end(
        workshop,
        tx,
        video,
        VideoState.BLOCKED,
        judged,
        error_code="moderation_blocked",
        error_message=sentence,
        explanation=details,
    )


def _end(
    workshop: PipelineContext,
    tx: Transaction,
    video: Video,
    target: VideoState,
    judged: StageResult,
    **changes: Any,
) -> None:
    verdict = judged.verdict
    workshop.store.transition(
        tx,
        video,
        target,
        actor="policy",
        why={"rule": verdict.rule, "category": verdict.category},
        verdict_action=verdict.action.value,
        vaulted=verdict.vault,
        quarantined=verdict.quarantine,
        **changes,
    )
    if verdict.vault:
        workshop.store.vault_files(tx, video.id)
    workshop.quota.refund(tx, video)


def hold_for_review(workshop: PipelineContext, tx: Transaction, video: Video, judged: StageResult) -> None:
    """Hand a video to people; if nobody decides in time it is refused."""
    workshop.store.transition(
        tx,
        video,
        VideoState.HELD,
        actor="policy",
        why={"rule": judged.verdict.rule, "category": judged.verdict.category},
        hold_stage=judged.stage.value,
        verdict_action=judged.verdict.action.value,
        quarantined=judged.verdict.quarantine,
        review_due_at=(due_at := time.time() + workshop.terms.review_due_s),
    )
    open_hold_case(tx, video.id, judged, due_at=due_at)


def open_hold_case(
    tx: Transaction, video_id: str, judged: StageResult, *, due_at: float, quarantined: bool = False
) -> None:
    """Put a hold before people, in the transaction that holds the video."""
    open_case(
        tx,
        NewCase(
            video_id=video_id,
            kind=CaseKind.HOLD,
            stage=result.stage,
            due_at=due_at,
            category=result.verdict.category,
            rule=result.verdict.rule,
            reason=result.verdict.reason,
            quarantined=quarantined or result.verdict.quarantine,
        ),
        actor="policy",
    )


def reject_by_reviewer(
    workshop: PipelineContext,
    tx: Transaction,
    video: Video,
    verdict: Verdict,
    *,
    early: bool,
    actor: str,
    why: dict[str, Any],
) -> None:
    """A person looked at what was held, and refused it. `verdict` is the one that held it."""
    last = None if early else workshop.store.last_attempt(video.tenant, video.id)
    blocking = msgspec.structs.replace(verdict, action=Action.BLOCK)
    sentence, details = workshop.explain(
        blocking, last.charge if last else None, video.id, appeal=not verdict.vault
    )
    workshop.store.transition(
        tx,
        video,
        VideoState.REJECTED if early else VideoState.BLOCKED,
        actor=decision.decided_by,
        why=decision_facts(case, decision),
        verdict_action=Action.BLOCK.value,
        error_code="sentinel_block" if early else "moderation_blocked",
        error_message=f"A person reviewed this and refused it. {sentence}",
        explanation={**details, "reviewed": True},
    )
    workshop.quota.refund(tx, video)


def expire_review(workshop: PipelineContext, tx: Transaction, video: Video) -> None:
    """Nobody decided in time: refused, and the quota returned."""
    # The case first, as whoever decides does: so that the two never wait for each other.
    close_cases(tx, video.id, actor="sweeper", kind=CaseKind.HOLD)
    early = video.stage in (Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE)
    workshop.store.transition(
        tx,
        video,
        VideoState.REJECTED if early else VideoState.BLOCKED,
        actor="sweeper",
        why={"reason": "review_expired"},
        error_code="sentinel_block" if early else "moderation_blocked",
        error_message=(
            "This video was held for review and nobody decided in time, so it was not delivered. "
            "Its quota was returned. You may order it again."
        ),
        explanation={
            "moderation_stage": "input" if early else "output",
            "categories": [],
            "stage": video.stage.value,
            "reason": "review_expired",
            "retry": {"how": "same", "after_s": None},
        },
    )
    workshop.quota.refund(tx, video)


def block_by_provider(
    workshop: PipelineContext, tx: Transaction, video: Video, refusal: ProviderRefusal, charge: Charge
) -> None:
    """The provider's own filter said no."""
    sentence, details = explain_refusal(refusal, charge)
    workshop.store.transition(
        tx,
        video,
        VideoState.BLOCKED,
        actor=video.generator,
        why={"provider_code": refusal.code, "charged": charge.charged.value},
        error_code="moderation_blocked",
        error_message=sentence,
        explanation=details,
    )
    workshop.quota.refund(tx, video)


def fail(workshop: PipelineContext, tx: Transaction, video: Video, error: SafelightError) -> None:
    """Ended by trouble that says nothing about the content."""
    workshop.store.transition(
        tx,
        video,
        VideoState.FAILED,
        actor="jobs",
        why={"code": error.code},
        error_code=error.code,
        error_message=str(error),
    )
    workshop.quota.refund(tx, video)
