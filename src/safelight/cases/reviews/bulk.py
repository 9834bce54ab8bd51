"""Decides the open cases together that are the same as one case, with a record for each, and undoes them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Table, exists, or_, select

from safelight.accounts import Principal
from safelight.cases.inputs import BulkRequest, Sameness
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound, SafelightError
from safelight.core.ids import new_id
from safelight.core.records import Shown
from safelight.store.database import Database, Filter, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import cases, decisions, notices, pending_decisions
from safelight.videos.case_rows import Case, CaseKind, CaseState, case_from_row
from safelight.videos.case_rows.models import SEVERE, UNDO_S, PendingDecision
from safelight.videos.case_rows.store import undo

from .case_search import one_of
from .conflicts import open_to
from .senders import count_reasons
from .service import Reviews, find_case, visible_to

#: A decision on them is one transaction, as with a cluster.
MAX_BULK_CASES = 100


@dataclass(frozen=True, kw_only=True)
class LeftOut(Shown):
    """A case that was not decided, and why."""

    case_id: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SameCases:
    """The open cases that are the same, the one that was asked about first."""

    same: str
    cases: tuple[Case, ...]
    #: The number of them by category; of reports, by each reason and category that they state.
    categories: Mapping[str, int]
    left_out: tuple[LeftOut, ...]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class BulkResult(Shown):
    """What was decided, or undone, together."""

    id: str
    cases: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    #: Seconds in which the decisions can be undone; 0 if they were undone or carried out.
    undo_s: int


class BulkDecisions:
    """The decisions of one installation on what is the same. Only texts are read, so nothing that is shown
    counts as exposure.
    """

    def __init__(self, database: Database, reviews: Reviews) -> None:
        self._database = database
        self._reviews = reviews

    def preview(self, principal: Principal, case_id: str, same: str) -> SameCases:
        """The open cases that a decision would be about, and those that are decided one by one.

        Raises `NotFound`, and `Conflict` if the case has nothing that others can be compared with.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            of = find_case(tx, principal, case_id)
            where = [
                *_same(tx, of, same),
                *visible_to(principal),
                open_to(tx, principal),
                cases.c.state == CaseState.OPEN.value,
                cases.c.id != of.id,
            ]
            rows = tx.select(cases, *where, order_by=(cases.c.rank_at, cases.c.id), limit=MAX_BULK_CASES + 1)
            reported = [of.id, *(row.id for row in rows)] if of.kind is CaseKind.REPORT else []
            stated = count_reasons(tx, reported)
            now = tx.now()
        others = [case_from_row(row) for row in rows[:MAX_BULK_CASES]]
        possible, left_out = [], []
        for one in ([of] if of.state is CaseState.OPEN else []) + others:
            if (why := _alone(one, principal, now)) is None:
                possible.append(one)
            else:
                left_out.append(LeftOut(case_id=one.id, why=why))
        chosen = tuple(possible[:MAX_BULK_CASES])
        return SameCases(
            same=same,
            cases=chosen,
            categories=Counter(name for one in chosen for name in stated.get(one.id, (one.category,))),
            left_out=tuple(left_out),
            has_more=max(len(rows), len(possible)) > MAX_BULK_CASES,
        )

    def decide(self, principal: Principal, case_id: str, asked: BulkRequest) -> BulkResult:
        """Record the same decision on each of these cases as pending. A case that changed, was decided or
        closed meanwhile, or that this person may not decide, is left out.

        Raises the error of the first case if none could be decided.
        """
        if not 1 <= len(asked.versions) <= MAX_BULK_CASES:
            raise InvalidField(f"Name 1 to {MAX_BULK_CASES} cases with their versions.", param="versions")
        bulk_id = new_id("bulk")
        decided: list[str] = []
        left_out: list[LeftOut] = []
        first: SafelightError | None = None
        with self._database.transaction(principal.tenant) as tx:
            of = find_case(tx, principal, case_id)
            same = tx.select(
                cases, *_same(tx, of, asked.same), cases.c.id.in_(asked.versions), columns=[cases.c.id]
            )
            known = {of.id, *(row.id for row in same)}
            # In one order, so that two people who decide the same cases cannot deadlock.
            for one in sorted(asked.versions):
                try:
                    with tx.savepoint():
                        self._decide_one(tx, principal, one, asked, bulk_id, of=of, known=known)
                    decided.append(one)
                except (Conflict, Forbidden, InvalidField, NotFound) as problem:
                    first = first or problem
                    left_out.append(LeftOut(case_id=one[:80], why=problem.message))
            if first is not None and not decided:
                raise first
        return BulkResult(id=bulk_id, cases=tuple(decided), left_out=tuple(left_out), undo_s=round(UNDO_S))

    def _decide_one(
        self,
        tx: Transaction,
        principal: Principal,
        case_id: str,
        asked: BulkRequest,
        bulk_id: str,
        *,
        of: Case,
        known: set[str],
    ) -> None:
        case = find_case(tx, principal, case_id)
        if case_id not in known:
            raise Conflict(f"{case_id} is not the same as {of.id} any more.", param="versions")
        if (why := _alone(case, principal, tx.now())) is not None:
            raise Conflict(f"{case_id}: {why}", param="versions")
        wanted = asked.decision(asked.versions[case_id])
        self._reviews.add_pending(tx, principal, case_id, wanted, bulk_id=bulk_id)

    def read(self, principal: Principal, bulk_id: str) -> BulkResult:
        """What became of the decisions that were made together: `left_out` could not be carried out. Raises
        `NotFound` if this person made none, or undid them.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            visible_to(principal)
            pending, done = _pending(tx, principal, bulk_id), _carried_out(tx, principal, bulk_id)
            now = tx.now()
        if not pending and not done:
            raise NotFound("None of these decisions is on record.", param="bulk_id")
        waiting = [one for one in pending if one.conflict is None]
        return BulkResult(
            id=bulk_id,
            cases=(*(one.decision.case_id for one in waiting), *done),
            left_out=tuple(
                LeftOut(case_id=one.decision.case_id, why=one.conflict) for one in pending if one.conflict
            ),
            # While one waits, it can be undone, also if it is late.
            undo_s=max((1, *(math.ceil(one.due_at - now) for one in waiting))) if waiting else 0,
        )

    def undo(self, principal: Principal, bulk_id: str) -> BulkResult:
        """Undo the decisions that were made together and are not carried out yet: their cases are open again.
        Raises `NotFound` if this person has none that waits.
        """
        undone: list[str] = []
        left_out: list[LeftOut] = []
        with self._database.transaction(principal.tenant) as tx:
            # Raises `Forbidden` for a principal that decides no cases.
            visible_to(principal)
            for pending in _pending(tx, principal, bulk_id):
                if undo(tx, pending.decision):
                    undone.append(pending.decision.case_id)
                elif pending.conflict is not None:
                    left_out.append(LeftOut(case_id=pending.decision.case_id, why=pending.conflict))
            if not undone:
                raise NotFound(
                    "None of these decisions waits: they were carried out or undone, or are not yours.",
                    param="bulk_id",
                )
            left_out += [
                LeftOut(case_id=one, why="The decision was carried out already.")
                for one in _carried_out(tx, principal, bulk_id)
            ]
        return BulkResult(id=bulk_id, cases=tuple(undone), left_out=tuple(left_out), undo_s=0)


def _pending(tx: Transaction, principal: Principal, bulk_id: str) -> list[PendingDecision]:
    """Those that wait, and those that could not be carried out."""
    of = pending_decisions
    rows = tx.select(of, *_made_by(principal, bulk_id, of), order_by=(of.c.case_id,))
    return [read_record(PendingDecision, row) for row in rows]


def _carried_out(tx: Transaction, principal: Principal, bulk_id: str) -> list[str]:
    """The cases, without near-duplicates: their decisions are copies."""
    made = (*tx.tenant_condition(decisions), *_made_by(principal, bulk_id, decisions))
    done = cases.c.id.in_(select(decisions.c.case_id).where(*made))
    rows = tx.select(cases, done, cases.c.leader_id.is_(None), columns=[cases.c.id], order_by=(cases.c.id,))
    return [row.id for row in rows]


def _made_by(principal: Principal, bulk_id: str, table: Table) -> tuple[Filter, ...]:
    return table.c.bulk_id == bulk_id, table.c.decided_by == principal.id


def _same(tx: Transaction, of: Case, word: str) -> list[Filter]:
    """The condition on the cases that are the same as this one. Raises `InvalidField` and `Conflict`."""
    same = Sameness(one_of(Sameness, word, "same"))
    if of.is_blind:
        raise Conflict(f"{of.id} is a quality review, which is answered by itself.", param="case_id")
    kind = cases.c.kind == of.kind.value
    row = tx.one(cases, of.id)
    assert row is not None
    if same is Sameness.PERSON and row.account is not None:
        end_user = cases.c.end_user
        theirs = end_user.is_(None) if row.end_user is None else end_user == row.end_user
        return [kind, cases.c.account == row.account, theirs]
    if same is Sameness.CLUSTER:
        near = cases.c.cluster_id == (row.cluster_id or row.id)
        # Those of a full cluster are led by other cases with the same key.
        near = near if row.cluster_key is None else or_(near, cases.c.cluster_key == row.cluster_key)
        return [kind, near]
    if same is Sameness.REPORTER and of.kind is CaseKind.REPORT:
        columns = [notices.c.sender, notices.c.reporter]
        senders = {tuple(one) for one in tx.select(notices, notices.c.case_id == of.id, columns=columns)}
        if len(senders) == 1:
            # A case that another person reported too is answered by itself. Nobody has verified the contact
            # of a visitor, so the network has to be the same too.
            sender, reporter = senders.pop()
            by_them = (notices.c.sender == sender) & (notices.c.reporter == reporter)
            return [kind, _reported(tx, by_them), ~_reported(tx, ~by_them)]
    raise Conflict(
        f"{of.id} has no single {same.value} that other cases could have too.",
        param="same",
        remedy="Decide the case by itself.",
    )


def _reported(tx: Transaction, by: Filter) -> Filter:
    scopes = (*tx.tenant_condition(notices), *tx.tenant_condition(cases))
    return exists().where(*scopes, notices.c.case_id == cases.c.id, by)


def _alone(case: Case, principal: Principal, now: float) -> str | None:
    """Why a case is not decided together with others; None if it may be."""
    if case.state is not CaseState.OPEN:
        # The decision itself gives the reason.
        return None
    if case.leader_id is not None and case.kind is not CaseKind.REPORT:
        return f"It is decided together with {case.leader_id}."
    if case.severity >= SEVERE:
        return "It is severe, so it is decided by itself."
    if case.holder(now) not in (None, principal.id):
        return (
            "It is the next case of another reviewer." if case.reserved else "Another reviewer has it open."
        )
    return None
