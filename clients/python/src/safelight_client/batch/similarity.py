"""Finds texts that are nearly the same: by shared pieces of four letters, where rare pieces count more."""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

#: Similarity, from 0 to 1, of near duplicates, and of neighbours of a blocked text.
NEAR_DUPLICATE = 0.8
NEIGHBOUR = 0.3
_PIECE = 4
#: A near duplicate shares rare pieces: the rarest ones with this share of the weight are looked up ...
_PREFIX = 0.25
#: ... each in at most this number of earlier texts, so that a text of 10^5 similar rows costs no more.
_MAX_LOOKUPS = 20
#: Only the texts that share the most of these pieces are compared.
_MAX_COMPARED = 3
_WORDS = re.compile(r"[^\W_]+")


def pieces(text: str) -> frozenset[str]:
    """The words in pieces of four letters; characters of scripts without spaces in pairs."""
    found: set[str] = set()
    for word in _WORDS.findall(unicodedata.normalize("NFKC", text).casefold()):
        if any("\u3040" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3" for letter in word):
            found.update(word[at : at + 2] for at in range(max(len(word) - 1, 1)))
        else:
            padded = f" {word} "
            found.update(padded[at : at + _PIECE] for at in range(max(len(padded) - _PIECE + 1, 1)))
    return frozenset(found)


class SimilarTexts:
    """The texts of one batch. A text is named by its place in the sequence."""

    def __init__(self, texts: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        self._texts = [
            array("L", sorted({numbers.setdefault(piece, len(numbers)) for piece in pieces(text)}))
            for text in texts
        ]
        counts: Counter[int] = Counter()
        for each in self._texts:
            counts.update(each)
        total = len(texts)
        self._weights = array("d", (math.log1p(total / counts[number]) for number in range(len(numbers))))

    def similarity(self, one: int, other: int) -> float:
        """Weight of the shared pieces, divided by the weight of all pieces of both."""
        mine, theirs = set(self._texts[one]), set(self._texts[other])
        return self._compare(mine, theirs)

    def _compare(self, mine: set[int], theirs: set[int]) -> float:
        union = self._weigh(mine | theirs)
        return self._weigh(mine & theirs) / union if union else 0.0

    def _weigh(self, found: Iterable[int]) -> float:
        return sum(self._weights[each] for each in found)

    def neighbours(self, text: int, among: Iterable[int]) -> list[int]:
        """The texts that are near a text, in their order."""
        mine = set(self._texts[text])
        rare = {each for each in mine if self._weights[each] >= self._rarity(mine)}
        return [
            other
            for other in among
            if other != text
            and not rare.isdisjoint(self._texts[other])
            and self._compare(mine, set(self._texts[other])) >= NEIGHBOUR
        ]

    def _rarity(self, mine: set[int]) -> float:
        """The least weight of the rarer half of the pieces."""
        weights = sorted(self._weights[each] for each in mine)
        return weights[len(weights) // 2] if weights else 0.0

    def near_duplicates(self) -> dict[int, int]:
        """For each text that is nearly the same as an earlier one: that earlier one."""
        found: dict[int, int] = {}
        postings: dict[int, list[int]] = defaultdict(list)
        for text, each in enumerate(self._texts):
            prefix = self._prefix(each)
            mine = set(each)
            shared = Counter(other for piece in prefix for other in postings[piece])
            match = next(
                (
                    other
                    for other, _ in shared.most_common(_MAX_COMPARED)
                    if self._compare(mine, set(self._texts[other])) >= NEAR_DUPLICATE
                ),
                None,
            )
            if match is not None:
                found[text] = match
                continue
            for piece in prefix:
                if len(postings[piece]) < _MAX_LOOKUPS:
                    postings[piece].append(text)
        return found

    def _prefix(self, found: Iterable[int]) -> list[int]:
        """The rarest pieces of a text: a near duplicate has at least one of them."""
        ordered = sorted(found, key=lambda piece: -self._weights[piece])
        limit, chosen = _PREFIX * self._weigh(ordered), []
        for piece in ordered:
            chosen.append(piece)
            limit -= self._weights[piece]
            if limit < 0:
                break
        return chosen
