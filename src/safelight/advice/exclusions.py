"""Exclusions in a prompt, such as "no music" or "without blood": what the video must not show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: A cue and what follows it, up to a punctuation mark or a word that begins something else. At most 40
#: characters, because a longer phrase is usually not excluded as a whole.
_EXCLUSION = re.compile(
    r"\b(?:no|without|free of|do not show|don['’]t show|avoid(?:ing)?|exclud(?:e|ing))\s"
    r"(?:(?!\b(?:but|with|only|while)\b)[^.,;:!?\n，。；]){1,40}"
    r"|(?:沒有|没有|不要|不含|不出現|不出现|避免|無|无)[^.,;:!?\n，。；、]{1,12}",
    re.IGNORECASE,
)
_BEFORE = " ,;，；、"


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """An exclusion at characters `start` to `end` (exclusive)."""

    start: int
    end: int

    def excludes(self, start: int, end: int) -> bool:
        """Whether the characters are excluded. The cue itself is not: "no escape" is a phrase of its own."""
        return self.start < start and end <= self.end


def find_exclusions(text: str) -> tuple[Exclusion, ...]:
    """All exclusions of a text, from left to right."""
    return tuple(
        Exclusion(start=found.start(), end=found.start() + len(found.group().rstrip()))
        for found in _EXCLUSION.finditer(text)
    )


def exclusion_of(exclusions: Sequence[Exclusion], start: int, end: int) -> Exclusion | None:
    return next((one for one in exclusions if one.excludes(start, end)), None)


def removable(text: str, exclusion: Exclusion) -> tuple[int, int]:
    """The exclusion with the separator before it: the characters to remove together."""
    start = exclusion.start
    while start > 0 and text[start - 1] in _BEFORE:
        start -= 1
    return start, exclusion.end
