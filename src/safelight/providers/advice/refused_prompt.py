"""The prompt beside an explained error: the likely words, what to send next, and the price of it. Pure.

It is judged by the check like every prompt, so the three answers and every reason for no help hold here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from safelight.core.i18n import DEFAULT, load_messages
from safelight.policy.explanations import HelpLine
from safelight.providers.advice.driver_lines import driver_lines
from safelight.providers.advice.model_choice import ModelOffer, choose_offer
from safelight.providers.advice.prompt_advice import AdviceOptions, BlockedAt
from safelight.providers.advice.suggestion import Suggestion
from safelight.providers.provider_errors import (
    ErrorKind,
    ErrorSource,
    ModerationStage,
    ProviderError,
    ProviderRetry,
)

from .check_result import CheckResult, is_stricter

#: Checks a text as a prompt, with advice.
PromptCheck = Callable[[str, AdviceOptions], CheckResult]
_BLOCKED_AT = {ModerationStage.INPUT: BlockedAt.REQUEST, ModerationStage.OUTPUT: BlockedAt.OUTPUT}


class NextStep(StrEnum):
    """What to send next."""

    CHANGED = "changed"
    #: The same prompt: it was not the reason.
    SAME = "same"
    #: The same prompt with another reference: the reference was refused.
    REFERENCE = "reference"
    #: The same prompt: no known word explains the refusal, and another try may pass.
    AGAIN = "again"
    #: Nothing: no known word explains the refusal.
    NO_CHANGE = "no_change"
    #: Nothing: the error does not show whether the prompt was the reason.
    UNKNOWN = "unknown"
    #: Nothing: what was refused must not be tried again, or a Safelight refused it.
    STOP = "stop"
    #: Nothing: the answer of the check is a question or a refusal.
    NO_HELP = "no_help"


_SAME_PROMPT = frozenset({NextStep.SAME, NextStep.REFERENCE, NextStep.AGAIN})


@dataclass(frozen=True, kw_only=True)
class RefusedPrompt:
    """The answer about the prompt of an error."""

    prompt: str
    found: CheckResult
    step: NextStep
    #: The change that leads to the next prompt, checked itself; None without one.
    change: Suggestion | None = None
    #: How many texts were checked.
    checks: int = 1
    #: The model that the price is of; None if the price list has none of the provider.
    offer: ModelOffer | None = None

    @property
    def next_prompt(self) -> str:
        """The prompt to send next; empty if none is offered."""
        if self.change is not None:
            return self.change.rewritten
        return self.prompt if self.step in _SAME_PROMPT else ""

    @property
    def _explains(self) -> bool:
        """Whether words of the prompt may be the reason."""
        return self.step in (NextStep.CHANGED, NextStep.AGAIN, NextStep.NO_CHANGE)

    def as_wire(self, locale: str = DEFAULT) -> dict[str, Any]:
        messages, advice = load_messages("advice", locale), self.found.prompt_advice
        wire = advice.as_wire(locale)
        lines, sources = driver_lines(wire["drivers"] if self._explains else ())
        change = self.change.as_wire(messages) if self.change else None
        refusal = wire["no_suggestions"]
        said = refusal["text"] if refusal and self.step is NextStep.NO_HELP else ""
        return {
            "answer": advice.answer.value,
            "words": [
                {
                    "texts": list(line.texts),
                    "reason": line.reason,
                    "sources": [sources[number - 1] for number in line.sources],
                }
                for line in lines
            ],
            "risk": wire["risk"]["reason"] if self._explains else None,
            "next": {
                "step": self.step.value,
                "prompt": self.next_prompt or None,
                "text": said or messages(f"refused_prompt.step.{self.step.value}"),
                "change": change["text"] if change else None,
                "condition": change["condition"] if change else None,
                "diff": change["diff"] if change else [],
            },
            "price": self._price() if self.next_prompt else None,
            "help_lines": [line.as_wire() for line in self._help_lines],
            "checks": self.checks,
        }

    def _price(self) -> dict[str, Any] | None:
        if self.offer is None or (usd := self.offer.usd(self.offer.shortest)) is None:
            return None
        return {"usd": usd, "model": self.offer.name, "seconds": self.offer.shortest}

    @property
    def _help_lines(self) -> tuple[HelpLine, ...]:
        return self.found.prompt_advice.help_lines or self.found.explanation.support


def explain_prompt(
    error: ProviderError, prompt: str, provider: str, check: PromptCheck, offers: Iterable[ModelOffer] = ()
) -> RefusedPrompt:
    """Check the prompt of an error, and what to send next, which is another check if it is another text.

    `provider`: the one that the caller names, for an error that names none.
    """
    asked = error.provider or provider
    is_block = error.kind is ErrorKind.CONTENT_BLOCK
    options = AdviceOptions(provider=asked, blocked_at=_BLOCKED_AT.get(error.stage) if is_block else None)
    found = check(prompt, options)
    step, change, checks = _next_step(error), None, 1
    if not found.prompt_advice.helps:
        step = NextStep.NO_HELP
    elif step is NextStep.CHANGED:
        first = next((one for one in found.prompt_advice.suggestions if one.number), None)
        checks += first is not None
        change = first if first and _is_allowed(first, found, options, check) else None
        if change is None:
            again = error.retry in (ProviderRetry.SAME, ProviderRetry.NEW_SEED)
            step = NextStep.AGAIN if again else NextStep.NO_CHANGE
    return RefusedPrompt(
        prompt=prompt,
        found=found,
        step=step,
        change=change,
        checks=checks,
        offer=choose_offer(offers, provider) or choose_offer(offers, asked),
    )


def _next_step(error: ProviderError) -> NextStep:
    """What the error alone leads to."""
    if error.kind is ErrorKind.UNKNOWN:
        return NextStep.UNKNOWN
    if error.kind is not ErrorKind.CONTENT_BLOCK:
        return NextStep.SAME
    if error.source is ErrorSource.GATEWAY or error.retry is ProviderRetry.NEVER:
        return NextStep.STOP
    if error.stage is ModerationStage.INPUT and error.modality == "image":
        return NextStep.REFERENCE
    return NextStep.CHANGED


def _is_allowed(change: Suggestion, found: CheckResult, options: AdviceOptions, check: PromptCheck) -> bool:
    """Whether the check of the changed prompt gives help, too, and no stricter verdict."""
    again = check(change.rewritten, replace(options, suggests=False))
    return again.prompt_advice.helps and not is_stricter(again, found)
