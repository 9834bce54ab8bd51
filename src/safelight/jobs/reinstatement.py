"""A won appeal: what was blocked goes its way again, under a new id that names the old one."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Row

from safelight import canonical_json
from safelight.errors import Conflict, InvalidField, NotFound, QuotaExceeded, Withdrawn
from safelight.generation.protocol import Derivation
from safelight.ids import new_id
from safelight.moderation.admission import SOURCE_FIELD
from safelight.moderation.evaluation import StageResult
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.store.retention import Retention
from safelight.store.transaction import Transaction
from safelight.trust.appeals import AppealSubject
from safelight.trust.reviews import Decision

from . import mappers
from .context import PipelineContext
from .lineage import Lineage, LineageTrace
from .models import ReusedFile, StageRecord
from .states import VideoState
from .steps import BADGE

#: What a new video takes over from the one it is released from.
_SAME = (
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
    "remixed_from",
    "quarantined",
)
_EARLY = (Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE)


def appealable(workshop: PipelineContext, tx: Transaction, video_id: str) -> AppealSubject:
    """The blocked video an appeal is about, locked. Raises `NotFound`, and `Conflict` where there is nothing
    to appeal."""
    row = _locked(tx, video_id)
    judgement = workshop.store.judgements(row.tenant_id, row.id)[-1]
    verdict = judgement.verdict
    return AppealSubject(
        id=row.id,
        stage=judgement.stage,
        category=verdict.category,
        rule=verdict.rule,
        reason=verdict.reason,
        quarantined=row.quarantined or verdict.quarantine,
    )


def reinstate(workshop: PipelineContext, tx: Transaction, video_id: str, decision: Decision) -> str:
    """Order again what the decision releases; the new video's id.

    A clip that was made and is still kept is sealed as it is: nothing is generated or charged twice. All else
    goes the whole way. Quota is counted anew. Raises `Conflict` where it cannot be released.
    """
    old = _locked(tx, video_id)
    tenant, fresh, now = old.tenant_id, new_id("video"), time.time()
    if old.generator not in workshop.generators:
        raise Conflict(f"{old.generator} made {video_id} and is no longer configured.", param="case_id")
    try:
        workshop.quota.reserve(tx, old.principal_id, old.seconds, now=now)
    except QuotaExceeded:
        raise Conflict(
            "Whoever ordered this video has no quota left today, and a release counts like an order.",
            param="case_id",
            remedy="Decide it tomorrow (UTC).",
        ) from None
    made = workshop.store.judgements(tenant, video_id)
    clip = _clip(tx, old)
    judged = _judged_again(workshop, tenant, made, output=clip is not None)
    request = mappers.from_json(old.request)
    pending = request["pending"] and all(each.stage is not Stage.REFERENCE for each in made)
    columns: dict[str, Any] = {"state": VideoState.QUEUED.value, "stage": Stage.REFERENCE.value}
    if clip is not None:
        output = judged[-1]
        judge = workshop.stages.output.judge
        columns = {
            "state": VideoState.SEALING.value,
            "stage": Stage.DELIVERY.value,
            "progress": 90,
            "generated_sha256": old.generated_sha256,
            "verdict_action": output.verdict.action.value,
            "badge_text": BADGE if judge.wants_label(tenant, Stage.OUTPUT, output.findings) else None,
        }
    tx.insert(
        tables.videos,
        id=fresh,
        created_at=now,
        updated_at=now,
        accepted_at=now,
        deadline_at=now + workshop.terms.deadline_s,
        reinstated_from=video_id,
        request=canonical_json.encode({**request, "pending": pending}),
        waived=any(each.verdict.waivers for each in judged),
        enqueue_count=1,
        **{name: getattr(old, name) for name in _SAME},
        **columns,
    )
    _take_along(workshop, tx, old, fresh, request)
    if clip is not None:
        _share(workshop, tx, fresh, clip, "generated")
    tx.append_audit(
        "video.received",
        subject=released_id,
        actor=decision.decided_by,
        content={"reinstated_from": video_id},
    )
    for each in judged:
        workshop.store.record_stage(tx, fresh, each)
    tx.append_audit(
        f"video.{columns['state']}",
        subject=fresh,
        actor=decision.decided_by,
        content={"decision": decision.id},
    )
    tx.publish(f"video.{columns['state']}", subject=fresh, body={"id": fresh, "at": now})
    workshop.store.update(tx, mappers.video(old), reinstated_as=fresh)
    tx.append_audit(
        "video.released",
        subject=video_id,
        actor=decision.decided_by,
        content={"as": fresh, "decision": decision.id},
    )
    return fresh


def _locked(tx: Transaction, video_id: str) -> Row[Any]:
    """The row of a video whose block offers an appeal."""
    row = tx.one(tables.videos, tables.videos.c.id == video_id, lock=True)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
    explanation = mappers.from_json(row.explanation) or {}
    if row.state not in (VideoState.REJECTED.value, VideoState.BLOCKED.value):
        raise Conflict(f"{video_id} was not blocked: it is {row.state}.", param="video_id")
    if explanation.get("owner") == "provider":
        raise Conflict(
            f"{video_id} was refused by its provider, not here; nobody here can change that.",
            param="video_id",
        )
    if row.vaulted or not explanation.get("appeal"):
        raise Conflict(f"{video_id} cannot be appealed.", param="video_id")
    if row.reinstated_as is not None:
        raise Conflict(f"{video_id} was released already, as {row.reinstated_as}.", param="video_id")
    return row


def _judged_again(
    workshop: PipelineContext, tenant: str, made: tuple[StageRecord, ...], *, output: bool
) -> list[StageResult]:
    """What was seen, under the policy in force now; it has to let it through once that is settled."""
    overturned = tuple(finding for each in made for finding in each.findings)
    judge = workshop.stages.output.judge
    again = [
        judge.reevaluate_for_appeal(
            StageResult(
                stage=each.stage,
                verdict=each.verdict,
                findings=each.findings,
                coverage=each.coverage,
                extra=each.extra,
            ),
            tenant=tenant,
            overturned=overturned,
        )
        for each in made
        if each.stage in _EARLY or (output and each.stage is Stage.OUTPUT)
    ]
    if any(each.verdict.action is Action.BLOCK for each in again):
        raise Conflict(
            "The policy in force blocks this for something that an appeal does not settle.", param="case_id"
        )
    return again


def _clip(tx: Transaction, old: Row[Any]) -> Row[Any] | None:
    """The clip that was made and judged, where it is still kept."""
    if old.state != VideoState.BLOCKED.value or old.generated_sha256 is None:
        return None
    assets = tables.assets.c
    return tx.one(
        tables.assets,
        assets.video_id == old.id,
        assets.kind == "generated",
        assets.sha256 == old.generated_sha256,
        assets.retention == Retention.EVIDENCE.value,
        assets.deleted_at.is_(None),
    )


def _take_along(
    workshop: PipelineContext, tx: Transaction, old: Row[Any], fresh: str, request: dict[str, Any]
) -> None:
    """The references and the lineage of the order, for the new video; what it is made from must be out."""
    parents: dict[str, str] = {}
    borrowed: list[ReusedFile] = []
    for reference in request["references"]:
        assets = tables.assets.c
        kept = tx.select(
            tables.assets, assets.sha256 == reference["sha256"], assets.deleted_at.is_(None), limit=1
        )
        if not kept or kept[0].retention == Retention.VAULT.value:
            raise Conflict("A file this was ordered with is no longer kept.", param="case_id")
        if "of" not in reference:
            _share(workshop, tx, fresh, kept[0], "reference")
            continue
        source = reference["field"] == SOURCE_FIELD
        parents[reference["of"]] = Derivation(request["origin"]["step"]).value if source else "character"
        borrowed.append(
            ReusedFile(
                field=reference["field"],
                sha256=reference["sha256"],
                media_type=reference["media_type"],
                bytes=kept[0].bytes,
                of=reference["of"],
            )
        )
    try:
        Lineage(workshop=workshop).record(tx, fresh, LineageTrace(parents=parents, borrowed=tuple(borrowed)))
    except (NotFound, Withdrawn, InvalidField) as error:
        raise Conflict(f"What {old.id} was made from is no longer out.", param="case_id") from error


def _share(workshop: PipelineContext, tx: Transaction, video_id: str, file: Row[Any], kind: str) -> None:
    """The same bytes as another video's, for as long as either wants them."""
    workshop.store.add_file(
        tx,
        video_id,
        kind=kind,
        sha256=file.sha256,
        size=file.bytes,
        media_type=file.media_type,
        retention=Retention.EVIDENCE,
    )
