"""Hidden filters of a simulated provider, in three unlike families. The same seed gives the same filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

from safelight.core.errors import ConfigurationError

from .dictionary import CHARACTERS, word_groups
from .scene_grammar import find_words, scene_grammar

#: Number of prompts on which the share of refusals is set, and their seed.
_CALIBRATION, _CALIBRATION_SEED = 1_500, 977
#: Width of the change from passed to refused, in standard deviations of the score.
_SOFTNESS = 0.25
#: Groups of words are added until this share of the prompts has one of them.
_COVERED = 0.35
#: Hidden centres of the family `embedding`, and the similarity from which a word is a neighbour.
_CENTRES, _MIN_SIMILARITY = 3, 0.35
#: Pairs of groups of the family `interactions`.
_PAIRS = 3

#: The score of a prompt; a higher one is refused more often.
Score = Callable[[str], float]


class FilterFamily(StrEnum):
    #: Words of some groups, each with its own weight.
    LEXICON = "lexicon"
    #: Words close to hidden words in the space of MiniLM.
    EMBEDDING = "embedding"
    #: Two words together, each of a group of its own; one alone passes.
    INTERACTIONS = "interactions"


@dataclass(frozen=True, kw_only=True)
class HiddenFilter:
    """Refuses a prompt with a probability that depends on its words."""

    score: Score
    mean: float
    spread: float
    threshold: float
    #: Probability of the wrong answer, in both directions.
    noise: float

    @classmethod
    def calibrate(
        cls, score: Score, *, rate: float, noise: float, prompts: Sequence[str] = ()
    ) -> HiddenFilter:
        """A filter that refuses this share of the prompts, without any of those of the grammar."""
        prompts = prompts or scene_grammar().prompts(_CALIBRATION, _CALIBRATION_SEED)
        scores = np.array([score(prompt) for prompt in prompts])
        mean, spread = float(scores.mean()), float(scores.std()) or 1.0
        low, high = -20.0, 20.0
        for _half in range(60):
            middle = (low + high) / 2
            shares = noise + (1 - 2 * noise) * _step((scores - mean) / spread - middle)
            low, high = (middle, high) if shares.mean() > rate else (low, middle)
        return cls(score=score, mean=mean, spread=spread, threshold=low, noise=noise)

    def probability(self, prompt: str) -> float:
        """The probability that the filter refuses this prompt."""
        place = (self.score(prompt) - self.mean) / self.spread - self.threshold
        return float(self.noise + (1 - 2 * self.noise) * _step(np.array(place)))


def make_filter(family: FilterFamily, seed: int, *, rate: float = 0.3, noise: float = 0.03) -> HiddenFilter:
    """Raises `ConfigurationError` if the family needs weights that are not installed."""
    random = np.random.default_rng(seed)
    makers = {
        FilterFamily.LEXICON: _lexicon,
        FilterFamily.EMBEDDING: _neighbours,
        FilterFamily.INTERACTIONS: _interactions,
    }
    return HiddenFilter.calibrate(makers[family](random), rate=rate, noise=noise)


def _lexicon(random: np.random.Generator) -> Score:
    weights = {word: float(random.lognormal(0.0, 0.5)) for word in sorted(_choose_words(random))}
    return lambda prompt: sum(weights.get(word, 0.0) for word in find_words(prompt))


def _interactions(random: np.random.Generator) -> Score:
    pairs = [(_choose_words(random), _choose_words(random)) for _number in range(_PAIRS)]

    def score(prompt: str) -> float:
        words = find_words(prompt)
        return float(sum(_has_pair(words & first, words & second) for first, second in pairs))

    return score


def _has_pair(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether two different words are there, one of each group."""
    return bool(first and second) and len(first | second) > 1


def _choose_words(random: np.random.Generator) -> frozenset[str]:
    """Groups of words in random order, until enough prompts have one of them."""
    prompts = [find_words(one) for one in scene_grammar().prompts(500, _CALIBRATION_SEED)]
    groups, chosen = word_groups(), frozenset[str]()
    for character in random.permutation(list(CHARACTERS)):
        chosen |= groups[str(character)]
        if sum(bool(words & chosen) for words in prompts) >= _COVERED * len(prompts):
            break
    return chosen


def _neighbours(random: np.random.Generator) -> Score:
    embed = _load_embedding()
    centres = np.array([embed(word) for word in _choose_centres(random)])
    known: dict[str, float] = {}

    def score_word(word: str) -> float:
        if word not in known:
            known[word] = max(0.0, float((centres @ embed(word)).max()) - _MIN_SIMILARITY)
        return known[word]

    return lambda prompt: sum(score_word(word) for word in find_words(prompt) if len(word) > 2)


def _choose_centres(random: np.random.Generator) -> Sequence[str]:
    return [str(word) for word in random.choice(scene_grammar().vocabulary(), _CENTRES, replace=False)]


@cache
def _load_embedding() -> Callable[[str], npt.NDArray[np.float32]]:
    from safelight.detectors.text.minilm.cache import default_folder
    from safelight.detectors.text.minilm.encoder import Encoder
    from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights

    weights = find_weights()
    if weights is None:
        raise ConfigurationError(f"The filter family `embedding` needs MiniLM. {NOT_INSTALLED}")
    encoder = Encoder(weights, default_folder())
    known: dict[str, npt.NDArray[np.float32]] = {}

    def embed(word: str) -> npt.NDArray[np.float32]:
        if word not in known:
            known[word] = encoder.embed(encoder.windows(word))[0]
        return known[word]

    return embed


def _step(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From 0 to 1 around 0."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(place / _SOFTNESS, -50.0, 50.0))))
