"""Chinese words with their sound and their frequency, from CC-CEDICT and the segmenter's dictionary.

A sound is the pinyin of a word without tones, its syllables separated by spaces, `v` for ü.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

import msgspec

from .chinese import is_han
from .glosses import dictionary_path, read_entries
from .minilm.cache import default_folder, load_or_build
from .syllables import without_accent

WordsBySound: TypeAlias = dict[str, tuple[tuple[str, float], ...]]

#: Increase this number whenever the words change.
FORMAT = 2
#: Longest word in characters, and fewest occurrences: a rarer word of several characters is left out.
MAX_CHARACTERS, _MIN_COUNT = 4, 4
#: Number of words in the text from which the segmenter's frequencies are.
_TOTAL = math.log(60_000_000)
#: Most words of one sound. A rarer one would never be the best reading.
_MAX_WORDS_OF_A_SOUND = 40


class SoundLexicon(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The words of a sound, the sounds of a character, and the log-probability of a word."""

    weights: dict[str, float]
    sounds: dict[str, tuple[str, ...]]
    words: WordsBySound

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, int]]) -> SoundLexicon:
        """Of words with their sound and number of occurrences."""
        weights: dict[str, float] = {}
        words: defaultdict[str, dict[str, float]] = defaultdict(dict)
        sounds: defaultdict[str, list[str]] = defaultdict(list)
        for word, sound, count in rows:
            weight = math.log(count) - _TOTAL
            weights[word] = max(weight, weights.get(word, weight))
            words[sound][word] = weight
            if len(word) == 1 and sound not in sounds[word]:
                sounds[word].append(sound)
        return cls(
            weights=weights,
            sounds={letter: tuple(found) for letter, found in sounds.items()},
            words=_by_weight(words),
        )

    @cached_property
    def syllables(self) -> frozenset[str]:
        return frozenset(sound for known in self.sounds.values() for sound in known if sound.isascii())

    @cached_property
    def accented(self) -> WordsBySound:
        """The words by their sound without what a southern accent merges."""
        merged: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for sound, found in self.words.items():
            merged[" ".join(map(without_accent, sound.split()))].update(found)
        return _by_weight(merged)


def _by_weight(words: Mapping[str, Mapping[str, float]]) -> WordsBySound:
    return {
        sound: tuple(sorted(found.items(), key=lambda one: -one[1])[:_MAX_WORDS_OF_A_SOUND])
        for sound, found in words.items()
    }


def load_lexicon(cache: Path) -> SoundLexicon:
    """The lexicon from the cache if it is there. Raises `FileNotFoundError` without the dictionary."""
    path = dictionary_path()
    name = f"sounds-{path.stat().st_size}-{FORMAT}"
    data = load_or_build(cache, name, lambda: msgspec.json.encode(_build(path)), suffix=".json")
    return msgspec.json.decode(data, type=SoundLexicon)


@cache
def installed_lexicon() -> SoundLexicon | None:
    """The lexicon of the installed dictionary; None without it. It is loaded once per process."""
    try:
        return load_lexicon(default_folder())
    except (FileNotFoundError, ImportError):
        return None


def _build(path: Path) -> SoundLexicon:
    # Loads its dictionary when it is imported, which takes a fifth of a second.
    import rjieba

    found: dict[tuple[str, str], int] = {}
    readings: defaultdict[tuple[str, str], int] = defaultdict(int)
    for entry in read_entries(path):
        sounds = [sound.replace("u:", "v") for sound in entry.sounds]
        if not sounds or not all(map(is_han, entry.word)):
            continue
        for letter, sound in zip(entry.word, sounds, strict=True):
            readings[letter, sound] += 1
        if 2 <= len(sounds) <= MAX_CHARACTERS:
            count = rjieba.suggest_freq(entry.word)
            if count >= _MIN_COUNT:
                found[entry.word, " ".join(sounds)] = count
    uses: defaultdict[str, int] = defaultdict(int)
    for (letter, _sound), number in readings.items():
        uses[letter] += number
    for (letter, sound), number in readings.items():
        # A character with several sounds has each as often as in the words of the dictionary.
        found[letter, sound] = max(1, rjieba.suggest_freq(letter) * number // uses[letter])
    return SoundLexicon.of((word, sound, count) for (word, sound), count in found.items())
