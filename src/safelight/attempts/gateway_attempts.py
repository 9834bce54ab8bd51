"""The attempts of the gateway, read from its videos and from what the provider answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, select

from safelight.errors import UpstreamModerationBlocked
from safelight.store.tables import attempts, videos
from safelight.store.transaction import Transaction

from .charge_columns import read_logged_charge
from .error_text import withhold_prompt
from .models import AttemptOrigin, AttemptOutcome, AttemptRecord

#: Ends of attempts before the last one of a video.
_NOT_TAKEN = ("not_taken", "lost")
#: What became of a file that the provider made, by the state of the video; otherwise it passed.
_ENDS = {
    "blocked": AttemptOutcome.STOPPED,
    "rejected": AttemptOutcome.STOPPED,
    "held": AttemptOutcome.RUNNING,
}
_GATEWAY_COLUMNS = (
    attempts.c.id,
    attempts.c.number,
    attempts.c.generator,
    attempts.c.created_at,
    attempts.c.submitted_at,
    attempts.c.ended_at,
    attempts.c.outcome,
    attempts.c.upstream_id,
    *(attempts.c.charge_status, attempts.c.amount, attempts.c.currency, attempts.c.charge_source),
    *(videos.c.model, videos.c.prompt, videos.c.seconds, videos.c.width, videos.c.height),
    *(videos.c.state, videos.c.error_message, videos.c.explanation, videos.c.deleted_at),
    *(videos.c.vaulted, videos.c.quarantined),
    videos.c.id.label("video"),
)


def read_gateway_attempts(
    tx: Transaction, where: Sequence[ColumnElement[bool]], limit: int
) -> list[AttemptRecord]:
    rows = tx.execute(
        select(*_GATEWAY_COLUMNS)
        .select_from(attempts)
        .join(
            videos,
            and_(attempts.c.tenant_id == videos.c.tenant_id, attempts.c.video_id == videos.c.id),
        )
        .where(*tx.tenant_condition(attempts), *tx.tenant_condition(videos), *where)
        .order_by(attempts.c.created_at.desc(), attempts.c.id.desc())
        .limit(limit)
    )
    return [_gateway_record(row) for row in rows]


def _gateway_record(row: Row[Any]) -> AttemptRecord:
    explanation = msgspec.json.decode(row.explanation) if row.explanation is not None else {}
    withheld = row.vaulted or row.quarantined or row.deleted_at is not None
    outcome = _gateway_outcome(row, explanation)
    refused = outcome is AttemptOutcome.REFUSED
    said = _provider_error(explanation) if refused else _reported_problem(row, outcome)
    error = _own_error(row, outcome) if said is None else said
    return AttemptRecord(
        id=row.id,
        origin=AttemptOrigin.GATEWAY,
        at=row.created_at,
        provider=row.generator,
        model=row.model,
        seconds=float(row.seconds),
        width=row.width,
        height=row.height,
        prompt=None if withheld else row.prompt,
        error=withhold_prompt(error, row.prompt) if withheld else error,
        outcome=outcome,
        stage=str(explanation.get("moderation_stage", "unknown")) if refused else "unknown",
        file_came=_file_came(row, said),
        charge=read_logged_charge(row),
        request_id=row.upstream_id or "",
        video_id=row.video,
        is_own_error=said is None and error != "",
        is_undelivered=outcome is AttemptOutcome.PASSED and row.state == "failed",
    )


def _gateway_outcome(row: Row[Any], explanation: Mapping[str, Any]) -> AttemptOutcome:
    if row.ended_at is None:
        return AttemptOutcome.RUNNING
    if row.outcome == "done":
        return _ENDS.get(row.state, AttemptOutcome.PASSED)
    if row.outcome == UpstreamModerationBlocked.code and explanation.get("source") == "provider":
        return AttemptOutcome.REFUSED
    return AttemptOutcome.FAILED


def _provider_error(explanation: Mapping[str, Any]) -> str:
    parts = (explanation.get("provider_code"), explanation.get("provider_message"))
    return ": ".join(str(part) for part in parts if part)


def _reported_problem(row: Row[Any], outcome: AttemptOutcome) -> str | None:
    """The provider's words in the message of a failed video; None if it did not report a failure."""
    name = re.escape(row.generator)
    # As composed by `jobs.attempts` and `jobs.failure_message`.
    found = re.fullmatch(
        rf"{name} failed: (.*?)(?: (?:{name} (?:did not charge|charged)|It is not known whether {name}) .*)?",
        row.error_message or "",
        re.DOTALL,
    )
    if outcome is not AttemptOutcome.FAILED or row.outcome in _NOT_TAKEN or found is None:
        return None
    return "" if found[1] == "it gave no reason." else found[1]


def _file_came(row: Row[Any], said: str | None) -> bool | None:
    if row.ended_at is None:
        return None
    if row.outcome == "done":
        return True
    # Otherwise the gateway gave up or lost the request, or could not download the file.
    refused = row.outcome in (UpstreamModerationBlocked.code, "upstream_rejected", *_NOT_TAKEN)
    return False if refused or said is not None else None


def _own_error(row: Row[Any], outcome: AttemptOutcome) -> str:
    """The error of the video belongs to its last attempt; earlier ones were not taken or lost."""
    if outcome is not AttemptOutcome.FAILED:
        return ""
    return (row.error_message or "") if row.outcome not in _NOT_TAKEN else row.outcome
