"""Maps database rows to the data types of the video service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from safelight.policy.findings import Coverage, Stage, unpack
from safelight.policy.steering import Steering
from safelight.policy.verdicts import Verdict
from safelight.providers.attempts.charge_columns import read_charge
from safelight.providers.protocol import GenerationReport
from safelight.store.database import Row
from safelight.store.rows import read_record
from safelight.videos.requests.request import TemplateUse

from .models import Attempt, Character, StageRecord, Video
from .registry import stored_facts

_T = TypeVar("_T")
#: Fields of a video that have no column.
_SET_BY_THE_SERVICE: Mapping[str, Any] = {"queue": None, "late_since": None, "replayed": False}


def from_json(data: bytes | None) -> Any:
    return None if data is None else msgspec.json.decode(data)


def video(row: Row) -> Video:
    retry = _retry_terms(row.request)
    return read_record(
        Video,
        row,
        explanation=from_json(row.explanation),
        metadata=from_json(row.metadata) or {},
        outcome_summary=from_json(row.outcome_summary),
        deleted=row.deleted_at is not None,
        retry_of=str(retry.get("of", "")),
        asks_retry=bool(retry.get("same") or retry.get("variation")),
        template=_template_use(row.request),
        **_SET_BY_THE_SERVICE,
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


def character(row: Row) -> Character:
    return read_record(Character, row)


def attempt(row: Row) -> Attempt:
    return read_record(
        Attempt,
        row,
        charge=read_charge(row),
        not_drawn=tuple(from_json(row.not_drawn) or ()),
        steering=_read(Steering, row.steering),
        generation=_read(GenerationReport, row.generation),
    )


def _read(kind: type[_T], column: bytes | None) -> _T | None:
    return msgspec.json.decode(column, type=kind) if column else None


def stage_record(verdict_row: Row, findings_row: Row) -> StageRecord:
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


def seal(row: Row) -> dict[str, Any]:
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


def audit_entry(row: Row) -> dict[str, Any]:
    return {"seq": row.seq, "at": row.at, "event": row.event, "actor": row.actor, "hash": row.hash}
