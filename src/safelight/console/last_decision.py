"""The last decision on a case, as the pages show it: pending with Undo, carried out, or not carried out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from safelight.trust.accounts import Principal
from safelight.trust.reviews import CaseFile, Decision

from .formatting import format_datetime
from .translations import Translations


@dataclass(frozen=True, kw_only=True)
class LastDecision:
    case_id: str
    #: `pending`, `carried_out` or `conflict`.
    state: str
    text: str
    #: Seconds until the decision is carried out; None if this reviewer cannot undo it.
    undo_s: int | None = None
    #: Why it was not carried out, in English.
    conflict: str | None = None
    decision: Decision
    decided_at: str


def last_decision(
    case_file: CaseFile, principal: Principal, now: float, t: Translations
) -> LastDecision | None:
    """The last decision on a case. None if there is none, or if it was undone."""
    case, pending = case_file.case, case_file.pending
    made = case_file.decision or (pending.decision if pending is not None else None)
    if made is None:
        return None
    action = t(f"review.do.{made.action.value}")
    values: dict[str, Any] = {"case_id": case.id, "decision": made, "decided_at": format_datetime(made.at, t)}
    if pending is None:
        at = format_datetime(case.closed_at or made.at, t)
        return LastDecision(**values, state="carried_out", text=t("review.carried_out", action=action, at=at))
    if pending.conflict is not None:
        text = t("review.not_carried_out", action=action)
        return LastDecision(**values, state="conflict", text=text, conflict=pending.conflict)
    remaining_s = max(0, math.ceil(pending.due_at - now))
    return LastDecision(
        **values,
        state="pending",
        text=t("review.decided", action=action),
        undo_s=remaining_s if made.decided_by == principal.id else None,
    )


def conflict_text(case_file: CaseFile, t: Translations) -> str | None:
    """Why a second decision or an undo was refused; None if another reason than an earlier decision."""
    pending, made = case_file.pending, case_file.decision
    if made is not None:
        at = format_datetime(case_file.case.closed_at or made.at, t)
        action = t(f"review.do.{made.action.value}")
        return t("review.already_carried_out", action=action, by=made.decided_by, at=at)
    if pending is not None and pending.conflict is None:
        made = pending.decision
        action = t(f"review.do.{made.action.value}")
        return t("review.already_decided", action=action, by=made.decided_by)
    return None
