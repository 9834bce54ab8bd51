"""The two detectors that learned from examples: n-grams alone, and MiniLM with n-grams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from safelight.detectors.protocol import Capability, TextContent, TextView
from safelight.policy.categories import SHIPPED
from safelight.policy.findings import Finding, Modality, TextSpan

from . import ngrams
from .heads import FLOOR, Array, Heads
from .minilm.encoder import Encoder

VERSION = "1"
_MAX_SPANS = 4
#: MiniLM reads English; a window with more than this part of Chinese letters is left to the n-grams.
_CHINESE = 0.3


class NgramDetector:
    """Hashed n-grams and a line per category. English and Chinese; needs no model file."""

    def __init__(self, heads: Heads, *, name: str = "ngrams") -> None:
        self.name = name
        self.version = f"{VERSION}+{heads.sha256[:8]}"
        self.capabilities = capabilities(heads.categories)
        self._heads = heads

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category over the floor, with the windows where it was."""
        view = content.views[-1]
        places = ngrams.windows(view.text)
        rows = [
            self._heads.gram_probabilities(self._heads.gram_scores(view.text[start:end]))
            for start, end in places
        ]
        return _findings(self, self._heads.categories, content, view, places, rows)


class MiniLmDetector:
    """MiniLM's sentence embedding and n-grams together. English."""

    def __init__(self, heads: Heads, encoder: Encoder, *, name: str = "minilm") -> None:
        self.name = name
        self.version = f"{VERSION}+{heads.sha256[:8]}.{encoder.sha256[:8]}"
        self.capabilities = capabilities(heads.categories)
        self._heads = heads
        self._encoder = encoder

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category over the floor, with the windows where it was."""
        view = content.views[-1]
        cut = [
            window
            for window in self._encoder.windows(view.text)
            if not _mostly_chinese(view.text[window.start : window.end])
        ]
        if not cut:
            return ()
        embedded = self._heads.embedding_scores(self._encoder.embed(cut))
        rows = [
            self._heads.fused_probabilities(
                self._heads.gram_scores(view.text[window.start : window.end]), row
            )
            for window, row in zip(cut, embedded, strict=True)
        ]
        places = [(window.start, window.end) for window in cut]
        return _findings(self, self._heads.categories, content, view, places, rows)


def capabilities(categories: Iterable[str]) -> tuple[Capability, ...]:
    """What heads for these categories can fill."""
    return tuple(
        Capability(category=category, modality=Modality.TEXT, measured="docs/benchmarks/prompts.md")
        for category in categories
    )


def _mostly_chinese(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return sum("\u3400" <= letter <= "\u9fff" for letter in letters) > _CHINESE * max(len(letters), 1)


def _findings(
    detector: NgramDetector | MiniLmDetector,
    categories: Sequence[str],
    content: TextContent,
    view: TextView,
    places: Sequence[tuple[int, int]],
    rows: Sequence[Array],
) -> list[Finding]:
    found = []
    for index, category in enumerate(categories):
        scored = sorted(
            ((float(row[index]), place) for row, place in zip(rows, places, strict=True)), reverse=True
        )
        over = [(score, place) for score, place in scored if score >= FLOOR]
        if not over:
            continue
        spans = [view.span(start, end) for _score, (start, end) in over[:_MAX_SPANS]]
        found.append(
            Finding(
                category=category,
                score=round(over[0][0], 4),
                modality=Modality.TEXT,
                detector=detector.name,
                version=detector.version,
                reason=f"The words are like examples of: {SHIPPED[category].summary}",
                evidence=tuple(TextSpan(field=content.field, start=a, end=b) for a, b in sorted(spans)),
            )
        )
    return found
