"""The answer to one prompt in the reader's language: in short in the studio, whole on the page Check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.core.i18n import load_messages
from safelight.detectors.text.chinese import locale_of
from safelight.policy.explanations import ExplanationLevel, explain, help_lines
from safelight.policy.findings import Taxonomy
from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult, Price, advice_wire
from safelight.providers.advice.driver_lines import DriverLine, driver_lines
from safelight.providers.advice.help_gate import WITHOUT_ADVICE, HelpRefusal
from safelight.providers.advice.provider_risk import RiskLevel
from safelight.providers.advice.suggestion import SuggestionMaker
from safelight.web.explained_check import template_sentences, undecided_sentences
from safelight.web.translations import Translations
from safelight_client.money import format_money

from .checklist_rows import ChecklistRow, checklist_row
from .prompt_highlights import PromptHighlight, PromptSegment, find_highlights, split_prompt

#: Suggestions that are not folded away.
MAX_SHOWN_SUGGESTIONS = 3
#: Starts of the reasons of a provider risk.
_OWN_POLICY, _DOCUMENTED = "own_policy_", "documented_"


@dataclass(frozen=True, kw_only=True)
class CheckSource:
    """A forecast of what our policy or a provider would do."""

    name: str
    tone: str
    status: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CheckView:
    """Verdict, provider risk, drivers, suggestions and checklist of one prompt."""

    #: The verdict and the risk level as the API states them.
    verdict: str
    risk_level: str
    #: The answer of the gate of help, as the API states it.
    answer: str
    #: What to say to a person in distress, instead of everything else but the help lines; else empty.
    distress: str
    support_title: str
    #: Name (or empty) and text of each help line.
    support: tuple[tuple[str, str], ...]
    policy: CheckSource
    #: None if our own policy holds or blocks the prompt, because it is then not sent to a provider, and if
    #: the prompt gets no advice.
    provider: CheckSource | None
    #: Source of the provider risk: title, date and address; None if there is none.
    risk_source: Mapping[str, Any] | None
    highlights: tuple[PromptHighlight, ...]
    segments: tuple[PromptSegment, ...]
    #: What filters may react to, and the numbered sources of these lines.
    drivers: tuple[DriverLine, ...]
    sources: tuple[Mapping[str, Any], ...]
    contradictions: tuple[str, ...]
    #: The suggestions as the API returns them, the best first. `folded` are those that are shown on demand.
    suggestions: Sequence[Mapping[str, Any]]
    folded: Sequence[Mapping[str, Any]]
    #: The rewrites of a language model, and why there are none if some were asked for.
    rewrites: Sequence[Mapping[str, Any]]
    rewriter_note: str
    #: Why the first suggestion is the best; empty if it cannot be applied.
    first_reason: str
    #: Why suggestions are missing, and what can be done; empty if there are some.
    no_suggestions: str
    next_step: str
    fix_title: str
    fix: tuple[str, ...]
    checklist: tuple[ChecklistRow, ...]
    passed: int
    note: str


def check_view(
    result: CheckResult,
    price: Price,
    prompt: str,
    taxonomy: Taxonomy,
    t: Translations,
    *,
    own_hardware: bool = False,
) -> CheckView:
    """The result of a check in the user's language.

    `own_hardware`: the advice is about a model on own hardware, where no provider can refuse a request.
    """
    wire, advice, messages = advice_wire(result, t.tag), result.prompt_advice, load_messages("advice", t.tag)
    own_model = own_hardware and not (result.advice and result.advice.provider)
    highlights = find_highlights(result, prompt, taxonomy, t, with_providers=not own_model)
    checklist = tuple(checklist_row(item, t) for item in result.checklist)
    lines, sources = driver_lines(wire["drivers"])
    policy, provider = _policy_source(result, taxonomy, t), _provider_source(result, wire, t)
    if own_model and provider:
        provider = CheckSource(
            name=provider.name, tone="none", status=t("check.own_hardware"), text=t("check.own_hardware_text")
        )
    support_title, support = _support(result, wire, prompt, t)
    refusal = wire["no_suggestions"]
    suggestions = [one for one in wire["suggestions"] if one["source"] == SuggestionMaker.RULES]
    reason = refusal["reason"] if refusal else "none_known"
    has_next = not suggestions and reason not in {HelpRefusal.POLICY, *WITHOUT_ADVICE}
    best = advice.suggestions[0] if advice.suggestions and advice.suggestions[0].number else None
    return CheckView(
        verdict=result.verdict,
        risk_level=wire["risk_level"],
        answer=wire["answer"],
        distress=refusal["text"] if advice.refusal is HelpRefusal.DISTRESS else "",
        support_title=support_title,
        support=support,
        policy=policy,
        provider=provider,
        risk_source=wire["risk"]["source"],
        highlights=highlights,
        segments=split_prompt(prompt, highlights),
        drivers=lines,
        sources=sources,
        contradictions=tuple(one["text"] for one in wire["contradictions"]),
        suggestions=suggestions[:MAX_SHOWN_SUGGESTIONS],
        folded=suggestions[MAX_SHOWN_SUGGESTIONS:],
        rewrites=[one for one in wire["suggestions"] if one["source"] == SuggestionMaker.REWRITER],
        rewriter_note=((wire["rewriter"] or {}).get("note") or {}).get("text", ""),
        first_reason=best.describe_effect(messages) if best else "",
        no_suggestions="" if suggestions else _why_none(result, refusal, t),
        next_step=t(f"advice.next.{reason}") if has_next else "",
        fix_title=messages(f"title.fix_{wire['fix']['kind']}") if wire["fix"] else "",
        fix=tuple(wire["fix"]["steps"]) if wire["fix"] else (),
        checklist=checklist,
        passed=sum(row.passed for row in checklist),
        note=t("check.note", cost=_format_cost(price, t)),
    )


def _why_none(result: CheckResult, refusal: Mapping[str, Any] | None, t: Translations) -> str:
    """Why suggestions are missing. If our policy is the reason, with what it does with this prompt."""
    if refusal is None:
        return t("advice.none_known")
    if refusal["reason"] != HelpRefusal.POLICY.value or result.action is Action.ALLOW:
        return str(refusal["text"])
    return t(f"advice.none_policy.{'undecided' if result.undecided else result.action.value}")


def _policy_source(result: CheckResult, taxonomy: Taxonomy, t: Translations) -> CheckSource:
    explanation = explain(result.deciding.verdict, taxonomy, level=ExplanationLevel.DEVELOPER, locale=t.tag)
    # The next step of a hold is for a request that was submitted and waits.
    step = explanation.next_step if result.action is Action.BLOCK else ""
    sentences = undecided_sentences(result, t) or [one for one in (explanation.why, step) if one]
    sentences += template_sentences(result, t)
    return CheckSource(
        name=t("check.policy"),
        tone=Action.HOLD.value if result.undecided else result.action.value,
        status=t(f"check.{result.verdict}"),
        text=t.join_sentences(sentences) if sentences else "",
    )


def _provider_source(result: CheckResult, wire: Mapping[str, Any], t: Translations) -> CheckSource | None:
    risk = result.prompt_advice.risk
    if risk.reason.startswith(_OWN_POLICY) or result.prompt_advice.refusal in WITHOUT_ADVICE:
        return None
    name = t("check.provider", name=risk.provider) if risk.provider else t("check.any_provider")
    if risk.shut_down:
        status, tone = t("check.shut_down"), "none"
    elif risk.reason.startswith(_DOCUMENTED):
        refused = risk.reason == "documented_refused"
        status, tone = t(f"check.{risk.reason}"), Action.BLOCK.value if refused else Action.HOLD.value
    else:
        status = t(f"check.risk.{risk.level.value}")
        tone = Action.HOLD.value if risk.level in {RiskLevel.MEDIUM, RiskLevel.HIGH} else "none"
    return CheckSource(name=name, tone=tone, status=status, text=wire["risk"]["reason"])


def _support(
    result: CheckResult, wire: Mapping[str, Any], prompt: str, t: Translations
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The help lines with their title: in the language of the prompt, then in that of the reader."""
    if result.explanation.support:
        lines = dict.fromkeys((*help_lines(locale_of(prompt), t.region), *help_lines(t.tag, t.region)))
        return t("explain.support"), tuple((line.name, line.text) for line in lines)
    title = load_messages("advice", t.tag)("title.help")
    return title, tuple(("", line["text"]) for line in wire["help_lines"])


def _format_cost(price: Price, t: Translations) -> str:
    if price.usd is None:
        return t("studio.cost_unknown")
    if price.usd == 0:
        return t("studio.cost_free")
    return t("studio.cost_about", amount=format_money(price.usd))
