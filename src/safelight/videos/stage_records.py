"""Stage records in the database: the findings, the coverage and the verdict of every evaluation."""

from __future__ import annotations

import msgspec
from opentelemetry.trace import get_current_span

from safelight.accounts.models import account_subject, end_user_subject
from safelight.consents.uses import record_use
from safelight.core import canonical_json
from safelight.core.ids import new_id
from safelight.core.metrics import COVERAGE_GAPS, FINDING_SCORES, STAGE_VERDICTS, TEXT_DEPTH
from safelight.core.tracing import set_attributes
from safelight.policy.findings import Finding, Stage, highest_scores, pack, unpack
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageResult
from safelight.store import tables
from safelight.store.database import Transaction

from . import mappers
from .case_rows import DecisionAction, decided_verdict_ids
from .models import StageRecord
from .vault_entries import VaultKind, find_request, open_entry


def record_stage(tx: Transaction, video_id: str, result: StageResult) -> None:
    """Record the result of one stage. The audit log contains a hash of findings, coverage and verdict.

    A video with a quarantined stage is quarantined from then on: no later verdict lifts it, only the vault
    officer. What is vaulted or quarantined is in the officer's lane, and who requested what is vaulted sends
    no further requests until the officer dismisses it.
    """
    _count(result)
    record_id = new_id("verdict")
    now = tx.now()
    verdict = result.verdict
    body = msgspec.json.encode(verdict)
    packed = pack(result.findings)
    tx.insert(
        tables.findings,
        id=record_id,
        video_id=video_id,
        stage=result.stage.value,
        findings=packed,
        coverage=msgspec.msgpack.encode(result.coverage),
        details=canonical_json.encode(result.details),
        created_at=now,
    )
    tx.insert(
        tables.verdicts,
        id=record_id,
        video_id=video_id,
        stage=result.stage.value,
        action=verdict.action.value,
        category=verdict.category,
        rule=verdict.rule,
        subject_sha256=verdict.subject_sha256,
        policy=verdict.policy,
        policy_sha256=verdict.policy_sha256,
        body=body,
        created_at=now,
    )
    if verdict.quarantine:
        tx.update(tables.videos, video_id, quarantined=True)
        open_entry(tx, video_id, VaultKind.QUARANTINED)
    if verdict.vault:
        open_entry(
            tx,
            video_id,
            VaultKind.VAULTED,
            stops=None if verdict.test_card_only else _find_person(tx, video_id),
        )
    if verdict.action is not Action.BLOCK:
        for consent_id in verdict.consents:
            record_use(tx, consent_id, video_id)
    tx.append_audit(
        "verdict",
        subject=video_id,
        actor="policy",
        content={"id": record_id, "verdict": msgspec.json.decode(body), "findings": packed.hex()},
    )


def _find_person(tx: Transaction, video_id: str) -> str | None:
    """The subject of the person who requested a video or character: the end user, or an enrolled person.

    None if a key requested it without an end user: it can serve many people.
    """
    if (row := find_request(tx, video_id)) is None:
        return None
    if row.end_user:
        return end_user_subject(row.end_user)
    is_person = tx.count(tables.people, row.principal_id)
    return account_subject(row.principal_id) if is_person else None


def _count(result: StageResult) -> None:
    stage = result.stage.value
    STAGE_VERDICTS.add(stage, result.verdict.action.value, result.verdict.category)
    categories = {finding.category for finding in result.findings}
    set_attributes(
        get_current_span(),
        **{f"{stage}_action": result.verdict.action.value, f"{stage}_categories": len(categories)},
    )
    scores = highest_scores(
        ((one.detector, one.category), one.score) for one in result.findings if not one.test_card
    )
    for (detector, category), score in scores.items():
        FINDING_SCORES.observe(score, stage, detector, category)
    for cell in result.coverage:
        if cell.is_gap:
            COVERAGE_GAPS.add(stage, cell.category, cell.modality.value)
        elif cell.depth:
            TEXT_DEPTH.add(cell.category, cell.depth.value)


def stage_records(tx: Transaction, video_id: str) -> tuple[StageRecord, ...]:
    """The records of all stages, oldest first. A stage that was evaluated twice has two records."""
    verdicts = tx.select(
        tables.verdicts,
        tables.verdicts.c.video_id == video_id,
        order_by=(tables.verdicts.c.created_at, tables.verdicts.c.id),
    )
    findings = {row.id: row for row in tx.select(tables.findings, tables.findings.c.video_id == video_id)}
    return tuple(mappers.stage_record(row, findings[row.id]) for row in verdicts if row.id in findings)


def judged_sha256s(tx: Transaction, video_id: str, stage: Stage) -> set[str]:
    """The hashes of the content that the verdicts of one stage are about."""
    verdicts = tables.verdicts.c
    rows = tx.select(
        tables.verdicts,
        verdicts.video_id == video_id,
        verdicts.stage == stage.value,
        columns=(verdicts.subject_sha256, verdicts.body),
    )
    return {each for row in rows for each in (row.subject_sha256, mappers.verdict(row.body).subject_sha256)}


def approved_findings(tx: Transaction, video_id: str) -> tuple[Finding, ...]:
    """The findings of those verdicts that a reviewer approved."""
    return _findings_of(tx, video_id, DecisionAction.APPROVE)


def overturned_findings(tx: Transaction, video_id: str) -> tuple[Finding, ...]:
    """The findings that blocked the video which this video replaces. A successful appeal overturned them."""
    return _findings_of(tx, video_id, DecisionAction.OVERTURN)


def _findings_of(tx: Transaction, video_id: str, action: DecisionAction) -> tuple[Finding, ...]:
    findings, verdict_ids = tables.findings, decided_verdict_ids(tx, video_id, action)
    if not verdict_ids:
        return ()
    rows = tx.select(findings, findings.c.video_id == video_id, findings.c.id.in_(verdict_ids))
    return tuple(finding for row in rows for finding in unpack(row.findings))
