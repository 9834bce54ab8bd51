"""Rejections: whether a text denies or rejects the hatred in it, or shows that others reject it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from safelight.detectors.protocol import TextView

from .attribution import Place
from .compositions import EXCEPT, CompositionList, find_roles, find_sentence_ends, shipped_compositions
from .lists import Lexicon

ROLES = frozenset(
    {"denied-contempt", "rejected-words", "rejecting-words", "denied-contempt-zh", "rejecting-words-zh"}
)


class RejectionReader:
    """Finds the sentences that reject hatred, by the terms in `compositions/rejections.yaml`."""

    def __init__(self, compositions: CompositionList) -> None:
        self._lexicon = Lexicon(
            entry for entry in compositions.entries if entry.category.removeprefix(EXCEPT) in ROLES
        )

    def is_rejected(self, view: TextView, places: Iterable[Place]) -> bool:
        """Whether each place is in a sentence that rejects hatred, or in the one before or after it."""
        found = find_roles(self._lexicon, view)
        rejecting = {sentence for role in ROLES for _start, _end, sentence in found.get(role, ())}
        ends = find_sentence_ends(view.text)
        sentences = {bisect_right(ends, start) for start, _end in places}
        return all({one - 1, one, one + 1} & rejecting for one in sentences)


@lru_cache(maxsize=1)
def shipped_rejections() -> RejectionReader:
    """The reader for the shipped terms. It is built once per process."""
    return RejectionReader(shipped_compositions())
