"""Words of a text for the search: words of languages with spaces, and pairs of Chinese characters. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping

from safelight.detectors.text.chinese import SIMPLIFIED

_RUN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
#: A longer word is no word of a language; the limit keeps index rows small.
_MAX_TERM_CHARACTERS = 64
#: Cosine from which an entry is found by its meaning alone. On a set of 80 searches over 150 prompts, three
#: quarters find what they mean, beside 6 entries in the middle (docs/benchmarks/library.md).
MIN_MEANING = 0.1


def index_terms(text: str) -> frozenset[str]:
    """The terms under which a text is found. Chinese text has single characters and pairs."""
    found: set[str] = set()
    for run in _runs(text):
        if _WITHOUT_SPACES.match(run):
            found.update(run)
            found.update(_pairs(run))
        else:
            found.add(run[:_MAX_TERM_CHARACTERS])
    return frozenset(found)


def query_terms(text: str) -> frozenset[str]:
    """The terms of a query; each is among the index terms of every text that contains the query."""
    found: set[str] = set()
    for run in _runs(text):
        if _WITHOUT_SPACES.match(run):
            found.update(_pairs(run) if len(run) > 1 else run)
        else:
            found.add(run[:_MAX_TERM_CHARACTERS])
    return frozenset(found)


def rank(found: Mapping[str, frozenset[str]], entries: int) -> dict[str, float]:
    """Points of each entry: rare terms count more. `found` has the entries of each term of the query."""
    points: dict[str, float] = {}
    for holders in found.values():
        weight = math.log1p(entries / max(len(holders), 1))
        for entry in holders:
            points[entry] = points.get(entry, 0.0) + weight
    return points


def order_found(
    found: Mapping[str, frozenset[str]], entries: int, meanings: Mapping[str, float]
) -> dict[str, tuple[int, float]]:
    """The place of each entry that a search finds: those with every word of the query, those that mean the
    same, the nearest first, and those with a part of the words.
    """
    points = rank(found, entries)
    whole = frozenset.intersection(*found.values())
    return {
        entry: (0, -points[entry])
        if entry in whole
        else (1, -meanings[entry])
        if meanings.get(entry, 0.0) >= MIN_MEANING
        else (2, -points[entry])
        for entry in points.keys() | {one for one, near in meanings.items() if near >= MIN_MEANING}
    }


def _runs(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _RUN.findall("".join(SIMPLIFIED.get(character, character) for character in folded))


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)]
