"""What is on record about the person who requested a video: one list for the reviewers of a case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, func, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.models import account_subject, end_user_subject
from safelight.cases.reports.models import shown_reason
from safelight.store.database import Filter, Row, Transaction
from safelight.store.tables import appeals, cases, reports, statements, strikes, videos
from safelight.videos.case_rows import Case
from safelight.videos.case_rows.models import CaseKind

#: The newest entries of each kind that are read.
MAX_OF_KIND = 50
_MAX_CHARACTERS = 200


class EntryKind(StrEnum):
    VIDEO = "video"
    CASE = "case"
    STRIKE = "strike"
    #: A report that this person sent, and one about a video of this person.
    REPORT_SENT = "report_sent"
    REPORTED = "reported"
    APPEAL = "appeal"
    STATEMENT = "statement"


@dataclass(frozen=True, kw_only=True)
class PersonEntry:
    at: float
    kind: EntryKind
    #: A state of a video or case, the kind of a statement, or the reason of a report; empty for others.
    what: str = ""
    category: str = ""
    video_id: str | None = None
    case_id: str | None = None
    #: The start of the prompt, for those who may read prompts.
    prompt: str = ""
    #: Whether it counts no more: a strike that is over or was removed.
    is_over: bool = False


@dataclass(frozen=True, kw_only=True)
class PersonHistory:
    """Newest first."""

    account: str
    end_user: str | None
    entries: tuple[PersonEntry, ...]
    #: Whether there is more of a kind than is read.
    is_cut: bool


def read_history(
    tx: Transaction, principal: Principal, of: Case, visible: Sequence[Filter]
) -> PersonHistory | None:
    """What is on record about the person who requested the video of a case; of an end user only what is under
    the same account. None if the case is not about a video, or its reviewer must not know.

    `visible`: the condition on the cases that the reader may see.
    """
    video = tx.one(videos, of.video_id)
    if video is None or of.is_blind:
        return None
    account, end_user = video.principal_id, video.end_user
    entries: list[PersonEntry] = []
    is_cut = False
    for found in _read(tx, principal, account, end_user, visible):
        one_kind = list(found)
        is_cut = is_cut or len(one_kind) > MAX_OF_KIND
        entries += one_kind[:MAX_OF_KIND]
    entries.sort(key=lambda one: -one.at)
    return PersonHistory(account=account, end_user=end_user, entries=tuple(entries), is_cut=is_cut)


def _read(
    tx: Transaction,
    principal: Principal,
    account: str,
    end_user: str | None,
    visible: Sequence[Filter],
) -> Iterator[Iterator[PersonEntry]]:
    """The newest entries of each kind."""

    def theirs(table: Table, owner: str = "account") -> Filter:
        own = table.c[owner] == account
        return own if end_user is None else and_(own, table.c.end_user == end_user)

    has_vault = principal.has_scope(KeyScope.VAULT)
    shown = () if has_vault else (videos.c.quarantined.is_(False),)
    own_videos = (theirs(videos, "principal_id"), *shown)
    start = func.substr(videos.c.prompt, 1, _MAX_CHARACTERS).label("prompt")
    columns = (videos.c.id, videos.c.created_at, videos.c.state, videos.c.vaulted, start)
    reads = principal.has_scope(KeyScope.VIDEOS_READ)
    yield (
        PersonEntry(
            at=row.created_at,
            kind=EntryKind.VIDEO,
            what="vaulted" if row.vaulted else row.state,
            video_id=row.id,
            prompt=row.prompt if reads and not row.vaulted else "",
        )
        for row in _newest(tx, videos, *own_videos, by=videos.c.created_at, columns=columns)
    )
    about = (theirs(cases), *visible, cases.c.kind != CaseKind.QUALITY.value)
    yield (
        PersonEntry(
            at=row.opened_at,
            kind=EntryKind.CASE,
            what=row.state,
            category=row.category,
            video_id=row.video_id,
            case_id=row.id,
        )
        for row in _newest(tx, cases, *about, by=cases.c.opened_at)
    )
    subject = end_user_subject(end_user) if end_user else account_subject(account)
    yield (
        PersonEntry(
            at=row.given_at,
            kind=EntryKind.STRIKE,
            category=row.category,
            video_id=row.video_id,
            is_over=row.removed_at is not None or row.expires_at <= tx.now(),
        )
        for row in _newest(tx, strikes, strikes.c.subject == subject, by=strikes.c.given_at)
    )
    suffix = f"/{end_user}" if end_user else ""
    sent = reports.c.reporter.in_([f"key:{account}{suffix}", f"person:{account}{suffix}"])
    same_video = select(videos.c.id).where(*tx.tenant_condition(videos), *own_videos)
    for kind, where in (
        (EntryKind.REPORT_SENT, sent),
        (EntryKind.REPORTED, reports.c.video_id.in_(same_video)),
    ):
        yield (
            PersonEntry(
                at=row.created_at,
                kind=kind,
                what=shown_reason(row.reason, row.category),
                category=row.category or "",
                video_id=row.video_id,
            )
            for row in _newest(tx, reports, where, reports.c.reason != "appeal", by=reports.c.created_at)
        )
    yield (
        PersonEntry(at=row.created_at, kind=EntryKind.APPEAL, video_id=row.video_id)
        for row in _newest(tx, appeals, theirs(appeals), by=appeals.c.created_at)
    )
    told = theirs(statements) if end_user is None else statements.c.end_user == end_user
    quarantined = select(videos.c.id).where(*tx.tenant_condition(videos), videos.c.quarantined)
    is_shown = () if has_vault else (func.coalesce(statements.c.video_id, "").not_in(quarantined),)
    yield (
        PersonEntry(at=row.at, kind=EntryKind.STATEMENT, what=row.kind, video_id=row.video_id)
        for row in _newest(tx, statements, told, *is_shown, by=statements.c.at)
    )


def _newest(
    tx: Transaction, table: Table, *where: Filter, by: ColumnElement[Any], columns: Any = None
) -> list[Row]:
    order = (by.desc(), table.c.id.desc())
    return list(tx.select(table, *where, columns=columns, order_by=order, limit=MAX_OF_KIND + 1))
