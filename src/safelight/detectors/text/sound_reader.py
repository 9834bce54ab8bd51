"""Reads Chinese that is written by its sound: the most likely words for a row of sounds and characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .sound_lexicon import MAX_CHARACTERS, SoundLexicon
from .syllables import without_accent
from .word_grams import chinese_words

#: Log-probability of a character that the lexicon does not have, and of one that is read as another one.
UNKNOWN, REPLACED = -16.0, -1.5
#: Log-probability that each word has less, so that a word of two characters is better than two words.
WORD = -1.0
#: Most sounds of one sign: more accents of one syllable are not tried.
MAX_SOUNDS = 8


@dataclass(frozen=True)
class Sign:
    """One character of the text to be read: its own form if it has one, and its possible sounds."""

    letter: str
    sounds: tuple[str, ...]


@dataclass(frozen=True)
class SoundReading:
    """The most likely characters, one for each sign, and their log-probability."""

    text: str
    weight: float


def fluency(text: str, lexicon: SoundLexicon) -> float:
    """The mean log-probability of a Chinese character of a text, by the words of the segmenter."""
    weights = lexicon.weights
    total, letters = 0.0, 0
    for word, _start, _end in chinese_words(text, guess=False):
        known = weights.get(word)
        total += math.fsum(weights.get(one, UNKNOWN) for one in word) if known is None else known
        total += WORD
        letters += len(word)
    return total / max(letters, 1)


def read_sounds(signs: Sequence[Sign], lexicon: SoundLexicon, *, accent: bool = False) -> SoundReading:
    """The most likely words for the signs. A sign with a letter is that letter, or one of the same sound.

    `accent`: sounds that a southern accent merges are the same.
    """
    words_of = lexicon.accented if accent else lexicon.words
    sounds_of = [_sounds(sign, accent=accent) for sign in signs]
    best: list[tuple[float, int, str]] = [(0.0, 0, "")]
    tails: list[list[tuple[str, ...]]] = []
    for end, sign in enumerate(signs, 1):
        # All sounds of the last signs, which grow by one sign at the front in each step.
        tails = [[(sound,) for sound in sounds_of[end - 1]]]
        highest = best[end - 1][0] + lexicon.weights.get(sign.letter, UNKNOWN) + WORD
        choice = (highest, end - 1, sign.letter or "\u3000")
        for size in range(1, min(MAX_CHARACTERS, end) + 1):
            start = end - size
            if size > 1:
                before = sounds_of[start]
                tails.append([(sound, *tail) for sound in before for tail in tails[-1]][: MAX_SOUNDS**2])
            base = best[start][0] + WORD
            for sounds in tails[-1]:
                for word, weight in words_of.get(" ".join(sounds), ()):
                    if base + weight <= choice[0]:
                        break
                    total = base + weight + _changes(word, signs, start)
                    if total > choice[0]:
                        choice = (total, start, word)
            if not tails[-1]:
                break
        best.append(choice)
    words: list[str] = []
    end = len(signs)
    while end:
        _weight, start, word = best[end]
        words.append(word)
        end = start
    return SoundReading("".join(reversed(words)), best[-1][0])


def _sounds(sign: Sign, *, accent: bool) -> tuple[str, ...]:
    sounds = tuple(dict.fromkeys(map(without_accent, sign.sounds))) if accent else sign.sounds
    return sounds[:MAX_SOUNDS]


def _changes(word: str, signs: Sequence[Sign], start: int) -> float:
    return math.fsum(
        REPLACED for index, letter in enumerate(word) if signs[start + index].letter not in ("", letter)
    )
