"""Releases what a video left, as a new video linked to the old one: after a successful appeal or a late
approval, or to scan a kept clip again.
"""

from __future__ import annotations

from typing import Any

from safelight.core import canonical_json
from safelight.core.errors import Conflict, InvalidField, NotFound, Withdrawn
from safelight.core.ids import new_id
from safelight.core.tracing import work
from safelight.policy.explanations import without_appeal
from safelight.policy.findings import Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.providers.protocol import Derivation
from safelight.screening.evaluation import StageResult, reevaluate_for_appeal, requires_label
from safelight.store import tables
from safelight.store.database import Row, Transaction
from safelight.store.retention import Retention
from safelight.videos.requests.admission import SOURCE_FIELD

from . import mappers
from .attempt_store import last_attempt
from .case_rows import Decision
from .case_rows.models import AppealSubject
from .context import PipelineContext
from .copied_sources import hand_on_copied_sources, newest_release
from .evasion import delete_blocks_of_video
from .files import FileRow, add_file, end_paid_clip, files_of
from .generation_stage import STOPPED, as_result
from .ingredients import UPSTREAM_MANIFEST
from .lineage import Lineage, LineageTrace
from .models import ReusedFile, StageRecord, Video, VideoState
from .outcomes import EARLY_STAGES
from .repository import next_created_at
from .stage_records import record_stage, stage_records
from .transcripts import copy_transcript
from .transitions import update
from .video_statements import state_reinstatement

#: Columns that are copied from the blocked video to the new one.
_COPIED_COLUMNS = (
    "principal_id",
    "end_user",
    "model",
    "generator",
    "prompt",
    "seconds",
    "width",
    "height",
    "request_sha256",
    "metadata",
    "batch",
    "remixed_from",
    "quarantined",
)


def appealable(tx: Transaction, video_id: str) -> AppealSubject:
    """Lock and return the blocked or withdrawn video of an appeal.

    Raises `NotFound`, or `Conflict` if the decision cannot be appealed.
    """
    row = _locked(tx, video_id)
    record = stage_records(tx, row.id)[-1]
    verdict = record.verdict
    return AppealSubject(
        id=row.id,
        stage=record.stage,
        category=verdict.category,
        rule=verdict.rule,
        reason=verdict.reason,
        quarantined=row.quarantined or verdict.quarantine,
    )


def end_offer(tx: Transaction, video_id: str) -> None:
    """The appeal against the block of a video was sent: its explanation offers none any more."""
    row = tx.one(tables.videos, video_id)
    video = mappers.video(row) if row else None
    if video is None or not (details := video.explanation or {}).get("appeal"):
        return
    update(tx, video, **_with_step(video, without_appeal(details["next_step"])))


def _with_step(video: Video, step: str, **changes: Any) -> dict[str, Any]:
    """The columns of a video whose explanation suggests another next step, and no appeal."""
    details, message = video.explanation or {}, video.error_message
    if not (old := details.get("next_step")):
        return {}
    return {
        "explanation": {**details, "appeal": None, "next_step": step, **changes},
        "error_message": message and message.replace(old, step),
    }


def describe_release(released_id: str) -> str:
    """What to do next about a video that was released under this id."""
    return f"It was released as {released_id}; follow that video."


def reinstate(context: PipelineContext, tx: Transaction, video_id: str, decision: Decision) -> str:
    """Create a new video in place of a blocked or withdrawn one. Returns the id of the new video.

    The sealed file of a withdrawn video is delivered again. If the generated clip of a blocked video is still
    stored, it is sealed, so that nothing is generated or charged again. Otherwise the request runs through
    the whole pipeline. The new video takes no quota and costs nothing. Raises `Conflict` if the video cannot
    be reinstated.
    """
    return _release(context, tx, _locked(tx, video_id), decision.decided_by, decision)


def release_kept_clip(context: PipelineContext, tx: Transaction, video_id: str, decision: Decision) -> str:
    """Release the kept clip of a video whose review had expired, because a reviewer approved it after all.

    Returns the id of the new video. Raises `Conflict` if the clip is not kept any more.
    """
    return _release(context, tx, _with_kept_clip(tx, video_id), decision.decided_by, decision)


def scan_kept_clip(context: PipelineContext, tx: Transaction, video_id: str, *, actor: str) -> str:
    """Scan the kept clip of a failed video again, as a new video. Nothing is sent to a generator.

    Returns the id of the new video. Raises `NotFound`, and `Conflict` if there is no such clip.
    """
    old = _with_kept_clip(tx, video_id)
    if old.state != VideoState.FAILED.value:
        raise Conflict(f"The clip of {video_id} was scanned and waits for a reviewer.", param="video_id")
    return _release(context, tx, old, actor, None)


def _with_kept_clip(tx: Transaction, video_id: str) -> Row:
    row = tx.one(tables.videos, video_id, lock=True)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
    if row.reinstated_as is not None:
        raise Conflict(f"The clip of {video_id} was released as {row.reinstated_as}.", param="video_id")
    if row.clip_kept_until is None or row.vaulted:
        raise Conflict(f"{video_id} has no clip that is kept for a decision.", param="video_id")
    return row


def _release(
    context: PipelineContext, tx: Transaction, old: Row, actor: str, decision: Decision | None
) -> str:
    """Make the new video. Without a decision its clip is scanned again."""
    released_id = new_id("video")
    with work("submit", released_id):
        _release_as(released_id, context, tx, old, actor, decision)
    return released_id


def _release_as(
    released_id: str,
    context: PipelineContext,
    tx: Transaction,
    old: Row,
    actor: str,
    decision: Decision | None,
) -> None:
    video_id, tenant, now = old.id, old.tenant_id, tx.now()
    if old.generator not in context.generators:
        raise Conflict(
            f"{video_id} cannot be reinstated, because {old.generator} is not configured now.",
            param="case_id",
        )
    is_kept = old.clip_kept_until is not None
    made = stage_records(tx, video_id)
    policy = context.policies.load_within(tx, tenant)
    clip = _clip(tx, old)
    if clip is None and is_kept:
        raise Conflict(f"The clip of {video_id} is not stored any more.", param="video_id")
    has_clip = clip is not None
    results = _reevaluate(policy, made, output=has_clip) if decision else _unchanged(made, has_clip)
    request = mappers.from_json(old.request)
    if old.accepted_at is None:
        # Rejected while the client waited, before the origin of its references was searched.
        pending = any("of" not in each for each in request["references"])
    else:
        pending = request["pending"] and all(each.stage is not Stage.REFERENCE for each in made)
    columns: dict[str, Any] = {"state": VideoState.QUEUED.value, "stage": Stage.REFERENCE.value}
    if clip is not None and decision is None:
        columns = {
            "state": VideoState.SCANNING.value,
            "stage": Stage.OUTPUT.value,
            "progress": 60,
            "generated_sha256": clip.sha256,
            "generated_at": old.generated_at,
        }
    elif clip is not None:
        output = results[-1]
        columns = {
            "state": VideoState.SEALING.value,
            "stage": Stage.DELIVERY.value,
            "progress": 90,
            "generated_sha256": clip.sha256,
            "verdict_action": output.verdict.action.value,
            "badge_text": context.delivery.label.text
            if clip.kind == "generated" and requires_label(policy, Stage.OUTPUT, output.findings)
            else None,
        }
    tx.insert(
        tables.videos,
        id=released_id,
        created_at=next_created_at(tx),
        updated_at=now,
        accepted_at=now,
        deadline_at=now + context.limits.deadline_s,
        reinstated_from=video_id,
        request=canonical_json.encode({**request, "pending": pending}),
        waived=any(each.verdict.waivers for each in results),
        reviewed=decision is not None or old.reviewed,
        gaps_approved=any(each.verdict.gaps for each in results),
        enqueue_count=1,
        **{name: getattr(old, name) for name in _COPIED_COLUMNS},
        **columns,
    )
    _copy_sources(context, tx, old, released_id, request)
    if clip is not None:
        _share(tx, released_id, clip, "generated")
        for manifest in files_of(tx, video_id, kind=UPSTREAM_MANIFEST):
            _share(tx, released_id, manifest, UPSTREAM_MANIFEST)
        # The new video keeps the clip until it has an end of its own.
        end_paid_clip(tx, video_id)
        copy_transcript(tx, video_id, released_id)
    tx.append_audit(
        "video.received",
        subject=released_id,
        actor=actor,
        content={"reinstated_from": video_id},
    )
    for each in results:
        record_stage(tx, released_id, each)
    tx.append_audit(
        f"video.{columns['state']}",
        subject=released_id,
        actor=actor,
        content={"decision": decision.id} if decision else {},
    )
    tx.publish(f"video.{columns['state']}", subject=released_id, body={"id": released_id, "at": now})
    replaced, suggestion = mappers.video(old), {}
    if decision is not None:
        # Nothing is to be changed: the video is there.
        never = {"action": "never", "after_s": None}
        suggestion = _with_step(replaced, describe_release(released_id), retry=never)
    update(tx, replaced, reinstated_as=released_id, clip_kept_until=None, **suggestion)
    if decision is not None:
        delete_blocks_of_video(tx, video_id)
        context.standings.remove(tx, video_id, actor=actor)
        state_reinstatement(tx, replaced, released_id, decision)
    tx.append_audit(
        "video.released" if decision else "video.scanned_again",
        subject=video_id,
        actor=actor,
        content={"as": released_id, **({"decision": decision.id} if decision else {})},
    )


def _locked(tx: Transaction, video_id: str) -> Row:
    """Lock and return the row of a blocked or withdrawn video.

    Raises `Conflict` if the decision cannot be appealed.
    """
    row = tx.one(tables.videos, video_id, lock=True)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
    explanation = mappers.from_json(row.explanation) or {}
    is_withdrawn = row.state == VideoState.WITHDRAWN.value
    if not is_withdrawn and row.state not in (VideoState.REJECTED.value, VideoState.BLOCKED.value):
        raise Conflict(f"{video_id} was not blocked: it is {row.state}.", param="video_id")
    if explanation.get("source") == "provider":
        raise Conflict(
            f"{video_id} was blocked by its provider. This installation cannot reverse that decision.",
            param="video_id",
        )
    # Once the appeal was sent, the explanation offers none.
    offered = explanation.get("appeal") or tx.count(tables.appeals, tables.appeals.c.video_id == video_id)
    if row.vaulted or not (is_withdrawn or offered):
        raise Conflict(f"{video_id} cannot be appealed.", param="video_id")
    if row.reinstated_as is not None:
        raise Conflict(f"{video_id} was already reinstated, as {row.reinstated_as}.", param="video_id")
    return row


def _reevaluate(policy: TenantPolicy, made: tuple[StageRecord, ...], *, output: bool) -> list[StageResult]:
    """Evaluate the earlier stages again with the current policy, ignoring the overturned findings.

    Raises `Conflict` if the policy still blocks the video.
    """
    overturned = tuple(finding for each in made for finding in each.findings)
    again = [
        reevaluate_for_appeal(policy, as_result(each), overturned)
        for each in made
        if each.stage in EARLY_STAGES or (output and each.stage in (Stage.GENERATION, Stage.OUTPUT))
    ]
    if any(each.verdict.action is Action.BLOCK for each in again):
        raise Conflict(
            "The current policy blocks this video for a reason that the appeal does not overturn.",
            param="case_id",
        )
    return again


def _unchanged(made: tuple[StageRecord, ...], has_clip: bool) -> list[StageResult]:
    """The results of the stages before the scan, as they were."""
    kept = EARLY_STAGES | {Stage.GENERATION} if has_clip else EARLY_STAGES
    return [as_result(each) for each in made if each.stage in kept]


def _clip(tx: Transaction, old: Row) -> Row | None:
    """The stored file of the generated clip, or the sealed file of a withdrawn video.

    None if the clip is not stored any more, or its generation was stopped: then a part of it is. Raises
    `Conflict` if the sealed file is not stored.
    """
    is_withdrawn = old.state == VideoState.WITHDRAWN.value
    sha256 = old.sealed_sha256 if is_withdrawn else old.generated_sha256
    if old.state == VideoState.REJECTED.value or sha256 is None:
        return None
    if (last := last_attempt(tx, old.id)) is not None and last.outcome == STOPPED:
        return None
    assets = tables.assets.c
    found = tx.one(
        tables.assets,
        assets.video_id == old.id,
        assets.kind == ("sealed" if is_withdrawn else "generated"),
        assets.sha256 == sha256,
        assets.retention.in_([Retention.EVIDENCE.value, Retention.PAID_CLIP.value]),
        assets.deleted_at.is_(None),
    )
    if found is None and is_withdrawn:
        raise Conflict(f"The file of {old.id} is not stored any more.", param="case_id")
    return found


def _copy_sources(
    context: PipelineContext, tx: Transaction, old: Row, released_id: str, request: dict[str, Any]
) -> None:
    """Give the new video the references, the lineage and the consents of the blocked one.

    Raises `Conflict` if a source may not be used any more.
    """
    parents: dict[str, str] = {}
    borrowed: list[ReusedFile] = []
    for reference in request["references"]:
        assets = tables.assets.c
        kept = tx.select(
            tables.assets, assets.sha256 == reference["sha256"], assets.deleted_at.is_(None), limit=1
        )
        if not kept or kept[0].retention == Retention.VAULT.value:
            raise Conflict("A reference of this request is not stored any more.", param="case_id")
        if "of" not in reference:
            _share(tx, released_id, kept[0], "reference")
            continue
        source = reference["field"] == SOURCE_FIELD
        parent = newest_release(tx, reference["of"])
        parents[parent] = Derivation(request["origin"]["step"]).value if source else "character"
        borrowed.append(
            ReusedFile(
                field=reference["field"],
                sha256=reference["sha256"],
                media_type=reference["media_type"],
                bytes=kept[0].bytes,
                of=reference["of"],
            )
        )
    uses = tables.consent_uses.c
    rows = tx.select(tables.consent_uses, uses.video_id == old.id, uses.ended_at.is_(None))
    lineage = LineageTrace(
        parents=parents, borrowed=tuple(borrowed), consents=tuple(row.consent_id for row in rows)
    )
    try:
        Lineage(context=context).record(tx, released_id, lineage)
        hand_on_copied_sources(tx, old.id, released_id)
    except (NotFound, Withdrawn, InvalidField) as error:
        raise Conflict(f"The source of {old.id} may not be used any more.", param="case_id") from error


def _share(tx: Transaction, video_id: str, file: Row, kind: str) -> None:
    """Record that the new video also uses this file. The bytes stay stored until no row refers to them."""
    add_file(
        tx,
        video_id,
        FileRow(
            kind=kind,
            sha256=file.sha256,
            size=file.bytes,
            media_type=file.media_type,
            retention=Retention.PAID_CLIP
            if kind == "generated" and file.retention == Retention.PAID_CLIP.value
            else Retention.EVIDENCE,
        ),
    )
