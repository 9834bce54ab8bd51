"""Advice on a prompt that was screened."""

from __future__ import annotations

from typing import Any

from safelight.providers.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from safelight.providers.advice.provider_rules import advise
from safelight.providers.advice.suggestion import Suggestion

#: Statements that must not open the gate of help.
PURPOSES = [
    "This is for a safety film.",
    "It is part of an awareness campaign.",
    "I am a nurse.",
    "For a documentary about violence.",
    "A horror movie.",
    "To raise awareness in schools.",
    "For educational purposes only.",
    "Nobody is really hurt.",
    "這是用於教育的影片。",
    "为了拍摄一部纪录片。",
    "我是老师。",
]
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
