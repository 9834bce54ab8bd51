"""Lists cases and records the decisions of reviewers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.accounts import DECIDING, KeyScope, Principal
from safelight.accounts.statements import statement_of_case
from safelight.cases.inputs import MAX_CLAUSE_CHARACTERS, CaseFilter, DecisionRequest
from safelight.cases.plain_messages import plain_message
from safelight.cases.reports.models import PageNotice
from safelight.cases.reports.notice_store import list_pages
from safelight.cases.reports.validation import find_video_id
from safelight.cases.saved_replies import texts_for
from safelight.core.envelopes import format_iso
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.core.reasons import MAX_REASON_CHARACTERS, validate_text
from safelight.screening.text_screening import decode
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.pages import Page, follows, read_page
from safelight.store.rows import read_record
from safelight.store.tables import appeals, cases, decisions, pending_decisions, reports, verdicts
from safelight.videos.case_rows import UNFINISHED, store
from safelight.videos.case_rows.clusters import members_of
from safelight.videos.case_rows.models import (
    ACTIONS,
    UNDO_S,
    Case,
    CaseFile,
    CaseKind,
    CaseState,
    Decision,
    DecisionAction,
    PendingDecision,
)

from .case_search import QueueCount, conditions, count_by_kind
from .conflicts import INDEPENDENT, has_other_decider, involved_people, open_to, own_people, record_conflicts
from .executor import apply_to_cluster
from .ozone import read_action
from .person_history import PersonHistory, read_history
from .related import RelatedDecisions, read_related
from .senders import CaseReporters, read_identities, read_notices, read_records, read_reporters
from .undecidable_holds import count_undecidable

if TYPE_CHECKING:
    from safelight.cases.review_actions import ReviewActions

EVERY_CASE = CaseFilter()
_MAX_PAGE_CASES = 100
_MAX_NOTES = 20
#: A page does not count more open cases than this, because it would read all of them.
MAX_COUNTED_CASES = 1000
_KIND_WITH_ARTICLE = {
    CaseKind.HOLD: "a hold",
    CaseKind.REPORT: "a report",
    CaseKind.APPEAL: "an appeal",
    CaseKind.QUALITY: "a quality review",
}


class Reviews:
    """Lists and decides the cases of one installation.

    A principal needs the scope `review`, and for quarantined cases `vault`. For a principal without that
    scope, a quarantined case is `NotFound`.
    """

    def __init__(self, database: Database, actions: ReviewActions) -> None:
        self._database = database
        self._actions = actions

    def list(
        self,
        principal: Principal,
        asked: CaseFilter = EVERY_CASE,
        *,
        state: CaseState | None = CaseState.OPEN,
        after: str | None = None,
        limit: int = 50,
        closed: bool = False,
    ) -> Page[Case]:
        """The cases that this principal may see: open cases in the order of the queue, others with the newest
        first. Open near-duplicates are in the list only as the case with which they are decided.

        `closed` with the state None selects those of all states but open.
        """
        where = visible_to(principal)
        if state is not None:
            where.append(cases.c.state == state.value)
        elif closed:
            where.append(cases.c.state != CaseState.OPEN.value)
        soonest = state is CaseState.OPEN
        if soonest:
            where.append(cases.c.leader_id.is_(None))
        limit = max(1, min(limit, _MAX_PAGE_CASES))
        with self._database.read_transaction(principal.tenant) as tx:
            if after is not None:
                start = find_case(tx, principal, after)
                at = cases.c.rank_at if soonest else cases.c.opened_at
                (stored,) = tx.select(cases, start.id, columns=[at.label("value")])
                where.append(follows((at, cases.c.id), (stored.value, start.id), descending=not soonest))
            where += [open_to(tx, principal), *conditions(tx, principal, asked)]
            order = (
                (cases.c.rank_at, cases.c.id) if soonest else (cases.c.opened_at.desc(), cases.c.id.desc())
            )
            return read_page(tx, cases, *where, order_by=order, limit=limit).map(store.case_from_row)

    def count_open(self, principal: Principal) -> int:
        """Number of open cases that this principal may see, at most `MAX_COUNTED_CASES`."""
        if not principal.has_one_of(DECIDING):
            return 0
        with self._database.read_transaction(principal.tenant) as tx:
            where = _open_cases(tx, principal)
            return len(tx.select(cases, *where, columns=[cases.c.id], limit=MAX_COUNTED_CASES))

    def count_by_kind(self, principal: Principal) -> tuple[QueueCount, ...]:
        """The open cases that this principal may see, at most `MAX_COUNTED_CASES`, by their kind."""
        with self._database.read_transaction(principal.tenant) as tx:
            return count_by_kind(tx, _open_cases(tx, principal), at_most=MAX_COUNTED_CASES)

    def get(self, principal: Principal, case_id: str) -> CaseFile:
        """A case with its reports and its decision.

        Raises `NotFound`, also if the case belongs to another tenant or needs a scope that is missing.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            case = find_case(tx, principal, case_id)
            decided = tx.one(decisions, decisions.c.case_id == case.id)
            pending = _pending(tx, case)
            count = tx.count(reports, reports.c.case_id == case.id)
            newest = tx.select(
                reports,
                reports.c.case_id == case.id,
                order_by=(reports.c.created_at.desc(), reports.c.id.desc()),
                limit=_MAX_NOTES,
            )
            problem = obstacle(tx, principal, case) if case.state is CaseState.OPEN else None
            members = len(members_of(tx, case.id))
            appeal = tx.one(appeals, appeals.c.case_id == case.id)
            appealed = statement_of_case(tx, case.id) if appeal is not None else None
            sent = read_notices(tx, [row.id for row in newest])
            records = read_records(tx, [one.sender for one in sent.values()])
        return CaseFile(
            case=case,
            requires_other_reviewer=problem is not None,
            obstacle=str(problem) if problem is not None else None,
            members=members,
            appealed=appealed,
            reporters=tuple(records.values()),
            decision=read_record(Decision, decided) if decided is not None else None,
            pending=pending,
            reports=count,
            notes=tuple(
                {
                    "id": row.id,
                    "at": row.created_at,
                    "category": row.category,
                    "reason": row.reason,
                    "note": row.note,
                    "text_screening": decode(row.text_screening).as_json(),
                    "reporter_kind": row.reporter_kind,
                    "reporter": sent[row.id].sender if row.id in sent else None,
                    "page": _page_of(sent.get(row.id)),
                    "contact_given": row.contact is not None,
                    **(
                        {"on_behalf_reason": appeal.on_behalf_reason}
                        if appeal is not None and appeal.on_behalf_reason
                        else {}
                    ),
                }
                for row in newest
            ),
        )

    def reporters_of(self, principal: Principal, listed: Sequence[Case]) -> Mapping[str, CaseReporters]:
        """Who reported these cases, by the id of the case. Others are left out."""
        with self._database.read_transaction(principal.tenant) as tx:
            return read_reporters(tx, [one.id for one in listed])

    def related(self, principal: Principal, case_id: str) -> RelatedDecisions:
        """Earlier decisions about the same account and about the same rule. Raises `NotFound`."""
        with self._database.read_transaction(principal.tenant) as tx:
            return read_related(tx, principal, find_case(tx, principal, case_id), visible_to(principal))

    def person(self, principal: Principal, case_id: str) -> PersonHistory:
        """What is on record about the person who requested the video of a case. Each read has an entry in the
        audit log. Raises `NotFound`, also for a quality review.
        """
        with self._database.transaction(principal.tenant) as tx:
            case = find_case(tx, principal, case_id)
            found = read_history(tx, principal, case, visible_to(principal))
            if found is None:
                raise NotFound(f"{case.id} shows no person.", param="case_id")
            tx.append_audit("person.read", subject=case.id, actor=principal.id, content={"case": case.id})
        return found

    def list_pages(self, principal: Principal) -> tuple[PageNotice, ...]:
        """The reports that name a page whose video a reviewer has to find, the earliest due first."""
        if not principal.has_scope(KeyScope.REVIEW):
            return ()
        with self._database.read_transaction(principal.tenant) as tx:
            return list_pages(tx, limit=_MAX_PAGE_CASES)

    def count_undecidable(self, principal: Principal) -> Mapping[KeyScope, int]:
        """The number of open holds of the tenant that no enrolled person may decide, by the missing scope."""
        visible_to(principal)
        with self._database.across_tenants("holds without a reviewer", readonly=True) as whole:
            return count_undecidable(whole, principal.tenant)

    def is_undecided(self, principal: Principal, video_id: str) -> bool:
        """Whether a case of a video, also one that this principal may not see, is not decided."""
        unfinished = cases.c.state.in_([one.value for one in UNFINISHED])
        with self._database.read_transaction(principal.tenant) as tx:
            return tx.count(cases, cases.c.video_id == video_id, unfinished) > 0

    def decide(self, principal: Principal, case_id: str, wanted: DecisionRequest) -> CaseFile:
        """Decide a case at once, without undo. The decision is recorded and applied to the video, and to
        those of its near-duplicates, in one transaction.

        A hold takes `approve` or `refuse`, a report `keep` or `withdraw`, an appeal `overturn` or `uphold`.
        Raises `InvalidField`, also if a decision against a person names no rule of the policy or no facts and
        the verdict gives none, `Conflict` if the case is closed already, is open at another reviewer or has
        another version, and `Forbidden` if the principal is involved in the appeal or has a rank that is too
        low.
        """
        wanted = _valid_request(wanted)
        with self._database.transaction(principal.tenant) as tx:
            case, made = self._prepare(tx, principal, case_id, wanted)
            if not store.close_case(tx, case.id, state=CaseState.OPEN):
                raise _too_late(tx, find_case(tx, principal, case_id))
            _require_may_decide(tx, principal, case)
            store.drop_conflict(tx, case.id)
            store.add_decision(tx, made)
            after_commit = apply_to_cluster(self._actions, tx, case, made)
        if after_commit is not None:
            after_commit()
        return self.get(principal, case_id)

    def decide_with_undo(self, principal: Principal, case_id: str, wanted: DecisionRequest) -> CaseFile:
        """Record a decision as pending. A `DecisionExecutor` carries it out after `UNDO_S`.

        Until then nothing about the video changes. Raises the same errors as `decide`.
        """
        with self._database.transaction(principal.tenant) as tx:
            self.add_pending(tx, principal, case_id, wanted)
        return self.get(principal, case_id)

    def add_pending(
        self,
        tx: Transaction,
        principal: Principal,
        case_id: str,
        wanted: DecisionRequest,
        *,
        bulk_id: str | None = None,
    ) -> None:
        """Same as `decide_with_undo`, but in the open transaction `tx` of the tenant."""
        case, made = self._prepare(tx, principal, case_id, _valid_request(wanted))
        if not store.move_case(tx, case.id, before=CaseState.OPEN, after=CaseState.PENDING):
            raise _too_late(tx, find_case(tx, principal, case_id))
        _require_may_decide(tx, principal, case)
        store.add_pending(tx, replace(made, bulk_id=bulk_id), due_at=made.at + UNDO_S)

    def _prepare(
        self, tx: Transaction, principal: Principal, case_id: str, wanted: DecisionRequest
    ) -> tuple[Case, Decision]:
        """The locked case, and the decision on it, which is not recorded yet."""
        case = find_case(tx, principal, case_id, lock=True)
        made = _make_decision(tx, case, wanted, action=_action(case.kind, wanted.action), by=principal)
        if case.state is CaseState.OPEN:
            require_free(case, principal, now=tx.now())
            if wanted.version is not None and wanted.version != case.version:
                raise Conflict(
                    f"{case.id} changed after you opened it, for example by another report.",
                    param="version",
                    remedy="Read the case again, and decide then.",
                )
            self._actions.require_ground(tx, case, made)
        return case, made

    def undo(self, principal: Principal, case_id: str) -> CaseFile:
        """Undo a pending decision, so that the case is open again.

        Raises `Forbidden` for any other person than the one who decided, and `Conflict` if there is no
        pending decision, for example because it was carried out already.
        """
        with self._database.transaction(principal.tenant) as tx:
            case = find_case(tx, principal, case_id)
            pending = _pending(tx, case)
            if pending is not None and pending.decision.decided_by != principal.id:
                raise Forbidden("Only the person who made a decision can undo it.")
            if pending is None or not store.undo(tx, pending.decision):
                raise _cannot_undo(tx, find_case(tx, principal, case_id))
        return self.get(principal, case_id)


def find_case(tx: Transaction, principal: Principal, case_id: str, *, lock: bool = False) -> Case:
    """A case that this principal may see. Raises `NotFound`."""
    row = tx.find(cases, "case", case_id, *visible_to(principal), lock=lock)
    hidden = row is not None and row.kind == CaseKind.QUALITY.value
    if row is None or (hidden and not tx.count(cases, case_id, open_to(tx, principal))):
        raise NotFound(f"There is no case {case_id[:80]!r}.", param="case_id")
    return store.case_from_row(row)


def visible_to(principal: Principal) -> list[Filter]:
    """The condition on the cases that a principal may see. Raises `Forbidden` if it is none."""
    review, vault = principal.has_scope(KeyScope.REVIEW), principal.has_scope(KeyScope.VAULT)
    if not review and not vault:
        principal.require(KeyScope.REVIEW)
    if review and vault:
        return []
    return [cases.c.quarantined.is_(vault)]


def _open_cases(tx: Transaction, principal: Principal) -> tuple[Filter, ...]:
    """The conditions on the open cases that a principal may decide, without near-duplicates of others."""
    waiting = (cases.c.state == CaseState.OPEN.value, cases.c.leader_id.is_(None))
    return (*visible_to(principal), *waiting, open_to(tx, principal))


def _make_decision(
    tx: Transaction, of: Case, wanted: DecisionRequest, *, action: DecisionAction, by: Principal
) -> Decision:
    """A new decision, with the ids of all verdicts on the video up to now. It is not recorded yet. Raises
    `InvalidField` if a text names a person who reported the video.
    """
    reporters = read_identities(tx, of.video_id) if wanted.facts or wanted.reply else ()
    seen = tx.select(verdicts, verdicts.c.video_id == of.video_id, columns=[verdicts.c.id])
    return Decision(
        id=new_id("decision"),
        case_id=of.id,
        video_id=of.video_id,
        action=action,
        reason=wanted.reason,
        clause=wanted.clause,
        facts=plain_message(wanted.facts or "", "facts", MAX_REASON_CHARACTERS, reporters) or None,
        reply=texts_for(tx, wanted.reply, action, reporters) if wanted.reply else None,
        decided_by=by.id,
        at=tx.now(),
        verdict_ids=tuple(sorted(row.id for row in seen)),
        role=by.role,
    )


def _valid_request(wanted: DecisionRequest) -> DecisionRequest:
    return replace(
        wanted,
        reason=validate_text(wanted.reason, "reason", MAX_REASON_CHARACTERS),
        clause=validate_text(wanted.clause, "clause", MAX_CLAUSE_CHARACTERS) if wanted.clause else None,
    )


def require_free(case: Case, principal: Principal, *, now: float) -> None:
    """Raise `Conflict` if another reviewer has the open case, or if it is decided with another case."""
    if case.leader_id is not None and case.kind is not CaseKind.REPORT:
        raise Conflict(
            f"{case.id} is a near-duplicate and is decided together with {case.leader_id}.",
            param="case_id",
            remedy=f"Decide {case.leader_id}.",
        )
    if case.holder(now) not in (None, principal.id):
        raise Conflict(
            f"{case.id} is reserved as the next case of another reviewer."
            if case.reserved
            else f"{case.id} is open at another reviewer until {format_iso(case.leased_until or now)}.",
            param="case_id",
            remedy="Take the next case.",
        )


def _require_may_decide(tx: Transaction, principal: Principal, case: Case) -> None:
    """Raise `Forbidden` if the principal may not decide this case.

    Call it after the state of the case was changed, because then no other transaction can change it until
    the commit.
    """
    problem = obstacle(tx, principal, case)
    if problem is not None:
        raise problem
    record_conflicts(tx, case)


def obstacle(
    tx: Transaction, principal: Principal, case: Case, *, involved: frozenset[str] | None = None
) -> Forbidden | None:
    """Why this principal may not decide the case. `involved`: the involved people, if they are known."""
    if principal.review_rank < case.required_rank:
        return Forbidden(
            "This case needs a reviewer with a higher role.",
            remedy="Ask a senior reviewer or the trust lead.",
        )
    if case.kind in INDEPENDENT and principal.id in (
        involved_people(tx, case) if involved is None else involved
    ):
        return Forbidden(
            f"You cannot decide this {'appeal' if case.kind is CaseKind.APPEAL else 'case'}, because you "
            "requested, reported or decided on this video or one that belongs with it (original, remix, "
            "copy), sent an appeal about one of them, or made one a golden case.",
            remedy="Ask another reviewer to decide it.",
        )
    own = frozenset() if case.kind in INDEPENDENT else own_people(tx, case)
    if principal.id in own and has_other_decider(tx, case, own):
        return Forbidden(
            "You cannot decide this case, because you requested or reported the video, or requested one that "
            "is decided with it.",
            remedy="Ask another reviewer to decide it.",
        )
    return None


def _pending(tx: Transaction, case: Case) -> PendingDecision | None:
    row = tx.one(pending_decisions, pending_decisions.c.case_id == case.id)
    return read_record(PendingDecision, row) if row is not None else None


def _action(kind: CaseKind, action: str) -> DecisionAction:
    allowed, action = ACTIONS[kind], read_action(kind, action)
    if action not in allowed:
        words = " or ".join(one.value for one in allowed)
        raise InvalidField(
            f"{action[:40]!r} is not a possible decision on {_KIND_WITH_ARTICLE[kind]}.",
            param="action",
            remedy=f"Send {words}.",
        )
    return DecisionAction(action)


def _too_late(tx: Transaction, case: Case) -> Conflict:
    decided = tx.one(decisions, decisions.c.case_id == case.id)
    if decided is not None:
        return Conflict(f"{case.id} was decided already: {decided.action}.", param="case_id")
    pending = _pending(tx, case)
    if pending is not None and pending.conflict is None:
        made = pending.decision
        return Conflict(
            f"{case.id} was decided already: {made.action.value}. The decision is carried out at "
            f"{format_iso(pending.due_at)}.",
            param="case_id",
        )
    if case.state is CaseState.OPEN:
        return Conflict(
            f"{case.id} was opened again at this moment.", param="case_id", remedy="Send the decision again."
        )
    if case.kind is not CaseKind.HOLD or (case.closed_at or 0.0) < case.due_at:
        return Conflict(
            f"{case.id} was closed without a decision, because the state of the video changed.",
            param="case_id",
        )
    return Conflict(
        f"{case.id} was not decided in time, so it is closed and cannot be decided any more.",
        param="case_id",
        remedy="Request the video again.",
    )


def _cannot_undo(tx: Transaction, case: Case) -> Conflict:
    decided = tx.one(decisions, decisions.c.case_id == case.id)
    if decided is not None:
        return Conflict(
            f"Nothing was undone: the decision ({decided.action}) was already carried out at "
            f"{format_iso(case.closed_at or decided.at)}.",
            param="case_id",
        )
    return Conflict(f"{case.id} has no decision that can be undone.", param="case_id")


def _page_of(notice: Row | None) -> str | None:
    """The page on which a reporter saw the video; None if the address names the video."""
    page = notice.location if notice is not None else None
    return page if page and not find_video_id(page) else None
