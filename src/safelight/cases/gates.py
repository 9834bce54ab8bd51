"""Moves a tenant from one rollout step to another: evidence, two people, and the way down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import select

from safelight.accounts import ROLES, KeyScope, Principal, PrincipalKind
from safelight.accounts.deciders import find_holders
from safelight.accounts.gates import GATES, GateState, lock_gate, lower_gate, raise_gate, read_gate
from safelight.accounts.store import ACTIVE
from safelight.core.errors import Conflict, Forbidden, InvalidField
from safelight.core.reasons import MAX_REASON_CHARACTERS, validate_text
from safelight.core.records import Seconds, Shown
from safelight.policy.findings import Stage
from safelight.policy.gates import (
    Evidence,
    GateDocument,
    GateStep,
    Lack,
    evidence_object,
    missing,
    must_lower,
)
from safelight.policy.statistics import MIN_ANSWERS, MIN_CASES, wilson
from safelight.store.database import Database, Filter, Transaction
from safelight.store.tables import (
    audit_log,
    audit_log_contents,
    cases,
    decisions,
    gates,
    people,
    videos,
)
from safelight.videos.case_rows import CaseKind, DecisionAction
from safelight.videos.case_rows.models import CaseState
from safelight.videos.models import VideoState

from .inputs import GateLowering
from .quality import Draw
from .quality.results import count_reconsidered, read_draws

_DAY_S = 86_400.0
_MAX_MOVES = 50
_READERS = (KeyScope.ADMIN, KeyScope.POLICY, KeyScope.AUDIT)


@dataclass(frozen=True, kw_only=True)
class GateMove(Shown):
    """An entry of the audit log about the step of a tenant."""

    at: Seconds
    event: str
    actor: str
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The step of a tenant, the evidence, and what lacks for the next step."""

    state: GateState
    evidence: Evidence
    missing: tuple[Lack, ...]
    #: Newest first.
    moves: tuple[GateMove, ...]


class GateService:
    """`describe_coverage`: the coverage table of a tenant. A tenant goes up one step at a time."""

    def __init__(
        self,
        database: Database,
        document: GateDocument,
        describe_coverage: Callable[[str], Mapping[str, Any]],
    ) -> None:
        self._database = database
        self.document = document
        self._describe_coverage = describe_coverage

    def show(self, principal: Principal) -> GateReport:
        principal.require(*_READERS)
        coverage = self._describe_coverage(principal.tenant)
        with self._database.read_transaction(principal.tenant) as tx:
            return self._report(tx, coverage)

    def propose(self, principal: Principal) -> GateReport:
        """Propose the next step. Nothing changes until another person confirms it.

        Raises `Conflict` if evidence lacks, and `Forbidden` for keys and at the terminal.
        """
        _require_person(principal)
        coverage = self._describe_coverage(principal.tenant)
        with self._database.transaction(principal.tenant) as tx:
            state = lock_gate(tx)
            target, _ = self._require_evidence(tx, state, coverage)
            proposal = {"proposed_step": target.value, "proposed_by": principal.id, "proposed_at": tx.now()}
            tx.update(gates, **proposal)
            content = {"to": target.value}
            tx.append_audit("gate.proposed", subject=GATES, actor=principal.id, content=content)
        return self.show(principal)

    def confirm(self, principal: Principal) -> GateReport:
        """Enter the step that another person proposed. The evidence is measured again and recorded.

        Raises `Conflict` if it lacks or nothing is proposed, and `Forbidden` for the same person.
        """
        _require_person(principal)
        coverage = self._describe_coverage(principal.tenant)
        with self._database.transaction(principal.tenant) as tx:
            state = lock_gate(tx)
            if state.proposed_by is None or state.proposed_step is not state.step.following:
                raise Conflict("No step is proposed.", remedy="Propose the next step first.")
            if principal.id == state.proposed_by:
                raise Forbidden("Another person than the one who proposed a step has to confirm it.")
            if state.proposed_by not in find_holders(tx, {KeyScope.ADMIN}):
                raise Conflict(
                    "The person who proposed the step is no longer an administrator.",
                    remedy="Propose it again.",
                )
            target, evidence = self._require_evidence(tx, state, coverage)
            why = {"proposed_by": state.proposed_by, "evidence": evidence_object(evidence)}
            raise_gate(tx, state, target, actor=principal.id, why=why)
        return self.show(principal)

    def lower(self, principal: Principal, asked: GateLowering) -> GateReport:
        """Go down, by default one step. One person is enough, or a key.

        Raises `InvalidField` if the step is not below the present one, and `Conflict` if there is none.
        """
        principal.require(KeyScope.ADMIN, KeyScope.POLICY)
        reason = validate_text(asked.reason, "reason", MAX_REASON_CHARACTERS)
        with self._database.transaction(principal.tenant) as tx:
            state = lock_gate(tx)
            names = [one.value for one in GateStep if one.is_below(state.step)]
            if not names:
                raise Conflict(f"The step is {state.step} already, which is the first one.")
            target = asked.step or names[-1]
            if target not in names:
                raise InvalidField(
                    f"The step is {state.step}, and {target[:20]} is not below it.", param="step"
                )
            lower_gate(tx, state, GateStep(target), actor=principal.id, why={"reason": reason})
        return self.show(principal)

    def record_evaluation(self, principal: Principal, sha256: str) -> GateReport:
        """Record that the detectors were evaluated now, with the hash of the results."""
        principal.require(KeyScope.ADMIN)
        with self._database.transaction(principal.tenant) as tx:
            lock_gate(tx)
            tx.update(gates, evaluated_at=tx.now(), evaluation_sha256=sha256)
            content = {"sha256": sha256}
            tx.append_audit("gate.evaluated", subject=GATES, actor=principal.id, content=content)
        return self.show(principal)

    def lower_by_measurements(self) -> None:
        """Lower each tenant whose decided cases or samples demand it. Repeated by a background part."""
        with self._database.across_tenants("gates", readonly=True) as whole:
            rows = whole.select(gates, gates.c.step != GateStep.CLOSED.value, columns=[gates.c.tenant_id])
        for tenant in sorted(row.tenant_id for row in rows):
            # Only read first: a write transaction lets others wait.
            with self._database.read_transaction(tenant) as tx:
                if not self._is_beyond(tx, read_gate(tx)):
                    continue
            with self._database.transaction(tenant) as tx:
                state = lock_gate(tx)
                found, below = self._is_beyond(tx, state), state.step.preceding
                if found and below:
                    lower_gate(tx, state, below, actor=GATES, why={"beyond": msgspec.to_builtins(found)})

    def _is_beyond(self, tx: Transaction, state: GateState) -> tuple[Lack, ...]:
        evidence = Evidence(**_measure_decisions(tx, state, self._since(tx, state)))
        return must_lower(state.step, evidence, self.document)

    def _since(self, tx: Transaction, state: GateState) -> float:
        return max(state.entered_at or 0.0, tx.now() - self.document.window_days * _DAY_S)

    def _require_evidence(
        self, tx: Transaction, state: GateState, coverage: Mapping[str, Any]
    ) -> tuple[GateStep, Evidence]:
        target = state.step.following
        if target is None:
            raise Conflict(f"The step is {state.step} already, which is the last one.")
        evidence = self._measure(tx, state, coverage)
        if lacks := missing(target, evidence, self.document):
            sentences = " ".join(one.sentence("en") for one in lacks)
            raise Conflict(f"Evidence for the step {target} is missing. {sentences}")
        return target, evidence

    def _report(self, tx: Transaction, coverage: Mapping[str, Any]) -> GateReport:
        state = read_gate(tx)
        evidence, target = self._measure(tx, state, coverage), state.step.following
        return GateReport(
            state=state,
            evidence=evidence,
            missing=() if target is None else missing(target, evidence, self.document),
            moves=_read_moves(tx),
        )

    def _measure(self, tx: Transaction, state: GateState, coverage: Mapping[str, Any]) -> Evidence:
        """The evidence of the present step. What was measured in an earlier one does not count."""
        gaps = [cell for cell in coverage["cells"] if cell["required"] and not cell["available"]]
        reviewers = _count_reviewers(tx)
        present = Evidence(
            unchecked=sum(not cell["waived_by"] for cell in gaps),
            waived=tuple(sorted({cell["category"] for cell in gaps if cell["waived_by"]})),
            evaluation_days=_days_since(tx, state.evaluated_at),
            reviewers=reviewers,
            capacity=reviewers * self.document.reviews_per_person,
        )
        if state.entered_at is None:
            return present
        since = self._since(tx, state)
        quiet_since = max(state.entered_at, state.incident_at or 0.0)
        return replace(
            present,
            # If the clock went back, less time has passed, never more.
            days_without_incident=_days_since(tx, quiet_since) or 0.0,
            **_measure_outputs(tx, state.step, since),
            **_measure_decisions(tx, state, since),
        )


def _require_person(principal: Principal) -> None:
    """Raise `Forbidden` also for keys and for the terminal: they do not show which person decides."""
    principal.require(KeyScope.ADMIN)
    if principal.kind is not PrincipalKind.PERSON or principal.role is None:
        raise Forbidden(
            "Only an enrolled person with the scope admin can propose or confirm a step.",
            remedy="Sign in to the console and open Compliance, Rollout.",
        )


def _days_since(tx: Transaction, at: float | None) -> float | None:
    """None too if the time is in the future, after the clock went back."""
    return None if at is None or at > tx.now() else (tx.now() - at) / _DAY_S


def _count_reviewers(tx: Transaction) -> int:
    roles = [role.value for role, given in ROLES.items() if KeyScope.REVIEW in given.scopes]
    return tx.count(people, people.c.state == ACTIVE, people.c.role.in_(roles))


def _measure_outputs(tx: Transaction, step: GateStep, since: float) -> dict[str, Any]:
    """Deliveries and reviews before delivery. A video that an appeal released was reviewed by it."""
    states = [VideoState.DELIVERED.value, VideoState.WITHDRAWN.value]
    delivered: tuple[Filter, ...] = (
        videos.c.state.in_(states),
        videos.c.ended_at >= since,
        videos.c.reinstated_from.is_(None),
    )
    approved = (
        select(decisions.c.video_id)
        .join(cases, (cases.c.id == decisions.c.case_id) & (cases.c.tenant_id == decisions.c.tenant_id))
        .where(*tx.tenant_condition(decisions), decisions.c.action == DecisionAction.APPROVE.value)
        .where(*tx.tenant_condition(cases), cases.c.stage == Stage.OUTPUT.value)
    )
    total = tx.count(videos, *delivered)
    unreviewed = 0
    if step.reviews(waived=True):
        every = step.reviews(waived=False)
        concerned = () if every else (videos.c.waived,)
        unreviewed = tx.count(videos, *delivered, *concerned, videos.c.id.not_in(approved))
    ended = (
        cases.c.kind == CaseKind.HOLD.value,
        cases.c.closed_at >= since,
        cases.c.state.in_([CaseState.DECIDED.value, CaseState.EXPIRED.value]),
    )
    held, late = tx.count(cases, *ended), tx.count(cases, *ended, cases.c.state == CaseState.EXPIRED.value)
    return {
        "delivered": total,
        "reviewed_share": (total - unreviewed) / total if total else None,
        "late_share": late / held if held else None,
    }


def _measure_decisions(tx: Transaction, state: GateState, since: float) -> dict[str, Any]:
    draws = (draw for draw in read_draws(tx) if draw.since >= (state.entered_at or 0.0))
    return {
        "overturn_rate": _overturn_rate(tx, since),
        "missed_harm": next(map(missed_harm, draws), None),
    }


def _overturn_rate(tx: Transaction, since: float) -> float | None:
    """Of the decided appeals and of the second reviews; None if there are fewer than `MIN_CASES`."""
    counts = count_reconsidered(tx, since).values()
    total = sum(one.total() for one in counts)
    return sum(one[True] for one in counts) / total if total >= MIN_CASES else None


def missed_harm(draw: Draw) -> tuple[float, float] | None:
    """The interval of the part of all delivered videos that is against the policy, from a sample by strata.

    None if a stratum has too few answers, unless all of its videos were answered.
    """
    delivered = sum(one.delivered for one in draw.strata)
    low = high = 0.0
    for one in draw.strata:
        if not one.delivered:
            continue
        if one.answered == one.delivered:
            ends = (one.found / one.answered,) * 2
        elif one.answered >= MIN_ANSWERS:
            ends = wilson(one.found, one.answered)
        else:
            return None
        low += one.delivered / delivered * ends[0]
        high += one.delivered / delivered * ends[1]
    return (low, high) if delivered else None


def _read_moves(tx: Transaction) -> tuple[GateMove, ...]:
    order = (audit_log.c.seq.desc(),)
    rows = tx.select(audit_log, audit_log.c.subject == GATES, order_by=order, limit=_MAX_MOVES)
    # Only the vault officer may know the category of some cases.
    shown = [row.seq for row in rows if row.event != "gate.incident"]
    stored = tx.select(audit_log_contents, audit_log_contents.c.seq.in_(shown))
    contents = {row.seq: msgspec.json.decode(row.content) for row in stored if row.content is not None}
    return tuple(
        GateMove(at=row.at, event=row.event, actor=row.actor, content=contents.get(row.seq, {}))
        for row in rows
    )
