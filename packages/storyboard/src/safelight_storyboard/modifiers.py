"""Modifiers of a subject: its count and its colour, read from the prompt around the word that names it."""

from __future__ import annotations

import re
from functools import cache

from safelight_storyboard import lexicon
from safelight_storyboard.function_words import PLURALS
from safelight_storyboard.noun_phrases import english_subjects, is_action

MOST_OF_A_KIND = 9

#: Numbers with a unit, which count no subject: "5 year old", "six foot tall", "four wheel drive", 六岁, 两层.
_MEASUREMENT = re.compile(
    rf"\b(?:\d+|{'|'.join(name for name in lexicon.NUMBERS if name.isascii())})[\s-]*"
    r"(?:years?|yrs?|months?|weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?(?![\s-]hand)|secs?|foot|feet|ft|"
    r"inch(?:es)?|yards?|miles?|(?:kilo|centi|milli)?met(?:er|re)s?|m|mm|cm|km|kg|kilos?|kilograms?|pounds?|lbs?|"
    r"tons?|tonnes?|fps|frames?|degrees?|percent|am|pm|doors?|wheel(?=[\s-]drive)|wheel(?:ed|ers?)|"
    r"stor(?:e?y|eys|ies|ied)|floors?|seat(?:er|ers|s)?|lanes?|leg(?:ged|s)?|star)\b"
    r"(?:[\s-]+(?:old|tall|high|long|wide|deep|away|drive)\b)*"
    r"|(?:\d+|[一二两三四五六七八九十百几半双]+)"
    r"(?:岁|个?(?:半?月|小时|钟头|星期)|秒|分钟|天|年|周|公?里|公?尺|公分|厘米|毫米|英[尺寸里]|米|层|楼|公斤|吨|帧|车道|门|轮)"
    r"钟?[大高长宽深]?的?"
)

_CLOTHES = (
    "coat|dress|jacket|shirt|t-shirt|hat|scarf|suit|sweater|cape|hoodie|robe|raincoat|umbrella|gown|kimono|"
    "skirt"
)
_MEASURES = "只个位匹条艘头名辆架座栋幢间群台隻支朵棵对双"
_HAN = r"\u3400-\u9fff"
#: What may stand between a count and its noun: 棕色的, "small white".
_BETWEEN_HAN = rf"(?:[{_HAN}]{{1,5}}(?<![上里中下边旁内外前后])的)?[小大老幼白黑红黄灰花棕橘胖]{{0,2}}"
_BETWEEN = (
    r"(?P<between>(?:(?!(?:and|or|an?|the|of|with|in|on|at|by|to|from|over|under|near|beside|past|who|that)\b)"
    r"[\w-]+\s+){0,3})"
)
_DIGITS = re.compile(rf"(?<![\d.:])([2-9]|[1-9]\d)\s*(?:[{_MEASURES}]{_BETWEEN_HAN}|\s{_BETWEEN})$")
#: Colours of kinds and breeds, by the word that names them. The first that matches counts.
_OF_WORDS: tuple[tuple[str, tuple[int, int, int]], ...] = (
    (r"doves?|鸽子|sea ?gulls?|gulls?|海鸥", (236, 236, 232)),
    (r"crows?|ravens?|乌鸦", (34, 34, 40)),
    (r"golden retrievers?|labradors?|金毛犬?|黄金猎犬|拉布拉多", (214, 160, 84)),
    (r"corgis?|柯基犬?|柴犬|shibas?(?: inus?)?", (208, 136, 70)),
    (r"husky|huskies|哈士奇", (126, 132, 142)),
    (r"poodles?|samoyeds?|萨摩耶|贵宾犬", (240, 236, 226)),
    (r"taxis?|cabs?|计程车", (240, 190, 40)),
)


def count_of(before: str, word: str) -> int:
    """How many the prompt names, 1 to `MOST_OF_A_KIND`. `before` is the text before the word."""
    number = named_count(before)
    if number is not None:
        return min(number, MOST_OF_A_KIND)
    if re.search(r"\b(?:an?|one|this|that)\s+(?:[\w-]+\s+){0,2}$", before):
        return 2 if word == "couple" else 3 if word in ("crowd", "family") else 1
    if word in ("people", "crowd", "family", "children", "kids", "friends", "人们"):
        return 3
    if word in ("couple", "情侣", "夫妻"):
        return 2
    if word.endswith("群"):
        return 4
    plural = word.isascii() and word.endswith("s") and not word.endswith(("ss", "us"))
    return 3 if plural else 1


def named_count(before: str) -> int | None:
    """The number that directly precedes a noun, with its adjectives; None if there is none."""
    before = _MEASUREMENT.sub("", before)
    for name, number in lexicon.NUMBERS.items():
        match = _counts(name).search(before)
        if match is not None and not _names_another(match):
            return number
    digits = _DIGITS.search(before)
    return int(digits.group(1)) if digits is not None and not _names_another(digits) else None


def _names_another(count: re.Match[str]) -> bool:
    """Whether the words after a number name another subject or an action: "seven samurai ride horses"."""
    words = (count.groupdict().get("between") or "").split()
    # A word for a subject that stands directly before the noun may describe it: "two baby elephants".
    return any(_is_verb(word) or _is_plural(word) for word in words) or any(
        english_subjects().fullmatch(word) for word in words[:-1]
    )


def _is_plural(word: str) -> bool:
    return word in PLURALS or (
        word.isascii() and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    )


def _is_verb(word: str) -> bool:
    """Whether a word names an action, and is no participle: "two running dogs" are two dogs."""
    return is_action(word) and not word.endswith(("ing", "ed"))


@cache
def _counts(name: str) -> re.Pattern[str]:
    if name.isascii():
        return re.compile(rf"\b{name}\s+{_BETWEEN}$")
    return re.compile(rf"{name}(?:[{_MEASURES}]{_BETWEEN_HAN}|[小大白黑]?)$")


def colour_of(before: str, word: str, clause: str) -> tuple[int, int, int] | None:
    """The RGB colour that the prompt gives a subject, or that the word for it implies; None if neither.

    `clause` is the rest of the clause after the word.
    """
    own = next((rgb for words, rgb in _OF_WORDS if re.fullmatch(words, word)), None)
    for name, rgb in lexicon.COLOURS.items():
        near, worn, within = _colours(name)
        if near.search(before) or (worn is not None and worn.search(clause)):
            return rgb
        if own is None and within.match(word):
            return rgb
    return own


@cache
def _colours(name: str) -> tuple[re.Pattern[str], re.Pattern[str] | None, re.Pattern[str]]:
    """The patterns of a colour before a noun, in the clothes after it, and at the start of it."""
    if not name.isascii():
        return re.compile(rf"{name}色?的?[小大老胖]?$"), None, re.compile(name)
    worn = (
        rf"^(?:\s+\w+){{0,3}}\s+(?:in|with|wearing)\s+(?:an?\s+|his\s+|her\s+)?(?:\w+\s+)?"
        rf"{name}(?:\s+(?:{_CLOTHES})\b|\s*[,;]|\s*$)"
    )
    return re.compile(rf"\b{name}\s+(?:[\w-]+\s+)?$"), re.compile(worn), re.compile(rf"{name}\b ")
