"""Appeals: the person whom a decision concerns may object to it, once. Another person decides."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.accounts.deciders import find_deciders
from safelight.accounts.models import own_accounts
from safelight.accounts.policies import CountsRule, JudgedRule, count_all, read_judged_rules
from safelight.accounts.reporter import Reporter
from safelight.accounts.statements import (
    Objection,
    Statement,
    StatementKind,
    StatementSource,
    find_readable,
    of_own_reporters,
    statement_from_row,
)
from safelight.core.errors import Conflict, Forbidden, IdempotencyKeyReused, InvalidField, NotFound
from safelight.core.ids import is_id, new_id
from safelight.policy.findings import Stage
from safelight.policy.statistics import wilson
from safelight.policy.verdicts import Action
from safelight.screening.text_screening import ScreenTexts, leave_unchecked
from safelight.store.database import Database, Row, Transaction
from safelight.store.key_ring import KeyRing
from safelight.store.tables import appeals, cases, decisions, statements
from safelight.videos.case_rows import (
    UNFINISHED,
    Case,
    CaseKind,
    DecisionAction,
    NewCase,
    case_from_row,
    open_case,
)
from safelight.videos.case_rows.models import ACTIONS, AppealSubject
from safelight.videos.reinstatement import end_offer

from .reports import Report
from .reports.limits import ReportLimits, SentKind
from .reports.store import add_report
from .reports.validation import reporter_of
from .reviews.conflicts import involved_people, record_conflicts

#: The decisions that can be appealed, and whose side the appellant is on: the person who requested the video,
#: or the person who reported it.
BY_REQUESTER = frozenset({StatementKind.BLOCKED, StatementKind.REFUSED, StatementKind.WITHDRAWN})
BY_REPORTER = frozenset({StatementKind.REPORT_REJECTED})
#: With fewer decided appeals a rate means little: the interval of 0 of 19 reaches 17 %.
MIN_DECIDED = 20
MAX_REASON_CHARACTERS = 1000
#: The time until the review of an appeal is due.
REVIEW_DUE_S = 48 * 3600.0
MAX_TEXT_CHARACTERS = 4000
_LINK = "link to the appeal of an end user"

# An appeal against a decision that a statement explains.


@dataclass(frozen=True, kw_only=True)
class NewAppeal:
    """An appeal as a client sent it."""

    text: str
    #: The statement that explains the decision. None: the newest one about `video_id`.
    statement_id: str | None = None
    video_id: str | None = None
    #: The end user on whose behalf the appeal is sent. The statement must address them.
    end_user: str | None = None
    #: Why the account appeals in the place of the person concerned. Needed, and kept, only if it does.
    on_behalf_reason: str | None = None
    #: The same key with the same appeal returns the first appeal.
    idempotency_key: str | None = None
    #: The end user has no account, but the link of the statement.
    by_link: bool = False


class AppealState(StrEnum):
    #: The appeal waits for a reviewer.
    WAITING = "waiting"
    #: A reviewer accepted the appeal: the decision was reversed.
    OVERTURNED = "overturned"
    #: A reviewer rejected the appeal: the decision stays.
    UPHELD = "upheld"
    #: The appeal was closed without a decision, because the video was deleted.
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """An appeal and its status, as shown to its sender: without the names of reviewers."""

    id: str
    video_id: str
    case_id: str
    statement_id: str
    state: AppealState
    created_at: float
    due_at: float
    #: The appeal waits, but every known reviewer is involved in it, so the operator has to add another
    #: reviewer.
    no_eligible_reviewer: bool


#: Finds and locks the video of an appeal. Raises `NotFound`, or `Conflict` if its block cannot be appealed.
AppealSubjectLookup: TypeAlias = Callable[[Transaction, str], AppealSubject]


# How many appeals against the blocks of each rule were successful.


@dataclass(frozen=True, kw_only=True)
class OverturnRate:
    """The decided appeals against the blocks of one rule."""

    #: Empty for blocks because a check was missing, and for appeals of reporters that named no rule.
    rule: str
    decided: int
    overturned: int

    @property
    def is_enough(self) -> bool:
        return self.decided >= MIN_DECIDED

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the rate; None for too few appeals."""
        return wilson(self.overturned, self.decided) if self.is_enough else None


def overturn_rates(
    database: Database, principal: Principal, *, counts: CountsRule = count_all
) -> tuple[OverturnRate, ...]:
    """The rates of a tenant: the rule with most decided appeals first. Needs the scope `review`.

    `counts` leaves out appeals against rules that had another form.
    """
    principal.require(KeyScope.REVIEW)
    with database.read_transaction(principal.tenant) as tx:
        appealed = tx.select(
            cases, cases.c.kind == CaseKind.APPEAL.value, columns=[cases.c.id, cases.c.rule, cases.c.video_id]
        )
        judged = read_judged_rules(
            tx, {row.video_id for row in appealed}, actions=[one.value for one in Action]
        )
        unknown = JudgedRule(rule="", policy_sha256="")
        rules = {
            row.id: row.rule
            for row in appealed
            if counts(replace(judged.get(row.video_id, unknown), rule=row.rule))
        }
        wanted = decisions.c.action.in_([action.value for action in ACTIONS[CaseKind.APPEAL]])
        made = [
            (rules[row.case_id], row.action == DecisionAction.OVERTURN.value)
            for row in tx.select(decisions, wanted, columns=[decisions.c.case_id, decisions.c.action])
            if row.case_id in rules
        ]
    return count_rates(made)


def count_rates(decided: Iterable[tuple[str, bool]]) -> tuple[OverturnRate, ...]:
    """The rates of decided appeals, each with its rule and whether it was successful."""
    total: Counter[str] = Counter()
    overturned: Counter[str] = Counter()
    for rule, won in decided:
        total[rule] += 1
        overturned[rule] += won
    rates = [OverturnRate(rule=rule, decided=n, overturned=overturned[rule]) for rule, n in total.items()]
    return tuple(sorted(rates, key=lambda one: (-one.decided, one.rule)))


# Reads and writes appeals, and finds the statement that an appeal is against.


def find_statement(tx: Transaction, principal: Principal, new: NewAppeal, *, lock: bool = True) -> Statement:
    """The statement of an appeal that this principal sends. Raises `NotFound`, and `Conflict` if no
    appeal is possible.
    """
    of = statements.c
    where = [of_own_reporters(tx, principal)]
    if new.end_user is not None:
        where.append(of.end_user == new.end_user)
    if new.statement_id is None:
        kinds = [kind.value for kind in BY_REQUESTER]
        where += [of.video_id == new.video_id, of.kind.in_(kinds)]
    else:
        where.append(of.id == (new.statement_id if is_id(new.statement_id, "statement") else ""))
    rows = tx.select(statements, *where, order_by=(of.at.desc(), of.id.desc()), limit=1, lock=lock)
    if not rows:
        raise NotFound("This statement was not found.", param="statement_id")
    found = statement_from_row(rows[0])
    new_kind, subject = found.content.kind, new.video_id or found.content.video_id or found.id
    if found.content.objection is not Objection.APPEAL or new_kind not in BY_REQUESTER | BY_REPORTER:
        raise Conflict(f"The decision about {subject} cannot be appealed.", param="statement_id")
    if found.objection_until is not None and found.objection_until < tx.now():
        raise Conflict(
            f"The time to appeal the decision about {subject} is over.",
            param="statement_id",
            remedy="Write to the operator of this service.",
        )
    return found


def is_concerned(tx: Transaction, principal: Principal, against: Statement) -> bool:
    """Whether the statement was sent to this person or key, to a key that this person created, or, if it
    answers a report, to an end user of it.
    """
    if against.content.reporter_source is not None:
        # `find_statement` finds only those of reports through this principal.
        return True
    account = against.content.account
    return account is not None and bool(own_accounts(tx, principal, (account,)))


def needs_reason(tx: Transaction, principal: Principal, against: Statement) -> bool:
    """Whether the principal can appeal a decision only in the place of the person concerned. Raises
    `Forbidden` if it cannot do that either.
    """
    if is_concerned(tx, principal, against):
        return False
    if not principal.has_scope(KeyScope.ADMIN):
        raise Forbidden(
            "Only the person whom this decision concerns can appeal it.",
            remedy="Appeal with the key or the account that requested the video. A key or person with the "
            "scope admin can appeal for them, with `on_behalf_reason`.",
        )
    return True


def require_concerned(
    tx: Transaction, principal: Principal, against: Statement, on_behalf_reason: str | None
) -> str | None:
    """Who may appeal a decision: whom it concerns, and with a reason, which is returned, the account for
    them. Raises `Forbidden`, and `InvalidField` without the reason.
    """
    if not needs_reason(tx, principal, against):
        return None
    reason = (on_behalf_reason or "").strip()
    if not reason or len(reason) > MAX_REASON_CHARACTERS or "\0" in reason:
        raise InvalidField(
            "This decision concerns somebody else. An appeal in their place needs a reason of 1 to "
            f"{MAX_REASON_CHARACTERS} characters.",
            param="on_behalf_reason",
        )
    return reason


def require_first(tx: Transaction, against: Statement) -> None:
    """Raise `Conflict` if the decision was appealed already. The caller has locked its statement."""
    if tx.count(appeals, appeals.c.statement_id == against.id):
        subject = against.content.video_id or against.id
        raise Conflict(
            f"{subject} was appealed already; each decision can be appealed once.", param="statement_id"
        )


def find_repeated(tx: Transaction, new: NewAppeal) -> Row | None:
    """The appeal that was sent with the same idempotency key. Raises `IdempotencyKeyReused`."""
    if new.idempotency_key is None:
        return None
    row = tx.one(appeals, appeals.c.idempotency_key == new.idempotency_key)
    if row is not None and row.request_sha256 != fingerprint(new):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was sent earlier with a different appeal.",
            param="Idempotency-Key",
            remedy="Send the earlier appeal again without changes, or use a new key.",
        )
    return row


def fingerprint(new: NewAppeal) -> str:
    """The hash of an appeal as it was sent."""
    parts = [new.statement_id or "", new.video_id or "", new.end_user or "", new.text]
    parts += [new.on_behalf_reason] if new.on_behalf_reason else []
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


# Records appeals against decisions. Each decision, of which a statement was made, is appealed at most once.
#
# An appeal is stored as a report. A reviewer who is not involved in the case decides it.

_STATE_OF_DECISION = {
    DecisionAction.OVERTURN: AppealState.OVERTURNED,
    DecisionAction.UPHOLD: AppealState.UPHELD,
}


@dataclass(frozen=True, kw_only=True)
class _Possible:
    """What an appeal is against. `video` is None for the appeal of a reporter."""

    against: Statement
    video: AppealSubject | None
    #: Why the account appeals in the place of the person concerned; None if that person appeals.
    on_behalf_reason: str | None


class Appeals:
    """Records and returns the appeals of one installation."""

    def __init__(
        self,
        database: Database,
        *,
        subject: AppealSubjectLookup,
        keys: KeyRing,
        limits: ReportLimits = ReportLimits(),  # noqa: B008, it is frozen
        screen_texts: ScreenTexts = leave_unchecked,
    ) -> None:
        """`subject` finds the video, in the transaction of the appeal. `keys` sign the links of end users.

        `limits` are for appeals and reports: those of one reporter are counted together.
        """
        self._database = database
        self._subject = subject
        self._keys = keys
        self._limits = limits
        self._screen_texts = screen_texts

    def add(
        self, principal: Principal, video_id: str, *, text: str, on_behalf_reason: str | None = None
    ) -> Appeal:
        """Appeal the block or the withdrawal of a video. Raises the same errors as `send`."""
        return self.send(
            principal, NewAppeal(video_id=video_id, text=text, on_behalf_reason=on_behalf_reason)
        )

    def send(self, principal: Principal, new: NewAppeal) -> Appeal:
        """Record an appeal and open a case for it. The same appeal with the same idempotency key is recorded
        once.

        Raises `InvalidField`, `RateLimited`, `NotFound`, `Conflict` for a second appeal against the same
        decision or a decision that cannot be appealed, `IdempotencyKeyReused`, `Forbidden` for a principal
        whom the decision does not concern, and the errors of `subject`.
        """
        principal.require(KeyScope.VIDEOS_READ)
        new = replace(new, text=_valid_text(new.text))
        # Also before the text is screened, which is slow.
        with self._database.transaction(principal.tenant) as tx:
            possible = self._check(tx, principal, new)
            if not isinstance(possible, _Possible):
                return self._appeal(tx, possible)
        screening = self._screen_texts((new.text, possible.on_behalf_reason or ""))
        with self._database.transaction(principal.tenant) as tx:
            possible = self._check(tx, principal, new)
            if not isinstance(possible, _Possible):
                return self._appeal(tx, possible)
            against, video = possible.against, possible.video
            case = open_case(tx, _new_case(tx, against, video), actor=principal.id)
            report = _report(tx, principal, new, case)
            appeal_id = _add(tx, replace(report, screening=screening), new, possible, principal.id)
            record_conflicts(tx, case)
            tx.append_audit(
                "appeal.received",
                subject=case.video_id,
                actor=principal.id,
                content={
                    "appeal": appeal_id,
                    "case": case.id,
                    "statement": against.id,
                    "end_user": new.end_user,
                    "by_link": new.by_link,
                    "text": new.text,
                    **({"on_behalf_reason": reason} if (reason := possible.on_behalf_reason) else {}),
                },
            )
            end_offer(tx, case.video_id)
            row = tx.one(appeals, appeal_id)
            assert row is not None
            self._limits.count(tx, reporter_of(principal, new.end_user)[1], SentKind.APPEAL)
            return self._appeal(tx, row)

    def needs_reason(self, principal: Principal, video_id: str) -> bool:
        """Whether this principal can appeal the newest decision about a video only in the place of the person
        concerned, with a reason. Raises `Forbidden` if it cannot, and `NotFound` or `Conflict`, as `send`.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            against = find_statement(tx, principal, NewAppeal(video_id=video_id, text=""), lock=False)
            return needs_reason(tx, principal, against)

    def may_appeal(self, principal: Principal, video_id: str) -> bool:
        """Whether pages offer the appeal about a video to this principal: not if its newest decision concerns
        somebody else. If the appeal is not possible for another reason, the answer to the form gives it.
        """
        try:
            self.needs_reason(principal, video_id)
        except Forbidden:
            return False
        except (NotFound, Conflict):
            pass
        return True

    def link_token(self, principal: Principal, statement: Statement) -> str | None:
        """The secret of the link to the appeal against this decision: for an end user, who has no account, or
        for the account that sent the report. None if no appeal is possible, or if the statement was sent
        to another account.
        """
        return self.link_of(statement) if principal.id == _account_of(statement) else None

    def link_of(self, statement: Statement) -> str | None:
        """The same for the receipt of a report, whose secret only its sender has."""
        content = statement.content
        is_linked = content.end_user is not None or content.kind in BY_REPORTER
        if not is_linked or statement.objection_until is None:
            return None
        secret = self._keys.encrypt(f"{statement.tenant} {statement.id}".encode(), _LINK)
        return base64.urlsafe_b64encode(secret).decode().rstrip("=")

    def open_link(self, token: str) -> tuple[Principal, Statement]:
        """The decision that a link is about, and the key or person through which its end user came, with no
        other permission than to read. Raises `NotFound`.
        """
        try:
            secret = base64.urlsafe_b64decode(token[:400] + "=" * (-len(token[:400]) % 4))
        except (ValueError, binascii.Error):
            secret = b""
        tenant, _, statement_id = (self._keys.decrypt(secret, _LINK) or b"").decode().partition(" ")
        with self._database.read_transaction(tenant or "none") as tx:
            row = tx.one(statements, statement_id)
        if row is None:
            raise NotFound("This link is not valid.", remedy="Ask the service that sent it for a new one.")
        made = statement_from_row(row)
        account = _account_of(made)
        through = Principal(
            tenant=tenant,
            id=account,
            kind=PrincipalKind.KEY if is_id(account, "key") else PrincipalKind.PERSON,
            name=made.content.end_user or "",
            scopes=frozenset({KeyScope.VIDEOS_READ}),
        )
        return through, made

    def find_by_link(self, token: str) -> tuple[Statement, Appeal | None, Statement | None]:
        """The decision that a link is about, its appeal, whoever sent it for the end user, and the statement
        that answers it.
        """
        principal, made = self.open_link(token)
        with self._database.read_transaction(principal.tenant) as tx:
            row = tx.one(appeals, appeals.c.statement_id == made.id)
            if row is None:
                return made, None, None
            of, source = statements.c, StatementSource.APPEAL.value
            told = (of.case_id == row.case_id, of.source == source, of.end_user == made.content.end_user)
            answer = tx.one(statements, of.video_id == row.video_id, *told)
            return made, self._appeal(tx, row), statement_from_row(answer) if answer is not None else None

    def send_by_link(self, token: str, *, text: str) -> Appeal:
        """Record the appeal of the end user who has this link. Raises the same errors as `send`."""
        principal, made = self.open_link(token)
        return self.send(
            principal,
            NewAppeal(statement_id=made.id, text=text, end_user=made.content.end_user, by_link=True),
        )

    def overturn_rates(
        self, principal: Principal, *, counts: CountsRule = count_all
    ) -> tuple[OverturnRate, ...]:
        """How many appeals against the blocks of each rule were successful."""
        return overturn_rates(self._database, principal, counts=counts)

    def get(self, principal: Principal, video_id: str) -> Appeal:
        """The newest appeal of the person who requested this video. Raises `NotFound` without an appeal.

        An appeal of a person who reported the video is never returned here.
        """
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            of, newest = statements.c, (appeals.c.created_at.desc(), appeals.c.id.desc())
            kinds = [kind.value for kind in BY_REQUESTER]
            theirs = tx.select(statements, of.video_id == video_id, of.kind.in_(kinds), columns=[of.id])
            ids = [row.id for row in theirs]
            rows = tx.select(appeals, appeals.c.statement_id.in_(ids), order_by=newest, limit=1)
            if not rows:
                raise NotFound(f"{video_id[:80]!r} has no appeal.", param="video_id")
            return self._appeal(tx, rows[0])

    def of_statement(self, principal: Principal, statement_id: str, *, end_user: str | None = None) -> Appeal:
        """The appeal against the decision of a statement that the caller may read; for an end user, only if
        they sent it.
        """
        principal.require(KeyScope.VIDEOS_READ)
        where = [appeals.c.end_user == end_user] if end_user is not None else []
        with self._database.read_transaction(principal.tenant) as tx:
            find_readable(tx, principal, statement_id, end_user=end_user)
            row = tx.one(appeals, appeals.c.statement_id == statement_id, *where)
            if row is None:
                raise NotFound(f"{statement_id[:80]!r} has no appeal.", param="statement_id")
            return self._appeal(tx, row)

    def _check(self, tx: Transaction, principal: Principal, new: NewAppeal) -> _Possible | Row:
        """The locked decision of an appeal that can be recorded, or the appeal that the same request brought
        earlier.
        """
        if (repeated := find_repeated(tx, new)) is not None:
            return repeated
        video = self._subject(tx, new.video_id) if new.video_id is not None else None
        against = find_statement(tx, principal, new)
        if (repeated := find_repeated(tx, new)) is not None:
            # The same request, sent twice at the same time: the statement was locked until now.
            return repeated
        reason = require_concerned(tx, principal, against, new.on_behalf_reason)
        require_first(tx, against)
        if video is None and against.content.kind not in BY_REPORTER:
            video = self._subject(tx, against.content.video_id or "")
        self._limits.require(tx, reporter_of(principal, new.end_user)[1], SentKind.APPEAL)
        return _Possible(against=against, video=video, on_behalf_reason=reason)

    def _appeal(self, tx: Transaction, row: Row) -> Appeal:
        found = tx.one(cases, row.case_id)
        assert found is not None
        case = case_from_row(found)
        state = AppealState.WAITING
        if case.state not in UNFINISHED:
            made = tx.one(decisions, decisions.c.case_id == case.id)
            state = AppealState.CLOSED if made is None else _STATE_OF_DECISION[DecisionAction(made.action)]
        known = find_deciders(tx, vault=case.quarantined)
        return Appeal(
            id=row.id,
            video_id=case.video_id,
            case_id=case.id,
            statement_id=row.statement_id,
            state=state,
            created_at=row.created_at,
            due_at=case.due_at,
            no_eligible_reviewer=state is AppealState.WAITING and not known - involved_people(tx, case),
        )


def _account_of(statement: Statement) -> str:
    """The key or person through which the end user came whom a statement addresses."""
    made = statement.content
    return made.account or Reporter.parse(made.reporter_source or "").identity


def _valid_text(text: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
        raise InvalidField(f"An appeal needs a text of 1 to {MAX_TEXT_CHARACTERS} characters.", param="text")
    return text


def _new_case(tx: Transaction, against: Statement, video: AppealSubject | None) -> NewCase:
    """The case of an appeal: with the ground of the decision, or else that of the case of a report or of the
    verdict of a blocked video.
    """
    decided = against.content
    before = tx.one(cases, decided.case_id) if decided.case_id else None
    grounds = (video, before) if decided.kind is not StatementKind.WITHDRAWN else (before, video)
    known: list[Any] = [decided.ground, *filter(None, grounds)]
    rule = next(filter(None, (one.rule for one in known)), "")
    return NewCase(
        video_id=decided.video_id or "",
        kind=CaseKind.APPEAL,
        stage=video.stage if video is not None else Stage.DELIVERY,
        due_at=tx.now() + REVIEW_DUE_S,
        category=next(filter(None, (one.category for one in known)), ""),
        rule=rule,
        # A reviewer may have decided by another rule than the one that held the video.
        reason=next((one.reason for one in known[1:] if one.reason and one.rule in ("", rule)), ""),
        quarantined=video.quarantined if video is not None else bool(before and before.quarantined),
        statement_id=against.id,
    )


def _report(tx: Transaction, principal: Principal, new: NewAppeal, case: Case) -> Report:
    """The appeal as reviewers see it."""
    kind, reporter = reporter_of(principal, new.end_user)
    return Report(
        id=new_id("appeal"),
        tenant=principal.tenant,
        video_id=case.video_id,
        case_id=case.id,
        category=None,
        reason="appeal",
        note=new.text,
        reporter_kind=kind,
        reporter=reporter.name,
        contact=None,
        created_at=tx.now(),
    )


def _add(tx: Transaction, report: Report, new: NewAppeal, possible: _Possible, account: str) -> str:
    add_report(tx, report)
    tx.insert(
        appeals,
        id=report.id,
        statement_id=possible.against.id,
        video_id=report.video_id,
        case_id=report.case_id,
        account=account,
        end_user=new.end_user,
        on_behalf_reason=possible.on_behalf_reason,
        idempotency_key=new.idempotency_key,
        request_sha256=fingerprint(new),
        created_at=report.created_at,
    )
    return report.id
