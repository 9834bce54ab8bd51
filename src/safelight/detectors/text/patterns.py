"""Detects ages under 18 and private data by their patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.findings import Basis, Category, Finding, Match, Modality, TextSpan

from .ages import find_young_ages
from .normalise import view_of_kind

_SHAPES = (
    (
        "telephone number",
        re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"),
    ),
    ("telephone number", re.compile(r"(?<![\w.+])\+\d{1,3}(?:[ .-]?\d{2,4}){3,5}(?![\w-])")),
    ("telephone number", re.compile(r"(?<![0-9a-z])1[3-9]\d{9}(?![0-9a-z])")),
    ("social security number", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")),
    ("identity number", re.compile(r"(?<![0-9a-z])[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dxX](?!\w)")),
    ("mail address", re.compile(r"(?<![\w.])[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z]{2,24}){1,3}(?!\w)")),
)
_CARD = re.compile(r"(?<![0-9a-z.])(?:\d{4}[ -]?){3}\d{1,7}(?![0-9a-z.])")
VERSION = "1"
CAPABILITIES = (
    Capability(category=Category.MINORS_PRESENT.value, modality=Modality.TEXT),
    Capability(category=Category.PRIVACY.value, modality=Modality.TEXT),
)


def find_identifiers(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of each item of private data in a folded text."""
    for kind, shape in _SHAPES:
        for hit in shape.finditer(text):
            yield kind, hit.start(), hit.end()
    for hit in _CARD.finditer(text):
        digits = [int(letter) for letter in hit.group() if letter.isdecimal()]
        if 13 <= len(digits) <= 19 and _luhn(digits):
            yield "card number", hit.start(), hit.end()


def _luhn(digits: list[int]) -> bool:
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


class PatternDetector:
    """Finds ages under 18 and patterns of private data."""

    name = "patterns"
    version = VERSION
    capabilities: tuple[Capability, ...] = CAPABILITIES

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        view = view_of_kind(content.views, "folded")
        ages = [view.span(start, end) for start, end in find_young_ages(view.text)]
        if ages:
            yield self._finding(
                content, Category.MINORS_PRESENT, 0.95, "The text names an age under 18.", ages, ()
            )
        private = [(kind, view.span(start, end)) for kind, start, end in find_identifiers(view.text)]
        if private:
            kinds = tuple(dict.fromkeys(kind for kind, _span in private))
            yield self._finding(
                content,
                Category.PRIVACY,
                0.8,
                f"The text contains what looks like a {' and a '.join(kinds)}.",
                [span for _kind, span in private],
                tuple(Match(list="identifiers", entry=kind) for kind in kinds),
            )

    def _finding(
        self,
        content: TextContent,
        category: Category,
        score: float,
        reason: str,
        spans: list[tuple[int, int]],
        matches: tuple[Match, ...],
    ) -> Finding:
        return Finding(
            category=category.value,
            score=score,
            modality=Modality.TEXT,
            detector=self.name,
            version=self.version,
            basis=Basis.MATCHED,
            reason=reason,
            evidence=(*(TextSpan(field=content.field, start=a, end=b) for a, b in spans[:16]), *matches),
        )
