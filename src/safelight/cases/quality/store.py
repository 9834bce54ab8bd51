"""Opens quality reviews, and reads what the policy had decided about a video."""

from __future__ import annotations

import secrets

from safelight.cases.reviews.conflicts import record_conflicts
from safelight.core.ids import new_id
from safelight.policy.findings import INDICATOR_SCORE, Stage, severity_of, unpack
from safelight.policy.verdicts import Action, Verdict
from safelight.store.database import Row, Transaction
from safelight.store.tables import cases, findings, installation, quality_cases, videos
from safelight.videos.case_rows import Case, CaseKind, CaseState, DecisionAction, case_from_row
from safelight.videos.case_rows.clusters import read_verdicts
from safelight.videos.case_rows.priority import rank_at

from .models import Golden, NewQualityCase

_SEED_KEY = "quality_seed"
_SEED_BYTES = 32


def open_quality_case(tx: Transaction, new: NewQualityCase) -> Case | None:
    """Open a quality review. None if it was opened before, or if the video is deleted or locked away.

    Only the vault officer gets that of a quarantined video, which stays quarantined after its release.
    It is not in the audit log under the video: the person who requested the video does not wait for it.
    """
    video = tx.one(videos, new.video_id)
    if video is None or video.deleted_at is not None or video.vaulted:
        return None
    case_id, now = new_id("case"), tx.now()
    added = tx.insert_or_ignore(
        quality_cases,
        case_id=case_id,
        purpose=new.purpose.value,
        opened_for=new.opened_for,
        source=new.source,
        assigned_to=new.assigned_to,
        expected=new.expected,
        first_person=new.first_person,
        machine=_machine_answer(tx, new.video_id),
        stratum=new.stratum,
        opened_at=now,
    )
    if not added:
        return None
    severity = severity_of(new.category) if new.category else 1
    tx.insert(
        cases,
        id=case_id,
        video_id=new.video_id,
        kind=CaseKind.QUALITY.value,
        stage=Stage.DELIVERY.value,
        category=new.category,
        rule="",
        reason="",
        state=CaseState.OPEN.value,
        dedup_key=f"{CaseKind.QUALITY.value}:{case_id}",
        quarantined=new.quarantined or video.quarantined,
        opened_at=now,
        due_at=now + new.due_s,
        severity=severity,
        rank_at=rank_at(due_at=now + new.due_s, severity=severity, reach=1),
        required_rank=int(new.required_rank),
    )
    row = tx.one(cases, case_id)
    assert row is not None  # It was added in this transaction.
    opened = case_from_row(row)
    record_conflicts(tx, opened)
    return opened


def strongest_verdict(tx: Transaction, video_id: str) -> Verdict | None:
    """The verdict with the strongest action on a video; None if there is none."""
    return max(read_verdicts(tx, video_id), key=lambda verdict: verdict.action.severity, default=None)


def _machine_answer(tx: Transaction, video_id: str) -> str | None:
    """What checks and policy say about a video, as an answer; None if they say that a check did not run."""
    verdict = strongest_verdict(tx, video_id)
    if verdict is None or verdict.gaps:
        return None
    stopped = verdict.action.severity >= Action.HOLD.severity
    return (DecisionAction.AGAINST_POLICY if stopped else DecisionAction.IN_POLICY).value


def found_categories(tx: Transaction, video_ids: list[str]) -> dict[str, set[str]]:
    """By video: the categories that a detector found with at least `INDICATOR_SCORE`."""
    found: dict[str, set[str]] = {video_id: set() for video_id in video_ids}
    columns = [findings.c.video_id, findings.c.findings]
    for row in tx.select(findings, findings.c.video_id.in_(video_ids), columns=columns):
        for finding in unpack(row.findings):
            if finding.score >= INDICATOR_SCORE:
                found[row.video_id].add(finding.category)
    return found


def read_seed(tx: Transaction) -> bytes:
    """The secret seed of this installation. Created with the first use; it needs a writing transaction."""
    tx.insert_or_ignore(installation, key=_SEED_KEY, value=secrets.token_hex(_SEED_BYTES))
    row = tx.one(installation, installation.c.key == _SEED_KEY, lock=True)
    assert row is not None  # It was added above, if it was missing.
    return bytes.fromhex(row.value)


def golden_from_row(row: Row) -> Golden:
    return Golden(
        id=row.id,
        video_id=row.video_id,
        answer=row.answer,
        clause=row.clause,
        note=row.note,
        created_at=row.created_at,
        retired_at=row.retired_at,
    )
