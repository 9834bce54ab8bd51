"""Verdicts of a rule, and appeals against them that a reviewer decided, as rows of the database."""

from __future__ import annotations

from safelight.core.ids import new_id
from safelight.policy.findings import Stage
from safelight.store.database import Transaction
from safelight.store.tables import decisions, verdicts
from safelight.videos.case_rows import CaseKind, CaseState, NewCase, open_case
from safelight.videos.case_rows.store import close_case


def add_verdict(
    tx: Transaction,
    video_id: str,
    rule: str,
    *,
    action: str = "block",
    policy_sha256: str = "",
    body: bytes = b"",
) -> str:
    """The id of a new verdict of this rule of the starter policy about a prompt."""
    identity = new_id("verdict")
    tx.insert(
        verdicts,
        id=identity,
        video_id=video_id,
        stage="prompt",
        action=action,
        category="violence",
        rule=rule,
        subject_sha256="",
        policy="starter",
        policy_sha256=policy_sha256,
        body=body,
        created_at=tx.now(),
    )
    return identity


def add_decided_appeals(
    tx: Transaction, rule: str, *, overturned: int, upheld: int, policy_sha256: str
) -> None:
    """Closed appeals against blocks of this rule."""
    for number in range(overturned + upheld):
        new = NewCase(
            video_id=new_id("video"),
            kind=CaseKind.APPEAL,
            stage=Stage.PROMPT,
            due_at=tx.now() + 900,
            category="violence",
            rule=rule,
        )
        case = open_case(tx, new, actor="policy")
        close_case(tx, case.id, state=CaseState.OPEN)
        add_verdict(tx, case.video_id, rule, policy_sha256=policy_sha256)
        tx.insert(
            decisions,
            id=new_id("decision"),
            case_id=case.id,
            video_id=case.video_id,
            action="overturn" if number < overturned else "uphold",
            reason="Seen.",
            decided_by="ada",
            at=tx.now(),
            verdict_ids=[],
        )
