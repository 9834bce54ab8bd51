"""Suppression of a concept in the token vectors of a prompt, behind an absolute gate.

The idea of projecting the concept out of single token vectors is that of SAFREE (arXiv 2410.12761). Its
criterion for the tokens is relative to the other tokens of the prompt, so it changes every prompt. Here a
prompt is changed only if it is more similar to the concept than everyday prompts and near misses are under
the same encoder; otherwise its vectors are returned as the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .plan import Concept
from .record import GateReading

#: Everyday prompts. No concept may be found in them, so they bound the threshold from below. They also give
#: the mean vector: vectors of an encoder share a large common part, and cosines without the mean removed
#: are all near one.
REFERENCE_PROMPTS: tuple[str, ...] = (
    "a red ball rolls down a green hill",
    "two dogs run along a beach at sunset",
    "a woman pours coffee in a bright kitchen",
    "an old steam train crosses a stone bridge",
    "children build a sand castle near the sea",
    "a chef cuts vegetables on a wooden board",
    "rain falls on a window, city lights outside",
    "a cat sleeps on a blue sofa",
    "a drone shot over snow-covered mountains",
    "a man plays the violin in an empty hall",
    "yellow leaves fall in a quiet park",
    "a sailing boat leaves the harbour at dawn",
    "close-up of a watchmaker at work",
    "a crowd dances at an open-air concert",
    "a robot walks through a factory",
    "time lapse of clouds above a wheat field",
    "a surfer rides a large wave",
    "a doctor talks to a patient in a hospital room",
    "a paper plane flies through a classroom",
    "a bird lands on a branch, slow motion",
    "neon signs reflected in a wet street at night",
    "a grandmother knits by the fireplace",
    "a football match in a full stadium",
    "a spaceship lands on a desert planet",
)
#: Sentences around a phrase. A prompt seldom consists of the phrase alone, and the encoder mixes its
#: neighbours in.
CARRIERS: tuple[str, ...] = (
    "{}",
    "a video of {}",
    "{} in a quiet room, wide shot",
    "at night near a wall, {}",
)
#: Where the threshold lies between the highest harmless score (0) and the lowest score of the concept's own
#: phrases (1). Nearer to the harmless side, because paraphrases score lower than the phrases themselves,
#: and the harmless side contains the near misses already.
THRESHOLD_POSITION = 1 / 3
#: Below this distance between the two sides, the concept counts as not separable in this encoder: scores of
#: one phrase in two sentences differ by about as much.
MIN_SEPARATION = 0.05
#: Further positions are changed if their cosine to a token of the concept is at least this. A repeated word
#: is well above it; two unrelated words, after removal of the mean, are near zero.
MIN_TOKEN_SIMILARITY = 0.7
#: The tokens of a concept must be found in a window of so many times its own length, plus four. Without a
#: window, a long prompt that has the words in unrelated places ("red ball ... blue splash") would open the
#: gate.
WINDOW_FACTOR, WINDOW_EXTRA = 2, 4
#: Directions with less than this share of the largest singular value are rounding noise.
MIN_SINGULAR_SHARE = 1e-4


@dataclass(frozen=True)
class EncodedText:
    """A text in an encoder: its vectors (tokens, width), and which positions hold words.

    Begin, end and padding tokens hold none; which these are depends on the encoder.
    """

    vectors: Tensor
    words: Tensor

    @property
    def word_vectors(self) -> Tensor:
        return self.vectors[self.words].float()

    @property
    def tail(self) -> slice:
        """The positions after the last word."""
        places = torch.nonzero(self.words).flatten()
        return slice(int(places[-1]) + 1 if len(places) else 0, None)


Encode = Callable[[Sequence[str]], list[EncodedText]]


@dataclass(frozen=True)
class Match:
    """How much a prompt resembles a concept: score, phrase, and positions with the tokens they match."""

    score: float
    phrase: int
    #: Position in the prompt to index of the token in the phrase.
    tokens: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """The vectors of a prompt after suppression, and what was changed."""

    vectors: Tensor
    score: float
    opened: bool
    positions: tuple[int, ...]


class ConceptVectors:
    """A concept under one encoder: its directions, and the threshold of its gate."""

    def __init__(
        self,
        concept: Concept,
        encode: Encode,
        *,
        references: Sequence[str] = REFERENCE_PROMPTS,
        tail: bool = False,
    ):
        """`tail`: whether positions after the words carry the whole text too."""
        self.concept = concept
        encoded, phrases = encode(references), encode(concept.phrases)
        self.mean = torch.cat([text.word_vectors for text in encoded]).mean(dim=0)
        self._phrases = [_unit(text.word_vectors - self.mean) for text in phrases if bool(text.words.any())]
        self._tail = PooledDirections(_tails(phrases), _tails(encoded)) if tail else None
        if not self._phrases:
            raise ValueError(f"No phrase of the concept {concept.id!r} has a word for this encoder.")
        own = [carrier.format(phrase) for phrase in concept.phrases for carrier in CARRIERS]
        near = [carrier.format(phrase) for phrase in concept.near_misses for carrier in CARRIERS]
        own_texts = encode(own)
        self.basis = _basis(torch.cat(self._phrases))
        self.anchor = encode([concept.anchor])[0].word_vectors - self.mean if concept.anchor.strip() else None
        harmless = [self.match(text).score for text in encode([*references, *near])]
        self.highest_harmless = max(harmless, default=0.0)
        self.lowest_own = min(self.match(text).score for text in own_texts)
        distance = self.lowest_own - self.highest_harmless
        self.separable = distance >= MIN_SEPARATION
        # Not separable: only the phrase itself opens the gate. The gap says so.
        self.threshold = (
            self.highest_harmless + THRESHOLD_POSITION * distance
            if self.separable
            else max(self.highest_harmless + MIN_SEPARATION, self.lowest_own)
        )

    def reading(self, outcome: Suppression) -> GateReading:
        """What the gate did, for the record."""
        return GateReading(
            concept=self.concept.id,
            score=round(outcome.score, 4),
            threshold=round(self.threshold, 4),
            opened=outcome.opened,
            positions=len(outcome.positions),
        )

    def match(self, text: EncodedText) -> Match:
        """The best window of the text: the mean, over the tokens of a phrase, of the highest cosine."""
        positions = torch.nonzero(text.words).flatten()
        best = Match(score=-1.0, phrase=0, tokens={})
        if not len(positions):
            return best
        vectors = _unit(text.word_vectors - self.mean)
        for index, phrase in enumerate(self._phrases):
            cosines = vectors @ phrase.T  # (words, tokens)
            width = min(len(vectors), WINDOW_FACTOR * len(phrase) + WINDOW_EXTRA)
            windows = cosines.unfold(0, width, 1)  # (windows, tokens, width)
            highest, places = windows.max(dim=2)
            scores = highest.mean(dim=1)
            start = int(scores.argmax())
            score = float(scores[start])
            if score > best.score:
                tokens = {int(positions[start + int(place)]): j for j, place in enumerate(places[start])}
                similar, which = cosines.max(dim=1)
                for i in torch.nonzero(similar >= MIN_TOKEN_SIMILARITY).flatten():
                    tokens.setdefault(int(positions[int(i)]), int(which[int(i)]))
                best = Match(score=score, phrase=index, tokens=tokens)
        return best

    def suppress(self, text: EncodedText, *, substitute: bool = False) -> Suppression:
        """Removes the concept where it was found. `substitute` puts the anchor's vectors there."""
        match = self.match(text)
        if match.score < self.threshold:
            return Suppression(vectors=text.vectors, score=match.score, opened=False, positions=())
        places = torch.tensor(sorted(match.tokens), device=text.vectors.device)
        centred = text.vectors[places].float() - self.mean
        changed = centred - (centred @ self.basis) @ self.basis.T
        if substitute and self.anchor is not None:
            # First token to first token, last to last: an anchor may be shorter or longer than the phrase.
            last = max(1, len(self._phrases[match.phrase]) - 1)
            at = [
                round(match.tokens[int(place)] * (len(self.anchor) - 1) / last) for place in places.tolist()
            ]
            changed = changed + self.anchor[torch.tensor(at, device=changed.device)]
        vectors = text.vectors.clone()
        vectors[places] = (changed + self.mean).to(vectors.dtype)
        if self._tail is not None:
            vectors[text.tail] = self._tail.suppress(vectors[text.tail])
        return Suppression(
            vectors=vectors, score=match.score, opened=True, positions=tuple(int(place) for place in places)
        )


class PooledDirections:
    """Suppression in a vector for the whole text: CLIP's in HunyuanVideo, its padding in AnimateDiff.

    One vector cannot tell where the concept is, so it has no gate of its own.
    """

    def __init__(self, phrases: Tensor, references: Tensor) -> None:
        self.mean = references.float().mean(dim=0)
        self.basis = _basis(_unit(phrases.float() - self.mean))

    def suppress(self, vector: Tensor) -> Tensor:
        centred = vector.float() - self.mean
        return (centred - (centred @ self.basis) @ self.basis.T + self.mean).to(vector.dtype)


def _tails(texts: Sequence[EncodedText]) -> Tensor:
    return torch.stack([text.vectors[text.tail].float().mean(dim=0) for text in texts])


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def _basis(vectors: Tensor) -> Tensor:
    """An orthonormal basis (width, directions) of the space of the vectors."""
    _, values, rows = torch.linalg.svd(vectors, full_matrices=False)
    kept: Any = rows[values >= MIN_SINGULAR_SHARE * values.max().clamp_min(1e-12)]
    return kept.T
