"""Records reports with their lane and clock. The reports on one video share a case, and each reporter has
hourly limits.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import and_, or_, select

from safelight.accounts import STAFF, KeyScope, Principal
from safelight.accounts.models import hash_token
from safelight.accounts.people.service import normalize_email
from safelight.accounts.reporter import Reporter, ReporterKind, list_own_sources
from safelight.accounts.statements import OBJECTION_S
from safelight.core import canonical_json
from safelight.core.errors import Conflict, Forbidden, NotFound, Withdrawn
from safelight.core.ids import new_id
from safelight.policy.findings import (
    SEXUAL_CATEGORIES,
    Category,
    Group,
    Stage,
    Taxonomy,
    categories_of,
    severity_of,
)
from safelight.screening.text_screening import ScreenTexts, TextScreening, leave_unchecked
from safelight.store.database import Database, Transaction
from safelight.store.named_locks import lock_name
from safelight.store.tables import cases, decisions, notices, reports, tenants, video_hidings, videos
from safelight.videos.case_rows import Case, CaseKind, DecisionAction, NewCase, case_from_row, open_case

from . import notice_store, store
from .decision_mails import DecisionMails
from .hidings import hide, may_hide
from .lanes import LANES, ReportLane
from .limits import ReportLimits, SentKind, forget_counts
from .models import (
    REPORTED,
    NewReport,
    NoticeOutcome,
    NoticeStatus,
    Receipt,
    Report,
    ReportedVideo,
    ReportReason,
    SubjectLookup,
    shown_reason,
)
from .validation import (
    MAX_CONTACT_CHARACTERS,
    ValidReport,
    find_video_id,
    reporter_of,
    validate,
    validate_text,
)

#: While a reporter can object to the answer, and a month for the decision about an objection.
KEEP_S = OBJECTION_S + 30 * 86_400.0
#: What remains of a person without an account.
_ERASED = f"{ReporterKind.VISITOR.value}:erased"
#: Two of a million senders have the same pseudonym with a probability of 0.2 %.
_PSEUDONYM_DIGITS = 12
#: The priority of a reporter whose reports are rarely upheld is lowered after this number of decisions.
_MIN_DECIDED, _MIN_UPHELD_SHARE = 5, 0.2
_NEWEST_DECIDED = 20
#: Reports of these categories keep their priority for every sender.
_NEVER_LOWERED = frozenset(
    {
        *SEXUAL_CATEGORIES - {Category.SEXUAL.value},
        *categories_of(Group.SELF_HARM, Group.MINORS, Group.EXTREMISM),
    }
)
_NEVER_LOWERED_REASONS = frozenset({"child_safety", "intimate", "self_harm", "extremism"})

# Erases who reported, some time after the answer.


def erase_reporters(tx: Transaction) -> int:
    """Erase name, contact, location, words and network address of old notices, in all tenants.

    The outcome stays, and so does the account or end user, whose accuracy counts. Returns the number of
    erased notices.
    """
    of, now = notices.c, tx.now()
    forget_counts(tx)
    is_old = and_(of.erased_at.is_(None), of.answered_at <= now - KEEP_S)
    old = select(of.id).where(is_old)
    is_visitor = reports.c.reporter_kind == ReporterKind.VISITOR.value
    tx.update(reports, reports.c.id.in_(old), note="", contact=None, text_screening=None)
    is_own_words = and_(
        reports.c.reason.not_in(["", *(one.value for one in ReportReason)]),
        or_(reports.c.category.is_(None), reports.c.reason != reports.c.category),
    )
    tx.update(reports, reports.c.id.in_(old), is_own_words, reason=ReportReason.OTHER.value)
    tx.update(reports, reports.c.id.in_(old), is_visitor, reporter=_ERASED)
    from_address = of.reporter.like(f"{ReporterKind.VISITOR.value}:%")
    tx.update(video_hidings, video_hidings.c.notice_id.in_(old.where(from_address)), reporter=_ERASED)
    tx.update(notices, is_old, from_address, reporter=_ERASED)
    # The hash of a request could be compared with guesses of what was written.
    request = {"request_sha256": None, "idempotency_key": None}
    gone = {"name": None, "location": None, "sender": None, "receipt_token": None}
    return tx.update(notices, is_old, **gone, erased_at=now, **request)


@dataclass(frozen=True, kw_only=True)
class _Sender:
    tenant: str
    kind: ReporterKind
    reporter: Reporter


@dataclass(frozen=True, kw_only=True)
class ReportTools:
    """What other parts do for reports."""

    #: Finds the video, in the transaction of the report.
    subject: SubjectLookup
    #: A keyed digest: stored instead of the network address of a visitor, and as the pseudonym of a sender.
    digest: Callable[[str], str]
    #: Without it, no mail has the decision.
    mails: DecisionMails | None = None
    screen_texts: ScreenTexts = leave_unchecked


class Reports:
    """Records and returns the reports of one installation."""

    def __init__(
        self,
        database: Database,
        *,
        taxonomy: Taxonomy,
        tools: ReportTools,
        limits: ReportLimits = ReportLimits(),  # noqa: B008, it is frozen
    ) -> None:
        self._database, self._taxonomy = database, taxonomy
        self._tools, self._limits = tools, limits

    @property
    def sends_mail(self) -> bool:
        """Whether a reporter who leaves an e-mail address gets the decision by mail."""
        return self._tools.mails is not None and self._tools.mails.enabled

    def add(self, principal: Principal, new: NewReport) -> Receipt:
        """Record a report, and open a case for its video unless one is open.

        Raises `InvalidField`, `RateLimited`, `Forbidden` for a lane of authorities, and the errors of
        `subject`.
        """
        principal.require(KeyScope.VIDEOS_READ)
        if LANES[new.lane].needs_staff and not (
            principal.has_scope(KeyScope.REVIEW) or principal.has_scope(KeyScope.ADMIN)
        ):
            raise Forbidden(
                f"The lane {new.lane.value} needs the scope {KeyScope.REVIEW.value} or "
                f"{KeyScope.ADMIN.value}.",
                remedy="Enter the report with the account of a reviewer.",
            )
        kind, reporter = reporter_of(principal, new.end_user)
        return self._file(_Sender(tenant=principal.tenant, kind=kind, reporter=reporter), new)

    def add_from_visitor(self, new: NewReport, *, network: str) -> Receipt:
        """Record a report of a person without an account, in the tenant that has the video.

        Only a hash of the network address is stored, for the limits. Raises the errors of `add`.
        """
        if LANES[new.lane].needs_staff:
            raise Forbidden(f"The lane {new.lane.value} needs an account.")
        video_id = new.video_id or find_video_id(new.location)
        digest = self._tools.digest(network)
        sender = _Sender(
            tenant=self._tenant_of(video_id),
            kind=ReporterKind.VISITOR,
            reporter=Reporter.of_visitor(digest[:24]),
        )
        return self._file(sender, new)

    def get(self, principal: Principal, notice_id: str) -> NoticeStatus:
        """The status of a report, for staff and for the account that sent it. Raises `NotFound`."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            row = tx.find(notices, "report", notice_id)
            if row is not None and not principal.has_one_of(STAFF):
                own = Reporter.parse(row.reporter).source in list_own_sources(tx, principal)
                row = row if own else None
            found = notice_store.read_status(tx, row.id) if row is not None else None
        if found is None:
            raise NotFound(f"There is no report {notice_id[:80]!r}.", param="report_id")
        return found

    def get_by_token(self, token: str) -> NoticeStatus:
        """The status of the report with this secret. Raises `NotFound`."""
        with self._database.across_tenants("the receipt of a report", readonly=True) as tx:
            digest = hash_token(token[:200])
            row = tx.one(notices, notices.c.token_sha256 == digest)
            found = notice_store.read_status(tx, row.id) if row is not None else None
        if found is None:
            raise NotFound("There is no report with this address.")
        return found

    def change_contact(self, token: str, contact: str, *, language: str) -> None:
        """Send the decision on the report with this secret to another e-mail address, also if a mail with it
        was sent. Raises `NotFound`, `InvalidField` and `RateLimited`.
        """
        contact = normalize_email(validate_text(contact, "contact", MAX_CONTACT_CHARACTERS))
        of = notices.c
        with self._database.across_tenants("another contact of a reporter") as whole:
            first = whole.one(notices, of.token_sha256 == hash_token(token[:200]), lock=True)
            if first is None or first.erased_at is not None:
                raise NotFound("There is no report with this address.")
            reporter = Reporter.parse(first.reporter)
            self._limits.count(whole.of_tenant(first.tenant_id), reporter, SentKind.CONTACT)
            whole.update(reports, first.id, contact=contact)
            mail = self._mail_columns(first.id, token, contact, language)
            whole.update(notices, of.id == first.id, mail_id=None, **mail)

    def erase_old_reporters(self) -> int:
        """Erase who sent old reports. Returns how many notices were erased."""
        with self._database.across_tenants("reporters of old notices") as tx:
            return erase_reporters(tx)

    def _tenant_of(self, video_id: str) -> str:
        """The tenant that has the video; without a video, the oldest tenant."""
        with self._database.across_tenants("the tenant of a reported video", readonly=True) as tx:
            for row in tx.select(videos, video_id):
                return str(row.tenant_id)
            for first in tx.select(tenants, order_by=(tenants.c.created_at, tenants.c.id), limit=1):
                return str(first.id)
        raise NotFound("This installation has no tenant yet.", param="location")

    def place(self, principal: Principal, notice_id: str, video_id: str | None) -> NoticeStatus:
        """Open the case of a report that names a page, about the video that a reviewer found there. Without
        an id, the page shows no video of this tenant, and the report is answered.

        Raises `NotFound`, and the errors of `subject`.
        """
        principal.require(KeyScope.REVIEW)
        with self._database.transaction(principal.tenant) as tx:
            row = notice_store.lock_page(tx, notice_id)
            made = tx.one(reports, notice_id)
            if row is None or made is None:
                raise NotFound(f"No open report {notice_id[:80]!r} names a page.", param="report_id")
            content = {"report": row.id, "video": video_id or ""}
            tx.append_audit("report.placed", subject=row.id, actor=principal.id, content=content)
            if video_id is None:
                notice_store.answer(tx, row.id, NoticeOutcome.GONE)
                return _status(tx, row.id)
            lock_name(tx, f"reports of {video_id}")
            reporter = Reporter.parse(row.reporter)
            sender = _Sender(
                tenant=principal.tenant, kind=ReporterKind(made.reporter_kind), reporter=reporter
            )
            valid = ValidReport(
                video_id=video_id,
                category=made.category,
                reason=made.reason,
                note=made.note,
                contact=made.contact,
                name=row.name,
                location=row.location,
                lane=ReportLane(row.lane),
                language=row.language or "en",
            )
            filing = _Filing(tx=tx, sender=sender, valid=valid, notice_id=row.id, digest=self._tools.digest)
            filing.attach(self._tools.subject(tx, video_id))
            tx.update(notices, row.id, due_at=tx.now() + LANES[valid.lane].due_s)
            return _status(tx, row.id)

    def _file(self, sender: _Sender, new: NewReport) -> Receipt:
        valid, is_visitor = validate(new, self._taxonomy), sender.kind is ReporterKind.VISITOR
        kind = _sent_kind(valid)
        request_sha256 = hashlib.sha256(canonical_json.encode(asdict(new))).hexdigest()
        # Also before the texts are screened, which is slow.
        with self._database.read_transaction(sender.tenant) as tx:
            if repeated := self._find_repeated(tx, sender, new.idempotency_key, request_sha256):
                return repeated
            self._limits.require(tx, sender.reporter, kind)
        text = self._tools.screen_texts((valid.reason, valid.note))
        with self._database.transaction(sender.tenant) as tx:
            if repeated := self._find_repeated(tx, sender, new.idempotency_key, request_sha256):
                return repeated
            lock_name(tx, f"reporter {sender.reporter.crowd}")
            if valid.video_id:
                lock_name(tx, f"reports of {valid.video_id}")
            notice_id, token = new_id("report"), secrets.token_urlsafe(24)
            video = self._find_subject(tx, valid.video_id, must_exist=not is_visitor)
            mail = self._mail_columns(notice_id, token, valid.contact, valid.language)
            filing = _Filing(
                tx=tx, sender=sender, valid=valid, notice_id=notice_id, digest=self._tools.digest
            )
            filing.add(
                text,
                token_sha256=hash_token(token),
                idempotency_key=new.idempotency_key,
                request_sha256=request_sha256,
                **mail,
            )
            if video is None:
                filing.log(notice_id)
            if not valid.video_id:
                tx.publish(notice_store.PAGE_TOPIC, subject=notice_id, body={})
            already_reported = video is not None and filing.attach(video)
            self._limits.count(tx, sender.reporter, kind)
        with self._database.read_transaction(sender.tenant) as tx:
            status, row = _status(tx, notice_id), tx.one(reports, notice_id)
        return Receipt(
            status=status,
            report=store.report_from_row(row) if row is not None and video else None,
            already_reported=already_reported,
            token=token,
            is_mailed=bool(mail),
        )

    def _mail_columns(self, notice_id: str, token: str, contact: str | None, language: str) -> dict[str, Any]:
        stored = self._tools.mails and self._tools.mails.encrypt_token(notice_id, token, contact)
        return {"receipt_token": stored, "language": language} if stored else {}

    def _find_repeated(
        self, tx: Transaction, sender: _Sender, key: str | None, request_sha256: str
    ) -> Receipt | None:
        status = key and notice_store.find_repeated(
            tx, sender.reporter.name, idempotency_key=key, request_sha256=request_sha256
        )
        if not status:
            return None
        row = tx.one(reports, status.notice.id, reports.c.video_id != "")
        return Receipt(
            status=status,
            report=row and store.report_from_row(row),
            already_reported=False,
        )

    def _find_subject(self, tx: Transaction, video_id: str, *, must_exist: bool) -> ReportedVideo | None:
        """The video of a report; None for a page, and for one that cannot be reported now and need not
        exist.
        """
        if not video_id:
            return None
        try:
            return self._tools.subject(tx, video_id)
        except (NotFound, Withdrawn, Conflict):
            if must_exist:
                raise
            return None


@dataclass(frozen=True, kw_only=True)
class _Filing:
    """Writes a report and its notice, and the case of its video."""

    tx: Transaction
    sender: _Sender
    valid: ValidReport
    notice_id: str
    digest: Callable[[str], str]

    def add(self, text: TextScreening, **columns: Any) -> None:
        """Record what was sent. `text`: whether reason and note may be shown without a click.

        The receipt is the same whether the address has a delivered video, so that it tells nobody.
        """
        tx, sender, valid, rules = self.tx, self.sender, self.valid, LANES[self.valid.lane]
        store.add_report(
            tx,
            Report(
                id=self.notice_id,
                tenant=sender.tenant,
                video_id="",
                case_id="",
                category=valid.category,
                reason=valid.reason,
                note=valid.note,
                reporter_kind=sender.kind,
                reporter=sender.reporter.name,
                contact=valid.contact,
                created_at=tx.now(),
                screening=text,
            ),
        )
        tx.insert(
            notices,
            id=self.notice_id,
            lane=valid.lane.value,
            reporter=sender.reporter.name,
            sender=self._pseudonym(),
            name=valid.name,
            location=valid.location,
            created_at=tx.now(),
            due_at=tx.now() + rules.due_s,
            # Without a delivered video there is nothing to decide, so it is answered when a decision would be
            # due. A page waits for a reviewer.
            unattended_at=tx.now() + rules.due_s if valid.video_id else None,
            **columns,
        )

    def attach(self, video: ReportedVideo) -> bool:
        """Open the case of the video, or join it. Returns whether an earlier report had opened it."""
        tx, sender, valid = self.tx, self.sender, self.valid
        kept = self._find_kept(video)
        case = kept or self._open_case(video)
        already_reported = kept is None and tx.count(reports, reports.c.case_id == case.id) > 0
        rules, of_video = LANES[valid.lane], {"video_id": video.id, "case_id": case.id}
        tx.update(reports, self.notice_id, **of_video)
        tx.update(
            notices,
            self.notice_id,
            **of_video,
            unattended_at=None if rules.unattended_s is None else tx.now() + rules.unattended_s,
        )
        self.log(video.id, case=case.id)
        if kept is not None:
            notice_store.answer(tx, self.notice_id, NoticeOutcome.KEPT)
        elif (
            valid.lane is ReportLane.INTIMATE_IMAGERY
            and video.may_show_nudity
            and may_hide(tx, sender.reporter)
        ):
            hide(tx, video.id, notice_id=self.notice_id, reporter=sender.reporter.name)
        return already_reported

    def log(self, subject: str, **content: str) -> None:
        """Without the reporter: the log is exported."""
        valid, kind = self.valid, self.sender.kind.value
        about = {"report": self.notice_id, "lane": valid.lane.value, "category": valid.category}
        self.tx.append_audit(
            "report.received",
            subject=subject,
            actor=kind,
            content={**about, "reporter_kind": kind, **content},
        )

    def _find_kept(self, video: ReportedVideo) -> Case | None:
        """The case in which a person kept this video although this sender had reported it on this ground. In
        urgent lanes and grounds, other words start anew, and so does a notice without words.

        Only of a sender who is one person: a network address and a key stand for several.
        """
        tx, valid, of = self.tx, self.valid, reports.c
        sender, is_urgent = self.sender, _sent_kind(valid) is SentKind.FIRST
        is_network = sender.kind is ReporterKind.VISITOR and not valid.contact
        is_key = sender.reporter.is_key and sender.reporter.end_user is None
        if is_network or is_key or (is_urgent and not valid.note):
            return None
        sent = select(notices.c.id).where(
            *tx.tenant_condition(notices),
            notices.c.video_id == video.id,
            notices.c.reporter == sender.reporter.name,
            notices.c.sender == self._pseudonym(),
            notices.c.lane == valid.lane.value,
        )
        kept = select(decisions.c.case_id).where(
            *tx.tenant_condition(decisions),
            decisions.c.video_id == video.id,
            decisions.c.action == DecisionAction.KEEP.value,
        )
        same = [of.category.is_not_distinct_from(valid.category), of.reason == valid.reason]
        if is_urgent:
            same.append(of.note == valid.note)
        found = tx.select(reports, of.id.in_(sent), of.case_id.in_(kept), *same, limit=1)
        row = tx.one(cases, found[0].case_id) if found else None
        return None if row is None else case_from_row(row)

    def _pseudonym(self) -> str:
        """The same for each notice of this sender in this tenant; of a visitor, by the contact."""
        contact = self.valid.contact if self.sender.kind is ReporterKind.VISITOR else None
        who = " ".join((contact or self.sender.reporter.name).casefold().split())
        return self.digest(f"{self.sender.tenant} {who}")[:_PSEUDONYM_DIGITS]

    def _open_case(self, video: ReportedVideo) -> Case:
        valid, rules = self.valid, LANES[self.valid.lane]
        new = NewCase(
            video_id=video.id,
            kind=CaseKind.REPORT,
            stage=Stage.DELIVERY,
            due_at=self.tx.now() + rules.due_s,
            category=valid.category or "",
            reason=REPORTED + shown_reason(self.valid.reason, self.valid.category),
            quarantined=video.quarantined,
            comes_first=rules.comes_first,
            may_wait=valid.lane is ReportLane.ORDINARY and _sent_kind(valid) is SentKind.REPORT,
        )
        if self._is_lowered():
            new = replace(new, severity=min(1, severity_of(new.category)))
        return open_case(self.tx, new, actor=self.sender.kind.value)

    def _is_lowered(self) -> bool:
        """Whether the earlier reports of this reporter were so rarely right that this one waits longer."""
        valid = self.valid
        if valid.lane is not ReportLane.ORDINARY or _sent_kind(valid) is SentKind.FIRST:
            return False
        decided, upheld = notice_store.count_upheld(
            self.tx, self.sender.reporter.name, newest=_NEWEST_DECIDED
        )
        return decided >= _MIN_DECIDED and upheld < _MIN_UPHELD_SHARE * decided


def _sent_kind(valid: ValidReport) -> SentKind:
    protected = valid.category in _NEVER_LOWERED or valid.reason in _NEVER_LOWERED_REASONS
    return SentKind.FIRST if protected or LANES[valid.lane].comes_first else SentKind.REPORT


def _status(tx: Transaction, notice_id: str) -> NoticeStatus:
    """The status of a report that was just read or written."""
    status = notice_store.read_status(tx, notice_id)
    assert status is not None
    return status
