"""Aho-Corasick automaton: finds all words of a set in a text, in one pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator


class Automaton:
    """Finds every occurrence of every word, including overlapping ones, in time linear in text and
    matches.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._fail: list[int] = [0]
        #: For each state, the words that end in this state: (number, length).
        self._ends: list[tuple[tuple[int, int], ...]] = [()]
        for number, word in enumerate(words):
            if not word:
                raise ValueError(f"word {number} is empty")
            self._add(word, number)
        self._link()

    def _add(self, word: str, number: int) -> None:
        state = 0
        for letter in word:
            following = self._next[state].get(letter)
            if following is None:
                following = len(self._next)
                self._next[state][letter] = following
                self._next.append({})
                self._fail.append(0)
                self._ends.append(())
            state = following
        self._ends[state] = (*self._ends[state], (number, len(word)))

    def _link(self) -> None:
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for letter, following in self._next[state].items():
                waiting.append(following)
                back = self._fail[state]
                while back and letter not in self._next[back]:
                    back = self._fail[back]
                target = self._next[back].get(letter, 0)
                self._fail[following] = target if target != following else 0
                self._ends[following] += self._ends[self._fail[following]]

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """(number of the word, start, end) of every occurrence, ordered by `end`."""
        moves, fail, ends = self._next, self._fail, self._ends
        state = 0
        for index, letter in enumerate(text):
            while state and letter not in moves[state]:
                state = fail[state]
            state = moves[state].get(letter, 0)
            for number, length in ends[state]:
                yield number, index + 1 - length, index + 1
