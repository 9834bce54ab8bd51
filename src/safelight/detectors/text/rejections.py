"""Rejections: whether a text denies or rejects the hatred in it, or shows that others reject it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from safelight.detectors.protocol import TextView

from .attribution import Place
from .compositions import EXCEPT, CompositionList, find_roles, shipped_compositions
from .lists import Lexicon

#: These words reject what is in their sentence, in the one before and in the one after it.
_WIDE = frozenset(
    {"denied-contempt", "rejected-words", "rejecting-words", "denied-contempt-zh", "rejecting-words-zh"}
)
#: These words reject only what is in their own sentence.
_NARROW = frozenset({"rejecting-places", "rejecting-places-zh"})
ROLES = _WIDE | _NARROW
#: Chinese has no space after a sentence, and half-width signs are common in it.
_SENTENCE_END = re.compile(r"[.!?](?=\s|$|[\u3400-\u9fff])|[。！？;；]")
_LINE_END = re.compile(r"[\n\r\u2028\u2029]")


class RejectionReader:
    """Finds the sentences that reject hatred, by the terms in `compositions/rejections.yaml`.

    A line of the original text is a sentence of its own: texts read in a picture are joined by line ends.
    """

    def __init__(self, compositions: CompositionList) -> None:
        self._lexicon = Lexicon(
            entry for entry in compositions.entries if entry.category.removeprefix(EXCEPT) in ROLES
        )

    def is_rejected(self, view: TextView, places: Iterable[Place], original: str = "") -> bool:
        """Whether each place is in a sentence that is rejected. `original`: the text of the view."""
        ends = _sentence_ends(view, original)
        rejected = self._rejected_sentences(view, ends)
        return all(bisect_right(ends, start) in rejected for start, _end in places)

    def blank_rejected(self, view: TextView, original: str) -> str:
        """The text of the view, with spaces in place of every sentence that is rejected."""
        ends = _sentence_ends(view, original)
        rejected = self._rejected_sentences(view, ends)
        text, starts = view.text, [0, *ends]
        return "".join(
            " " * (end - start) if number in rejected else text[start:end]
            for number, (start, end) in enumerate(zip(starts, [*ends, len(text)], strict=True))
        )

    def _rejected_sentences(self, view: TextView, ends: list[int]) -> set[int]:
        """The numbers of the sentences that are rejected."""
        rejected = set()
        for role, hits in find_roles(self._lexicon, view).items():
            for start, _end, _sentence in hits if role in ROLES else ():
                number = bisect_right(ends, start)
                rejected |= {number - 1, number, number + 1} if role in _WIDE else {number}
        return rejected


def _sentence_ends(view: TextView, original: str) -> list[int]:
    """The positions in the view after the end of each sentence and of each line of the original text."""
    ends = {hit.end() for hit in _SENTENCE_END.finditer(view.text)}
    ends |= {bisect_right(view.offsets, hit.start()) for hit in _LINE_END.finditer(original)}
    return sorted(ends - {len(view.text) + 1})


@lru_cache(maxsize=1)
def shipped_rejections() -> RejectionReader:
    """The reader for the shipped terms. It is built once per process."""
    return RejectionReader(shipped_compositions())
