"""Words of details: the list of harmless words that can be left out, with their kinds. Pure.

An unknown word may state a risk or a fact about a person, so a part of a prompt counts as a detail only if
every word of it is in `data/details.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from . import driver_tables
from .advice_data import read_rows
from .form_table import FormHit, FormTable

#: Kinds of words that are no detail by themselves; the other kinds are nouns.
LINK, MOTION, ADVERB = "link", "motion", "adverb"
#: Things in the background.
OBJECT = "object"
_NO_NOUNS = frozenset({LINK, MOTION, ADVERB})
_ADJECTIVES = frozenset({"colour", "quality"})


def find_detail_words(text: str) -> Iterator[FormHit[str]]:
    """The words and phrases of the list, from left to right."""
    return _table().find(text)


def is_noun(hit: FormHit[str]) -> bool:
    return any(kind not in _NO_NOUNS and kind not in _ADJECTIVES for kind in hit.values)


def is_adjective(hit: FormHit[str]) -> bool:
    return not _ADJECTIVES.isdisjoint(hit.values)


def has_only_listed_words(text: str) -> bool:
    """Whether every word is in the list; also true without a word."""
    return not any(one.isalnum() for one in _without_details(text))


def has_only_details(text: str) -> bool:
    """Whether every word is in the list, with a noun, and without a motion before it."""
    first = next((one for one in find_detail_words(text) if is_noun(one) or MOTION in one.values), None)
    return first is not None and is_noun(first) and has_only_listed_words(text)


def _without_details(text: str) -> str:
    rest = list(text)
    for hit in find_detail_words(text):
        rest[hit.start : hit.end] = " " * (hit.end - hit.start)
    return "".join(rest)


@cache
def _table() -> FormTable[str]:
    table: FormTable[str] = FormTable()
    for row in read_rows("details"):
        for language in driver_tables.LANGUAGES:
            for form in filter(None, row[language].split("|")):
                table.add(form, row["kind"])
    return table
