"""The one decision service: what waits for a person, and what that person decides."""

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

LONGEST_REASON = 2000
LONGEST_CLAUSE = 200
_LONGEST_PAGE = 100
_NOTES = 20
_A = {CaseKind.HOLD: "a hold", CaseKind.REPORT: "a report", CaseKind.APPEAL: "an appeal"}


class Reviews:
    """Cases of one installation. Ordinary ones need the scope `review`; quarantined ones `vault`, and to
    everybody else they are not there."""

    def __init__(self, database: Database, consequences: DecisionActions) -> None:
        self._database = database
        self._consequences = consequences

    def list(
        self,
        principal: Principal,
        *,
        state: CaseState | None = CaseState.OPEN,
        kind: CaseKind | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> CasePage:
        """Cases this principal may decide. Open ones: due first comes first; others: newest first."""
        where = _visible(principal)
        if state is not None:
            where.append(cases.c.state == state.value)
        if kind is not None:
            where.append(cases.c.kind == kind.value)
        soonest = state is CaseState.OPEN
        limit = max(1, min(limit, _LONGEST_PAGE))
        with self._database.read_transaction(principal.tenant) as tx:
            if after is not None:
                start = self._row(tx, principal, after)
                at = cases.c.due_at if soonest else cases.c.opened_at
                value = start.due_at if soonest else start.opened_at
                same = (at == value) & (cases.c.id > start.id if soonest else cases.c.id < start.id)
                where.append(((at > value) if soonest else (at < value)) | same)
            order = (cases.c.due_at, cases.c.id) if soonest else (cases.c.opened_at.desc(), cases.c.id.desc())
            rows = tx.select(cases, *where, order_by=order, limit=limit + 1)
        return CasePage(cases=tuple(store.case(row) for row in rows[:limit]), has_more=len(rows) > limit)

    def count_open(self, principal: Principal) -> int:
        """How many cases wait for this principal, for a page's badge; 0 for who may decide none."""
        if not (principal.may(KeyScope.REVIEW) or principal.may(KeyScope.VAULT)):
            return 0
        with self._database.read_transaction(principal.tenant) as tx:
            return tx.count(cases, *_visible(principal), cases.c.state == CaseState.OPEN.value)

    def get(self, principal: Principal, case_id: str) -> CaseFile:
        """One case with its reports and decision. `NotFound` for other tenants' and what one may not see."""
        with self._database.read_transaction(principal.tenant) as tx:
            case = self._row(tx, principal, case_id)
            decided = tx.one(decisions, decisions.c.case_id == case.id)
            count = tx.count(reports, reports.c.case_id == case.id)
            newest = tx.select(
                reports,
                reports.c.case_id == case.id,
                order_by=(reports.c.created_at.desc(), reports.c.id.desc()),
                limit=_NOTES,
            )
            others_only = _others_only(tx, principal, case)
        return CaseFile(
            case=case,
            others_only=others_only,
            decision=store.decision(decided) if decided is not None else None,
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

    def of_video(self, principal: Principal, video_id: str) -> tuple[Case, ...]:
        """Every case about a video that this principal may see, oldest first."""
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                cases,
                *_visible(principal),
                cases.c.video_id == video_id,
                order_by=(cases.c.opened_at, cases.c.id),
            )
        return tuple(store.case(row) for row in rows)

    def decide(
        self,
        principal: Principal,
        case_id: str,
        *,
        action: str,
        reason: str,
        clause: str | None = None,
    ) -> CaseFile:
        """Decide a case, once: the verdict of a person, recorded and carried out in one transaction.

        A hold takes `approve` or `refuse`, a report `keep` or `withdraw`, an appeal `overturn` or `uphold`.
        Raises `InvalidField`, `Conflict` for who comes second or too late, saying who decided, and
        `Forbidden` where somebody else has to decide the appeal.
        """
        said = _text(reason, "reason", LONGEST_REASON)
        rests_on = _text(clause, "clause", LONGEST_CLAUSE) if clause else None
        with self._database.transaction(principal.tenant) as tx:
            case = self._row(tx, principal, case_id)
            wanted = _action(case.kind, action)
            if _others_only(tx, principal, case):
                raise Forbidden(
                    "Somebody else has to decide this appeal: you ordered the video, sent the appeal, or "
                    "decided about the video before.",
                    remedy="It waits until somebody else does.",
                )
            if not store.close_case(tx, case.id):
                raise _too_late(tx, case)
            made = store.add_decision(
                tx, case, action=wanted, reason=said, clause=rests_on, decided_by=principal.id
            )
            afterwards = self._carry_out(tx, case, made)
        if afterwards is not None:
            afterwards()
        return self.get(principal, case_id)

    def _carry_out(self, tx: Transaction, of: Case, made: Decision) -> Callable[[], None] | None:
        match made.action:
            case DecisionAction.APPROVE:
                return self._consequences.approve(tx, of, made)
            case DecisionAction.REFUSE:
                return self._consequences.refuse(tx, of, made)
            case DecisionAction.WITHDRAW:
                return self._consequences.withdraw(tx, of, made)
            case DecisionAction.OVERTURN:
                return self._consequences.overturn(tx, of, made)
            case DecisionAction.KEEP | DecisionAction.UPHOLD:
                return None

    def _row(self, tx: Transaction, principal: Principal, case_id: str) -> Case:
        visible = _visible(principal)
        row = tx.one(cases, *visible, cases.c.id == case_id) if is_id(case_id, "case") else None
        if row is None:
            raise NotFound(f"There is no case {case_id[:80]!r}.", param="case_id")
        return store.case(row)


def _visible(principal: Principal) -> list[ColumnElement[bool]]:
    review, vault = principal.may(KeyScope.REVIEW), principal.may(KeyScope.VAULT)
    if not review and not vault:
        raise Forbidden(
            f"This {principal.kind.value} does not have the scope {KeyScope.REVIEW.value}.",
            remedy="Ask the person who runs this gateway for a key with it.",
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
            f"{action[:40]!r} cannot be decided of {_A[kind]}.",
            param="action",
            remedy=f"Send {words}.",
        )
    return DecisionAction(action)


def _text(text: str, param: str, longest: int) -> str:
    text = text.strip()
    if not text or len(text) > longest or "\0" in text:
        raise InvalidField(f"A decision says its {param} in 1 to {longest} characters.", param=param)
    return text


def _too_late(tx: Transaction, case: Case) -> Conflict:
    decided = tx.one(decisions, decisions.c.case_id == case.id)
    if decided is not None:
        return Conflict(
            f"{case.id} was decided already: {decided.action}, by {decided.decided_by}.", param="case_id"
        )
    return Conflict(
        f"{case.id} was closed because nobody decided in time; what ended stays ended.",
        param="case_id",
        remedy="Order the video again.",
    )
