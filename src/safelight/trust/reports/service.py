"""Records reports. The reports on one video share a case, and each reporter has an hourly limit."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.errors import InvalidField
from safelight.ids import new_id
from safelight.policy.categories import Taxonomy
from safelight.policy.findings import Stage
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database
from safelight.store.tables import cases, reports
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.reviews import Case, CaseKind, NewCase, open_case

from . import store
from .models import NewReport, Receipt, Report, ReportedVideo, ReporterKind, ReportReason, SubjectLookup

#: The time until the review of a report is due, whatever its reason.
REVIEW_DUE_S = 48 * 3600.0
MAX_REASON_CHARACTERS = 200
MAX_NOTE_CHARACTERS = 4000
MAX_CONTACT_CHARACTERS = 320
MAX_REPORTER_CHARACTERS = 128


@dataclass(frozen=True, kw_only=True)
class _ValidReport:
    category: str | None
    reason: str
    note: str
    contact: str | None
    reporter_kind: ReporterKind
    reporter: str


class Reports:
    """Records and returns the reports of one installation."""

    def __init__(
        self, database: Database, *, taxonomy: Taxonomy, subject: SubjectLookup, per_hour: int = 60
    ) -> None:
        """`subject` finds the video, in the transaction of the report. `per_hour` limits each reporter."""
        self._database = database
        self._taxonomy = taxonomy
        self._subject = subject
        self._per_hour = per_hour

    def add(self, principal: Principal, new: NewReport) -> Receipt:
        """Record a report, and open a case for its video unless one is open.

        Raises `InvalidField`, `RateLimited`, and the errors of `subject`.
        """
        principal.require(KeyScope.VIDEOS_READ)
        valid = self._validate(principal, new)
        with self._database.transaction(principal.tenant) as tx:
            video = self._subject(tx, new.video_id)
            store.enforce_rate_limit(tx, valid.reporter, per_hour=self._per_hour, what="reports")
            case = _open_case(tx, video, valid, actor=principal.id)
            already_reported = tx.count(reports, reports.c.case_id == case.id) > 0
            report = Report(
                id=new_id("report"),
                tenant=principal.tenant,
                video_id=video.id,
                case_id=case.id,
                category=valid.category,
                reason=valid.reason,
                note=valid.note,
                reporter_kind=valid.reporter_kind,
                reporter=valid.reporter,
                contact=valid.contact,
                created_at=tx.now(),
            )
            store.add_report(tx, report)
            _audit(tx, report, actor=principal.id)
        return Receipt(report=report, due_at=case.due_at, already_reported=already_reported)

    def list_for_case(self, principal: Principal, case_id: str) -> tuple[Report, ...]:
        """Every report of a case with its contact address, oldest first.

        Only for principals that may decide the case.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            case = tx.one(cases, cases.c.id == case_id)
            principal.require(KeyScope.VAULT if case is not None and case.quarantined else KeyScope.REVIEW)
            rows = tx.select(
                reports, reports.c.case_id == case_id, order_by=(reports.c.created_at, reports.c.id)
            )
        return tuple(store.report_from_row(row) for row in rows)

    def _validate(self, principal: Principal, new: NewReport) -> _ValidReport:
        category = self._validate_category(new.category)
        reason = _validate_text(new.reason or "", "reason", MAX_REASON_CHARACTERS)
        if not reason and category is None:
            words = ", ".join(one.value for one in ReportReason)
            raise InvalidField(
                "A report needs a category or a reason.",
                param="reason",
                remedy=f"Name a category of the policy, one of {words}, or give a reason in your own words.",
            )
        kind, reporter = _reporter(principal, new.end_user)
        return _ValidReport(
            category=category,
            reason=reason,
            note=_validate_text(new.note, "note", MAX_NOTE_CHARACTERS),
            contact=_validate_text(new.contact or "", "contact", MAX_CONTACT_CHARACTERS) or None,
            reporter_kind=kind,
            reporter=reporter,
        )

    def _validate_category(self, category: str | None) -> str | None:
        if not category:
            return None
        if category not in self._taxonomy:
            raise InvalidField(
                f"There is no category {category[:60]!r}.",
                param="category",
                remedy=did_you_mean(category[:60], {spec.name for spec in self._taxonomy}),
            )
        return category


def _open_case(tx: Transaction, video: ReportedVideo, valid: _ValidReport, *, actor: str) -> Case:
    new = NewCase(
        video_id=video.id,
        kind=CaseKind.REPORT,
        stage=Stage.DELIVERY,
        due_at=tx.now() + REVIEW_DUE_S,
        category=valid.category or "",
        reason=f"Reported: {valid.reason or valid.category}",
        quarantined=video.quarantined,
    )
    return open_case(tx, new, actor=actor)


def _audit(tx: Transaction, report: Report, *, actor: str) -> None:
    tx.append_audit(
        "report.received",
        subject=report.video_id,
        actor=actor,
        content={
            "report": report.id,
            "case": report.case_id,
            "category": report.category,
            "reason": report.reason,
            "note": report.note,
            "reporter_kind": report.reporter_kind.value,
            "reporter": report.reporter,
        },
    )


def _reporter(principal: Principal, end_user: str | None) -> tuple[ReporterKind, str]:
    if end_user:
        return ReporterKind.END_USER, _validate_text(end_user, "safety_identifier", MAX_REPORTER_CHARACTERS)
    kind = ReporterKind.KEY if principal.kind is PrincipalKind.KEY else ReporterKind.PERSON
    return kind, principal.id


def _validate_text(text: str, param: str, max_characters: int) -> str:
    text = text.strip()
    if len(text) > max_characters or "\0" in text:
        raise InvalidField(f"{param} must have at most {max_characters} characters.", param=param)
    return text
