"""What a person is told of a verdict, by degree: enough to go on, never a manual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from safelight import yaml_loader
from safelight.i18n import DEFAULT, Messages, load_messages, translate_reason

from .categories import Taxonomy
from .findings import Finding, Modality, Stage, to_json
from .verdicts import Action, Verdict


class ExplanationLevel(StrEnum):
    """Who is told."""

    END_USER = "end_user"
    #: Authenticated with a key of the tenant.
    DEVELOPER = "developer"
    #: Somebody who decides cases of this tenant.
    REVIEWER = "reviewer"


class RetryAdvice(StrEnum):
    SAME = "same"
    NEW_SEED = "new_seed"
    CHANGE_PROMPT = "change_prompt"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class ChargeFacts:
    """What the generator took: `yes`, `no` or `unknown`; the amount where it is known, and who says so."""

    charged: str
    amount: float | None = None
    currency: str = "USD"
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class ExplanationLinks:
    """Addresses that go with an explanation; empty: there is none."""

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
    """One verdict, as one viewer may know it. What the viewer may not know is empty, not hidden."""

    action: Action
    stage: Stage
    #: Say what happened, to what, why, and what now.
    sentence: str
    next_step: str
    #: The word for the subject where the category is withheld; empty where nothing may be said.
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
    #: Required cells nobody checked, as `category in modality`.
    not_checked: tuple[str, ...] = ()
    test_card: bool = False

    def as_wire(self) -> dict[str, Any]:
        """`moderation_details` in OpenAI's shape, with our keys beside theirs."""
        wire: dict[str, Any] = {
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
        if self.support:
            wire["support"] = [line.as_wire() for line in self.support]
        if self.test_card:
            wire["test_card"] = True
        return wire


def moderation_stage(stage: Stage) -> str:
    """The wire's word for a stage: input, output or unknown."""
    if stage in {Stage.PROMPT, Stage.REFERENCE}:
        return "input"
    return "output" if stage in {Stage.GENERATION, Stage.OUTPUT, Stage.DELIVERY} else "unknown"


def explain(
    verdict: Verdict,
    taxonomy: Taxonomy,
    *,
    audience: ExplanationLevel,
    charge: ChargeFacts | None = None,
    video_id: str = "",
    links: ExplanationLinks | None = None,
    locale: str = DEFAULT,
) -> Explanation:
    """What `audience` is told of this verdict, in the language `locale` where there are words for it.

    Vaulted: that it was blocked, and no category or evidence, whoever asks. Discreet categories: the group.
    """
    links = links or ExplanationLinks()
    say = load_messages("explanations", locale)
    charge = charge or _presumed(verdict.stage)
    if verdict.vault:
        return _vaulted(verdict, charge, video_id, links, say)
    group = taxonomy[verdict.category].group.value if verdict.category in taxonomy else ""
    open_to = audience is ExplanationLevel.REVIEWER or (
        audience is ExplanationLevel.DEVELOPER and not _discreet(verdict.category, taxonomy)
    )
    decided_by_hole = bool(verdict.gaps) and not verdict.findings and verdict.action is not Action.ALLOW
    retry, after = _retry(verdict, decided_by_hole=decided_by_hole)
    step = _next_step(verdict, retry, say, decided_by_hole=decided_by_hole, appeal=bool(links.appeal))
    named = (verdict.category if open_to else group,) if verdict.category and not decided_by_hole else ()
    return Explanation(
        action=verdict.action,
        stage=verdict.stage,
        sentence=_joined(
            say,
            _happened(verdict, say),
            _why(verdict, group, say, open_to=open_to, decided_by_hole=decided_by_hole),
            _spent(charge, verdict, say),
            step,
        ),
        next_step=step,
        group="" if decided_by_hole else group,
        categories=tuple(name for name in named if name),
        charge=charge,
        retry=retry,
        retry_after_s=after,
        appeal=links.appeal if verdict.action.severity >= Action.HOLD.severity else "",
        record=links.record if audience is not ExplanationLevel.END_USER else "",
        video_id=video_id,
        rule=verdict.rule
        if open_to or (decided_by_hole and audience is not ExplanationLevel.END_USER)
        else "",
        reason=translate_reason(verdict.reason, say.tag) if open_to else "",
        evidence=tuple(
            _evidence(finding, say)
            for finding in verdict.findings
            if open_to
            and (audience is ExplanationLevel.REVIEWER or not _discreet(finding.category, taxonomy))
        ),
        support=help_lines(locale) if verdict.support else (),
        not_checked=tuple(f"{cell.category} in {cell.modality.value}" for cell in verdict.gaps)
        if audience is not ExplanationLevel.END_USER
        else (),
        test_card=verdict.test_card_only,
    )


@cache
def help_lines(locale: str = DEFAULT) -> tuple[HelpLine, ...]:
    """The help lines this package ships for a language, or the English ones."""
    data = resources.files(__package__).joinpath("help_lines.yaml").read_text("utf-8")
    entries = yaml_loader.load(data)
    spoken = [entry for entry in entries if entry["locale"] == locale] or [
        entry for entry in entries if entry["locale"] == DEFAULT
    ]
    return tuple(HelpLine(name=entry["name"], text=entry["text"], region=entry["region"]) for entry in spoken)


def _discreet(category: str, taxonomy: Taxonomy) -> bool:
    """Unknown categories are kept back too: their package may have been removed."""
    return category not in taxonomy or taxonomy[category].hide_details


def _vaulted(
    verdict: Verdict, charge: ChargeFacts, video_id: str, links: ExplanationLinks, say: Messages
) -> Explanation:
    step = say("next.vaulted")
    return Explanation(
        action=verdict.action,
        stage=verdict.stage,
        sentence=_joined(say, _happened(verdict, say), _spent(charge, verdict, say), step),
        next_step=step,
        group="",
        categories=(),
        charge=charge,
        retry=RetryAdvice.NEVER,
        retry_after_s=None,
        video_id=video_id,
        appeal=links.appeal,
    )


def _presumed(stage: Stage) -> ChargeFacts:
    if stage in {Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE}:
        return ChargeFacts(charged="no", source="not sent to a generator")
    return ChargeFacts(charged="unknown")


def _joined(say: Messages, *parts: str) -> str:
    """Sentences one after the other, as the language sets them."""
    return say("join").join(part for part in parts if part)


def _happened(verdict: Verdict, say: Messages) -> str:
    return say(f"happened.{verdict.action.value}", when=say(f"when.{verdict.stage.value}"))


def _why(verdict: Verdict, group: str, say: Messages, *, open_to: bool, decided_by_hole: bool) -> str:
    if decided_by_hole:
        return say("why.hole")
    if verdict.action is Action.ALLOW:
        return ""
    if verdict.test_card_only:
        return say("why.test_card")
    if open_to and verdict.reason:
        reason = translate_reason(verdict.reason, say.tag).rstrip(".")
        return say("why.rule", where=_where(verdict, say), reason=reason, rule=verdict.rule)
    return say("why.subject", subject=say(f"group.{group}")) if group else ""


def _where(verdict: Verdict, say: Messages) -> str:
    """Where the strongest finding is, as a person says it."""
    for finding in verdict.findings[:1]:
        if finding.modality is Modality.TEXT:
            return say("where.text", field=_field(finding, say))
        for part in finding.evidence:
            if part.__struct_config__.tag in {"frames", "time"}:
                return say("where.time", seconds=f"{getattr(part, 'start_s', 0.0):.1f}")
    return ""


def _field(finding: Finding, say: Messages) -> str:
    for part in finding.evidence:
        name = getattr(part, "field", "")
        if name:
            return say(f"field.{name}") if say.has(f"field.{name}") else str(name).replace("_", " ")
    source = finding.attributes.get("source")
    return str(source).replace("_", " ") if source else "text"


def _spent(charge: ChargeFacts, verdict: Verdict, say: Messages) -> str:
    if verdict.action.severity < Action.HOLD.severity:
        return ""
    if charge.charged == "no":
        return say("spent.none")
    if charge.charged == "yes":
        if charge.amount:
            return say("spent.amount", amount=f"{charge.amount:g}", currency=charge.currency)
        return say("spent.charged")
    return say("spent.unknown")


def _retry(verdict: Verdict, *, decided_by_hole: bool) -> tuple[RetryAdvice, float | None]:
    if verdict.action.severity < Action.HOLD.severity:
        return RetryAdvice.SAME, None
    if decided_by_hole:
        # What crashed or ran out of time may work next time; what is not installed will not.
        again = any(cell.available for cell in verdict.gaps)
        return (RetryAdvice.SAME, 60.0) if again else (RetryAdvice.NEVER, None)
    if verdict.action is Action.HOLD:
        return RetryAdvice.NEVER, None
    made = {Stage.GENERATION, Stage.OUTPUT, Stage.DELIVERY}
    from_words = any(finding.modality is Modality.TEXT for finding in verdict.findings)
    if verdict.stage in made and verdict.findings and not from_words:
        return RetryAdvice.NEW_SEED, None
    return RetryAdvice.CHANGE_PROMPT, None


def _next_step(
    verdict: Verdict, retry: RetryAdvice, say: Messages, *, decided_by_hole: bool, appeal: bool
) -> str:
    if verdict.action.severity < Action.HOLD.severity:
        return ""
    if verdict.action is Action.HOLD:
        return say("next.missing" if decided_by_hole and retry is RetryAdvice.NEVER else "next.wait")
    otherwise = "_appeal" if appeal else ""
    if decided_by_hole:
        return say(f"next.again{otherwise}" if retry is RetryAdvice.SAME else "next.ask")
    if verdict.test_card_only:
        return say("next.card")
    if retry is RetryAdvice.NEW_SEED:
        return say(f"next.seed{otherwise}")
    what = "reference" if verdict.stage is Stage.REFERENCE else "prompt"
    return say(f"next.change_{what}{otherwise}")


def _evidence(finding: Finding, say: Messages) -> dict[str, Any]:
    shown = to_json(finding)
    kept = ("category", "modality", "score", "detector", "version")
    return {
        **{key: shown[key] for key in kept},
        "reason": translate_reason(shown["reason"], say.tag),
        "evidence": list(shown["evidence"]),
    }
