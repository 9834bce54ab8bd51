"""Advice on one request: provider risk, drivers, suggestions, and the steps after a block. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from safelight.core.i18n import DEFAULT, Messages, load_messages
from safelight.detectors.text.chinese import locale_of
from safelight.policy.explanations import HelpLine, help_lines
from safelight.policy.findings import Category, Cell, Finding, is_alarm
from safelight.policy.verdicts import Action
from safelight.screening.seen_objects import find_things

from . import driver_tables
from .age_cues import find_ageless_person, has_age_cue
from .driver_tables import Contradiction, DriverKind
from .drivers import PROMPT, Driver, find_contradictions, find_drivers, leave_out_lone
from .harm_scenes import HarmKind, find_harm
from .help_gate import WITHOUT_ADVICE, HelpAnswer, HelpRefusal, find_refusal
from .omissions import EstimateRisks
from .protected_spans import find_protected_spans
from .provider_risk import ProviderRisk, RiskLevel, assess_risk, find_shut_down
from .provider_rules import ProviderAdvice, ProviderRule
from .risk_model import RiskEstimate
from .scene_changes import StatedFacts
from .suggestion import Suggestion, contradiction_wire
from .suggestions import suggest

#: Rows on suicide, addiction and eating disorders, with which help lines are listed.
_TOPICS = ("topic", "suicide")
#: The reference risk of a face.
_FACES = "pained_faces"


class BlockedAt(StrEnum):
    """Where the provider blocked the request: at the request, or in or after the generation."""

    REQUEST = "request"
    OUTPUT = "output"


@dataclass(frozen=True, kw_only=True)
class AdviceOptions:
    """What the caller states about a request, in addition to its fields."""

    #: Provider or model for which advice is wanted; empty if none is.
    provider: str = ""
    #: Where the provider blocked the request; None if it did not, or if that is unknown.
    blocked_at: BlockedAt | None = None
    #: What the reference images show: ids of `driver_tables.asked_risks`. None if the user was not asked.
    reference_shows: tuple[str, ...] | None = None
    #: What the video is for, in the user's words; empty if not stated.
    purpose: str = ""
    #: The age of the person, as the user states it; None if not stated.
    age: int | None = None
    #: Whether the provider refused an honest rewrite too.
    rewrite_failed: bool = False
    #: Texts that accompany the request, by field: a template, a rewritten prompt, a negative prompt.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Fields of the request that state what the video must not show.
    negated: frozenset[str] = frozenset()
    #: Computes the risk by the tenant's own outcomes, None if too few are known. It is called only if the
    #: estimate is shown, because it can take seconds.
    estimate: Callable[[], RiskEstimate | None] | None = None
    #: Estimates the risk of other prompts by the same outcomes, only after a block by the provider.
    estimate_others: EstimateRisks = lambda _prompts: None
    #: Whether suggestions are made. Without them, a check of a prompt takes a tenth less time.
    suggests: bool = True
    #: Whether the caller wants rewrites of the language model that the operator configured, too.
    rewriter: bool = False
    #: Whether our policy or a reviewer blocked a request of this end user or account within the last hour.
    had_block: bool = False


@dataclass(frozen=True, kw_only=True)
class ScreenedRequest:
    """The texts of a request with what the detectors found."""

    texts: Mapping[str, str]
    findings: tuple[Finding, ...] = ()
    #: Findings with too low a score to be recorded.
    unrecorded: tuple[Finding, ...] = ()
    #: The findings whose text may be disclosed.
    shown: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()
    action: Action = Action.ALLOW
    undecided: bool = False
    #: Whether the explanation of the verdict already lists help lines.
    supported: bool = False
    references: int = 0


@dataclass(frozen=True, kw_only=True)
class PromptAdvice:
    """The advice on one request. `refusal`: why it has no suggestions."""

    risk: ProviderRisk
    drivers: tuple[Driver, ...]
    contradictions: tuple[Contradiction, ...]
    suggestions: tuple[Suggestion, ...]
    refusal: HelpRefusal | None
    #: Keys of the steps to take after a block by the provider, in order; empty if there was none.
    fix: tuple[str, ...]
    blocked_at: BlockedAt | None
    #: Ids of the reference risks that the user is asked about.
    questions: tuple[str, ...]
    help_lines: tuple[HelpLine, ...] = ()
    #: Whether the advice ends because the provider refused a rewrite too.
    stopped: bool = False

    @property
    def helps(self) -> bool:
        """Whether there may be suggestions."""
        return self.answer is HelpAnswer.HELP

    @property
    def answer(self) -> HelpAnswer:
        if self.refusal is HelpRefusal.UNSURE:
            return HelpAnswer.ASK
        return HelpAnswer.HELP if self.refusal is None and not self.stopped else HelpAnswer.REFUSE

    def as_wire(self, locale: str = DEFAULT) -> dict[str, Any]:
        messages = load_messages("advice", locale)
        return {
            "answer": self.answer.value,
            "risk_level": self.risk.level.value,
            "risk": self.risk.as_wire(messages),
            "drivers": [driver.as_wire(messages) for driver in self.drivers],
            "contradictions": [contradiction_wire(one, messages) for one in self.contradictions],
            "suggestions": [one.as_wire(messages) for one in self.suggestions],
            "no_suggestions": self._refusal_wire(messages),
            "fix": self._fix_wire(messages),
            "questions": [{"id": name, "text": messages(f"question.{name}")} for name in self.questions],
            "help_lines": [line.as_wire() for line in self.help_lines],
        }

    def _refusal_wire(self, messages: Messages) -> dict[str, str] | None:
        if self.helps:
            return None
        reason = self.refusal.value if self.refusal else "rewrite_failed"
        return {"reason": reason, "text": messages(f"refusal.{reason}")}

    def _fix_wire(self, messages: Messages) -> dict[str, Any] | None:
        if not self.fix or self.blocked_at is None:
            return None
        kind = "quick" if self.blocked_at is BlockedAt.REQUEST else "deep"
        return {"kind": kind, "steps": [messages(f"fix.{step}") for step in self.fix]}


def advise_on(
    request: ScreenedRequest, provider: ProviderAdvice | None, options: AdviceOptions
) -> PromptAdvice:
    """The advice on a screened request. It has suggestions only if the help gate allows them."""
    drivers = (
        *find_drivers(request.texts, request.shown, negated=options.negated),
        *_reference_drivers(options.reference_shows or (), find_things(request.shown)),
    )
    if options.blocked_at is None:
        drivers = leave_out_lone(drivers)
    shown = [text for name, text in request.texts.items() if name not in options.negated]
    refusal = find_refusal(
        request.findings,
        request.cells,
        action=request.action,
        undecided=request.undecided,
        texts=shown,
        had_block=options.had_block,
        unrecorded=request.unrecorded,
    )
    prompt = request.texts.get(PROMPT, "")
    if refusal is HelpRefusal.POLICY and not request.undecided:
        ours = "own_policy_block" if request.action is Action.BLOCK else "own_policy_hold"
        return _without_advice(refusal, ours, shut_down=find_shut_down(provider))
    on_topic = (
        refusal is HelpRefusal.DISTRESS
        or (refusal is HelpRefusal.WORDS and HarmKind.SELF_HARM in find_harm(shown))
        or any(is_alarm(one) and one.category == Category.SELF_HARM for one in request.findings)
        # With a question too: these prompts name the topic themselves.
        or any(driver.row in _TOPICS for driver in drivers)
    )
    # The explanation of the verdict often has the help lines already.
    lines = help_lines(locale_of(prompt)) if on_topic and not request.supported else ()
    if refusal in WITHOUT_ADVICE:
        return _without_advice(refusal, refusal.value, lines)
    helps = refusal is None and not options.rewrite_failed
    return PromptAdvice(
        risk=assess_risk(
            provider,
            drivers,
            readable=refusal is not HelpRefusal.NOT_CHECKED,
            # A percentage would show step by step how a request evades the filter.
            estimate=options.estimate()
            if options.estimate and refusal is None and find_shut_down(provider) is None
            else None,
        ),
        drivers=drivers,
        contradictions=tuple(
            dict.fromkeys(one for text in request.texts.values() for one in find_contradictions(text))
        ),
        suggestions=suggest(
            prompt,
            drivers,
            _stated_facts(request, options, prompt),
            protected=find_protected_spans(prompt, request.findings, field=PROMPT),
            estimate=None if options.blocked_at is None else options.estimate_others,
        )
        if helps and options.suggests
        else (),
        refusal=refusal,
        stopped=options.rewrite_failed,
        fix=_fix(drivers, options.blocked_at, request.references) if helps else (),
        blocked_at=options.blocked_at,
        questions=_questions(drivers) if request.references and options.reference_shows is None else (),
        help_lines=lines,
    )


def _stated_facts(request: ScreenedRequest, options: AdviceOptions, prompt: str) -> StatedFacts:
    cue = has_age_cue((*request.texts.values(), options.purpose), request.findings)
    blocked = options.blocked_at is not None
    return StatedFacts(
        purpose=options.purpose,
        age=None if cue else options.age,
        asks_age=blocked and options.age is None and not cue and find_ageless_person(prompt) is not None,
        shows_face=_FACES in (options.reference_shows or ()) or bool(blocked and request.references),
        age_cue=cue,
    )


def _without_advice(
    refusal: HelpRefusal,
    reason: str,
    lines: tuple[HelpLine, ...] = (),
    *,
    shut_down: ProviderRule | None = None,
) -> PromptAdvice:
    """The advice on a request that our policy holds or blocks and on a scene of harm, because naming words
    could guide an evasion, and on a text of the writer's own distress.
    """
    return PromptAdvice(
        risk=ProviderRisk(level=RiskLevel.UNKNOWN, reason=reason, provider="", shut_down=shut_down),
        drivers=(),
        contradictions=(),
        suggestions=(),
        refusal=refusal,
        fix=(),
        blocked_at=None,
        questions=(),
        help_lines=lines,
    )


def _reference_drivers(shown: Sequence[str], things: Sequence[str]) -> tuple[Driver, ...]:
    """The risks that the user stated, and those of things that a detector recognized."""
    risks = driver_tables.reference_risks()
    seen = {risk.id: thing for thing in things for risk in risks.values() if thing in risk.things}
    return tuple(
        Driver(
            kind=DriverKind.REFERENCE,
            row=name,
            reason=f"reference_{name}" if name in shown else f"seen_{seen[name].replace(' ', '_')}",
            spans=(),
            words=(),
            sources=(risks[name].source,),
            level=risks[name].level,
        )
        for name in dict.fromkeys((*shown, *seen))
        if name in risks
    )


def _questions(drivers: Sequence[Driver]) -> tuple[str, ...]:
    """The reference risks that nothing has answered yet."""
    answered = {driver.row for driver in drivers if driver.kind is DriverKind.REFERENCE}
    return tuple(name for name in driver_tables.asked_risks() if name not in answered)


def _fix(drivers: Sequence[Driver], blocked_at: BlockedAt | None, references: int) -> tuple[str, ...]:
    """A block of the request: the words. A block in or after the generation: what is most likely first."""
    if blocked_at is None:
        return ()
    words = ("words",) if drivers else ()
    if blocked_at is BlockedAt.REQUEST:
        return (*words, "resubmit", "stop")
    kinds = {driver.kind for driver in drivers}
    steps = ["scene", *words] if kinds & {DriverKind.SCENARIO, DriverKind.STACKING} else [*words, "scene"]
    if references:
        steps.insert(0 if DriverKind.REFERENCE in kinds else len(steps), "reference")
    return (*steps, "sound", "short_test", "stop")
