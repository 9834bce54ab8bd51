"""Transitions that end a video without delivery, or hold it.

Each writes the video row, the audit log, the review case and the quota.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from opentelemetry.trace import get_current_span

from safelight.accounts.terms import release_first_review
from safelight.core import tracing
from safelight.core.errors import SafelightError, Withdrawn
from safelight.policy.explanations import explain_ground, without_reason
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.providers.protocol import Charge, ChargeStatus, ProviderRefusal
from safelight.providers.provider_refusal import explain_refusal
from safelight.screening.evaluation import StageResult
from safelight.store.database import Transaction

from .attempt_store import attempts_of, last_attempt
from .case_rows import (
    Case,
    CaseKind,
    Decision,
    NewCase,
    close_cases,
    keep_hold_open,
    lock_pending_hold,
    open_case,
)
from .context import PipelineContext
from .failure_message import describe_failure, describe_kept_clip
from .files import end_paid_clip, paid_clip_end, vault_files
from .models import FIRST_OUTPUT, StageRecord, Video, VideoState
from .offences import strike_for_block, strike_for_refusal
from .quota import Usage
from .transitions import transition, update
from .video_statements import ground_of_refusal, state_block, state_expiry, state_refusal, verdict_of_hold

_log = logging.getLogger(__name__)

#: Stages before the generation. A video that ends in one of them is rejected, not blocked.
EARLY_STAGES = frozenset({Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE})

FIRST_OUTPUT_SENTENCE = "A reviewer checks the first videos of every new account before they are delivered."
ROLLOUT_SENTENCE = "In this step of the rollout, a reviewer checks this video before it is delivered."
HALT_SENTENCE = "Such videos are halted: a reviewer checks this one before it is delivered."


def decision_facts(case: Case, decision: Decision) -> dict[str, Any]:
    """The decision behind a transition, as written to the audit log."""
    return {"case": case.id, "decision": decision.id, "action": decision.action.value}


def is_appealable(verdict: Verdict) -> bool:
    """Whether a block can be appealed: its verdict has findings, and the content is not vaulted."""
    return bool(verdict.findings) and not verdict.vault


def reject(context: PipelineContext, tx: Transaction, video: Video, result: StageResult) -> None:
    """Reject a request before the generation. The client has its answer already."""
    sentence, details = context.explain(result.verdict, None, video.id, appeal=is_appealable(result.verdict))
    _end(
        context,
        tx,
        video,
        VideoState.REJECTED,
        result,
        error_code="sentinel_block",
        error_message=sentence,
        explanation=details,
    )


def block(
    context: PipelineContext, tx: Transaction, video: Video, result: StageResult, **changes: Any
) -> None:
    """Block a generated video. Its explanation contains the charge. `changes`: further columns of its row."""
    last = last_attempt(tx, video.id)
    sentence, details = context.explain(
        result.verdict, last.charge if last else None, video.id, appeal=is_appealable(result.verdict)
    )
    _end(
        context,
        tx,
        video,
        VideoState.BLOCKED,
        result,
        error_code="moderation_blocked",
        error_message=sentence,
        explanation=details,
        **changes,
    )


def _end(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    target: VideoState,
    result: StageResult,
    **changes: Any,
) -> None:
    verdict = result.verdict
    transition(
        tx,
        video,
        target,
        actor="policy",
        why={"rule": verdict.rule, "category": verdict.category},
        verdict_action=verdict.action.value,
        vaulted=verdict.vault,
        **changes,
    )
    if verdict.vault:
        vault_files(tx, video.id)
    end_paid_clip(tx, video.id)
    state_block(context, tx, video, verdict, appeal=is_appealable(verdict))
    strike_for_block(context, tx, video, result)
    _return_quota(context, tx, video)


def hold_for_review(context: PipelineContext, tx: Transaction, video: Video, result: StageResult) -> None:
    """Hold a video for review. If no reviewer decides in time, the video is rejected."""
    last = None if result.stage in EARLY_STAGES else last_attempt(tx, video.id)
    transition(
        tx,
        video,
        VideoState.HELD,
        actor="policy",
        why={"rule": result.verdict.rule, "category": result.verdict.category},
        hold_stage=result.stage.value,
        verdict_action=result.verdict.action.value,
        explanation=explain_hold(context, result.verdict, last.charge if last else None, video.id)
        | support_of(video),
        review_due_at=(due_at := tx.now() + context.limits.review_due_s),
    )
    open_hold_case(tx, video.id, result, due_at=due_at)


def hold_first_output(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    result: StageResult | StageRecord,
    sentence: str,
) -> None:
    """Hold an output that the policy allows. `sentence` says why a reviewer checks it all the same."""
    due_at = tx.now() + context.limits.review_due_s
    transition(
        tx,
        video,
        VideoState.HELD,
        actor="policy",
        why={"rule": FIRST_OUTPUT},
        hold_stage=result.stage.value,
        verdict_action=result.verdict.action.value,
        explanation=explain_first_output(result.stage, sentence) | support_of(video),
        review_due_at=due_at,
    )
    open_first_case(tx, video.id, result.stage, sentence, due_at=due_at)


def explain_first_output(stage: Stage, sentence: str) -> dict[str, Any]:
    return {
        "moderation_stage": "output",
        "categories": [],
        "stage": stage.value,
        "reason": FIRST_OUTPUT,
        "message": sentence,
    }


def open_first_case(tx: Transaction, video_id: str, stage: Stage, sentence: str, *, due_at: float) -> None:
    first = NewCase(
        video_id=video_id,
        kind=CaseKind.HOLD,
        stage=stage,
        due_at=due_at,
        category="",
        rule=FIRST_OUTPUT,
        reason=sentence,
    )
    open_case(tx, first, actor="policy")


def explain_hold(
    context: PipelineContext, verdict: Verdict, charge: Charge | None, video_id: str
) -> dict[str, Any]:
    """The explanation of a held video. A held video has no error, so it contains the sentence too."""
    sentence, details = context.explain(verdict, charge, video_id)
    return {**details, "message": sentence}


def support_of(video: Video) -> dict[str, Any]:
    """The part of a video's explanation that is shown in every state: the help lines."""
    return {key: value for key, value in (video.explanation or {}).items() if key == "support"}


def open_hold_case(tx: Transaction, video_id: str, result: StageResult, *, due_at: float) -> None:
    """Open the review case of a held video, in the transaction that holds it."""
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
        ),
        actor="policy",
    )


def reject_by_reviewer(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    verdict: Verdict,
    case: Case,
    decision: Decision,
) -> None:
    """End a held video because a reviewer rejected it. `verdict` is the verdict that held the video."""
    early = case.stage in EARLY_STAGES
    last = None if early else last_attempt(tx, video.id)
    ground = ground_of_refusal(context, tx, video, verdict, decision)
    by_person = ground.facts != ""
    # A check may have found something else than the reviewer states, or nothing.
    found = without_reason(verdict) if by_person else verdict
    sentence, details = context.explain(
        msgspec.structs.replace(found, action=Action.BLOCK),
        last.charge if last else None,
        video.id,
        appeal=not verdict.vault,
    )
    sentences = ["A reviewer rejected this video.", sentence]
    if by_person:
        sentences[1:1] = explain_ground(ground.group, ground.facts)
        details |= {
            "categories": [name for name in (ground.category or ground.group,) if name],
            "group": ground.group or None,
            "facts": ground.facts,
            **({"rule": ground.rule} if ground.rule else {}),
        }
    transition(
        tx,
        video,
        VideoState.REJECTED if early else VideoState.BLOCKED,
        actor=decision.decided_by,
        why=decision_facts(case, decision),
        verdict_action=Action.BLOCK.value,
        error_code="sentinel_block" if early else "moderation_blocked",
        error_message=" ".join(sentences),
        explanation={**details, "reviewed": True},
    )
    end_paid_clip(tx, video.id)
    state_refusal(context, tx, video, verdict, decision)
    strike_for_refusal(context, tx, video, verdict, decision)
    _return_quota(context, tx, video)


def refuse_expired(
    context: PipelineContext, tx: Transaction, video: Video, verdict: Verdict, decision: Decision
) -> None:
    """A reviewer rejected a video after its review had expired: its paid clip is not kept any longer."""
    end_paid_clip(tx, video.id)
    update(tx, video, clip_kept_until=None)
    state_refusal(context, tx, video, verdict, decision)
    strike_for_refusal(context, tx, video, verdict, decision)


def expire_review(context: PipelineContext, tx: Transaction, video: Video) -> None:
    """Reject a held video because no reviewer decided in time. Its quota is returned.

    A video with a pending decision is left to this decision, which was made in time. While a paid clip is
    kept, its case stays open: a later approval releases the clip under a new id.
    """
    # The case is locked before the video, as in `Reviews.decide`, to avoid a deadlock.
    if lock_pending_hold(tx, video.id):
        return
    early = video.stage in EARLY_STAGES
    kept_until = None if early else paid_clip_end(tx, video.id)
    verdict = verdict_of_hold(tx, video)
    if kept_until is None:
        close_cases(tx, video.id, actor="sweeper", kind=CaseKind.HOLD, overdue=True)
    else:
        keep_hold_open(tx, video.id, until=kept_until)
    transition(
        tx,
        video,
        VideoState.REJECTED if early else VideoState.BLOCKED,
        actor="sweeper",
        why={"reason": "review_expired"},
        error_code="sentinel_block" if early else "moderation_blocked",
        error_message=(
            "This video was held for review and no reviewer decided in time, so it was not delivered. "
            "Its quota was returned. "
            + (
                describe_kept_clip(last_attempt(tx, video.id), kept_until)
                + " A reviewer can still release it, under a new id."
                if kept_until
                else "You may send the request again."
            )
        ),
        clip_kept_until=kept_until,
        explanation={
            "moderation_stage": "input" if early else "output",
            "categories": [],
            "stage": video.stage.value,
            "reason": "review_expired",
            "retry": {"action": "same", "after_s": None},
        },
    )
    state_expiry(context, tx, video, verdict)
    _give_first_review_back(tx, video)
    _return_quota(context, tx, video)


def block_by_provider(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    refusal: ProviderRefusal,
    charge: Charge,
    extra: Mapping[str, Any],
) -> None:
    """End a video because the filter of the provider blocked it. `extra`: more details of the explanation."""
    step = str(extra.get("next_step", ""))
    sentence, details = explain_refusal(refusal, charge, server=video.generator, next_step=step)
    transition(
        tx,
        video,
        VideoState.BLOCKED,
        actor=video.generator,
        why={"provider_code": refusal.code, "charged": charge.charged.value},
        error_code="moderation_blocked",
        error_message=sentence,
        explanation={**details, **extra},
    )
    _return_quota(context, tx, video)


def fail(context: PipelineContext, tx: Transaction, video: Video, error: SafelightError) -> None:
    """End a video for a technical reason. Its content is not the cause."""
    tracing.fail(get_current_span(), error)
    gate = context.upstreams.get(video.generator)
    problem = gate.last_problem(video.id) if gate else ""
    if isinstance(error, Withdrawn):
        end_paid_clip(tx, video.id)
    kept_until = paid_clip_end(tx, video.id)
    sentence = describe_failure(error, last_attempt(tx, video.id), problem=problem, kept_until=kept_until)
    # Without the sentence: it may have the words of a provider, and those a part of the prompt.
    _log.warning("%s failed (%s): %s", video.id, error.code, problem or "see its error message")
    transition(
        tx,
        video,
        VideoState.FAILED,
        actor="jobs",
        why={"code": error.code},
        error_code=error.code,
        error_message=sentence,
        clip_kept_until=kept_until,
    )
    _give_first_review_back(tx, video)
    _return_quota(context, tx, video)


def _give_first_review_back(tx: Transaction, video: Video) -> None:
    """No reviewer looked at this output, so another of the first ones is held instead."""
    if video.is_held_first:
        release_first_review(tx, video.principal_id, video.end_user)


def _return_quota(context: PipelineContext, tx: Transaction, video: Video) -> None:
    """Return the quotas of a video that is not delivered; of the cost what no generator charged or may have
    charged. A reinstated video took none.
    """
    if video.reinstated_from is None:
        is_free = all(one.charge.charged is ChargeStatus.NO for one in attempts_of(tx, video.id))
        usage = Usage(
            account=video.principal_id,
            end_user=video.end_user,
            seconds=video.seconds,
            cost_micros=video.reserved_micros if is_free else 0,
        )
        context.quota.refund(tx, usage, reserved_at=video.created_at)
