"""Advice on a prompt that was screened."""

from __future__ import annotations

from typing import Any

from safelight.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from safelight.advice.provider_rules import advise
from safelight.advice.suggestion import Suggestion

REQUEST = frozenset(ScreenedRequest.__dataclass_fields__)


def advised(prompt: str, provider: str = "", **options: Any) -> PromptAdvice:
    """The advice with these fields of the request and these options."""
    request = {name: options.pop(name) for name in REQUEST & options.keys()}
    screened = ScreenedRequest(**{"texts": {"prompt": prompt}, **request})
    rules = advise(provider, screened.findings) if provider else None
    return advise_on(screened, rules, AdviceOptions(**options))


def suggested(advice: PromptAdvice, message: str) -> list[Suggestion]:
    return [one for one in advice.suggestions if one.message == message]


def rewrites(advice: PromptAdvice) -> list[str]:
    return [one.rewritten for one in advice.suggestions if one.edits]
