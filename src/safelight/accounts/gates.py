"""The rollout step of a tenant: who may create videos, which outputs are reviewed, and how a step is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.core.errors import GateClosed
from safelight.policy.gates import GateDocument, GateStep
from safelight.store.database import Transaction
from safelight.store.rows import read_record
from safelight.store.tables import access_requests, account_terms, gates

from .access_requests import GRANTED
from .incidents import open_by_withdrawal
from .models import KeyScope, Principal, account_subject

#: The subject of the entries of the audit log about steps.
GATES = "gates"
_TESTERS = frozenset({KeyScope.ADMIN, KeyScope.TEST})


@dataclass(frozen=True, kw_only=True)
class GateState:
    """The step of a tenant as stored."""

    step: GateStep = GateStep.CLOSED
    #: None: no step was entered, so nothing was measured in it.
    entered_at: float | None = None
    proposed_step: GateStep | None = None
    proposed_by: str | None = None
    proposed_at: float | None = None
    incident_at: float | None = None
    evaluated_at: float | None = None
    evaluation_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Applies the step of the tenant whose transaction is open."""

    document: GateDocument

    def require_open(self, tx: Transaction, principal: Principal) -> None:
        """Raise `GateClosed` if the rollout has not reached this account."""
        step = read_gate(tx).step
        if step in (GateStep.LIMITED, GateStep.GENERAL) or principal.scopes & _TESTERS:
            return
        if step is GateStep.CLOSED:
            raise GateClosed(
                "This installation is not open yet: its rollout step is `closed`. Only staff and keys with "
                "the scope `test` create videos.",
                remedy="Ask the operator when it opens: safelight gates show.",
            )
        if not _is_granted(tx, principal.id):
            raise GateClosed(
                "This installation is in its pilot, and this account is not part of it.",
                remedy="Ask for access at /access, or ask the operator to set terms for this account.",
            )

    def takes_test_card(self, tx: Transaction, principal: Principal) -> bool:
        """Whether the safety test card in a prompt of this account counts."""
        return principal.has_scope(KeyScope.TEST) or read_gate(tx).step is GateStep.CLOSED

    def reviews(self, tx: Transaction, *, waived: bool) -> bool:
        return read_gate(tx).step.reviews(waived=waived)

    def videos_per_day(self, tx: Transaction) -> int | None:
        """The quota of the tenant in its step; None: the step has none."""
        return self.document.videos_per_day(read_gate(tx).step)

    def record_incident(
        self, tx: Transaction, category: str, *, video_id: str, case_id: str, actor: str
    ) -> None:
        """After a person decided that a delivered output broke the policy in this category.

        In a grave category the tenant goes one step down and gets an incident, in the same transaction.
        """
        if category not in self.document.incidents:
            return
        state = lock_gate(tx)
        tx.update(gates, incident_at=_now(tx, state))
        content = {"category": category, "case": case_id}
        tx.append_audit("gate.incident", subject=GATES, actor=actor, content=content)
        open_by_withdrawal(tx, category, video_id=video_id, case_id=case_id, actor=actor)
        if below := state.step.preceding:
            lower_gate(tx, state, below, actor=actor, why={"incident": True})


def read_gate(tx: Transaction) -> GateState:
    row = tx.one(gates)
    return GateState() if row is None else read_record(GateState, row)


def lock_gate(tx: Transaction) -> GateState:
    """The state, which no other transaction changes until the end of this one."""
    tx.insert_or_ignore(gates, step=GateStep.CLOSED.value, entered_at=tx.now())
    row = tx.one(gates, lock=True)
    assert row is not None
    return read_record(GateState, row)


def raise_gate(
    tx: Transaction, state: GateState, target: GateStep, *, actor: str, why: Mapping[str, Any]
) -> None:
    _move(tx, state, target, "gate.raised", actor, why)


def lower_gate(
    tx: Transaction, state: GateState, target: GateStep, *, actor: str, why: Mapping[str, Any]
) -> None:
    assert target.is_below(state.step)
    _move(tx, state, target, "gate.lowered", actor, why)


def _move(
    tx: Transaction, state: GateState, target: GateStep, event: str, actor: str, why: Mapping[str, Any]
) -> None:
    """Enter a step. What was proposed in the last one no longer counts."""
    tx.update(
        gates,
        step=target.value,
        entered_at=_now(tx, state),
        proposed_step=None,
        proposed_by=None,
        proposed_at=None,
    )
    content = {"from": state.step.value, "to": target.value, **why}
    tx.append_audit(event, subject=GATES, actor=actor, content=content)


def _now(tx: Transaction, state: GateState) -> float:
    """The time, but never before that of the last move or incident: else a clock that went back and is set
    right later would make days without incident.
    """
    return max(tx.now(), state.entered_at or 0.0, state.incident_at or 0.0)


def _is_granted(tx: Transaction, account: str) -> bool:
    """Whether a person granted access to this account: by its request, or by terms that they set for it."""
    asked = (access_requests.c.key_id == account, access_requests.c.state.in_([one.value for one in GRANTED]))
    terms = (account_terms.c.subject == account_subject(account), account_terms.c.revision > 0)
    return bool(tx.count(access_requests, *asked) or tx.count(account_terms, *terms))
