"""Reads and writes notices: the lane, the clock and the outcome of each report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select

from safelight.accounts.reply_texts import ReplyTexts
from safelight.accounts.reporter import Reporter
from safelight.accounts.statements import Statement, StatementKind, statement_from_row
from safelight.core.errors import IdempotencyKeyReused
from safelight.screening.text_screening import decode
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import (
    cases,
    decisions,
    notices,
    outbox,
    reports,
    statements,
    video_hidings,
    videos,
)
from safelight.videos.case_rows import UNFINISHED, CaseState, DecisionAction

from .models import REMOVED, Notice, NoticeOutcome, NoticeStatus, PageNotice, is_own_words, shown_reason
from .validation import find_video_id

#: The topics of the outbox for the outcome of a report, and for a report that names a page.
TOPIC, PAGE_TOPIC = "report.decided", "report.page"
_OUTCOMES = {DecisionAction.KEEP: NoticeOutcome.KEPT, DecisionAction.WITHDRAW: NoticeOutcome.REMOVED}
#: The open notices that name a page.
_NAMES_PAGE = (notices.c.video_id.is_(None), notices.c.outcome.is_(None), notices.c.unattended_at.is_(None))


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
    return read_status(tx, row.id)


def read_status(tx: Transaction, notice_id: str) -> NoticeStatus | None:
    """What a reporter may know about a report."""
    row = tx.one(notices, notice_id)
    if row is None:
        return None
    named = find_video_id(row.location or "")
    # Visitors learn only the id that they named themselves.
    found = None if Reporter.parse(row.reporter).is_visitor else row.video_id
    of = video_hidings.c
    return NoticeStatus(
        notice=read_record(
            Notice,
            row,
            video_id=named or found,
            due_at=None if row.video_id is None and row.unattended_at is None else row.due_at,
            hidden=tx.count(video_hidings, of.notice_id == row.id, of.ended_at.is_(None)) > 0,
            reply=replies_to(tx, [row]).get(row.case_id),
            released=row.outcome in REMOVED
            and tx.count(videos, row.video_id or "", videos.c.reinstated_as.is_not(None)) > 0,
        ),
        is_undelivered=tx.count(outbox, row.mail_id, outbox.c.dead_at.is_not(None)) > 0,
        statement=find_statement(tx, row),
    )


def find_statement(tx: Transaction, row: Row) -> Statement | None:
    """The statement about the decision to the account or end user who sent this notice."""
    of, by = statements.c, Reporter.parse(row.reporter)
    # The index begins with the tenant, which a search across tenants leaves out.
    about = (of.tenant_id == row.tenant_id, of.video_id == row.video_id, of.case_id == row.case_id)
    kinds = [StatementKind.REPORT_UPHELD.value, StatementKind.REPORT_REJECTED.value]
    to_sender = (of.reporter_source == by.source, of.end_user.is_not_distinct_from(by.end_user))
    found = tx.select(statements, *about, of.kind.in_(kinds), *to_sender, limit=1)
    return statement_from_row(found[0]) if found else None


def has_open_page(tx: Transaction, notice_ids: Sequence[str]) -> bool:
    """Whether one of these notices names a page whose video nobody found yet."""
    return tx.count(notices, notices.c.id.in_(notice_ids), *_NAMES_PAGE) > 0


def list_pages(tx: Transaction, *, limit: int) -> tuple[PageNotice, ...]:
    """The notices that name a page whose video nobody found yet, the earliest due first."""
    rows = tx.select(notices, *_NAMES_PAGE, order_by=(notices.c.due_at, notices.c.id), limit=limit)
    made = {one.id: one for one in tx.select(reports, reports.c.id.in_([row.id for row in rows]))}
    return tuple(_page_notice(row, made[row.id]) for row in rows)


def _page_notice(row: Row, made: Row) -> PageNotice:
    own_words = made.reason if is_own_words(made.reason, made.category) else ""
    return read_record(
        PageNotice,
        row,
        report_id=row.id,
        page=row.location,
        reason=shown_reason(made.reason, made.category),
        note="\n".join(filter(None, (own_words, made.note))),
        text_screening=decode(made.text_screening),
    )


def lock_page(tx: Transaction, notice_id: str) -> Row | None:
    """The open notice with this id that names a page, for this transaction alone."""
    return tx.one(notices, notice_id, *_NAMES_PAGE, lock=True)


def replies_to(tx: Transaction, rows: Sequence[Row]) -> dict[str, ReplyTexts]:
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


def answer(tx: Transaction, notice_id: str, outcome: NoticeOutcome) -> bool:
    """Record the outcome for the reporter, and publish it. Returns False if the notice has an outcome."""
    changed = tx.update(
        notices,
        notice_id,
        notices.c.outcome.is_(None),
        outcome=outcome.value,
        answered_at=tx.now(),
    )
    if changed:
        tx.publish(TOPIC, subject=notice_id, body={})
    return bool(changed)


def reverse_keep(tx: Transaction, case_id: str | None) -> None:
    """The appeal of a reporter was successful: the video is removed after all, and its copies are due."""
    kept = (notices.c.case_id == case_id, notices.c.outcome == NoticeOutcome.KEPT.value)
    tx.update(notices, *kept, outcome=NoticeOutcome.REMOVED.value, followed_up_at=None)


def count_upheld(tx: Transaction, reporter: str, *, newest: int) -> tuple[int, int]:
    """Of the newest decided cases of a reporter: how many, and for how many the video was withdrawn."""
    rows: Sequence[Row] = tx.select(
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
