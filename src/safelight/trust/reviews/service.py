"""Lists cases and records the decisions of reviewers."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement

from safelight.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.ids import is_id
from safelight.store.database import Database
from safelight.store.tables import cases, decisions, reports
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal

from . import store
from .models import (
    ACTIONS,
    Case,
    CaseFile,
    CaseKind,
    CasePage,
    CaseState,
    Decision,
    DecisionAction,
    DecisionActions,
)

MAX_REASON_CHARACTERS = 2000
MAX_CLAUSE_CHARACTERS = 200
_MAX_PAGE_CASES = 100
_MAX_NOTES = 20
_KIND_WITH_ARTICLE = {CaseKind.HOLD: "a hold", CaseKind.REPORT: "a report", CaseKind.APPEAL: "an appeal"}


class Reviews:
    """Lists and decides the cases of one installation.

    A principal needs the scope `review`, and for quarantined cases `vault`. For a principal without that
    scope, a quarantined case is `NotFound`.
    """

    def __init__(self, database: Database, actions: DecisionActions) -> None:
        self._database = database
        self._actions = actions

    def list(
        self,
        principal: Principal,
        *,
        state: CaseState | None = CaseState.OPEN,
        kind: CaseKind | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> CasePage:
        """The cases that this principal may decide: open cases by due time, others with the newest first."""
        where = _visible(principal)
        if state is not None:
            where.append(cases.c.state == state.value)
        if kind is not None:
            where.append(cases.c.kind == kind.value)
        soonest = state is CaseState.OPEN
        limit = max(1, min(limit, _MAX_PAGE_CASES))
        with self._database.read_transaction(principal.tenant) as tx:
            if after is not None:
                start = self._row(tx, principal, after)
                at = cases.c.due_at if soonest else cases.c.opened_at
                value = start.due_at if soonest else start.opened_at
                same = (at == value) & (cases.c.id > start.id if soonest else cases.c.id < start.id)
                where.append(((at > value) if soonest else (at < value)) | same)
            order = (cases.c.due_at, cases.c.id) if soonest else (cases.c.opened_at.desc(), cases.c.id.desc())
            rows = tx.select(cases, *where, order_by=order, limit=limit + 1)
        return CasePage(
            cases=tuple(store.case_from_row(row) for row in rows[:limit]), has_more=len(rows) > limit
        )

    def count_open(self, principal: Principal) -> int:
        """Number of open cases that this principal may decide, for the badge on a page."""
        if not (principal.has_scope(KeyScope.REVIEW) or principal.has_scope(KeyScope.VAULT)):
            return 0
        with self._database.read_transaction(principal.tenant) as tx:
            return tx.count(cases, *_visible(principal), cases.c.state == CaseState.OPEN.value)

    def get(self, principal: Principal, case_id: str) -> CaseFile:
        """A case with its reports and its decision.

        Raises `NotFound`, also if the case belongs to another tenant or needs a scope that is missing.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            case = self._row(tx, principal, case_id)
            decided = tx.one(decisions, decisions.c.case_id == case.id)
            count = tx.count(reports, reports.c.case_id == case.id)
            newest = tx.select(
                reports,
                reports.c.case_id == case.id,
                order_by=(reports.c.created_at.desc(), reports.c.id.desc()),
                limit=_MAX_NOTES,
            )
            others_only = _others_only(tx, principal, case)
        return CaseFile(
            case=case,
            requires_other_reviewer=others_only,
            decision=store.decision_from_row(decided) if decided is not None else None,
            reports=count,
            notes=tuple(
                {
                    "id": row.id,
                    "at": row.created_at,
                    "category": row.category,
                    "reason": row.reason,
                    "note": row.note,
                    "reporter_kind": row.reporter_kind,
                    "contact_given": row.contact is not None,
                }
                for row in newest
            ),
        )

    def list_for_video(self, principal: Principal, video_id: str) -> tuple[Case, ...]:
        """Every case of a video that this principal may see, oldest first."""
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                cases,
                *_visible(principal),
                cases.c.video_id == video_id,
                order_by=(cases.c.opened_at, cases.c.id),
            )
        return tuple(store.case_from_row(row) for row in rows)

    def decide(
        self,
        principal: Principal,
        case_id: str,
        *,
        action: str,
        reason: str,
        clause: str | None = None,
    ) -> CaseFile:
        """Decide a case. The decision is recorded and applied to the video in one transaction.

        A hold takes `approve` or `refuse`, a report `keep` or `withdraw`, an appeal `overturn` or `uphold`.
        Raises `InvalidField`, `Conflict` if the case is closed already, and `Forbidden` if the principal is
        involved in the appeal.
        """
        reason = _validate_text(reason, "reason", MAX_REASON_CHARACTERS)
        clause = _validate_text(clause, "clause", MAX_CLAUSE_CHARACTERS) if clause else None
        with self._database.transaction(principal.tenant) as tx:
            case = self._row(tx, principal, case_id)
            wanted = _action(case.kind, action)
            if _others_only(tx, principal, case):
                raise Forbidden(
                    "You cannot decide this appeal, because you requested the video, sent the appeal, or "
                    "decided on this video earlier.",
                    remedy="Ask another reviewer to decide it.",
                )
            if not store.close_case(tx, case.id):
                raise _too_late(tx, case)
            decision = store.add_decision(
                tx, case, action=wanted, reason=reason, clause=clause, decided_by=principal.id
            )
            after_commit = self._apply(tx, case, decision)
        if after_commit is not None:
            after_commit()
        return self.get(principal, case_id)

    def _apply(self, tx: Transaction, of: Case, made: Decision) -> Callable[[], None] | None:
        match made.action:
            case DecisionAction.APPROVE:
                return self._actions.approve(tx, of, made)
            case DecisionAction.REFUSE:
                return self._actions.refuse(tx, of, made)
            case DecisionAction.WITHDRAW:
                return self._actions.withdraw(tx, of, made)
            case DecisionAction.OVERTURN:
                return self._actions.overturn(tx, of, made)
            case DecisionAction.KEEP | DecisionAction.UPHOLD:
                return None

    def _row(self, tx: Transaction, principal: Principal, case_id: str) -> Case:
        visible = _visible(principal)
        row = tx.one(cases, *visible, cases.c.id == case_id) if is_id(case_id, "case") else None
        if row is None:
            raise NotFound(f"There is no case {case_id[:80]!r}.", param="case_id")
        return store.case_from_row(row)


def _visible(principal: Principal) -> list[ColumnElement[bool]]:
    review, vault = principal.has_scope(KeyScope.REVIEW), principal.has_scope(KeyScope.VAULT)
    if not review and not vault:
        raise Forbidden(
            f"This {principal.kind.value} does not have the scope {KeyScope.REVIEW.value}.",
            remedy="Ask the operator of this gateway for a key with this scope.",
        )
    if review and vault:
        return []
    return [cases.c.quarantined.is_(vault)]


def _others_only(tx: Transaction, principal: Principal, case: Case) -> bool:
    appealed = case.kind is CaseKind.APPEAL and case.state is CaseState.OPEN
    return appealed and principal.id in store.involved_people(tx, case)


def _action(kind: CaseKind, action: str) -> DecisionAction:
    allowed = ACTIONS[kind]
    if action not in allowed:
        words = " or ".join(one.value for one in allowed)
        raise InvalidField(
            f"{action[:40]!r} is not a possible decision on {_KIND_WITH_ARTICLE[kind]}.",
            param="action",
            remedy=f"Send {words}.",
        )
    return DecisionAction(action)


def _validate_text(text: str, param: str, max_characters: int) -> str:
    text = text.strip()
    if not text or len(text) > max_characters or "\0" in text:
        raise InvalidField(
            f"The {param} of a decision must have 1 to {max_characters} characters.", param=param
        )
    return text


def _too_late(tx: Transaction, case: Case) -> Conflict:
    decided = tx.one(decisions, decisions.c.case_id == case.id)
    if decided is not None:
        return Conflict(
            f"{case.id} was decided already: {decided.action}, by {decided.decided_by}.", param="case_id"
        )
    return Conflict(
        f"{case.id} was not decided in time, so it is closed and cannot be decided any more.",
        param="case_id",
        remedy="Request the video again.",
    )
