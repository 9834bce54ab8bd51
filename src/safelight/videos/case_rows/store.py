"""Reads and writes cases and decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from safelight.accounts import ROLES, find_same_people
from safelight.core.ids import new_id
from safelight.detectors.text.chinese import locale_of
from safelight.policy.findings import severity_of
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import (
    cases,
    decisions,
    outbox,
    pending_decisions,
    quality_answers,
    verdicts,
    videos,
)
from safelight.videos.vault_entries import close_by_case

from .clusters import add_report_to_reach, cluster_key, join_cluster, leave_cluster, replace_leader
from .models import (
    UNFINISHED,
    Case,
    CaseKind,
    CaseState,
    Decision,
    DecisionAction,
    NewCase,
    highest_rank,
)
from .priority import MAX_HEAD_START_S, rank_at

#: How long before the due time of a case the webhook `case.due_soon` is sent, unless a third of its time
#: is shorter, as with holds, which are due in minutes.
MAX_DUE_SOON_S = 3600.0
_DUE_SOON = "case.due_soon"
_UNFINISHED = [state.value for state in UNFINISHED]


def open_case(tx: Transaction, new: NewCase, *, actor: str) -> Case:
    """The open case of this kind for this video, or against this statement. Created if there is none.

    Every case about a quarantined video is quarantined.
    """
    dedup_key = f"{new.kind.value}:{new.statement_id or new.video_id}"
    severity = new.severity if new.severity is not None else severity_of(new.category)
    video = tx.one(videos, new.video_id)
    new = replace(new, quarantined=new.quarantined or (video is not None and video.quarantined))
    columns = stored_columns(new, cases) | {
        "id": new_id("case"),
        "account": None if video is None else video.principal_id,
        "end_user": None if video is None else video.end_user,
        "language": None if video is None else locale_of(video.prompt),
        "state": CaseState.OPEN.value,
        "dedup_key": dedup_key,
        "opened_at": tx.now(),
        "severity": severity,
        "rank_at": _first_rank(tx, new, severity),
        "cluster_key": cluster_key(tx, new, video),
    }
    added = tx.insert_or_ignore(cases, **columns)
    row = tx.one(cases, cases.c.dedup_key == dedup_key, lock=True)
    if row is None:
        # Another transaction closed the existing case between the two statements, so a new case is opened.
        return open_case(tx, new, actor=actor)
    if not added and new.kind is CaseKind.REPORT:
        if row.cluster_key is not None and not new.may_wait:
            _leave_flood(tx, row)
        add_report_to_reach(tx, row)
        row = _hasten(tx, row.id, new, severity)
    if added:
        if not join_cluster(tx, row):
            _announce(tx, row)
        tx.append_audit(
            "case.opened",
            subject=new.video_id,
            actor=actor,
            content={
                "case": row.id,
                "kind": new.kind.value,
                "stage": new.stage.value,
                "reason": new.reason,
            },
        )
    opened = case_from_row(row)
    if added and new.kind is CaseKind.APPEAL:
        require_rank_of_decisions(tx, opened)
    return opened


def _leave_flood(tx: Transaction, row: Row) -> None:
    """An urgent report of the same video came: it does not wait, and no other waits behind it."""
    leader = replace_leader(tx, row.id)
    leave_cluster(tx, row.id)
    for one in (leader, row if row.leader_id is not None else None):
        if one is not None:
            _announce(tx, one)


def release_followers(tx: Transaction, closed: Case) -> None:
    """A report was decided: the next one about its uploader leads those that waited behind it."""
    tx.update(cases, closed.id, leader_id=None)
    leader = replace_leader(tx, closed.id)
    if leader is not None and leader.state == CaseState.OPEN:
        _announce(tx, leader)


def _first_rank(tx: Transaction, new: NewCase, severity: int) -> float:
    """The place of a new case in the queue."""
    if new.comes_first:
        return min(tx.now(), new.due_at) - MAX_HEAD_START_S
    return rank_at(due_at=new.due_at, severity=severity, reach=1)


def _hasten(tx: Transaction, case_id: str, new: NewCase, severity: int) -> Row:
    """Bring an open case forward for a report that is due earlier, graver, or comes first. Never back."""
    (row,) = tx.select(cases, case_id)
    due_at, severity = min(row.due_at, new.due_at), max(row.severity, severity)
    first = _first_rank(tx, new, severity) if new.comes_first else row.rank_at
    rank = min(row.rank_at, first, rank_at(due_at=due_at, severity=severity, reach=row.reach))
    category = new.category if severity > row.severity and new.category else row.category
    tx.update(cases, case_id, due_at=due_at, severity=severity, rank_at=rank, category=category)
    (changed,) = tx.select(cases, case_id)
    if due_at < row.due_at and row.leader_id is None:
        unsent = (outbox.c.topic == _DUE_SOON, outbox.c.subject == case_id, outbox.c.delivered_at.is_(None))
        tx.delete(outbox, *unsent)
        _announce_due(tx, changed)
    return changed


def _announce(tx: Transaction, row: Row) -> None:
    """Tell the operator's webhooks about a new case now, and again when its due time is near."""
    tx.publish("case.opened", subject=row.id, body={})
    _announce_due(tx, row)


def _announce_due(tx: Transaction, row: Row) -> None:
    remaining_s = max(0.0, row.due_at - row.opened_at)
    due_soon_at = row.due_at - min(MAX_DUE_SOON_S, remaining_s / 3)
    tx.publish(_DUE_SOON, subject=row.id, body={}, due_at=due_soon_at)


def end_quarantine(tx: Transaction, video_id: str) -> None:
    """Hand a video and its unfinished cases to the ordinary reviewers; near-duplicates stay quarantined."""
    of_video = (cases.c.video_id == video_id, cases.c.quarantined, cases.c.state.in_(_UNFINISHED))
    for row in tx.select(cases, *of_video, lock=True):
        leader = replace_leader(tx, row.id)
        if leader is not None:
            _announce(tx, leader)
        leave_cluster(tx, row.id)
        tx.update(cases, row.id, quarantined=False)
        tx.publish("case.opened", subject=row.id, body={})
    tx.update(videos, video_id, quarantined=False)


def close_cases(
    tx: Transaction, video_id: str, *, actor: str, kind: CaseKind | None = None, overdue: bool = False
) -> int:
    """Close the cases of a video without a decision; a pending decision is not carried out any more.

    `overdue`: their time is over. Otherwise the video has ended. Returns the number of closed cases.
    """
    event = "case.expired" if overdue else "case.closed"
    where = [cases.c.video_id == video_id, cases.c.state.in_(_UNFINISHED)]
    if kind is not None:
        where.append(cases.c.kind == kind.value)
    rows = tx.select(cases, *where, lock=True)
    closed = tx.update(cases, *where, **closed_columns(tx, CaseState.EXPIRED))
    for row in rows:
        if row.leader_id is None and (leader := replace_leader(tx, row.id)) is not None:
            _announce(tx, leader)
    for row in rows:
        # The person who requested the video reads its log, and must not learn of a quality review.
        if row.kind != CaseKind.QUALITY.value:
            tx.append_audit(event, subject=video_id, actor=actor, content={"case": row.id})
    return closed


def keep_hold_open(tx: Transaction, video_id: str, *, until: float) -> None:
    """The review of a video has expired, but its case can still be decided until then."""
    kind, state = CaseKind.HOLD.value, CaseState.OPEN.value
    tx.update(cases, cases.c.video_id == video_id, cases.c.kind == kind, cases.c.state == state, due_at=until)


def close_case(tx: Transaction, case_id: str, *, state: CaseState) -> bool:
    """Close a case as decided. Returns False if the case is not in `state`, so that only one caller gets
    True.
    """
    return (
        tx.update(
            cases,
            case_id,
            cases.c.state == state.value,
            **closed_columns(tx, CaseState.DECIDED),
        )
        == 1
    )


def closed_columns(tx: Transaction, state: CaseState) -> dict[str, Any]:
    """The columns of a case that is closed now."""
    return {
        "state": state.value,
        "dedup_key": None,
        "leased_by": None,
        "leased_until": None,
        "closed_at": tx.now(),
        "version": cases.c.version + 1,
    }


def move_case(tx: Transaction, case_id: str, *, before: CaseState, after: CaseState) -> bool:
    """Change the state of a case that stays unfinished. Returns False if its state is not `before`."""
    return (
        tx.update(
            cases,
            case_id,
            cases.c.state == before.value,
            state=after.value,
            version=cases.c.version + 1,
            leased_by=None,
            leased_until=None,
        )
        == 1
    )


def lock_pending_hold(tx: Transaction, video_id: str) -> bool:
    """Lock the unfinished hold of a video. Returns whether a decision on it, or on the case with which it is
    decided, is pending.
    """
    hold = (
        cases.c.video_id == video_id,
        cases.c.kind == CaseKind.HOLD.value,
        cases.c.state.in_(_UNFINISHED),
    )
    # In the order of a decision, which changes the leader and then its members: no deadlock.
    expected = [row.leader_id for row in tx.select(cases, *hold) if row.leader_id is not None]
    if expected:
        tx.select(cases, cases.c.id.in_(expected), lock=True)
    locked = tx.select(cases, *hold, lock=True)
    leaders = [row.leader_id for row in locked if row.leader_id is not None]
    states = {row.state for row in locked}
    if leaders:
        states |= {row.state for row in tx.select(cases, cases.c.id.in_(leaders), lock=True)}
    return CaseState.PENDING.value in states


def copy_decision(tx: Transaction, made: Decision, member: Case) -> Decision:
    """The same decision on a near-duplicate, with its own id and verdicts. It is not recorded yet."""
    seen = tx.select(verdicts, verdicts.c.video_id == member.video_id, columns=[verdicts.c.id])
    return replace(
        made,
        id=new_id("decision"),
        case_id=member.id,
        video_id=member.video_id,
        verdict_ids=tuple(sorted(row.id for row in seen)),
    )


def add_decision(tx: Transaction, made: Decision) -> None:
    """Record a decision as carried out."""
    if made.is_answer:
        values = {"person": made.decided_by, "answer": made.action.value, "clause": made.clause}
        tx.insert(quality_answers, case_id=made.case_id, at=made.at, **values)
        return
    tx.insert(decisions, **stored_columns(made, decisions))
    close_by_case(tx, made.case_id, video_id=made.video_id, decided_by=made.decided_by)
    _append_audit(tx, f"case.{made.action.value}", made)
    tx.publish("case.decided", subject=made.case_id, body={})


def add_pending(tx: Transaction, made: Decision, *, due_at: float) -> None:
    """Record a decision that is carried out later. It replaces one that could not be carried out.

    The requester sees the name of the event, which therefore does not contain the action.
    """
    drop_conflict(tx, made.case_id)
    tx.insert(pending_decisions, **stored_columns(made, pending_decisions), due_at=due_at)
    _append_audit(tx, "case.decided", made)


def move_to_decisions(tx: Transaction, made: Decision) -> None:
    """Record a pending decision as carried out."""
    add_decision(tx, made)
    tx.delete(pending_decisions, made.id)


def record_conflict(tx: Transaction, made: Decision, conflict: str) -> None:
    """Record why a pending decision could not be carried out. Its case, if not closed, is open again."""
    tx.update(pending_decisions, made.id, conflict=conflict)
    move_case(tx, made.case_id, before=CaseState.PENDING, after=CaseState.OPEN)
    if made.is_answer:
        return
    tx.append_audit(
        "case.not_carried_out",
        subject=made.video_id,
        actor=made.decided_by,
        content={"case": made.case_id, "decision": made.id, "conflict": conflict},
    )


def add_member_conflict(tx: Transaction, made: Decision, conflict: str) -> None:
    """Record why the decision on a near-duplicate could not be carried out. Its case is decided by itself."""
    leave_cluster(tx, made.case_id)
    drop_conflict(tx, made.case_id)
    tx.insert(pending_decisions, **stored_columns(made, pending_decisions), due_at=made.at)
    record_conflict(tx, made, conflict)


def undo(tx: Transaction, made: Decision) -> bool:
    """Delete a pending decision, and open its case again. Returns False if it was carried out meanwhile."""
    column = pending_decisions.c
    if tx.delete(pending_decisions, made.id, column.conflict.is_(None)) != 1:
        return False
    move_case(tx, made.case_id, before=CaseState.PENDING, after=CaseState.OPEN)
    _append_audit(tx, "case.undone", made)
    return True


def drop_conflict(tx: Transaction, case_id: str) -> None:
    """Forget the decision on a case that could not be carried out. The audit log keeps it."""
    tx.delete(
        pending_decisions, pending_decisions.c.case_id == case_id, pending_decisions.c.conflict.is_not(None)
    )


def claim_pending(tx: Transaction, decision_id: str) -> bool:
    """Lock a pending decision. Returns False if it was undone or carried out meanwhile."""
    column = pending_decisions.c
    return tx.one(pending_decisions, decision_id, column.conflict.is_(None), lock=True) is not None


def _append_audit(tx: Transaction, event: str, made: Decision) -> None:
    if made.is_answer:
        return
    tx.append_audit(
        event,
        subject=made.video_id,
        actor=made.decided_by,
        content={
            "case": made.case_id,
            "decision": made.id,
            "action": made.action.value,
            "reason": made.reason,
            "clause": made.clause,
            **({"bulk": made.bulk_id} if made.bulk_id is not None else {}),
            **({"reply": made.reply.name} if made.reply is not None else {}),
            "role": made.role and made.role.value,
            **_own_request(tx, made),
        },
    )


def _own_request(tx: Transaction, made: Decision) -> dict[str, bool]:
    """A mark on decisions about the own video, which are possible if no other person may decide."""
    video = tx.one(videos, made.video_id)
    own = video is not None and made.decided_by in find_same_people(tx, {video.principal_id})
    return {"own_request": True} if own else {}


def list_decisions(tx: Transaction, video_id: str) -> tuple[Decision, ...]:
    """Every decision on a video, oldest first."""
    rows = tx.select(decisions, decisions.c.video_id == video_id, order_by=(decisions.c.at, decisions.c.id))
    return tuple(read_record(Decision, row) for row in rows)


def decided_verdict_ids(tx: Transaction, video_id: str, action: DecisionAction) -> frozenset[str]:
    """Ids of the verdicts on a video about which a reviewer decided in this way."""
    return frozenset(
        verdict
        for made in list_decisions(tx, video_id)
        if made.action is action
        for verdict in made.verdict_ids
    )


def require_rank_of_decisions(tx: Transaction, appeal: Case) -> None:
    """Let only people of an equal or higher role decide an appeal than those who decided on its video."""
    ranks = [ROLES[made.role].review_rank for made in list_decisions(tx, appeal.video_id) if made.role]
    if ranks:
        rank = min(max(ranks), highest_rank(quarantined=appeal.quarantined))
        tx.update(cases, appeal.id, required_rank=int(rank))


def case_from_row(row: Row) -> Case:
    return read_record(Case, row)
