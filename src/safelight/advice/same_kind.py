"""Suggestions that replace a harmless thing, place or action by another one of the same kind. Pure.

For words that no table reports and that cannot be left out, because they are in the main clause. Each row of
`data/same_kind.tsv` has words of one kind, of which only the first one is replaced: another may also mean a
risk, as "opens" in "opens fire". A row of class `context` has words that are only allowed next to it.

A change must not make a danger milder, so each word of its sentence has to be in one of the lists: "holds",
"tied" or "face down" is in none. Nothing is replaced next to a child.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from . import driver_tables
from .detail_words import find_detail_words, has_only_listed_words
from .driver_tables import Slot
from .form_table import FormTable
from .meaning_slots import FIXED
from .suggestion import Suggestion
from .text_edit import TextEdit

SAME_KIND = "same_kind"
#: Alternatives of a word: the risk of each is estimated.
_MAX_ALTERNATIVES = 2
#: Most words of a prompt that are replaced.
_MAX_WORDS = 10
#: Characters of a prompt that are read, as by the risk model.
_MAX_CHARS = 2_000
#: A noun is after one of these, with at most two words between, which no risk may be in: "a ticking clock".
_BEFORE_NOUN = re.compile(
    r"\b(?:an?|the|this|that|these|those|some|its|his|her|their|of|with|on|in|at)\s+(?P<between>(?:[\w-]+\s+){0,2}?)$",
    re.IGNORECASE,
)
#: After a noun: the end of a phrase, or a verb. Another noun would make one compound with it.
_AFTER_NOUN = re.compile(
    r"\s*(?:[,;.!?:]|$)|\s+(?:in|on|at|by|under|near|beside|during|before|after|across|along|through|over|above|past"
    r"|and|or|but|while|as|with|to|of|from|into|is|are|that|which|[a-z]{2,}(?:ing|ed|es|s))\b",
    re.IGNORECASE,
)
#: After a verb: the end of a phrase, or a preposition of place. Others, such as "into" or "at", aim at
#: something, and an object would have another meaning with another verb.
_AFTER_VERB = re.compile(
    r"\s*(?:[,;.!?:]|$)|\s+(?:in|on|by|near|beside|along|across|through|under|with|and|while|during)\b",
    re.IGNORECASE,
)
#: Words that state no more than how the others belong together, next to the links of `details.tsv`.
_FUNCTION_WORDS = re.compile(
    r"\b(?:his|her|hers|then|that|those|for|who|which|when|during|beside|or)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?\n]+")
_NOUN, _CONTEXT = "noun", "context"
_JOINED = ("-", "'", "’")
_BEFORE_CHARS = 50


def find_same_kind(prompt: str, kept: Sequence[tuple[int, int]] = ()) -> Iterator[Suggestion]:
    """At most two replacements of each word. `kept`: character ranges that no suggestion changes."""
    text = prompt[:_MAX_CHARS]
    places: dict[tuple[str, tuple[str, ...]], list[tuple[int, int]]] = {}
    harmless = [one.span() for one in _SENTENCE.finditer(text) if _is_harmless(one.group())]
    for hit in _table().find(text):
        name, words = hit.values[0]
        if (
            _overlaps(hit.start, hit.end, harmless)
            and _fits(text, hit.start, hit.end, name)
            and not _overlaps(hit.start, hit.end, kept)
        ):
            places.setdefault((hit.form, words), []).append((hit.start, hit.end))
    for (form, words), spans in list(places.items())[:_MAX_WORDS]:
        others = [one for one in words if one != form and one not in text.casefold()]
        for other in others[:_MAX_ALTERNATIVES]:
            yield Suggestion(
                number=0,
                message=SAME_KIND,
                values={"words": form, "alternative": other},
                conditions=(SAME_KIND,),
                sources=(),
                slots=frozenset(Slot) - FIXED,
                edits=tuple(TextEdit(start=start, end=end, text=other) for start, end in spans),
            )


def _fits(text: str, start: int, end: int, word_class: str) -> bool:
    if text[max(start - 1, 0) : start] in _JOINED or text[end : end + 1] in _JOINED:
        return False
    if word_class != _NOUN:
        return text[max(start - 1, 0) : start] == " " and _AFTER_VERB.match(text, end) is not None
    before = _BEFORE_NOUN.search(text[max(start - _BEFORE_CHARS, 0) : start])
    return bool(before and has_only_listed_words(before["between"]) and _AFTER_NOUN.match(text, end))


def _is_harmless(sentence: str) -> bool:
    """Whether each word is in a list, so that none states a danger, a restraint or a child."""
    rest = list(_FUNCTION_WORDS.sub(lambda one: " " * len(one.group()), sentence))
    for table in (find_detail_words, _known().find):
        for hit in table(sentence):
            rest[hit.start : hit.end] = " " * (hit.end - hit.start)
    return not any(one.isalnum() for one in rest)


def _overlaps(start: int, end: int, kept: Sequence[tuple[int, int]]) -> bool:
    return any(start < last and first < end for first, last in kept)


@cache
def _table() -> FormTable[tuple[str, tuple[str, ...]]]:
    """The first word of each row, with its class and the words of the row."""
    table: FormTable[tuple[str, tuple[str, ...]]] = FormTable()
    for name, words in _rows():
        if name != _CONTEXT:
            table.add(words[0], (name, words))
    return table


@cache
def _known() -> FormTable[str]:
    """All words of the list."""
    table: FormTable[str] = FormTable()
    for name, words in _rows():
        for word in words:
            table.add(word, name)
    return table


def _rows() -> Iterator[tuple[str, tuple[str, ...]]]:
    for row in driver_tables.read_rows("same_kind"):
        yield row["class"], tuple(row["en"].split("|"))
