"""Detects the safety test card in text. The card triggers exactly the category that it names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from safelight.detectors.protocol import Capability, TextContent
from safelight.detectors.safety_card import read_text
from safelight.policy.findings import Basis, Finding, Modality, TextSpan

from .guessed_views import readable_views
from .normalise import final_views, view_of_kind

VERSION = "1"


class CardDetector:
    """Finds `SAFELIGHT-TEST:<category>`. A phrase with an unknown category is ignored."""

    #: This detector fills no cell of the coverage table, because it does not detect harmful content.
    capabilities: tuple[Capability, ...] = ()
    name = "safety-card"
    version = VERSION

    def __init__(self, categories: Collection[str]) -> None:
        self._categories = frozenset(categories)

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per card. Its evidence is the exact range of the phrase in the original text."""
        # Hidden texts are read too, so that a card shows whether a way of hiding is seen.
        read = (view_of_kind(content.views, "folded"), *final_views(content.views)[1:])
        found = {
            (category, view.span(start, end))
            for view in read
            for category, start, end in read_text(view.text)
            if category in self._categories
        }
        return [
            Finding(
                category=category,
                score=1.0,
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                basis=Basis.MATCHED,
                reason="The text contains the safety test card for this category.",
                evidence=(TextSpan(field=content.field, start=start, end=end),),
                test_card=True,
            )
            for category, (start, end) in sorted(found)
        ]

    def blanked(self, content: TextContent) -> TextContent:
        """The content with its cards replaced by spaces, for the other detectors. Offsets stay the same.

        Without this step, the other detectors would match the category name in the card.
        """
        spans = [
            span
            for finding in self.inspect_text(content)
            for span in finding.evidence
            if isinstance(span, TextSpan)
        ]
        if not spans:
            return content
        letters = list(content.text)
        for span in spans:
            letters[span.start : span.end] = " " * (span.end - span.start)
        text = "".join(letters)
        return TextContent(
            field=content.field, text=text, views=readable_views(text), negated=content.negated
        )
