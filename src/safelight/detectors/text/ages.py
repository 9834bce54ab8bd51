"""Finds ages under 18 that are written as numbers: "9-year-old", "aged 12", "15 yo", 十二岁, 十几岁."""

from __future__ import annotations

import re
from collections.abc import Iterator

ADULT_AGE = 18

_NAMES = (
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
)
_WORDS = {name: number for number, name in enumerate((*_NAMES[0], *_NAMES[1]), start=1)}
_DIGITS = {digit: number for number, digit in enumerate("一二三四五六七八九", start=1)} | {"两": 2, "兩": 2}
_NUMBER = r"(?<![\d.])(?P<{0}>\d{{1,2}}|" + "|".join(_WORDS) + r")"
#: Not every age is the age of a person, for example "a 9-year-old house".
_OLD_THINGS = re.compile(
    r"\s*(?:house|building|tree|oak|wine|whisky|whiskey|car|bridge|dog|cat|horse|company|tradition|church|"
    r"cheese|computer|phone|guitar|boat|tortoise|elephant|ship|book|recipe)\b"
)
_AGE = re.compile(
    _NUMBER.format("a")
    + r"[\s-]{0,2}(?:years?[\s-]{0,2}olds?|yrs?[\s-]{0,2}olds?|y/?o)\b"
    + r"|\b(?:aged?|age of|turns|turning)\s{1,2}"
    + _NUMBER.format("b")
    + r"\b(?!\s{0,2}(?:corner|degrees|minutes|hours|percent|%|to\s))"
    + r"|(?<![\d一二三四五六七八九十百])(?P<c>\d{1,2}|十?[一二三四五六七八九两兩]|十)"
    + r"[几幾来來多]?\s?(?:岁|歲)"
)


def find_young_ages(text: str) -> Iterator[tuple[int, int]]:
    """Character ranges in a folded text that give the age of a living being as under 18."""
    for hit in _AGE.finditer(text):
        years = _years(hit["a"] or hit["b"] or hit["c"])
        if years < ADULT_AGE and not _OLD_THINGS.match(text, hit.end()):
            yield hit.span()


def _years(number: str) -> int:
    if number.isdecimal():
        return int(number)
    if number in _WORDS:
        return _WORDS[number]
    return (10 if number.startswith("十") else 0) + _DIGITS.get(number[-1], 0)
