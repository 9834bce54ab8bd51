"""Readings: the n-grams and embeddings of a text and of its windows, as a classifier sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from .attribution import Array, Place
from .classifiers import VoiceClassifier
from .glosses import Glosses
from .minilm.encoder import Encoder, TokenWindow
from .word_grams import Gram, english_grams, hash_grams

#: Most tokens of one text that MiniLM reads. Reading them takes less than a second on one core.
MAX_TOKENS = 4096
#: The embedding of a text is the mean of at most this number of windows if a caller asks for it.
MAX_EMBEDDED_WINDOWS = 8
#: Short sentences share a window until it has this number of n-grams; a longer text without sentence ends is
#: cut.
_WINDOW_GRAMS, _WINDOW_CHARS = 24, 600
_SENTENCE = re.compile(r"[^.!?;\n\u3002\uff01\uff1f\uff1b]+")
_ENGLISH_WORD = re.compile(r"[a-z]{3}")

#: Makes the n-grams of a folded text.
GramMaker: TypeAlias = Callable[[str], list[Gram]]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The rows that a classifier scores: the whole text first, then each window if there are several."""

    #: Range of each row in the text.
    places: tuple[Place, ...]
    #: The hashed n-grams of each row.
    grams: tuple[npt.NDArray[np.uint32], ...]
    #: One row per place; no columns for a classifier that reads only n-grams.
    embeddings: Array
    #: From a classifier, a category and a row to what each character of the row contributes.
    explain: Callable[[VoiceClassifier, str, int], Array]
    #: Number of windows that were left out of a long text.
    left_out: int = 0


class Reader(Protocol):
    """Reads a folded text for a classifier; None if there is nothing to read."""

    def __call__(self, text: str) -> Reading | None: ...


class WordReader:
    """Reads the n-grams of a text."""

    def __init__(self, grams: GramMaker) -> None:
        self._grams = grams

    def __call__(self, text: str) -> Reading | None:
        windows = self._windows(text)
        if not windows:
            return None
        places = [(windows[0][0], windows[-1][1]), *(windows if len(windows) > 1 else ())]
        grams = tuple(self._grams(text[start:end]) for start, end in places)

        def explain(classifier: VoiceClassifier, category: str, row: int) -> Array:
            start, end = places[row]
            return classifier.gram_contributions(grams[row], category, end - start)

        return Reading(
            places=tuple(places),
            grams=tuple(map(hash_grams, grams)),
            embeddings=np.zeros((len(places), 0), dtype=np.float32),
            explain=explain,
        )

    def _windows(self, text: str) -> list[Place]:
        found: list[Place] = []
        waiting: Place | None = None
        for sentence in _SENTENCE.finditer(text):
            if not sentence.group().strip():
                continue
            waiting = (waiting[0] if waiting else sentence.start(), sentence.end())
            if len(self._grams(text[slice(*waiting)])) >= _WINDOW_GRAMS:
                found.append(waiting)
                waiting = None
        if waiting:
            found.append(waiting)
        return [piece for place in found for piece in _cut(text, place)]


class EmbeddingReader:
    """Reads the n-grams and the MiniLM embedding of an English text, or of the English glosses of a Chinese
    one.
    """

    def __init__(
        self, encoder: Encoder, ranking: VoiceClassifier | None = None, glosses: Glosses | None = None
    ) -> None:
        self.encoder = encoder
        #: Ranks the windows of a text that is too long to embed all of them. Without it, the first ones are
        #: read.
        self._ranking = ranking
        self._glosses = glosses

    def __call__(self, text: str) -> Reading | None:
        gloss = self._glosses.gloss(text) if self._glosses else None
        read = gloss.text if gloss else text
        every = [one for one in self.encoder.windows(read) if _ENGLISH_WORD.search(read[one.start : one.end])]
        windows = self._select(read, every)
        if not windows:
            return None
        embedded, tokens = self.encoder.embed_words(windows)
        several = len(windows) > 1
        places = [(windows[0].start, windows[-1].end), *((one.start, one.end) for one in windows if several)]
        rows = np.concatenate([text_embedding(windows, embedded)[None], embedded]) if several else embedded
        grams = tuple(english_grams(read[start:end]) for start, end in places)

        def explain(classifier: VoiceClassifier, category: str, row: int) -> Array:
            start, end = places[row]
            worth = classifier.gram_contributions(grams[row], category, end - start)
            chosen = range(len(windows)) if row == 0 else [row - 1]
            values = classifier.embedding_contributions(
                np.concatenate([tokens[index] for index in chosen]), category
            )
            offsets = [offset for index in chosen for offset in windows[index].offsets]
            for (first, last), value in zip(offsets, values.tolist(), strict=True):
                worth[first - start : last - start] += value / max(last - first, 1)
            return worth if gloss is None else _in_chinese(worth, start, gloss.words, shown[row])

        shown = places if gloss is None else [_chinese_place(place, gloss.words) for place in places]
        return Reading(
            places=tuple(shown),
            grams=tuple(map(hash_grams, grams)),
            embeddings=rows,
            explain=explain,
            left_out=len(every) - len(windows),
        )

    def _select(self, text: str, windows: list[TokenWindow]) -> list[TokenWindow]:
        """All windows, or the first and those with the most harmful n-grams if there are too many tokens."""
        if sum(len(one.ids) for one in windows) <= MAX_TOKENS:
            return windows
        highest = np.zeros(len(windows))
        if self._ranking:
            grams = [hash_grams(english_grams(text[one.start : one.end])) for one in windows]
            empty = np.zeros((len(windows), self._ranking.embedding_weights.shape[0]), dtype=np.float32)
            highest = self._ranking.log_odds(grams, empty).max(axis=1)
        selected, tokens_left = [], MAX_TOKENS
        for index in (0, *sorted(range(1, len(windows)), key=lambda index: -highest[index])):
            tokens_left -= len(windows[index].ids)
            if tokens_left < 0:
                break
            selected.append(index)
        return [windows[index] for index in sorted(selected)]


def text_embedding(windows: Sequence[TokenWindow], embedded: Array) -> Array:
    """The unit-length embedding of a text: the mean of its windows, weighted by their length."""
    sizes = np.array([len(window.ids) for window in windows], dtype=np.float32)
    mean = (embedded * sizes[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def _cut(text: str, place: Place) -> list[Place]:
    """The range, in pieces of `_WINDOW_CHARS` that end between words if possible."""
    start, end = place
    found = []
    while end - start > _WINDOW_CHARS:
        space = text.rfind(" ", start + _WINDOW_CHARS // 2, start + _WINDOW_CHARS)
        stop = space if space > start else start + _WINDOW_CHARS
        found.append((start, stop))
        start = stop
    return [*found, (start, end)]


def _chinese_place(place: Place, words: Sequence[tuple[Place, Place]]) -> Place:
    """The range of the Chinese text whose gloss is in this range."""
    inside = [chinese for gloss, chinese in words if gloss[0] < place[1] and place[0] < gloss[1]]
    return (inside[0][0], inside[-1][1]) if inside else (0, 0)


def _in_chinese(worth: Array, start: int, words: Sequence[tuple[Place, Place]], place: Place) -> Array:
    """What each Chinese character contributes, from the characters of its gloss."""
    found = np.zeros(place[1] - place[0], dtype=np.float32)
    for (first, last), (begin, end) in words:
        if place[0] <= begin and end <= place[1]:
            value = worth[max(first - start, 0) : max(last - start, 0)].sum()
            found[begin - place[0] : end - place[0]] += value / (end - begin)
    return found
