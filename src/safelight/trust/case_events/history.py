"""Computes the state of a case after each of its entries, and a pseudonym for each person: pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.trust.reports.models import ReporterKind
from safelight.trust.reviews import CaseKind, DecisionAction
from safelight.trust.reviews.ozone import ReviewState

from .models import CaseEntry, CaseEvent

#: What reviewers do, under their own id.
_BY_STAFF = frozenset(
    {"case.escalated", "case.decided", "case.undone", *(f"case.{action.value}" for action in DecisionAction)}
)
_STATES = {
    "case.escalated": ReviewState.ESCALATED,
    "case.expired": ReviewState.NONE,
    **{f"case.{action.value}": ReviewState.CLOSED for action in DecisionAction},
}
_REPORTERS = frozenset(kind.value for kind in ReporterKind)


class _CaseHistory:
    """The entries of one case up to now."""

    def __init__(self) -> None:
        self._state = ReviewState.OPEN
        #: The people who worked on the case, in the order of their first entry.
        self._staff: list[str] = []

    def follow(self, entry: CaseEntry) -> CaseEvent:
        self._state = _STATES.get(entry.event, self._state)
        return CaseEvent(entry=entry, created_by=self._created_by(entry), review_state=self._state)

    def _created_by(self, entry: CaseEntry) -> str:
        if entry.event in _BY_STAFF:
            if entry.actor not in self._staff:
                self._staff.append(entry.actor)
            # Keys, and the person at the terminal, have no role.
            role = entry.content.get("role") or "reviewer"
            return f"{role}-{self._staff.index(entry.actor) + 1}"
        if entry.event == "appeal.received" or (
            entry.event == "case.opened" and entry.case.kind is CaseKind.APPEAL
        ):
            return "appellant"
        if entry.event == "report.received" or (entry.event == "case.opened" and entry.actor in _REPORTERS):
            return "reporter"
        if entry.event == "case.opened" and entry.case.kind is CaseKind.HOLD:
            return "policy"
        return "system"


def follow(entries: Iterable[CaseEntry]) -> tuple[CaseEvent, ...]:
    """The events of these entries, which begin with the first entry of each of their cases."""
    histories: dict[str, _CaseHistory] = {}
    return tuple(
        histories.setdefault(entry.case.id, _CaseHistory()).follow(entry)
        for entry in sorted(entries, key=lambda entry: entry.seq)
    )
