"""Detects ages under 18 and private data by their patterns."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.categories import Category
from safelight.policy.findings import Basis, Finding, Match, Modality, TextSpan

from .ages import find_young_ages
from .normalise import view_of_kind
from .pii import find_identifiers

VERSION = "1"
CAPABILITIES = (
    Capability(category=Category.MINORS_PRESENT.value, modality=Modality.TEXT),
    Capability(category=Category.PRIVACY.value, modality=Modality.TEXT),
)


class PatternDetector:
    """Finds ages under 18 and patterns of private data."""

    def __init__(self, *, name: str = "patterns") -> None:
        self.name = name
        self.version = VERSION
        self.capabilities: tuple[Capability, ...] = CAPABILITIES

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
