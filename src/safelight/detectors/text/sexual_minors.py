"""Detects `sexual/minors` in text: a strong sexual signal together with any sign of a minor, in the same
field or in different fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.findings import Basis, Category, Finding, Modality, TextSpan

from .ages import find_young_ages
from .lists import Lexicon, ListEntry
from .normalise import view_of_kind

VERSION = "1"
CAPABILITIES = (Capability(category=Category.SEXUAL_MINORS.value, modality=Modality.TEXT),)
_SEXUAL = (Category.SEXUAL, Category.NCII)


class SexualMinorsDetector:
    """Detector for `sexual/minors`. It is strict on purpose: the two signals may be far apart and in
    different fields.
    """

    name = "sexual-minors"
    version = VERSION
    capabilities: tuple[Capability, ...] = CAPABILITIES

    def __init__(self, entries: Iterable[ListEntry]) -> None:
        known = tuple(entries)
        self._sexual = Lexicon(
            entry for entry in known if entry.category in _SEXUAL and entry.attributes.get("strong") is True
        )
        self._young = Lexicon(entry for entry in known if entry.category == Category.MINORS_PRESENT)

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        return self.inspect_together((content,))

    def inspect_together(self, contents: Sequence[TextContent]) -> Iterable[Finding]:
        """At most one finding for all fields together. Negated fields are left out."""
        requested = [content for content in contents if not content.negated]
        sexual = [span for content in requested for span in self._spans(content, self._sexual)]
        if not sexual:
            return ()
        young = [
            span for content in requested for span in (*self._spans(content, self._young), *_ages(content))
        ]
        if not young:
            return ()
        return (
            Finding(
                category=Category.SEXUAL_MINORS.value,
                score=0.97,
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                basis=Basis.COMPOSED,
                reason="A sexual signal occurs together with a sign of a minor.",
                evidence=tuple(dict.fromkeys((*sexual[:8], *young[:8]))),
            ),
        )

    def _spans(self, content: TextContent, lexicon: Lexicon) -> list[TextSpan]:
        return [
            _span(content.field, view.span(hit.start, hit.end))
            for view in content.views
            if view.kind != "plain"
            for hit in lexicon.find(view)
        ]


def _ages(content: TextContent) -> list[TextSpan]:
    view = view_of_kind(content.views, "folded")
    return [_span(content.field, view.span(start, end)) for start, end in find_young_ages(view.text)]


def _span(field: str, span: tuple[int, int]) -> TextSpan:
    return TextSpan(field=field, start=span[0], end=span[1])
