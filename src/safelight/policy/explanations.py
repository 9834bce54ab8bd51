"""Explanations of verdicts. The reader decides the level of detail.

Explanations never contain details that could serve as instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec

from safelight.core import yaml_loader
from safelight.core.i18n import DEFAULT, Messages, has_sentence, load_messages, load_texts, translate_reason
from safelight_client.money import format_money

from .decisions import remove_notes
from .findings import Category, Finding, Modality, Stage, Taxonomy, to_json
from .verdicts import Action, Verdict

#: Categories that are never named if one classifier alone reported them: too grave for what may be a mistake.
_NEVER_ALONE = frozenset({Category.EXTREMISM.value, Category.NCII.value, Category.SEXUAL_MINORS.value})
#: The regions whose help lines are shown in a language if the region of the reader is not known.
_USUAL_REGIONS: Mapping[str, frozenset[str]] = {
    DEFAULT: frozenset({"US", "GB"}),
    "zh-Hant": frozenset({"TW", "HK"}),
    "zh-Hans": frozenset({"CN"}),
}
#: The slice of the sentences about detectors.
_NOTES = "doctor"


class ExplanationLevel(StrEnum):
    """The reader of an explanation. The reader decides how much detail the explanation has."""

    END_USER = "end_user"
    #: Authenticated with a key of the tenant.
    DEVELOPER = "developer"
    #: A reviewer, who decides cases of this tenant.
    REVIEWER = "reviewer"


class RetryAdvice(StrEnum):
    """What a caller should change before it sends the request again."""

    SAME = "same"
    NEW_SEED = "new_seed"
    CHANGE_PROMPT = "change_prompt"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class ChargeFacts:
    """The generator's charge: `yes`, `no` or `unknown`, the amount if known, and the source."""

    charged: str
    amount: float | None = None
    currency: str = "USD"
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class ExplanationLinks:
    """The links of an explanation; an empty string if a link does not exist."""

    appeal: str = ""
    record: str = ""
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class HelpLine:
    name: str
    text: str
    region: str = ""

    def as_wire(self) -> dict[str, str | None]:
        return {"name": self.name, "text": self.text, "region": self.region or None}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The explanation of one verdict for one level. Fields that the reader may not see are empty."""

    action: Action
    stage: Stage
    #: What happened, why, the cost and the next step.
    sentence: str
    #: Only why; empty if the verdict allows, or if the reader may not know it. Not in `as_wire`.
    why: str
    next_step: str
    #: The group, for use if the category is withheld; empty if the group is withheld too.
    group: str
    categories: tuple[str, ...]
    charge: ChargeFacts
    retry: RetryAdvice
    retry_after_s: float | None
    appeal: str = ""
    record: str = ""
    video_id: str = ""
    rule: str = ""
    reason: str = ""
    evidence: tuple[Mapping[str, Any], ...] = ()
    support: tuple[HelpLine, ...] = ()
    #: Required cells that were not checked, as `category in modality`.
    not_checked: tuple[str, ...] = ()
    #: Why these cells were not checked, as far as the reader may know it. Not in `as_wire`.
    gap_notes: tuple[str, ...] = ()
    test_card: bool = False
    #: Whether one classifier's score decided.
    learned_alone: bool = False

    def as_wire(self) -> dict[str, Any]:
        """`moderation_details` in OpenAI's format, with additional keys of our own."""
        wire: dict[str, Any] = {
            **({"support": [line.as_wire() for line in self.support]} if self.support else {}),
            "moderation_stage": moderation_stage(self.stage),
            "categories": list(self.categories),
            "stage": self.stage.value,
            "action": self.action.value,
            "group": self.group or None,
            "charged": {
                "charged": self.charge.charged,
                "amount": self.charge.amount,
                "currency": self.charge.currency,
                "source": self.charge.source or None,
            },
            "retry": {"action": self.retry.value, "after_s": self.retry_after_s},
            "next_step": self.next_step,
            "appeal": self.appeal or None,
        }
        if self.rule:
            wire |= {
                "rule": self.rule,
                "reason": self.reason,
                "evidence": [dict(part) for part in self.evidence],
            }
        if self.record:
            wire["record"] = self.record
        if self.not_checked:
            wire["not_checked"] = list(self.not_checked)
        if self.test_card:
            wire["test_card"] = True
        if self.learned_alone:
            wire["learned_alone"] = True
        return wire


def moderation_stage(stage: Stage) -> str:
    """OpenAI's name of a stage: input, output or unknown."""
    if stage in {Stage.PROMPT, Stage.REFERENCE}:
        return "input"
    return "output" if stage in {Stage.GENERATION, Stage.OUTPUT, Stage.DELIVERY} else "unknown"


def explain(
    verdict: Verdict,
    taxonomy: Taxonomy,
    *,
    level: ExplanationLevel,
    charge: ChargeFacts | None = None,
    links: ExplanationLinks | None = None,
    locale: str = DEFAULT,
    region: str = "",
) -> Explanation:
    """The explanation of a verdict for `level`, in the language `locale` if it is supported, with the help
    lines of the region.

    A vaulted verdict shows no category or evidence to any level. For a category with `hide_details`, only
    reviewers see more than the group. The gravest categories are not named at all if one classifier alone
    reported them.
    """
    links = links or ExplanationLinks()
    messages = load_messages("explanations", locale)
    charge = charge or _default_charge(verdict.stage)
    if verdict.vault:
        return _explain_vaulted(verdict, charge, links, messages)
    if level is not ExplanationLevel.REVIEWER:
        verdict = msgspec.structs.replace(verdict, reason=remove_notes(verdict.reason))
    nameable = can_name(verdict.category, learned=verdict.learned_alone)
    group = str((nameable and taxonomy.group_of(verdict.category)) or "")
    shows_details = level is ExplanationLevel.REVIEWER or (
        level is ExplanationLevel.DEVELOPER and not hides_details(verdict.category, taxonomy)
    )
    decided_by_gap = verdict.is_decided_by_gaps
    retry, after = _retry_advice(verdict, decided_by_gap=decided_by_gap)
    step = _next_step_text(verdict, retry, messages, decided_by_gap=decided_by_gap, appeal=bool(links.appeal))
    why = _reason_text(verdict, group, messages, shows_details=shows_details, decided_by_gap=decided_by_gap)
    support = help_lines(locale, region) if verdict.support else ()
    named = (verdict.category if shows_details and nameable else group,) if not decided_by_gap else ()
    return Explanation(
        action=verdict.action,
        stage=verdict.stage,
        sentence=_joined(
            messages,
            _outcome_text(verdict, messages),
            _help_text(verdict, support, messages),
            why,
            _charge_text(charge, verdict, messages),
            step,
        ),
        why=why,
        next_step=step,
        group="" if decided_by_gap else group,
        categories=tuple(name for name in named if name),
        charge=charge,
        retry=retry,
        retry_after_s=after,
        appeal=links.appeal if verdict.action.severity >= Action.HOLD.severity else "",
        record=links.record if level is not ExplanationLevel.END_USER else "",
        rule=verdict.rule
        if shows_details or (decided_by_gap and level is not ExplanationLevel.END_USER)
        else "",
        reason=translate_reason(verdict.reason, messages.tag) if shows_details else "",
        evidence=tuple(
            _evidence(finding, messages)
            for finding in verdict.findings
            if shows_details
            and (level is ExplanationLevel.REVIEWER or not hides_details(finding.category, taxonomy))
        ),
        support=support,
        not_checked=tuple(f"{cell.category} in {cell.modality.value}" for cell in verdict.gaps)
        if level is not ExplanationLevel.END_USER
        else (),
        gap_notes=tuple(dict.fromkeys(_gap_notes(verdict, level))),
        test_card=verdict.test_card_only,
        learned_alone=verdict.learned_alone,
    )


def without_reason(verdict: Verdict) -> Verdict:
    """The verdict without its reason, for a decision that a person gave a reason for. What to do next still
    follows from its findings.
    """
    return msgspec.structs.replace(verdict, category="", rule="", reason="", gaps=(), learned_alone=False)


@cache
def without_appeal(step: str) -> str:
    """The English sentence on what to do next, after its appeal was sent."""
    texts = load_texts("explanations", DEFAULT)
    offers = (name for name, text in texts.items() if text == step and name.endswith("_appeal"))
    return next((texts[name.removesuffix("_appeal")] for name in offers), step)


def explain_ground(group: str, facts: str, locale: str = DEFAULT) -> list[str]:
    """The sentences of the reason that a person gave for a decision: the group of its category, and facts."""
    messages = load_messages("explanations", locale)
    subject = [messages("why.subject", subject=messages(f"group.{group}"))] if group else []
    return [*subject, as_sentence(translate_reason(facts, locale), messages)]


def as_sentence(text: str, t: Messages) -> str:
    text = text.rstrip(".。")
    return f"{text}." if t.tag == DEFAULT or text.isascii() else f"{text}。"


def can_name(category: str, *, learned: bool) -> bool:
    """Whether a reader may be told the category or its group. `learned`: a classifier alone reported it."""
    return not (learned and category in _NEVER_ALONE)


@cache
def help_lines(locale: str = DEFAULT, region: str = "") -> tuple[HelpLine, ...]:
    """The shipped help lines for the region, in the language `locale` or else in English, and the page of all
    countries. For a region without lines, those of the regions where the language is usual. They also
    follow those of the US: a browser that nobody set up names the US wherever its reader is.
    """
    entries = yaml_loader.load_shipped(__package__, "help_lines.yaml")
    matching = [entry for entry in entries if entry["locale"] == locale] or [
        entry for entry in entries if entry["locale"] == DEFAULT
    ]
    lines = [HelpLine(name=entry["name"], text=entry["text"], region=entry["region"]) for entry in matching]
    own = [line for line in lines if region and line.region == region]
    usual = _USUAL_REGIONS.get(locale, _USUAL_REGIONS[DEFAULT]) - {region}
    others = usual if not own or (region == "US" and locale != DEFAULT) else frozenset()
    return (*own, *(line for line in lines if line.region in {*others, ""}))


def hides_details(category: str, taxonomy: Taxonomy) -> bool:
    """Whether only the group of the category may be shown.

    Also true for unknown categories, because the package that defines them may have been removed.
    """
    return category not in taxonomy or taxonomy[category].hide_details


def _gap_notes(verdict: Verdict, level: ExplanationLevel) -> Iterator[str]:
    """The notes of the missing checks. A note can contain an error text with addresses and paths, or tell
    about other findings, so a developer gets only known sentences.
    """
    if level is ExplanationLevel.END_USER:
        return
    for cell in verdict.gaps:
        if not cell.note:
            continue
        if level is ExplanationLevel.REVIEWER or has_sentence(_NOTES, cell.note):
            yield cell.note
            continue
        sentences = re.split(r"(?<=[.!?]) ", cell.note)
        yield from (sentence for sentence in sentences if has_sentence(_NOTES, sentence))


def _explain_vaulted(
    verdict: Verdict, charge: ChargeFacts, links: ExplanationLinks, messages: Messages
) -> Explanation:
    step = messages("next.vaulted")
    return Explanation(
        action=verdict.action,
        stage=verdict.stage,
        sentence=_joined(
            messages, _outcome_text(verdict, messages), _charge_text(charge, verdict, messages), step
        ),
        why="",
        next_step=step,
        group="",
        categories=(),
        charge=charge,
        retry=RetryAdvice.NEVER,
        retry_after_s=None,
        appeal=links.appeal,
    )


def _default_charge(stage: Stage) -> ChargeFacts:
    if stage in {Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE}:
        return ChargeFacts(charged="no", source="not sent to a generator")
    return ChargeFacts(charged="unknown")


def _joined(messages: Messages, *parts: str) -> str:
    """The sentences as one text, joined with the separator of the language."""
    return messages("join").join(part for part in parts if part)


def _outcome_text(verdict: Verdict, messages: Messages) -> str:
    return messages(f"happened.{verdict.action.value}", when=messages(f"when.{verdict.stage.value}"))


def _help_text(verdict: Verdict, support: tuple[HelpLine, ...], messages: Messages) -> str:
    """Help lines before the reason, if the content was stopped."""
    if not support or verdict.action.severity < Action.HOLD.severity:
        return ""
    return messages("help", lines=messages("list.separator").join(line.name for line in support))


def _reason_text(
    verdict: Verdict, group: str, messages: Messages, *, shows_details: bool, decided_by_gap: bool
) -> str:
    if decided_by_gap:
        return messages("why.over_budget" if _is_over_budget(verdict) else "why.gap")
    if verdict.action is Action.ALLOW:
        return ""
    if verdict.test_card_only:
        return messages("why.test_card")
    if not can_name(verdict.category, learned=verdict.learned_alone):
        return messages("why.unnamed")
    alone = messages("why.alone") if verdict.learned_alone and verdict.action is Action.HOLD else ""
    if shows_details and verdict.reason:
        reason = translate_reason(verdict.reason, messages.tag).rstrip(".")
        where = _location_text(verdict, messages)
        return _joined(messages, messages("why.rule", where=where, reason=reason, rule=verdict.rule), alone)
    subject = messages("why.subject", subject=messages(f"group.{group}")) if group else ""
    return _joined(messages, subject, alone)


def _location_text(verdict: Verdict, messages: Messages) -> str:
    """The location of the strongest finding as text."""
    for finding in verdict.findings[:1]:
        if finding.modality is Modality.TEXT:
            return messages("where.text", field=_field(finding, messages))
        for part in finding.evidence:
            if part.__struct_config__.tag in {"frames", "time"}:
                return messages("where.time", seconds=f"{getattr(part, 'start_s', 0.0):.1f}")
    return ""


def _field(finding: Finding, messages: Messages) -> str:
    for part in finding.evidence:
        name = getattr(part, "field", "")
        if name:
            return messages(f"field.{name}") if messages.has(f"field.{name}") else str(name).replace("_", " ")
    source = finding.attributes.get("source")
    return str(source).replace("_", " ") if source else "text"


def _charge_text(charge: ChargeFacts, verdict: Verdict, messages: Messages) -> str:
    if verdict.action.severity < Action.HOLD.severity:
        return ""
    if charge.charged == "no":
        return messages("spent.none")
    if charge.charged == "yes":
        if charge.amount:
            return messages("spent.amount", amount=format_money(charge.amount, charge.currency))
        return messages("spent.charged")
    return messages("spent.unknown")


def _retry_advice(verdict: Verdict, *, decided_by_gap: bool) -> tuple[RetryAdvice, float | None]:
    if verdict.action.severity < Action.HOLD.severity:
        return RetryAdvice.SAME, None
    if decided_by_gap:
        # A check that crashed or timed out may succeed next time. A check that is not installed cannot, nor
        # one for which the content is too much.
        again = any(cell.available and not cell.over_budget for cell in verdict.gaps)
        return (RetryAdvice.SAME, 60.0) if again else (RetryAdvice.NEVER, None)
    if verdict.action is Action.HOLD:
        return RetryAdvice.NEVER, None
    made = {Stage.GENERATION, Stage.OUTPUT, Stage.DELIVERY}
    if verdict.stage in made and _is_listed(verdict):
        # The picture is known, so another attempt that shows it ends in the same way.
        return RetryAdvice.NEVER, None
    from_words = any(finding.modality is Modality.TEXT for finding in verdict.findings)
    if verdict.stage in made and verdict.findings and not from_words:
        return RetryAdvice.NEW_SEED, None
    return RetryAdvice.CHANGE_PROMPT, None


def _is_over_budget(verdict: Verdict) -> bool:
    """Whether every gap is a check for which the content is too much."""
    return all(cell.over_budget for cell in verdict.gaps)


def _is_listed(verdict: Verdict) -> bool:
    """Whether the content matches a hash of a list."""
    return any(one.attributes.get("kind") == "hash" for one in verdict.findings)


def _next_step_text(
    verdict: Verdict, retry: RetryAdvice, messages: Messages, *, decided_by_gap: bool, appeal: bool
) -> str:
    if verdict.action.severity < Action.HOLD.severity:
        return ""
    is_too_much = decided_by_gap and _is_over_budget(verdict)
    if verdict.action is Action.HOLD:
        is_missing = decided_by_gap and retry is RetryAdvice.NEVER and not is_too_much
        return messages("next.missing" if is_missing else "next.wait")
    otherwise = "_appeal" if appeal else ""
    if is_too_much:
        return messages(f"next.calmer{otherwise}")
    if decided_by_gap:
        return messages(f"next.again{otherwise}" if retry is RetryAdvice.SAME else "next.ask")
    if verdict.test_card_only:
        return messages("next.card")
    if retry is RetryAdvice.NEVER:
        return messages(f"next.listed{otherwise}")
    if retry is RetryAdvice.NEW_SEED:
        return messages(f"next.seed{otherwise}")
    what = "reference" if verdict.stage is Stage.REFERENCE else "prompt"
    return messages(f"next.change_{what}{otherwise}")


def _evidence(finding: Finding, messages: Messages) -> dict[str, Any]:
    shown = to_json(finding)
    kept = ("category", "modality", "score", "detector", "version")
    return {
        **{key: shown[key] for key in kept},
        "reason": translate_reason(shown["reason"], messages.tag),
        "evidence": list(shown["evidence"]),
    }
