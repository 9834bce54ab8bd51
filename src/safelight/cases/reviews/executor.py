"""Carries out the decisions that reviewers made on a page, when their time to undo is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from safelight.accounts.store import principal_of_person
from safelight.core.background.part import BackgroundPart
from safelight.core.errors import Conflict, DatabaseDamaged, NotFound, Unavailable
from safelight.store.database import Database, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import cases, pending_decisions, people, reports
from safelight.videos.case_rows import store
from safelight.videos.case_rows.clusters import members_of
from safelight.videos.case_rows.models import (
    UNDO_S,
    Case,
    CaseKind,
    CaseState,
    Decision,
    DecisionAction,
    PendingDecision,
)

from .conflicts import may_decide

if TYPE_CHECKING:
    from safelight.cases.review_actions import ReviewActions

#: Pause if no decision is due earlier. Shorter than the time to undo, so that a decision that another process
#: stored is found before it is due.
MAX_WAIT_S = UNDO_S / 2
_MAX_ROWS_PER_ROUND = 500


class DecisionExecutor:
    """A background part of the process. Several processes may share a database: each decision is carried out
    by one of them.

    The clocks of two processes can differ, so only the first round after a start goes by them alone. A
    decision that is found later can be undone for at least `UNDO_S - MAX_WAIT_S` and is carried out after at
    most `UNDO_S`, by a monotonic clock.
    """

    def __init__(
        self,
        database: Database,
        actions: ReviewActions,
        *,
        stopping: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._actions = actions
        self._monotonic = monotonic
        #: When each pending decision is due, by the monotonic clock. None before the first round.
        self._due: dict[str, float] | None = None
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
            clock = tx.now()
        known, now = self._due or {}, self._monotonic()
        least_s = 0.0 if self._due is None else UNDO_S - MAX_WAIT_S
        self._due = {
            row.id: known.get(row.id, now + min(max(row.due_at - clock, least_s), UNDO_S)) for row in rows
        }
        failed: Exception | None = None
        for row in rows:
            if self._due[row.id] <= now:
                try:
                    self._attempt(read_record(PendingDecision, row))
                except (Unavailable, DatabaseDamaged) as error:
                    # The other decisions are carried out all the same.
                    failed = failed or error
        self._next_wait_s = wait_s([due for due in self._due.values() if due > now], self._monotonic())
        if failed is not None:
            raise failed

    def _attempt(self, pending: PendingDecision) -> None:
        """Carry out a decision. After the last try that fails, the case is open again, and can expire."""
        with self.part.rows.attempt(pending.decision.id):
            self._carry_out(pending)
        if pending.decision.id in self.part.rows.parked():
            with self._database.transaction(pending.tenant) as tx:
                if store.claim_pending(tx, pending.decision.id):
                    store.record_conflict(
                        tx, pending.decision, "It could not be carried out because of a fault."
                    )

    def _carry_out(self, pending: PendingDecision) -> None:
        """Apply a decision, or record why it does not apply any more; then the case is open again."""
        after_commit = None
        with self._database.across_tenants("a pending decision") as whole:
            tx = whole.of_tenant(pending.tenant)
            if not store.claim_pending(tx, pending.decision.id):
                return
            # Also a person of the tenant that manages this one.
            author = whole.one(people, pending.decision.decided_by)
            try:
                with tx.savepoint():
                    after_commit = self._apply(tx, pending.decision, author)
            except (Conflict, NotFound) as problem:
                store.record_conflict(tx, pending.decision, str(problem))
        if after_commit is not None:
            after_commit()

    def _apply(self, tx: Transaction, made: Decision, author: Row | None) -> Callable[[], None] | None:
        if not store.close_case(tx, made.case_id, state=CaseState.PENDING):
            raise Conflict(f"{made.case_id} was closed, because the state of the video changed.")
        if made.action is DecisionAction.KEEP and tx.count(
            reports, reports.c.case_id == made.case_id, reports.c.created_at > made.at
        ):
            raise Conflict("It was reported again after this decision.")
        row = tx.one(cases, made.case_id)
        assert row is not None  # It was closed in this transaction.
        person = principal_of_person(author) if author is not None else None
        if author is not None and (person is None or not may_decide(person, store.case_from_row(row))):
            raise Conflict("The person who decided may not decide this case any more.")
        store.move_to_decisions(tx, made)
        return apply_to_cluster(self._actions, tx, store.case_from_row(row), made)


def apply_to_cluster(
    actions: ReviewActions, tx: Transaction, of: Case, made: Decision
) -> Callable[[], None] | None:
    """Apply a decision to the video of a closed case, and to each of its near-duplicates with a decision of
    its own. A near-duplicate that no longer allows the decision gets the reason, and is decided by itself.
    """
    after = [apply_decision(actions, tx, of, made)]
    if of.kind is CaseKind.REPORT:
        store.release_followers(tx, of)
        return after[0]
    for row in members_of(tx, of.id):
        member = store.case_from_row(row)
        copy = store.copy_decision(tx, made, member)
        try:
            with tx.savepoint():
                if not store.close_case(tx, member.id, state=CaseState.OPEN):
                    continue
                store.add_decision(tx, copy)
                after.append(apply_decision(actions, tx, member, copy))
        except (Conflict, NotFound) as problem:
            store.add_member_conflict(tx, copy, str(problem))
    wanted = [call for call in after if call is not None]
    return partial(_call_all, wanted) if wanted else None


def _call_all(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()


def apply_decision(
    actions: ReviewActions, tx: Transaction, of: Case, made: Decision
) -> Callable[[], None] | None:
    """Apply a decision to the video. Returns what to call after the commit, if anything."""
    match made.action:
        case DecisionAction.APPROVE:
            return actions.approve(tx, of, made)
        case DecisionAction.REFUSE:
            actions.refuse(tx, of, made)
        case DecisionAction.WITHDRAW:
            actions.withdraw(tx, of, made)
        case DecisionAction.OVERTURN:
            return actions.overturn(tx, of, made)
        case DecisionAction.KEEP:
            actions.keep(tx, of, made)
        case DecisionAction.UPHOLD:
            actions.uphold(tx, of, made)
        case DecisionAction.IN_POLICY | DecisionAction.AGAINST_POLICY:
            pass
    return None


def wait_s(due_times: Sequence[float], now: float) -> float:
    """Seconds until the next round: until the earliest due time, but at most `MAX_WAIT_S`."""
    return min([MAX_WAIT_S, *(max(0.0, due_at - now) for due_at in due_times)])
