"""The two detectors that learned from examples: n-grams alone, and MiniLM with n-grams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from safelight.detectors.protocol import Capability, PartialInspection, TextContent, TextView
from safelight.policy.categories import SHIPPED, Category
from safelight.policy.findings import Finding, Modality, TextSpan

from . import ngrams
from .attribution import Place, attribute_spans
from .chinese import mostly_chinese
from .classifiers import FLOOR, Array, ClassifierHeads, Mode, combined, context_features
from .distress import DistressHead, weak_cues
from .minilm.encoder import Encoder, TokenWindow
from .normalise import texts_of
from .question_filter import SEEN, is_question

VERSION = "4"
_MAX_SPANS = 4
#: Windows at most that the embedding of a whole text is made of.
MAX_MEANING = 8
#: Tokens of one text that MiniLM reads: less than a second on one core.
MOST_TOKENS = 4096
#: The operating point: what is less is reported with its window as evidence, not with its words.
FOUND = 0.5
#: What lone letters are like means nothing: of a word there are three letters in a row, or two Chinese ones.
_WORD = re.compile(r"[^\W\d_]{3}|[\u3400-\u9fff]{2}")
#: From this probability of distress on, what a text says about violence or crime is read as part of it.
_DISTRESS = 0.8
#: Distress is heard in a question, too; what is refused from 0.5 on anywhere is not seen in one.
_HEARD = frozenset({Category.SELF_HARM.value, Category.SELF_HARM_INTENT.value})
_SAID = frozenset(one.value for one in Category) - {Category.NCII.value, Category.EXTREMISM.value}
_SELF = frozenset({Category.SELF_HARM.value, Category.SELF_HARM_INTENT.value, Category.SEXUAL.value})


#: From a window, the number of a category, and whether to try what happens without them, to the places in the
#: window that carry a finding.
Carries: TypeAlias = Callable[[Place, int, bool], list[Place]]


class NgramDetector:
    """Hashed n-grams and a line per category. English and Chinese; needs no model file."""

    def __init__(
        self, heads: ClassifierHeads, distress: DistressHead | None = None, *, name: str = "ngrams"
    ) -> None:
        self.name = name
        self.version = f"{VERSION}+{version_of(heads)}"
        self.capabilities = capabilities(heads.categories)
        self._heads = heads
        self._distress = distress

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category over the floor, with the words that carry it."""
        found: list[Finding] = []
        for view in texts_of(content.views):
            places = [(a, b) for a, b in ngrams.windows(view.text) if _WORD.search(view.text[a:b])]
            if places:
                rows = np.stack([gram_probabilities(self._heads, view.text[a:b]) for a, b in places])
                found += _findings(
                    self, self._heads.categories, content, view, places, rows, self._carried(view.text)
                )
                if self._distress and self._distress.seen(view.text):
                    found.append(weak_cues(self, content, [view.span(places[0][0], places[-1][1])]))
        return found

    def _carried(self, text: str) -> Carries:
        return lambda place, column, tried: self._carries(text, place, column, tried)

    def _carries(self, text: str, place: Place, column: int, tried: bool) -> list[Place]:
        """The words between these places that carry a finding in a category."""
        part = text[place[0] : place[1]]
        mode = Mode.GRAMS_CHINESE if mostly_chinese(part) else Mode.GRAMS
        return attribute_spans(
            part,
            self._heads.gram_worth(part, mode, column),
            (lambda rest: bool(gram_probabilities(self._heads, rest)[column] >= FOUND)) if tried else None,
        )


class MiniLmDetector:
    """MiniLM's sentence embedding and n-grams together. English."""

    #: Runs after the cheap ones.
    costly = True

    def __init__(
        self,
        heads: ClassifierHeads,
        encoder: Encoder,
        distress: DistressHead | None = None,
        *,
        name: str = "minilm",
    ) -> None:
        self.name = name
        self.version = f"{VERSION}+{version_of(heads)}.{encoder.sha256[:8]}"
        self.capabilities = capabilities(heads.categories)
        self._heads = heads
        self._distress = distress
        self._encoder = encoder

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category over the floor, with the words that carry it."""
        left_out = 0
        for view in texts_of(content.views):
            every = english(self._encoder.windows(view.text), view.text)
            cut = self._likeliest(view.text, every)
            left_out += len(every) - len(cut)
            if cut:
                embedded, words = self._encoder.embed_words(cut)
                scores = fused_scores(self._heads, view.text, cut, embedded)
                rows = self._heads.probabilities(scores, Mode.FUSED)
                # What only the whole text says has its likeliest part as its place.
                parts = np.maximum(rows[1:], np.where(rows[1:] == rows[1:].max(axis=0), rows[0], 0))
                places = [(window.start, window.end) for window in cut]
                carried = self._carried(view.text, cut, embedded, words)
                yield from _findings(self, self._heads.categories, content, view, places, parts, carried)
                parts_and_whole = np.concatenate([whole_text_score(cut, embedded)[None], embedded])
                if self._distress and self._distress.seen(view.text, parts_and_whole):
                    yield weak_cues(self, content, [view.span(cut[0].start, cut[-1].end)])
        if left_out:
            raise PartialInspection(f"the {left_out} least likely parts of a long text were not read.")

    def _likeliest(self, text: str, windows: list[TokenWindow]) -> list[TokenWindow]:
        """All windows, or as many as there is time for: those whose n-grams say most, and the first."""
        if sum(len(one.ids) for one in windows) <= MOST_TOKENS:
            return windows
        worst = [
            float(combined(self._heads.gram_scores(text[one.start : one.end])[Mode.FUSED]).max())
            for one in windows
        ]
        taken, left = [], MOST_TOKENS
        for index in (0, *sorted(range(1, len(windows)), key=lambda index: -worst[index])):
            left -= len(windows[index].ids)
            if left < 0:
                break
            taken.append(index)
        return [windows[index] for index in sorted(taken)]

    def _carried(
        self, text: str, windows: Sequence[TokenWindow], embedded: Array, words: Sequence[Array]
    ) -> Carries:
        at = {(window.start, window.end): index for index, window in enumerate(windows)}

        def carries(place: Place, column: int, tried: bool) -> list[Place]:
            window = windows[at[place]]
            part = text[window.start : window.end]
            worth = self._heads.gram_worth(part, Mode.FUSED, column)
            values = self._heads.embedding_worth(embedded[at[place]], words[at[place]], column)
            for (start, end), value in zip(window.places, values, strict=True):
                worth[start - window.start : end - window.start] += value / max(end - start, 1)
            return attribute_spans(part, worth, (lambda rest: self._still(rest, column)) if tried else None)

        return carries

    def _still(self, rest: str, column: int) -> bool:
        """Whether what is left of a window is found in a category all the same."""
        windows = self._encoder.windows(rest)
        if not windows:
            return False
        scores = fused_scores(self._heads, rest, windows, self._encoder.embed(windows))
        return bool(self._heads.probabilities(scores, Mode.FUSED)[:, column].max() >= FOUND)

    def meaning(self, text: str) -> Array | None:
        """The embedding of a whole folded text; None where MiniLM cannot read it."""
        cut = english(self._encoder.windows(text), text)[:MAX_MEANING]
        return whole_text_score(cut, self._encoder.embed(cut)) if cut else None


def version_of(heads: ClassifierHeads) -> str:
    """Eight characters that change with the weights and with the operating points."""
    import hashlib

    return hashlib.sha256(
        heads.sha256.encode() + heads.slopes.tobytes() + heads.points.tobytes()
    ).hexdigest()[:8]


def english(windows: Sequence[TokenWindow], text: str) -> list[TokenWindow]:
    """The windows that MiniLM can read: with a word in them, and not mostly Chinese."""
    parts = ((window, text[window.start : window.end]) for window in windows)
    return [window for window, part in parts if _WORD.search(part) and not mostly_chinese(part)]


def fused_scores(heads: ClassifierHeads, text: str, windows: Sequence[TokenWindow], embedded: Array) -> Array:
    """Combined scores of the whole text, and of each window in its context; one row more than windows."""
    first = windows[0].start
    if len(windows) == 1:
        both = np.repeat(heads.embedding_scores(embedded), 2, axis=0)
    else:
        both = heads.embedding_scores(np.concatenate([whole_text_score(windows, embedded)[None], embedded]))
    whole_text = text[first : min(windows[-1].end, first + 4 * ngrams.WINDOW)]
    grams = [heads.gram_scores(text[window.start : window.end])[Mode.FUSED] for window in windows]
    alone = len(windows) == 1 and windows[0].end - first == len(whole_text)
    grams.insert(0, grams[0] if alone else heads.gram_scores(whole_text)[Mode.FUSED])
    scores = combined(np.stack(grams) + both)
    return context_features(scores[1:], scores[0])


def whole_text_score(windows: Sequence[TokenWindow], embedded: Array) -> Array:
    """The embedding of a text from those of its windows, long ones counting more; of length one."""
    sizes = np.array([len(window.ids) for window in windows], dtype=np.float32)
    mean = (embedded * sizes[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def gram_probabilities(heads: ClassifierHeads, text: str) -> Array:
    """By n-grams alone."""
    mode = Mode.GRAMS_CHINESE if mostly_chinese(text) else Mode.GRAMS
    return heads.probabilities(combined(heads.gram_scores(text)[mode]), mode)


def capabilities(categories: Iterable[str]) -> tuple[Capability, ...]:
    """What heads for these categories can fill."""
    return tuple(
        Capability(category=category, modality=Modality.TEXT, measured="docs/benchmarks/prompts.md")
        for category in categories
    )


def _kindly(categories: Sequence[str], rows: Array) -> Array:
    """Somebody who speaks of killing themselves is helped, not stopped for a crime; lists still hold."""
    if Category.SELF_HARM_INTENT.value not in categories:
        return rows
    distressed = rows[:, categories.index(Category.SELF_HARM_INTENT.value)].max() >= _DISTRESS
    other = np.array([name not in _SELF for name in categories])
    return np.where(other & distressed, np.minimum(rows, 0.49), rows)


def _about(categories: Sequence[str], rows: Array) -> Array:
    """What heads may say of a mere question."""
    most = np.array([SEEN if name in _SAID else 0.49 for name in categories])
    return np.asarray(np.where([name in _HEARD for name in categories], rows, np.minimum(rows, most)))


def _findings(
    detector: NgramDetector | MiniLmDetector,
    categories: Sequence[str],
    content: TextContent,
    view: TextView,
    places: Sequence[tuple[int, int]],
    rows: Array,
    carries: Carries,
) -> list[Finding]:
    found = []
    rows = _kindly(categories, rows)
    if is_question(view.text):
        rows = _about(categories, rows)
    order = sorted(range(len(categories)), key=lambda index: -float(rows[:, index].max()))
    # The words that carry the strongest finding of a place are evidence for the others there, too.
    carried: dict[Place, list[Place]] = {}
    for index in order:
        scored = sorted(
            ((float(row[index]), place) for row, place in zip(rows, places, strict=True)), reverse=True
        )
        over = [(score, place) for score, place in scored if score >= FLOOR]
        if not over:
            break
        spans: list[Place] = []
        for score, place in over[:_MAX_SPANS]:
            if score >= FOUND:
                if place not in carried:
                    carried[place] = carries(place, index, not carried)
                spans += [view.span(place[0] + start, place[0] + end) for start, end in carried[place]]
            elif not spans:
                spans.append(view.span(*place))
        found.append(
            Finding(
                category=categories[index],
                score=round(over[0][0], 4),
                modality=Modality.TEXT,
                detector=detector.name,
                version=detector.version,
                reason=f"The words are like examples of: {SHIPPED[categories[index]].summary}",
                evidence=tuple(TextSpan(field=content.field, start=a, end=b) for a, b in sorted(spans)),
            )
        )
    return found
