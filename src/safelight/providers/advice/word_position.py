"""Whether a replacement fits the place of a word: its position in the sentence, and its object. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from functools import cache

_DETERMINER = r"(?:a|an|the|this|that|these|those|his|her|its|their|my|your|our|one|two|some|every|each|no)"
_AFTER_DETERMINER = re.compile(rf"\b{_DETERMINER}\s+$", re.IGNORECASE)
_NO_VERB_BEFORE = re.compile(
    rf"\b(?:{_DETERMINER}|is|are|was|were|be|been|being|\w+ly)[\s-]+$", re.IGNORECASE
)
_WORD_NEXT = re.compile(r"[\s-]+[A-Za-z]")
#: A noun phrase ends before these words.
_PHRASE_END = (
    r"(?!\s*-)(?!\s+(?!(?:and|or|but|of|on|in|at|with|from|to|by|over|under|near|behind|through|across|for|as|while"
    r"|is|are|was|were)\b)[A-Za-z])"
)
_IS_PHRASE_END = re.compile(_PHRASE_END, re.IGNORECASE)
#: Between a verb and its object: a preposition of the verb, an article and at most two adjectives.
_TO_OBJECT = (
    r"\s+(?:(?:over|across|into)\s+)?"
    r"(?:(?!(?:for|with|from|about|on|in|at|by|of|and|or|to|near|while|as)\b)[\w-]+\s+){0,3}?"
)
#: Characters before and after a position.
_BEFORE, _AFTER = 40, 40
_HAN = re.compile(r"[\u3400-\u9fff]")
#: In the table: the words name their object themselves, as "falling snow" does.
OWN_OBJECT = "="


class WordPosition(StrEnum):
    """Where a form can be replaced."""

    ANYWHERE = ""
    #: A noun that is not the first part of a compound such as "blood sample".
    NOUN = "noun"
    #: A verb, and not a noun or a participle.
    VERB = "verb"
    #: Not between an article and a noun.
    PREDICATE = "predicate"


def fits(position: WordPosition, text: str, start: int, end: int) -> bool:
    """Whether a replacement fits at characters `start` to `end` (exclusive) of a text.

    One Chinese character is usually part of a longer word, so it is replaced only if it stands alone.
    """
    before, after = text[max(start - _BEFORE, 0) : start], text[end : end + _AFTER]
    if end - start == 1 and _HAN.match(text, start):
        return not (_HAN.match(before[-1:]) or _HAN.match(after[:1]))
    match position:
        case WordPosition.NOUN:
            return bool(_IS_PHRASE_END.match(after))
        case WordPosition.VERB:
            return not (_NO_VERB_BEFORE.search(before) or after.startswith(" of"))
        case WordPosition.PREDICATE:
            return not (_AFTER_DETERMINER.search(before) and _WORD_NEXT.match(after))
    return True


def fits_object(objects: Collection[str], position: WordPosition, text: str, start: int, end: int) -> bool:
    """Whether the words at characters `start` to `end` stand with one of the objects: as its verb, or
    directly before it. In Chinese the object of a verb stands close to it, and others follow after 的.
    """
    if OWN_OBJECT in objects:
        return True
    english, verb, chinese = _object_patterns(tuple(objects))
    after = text[end : end + _AFTER]
    if text[start:end].isascii():
        is_verb = position in (WordPosition.VERB, WordPosition.PREDICATE)
        return (verb if is_verb else english).match(after) is not None
    if position is not WordPosition.VERB:
        return after.startswith("的") and chinese.match(after, 1) is not None
    before = re.split("[，。；、,.;]", text[max(start - 8, 0) : start])[-1]
    after = re.split("[，。；、,.;]", after)[0][:8]
    return any(chinese.search(near) for near in (before, after))


def has_determiner(text: str, start: int) -> bool:
    """Whether an article or another determiner stands directly before character `start`."""
    return bool(_AFTER_DETERMINER.search(text[max(start - _BEFORE, 0) : start]))


@cache
def _object_patterns(objects: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """The patterns of objects: directly after a word, after a verb, and in Chinese."""
    words = "|".join(map(re.escape, objects))
    english = (rf"{gap}(?:{words})\b{_PHRASE_END}" for gap in (r"\s+", _TO_OBJECT))
    return (*(re.compile(one, re.IGNORECASE) for one in english), re.compile(words))
