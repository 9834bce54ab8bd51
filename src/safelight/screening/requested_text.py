"""Requested text: words in a clip that the request asked for, or that the generator itself adds.

Such words are no new evidence: the prompt stage judged the request, and a generator's own notice says nothing
about the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.edit_distance import edit_distance

_CHINESE = re.compile(r"[\u3400-\u9fff]")
#: A word of a Latin script, or one Chinese character.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
#: One misread letter is tolerated in a word of at least this length. Shorter words change their meaning with
#: one letter.
_MIN_TOLERANT_LENGTH = 6
#: OCR loses spaces and misreads letters of small print: in a whole line, one letter in this many may differ.
_LETTERS_PER_ERROR = 8


def added_text(lines: Iterable[MediaText], expected: Iterable[str]) -> tuple[MediaText, ...]:
    """The lines with words that no text in `expected` contains in the same order.

    `expected` has the texts of the request and the generator's own texts. A line counts as expected if all
    of its words follow each other in one of them; in a word of six letters or more, one letter may differ. A
    line also counts as expected if its letters without spaces are those of words that follow each other, with
    at most one error in eight letters.
    """
    known = [words for text in expected if (words := _words(text))]
    return tuple(line for line in lines if not any(_contains(words, _words(line.text)) for words in known))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _contains(words: Sequence[str], run: Sequence[str]) -> bool:
    """Whether `run` is a run of consecutive words in `words`. A line without a word is contained."""
    if any(
        all(_equals(read, wanted) for read, wanted in zip(run, words[start:], strict=False))
        for start in range(len(words) - len(run) + 1)
    ):
        return True
    letters = "".join(run)
    # A Chinese character is a word, so none may differ.
    limit = 0 if _CHINESE.search(letters) else len(letters) // _LETTERS_PER_ERROR
    return any(
        edit_distance(letters, "".join(words[start:end]), limit) is not None
        for start, end in _spans_of_length(words, len(letters), limit)
    )


def _spans_of_length(words: Sequence[str], length: int, limit: int) -> Iterator[tuple[int, int]]:
    """The runs of consecutive words whose letters are `length` in number, give or take `limit`."""
    for start in range(len(words)):
        total = 0
        for end in range(start, len(words)):
            total += len(words[end])
            if total > length + limit:
                break
            if total >= length - limit:
                yield start, end + 1


def _equals(read: str, wanted: str) -> bool:
    limit = 1 if min(len(read), len(wanted)) >= _MIN_TOLERANT_LENGTH else 0
    return edit_distance(read, wanted, limit) is not None
