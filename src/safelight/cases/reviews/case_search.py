"""The conditions on cases of a filter, and the counts of the open ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table, and_, exists, func, or_, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.audit import find_accounts
from safelight.accounts.withheld_videos import has_readable_prompt
from safelight.cases.inputs import MAX_SEARCH_CHARACTERS, CaseFilter, Holder
from safelight.cases.reports.lanes import ReportLane
from safelight.core.errors import InvalidField
from safelight.store.database import Filter, Transaction
from safelight.store.tables import api_keys, cases, notices, reports, videos
from safelight.videos.case_rows.models import CaseKind

_NOT_BLIND = cases.c.kind != CaseKind.QUALITY.value


@dataclass(frozen=True, kw_only=True)
class QueueCount:
    """The open cases of one kind that a principal may see."""

    kind: CaseKind
    number: int
    late: int
    #: When the oldest was opened.
    oldest_at: float


def conditions(tx: Transaction, principal: Principal, asked: CaseFilter) -> list[Filter]:
    """The conditions of a filter. Raises `InvalidField`.

    What a reviewer of a quality review must not know cannot be searched for either.
    """
    where: list[Filter] = []
    if asked.kind:
        where.append(cases.c.kind == one_of(CaseKind, asked.kind, "kind"))
    if asked.category:
        where += [cases.c.category == asked.category, _NOT_BLIND]
    if asked.language:
        where.append(cases.c.language == asked.language)
    if asked.lane:
        lane = notices.c.lane == one_of(ReportLane, asked.lane, "lane")
        where.append(_has(tx, notices, notices.c.case_id == cases.c.id, lane))
    if asked.holder:
        where.append(_held_by(tx, principal, Holder(one_of(Holder, asked.holder, "holder"))))
    if asked.late:
        where.append(cases.c.due_at < tx.now())
    if asked.search and (words := asked.search.strip()):
        where.append(_found(tx, principal, words))
    return where


def is_free(tx: Transaction) -> Filter:
    return or_(cases.c.leased_until.is_(None), cases.c.leased_until < tx.now())


def count_by_kind(tx: Transaction, where: Iterable[Filter], *, at_most: int) -> tuple[QueueCount, ...]:
    """The number of cases of each kind. Reads at most this many."""
    columns = (cases.c.kind, cases.c.due_at, cases.c.opened_at)
    read = select(*columns).where(*tx.tenant_condition(cases), *where).limit(at_most).subquery()
    late = func.count().filter(read.c.due_at < tx.now())
    counted = select(read.c.kind, func.count(), late, func.min(read.c.opened_at)).group_by(read.c.kind)
    rows = (tuple(row) for row in tx.execute(counted))
    found = [QueueCount(kind=CaseKind(row[0]), number=row[1], late=row[2], oldest_at=row[3]) for row in rows]
    return tuple(sorted(found, key=lambda one: list(CaseKind).index(one.kind)))


def one_of(values: Iterable[str], value: str, field: str) -> str:
    if value not in list(values):
        raise InvalidField(
            f"{value[:40]!r} is not a possible {field}.", param=field, remedy=f"Send {', '.join(values)}."
        )
    return value


def _held_by(tx: Transaction, principal: Principal, holder: Holder) -> Filter:
    if holder is Holder.NONE:
        return is_free(tx)
    own = cases.c.leased_by == principal.id
    return and_(own if holder is Holder.OWN else ~own, cases.c.leased_until >= tx.now())


def _found(tx: Transaction, principal: Principal, words: str) -> Filter:
    if len(words) > MAX_SEARCH_CHARACTERS:
        raise InvalidField(
            f"A search has at most {MAX_SEARCH_CHARACTERS} characters.",
            param="search",
            remedy="Search for fewer words.",
        )
    ids = _ids_of_person(tx, words)
    names = [words, *(f"{kind}:{one}" for kind in ("key", "person") for one in ids)]
    of_end_user = reports.c.reporter.endswith(f"/{words}", autoescape=True)
    by_them = or_(reports.c.reporter.in_(names), of_end_user)
    reported = _has(tx, reports, reports.c.case_id == cases.c.id, by_them)
    by_pseudonym = _has(tx, notices, notices.c.case_id == cases.c.id, notices.c.sender == words.casefold())
    about = or_(
        cases.c.video_id == words,
        cases.c.account.in_(ids),
        cases.c.end_user == words,
        reported,
        by_pseudonym,
    )
    found = [cases.c.id == words, and_(_NOT_BLIND, about)]
    if principal.has_scope(KeyScope.VIDEOS_READ):
        asked = videos.c.prompt.icontains(words, autoescape=True)
        of_case = (videos.c.id == cases.c.video_id, *has_readable_prompt(principal))
        found.append(_has(tx, videos, *of_case, asked))
    return or_(*found)


def _has(tx: Transaction, table: Table, *where: Filter) -> Filter:
    """Whether the case has such a row. The scope check wants the tenant of both tables in the inner query."""
    return exists().where(*tx.tenant_condition(table), *tx.tenant_condition(cases), *where)


def _ids_of_person(tx: Transaction, words: str) -> list[str]:
    """The account itself, or those of the person with this name or e-mail address: with the keys."""
    found = find_accounts(tx, words)
    keys = tx.select(api_keys, api_keys.c.created_by.in_(found), columns=[api_keys.c.id])
    return [*found, *(row.id for row in keys)]
