"""Finds texts that are nearly the same: by shared pieces of four letters, where rare pieces count more."""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

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
#: The same for neighbours of a blocked text, of which more share a piece by chance.
_MAX_NEIGHBOURS = 16
#: Longer words are rarely repeated, and their pieces are not remembered.
_MAX_KNOWN = 20
_WORDS = re.compile(r"[^\W_]+")


def _pieces_of_word(word: str) -> list[str]:
    """A word in pieces of four letters; one of a script without spaces in pairs of characters."""
    if any("\u3040" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3" for letter in word):
        return [word[at : at + 2] for at in range(max(len(word) - 1, 1))]
    padded = f" {word} "
    return [padded[at : at + _PIECE] for at in range(max(len(padded) - _PIECE + 1, 1))]


class SimilarTexts:
    """The texts of one batch. A text is named by its place in the sequence."""

    def __init__(self, texts: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        words: dict[str, tuple[int, ...]] = {}
        self._texts: list[array[int]] = []
        counts: Counter[int] = Counter()
        for text in texts:
            found: set[int] = set()
            for word in _WORDS.findall(unicodedata.normalize("NFKC", text).casefold()):
                known = words.get(word)
                if known is None:
                    known = tuple(numbers.setdefault(piece, len(numbers)) for piece in _pieces_of_word(word))
                    if len(word) <= _MAX_KNOWN:
                        words[word] = known
                found.update(known)
            self._texts.append(array("L", sorted(found)))
            counts.update(found)
        total = len(texts)
        self._weights = array("d", (math.log1p(total / counts[number]) for number in range(len(numbers))))
        self._totals = array("d", map(self._weigh, self._texts))

    def similarity(self, one: int, other: int) -> float:
        """Weight of the shared pieces, divided by the weight of all pieces of both."""
        return self._compare(set(self._texts[one]), self._totals[one], other, 0.0)

    def _compare(self, mine: set[int], weight: float, other: int, least: float) -> float:
        """The similarity of a text to another one; 0 if their lengths exclude that it is `least`."""
        theirs = self._totals[other]
        if min(weight, theirs) < least * max(weight, theirs):
            return 0.0
        shared = self._weigh(mine.intersection(self._texts[other]))
        return shared / union if (union := weight + theirs - shared) else 0.0

    def _weigh(self, found: Iterable[int]) -> float:
        return sum(map(self._weights.__getitem__, found))

    def neighbours(self, text: int, among: Iterable[int]) -> list[int]:
        """The texts that are near a text, in their order."""
        mine = set(self._texts[text])
        rare = self._rare(mine)
        return [
            other
            for other in among
            if other != text
            and not rare.isdisjoint(self._texts[other])
            and self._compare(mine, self._totals[text], other, NEIGHBOUR) >= NEIGHBOUR
        ]

    def neighbours_of_any(self, texts: Iterable[int], among: Iterable[int]) -> dict[int, int]:
        """For each text of `among` that is near one of `texts`: that one.

        A piece is looked up in a few texts only, so the work does not grow with both numbers multiplied.
        """
        postings: dict[int, list[int]] = defaultdict(list)
        common: dict[int, list[int]] = {}
        for text in texts:
            for piece in self._rare(set(self._texts[text])):
                if len(postings[piece]) < _MAX_LOOKUPS:
                    postings[piece].append(text)
                else:
                    common[piece] = postings[piece]
        for piece in common:
            del postings[piece]
        found: dict[int, int] = {}
        for other in among:
            mine = set(self._texts[other])
            for text in self._candidates(mine, postings, common):
                if self._compare(mine, self._totals[other], text, NEIGHBOUR) >= NEIGHBOUR:
                    found[other] = text
                    break
        return found

    def _candidates(
        self, mine: set[int], postings: dict[int, list[int]], common: dict[int, list[int]]
    ) -> list[int]:
        """The texts that share the pieces with the highest weight, then a few that share common pieces.

        `common`: pieces of more texts than are listed. They must not rank the listed ones before the others.
        """
        shared: dict[int, float] = defaultdict(float)
        for piece in postings.keys() & mine:
            for text in postings[piece]:
                shared[text] += self._weights[piece]
        nearest = heapq.nlargest(_MAX_NEIGHBOURS, shared, key=shared.__getitem__)
        counts = Counter(chain.from_iterable(map(common.__getitem__, common.keys() & mine)))
        return nearest + [text for text, _ in counts.most_common(_MAX_COMPARED) if text not in nearest]

    def _rare(self, mine: set[int]) -> set[int]:
        """The rarer half of the pieces, by which neighbours are looked up."""
        least = self._rarity(mine)
        return {each for each in mine if self._weights[each] >= least}

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
            shared = Counter(chain.from_iterable(postings[piece] for piece in prefix))
            match = next(
                (
                    other
                    for other, _ in shared.most_common(_MAX_COMPARED)
                    if self._compare(mine, self._totals[text], other, NEAR_DUPLICATE) >= NEAR_DUPLICATE
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
        ordered = sorted(found, key=self._weights.__getitem__, reverse=True)
        limit, chosen = _PREFIX * self._weigh(ordered), []
        for piece in ordered:
            chosen.append(piece)
            limit -= self._weights[piece]
            if limit < 0:
                break
        return chosen
