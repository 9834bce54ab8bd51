"""Requests for instructions after a block for instructions, also without a common word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.detectors.text.normalise import normalize_text
from safelight.policy.categories import Category

#: A text in these categories is blocked because of what it would teach.
_TAUGHT = frozenset({Category.ILLICIT.value, Category.SELF_HARM_INSTRUCTIONS.value})
#: Read in the normalized text: without disguises, and with simplified characters.
_INSTRUCTIONS = re.compile(
    r"\b(?:step[\s-]*by[\s-]*step|(?:each|every) (?:single )?step|how[\s-]+to"
    r"|how (?:it|this) is (?:made|done)|instructions?|tutorials?|lessons?|recipes?|procedure"
    r"|teach(?:es|ing)?|explains? how"
    r"|walk-?throughs?|(?:a|the|complete|beginner'?s) guide (?:to|for|on)"
    r"|diagrams? (?:with|of) (?:the )?amounts?)\b"
    r"|步骤|一步步|一步一步|教我|教学|教程|手把手教|怎么做|怎么制作|怎样制作|怎样做|制作过程|制作方法|如何|配方|做法"
)


def asks_for_instructions(texts: Iterable[str]) -> bool:
    """Whether a text asks to show how something is done."""
    return any(_INSTRUCTIONS.search(normalize_text(text)) for text in texts)


def is_about_instructions(categories: Iterable[str]) -> bool:
    """Whether a block with these categories was for instructions."""
    return not _TAUGHT.isdisjoint(categories)
