"""Taking reports: each is kept, those about one video join one case, and floods are refused."""

from __future__ import annotations

from safelight.errors import InvalidField
from safelight.ids import new_id
from safelight.policy.categories import Taxonomy
from safelight.policy.findings import Stage
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database
from safelight.store.tables import cases, reports
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.reviews import CaseKind, open_case

from . import store
from .models import Receipt, Report, ReporterKind, ReportReason, SubjectLookup

#: Somebody should have looked by then, whatever was reported.
DUE_S = 48 * 3600.0
LONGEST_REASON = 200
LONGEST_NOTE = 4000
LONGEST_CONTACT = 320
LONGEST_REPORTER = 128


class Reports:
    """Reports of one installation."""

    def __init__(
        self, database: Database, *, taxonomy: Taxonomy, subject: SubjectLookup, per_hour: int = 60
    ) -> None:
        """`subject` finds the video in the report's transaction; `per_hour` is for each reporter."""
        self._database = database
        self._taxonomy = taxonomy
        self._subject = subject
        self._per_hour = per_hour

    def add(
        self,
        principal: Principal,
        video_id: str,
        *,
        category: str | None = None,
        reason: str | None = None,
        note: str = "",
        contact: str | None = None,
        end_user: str | None = None,
    ) -> Receipt:
        """Put a report on the record and a case before people; with `end_user`, as that person's.

        A category of the policy or a reason must be given. Raises `InvalidField`, `Limited` for a flood, and
        what `subject` raises.
        """
        principal.require(KeyScope.VIDEOS_READ)
        named = self._category(category)
        why = _text(reason or "", "reason", LONGEST_REASON)
        if not why and named is None:
            words = ", ".join(one.value for one in ReportReason)
            raise InvalidField(
                "A report says why: a category, or a reason.",
                param="reason",
                remedy=f"Send a category of the policy, one of {words}, or a few words of your own.",
            )
        kind, reporter = _reporter(principal, end_user)
        told = _text(note, "note", LONGEST_NOTE)
        reach = _text(contact or "", "contact", LONGEST_CONTACT) or None
        with self._database.transaction(principal.tenant) as tx:
            video = self._subject(tx, video_id)
            now = tx.now()
            store.enforce_rate_limit(tx, reporter, per_hour=self._per_hour, what="reports")
            case = open_case(
                tx,
                video_id=video.id,
                kind=CaseKind.REPORT,
                stage=Stage.DELIVERY,
                due_at=now + DUE_S,
                category=named or "",
                why=f"Reported: {why or named}",
                quarantined=video.quarantined,
                actor=principal.id,
            )
            joined = tx.count(reports, reports.c.case_id == case.id) > 0
            made = Report(
                id=new_id("report"),
                tenant=principal.tenant,
                video_id=video.id,
                case_id=case.id,
                category=named,
                reason=why,
                note=told,
                reporter_kind=kind,
                reporter=reporter,
                contact=reach,
                created_at=now,
            )
            store.add(tx, made)
            tx.append_audit(
                "report.received",
                subject=video.id,
                actor=principal.id,
                content={
                    "report": made.id,
                    "case": case.id,
                    "category": named,
                    "reason": why,
                    "note": told,
                    "reporter_kind": kind.value,
                    "reporter": reporter,
                },
            )
        return Receipt(report=made, due_at=case.due_at, joined=joined)

    def of_case(self, principal: Principal, case_id: str) -> tuple[Report, ...]:
        """Every report of a case, contacts too, oldest first; for who decides it."""
        with self._database.read_transaction(principal.tenant) as tx:
            case = tx.one(cases, cases.c.id == case_id)
            principal.require(KeyScope.VAULT if case is not None and case.quarantined else KeyScope.REVIEW)
            rows = tx.select(
                reports, reports.c.case_id == case_id, order_by=(reports.c.created_at, reports.c.id)
            )
        return tuple(store.report(row) for row in rows)

    def _category(self, category: str | None) -> str | None:
        if not category:
            return None
        if category not in self._taxonomy:
            raise InvalidField(
                f"There is no category {category[:60]!r}.",
                param="category",
                remedy=did_you_mean(category[:60], {spec.name for spec in self._taxonomy}),
            )
        return category


def _reporter(principal: Principal, end_user: str | None) -> tuple[ReporterKind, str]:
    if end_user:
        return ReporterKind.END_USER, _text(end_user, "safety_identifier", LONGEST_REPORTER)
    kind = ReporterKind.KEY if principal.kind is PrincipalKind.KEY else ReporterKind.PERSON
    return kind, principal.id


def _text(text: str, param: str, longest: int) -> str:
    text = text.strip()
    if len(text) > longest or "\0" in text:
        raise InvalidField(f"{param} has at most {longest} characters.", param=param)
    return text
