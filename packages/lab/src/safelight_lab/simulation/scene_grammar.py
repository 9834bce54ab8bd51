"""Scene grammar: harmless English prompts from lists of people, places, actions and styles."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec
import numpy as np

from safelight.core import yaml_loader

#: Shortest and longest prompt in words; the last part may make it longer.
_MIN_WORDS, _MAX_WORDS = 8, 60
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[a-z]+")
#: Entry number k of a list is chosen with a weight of (k + shift) ** -exponent, as words of a language are.
_SHIFT, _EXPONENT = 3.0, 0.8


class SceneGrammar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts of the prompts. A part names a list in braces."""

    sentences: tuple[str, ...]
    details: tuple[str, ...]
    lists: Mapping[str, tuple[str, ...]]

    def prompts(self, count: int, seed: int) -> list[str]:
        """Different seeds give different prompts of the same kind."""
        random = np.random.default_rng(seed)
        return [self._prompt(random) for _number in range(count)]

    def vocabulary(self) -> list[str]:
        """All words of at least three letters in the lists, sorted."""
        texts = [entry for entries in self.lists.values() for entry in entries]
        return sorted({word for text in texts for word in find_words(text) if len(word) > 2})

    def _prompt(self, random: np.random.Generator) -> str:
        wanted = int(random.integers(_MIN_WORDS, _MAX_WORDS))
        text = self._fill(_choose(self.sentences, random), random)
        while len(text.split()) < wanted:
            text += ", " + self._fill(_choose(self.details, random), random)
        return f"{text[0].upper()}{text[1:]}."

    def _fill(self, pattern: str, random: np.random.Generator) -> str:
        def chosen(slot: re.Match[str]) -> str:
            entries = self.lists[slot[1]]
            return entries[bisect.bisect(_shares(len(entries)), random.random())]

        return _SLOT.sub(chosen, pattern)


def _choose(patterns: tuple[str, ...], random: np.random.Generator) -> str:
    return patterns[int(random.integers(len(patterns)))]


@cache
def _shares(count: int) -> list[float]:
    """The share of the entries before the second, the third and so on."""
    weights = (np.arange(count) + _SHIFT) ** -_EXPONENT
    return [float(share) for share in np.cumsum(weights / weights.sum())[:-1]]


@cache
def scene_grammar() -> SceneGrammar:
    """The grammar that Safelight ships."""
    data = resources.files(__package__).joinpath("data", "scenes.yaml").read_text("utf-8")
    return msgspec.convert(yaml_loader.load(data), SceneGrammar)


def find_words(text: str) -> frozenset[str]:
    """The English words of a text, in lower case."""
    return frozenset(_WORD.findall(text.casefold()))
