"""Chinese words by their sound: a transcriber often writes a word with other characters of the same sound.

The reading of a character is its most frequent one in CC-CEDICT, without its tone. Only terms of at least
three characters are matched, because shorter ones sound like harmless words too often.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from safelight.detectors.protocol import TextView

from .chinese import is_han
from .glosses import dictionary_path, read_entries
from .minilm.cache import load_or_build

#: Increase this number whenever the readings change.
FORMAT = 1
MIN_CHARACTERS = 3
KIND = "homophones"
_CHINESE_RUN = re.compile(rf"[\u3400-\u9fff]{{{MIN_CHARACTERS},}}")


class Homophones:
    """Writes what sounds like a term of the lists as this term."""

    def __init__(self, readings: Mapping[str, str], terms: Iterable[str]) -> None:
        self._readings = readings
        self._terms = frozenset(
            term for term in terms if len(term) >= MIN_CHARACTERS and all(one in readings for one in term)
        )
        #: Of several terms with the same sound the first one, so that every process takes the same.
        self._by_sound = {self._sound(term): term for term in sorted(self._terms, reverse=True)}
        self._lengths = sorted({len(term) for term in self._terms}, reverse=True)

    def view(self, folded: TextView) -> TextView | None:
        """The folded view with these terms; None if that changes nothing."""
        letters = list(folded.text)
        for run in _CHINESE_RUN.finditer(folded.text):
            start = run.start()
            while start < run.end():
                start += self._replace(letters, start, run.end())
        text = "".join(letters)
        return None if text == folded.text else replace(folded, kind=KIND, text=text)

    def _replace(self, letters: list[str], start: int, end: int) -> int:
        """Write the longest term that sounds like the characters at `start`. Returns how far to go on."""
        for length in self._lengths:
            if start + length <= end:
                said = "".join(letters[start : start + length])
                term = said if said in self._terms else self._by_sound.get(self._sound(said))
                if term is not None:
                    letters[start : start + length] = term
                    return length
        return 1

    def _sound(self, text: str) -> str:
        return " ".join(self._readings.get(letter, letter) for letter in text)


def load_readings(cache: Path) -> dict[str, str]:
    """The toneless reading of each character, from the cache if it is there."""
    path = dictionary_path()
    data = load_or_build(
        cache, f"readings-{path.stat().st_size}-{FORMAT}", lambda: _build(path), suffix=".txt"
    )
    return dict(line.split(" ") for line in data.decode("utf-8").splitlines())


def _build(path: Path) -> bytes:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in read_entries(path):
        for letter, sound in zip(entry.word, entry.sounds, strict=False):
            found[letter][sound] += 1
    lines = (
        f"{letter} {counts.most_common(1)[0][0]}\n" for letter, counts in found.items() if is_han(letter)
    )
    return "".join(lines).encode("utf-8")
