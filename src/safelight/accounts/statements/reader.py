"""Reads the statements of an installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_

from safelight.accounts import KeyScope, Principal
from safelight.accounts.reporter import list_own_sources
from safelight.accounts.withheld_videos import find_withheld
from safelight.core.errors import NotFound
from safelight.store.database import Database, Filter, Transaction
from safelight.store.pages import Page, follows, read_page
from safelight.store.tables import appeals, statements, videos

from .models import Statement
from .rows import statement_from_row

MAX_RESULTS = 100


@dataclass(frozen=True, kw_only=True)
class StatementQuery:
    """Which statements are wanted: those about a video, and those to an end user.

    Without both, the statements to the account of the caller.
    """

    video_id: str | None = None
    end_user: str | None = None
    #: The id of the last statement of the previous page.
    after: str | None = None
    limit: int = MAX_RESULTS


class Statements:
    """Every method needs the scope `videos:read`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, principal: Principal, wanted: StatementQuery) -> Page[Statement]:
        """A page of statements, the newest first. About a video, only those to the person who requested it:
        never those to people who reported it.
        """
        principal.require(KeyScope.VIDEOS_READ)
        of = statements.c
        limit = max(1, min(wanted.limit, MAX_RESULTS))
        with self._database.read_transaction(principal.tenant) as tx:
            where = _conditions(tx, principal, wanted)
            if wanted.after is not None:
                last = _one(tx, wanted.after, *where)
                where.append(follows((of.at, of.id), (last.at, last.id), descending=True))
            order = (of.at.desc(), of.id.desc())
            page = read_page(tx, statements, *where, order_by=order, limit=limit).map(statement_from_row)
            appealed = _appealed(tx, [one.id for one in page.items])
            return page.map(lambda one: replace(one, is_appealed=one.id in appealed))

    def get(self, principal: Principal, statement_id: str, *, end_user: str | None = None) -> Statement:
        """A statement; for an end user, only one that addresses them. Raises `NotFound`.

        Without `end_user`: one to the account of the caller, or to the person who requested its video.
        """
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            found = find_readable(tx, principal, statement_id, end_user=end_user)
            return replace(found, is_appealed=bool(_appealed(tx, [found.id])))


def find_readable(
    tx: Transaction, principal: Principal, statement_id: str, *, end_user: str | None
) -> Statement:
    """A statement that this caller may read. Raises `NotFound`.

    A statement to a person who reported a video names that person, and other keys of the tenant may belong to
    the person who requested it.
    """
    if end_user is not None:
        return _one(tx, statement_id, statements.c.end_user == end_user, of_own_reporters(tx, principal))
    found = _one(tx, statement_id)
    account, video_id = found.content.account, found.content.video_id
    if account == principal.id:
        return found
    is_answer = found.content.reporter_source is not None
    if is_answer or account is None or account != _requester(tx, principal, video_id):
        raise _unknown(statement_id)
    return found


def _requester(tx: Transaction, principal: Principal, video_id: str | None) -> str | None:
    """Who requested a video, to whom the statements about it are. Any key of the tenant may read these, as it
    may read the video: None if the video is withheld from this principal.
    """
    row = tx.one(videos, videos.c.id == video_id)
    return None if row is None or find_withheld(tx, principal, [row]) else str(row.principal_id)


def of_own_reporters(tx: Transaction, principal: Principal) -> Filter:
    """The condition that a statement is to no reporter, or to one who reported through this key or person, or
    through a key of the same person: an end user of another key is somebody else.
    """
    source = statements.c.reporter_source
    return or_(source.is_(None), source.in_(list_own_sources(tx, principal)))


def _conditions(tx: Transaction, principal: Principal, wanted: StatementQuery) -> list[Filter]:
    of = statements.c
    where: list[Filter] = []
    if wanted.end_user is not None:
        where += [of.end_user == wanted.end_user, of_own_reporters(tx, principal)]
    elif wanted.video_id is None:
        where.append(of.account == principal.id)
    if wanted.video_id is not None:
        where.append(of.video_id == wanted.video_id)
        if wanted.end_user is None:
            requester = _requester(tx, principal, wanted.video_id) or ""
            where += [of.account == requester, of.reporter_source.is_(None)]
    return where


def _appealed(tx: Transaction, ids: Sequence[str]) -> frozenset[str]:
    of = appeals.c.statement_id
    return frozenset(row.statement_id for row in tx.select(appeals, of.in_(ids), columns=[of]))


def _one(tx: Transaction, statement_id: str, *where: Filter) -> Statement:
    row = tx.find(statements, "statement", statement_id, *where)
    if row is None:
        raise _unknown(statement_id)
    return statement_from_row(row)


def _unknown(statement_id: str) -> NotFound:
    return NotFound(f"There is no statement {statement_id[:80]!r}.", param="statement_id")
