"""Index of words and phrases in English and Chinese: finds the longest one at each place of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Generic, TypeVar

Value = TypeVar("Value")

#: Number of texts whose phrases stay in memory: those of one request.
_KEPT_TEXTS = 16
_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|[\u3400-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class FormHit(Generic[Value]):
    """A phrase at characters `start` to `end` (exclusive)."""

    start: int
    end: int
    form: str
    #: The values of this phrase, in the order in which they were added.
    values: tuple[Value, ...]


class FormTable(Generic[Value]):
    """Maps phrases to values. An English phrase matches whole words; a Chinese one matches anywhere."""

    def __init__(self) -> None:
        self._values: dict[str, list[Value]] = {}
        #: The phrases by their first word, the longest first.
        self._by_first: dict[str, list[str]] = {}
        # One request looks for the same phrases in the same text several times.
        self._search = lru_cache(maxsize=_KEPT_TEXTS)(self._search_text)

    def add(self, form: str, value: Value) -> None:
        """Add a phrase. It may have several values."""
        if form in self._values:
            self._values[form].append(value)
            return
        first = _TOKEN.match(form)
        if first is None:
            raise ValueError(f"{form!r} does not begin with a word")
        self._values[form] = [value]
        same_first = self._by_first.setdefault(_key(first.group()), [])
        same_first.append(form)
        same_first.sort(key=len, reverse=True)
        self._search.cache_clear()

    def find(self, text: str) -> Iterator[FormHit[Value]]:
        """The longest phrase at each place, from left to right, without overlaps."""
        return iter(self._search(text))

    def _search_text(self, text: str) -> tuple[FormHit[Value], ...]:
        hits: list[FormHit[Value]] = []
        end = 0
        for token in _TOKEN.finditer(text):
            if token.start() < end:
                continue
            for form in self._by_first.get(_key(token.group()), ()):
                if found := _pattern(form).match(text, token.start()):
                    end = found.end()
                    values = tuple(self._values[form])
                    hits.append(FormHit(start=token.start(), end=end, form=form, values=values))
                    break
        return tuple(hits)


@cache
def _pattern(form: str) -> re.Pattern[str]:
    # Compiled when its first word is found: compiling all phrases takes longer than most checks.
    words = r"\s+".join(re.escape(word).replace("'", "['’]") for word in form.split())
    return re.compile(words + (r"(?![A-Za-z])" if form[-1].isascii() else ""), re.IGNORECASE)


def _key(token: str) -> str:
    return token.lower().replace("’", "'")
