"""Requests for instructions after a block for instructions, also without a common word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.policy.categories import Category

#: A text in these categories is blocked because of what it would teach.
_TAUGHT = frozenset({Category.ILLICIT.value, Category.SELF_HARM_INSTRUCTIONS.value})
_INSTRUCTIONS = re.compile(
    r"\b(?:step[\s-]+by[\s-]+step|(?:each|every) (?:single )?step|how to|how (?:it|this) is (?:made|done)"
    r"|instructions?|tutorials?|lessons?|recipes?|procedure|teach(?:es|ing)?|explains? how)\b"
    r"|步驟|步骤|一步步|一步一步|教我|教學|教学|教程|怎麼做|怎么做|如何|配方|做法",
    re.IGNORECASE,
)


def asks_for_instructions(texts: Iterable[str]) -> bool:
    """Whether a text asks to show how something is done."""
    return any(_INSTRUCTIONS.search(text) for text in texts)


def is_about_instructions(categories: Iterable[str]) -> bool:
    """Whether a block with these categories was for instructions."""
    return not _TAUGHT.isdisjoint(categories)
