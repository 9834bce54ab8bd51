"""Carries out the decisions that reviewers made on a page, when their time to undo is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from safelight.background.part import BackgroundPart
from safelight.errors import Conflict, NotFound
from safelight.store.database import Database
from safelight.store.tables import cases, pending_decisions
from safelight.store.transaction import Transaction

from . import store
from .models import UNDO_S, Case, CaseState, Decision, DecisionAction, DecisionActions, PendingDecision

#: Pause if no decision is due earlier. Shorter than the time to undo, so that a decision that another process
#: stored is found before it is due.
MAX_WAIT_S = UNDO_S / 2
_MAX_ROWS_PER_ROUND = 500


class DecisionExecutor:
    """A background part of the process. Several processes may share a database: each decision is carried out
    by one of them.
    """

    def __init__(self, database: Database, actions: DecisionActions, *, stopping: threading.Event) -> None:
        self._database = database
        self._actions = actions
        self._next_wait_s = 0.0
        self.part = BackgroundPart(
            "decisions",
            {"carry_out_due": self.carry_out_due},
            interval_s=lambda: self._next_wait_s,
            stopping=stopping,
        )

    def carry_out_due(self) -> None:
        """Carry out every pending decision that is due."""
        with self._database.across_tenants("pending decisions", readonly=True) as tx:
            rows = tx.select(
                pending_decisions,
                pending_decisions.c.conflict.is_(None),
                pending_decisions.c.id.not_in(self.part.rows.parked()),
                order_by=(pending_decisions.c.due_at, pending_decisions.c.id),
                limit=_MAX_ROWS_PER_ROUND,
            )
            now = tx.now()
        for row in rows:
            if row.due_at <= now:
                with self.part.rows.attempt(row.id):
                    self._carry_out(store.pending_from_row(row))
        later = [row.due_at for row in rows if row.due_at > now]
        self._next_wait_s = wait_s(later, self._database.clock())

    def _carry_out(self, pending: PendingDecision) -> None:
        """Apply a decision, or record why it does not apply any more; then the case is open again."""
        after_commit = None
        with self._database.transaction(pending.tenant) as tx:
            if not store.claim_pending(tx, pending.decision.id):
                return
            try:
                with tx.savepoint():
                    after_commit = self._apply(tx, pending.decision)
            except (Conflict, NotFound) as problem:
                store.record_conflict(tx, pending.decision, str(problem))
        if after_commit is not None:
            after_commit()

    def _apply(self, tx: Transaction, made: Decision) -> Callable[[], None] | None:
        if not store.close_case(tx, made.case_id, state=CaseState.PENDING):
            raise Conflict(f"{made.case_id} was closed, because the state of the video changed.")
        row = tx.one(cases, cases.c.id == made.case_id)
        assert row is not None  # It was closed in this transaction.
        store.move_to_decisions(tx, made)
        return apply_decision(self._actions, tx, store.case_from_row(row), made)


def apply_decision(
    actions: DecisionActions, tx: Transaction, of: Case, made: Decision
) -> Callable[[], None] | None:
    """Apply a decision to the video. Returns what to call after the commit, if anything."""
    match made.action:
        case DecisionAction.APPROVE:
            return actions.approve(tx, of, made)
        case DecisionAction.REFUSE:
            return actions.refuse(tx, of, made)
        case DecisionAction.WITHDRAW:
            return actions.withdraw(tx, of, made)
        case DecisionAction.OVERTURN:
            return actions.overturn(tx, of, made)
        case DecisionAction.KEEP | DecisionAction.UPHOLD:
            return None


def wait_s(due_times: Sequence[float], now: float) -> float:
    """Seconds until the next round: until the earliest due time, but at most `MAX_WAIT_S`."""
    return min([MAX_WAIT_S, *(max(0.0, due_at - now) for due_at in due_times)])
