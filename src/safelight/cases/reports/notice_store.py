"""Reads and writes notices: the lane, the clock and the outcome of each report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, and_, select

from safelight.accounts.reply_texts import ReplyTexts
from safelight.accounts.reporter import Reporter
from safelight.core.errors import IdempotencyKeyReused, RateLimited
from safelight.store.database import Transaction
from safelight.store.tables import cases, decisions, notice_hashes, notices, outbox, video_hidings
from safelight.videos.case_rows import UNFINISHED, CaseState, DecisionAction

from .lanes import ReportLane
from .models import HashState, Notice, NoticeOutcome, NoticeStatus
from .reported_hashes import HOLD_S, find_dropped
from .validation import find_video_id

#: The topic of the outbox for the outcome of a report.
TOPIC = "report.decided"
_OUTCOMES = {DecisionAction.KEEP: NoticeOutcome.KEPT, DecisionAction.WITHDRAW: NoticeOutcome.REMOVED}
#: When a reporter with too many hashes is asked to try again.
_HOUR_S = 3600.0
#: Hashes of one reporter that hold files at the same time: two notices of the largest size.
MAX_WAITING_HASHES = 480
_USED = (HashState.HOLDS.value, HashState.BLOCKS.value)


@dataclass(frozen=True, kw_only=True)
class ClosedNotice:
    """A notice whose case was closed, and that is not answered yet."""

    id: str
    tenant: str
    video_id: str
    outcome: NoticeOutcome


def find_repeated(
    tx: Transaction, reporter: str, *, idempotency_key: str, request_sha256: str
) -> NoticeStatus | None:
    """The status of the request that this reporter sent with this key earlier.

    Raises `IdempotencyKeyReused` if that request was another one.
    """
    row = tx.one(notices, notices.c.reporter == reporter, notices.c.idempotency_key == idempotency_key)
    if row is None:
        return None
    if row.request_sha256 != request_sha256:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was sent earlier with a different report.",
            param="Idempotency-Key",
            remedy="Send the earlier report again without changes, or use a new key.",
        )
    return read_status(tx, row.notice_id)


def read_status(tx: Transaction, notice_id: str) -> NoticeStatus | None:
    """What a reporter may know about everything that was sent with one form."""
    rows = tx.select(notices, notices.c.notice_id == notice_id, order_by=(notices.c.created_at, notices.c.id))
    if not rows:
        return None
    used = {row.entry for row in _used_hashes(tx, [notice_id])}
    hidden = {
        row.video_id
        for row in tx.select(
            video_hidings,
            video_hidings.c.notice_id.in_([row.id for row in rows]),
            video_hidings.c.ended_at.is_(None),
        )
    }
    replies = replies_to(tx, rows)
    mails = [row.mail_id for row in rows if row.mail_id is not None]
    found = [_notice(row, row.video_id in hidden, replies.get(row.case_id)) for row in rows]
    return NoticeStatus(
        id=notice_id,
        notices=_without_waiting_matches(found),
        hashes=len(used),
        is_undelivered=tx.count(outbox, outbox.c.id.in_(mails), outbox.c.dead_at.is_not(None)) > 0,
    )


def _without_waiting_matches(found: Sequence[Notice]) -> tuple[Notice, ...]:
    """What a visitor sees of hashes that match delivered videos: the same as of hashes that match none, until
    there is a decision.
    """
    shown = [one for one in found if not one.is_match or one.outcome is not None]
    if len(shown) < len(found) and all(one.is_match for one in shown):
        first = min(found, key=lambda one: one.created_at)
        shown.append(replace(first, is_match=False, outcome=None, answered_at=None, hidden=False, reply=None))
    return tuple(shown)


def replies_to(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, ReplyTexts]:
    """The saved replies to these notices, by case."""
    kept = [row.case_id for row in rows if row.outcome == NoticeOutcome.KEPT.value]
    made = tx.select(
        decisions, decisions.c.case_id.in_(kept), columns=[decisions.c.case_id, decisions.c.reply]
    )
    return {row.case_id: ReplyTexts(**row.reply) for row in made if row.reply is not None}


def list_closed(tx: Transaction, *, limit: int, without: Collection[str] = ()) -> list[ClosedNotice]:
    """Notices whose case is closed and that have no outcome yet, across tenants."""
    joined = notices.join(cases, notices.c.case_id == cases.c.id).outerjoin(
        decisions, and_(decisions.c.case_id == cases.c.id)
    )
    rows = tx.execute(
        select(notices.c.id, notices.c.tenant_id, notices.c.video_id, cases.c.state, decisions.c.action)
        .select_from(joined)
        .where(notices.c.id.not_in(without))
        .where(notices.c.outcome.is_(None), cases.c.state.not_in([one.value for one in UNFINISHED]))
        .order_by(notices.c.created_at, notices.c.id)
        .limit(limit)
    )
    return [
        ClosedNotice(
            id=row.id,
            tenant=row.tenant_id,
            video_id=row.video_id,
            outcome=_OUTCOMES[DecisionAction(row.action)]
            if row.state == CaseState.DECIDED.value and row.action is not None
            else NoticeOutcome.GONE,
        )
        for row in rows
    ]


def enforce_hash_limit(tx: Transaction, reporter: str, *, hashes: int) -> None:
    """Raise `RateLimited` if more of the hashes of this reporter would hold files than the maximum."""
    if not hashes:
        return
    sent = tx.select(notices, notices.c.reporter == reporter, columns=[notices.c.notice_id])
    waiting = len(
        {
            (row.notice_id, row.entry)
            for row in _used_hashes(tx, sorted({row.notice_id for row in sent}))
            if row.state == HashState.HOLDS.value and row.created_at > tx.now() - HOLD_S
        }
    )
    if waiting + hashes > MAX_WAITING_HASHES:
        raise RateLimited(
            f"Of the hashes that you sent, {waiting} are used. The maximum is {MAX_WAITING_HASHES}.",
            retry_after_s=_HOUR_S,
        )


def answer(tx: Transaction, notice_id: str, outcome: NoticeOutcome) -> bool:
    """Record the outcome for the reporter, and publish it. Returns False if the notice has an outcome."""
    changed = tx.update(
        notices,
        notices.c.id == notice_id,
        notices.c.outcome.is_(None),
        outcome=outcome.value,
        answered_at=tx.now(),
    )
    if changed:
        tx.publish(TOPIC, subject=notice_id, body={})
    return bool(changed)


def count_upheld(tx: Transaction, reporter: str, *, newest: int) -> tuple[int, int]:
    """Of the newest decided cases of a reporter: how many, and for how many the video was withdrawn."""
    rows: Sequence[Row[Any]] = tx.select(
        notices,
        notices.c.reporter == reporter,
        notices.c.outcome.in_([NoticeOutcome.KEPT.value, NoticeOutcome.REMOVED.value]),
        columns=[notices.c.case_id, notices.c.outcome],
        order_by=(notices.c.created_at.desc(),),
        limit=newest,
    )
    # A notice that an earlier keep answered has the same case.
    outcomes = {row.case_id: row.outcome for row in rows}
    return len(outcomes), sum(one == NoticeOutcome.REMOVED.value for one in outcomes.values())


def _used_hashes(tx: Transaction, notice_ids: Sequence[str]) -> list[Row[Any]]:
    """The hashes of these notices that no decision dropped."""
    of = notice_hashes.c
    own = tx.select(notice_hashes, of.notice_id.in_(notice_ids))
    decided = tx.select(
        notice_hashes,
        of.entry.in_(sorted({row.entry for row in own})),
        of.notice_id.not_in(notice_ids),
        of.state == HashState.DROPPED.value,
    )
    dropped = find_dropped([*own, *decided])
    return [row for row in own if row.state in _USED and row.id not in dropped]


def _notice(row: Row[Any], hidden: bool, reply: ReplyTexts | None) -> Notice:
    is_match = (
        row.video_id is not None
        and Reporter.parse(row.reporter).is_visitor
        and row.video_id != find_video_id(row.location or "")
    )
    return Notice(
        id=row.id,
        lane=ReportLane(row.lane),
        video_id=None if is_match else row.video_id or find_video_id(row.location or "") or None,
        is_match=is_match,
        created_at=row.created_at,
        due_at=row.due_at,
        outcome=NoticeOutcome(row.outcome) if row.outcome is not None else None,
        answered_at=row.answered_at,
        hidden=hidden,
        reply=reply,
    )
