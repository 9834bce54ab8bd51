"""Detectors for the two text classifiers: n-grams alone, and MiniLM embeddings with n-grams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from safelight.detectors.protocol import Capability, PartialInspection, TextContent, TextView
from safelight.policy.categories import SHIPPED, Category
from safelight.policy.findings import Basis, Finding, Modality, TextSpan

from . import ngrams
from .attribution import Place, attribute_spans
from .chinese import is_mostly_chinese
from .classifiers import MIN_SCORE, Array, CategoryClassifiers, Mode, add_any_score, blend_whole_text
from .distress import DistressClassifier, distress_finding
from .minilm.encoder import Encoder, TokenWindow
from .normalise import final_views
from .question_filter import MAX_QUESTION_SCORE, is_question

VERSION = "4"
_MAX_SPANS = 4
#: The embedding of a text is the mean of at most this number of windows.
MAX_EMBEDDED_WINDOWS = 8
#: Most tokens of one text that MiniLM reads. Reading them takes less than a second on one core.
MAX_TOKENS = 4096
#: The operating point. The evidence of a finding with a lower score is the whole window, not single words.
OPERATING_POINT = 0.5
#: A window is only classified if it contains a word: three letters in a row, or two Chinese characters.
#: Single letters have no meaning to classify.
_WORD = re.compile(r"[^\W\d_]{3}|[\u3400-\u9fff]{2}")
#: If the probability of distress reaches this value, the scores of the text's other categories are capped
#: below their operating point.
_MIN_DISTRESS = 0.8
#: Distress is reported in questions too. The other categories of a question are capped at
#: `MAX_QUESTION_SCORE`, or below the operating point if policies block them from a score of 0.5.
_UNCAPPED_IN_QUESTIONS = frozenset({Category.SELF_HARM.value, Category.SELF_HARM_INTENT.value})
_SEEN_IN_QUESTIONS = frozenset(one.value for one in Category) - {
    Category.NCII.value,
    Category.EXTREMISM.value,
}
_UNCAPPED_IN_DISTRESS = frozenset(
    {Category.SELF_HARM.value, Category.SELF_HARM_INTENT.value, Category.SEXUAL.value}
)


#: Takes a window, the index of a category, and whether to check that the finding remains without the selected
#: words. Returns the ranges in the window that cause the finding.
Attribution: TypeAlias = Callable[[Place, int, bool], list[Place]]


class NgramDetector:
    """Text classifier on hashed n-grams, with one linear classifier per category. It reads English and
    Chinese and needs no model file.
    """

    learned = True

    def __init__(
        self,
        classifiers: CategoryClassifiers,
        distress: DistressClassifier | None = None,
        *,
        name: str = "ngrams",
    ) -> None:
        self.name = name
        self.version = f"{VERSION}+{version_of(classifiers)}"
        self.capabilities = capabilities(classifiers.categories)
        self._classifiers = classifiers
        self._distress_classifier = distress

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category that reaches the minimum score, with the words that cause the finding."""
        found: list[Finding] = []
        for view in final_views(content.views):
            places = [(a, b) for a, b in ngrams.windows(view.text) if _WORD.search(view.text[a:b])]
            if places:
                rows = np.stack([gram_probabilities(self._classifiers, view.text[a:b]) for a, b in places])
                scored = _ScoredView(
                    view=view, windows=places, rows=rows, attribute=self._attribution(view.text)
                )
                found += _findings(self, self._classifiers.categories, content, scored)
                if self._distress_classifier and self._distress_classifier.matches(view.text):
                    found.append(
                        distress_finding(
                            self, content, [view.span(places[0][0], places[-1][1])], basis=Basis.LEARNED
                        )
                    )
        return found

    def _attribution(self, text: str) -> Attribution:
        return lambda place, column, tried: self._attribute(text, place, column, tried)

    def _attribute(self, text: str, place: Place, column: int, tried: bool) -> list[Place]:
        """The words in a window that cause a finding of a category."""
        part = text[place[0] : place[1]]
        mode = Mode.GRAMS_CHINESE if is_mostly_chinese(part) else Mode.GRAMS
        return attribute_spans(
            part,
            self._classifiers.gram_contributions(part, mode, column),
            (lambda rest: bool(gram_probabilities(self._classifiers, rest)[column] >= OPERATING_POINT))
            if tried
            else None,
        )


class MiniLmDetector:
    """Text classifier on MiniLM's sentence embeddings and on n-grams, used together. It reads English."""

    #: Runs after the cheap detectors.
    costly = True
    learned = True

    def __init__(
        self,
        classifiers: CategoryClassifiers,
        encoder: Encoder,
        distress: DistressClassifier | None = None,
        *,
        name: str = "minilm",
    ) -> None:
        self.name = name
        self.version = f"{VERSION}+{version_of(classifiers)}.{encoder.sha256[:8]}"
        self.capabilities = capabilities(classifiers.categories)
        self._classifiers = classifiers
        self._distress_classifier = distress
        self._encoder = encoder

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category that reaches the minimum score, with the words that cause the finding."""
        left_out = 0
        for view in final_views(content.views):
            windows = english_windows(self._encoder.windows(view.text), view.text)
            selected = self._select_windows(view.text, windows)
            left_out += len(windows) - len(selected)
            if selected:
                embedded, words = self._encoder.embed_words(selected)
                scores = fused_scores(self._classifiers, view.text, selected, embedded)
                rows = self._classifiers.probabilities(scores, Mode.FUSED)
                # The whole text may score higher than each of its windows. That score is assigned to the
                # highest-scoring window.
                parts = np.maximum(rows[1:], np.where(rows[1:] == rows[1:].max(axis=0), rows[0], 0))
                places = [(window.start, window.end) for window in selected]
                attribution = self._attribution(view.text, selected, embedded, words)
                scored = _ScoredView(view=view, windows=places, rows=parts, attribute=attribution)
                yield from _findings(self, self._classifiers.categories, content, scored)
                parts_and_whole = np.concatenate([text_embedding(selected, embedded)[None], embedded])
                if self._distress_classifier and self._distress_classifier.matches(
                    view.text, parts_and_whole
                ):
                    yield distress_finding(
                        self, content, [view.span(selected[0].start, selected[-1].end)], basis=Basis.LEARNED
                    )
        if left_out:
            raise PartialInspection(
                f"{left_out} parts of a long text with the lowest n-gram scores were not read."
            )

    def _select_windows(self, text: str, windows: list[TokenWindow]) -> list[TokenWindow]:
        """The windows that MiniLM reads: all of them, if they have at most `MAX_TOKENS` tokens.

        Otherwise the first window, then those with the highest n-gram scores, up to that limit.
        """
        if sum(len(one.ids) for one in windows) <= MAX_TOKENS:
            return windows
        highest = [
            float(add_any_score(self._classifiers.gram_scores(text[one.start : one.end])[Mode.FUSED]).max())
            for one in windows
        ]
        selected, tokens_left = [], MAX_TOKENS
        for index in (0, *sorted(range(1, len(windows)), key=lambda index: -highest[index])):
            tokens_left -= len(windows[index].ids)
            if tokens_left < 0:
                break
            selected.append(index)
        return [windows[index] for index in sorted(selected)]

    def _attribution(
        self, text: str, windows: Sequence[TokenWindow], embedded: Array, words: Sequence[Array]
    ) -> Attribution:
        index_of = {(window.start, window.end): index for index, window in enumerate(windows)}

        def attribute(place: Place, column: int, tried: bool) -> list[Place]:
            window = windows[index_of[place]]
            part = text[window.start : window.end]
            contributions = self._classifiers.gram_contributions(part, Mode.FUSED, column)
            values = self._classifiers.embedding_contributions(
                embedded[index_of[place]], words[index_of[place]], column
            )
            for (start, end), value in zip(window.offsets, values, strict=True):
                contributions[start - window.start : end - window.start] += value / max(end - start, 1)
            return attribute_spans(
                part, contributions, (lambda rest: self._remains_found(rest, column)) if tried else None
            )

        return attribute

    def _remains_found(self, rest: str, column: int) -> bool:
        """Whether the rest of a window, without the selected words, still reaches the operating point of a
        category.
        """
        windows = self._encoder.windows(rest)
        if not windows:
            return False
        scores = fused_scores(self._classifiers, rest, windows, self._encoder.embed(windows))
        return bool(self._classifiers.probabilities(scores, Mode.FUSED)[:, column].max() >= OPERATING_POINT)

    def embed_text(self, text: str) -> Array | None:
        """The embedding of a folded text, or None if MiniLM cannot read it."""
        windows = english_windows(self._encoder.windows(text), text)[:MAX_EMBEDDED_WINDOWS]
        return text_embedding(windows, self._encoder.embed(windows)) if windows else None


def version_of(classifiers: CategoryClassifiers) -> str:
    """Eight characters that change if the weights or the operating points change."""
    import hashlib

    return hashlib.sha256(
        classifiers.sha256.encode() + classifiers.slopes.tobytes() + classifiers.points.tobytes()
    ).hexdigest()[:8]


def english_windows(windows: Sequence[TokenWindow], text: str) -> list[TokenWindow]:
    """The windows that MiniLM can read: those that contain a word and are not mostly Chinese."""
    parts = ((window, text[window.start : window.end]) for window in windows)
    return [window for window, part in parts if _WORD.search(part) and not is_mostly_chinese(part)]


def fused_scores(
    classifiers: CategoryClassifiers, text: str, windows: Sequence[TokenWindow], embedded: Array
) -> Array:
    """Scores of the whole text in the first row, then the scores of each window blended with those of the
    whole text.
    """
    first = windows[0].start
    if len(windows) == 1:
        both = np.repeat(classifiers.embedding_scores(embedded), 2, axis=0)
    else:
        both = classifiers.embedding_scores(
            np.concatenate([text_embedding(windows, embedded)[None], embedded])
        )
    whole_text = text[first : min(windows[-1].end, first + 4 * ngrams.WINDOW_CHARS)]
    grams = [classifiers.gram_scores(text[window.start : window.end])[Mode.FUSED] for window in windows]
    alone = len(windows) == 1 and windows[0].end - first == len(whole_text)
    grams.insert(0, grams[0] if alone else classifiers.gram_scores(whole_text)[Mode.FUSED])
    scores = add_any_score(np.stack(grams) + both)
    return blend_whole_text(scores[1:], scores[0])


def text_embedding(windows: Sequence[TokenWindow], embedded: Array) -> Array:
    """The unit-length embedding of a text: the mean of its windows, weighted by their length."""
    sizes = np.array([len(window.ids) for window in windows], dtype=np.float32)
    mean = (embedded * sizes[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def gram_probabilities(classifiers: CategoryClassifiers, text: str) -> Array:
    """Probabilities from n-grams alone."""
    mode = Mode.GRAMS_CHINESE if is_mostly_chinese(text) else Mode.GRAMS
    return classifiers.probabilities(add_any_score(classifiers.gram_scores(text)[mode]), mode)


def capabilities(categories: Iterable[str]) -> tuple[Capability, ...]:
    """The cells that classifiers for these categories fill."""
    return tuple(
        Capability(category=category, modality=Modality.TEXT, measured="docs/benchmarks/prompts.md")
        for category in categories
    )


def _cap_in_distress(categories: Sequence[str], rows: Array) -> Array:
    """Cap the scores of other categories if the text expresses distress, so that the user gets help
    instead of a block.

    The scores of word lists are not capped.
    """
    if Category.SELF_HARM_INTENT.value not in categories:
        return rows
    distressed = rows[:, categories.index(Category.SELF_HARM_INTENT.value)].max() >= _MIN_DISTRESS
    other = np.array([name not in _UNCAPPED_IN_DISTRESS for name in categories])
    return np.where(other & distressed, np.minimum(rows, 0.49), rows)


def _cap_in_question(categories: Sequence[str], rows: Array) -> Array:
    """Cap the probabilities of a text that is only a question."""
    caps = np.array([MAX_QUESTION_SCORE if name in _SEEN_IN_QUESTIONS else 0.49 for name in categories])
    return np.asarray(
        np.where([name in _UNCAPPED_IN_QUESTIONS for name in categories], rows, np.minimum(rows, caps))
    )


@dataclass(frozen=True, kw_only=True)
class _ScoredView:
    """A view of a text with its windows, a row of probabilities for each window, and the function that
    attributes findings to words.
    """

    view: TextView
    windows: Sequence[Place]
    rows: Array
    attribute: Attribution


def _findings(
    detector: NgramDetector | MiniLmDetector,
    categories: Sequence[str],
    content: TextContent,
    scored: _ScoredView,
) -> list[Finding]:
    view = scored.view
    found = []
    rows = _cap_in_distress(categories, scored.rows)
    if is_question(view.text):
        rows = _cap_in_question(categories, rows)
    order = sorted(range(len(categories)), key=lambda index: -float(rows[:, index].max()))
    # The words that cause the strongest finding in a window are evidence for the window's other findings too.
    words_by_window: dict[Place, list[Place]] = {}
    for index in order:
        candidates = sorted(
            ((float(row[index]), place) for row, place in zip(rows, scored.windows, strict=True)),
            reverse=True,
        )
        over = [(score, place) for score, place in candidates if score >= MIN_SCORE]
        if not over:
            break
        spans: list[Place] = []
        for score, place in over[:_MAX_SPANS]:
            if score >= OPERATING_POINT:
                if place not in words_by_window:
                    words_by_window[place] = scored.attribute(place, index, not words_by_window)
                spans += [
                    view.span(place[0] + start, place[0] + end) for start, end in words_by_window[place]
                ]
            elif not spans:
                spans.append(view.span(*place))
        found.append(
            Finding(
                category=categories[index],
                score=round(over[0][0], 4),
                modality=Modality.TEXT,
                detector=detector.name,
                version=detector.version,
                basis=Basis.LEARNED,
                reason=f"The text resembles examples of: {SHIPPED[categories[index]].summary}",
                evidence=tuple(TextSpan(field=content.field, start=a, end=b) for a, b in sorted(spans)),
            )
        )
    return found
