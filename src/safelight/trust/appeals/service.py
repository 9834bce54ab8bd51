"""Records appeals against blocks. Each video has at most one appeal.

An appeal is stored as a report. A reviewer who is not involved in the case decides it.
"""

from __future__ import annotations

from safelight.errors import Conflict, InvalidField, NotFound
from safelight.ids import new_id
from safelight.store.database import Database
from safelight.store.tables import cases, decisions, reports
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.reports import Report, ReporterKind
from safelight.trust.reports.store import add_report, enforce_rate_limit
from safelight.trust.reviews import (
    UNFINISHED,
    Case,
    CaseKind,
    DecisionAction,
    NewCase,
    case_from_row,
    involved_people,
    open_case,
    record_conflicts,
)

from .models import Appeal, AppealState, AppealSubjectLookup, ReviewerLookup

#: The time until the review of an appeal is due.
REVIEW_DUE_S = 48 * 3600.0
MAX_TEXT_CHARACTERS = 4000
_STATE_OF_DECISION = {
    DecisionAction.OVERTURN: AppealState.OVERTURNED,
    DecisionAction.UPHOLD: AppealState.UPHELD,
}


class Appeals:
    """Records and returns the appeals of one installation."""

    def __init__(
        self,
        database: Database,
        *,
        subject: AppealSubjectLookup,
        deciders: ReviewerLookup,
        per_hour: int = 60,
    ) -> None:
        """`subject` finds the video, in the transaction of the appeal.

        `per_hour` limits the appeals and reports of each principal, counted together.
        """
        self._database = database
        self._deciders = deciders
        self._subject = subject
        self._per_hour = per_hour

    def add(self, principal: Principal, video_id: str, *, text: str) -> Appeal:
        """Record an appeal and open a case for it.

        Raises `InvalidField`, `RateLimited`, `Conflict` for a second appeal of the same video, and the errors
        of `subject`.
        """
        principal.require(KeyScope.VIDEOS_READ)
        deciders = self._deciders(principal.tenant, False), self._deciders(principal.tenant, True)
        text = text.strip()
        if not text or len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
            raise InvalidField(
                f"An appeal needs a text of 1 to {MAX_TEXT_CHARACTERS} characters.", param="text"
            )
        with self._database.transaction(principal.tenant) as tx:
            video = self._subject(tx, video_id)
            if tx.count(cases, cases.c.video_id == video.id, cases.c.kind == CaseKind.APPEAL.value):
                raise Conflict(
                    f"{video.id} was appealed already; each video can be appealed once.", param="video_id"
                )
            now = tx.now()
            enforce_rate_limit(tx, principal.id, per_hour=self._per_hour, what="appeals and reports")
            new = NewCase(
                video_id=video.id,
                kind=CaseKind.APPEAL,
                stage=video.stage,
                due_at=now + REVIEW_DUE_S,
                category=video.category,
                rule=video.rule,
                reason=video.reason,
                quarantined=video.quarantined,
            )
            case = open_case(tx, new, actor=principal.id)
            kind = ReporterKind.KEY if principal.kind is PrincipalKind.KEY else ReporterKind.PERSON
            report = Report(
                id=new_id("appeal"),
                tenant=principal.tenant,
                video_id=video.id,
                case_id=case.id,
                category=None,
                reason="appeal",
                note=text,
                reporter_kind=kind,
                reporter=principal.id,
                contact=None,
                created_at=now,
            )
            add_report(tx, report)
            record_conflicts(tx, case)
            tx.append_audit(
                "appeal.received",
                subject=video.id,
                actor=principal.id,
                content={"appeal": report.id, "case": case.id, "text": text},
            )
            return _appeal(tx, report.id, now, case, deciders)

    def get(self, principal: Principal, video_id: str) -> Appeal:
        """The appeal against the block of this video. Raises `NotFound` without an appeal."""
        principal.require(KeyScope.VIDEOS_READ)
        deciders = self._deciders(principal.tenant, False), self._deciders(principal.tenant, True)
        with self._database.read_transaction(principal.tenant) as tx:
            found = tx.one(cases, cases.c.video_id == video_id, cases.c.kind == CaseKind.APPEAL.value)
            sent = tx.one(reports, reports.c.case_id == found.id) if found is not None else None
            if found is None or sent is None:
                raise NotFound(f"{video_id[:80]!r} has no appeal.", param="video_id")
            return _appeal(tx, sent.id, sent.created_at, case_from_row(found), deciders)


def _appeal(
    tx: Transaction,
    appeal_id: str,
    created_at: float,
    case: Case,
    deciders: tuple[frozenset[str], frozenset[str]],
) -> Appeal:
    state = AppealState.WAITING
    if case.state not in UNFINISHED:
        decision = tx.one(decisions, decisions.c.case_id == case.id)
        state = (
            AppealState.CLOSED if decision is None else _STATE_OF_DECISION[DecisionAction(decision.action)]
        )
    waiting = state is AppealState.WAITING
    return Appeal(
        id=appeal_id,
        video_id=case.video_id,
        case_id=case.id,
        state=state,
        created_at=created_at,
        due_at=case.due_at,
        no_eligible_reviewer=waiting and not deciders[case.quarantined] - involved_people(tx, case),
    )
