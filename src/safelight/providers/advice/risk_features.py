"""Features of a request from which the risk of a refusal is estimated: words, drivers, length and aspect.

A feature is a name that a request has or does not have. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from .driver_tables import DriverKind
from .drivers import PROMPT, find_drivers

#: Characters of a prompt that are read; more cost more time than a check may take.
MAX_CHARS = 2_000
#: Expected weights of drivers, in log-odds, before any outcome is known: the tables call the first group high
#: risk and the second a risk in combination.
DRIVER_WEIGHTS = {
    DriverKind.HIGH_RISK_WORD: 0.8,
    DriverKind.SCENARIO: 0.8,
    DriverKind.NAME: 0.8,
    DriverKind.STACKING: 0.6,
    DriverKind.CONTEXT_WORD: 0.2,
    DriverKind.SCENE_WORD: 0.2,
    DriverKind.INTENSITY: 0.2,
    DriverKind.BRAND: 0.2,
    DriverKind.STYLE: 0.2,
}
#: Start of the feature of a word.
WORD = "word:"
_WORDS = re.compile(r"[\u3400-\u9fff]+|[^\W\d_]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
#: Words of grammar, which no filter reads.
_GRAMMAR = """
a an and are as at be by for from has have in is it its of on or that the their then this to was were with
的 了 着 著 在 是 和 與 与 一
"""
_LEFT_OUT = frozenset(_GRAMMAR.split())
#: Ends of the classes of length, in seconds.
_LENGTHS = (5, 9)


def find_features(
    prompt: str, *, seconds: float | None = None, width: int | None = None, height: int | None = None
) -> frozenset[str]:
    """The features of a request. An unknown length or size gives none."""
    found = set(find_words(prompt))
    for driver in find_drivers({PROMPT: _normalize(prompt)}, ()):
        if not driver.excluded:
            found |= {driver_feature(driver.kind), f"row:{driver.row}"}
    if seconds:
        found.add(f"seconds:{sum(seconds > end for end in _LENGTHS)}")
    if width and height:
        found.add("aspect:" + ("square" if width == height else "wide" if width > height else "tall"))
    return frozenset(found)


def find_words(prompt: str) -> frozenset[str]:
    """The features of the words of a prompt."""
    return frozenset(f"{WORD}{word}" for word in _words(_normalize(prompt).casefold()))


def driver_feature(kind: DriverKind) -> str:
    """The feature of a request with a driver of this kind."""
    return f"driver:{kind.value}"


def _normalize(prompt: str) -> str:
    # Some characters become up to 18 others.
    return unicodedata.normalize("NFKC", prompt[:MAX_CHARS])[:MAX_CHARS]


def _words(text: str) -> set[str]:
    """Words; of Chinese text, each character and each pair of neighbours."""
    found: set[str] = set()
    for run in _WORDS.findall(text):
        if _CHINESE.fullmatch(run):
            found |= {*run, *(run[at : at + 2] for at in range(len(run) - 1))}
        else:
            found.add(run)
    return found - _LEFT_OUT
