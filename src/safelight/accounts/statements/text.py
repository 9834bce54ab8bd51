"""The text of a statement: a pure function of the statement, the reader and the language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from safelight.accounts.reply_texts import ReplyTexts
from safelight.core.i18n import DEFAULT, Messages, load_messages, translate_reason
from safelight.policy.explanations import ExplanationLevel, as_sentence

from .models import GroundBasis, NewStatement, Objection, Statement, StatementKind, StatementSource

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
        objection=describe_objection(statement, language),
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
    is_own = new.reporter_source and new.source is StatementSource.REPORT
    source = "own_report" if is_own else new.source.value
    # A first video is held because it is the first one, also without a finding, so there is no source.
    parts = [] if ground.basis is GroundBasis.FIRST_REVIEW else [t(f"source.{source}")]
    if ground.basis not in (GroundBasis.CATEGORY, GroundBasis.NONE):
        parts.append(t(f"why.{ground.basis.value}"))
    if ground.group:
        group = load_messages("explanations", t.tag)(f"group.{ground.group}")
        parts.append(t("why.group", group=group))
    if ground.facts:
        parts.append(as_sentence(translate_reason(ground.facts, t.tag), t))
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


def describe_objection(statement: Statement, language: str) -> str:
    """How to object to the decision; empty if there is nothing to object to."""
    t, new = load_messages("statements", language), statement.content
    parts = []
    if statement.is_appealed:
        parts.append(t("objection.sent"))
    elif new.objection is not Objection.NONE:
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
