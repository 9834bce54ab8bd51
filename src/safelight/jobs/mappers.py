"""Maps database rows to the data types of the video service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row

from safelight.attempts.charge_columns import read_charge
from safelight.generation.protocol import Billing
from safelight.moderation.request import TemplateUse
from safelight.policy.findings import Coverage, Stage, unpack
from safelight.policy.verdicts import Verdict
from safelight.trust.seals import stored_facts

from .models import Attempt, Character, CharacterState, StageRecord, Video, VideoState


def from_json(data: bytes | None) -> Any:
    return None if data is None else msgspec.json.decode(data)


def video(row: Row[Any]) -> Video:
    retry = _retry_terms(row.request)
    return Video(
        id=row.id,
        tenant=row.tenant_id,
        state=VideoState(row.state),
        stage=Stage(row.stage),
        created_at=row.created_at,
        updated_at=row.updated_at,
        ended_at=row.ended_at,
        expires_at=row.expires_at,
        model=row.model,
        generator=row.generator,
        prompt=row.prompt,
        seconds=row.seconds,
        width=row.width,
        height=row.height,
        progress=row.progress,
        error_code=row.error_code,
        error_message=row.error_message,
        explanation=from_json(row.explanation),
        principal_id=row.principal_id,
        end_user=row.end_user,
        metadata=from_json(row.metadata) or {},
        remixed_from=row.remixed_from,
        reinstated_from=row.reinstated_from,
        reinstated_as=row.reinstated_as,
        review_due_at=row.review_due_at,
        badge_text=row.badge_text,
        vaulted=row.vaulted,
        waived=row.waived,
        sealed_sha256=row.sealed_sha256,
        mark=row.mark,
        deleted=row.deleted_at is not None,
        revision=row.revision,
        deadline_at=row.deadline_at,
        generated_at=row.generated_at,
        clip_kept_until=row.clip_kept_until,
        outcome_summary=from_json(row.outcome_summary),
        retry_of=str(retry.get("of", "")),
        asks_retry=bool(retry.get("same") or retry.get("variation")),
        template=_template_use(row.request),
    )


def _template_use(request: bytes) -> TemplateUse | None:
    # Lists have many rows, and most requests name no template.
    if b'"template":{' not in request:
        return None
    stored = from_json(request).get("template")
    return TemplateUse(**stored) if stored else None


def _retry_terms(request: bytes) -> Mapping[str, Any]:
    # Few requests ask for a retry, and lists have many rows.
    if b'"retry"' not in request:
        return {}
    return from_json(request).get("retry") or {}


def character(row: Row[Any]) -> Character:
    return Character(
        id=row.id,
        name=row.name,
        state=CharacterState(row.state),
        created_at=row.created_at,
        end_user=row.end_user,
        sha256=row.sha256,
        media_type=row.media_type,
        bytes=row.bytes,
        vaulted=row.vaulted,
    )


def attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        number=row.number,
        generator=row.generator,
        billing=Billing(row.billing),
        idempotency_key=row.idempotency_key,
        upstream_id=row.upstream_id,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
        searches=row.searches,
        outcome=row.outcome,
        charge=read_charge(row),
        upstream_copy_status=row.upstream_copy_status,
        not_drawn=tuple(from_json(row.not_drawn) or ()),
        problem=row.problem,
    )


def stage_record(verdict_row: Row[Any], findings_row: Row[Any]) -> StageRecord:
    return StageRecord(
        stage=Stage(verdict_row.stage),
        verdict=verdict(verdict_row.body),
        findings=unpack(findings_row.findings),
        coverage=msgspec.msgpack.decode(findings_row.coverage, type=Coverage),
        at=verdict_row.created_at,
        details=from_json(findings_row.details) or {},
    )


def verdict(body: bytes) -> Verdict:
    return msgspec.json.decode(body, type=Verdict)


def seal(row: Row[Any]) -> dict[str, Any]:
    return {
        "sha256": row.sha256,
        "source_sha256": row.source_sha256,
        "created_at": row.created_at,
        "manifest_bytes": len(row.manifest),
        "mark": {
            "state": row.mark_state,
            "id": row.mark_id,
            "epoch": row.mark_epoch,
            "algorithm": row.mark_algorithm,
        },
        "facts": stored_facts(row) or {},
    }


def audit_entry(row: Row[Any]) -> dict[str, Any]:
    return {"seq": row.seq, "at": row.at, "event": row.event, "actor": row.actor, "hash": row.hash}
