"""Statements of reasons: every decision is explained to the person whom it concerns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, or_

from safelight.accounts import KeyScope, Principal, PrincipalKind, find_same_people
from safelight.accounts.reply_texts import ReplyTexts
from safelight.core.errors import Conflict, NotFound
from safelight.core.i18n import DEFAULT, Messages, load_messages, translate_reason
from safelight.core.ids import is_id, new_id
from safelight.policy.explanations import ExplanationLevel, as_sentence, can_name, explain
from safelight.policy.findings import Stage, Taxonomy
from safelight.policy.verdicts import Verdict
from safelight.store.database import Database, Transaction
from safelight.store.pages import Page, follows, read_page
from safelight.store.tables import appeals, statements, videos

# Statements of reasons: one decision, as the person concerned reads it.

#: How long an objection is possible: six months, the time of Article 20 of the EU Digital Services Act.
#: No six months of the calendar have more days.
OBJECTION_S = 184 * 86_400.0
#: The fields of `NewStatement` that are columns of the same name and need no conversion.
_PLAIN = (
    *("account", "end_user", "reporter_source", "video_id", "case_id", "decision_id", "released_as", "until"),
    *("automated_detection", "automated_decision"),
)
MAX_RESULTS = 100


class StatementKind(StrEnum):
    """What was decided. The catalogue `statements` has the sentences `what.<kind>`."""

    #: The policy blocked the video.
    BLOCKED = "blocked"
    #: A reviewer rejected the held video.
    REFUSED = "refused"
    #: No reviewer decided about the held video in time.
    EXPIRED = "expired"
    #: The content of the delivered video cannot be fetched any more.
    WITHDRAWN = "withdrawn"
    #: The video was not finished when it, or a video that it is made from, was withdrawn.
    STOPPED = "stopped"
    #: The delivered video is not available until a decision is made.
    HIDDEN = "hidden"
    #: The hidden video is available again.
    RESTORED = "restored"
    #: The decision was reversed, and the video was released under a new id.
    REINSTATED = "reinstated"
    #: An appeal was rejected; the decision stays.
    APPEAL_REJECTED = "appeal_rejected"
    #: For the person who reported: the video was withdrawn, or it stays available.
    REPORT_UPHELD = "report_upheld"
    REPORT_REJECTED = "report_rejected"
    #: Decisions about an account.
    WARNED = "warned"
    COOLED_DOWN = "cooled_down"
    SUSPENDED = "suspended"
    #: The ban takes effect at `until`.
    BAN_ANNOUNCED = "ban_announced"
    BANNED = "banned"
    #: An announced ban does not take effect.
    BAN_CANCELLED = "ban_cancelled"
    ACCOUNT_RESTORED = "account_restored"


class StatementSource(StrEnum):
    """How the reason became known. The catalogue has the sentences `source.<source>`."""

    #: A check of this installation.
    POLICY = "policy"
    #: A report. It never names the reporter.
    REPORT = "report"
    #: An order of an authority.
    AUTHORITY = "authority"
    #: An appeal against an earlier decision.
    APPEAL = "appeal"
    #: The strikes of the account.
    STRIKES = "strikes"
    #: A person who is shown or heard withdrew their consent.
    CONSENT = "consent"
    #: The operator ended the consent of a person who is shown or heard.
    CONSENT_ENDED = "consent_ended"
    #: The operator, without a report.
    OPERATOR = "operator"


class GroundBasis(StrEnum):
    """Which kind of reason a statement gives."""

    #: A category of the policy: its group, and for developers the rule and the reason.
    CATEGORY = "category"
    #: A required check did not run.
    GAP = "gap"
    TEST_CARD = "test_card"
    #: One classifier alone reported a grave category, which is not named.
    UNNAMED = "unnamed"
    #: The reason is withheld, because the content is vaulted.
    WITHHELD = "withheld"
    #: It is one of the first videos of an account or end user, which a person checks.
    FIRST_REVIEW = "first_review"
    #: It is made from a copy of a video that was withdrawn.
    SOURCE = "source"
    #: The statement of a notice, which no person has confirmed yet.
    NOTICE = "notice"
    #: For a reporter: a person found that no rule is broken.
    NOT_BROKEN = "not_broken"
    #: The sentences about the decision and its source are the whole reason.
    NONE = "none"


class Objection(StrEnum):
    """How the person can object. The catalogue has the sentences `objection.<objection>`."""

    #: By an appeal, until `objection_until`.
    APPEAL = "appeal"
    #: By a message to the operator.
    OPERATOR = "operator"
    #: There is nothing to object to: the request can be sent again.
    REQUEST_AGAIN = "request_again"
    #: The decision is in favour of the person, or final.
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class DecisionGround:
    """Why, limited to what a developer of the tenant may know it. An end user gets the group only."""

    basis: GroundBasis
    group: str = ""
    category: str = ""
    #: The version of the policy, and its rule or clause.
    policy: str = ""
    rule: str = ""
    #: The reason of the rule or detector in English. It may quote the prompt.
    reason: str = ""
    #: What in the content breaks the rule, in the words of the person who decided. Also for end users.
    facts: str = ""

    @property
    def explains_decision(self) -> bool:
        """Whether it is enough for the statement of a reviewer's decision: it has a rule, its group and
        facts, or as much of them as the policy allows to be disclosed.
        """
        if self.basis is GroundBasis.CATEGORY:
            return bool(self.group)
        return self.basis in (GroundBasis.TEST_CARD, GroundBasis.UNNAMED, GroundBasis.WITHHELD)


@dataclass(frozen=True, kw_only=True)
class NewStatement:
    """A statement that is not recorded yet. It never has the name, the id or the notes of staff."""

    kind: StatementKind
    source: StatementSource
    ground: DecisionGround
    automated_detection: bool
    automated_decision: bool
    #: The person or API key, and the end user, whom the statement addresses. At least one is needed.
    account: str | None = None
    end_user: str | None = None
    #: The key or person through which the addressed person reported the video; None for other statements.
    #: It is not shown.
    reporter_source: str | None = None
    #: None: the decision is about the account.
    video_id: str | None = None
    #: The stage of a decision about a video.
    stage: Stage | None = None
    case_id: str | None = None
    decision_id: str | None = None
    released_as: str | None = None
    #: A saved reply that the person who decided sent.
    reply: ReplyTexts | None = None
    #: The end of the restriction; None if it has no end.
    until: float | None = None
    objection: Objection = Objection.APPEAL


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A recorded statement."""

    id: str
    tenant: str
    content: NewStatement
    at: float
    #: Until when an appeal is possible; None without an appeal.
    objection_until: float | None
    #: When the reason was erased with the video; None if it was not.
    erased_at: float | None = None


# The reasons of statements, limited to what the person concerned may know.

#: The reason of a decision that has no other reason than its kind and its source.
NO_GROUND = DecisionGround(basis=GroundBasis.NONE)


def ground_of_verdict(verdict: Verdict, taxonomy: Taxonomy, *, clause: str | None = None) -> DecisionGround:
    """The reason of a verdict. `clause`: the rule that a reviewer named instead of the deciding rule."""
    if verdict.vault:
        return DecisionGround(basis=GroundBasis.WITHHELD)
    if verdict.is_decided_by_gaps:
        return DecisionGround(basis=GroundBasis.GAP, policy=verdict.policy, rule=verdict.rule)
    if verdict.test_card_only:
        return DecisionGround(basis=GroundBasis.TEST_CARD, policy=verdict.policy, rule=verdict.rule)
    if not can_name(verdict.category, learned=verdict.learned_alone):
        return DecisionGround(basis=GroundBasis.UNNAMED, policy=verdict.policy)
    known = explain(verdict, taxonomy, level=ExplanationLevel.DEVELOPER)
    return DecisionGround(
        basis=GroundBasis.CATEGORY,
        group=known.group,
        category=known.categories[0] if known.rule and known.categories else "",
        policy=verdict.policy,
        rule=(clause or known.rule) if known.rule else "",
        reason=known.reason,
    )


def ground_of_category(
    category: str, taxonomy: Taxonomy, *, clause: str = "", reason: str = "", facts: str = ""
) -> DecisionGround:
    """The reason of a decision that names a category of the policy. `facts`: the words of a person."""
    if category not in taxonomy:
        return NO_GROUND
    spec = taxonomy[category]
    shown = not spec.hide_details
    return DecisionGround(
        basis=GroundBasis.CATEGORY,
        group=spec.group.value,
        category=category if shown else "",
        rule=clause if shown else "",
        reason=reason,
        facts=facts,
    )


# Records and reads statements.


#: Decisions of a person that need a ground.
_AGAINST = frozenset(
    {
        StatementKind.REFUSED,
        StatementKind.WITHDRAWN,
        StatementKind.STOPPED,
        StatementKind.APPEAL_REJECTED,
    }
)


def record_statement(tx: Transaction, new: NewStatement) -> Statement:
    """Record a statement, in the transaction that carries out its decision."""
    if new.account is None and new.end_user is None:
        raise ValueError("a statement addresses an account or an end user")
    if new.decision_id is not None and new.kind in _AGAINST and not new.ground.explains_decision:
        raise Conflict(
            "The statement about this decision would have no rule, no group or no facts.",
            param="clause",
            remedy="Decide again: name a rule of the policy in force, and write the facts.",
        )
    now = tx.now()
    made = Statement(
        id=new_id("statement"),
        tenant=tx.tenant or "",
        content=new,
        at=now,
        objection_until=now + OBJECTION_S if new.objection is Objection.APPEAL else None,
    )
    ground = asdict(new.ground)
    tx.insert(
        statements,
        id=made.id,
        kind=new.kind.value,
        stage=new.stage.value if new.stage else None,
        source=new.source.value,
        objection=new.objection.value,
        objection_until=made.objection_until,
        at=now,
        group_name=ground.pop("group"),
        **ground,
        reply=asdict(new.reply) if new.reply is not None else None,
        **{name: getattr(new, name) for name in _PLAIN},
    )
    tx.append_audit(
        "statement.issued",
        subject=new.video_id or new.account or made.id,
        actor="statements",
        content={
            "statement": made.id,
            "kind": new.kind.value,
            "source": new.source.value,
            "decision": new.decision_id,
            "automated_decision": new.automated_decision,
        },
    )
    return made


def erase_reasons(tx: Transaction, video_id: str) -> int:
    """Empty the reasons of the statements about a deleted video, because they can quote its prompt.

    What was decided, and by which rule, stays. Returns the number of changed statements.
    """
    return tx.update(
        statements,
        statements.c.video_id == video_id,
        statements.c.erased_at.is_(None),
        reason="",
        facts="",
        erased_at=tx.now(),
    )


def statement_from_row(row: Row[Any]) -> Statement:
    return Statement(
        id=row.id,
        tenant=row.tenant_id,
        at=row.at,
        objection_until=row.objection_until,
        erased_at=row.erased_at,
        content=NewStatement(
            kind=StatementKind(row.kind),
            stage=Stage(row.stage) if row.stage else None,
            source=StatementSource(row.source),
            objection=Objection(row.objection),
            reply=ReplyTexts(**row.reply) if row.reply is not None else None,
            ground=DecisionGround(
                basis=GroundBasis(row.basis),
                group=row.group_name,
                category=row.category,
                policy=row.policy,
                rule=row.rule,
                reason=row.reason,
                facts=row.facts,
            ),
            **{name: getattr(row, name) for name in _PLAIN},
        ),
    )


# Reads the statements of an installation.


@dataclass(frozen=True, kw_only=True)
class StatementQuery:
    """Which statements are wanted: those about a video, and those to an end user.

    Without both, the statements to the account of the caller.
    """

    video_id: str | None = None
    end_user: str | None = None
    #: The id of the last statement of the previous page.
    after: str | None = None
    limit: int = MAX_RESULTS


class Statements:
    """Every method needs the scope `videos:read`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, principal: Principal, wanted: StatementQuery) -> Page[Statement]:
        """A page of statements, the newest first. About a video, only those to the person who requested it:
        never those to people who reported it.
        """
        principal.require(KeyScope.VIDEOS_READ)
        of = statements.c
        limit = max(1, min(wanted.limit, MAX_RESULTS))
        with self._database.read_transaction(principal.tenant) as tx:
            where = _conditions(tx, principal, wanted)
            if wanted.after is not None:
                last = _one(tx, wanted.after, *where)
                where.append(follows((of.at, of.id), (last.at, last.id), descending=True))
            order = (of.at.desc(), of.id.desc())
            return read_page(tx, statements, *where, order_by=order, limit=limit).map(statement_from_row)

    def get(self, principal: Principal, statement_id: str, *, end_user: str | None = None) -> Statement:
        """A statement; for an end user, only one that addresses them. Raises `NotFound`.

        Without `end_user`: one to the account of the caller, or to the person who requested its video.
        """
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            return find_readable(tx, principal, statement_id, end_user=end_user)


def find_readable(
    tx: Transaction, principal: Principal, statement_id: str, *, end_user: str | None
) -> Statement:
    """A statement that this caller may read. Raises `NotFound`.

    A statement to a person who reported a video names that person, and other keys of the tenant may belong to
    the person who requested it.
    """
    if end_user is not None:
        return _one(tx, statement_id, statements.c.end_user == end_user, of_own_reporters(tx, principal))
    found = _one(tx, statement_id)
    account, video_id = found.content.account, found.content.video_id
    if account == principal.id:
        return found
    # Any key of the tenant may read the statement to the requester of a video, as it may read the video.
    row = tx.one(videos, videos.c.id == video_id) if account is not None and video_id is not None else None
    if row is None or row.principal_id != account:
        raise _unknown(statement_id)
    return found


def of_own_reporters(tx: Transaction, principal: Principal) -> ColumnElement[bool]:
    """The condition that a statement is to no reporter, or to one who reported through this key or person, or
    through a key of the same person: an end user of another key is somebody else.
    """
    people = sorted(find_same_people(tx, (principal.id,)))
    sources = [f"{kind.value}:{one}" for kind in PrincipalKind for one in people]
    return or_(statements.c.reporter_source.is_(None), statements.c.reporter_source.in_(sources))


def _conditions(tx: Transaction, principal: Principal, wanted: StatementQuery) -> list[ColumnElement[bool]]:
    of = statements.c
    where: list[ColumnElement[bool]] = []
    if wanted.end_user is not None:
        where += [of.end_user == wanted.end_user, of_own_reporters(tx, principal)]
    elif wanted.video_id is None:
        where.append(of.account == principal.id)
    if wanted.video_id is not None:
        where.append(of.video_id == wanted.video_id)
        if wanted.end_user is None:
            row = tx.one(videos, videos.c.id == wanted.video_id)
            where.append(of.account == (row.principal_id if row is not None else ""))
    return where


def _one(tx: Transaction, statement_id: str, *where: ColumnElement[bool]) -> Statement:
    known = is_id(statement_id, "statement")
    row = tx.one(statements, statements.c.id == statement_id, *where) if known else None
    if row is None:
        raise _unknown(statement_id)
    return statement_from_row(row)


def _unknown(statement_id: str) -> NotFound:
    return NotFound(f"There is no statement {statement_id[:80]!r}.", param="statement_id")


# The text of a statement: a pure function of the statement, the reader and the language.

#: The kinds of statements that restrict nothing, so that they need no duration and no way to a court.
_NO_RESTRICTION = frozenset(
    {
        StatementKind.RESTORED,
        StatementKind.REINSTATED,
        StatementKind.REPORT_UPHELD,
        StatementKind.REPORT_REJECTED,
        StatementKind.WARNED,
        StatementKind.BAN_CANCELLED,
        StatementKind.ACCOUNT_RESTORED,
    }
)


@dataclass(frozen=True, kw_only=True)
class StatementText:
    """The paragraphs of a statement in one language."""

    #: What was decided.
    decision: str
    #: How the reason became known, and the reason limited to what the reader may know.
    reason: str
    #: By a person or by a machine.
    decided_by: str
    #: What the decision restricts, and until when.
    scope: str
    #: How to object, and until when.
    objection: str
    #: The saved reply of the person who decided, and its language, which may be another one.
    reply: str = ""
    reply_language: str = ""

    @property
    def whole(self) -> str:
        """The paragraphs that are not empty, one per line."""
        parts = (self.decision, self.reason, self.reply, self.decided_by, self.scope, self.objection)
        return "\n".join(part for part in parts if part)


def describe(statement: Statement, *, level: ExplanationLevel, language: str = DEFAULT) -> StatementText:
    """The text for this reader: an end user gets the group of the reason, a developer also the rule."""
    t, new = load_messages("statements", language), statement.content
    reply, reply_language = describe_reply(new.reply, language)
    return StatementText(
        decision=t(
            f"what.{new.kind.value}",
            when=t(f"when.{new.stage.value}") if new.stage else "",
            until=_day(new.until, language),
            released_as=new.released_as or "",
        ),
        reason=t("join").join(part for part in _reason(statement, level, t) if part),
        decided_by=t(_decider(new)),
        scope=_scope(new, t, language),
        objection=_objection(statement, t, language),
        reply=reply,
        reply_language=reply_language,
    )


def describe_reply(reply: ReplyTexts | None, language: str) -> tuple[str, str]:
    """A saved reply for a reader of this language, and the language of its text. If it does not exist in this
    language, a sentence says so. Both are empty without a reply.
    """
    if reply is None:
        return "", ""
    text, found = reply.in_language(language)
    if found == language:
        return text, found
    t = load_messages("statements", language)
    return f"{t('reply.other_language', language=t(f'reply.language.{found}'))}\n{text}", found


def _reason(statement: Statement, level: ExplanationLevel, t: Messages) -> list[str]:
    new = statement.content
    ground = new.ground
    # A first video is held because it is the first one, also without a finding, so there is no source.
    parts = [] if ground.basis is GroundBasis.FIRST_REVIEW else [t(f"source.{new.source.value}")]
    if ground.basis not in (GroundBasis.CATEGORY, GroundBasis.NONE):
        parts.append(t(f"why.{ground.basis.value}"))
    if ground.group:
        group = load_messages("explanations", t.tag)(f"group.{ground.group}")
        parts.append(t("why.group", group=group))
    if ground.facts:
        parts.append(as_sentence(ground.facts, t))
    if ground.basis is not GroundBasis.CATEGORY or level is ExplanationLevel.END_USER:
        return parts
    if ground.reason:
        parts.append(as_sentence(translate_reason(ground.reason, t.tag), t))
    elif statement.erased_at is not None:
        parts.append(t("why.erased"))
    if ground.rule:
        key = "why.rule" if ground.policy else "why.rule_only"
        parts.append(t(key, rule=ground.rule, policy=ground.policy))
    return parts


def _decider(new: NewStatement) -> str:
    if new.automated_decision:
        return "who.machine"
    return "who.person_after_machine" if new.automated_detection else "who.person"


def _scope(new: NewStatement, t: Messages, language: str) -> str:
    about = t("scope.video" if new.video_id else "scope.account")
    if new.kind in _NO_RESTRICTION:
        return about
    is_open = new.until is None or new.kind is StatementKind.BAN_ANNOUNCED
    end = t("scope.open") if is_open else t("scope.until", until=_day(new.until, language))
    return t("join").join((about, end))


def _objection(statement: Statement, t: Messages, language: str) -> str:
    new = statement.content
    parts = []
    if new.objection is not Objection.NONE:
        key = f"objection.{new.objection.value}"
        parts.append(t(key, until=_day(statement.objection_until, language)))
    if new.kind not in _NO_RESTRICTION:
        parts.append(t("objection.other"))
    return t("join").join(parts)


def _day(at: float | None, language: str) -> str:
    """`20 Nov 2026`, in the format of the language; empty without a time."""
    if at is None:
        return ""
    t, when = load_messages("console", language), datetime.fromtimestamp(at, UTC)
    months = t("time.months").split(" ")
    return t("time.day", day=when.day, month=months[when.month - 1], year=when.year)


def statement_of_case(tx: Transaction, case_id: str) -> Statement:
    """The statement that the appeal of this case is against. Raises `Conflict` if there is none."""
    row = tx.one(appeals, appeals.c.case_id == case_id)
    found = tx.one(statements, statements.c.id == row.statement_id) if row is not None else None
    if found is None:
        raise Conflict(f"{case_id} has no appeal.", param="case_id")
    return statement_from_row(found)
