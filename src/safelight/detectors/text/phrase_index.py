"""Phrase index: finds names by hashed lookup. Unlike an automaton, it stays fast and small with 100,000
entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")

#: Most words of a Latin phrase, and most characters of a Chinese one.
MAX_WORDS, MAX_CHINESE = 12, 12
_PIECE = re.compile(r"[\u3400-\u9fff·]+|[^\W_\u3400-\u9fff]+")
_GAP = re.compile(r"[ \-'.&·_/,:+]{0,3}")


class PhraseTable(Generic[Value]):
    """Index that maps phrases to values. English phrases match whole words; Chinese phrases match
    anywhere.
    """

    def __init__(self) -> None:
        self._latin: dict[str, list[Value]] = {}
        self._chinese: dict[str, list[Value]] = {}
        self._starts: dict[str, int] = {}
        self._lengths: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._latin) + len(self._chinese)

    def add(self, phrase: str, value: Value) -> None:
        """Add a folded phrase. Raises `ValueError` if the phrase contains no word or too many words."""
        pieces = _PIECE.findall(phrase)
        if not pieces:
            raise ValueError(f"{phrase!r} contains no word")
        if all(_is_chinese(piece) for piece in pieces):
            key = "".join(pieces).replace("·", "")
            if not 2 <= len(key) <= MAX_CHINESE:
                raise ValueError(f"{phrase!r} should have 2 to {MAX_CHINESE} characters")
            self._chinese.setdefault(key, []).append(value)
            if len(key) not in self._lengths:
                self._lengths = tuple(sorted({len(key), *self._lengths}, reverse=True))
            return
        if len(pieces) > MAX_WORDS:
            raise ValueError(f"{phrase!r} has more than {MAX_WORDS} words")
        self._latin.setdefault(" ".join(pieces), []).append(value)
        self._starts[pieces[0]] = max(self._starts.get(pieces[0], 0), len(pieces))

    def find(self, text: str) -> Iterator[tuple[Value, str, int, int]]:
        """(value, phrase, start, end) for the longest phrase at each place of a folded text."""
        pieces = [(hit.group(), hit.start(), hit.end()) for hit in _PIECE.finditer(text)]
        free = 0
        for index, (piece, start, _end) in enumerate(pieces):
            if _is_chinese(piece):
                yield from self._find_chinese(piece, start)
            if index >= free and piece in self._starts:
                found = self._longest_phrase(text, pieces, index)
                if found:
                    key, count = found
                    free = index + count
                    for value in self._latin[key]:
                        yield value, key, start, pieces[index + count - 1][2]
            elif index >= free and piece[-1:] == "s" and piece[:-1] in self._latin:
                for value in self._latin[piece[:-1]]:
                    yield value, piece[:-1], start, pieces[index][2]

    def _longest_phrase(
        self, text: str, pieces: list[tuple[str, int, int]], index: int
    ) -> tuple[str, int] | None:
        words: list[str] = []
        best = None
        for count in range(1, self._starts[pieces[index][0]] + 1):
            place = index + count - 1
            if place >= len(pieces):
                break
            if count > 1 and not _GAP.fullmatch(text, pieces[place - 1][2], pieces[place][1]):
                break
            words.append(pieces[place][0])
            key = " ".join(words)
            if key in self._latin:
                best = key, count
            elif key.endswith("s") and key[:-1] in self._latin:
                best = key[:-1], count
        return best

    def _find_chinese(self, piece: str, offset: int) -> Iterator[tuple[Value, str, int, int]]:
        places = [index for index, letter in enumerate(piece) if letter != "·"]
        letters = "".join(piece[index] for index in places)
        at = 0
        while at < len(letters):
            for length in self._lengths:
                key = letters[at : at + length]
                if len(key) == length and key in self._chinese:
                    end = places[at + length - 1] + 1
                    for value in self._chinese[key]:
                        yield value, key, offset + places[at], offset + end
                    at += length - 1
                    break
            at += 1


def _is_chinese(piece: str) -> bool:
    return "\u3400" <= piece[0] <= "\u9fff" or piece[0] == "·"
