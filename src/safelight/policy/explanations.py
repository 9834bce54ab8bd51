"""What a person is told of a verdict, by degree: enough to go on, never a manual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

from .categories import Group, Taxonomy
from .findings import Finding, Modality, Stage, to_json
from .verdicts import Action, Verdict


class Viewer(StrEnum):
    """Who is told."""

    END_USER = "end_user"
    #: Authenticated with a key of the tenant.
    DEVELOPER = "developer"
    #: Somebody who decides cases of this tenant.
    REVIEWER = "reviewer"


class Retry(StrEnum):
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
class Links:
    """Addresses that go with an explanation; empty: there is none."""

    appeal: str = ""
    record: str = ""
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class HelpLine:
    name: str
    text: str
    region: str = ""


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
    retry: Retry
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
            "retry": {"how": self.retry.value, "after_s": self.retry_after_s},
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
            wire["support"] = [
                {"name": line.name, "text": line.text, "region": line.region or None} for line in self.support
            ]
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
    audience: Viewer,
    charge: ChargeFacts | None = None,
    video_id: str = "",
    links: Links | None = None,
) -> Explanation:
    """What `audience` is told of this verdict.

    Vaulted: that it was blocked, and no category or evidence, whoever asks. Discreet categories: the group.
    """
    links = links or Links()
    charge = charge or _presumed(verdict.stage)
    if verdict.vault:
        return _vaulted(verdict, charge, video_id, links)
    group = taxonomy[verdict.category].group.value if verdict.category in taxonomy else ""
    open_to = audience is Viewer.REVIEWER or (
        audience is Viewer.DEVELOPER and not _discreet(verdict.category, taxonomy)
    )
    decided_by_hole = bool(verdict.holes) and not verdict.findings and verdict.action is not Action.ALLOW
    retry, after = _retry(verdict, decided_by_hole=decided_by_hole)
    step = _next_step(verdict, retry, decided_by_hole=decided_by_hole, appeal=bool(links.appeal))
    named = (verdict.category if open_to else group,) if verdict.category and not decided_by_hole else ()
    return Explanation(
        action=verdict.action,
        stage=verdict.stage,
        sentence=" ".join(
            part
            for part in (
                _happened(verdict),
                _why(verdict, group, open_to=open_to, decided_by_hole=decided_by_hole),
                _spent(charge, verdict),
                step,
            )
            if part
        ),
        next_step=step,
        group="" if decided_by_hole else group,
        categories=tuple(name for name in named if name),
        charge=charge,
        retry=retry,
        retry_after_s=after,
        appeal=links.appeal if verdict.action.severity >= Action.HOLD.severity else "",
        record=links.record if audience is not Viewer.END_USER else "",
        video_id=video_id,
        rule=verdict.rule if open_to or (decided_by_hole and audience is not Viewer.END_USER) else "",
        reason=verdict.reason if open_to else "",
        evidence=tuple(
            _evidence(finding)
            for finding in verdict.findings
            if open_to and (audience is Viewer.REVIEWER or not _discreet(finding.category, taxonomy))
        ),
        support=help_lines() if verdict.support else (),
        not_checked=tuple(f"{cell.category} in {cell.modality.value}" for cell in verdict.holes)
        if audience is not Viewer.END_USER
        else (),
        test_card=verdict.test_card_only,
    )


@cache
def help_lines() -> tuple[HelpLine, ...]:
    """The help lines this package ships, the world-wide one first."""
    data = resources.files(__package__).joinpath("help_lines.yaml").read_text("utf-8")
    return tuple(
        HelpLine(name=entry["name"], text=entry["text"], region=entry["region"])
        for entry in yaml.safe_load(data)
    )


def _discreet(category: str, taxonomy: Taxonomy) -> bool:
    """Unknown categories are kept back too: their package may have been removed."""
    return category not in taxonomy or taxonomy[category].discreet


def _vaulted(verdict: Verdict, charge: ChargeFacts, video_id: str, links: Links) -> Explanation:
    step = "Write to the operator of this service if you think this is a mistake."
    return Explanation(
        action=verdict.action,
        stage=verdict.stage,
        sentence=f"{_happened(verdict)} {_spent(charge, verdict)} {step}",
        next_step=step,
        group="",
        categories=(),
        charge=charge,
        retry=Retry.NEVER,
        retry_after_s=None,
        video_id=video_id,
        appeal=links.appeal,
    )


def _presumed(stage: Stage) -> ChargeFacts:
    if stage in {Stage.ADMISSION, Stage.PROMPT, Stage.REFERENCE}:
        return ChargeFacts(charged="no", source="not sent to a generator")
    return ChargeFacts(charged="unknown")


_BEFORE = {
    Stage.ADMISSION: "on admission",
    Stage.PROMPT: "before generation",
    Stage.REFERENCE: "before generation, at the reference",
    Stage.GENERATION: "during generation",
    Stage.OUTPUT: "after generation",
    Stage.DELIVERY: "before delivery",
}


def _happened(verdict: Verdict) -> str:
    word = {
        Action.ALLOW: "Allowed",
        Action.LABEL: "Allowed with a visible label",
        Action.HOLD: "Held for review",
        Action.BLOCK: "Blocked",
    }[verdict.action]
    return f"{word} {_BEFORE[verdict.stage]}."


_GROUPS = {
    Group.SEXUAL: "sexual content",
    Group.MINORS: "the protection of minors",
    Group.VIOLENCE: "violence",
    Group.SELF_HARM: "self-harm",
    Group.HATE: "hate or harassment",
    Group.EXTREMISM: "extremism",
    Group.ILLICIT: "illegal activity",
    Group.LIKENESS: "a real person's likeness",
    Group.IP: "a protected character or brand",
    Group.DECEPTION: "deception",
    Group.PRIVACY: "private data",
}


def _why(verdict: Verdict, group: str, *, open_to: bool, decided_by_hole: bool) -> str:
    if decided_by_hole:
        return "A check that this service requires could not be made."
    if verdict.action is Action.ALLOW:
        return ""
    if verdict.test_card_only:
        return "The safety test card was seen; this is a test."
    if open_to and verdict.reason:
        return f"{_where(verdict)}{verdict.reason.rstrip('.')} (rule {verdict.rule})."
    subject = _GROUPS.get(Group(group), group) if group else ""
    return f"The reason is {subject}." if subject else ""


def _where(verdict: Verdict) -> str:
    """Where the strongest finding is, as a person says it."""
    for finding in verdict.findings[:1]:
        if finding.modality is Modality.TEXT:
            return f"In the {_field(finding)}: "
        for part in finding.evidence:
            if part.__struct_config__.tag in {"frames", "time"}:
                start = getattr(part, "start_s", 0.0)
                return f"At {start:.1f} s: "
    return ""


def _field(finding: Finding) -> str:
    for part in finding.evidence:
        name = getattr(part, "field", "")
        if name:
            return str(name).replace("_", " ")
    source = finding.attributes.get("source")
    return str(source).replace("_", " ") if source else "text"


def _spent(charge: ChargeFacts, verdict: Verdict) -> str:
    if verdict.action.severity < Action.HOLD.severity:
        return ""
    if charge.charged == "no":
        return "Nothing was charged."
    if charge.charged == "yes":
        return (
            f"The generator charged {charge.amount:g} {charge.currency}."
            if charge.amount
            else ("The generator charged for it.")
        )
    return "Whether the generator charged for it is not known."


def _retry(verdict: Verdict, *, decided_by_hole: bool) -> tuple[Retry, float | None]:
    if verdict.action.severity < Action.HOLD.severity:
        return Retry.SAME, None
    if decided_by_hole:
        # What crashed or ran out of time may work next time; what is not installed will not.
        again = any(cell.available for cell in verdict.holes)
        return (Retry.SAME, 60.0) if again else (Retry.NEVER, None)
    if verdict.action is Action.HOLD:
        return Retry.NEVER, None
    made = {Stage.GENERATION, Stage.OUTPUT, Stage.DELIVERY}
    from_words = any(finding.modality is Modality.TEXT for finding in verdict.findings)
    if verdict.stage in made and verdict.findings and not from_words:
        return Retry.NEW_SEED, None
    return Retry.CHANGE_PROMPT, None


def _next_step(verdict: Verdict, retry: Retry, *, decided_by_hole: bool, appeal: bool) -> str:
    if verdict.action.severity < Action.HOLD.severity:
        return ""
    if verdict.action is Action.HOLD:
        if decided_by_hole and retry is Retry.NEVER:
            return "A person will look at it; the operator can install the missing check or record a waiver."
        return "Wait for the review; nothing needs to be done."
    otherwise = " or appeal." if appeal else "."
    if decided_by_hole:
        return (
            "Try again in a minute" + otherwise if retry is Retry.SAME else "Ask the operator for the check."
        )
    if verdict.test_card_only:
        return "Leave the test card out."
    if retry is Retry.NEW_SEED:
        return "Try again with a new seed, or change the prompt" + otherwise
    what = "reference" if verdict.stage is Stage.REFERENCE else "prompt"
    return f"Change the {what}{otherwise}"


def _evidence(finding: Finding) -> dict[str, Any]:
    shown = to_json(finding)
    kept = ("category", "modality", "score", "detector", "version", "reason")
    return {**{key: shown[key] for key in kept}, "evidence": list(shown["evidence"])}
