"""Taking appeals: once per video, kept beside the reports, each a case that somebody else decides."""

from __future__ import annotations

from safelight.errors import Conflict, InvalidField, NotFound
from safelight.ids import new_id
from safelight.store.database import Database
from safelight.store.tables import cases, decisions, reports
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.reports import Report, ReporterKind
from safelight.trust.reports.store import add, enforce_rate_limit
from safelight.trust.reviews import (
    Case,
    CaseKind,
    CaseState,
    DecisionAction,
    case_of,
    involved_people,
    open_case,
)

from .models import Appeal, AppealState, Deciders, Subject

#: Somebody else should have looked by then.
DUE_S = 48 * 3600.0
LONGEST_TEXT = 4000
_ENDS = {
    DecisionAction.OVERTURN: AppealState.OVERTURNED,
    DecisionAction.UPHOLD: AppealState.UPHELD,
}


class Appeals:
    """Appeals of one installation."""

    def __init__(
        self, database: Database, *, subject: Subject, deciders: Deciders, per_hour: int = 60
    ) -> None:
        """`subject` finds the video in the appeal's transaction; `per_hour` is for each who appeals or
        reports, both together."""
        self._database = database
        self._deciders = deciders
        self._subject = subject
        self._per_hour = per_hour

    def add(self, principal: Principal, video_id: str, *, text: str) -> Appeal:
        """Put an appeal on the record and a case before people.

        Raises `InvalidField`, `Limited` for a flood, `Conflict` for a second one, and what `subject` raises.
        """
        principal.require(KeyScope.VIDEOS_READ)
        deciders = self._deciders(principal.tenant, False), self._deciders(principal.tenant, True)
        said = text.strip()
        if not said or len(said) > LONGEST_TEXT or "\0" in said:
            raise InvalidField(f"An appeal says why, in 1 to {LONGEST_TEXT} characters.", param="text")
        with self._database.transaction(principal.tenant) as tx:
            video = self._subject(tx, video_id)
            if tx.count(cases, cases.c.video_id == video.id, cases.c.kind == CaseKind.APPEAL.value):
                raise Conflict(
                    f"{video.id} was appealed already; each video can be appealed once.", param="video_id"
                )
            now = tx.now()
            enforce_rate_limit(tx, principal.id, per_hour=self._per_hour, what="appeals and reports")
            case = open_case(
                tx,
                video_id=video.id,
                kind=CaseKind.APPEAL,
                stage=video.stage,
                due_at=now + DUE_S,
                category=video.category,
                rule=video.rule,
                why=video.reason,
                quarantined=video.quarantined,
                actor=principal.id,
            )
            kind = ReporterKind.KEY if principal.kind is PrincipalKind.KEY else ReporterKind.PERSON
            made = Report(
                id=new_id("appeal"),
                tenant=principal.tenant,
                video_id=video.id,
                case_id=case.id,
                category=None,
                reason="appeal",
                note=said,
                reporter_kind=kind,
                reporter=principal.id,
                contact=None,
                created_at=now,
            )
            add(tx, made)
            tx.append_audit(
                "appeal.received",
                subject=video.id,
                actor=principal.id,
                content={"appeal": made.id, "case": case.id, "text": said},
            )
            return _standing(tx, made.id, now, case, deciders)

    def get(self, principal: Principal, video_id: str) -> Appeal:
        """The appeal against a video's block, and what became of it. `NotFound` where there is none."""
        principal.require(KeyScope.VIDEOS_READ)
        deciders = self._deciders(principal.tenant, False), self._deciders(principal.tenant, True)
        with self._database.read_transaction(principal.tenant) as tx:
            found = tx.one(cases, cases.c.video_id == video_id, cases.c.kind == CaseKind.APPEAL.value)
            sent = tx.one(reports, reports.c.case_id == found.id) if found is not None else None
            if found is None or sent is None:
                raise NotFound(f"Nobody appealed {video_id[:80]!r}.", param="video_id")
            return _standing(tx, sent.id, sent.created_at, case_of(found), deciders)


def _standing(
    tx: Transaction,
    appeal_id: str,
    created_at: float,
    case: Case,
    deciders: tuple[frozenset[str], frozenset[str]],
) -> Appeal:
    state = AppealState.WAITING
    if case.state is not CaseState.OPEN:
        made = tx.one(decisions, decisions.c.case_id == case.id)
        state = AppealState.CLOSED if made is None else _ENDS[DecisionAction(made.action)]
    waiting = state is AppealState.WAITING
    return Appeal(
        id=appeal_id,
        video_id=case.video_id,
        case_id=case.id,
        state=state,
        created_at=created_at,
        due_at=case.due_at,
        nobody_else=waiting and not deciders[case.quarantined] - involved_people(tx, case),
    )
