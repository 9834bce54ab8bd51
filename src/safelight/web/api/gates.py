"""The rollout step of a tenant: views and operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from safelight.accounts import KeyScope
from safelight.cases.gates import GateMove, GateReport, GateService
from safelight.core.records import About, Seconds, Shown
from safelight.policy.gates import Evidence
from safelight.web.operations import Operations
from safelight.web.views import show

_PREFIX, _TAG = "/v1/safelight/gates", "gates"


def _of(services: object) -> object:
    return services.require_gates()  # type: ignore[attr-defined]


operations = Operations(
    _PREFIX,
    tag=_TAG,
    scopes=(KeyScope.ADMIN, KeyScope.POLICY, KeyScope.AUDIT),
    statuses=(404,),
    of=_of,
)
moves = Operations(_PREFIX, tag=_TAG, scopes=(KeyScope.ADMIN,), statuses=(404, 409), of=_of)
lowering = Operations(_PREFIX, tag=_TAG, scopes=(KeyScope.ADMIN, KeyScope.POLICY), statuses=(404,), of=_of)

Step = Literal["closed", "pilot", "limited", "general"]


@dataclass(frozen=True, kw_only=True)
class MissingEvidence(Shown):
    requirement: str
    measured: Annotated[float | None, About("Null: not measured, which never is enough.")]
    wanted: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class GateProposal(Shown):
    step: Step
    by: str
    at: Seconds


@dataclass(frozen=True, kw_only=True)
class GateObject(Shown):
    object: Literal["gate"] = "gate"
    step: Step
    entered_at: Annotated[Seconds | None, About("Null: no step was entered yet.")]
    next: Annotated[Step | None, About("The next step. Null after the last one.")]
    missing: Annotated[tuple[MissingEvidence, ...], About("What lacks for the next step.")]
    evidence: Annotated[Evidence, About("What was measured in the present step. Null: not measured.")]
    proposal: Annotated[GateProposal | None, About("The next step, if it waits for another person.")]
    evaluation_sha256: str | None
    moves: Annotated[tuple[GateMove, ...], About("The last entries of the audit log, newest first.")]


def show_gate(report: GateReport) -> GateObject:
    state = report.state
    proposal = None
    if state.proposed_step and state.proposed_by and state.proposed_at is not None:
        proposal = GateProposal(step=state.proposed_step.value, by=state.proposed_by, at=state.proposed_at)
    following = state.step.following
    return show(
        GateObject,
        report,
        state,
        step=state.step.value,
        next=None if following is None else following.value,
        missing=tuple(show(MissingEvidence, one, sentence=one.sentence("en")) for one in report.missing),
        proposal=proposal,
    )


operations.add(
    "GET ",
    "Rollout step, evidence and what lacks for the next step",
    GateService.show,
    shows=show_gate,
    name="show_gate",
)
moves.add(
    "POST /proposal",
    "Propose the next rollout step",
    GateService.propose,
    shows=show_gate,
    description="Needs an enrolled person with the scope `admin`, signed in.",
    name="propose_gate",
)
moves.add(
    "POST /confirmation",
    "Confirm the rollout step that another person proposed",
    GateService.confirm,
    shows=show_gate,
    description="Needs another enrolled person with the scope `admin`, signed in. The evidence is measured "
    "again.",
    name="confirm_gate",
)
lowering.add(
    "POST /lowering", "Lower the rollout step", GateService.lower, shows=show_gate, name="lower_gate"
)
