"""What has a shape rather than a word: ages in numbers, private data."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, Match, Modality, TextSpan

from .ages import young_ages
from .normalise import read_as
from .pii import identifiers

VERSION = "1"
CAPABILITIES = (
    Capability(category=Category.MINORS_PRESENT.value, modality=Modality.TEXT),
    Capability(category=Category.PRIVACY.value, modality=Modality.TEXT),
)


class PatternDetector:
    """Ages under 18 and the shapes of private data."""

    def __init__(self, *, name: str = "patterns") -> None:
        self.name = name
        self.version = VERSION
        self.capabilities: tuple[Capability, ...] = CAPABILITIES

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        view = read_as(content.views, "folded")
        ages = [view.span(start, end) for start, end in young_ages(view.text)]
        if ages:
            yield self._finding(content, Category.MINORS_PRESENT, 0.95, "An age under 18 is named.", ages, ())
        private = [(kind, view.span(start, end)) for kind, start, end in identifiers(view.text)]
        if private:
            kinds = tuple(dict.fromkeys(kind for kind, _span in private))
            yield self._finding(
                content,
                Category.PRIVACY,
                0.8,
                f"What looks like a {' and a '.join(kinds)} stands in the text.",
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
            reason=reason,
            evidence=(*(TextSpan(field=content.field, start=a, end=b) for a, b in spans[:16]), *matches),
        )
