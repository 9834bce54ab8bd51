"""Chooses the operating points of text classifiers by cross-conformal prediction.

A threshold is chosen for each category, language and length, on harmless texts that were scored by a model
which had not seen their family or their source of captions. If a new harmless text comes from the same
mixture, it reaches the threshold with at most about the budgeted probability: the `k`-th highest of `n`
scores is reached with probability `k / (n + 1)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from safelight.detectors.text.classifier_detectors import POINT_SCORE
from safelight.detectors.text.classifiers import VOICES, Array, CategoryPoint
from safelight.detectors.text.languages import LENGTHS, Language
from safelight.policy.findings import Category, OperatingPoint
from safelight.policy.statistics import wilson

from .training_data import Example

#: Probability that a harmless text reaches the point of one category, by model.
BUDGETS: Mapping[str, float] = {
    "english": 0.0008,
    "english-words": 0.0002,
    "zh-words": 0.0005,
    "zh-glosses": 0.0005,
}
#: The budget of violence is larger by this factor, because policies allow much of it.
_VIOLENCE_FACTOR = 2.5
#: Share of harmless texts that are close to a harmful one on purpose, and that may reach the point of one
#: category.
CLOSE_BUDGET = 0.005
#: A cell with fewer harmless texts has no point. With fewer close ones, only the others are considered.
MIN_SAMPLE, MIN_CLOSE = 500, 100
#: A category has no point in a cell if a smaller share of its harmful texts, of any length, reaches the
#: threshold.
MIN_RECALL = 0.03
#: At least this log-odds: the category is more probable than everything else together.
MIN_THRESHOLD = 0.0
#: Kinds and sources of harmless texts that are close to a harmful one on purpose, or from chats and comments.
_CLOSE_KINDS = frozenset({"hard-negative", "pair", "neighbour", "distress"})
_CLOSE_SOURCES = frozenset({"hatecheck", "openai_moderation", "mhc_mandarin", "cold_zh_train"})


@dataclass(frozen=True, kw_only=True)
class ScoredText:
    """An example with its log-odds by a model that has not seen it, one per category."""

    example: Example
    language: Language
    length: str
    odds: Array
    #: Categories that word lists find in it: such a text is no false alarm of a classifier.
    listed: frozenset[str] = frozenset()

    @property
    def close(self) -> bool:
        """Whether the text is close to a harmful one on purpose."""
        return self.example.kind in _CLOSE_KINDS or self.example.source in _CLOSE_SOURCES

    def is_in(self, language: Language) -> bool:
        """Whether the text counts for a language. Generated Chinese texts count for both scripts, which the
        features do not distinguish.
        """
        if self.example.kind == "generated" and self.example.chinese:
            return language is not Language.ENGLISH
        return self.language is language


def choose_points(name: str, categories: Sequence[str], texts: Sequence[ScoredText]) -> list[CategoryPoint]:
    """The operating points of a model. Chinese thresholds are chosen on both scripts together, and the rates
    are measured for each script.
    """
    scripts = sorted({text.language for text in texts})
    found = []
    for length in LENGTHS:
        here = [text for text in texts if text.length == length]
        for column, category in enumerate(categories):
            threshold = _threshold(name, category, column, here)
            recall = _recall(texts, category, column, threshold)
            if recall < MIN_RECALL:
                continue
            for language in scripts:
                sample = [one for one in _plain(here, category) if one.is_in(language)]
                if len(sample) >= MIN_SAMPLE:
                    alarms = sum(bool(one.odds[column] >= threshold) for one in sample)
                    found.append(
                        CategoryPoint(
                            category=category,
                            threshold=round(threshold, 4),
                            point=_point(VOICES[name], (language, length), alarms, len(sample)),
                        )
                    )
    return found


def count_sources(texts: Sequence[ScoredText]) -> dict[str, int]:
    """Number of harmless texts on which points were chosen, by source."""
    return dict(sorted(Counter(one.example.source for one in texts if not one.example.categories).items()))


def _threshold(name: str, category: str, column: int, texts: Sequence[ScoredText]) -> float:
    plain = np.sort([one.odds[column] for one in _plain(texts, category)])[::-1]
    if len(plain) < MIN_SAMPLE:
        return float("inf")
    budget = BUDGETS[name] * (_VIOLENCE_FACTOR if category == Category.VIOLENCE else 1)
    allowed = max(1, int(budget * (len(plain) + 1)))
    close = [one.odds[column] for one in texts if one.close and not one.example.categories]
    least = float(np.quantile(close, 1 - CLOSE_BUDGET)) if len(close) >= MIN_CLOSE else MIN_THRESHOLD
    return max(float(plain[allowed - 1]), least, MIN_THRESHOLD)


def _plain(texts: Sequence[ScoredText], category: str) -> list[ScoredText]:
    return [
        one for one in texts if not one.example.categories and not one.close and category not in one.listed
    ]


def _recall(texts: Sequence[ScoredText], category: str, column: int, threshold: float) -> float:
    scores = [one.odds[column] for one in texts if category in one.example.categories]
    return float(np.mean(np.array(scores) >= threshold)) if scores else 0.0


def _point(voice: str, cell: tuple[Language, str], alarms: int, sample: int) -> OperatingPoint:
    low, high = wilson(alarms, sample)
    return OperatingPoint(
        voice=voice,
        language=cell[0],
        length=cell[1],
        score=POINT_SCORE,
        false_alarm_rate=round(alarms / sample, 5),
        low=round(low, 5),
        high=round(high, 5),
        sample=sample,
    )
