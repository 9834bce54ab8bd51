"""Parts of a prompt that no suggestion may change: findings, quotations and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from safelight.policy.findings import Basis, Finding, TextSpan

#: The range of characters from a start to an end (exclusive).
Span: TypeAlias = tuple[int, int]
_QUOTATION = re.compile(
    r'"[^"\n]{1,200}"|“[^”\n]{1,200}”|‘[^’\n]{1,200}’|(?<!\w)\'[^\'\n]{1,200}\'(?!\w)'
    r"|「[^」\n]{1,200}」|『[^』\n]{1,200}』|《[^》\n]{1,200}》|〈[^〉\n]{1,200}〉"
)
#: A capitalized word, with the start of the text or the sentence before it if it is the first one.
# Bounded, because many blank lines would take quadratic time.
_CAPITALIZED = re.compile(
    r"(?P<first>(?:^|[.!?:;。！？：；\n])[\s\"“‘(\[*#-]{0,20})?\b(?P<word>[A-Z][\w'’-]*)"
)
_CAPITALIZED_NEXT = re.compile(r"\s+[A-Z]")


def find_protected_spans(text: str, findings: Iterable[Finding], *, field: str) -> tuple[Span, ...]:
    """Character ranges of a text that suggestions leave alone. A change there could hide a name from our own
    policy.

    A score of a classifier is about the whole text, so its range protects no word.
    """
    named = (
        (place.start, place.end)
        for finding in findings
        if finding.basis is not Basis.LEARNED and not finding.attributes.get("negated")
        for place in finding.evidence
        if isinstance(place, TextSpan) and place.field == field
    )
    return (*named, *find_quotations(text), *find_names(text))


def find_quotations(text: str) -> Iterator[Span]:
    return (found.span() for found in _QUOTATION.finditer(text))


def find_names(text: str) -> Iterator[Span]:
    """Capitalized words in the middle of a sentence, and at its start if the next word is capitalized too."""
    for found in _CAPITALIZED.finditer(text):
        if found.group("first") is None or _CAPITALIZED_NEXT.match(text, found.end()):
            yield found.span("word")
