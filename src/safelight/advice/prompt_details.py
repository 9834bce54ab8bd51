"""Details of a prompt that can be left out: clauses, phrases of place or time, and adjectives. Pure.

Every word of a detail is in `data/details.tsv`: place, weather, time, light, camera, colour, style, music or
an object in the background. An unknown word may state a risk or a fact about a person, so it stays. So do
names, quotations, exclusions and reported words. Without a detail, the rest is still a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from . import driver_tables
from .drivers import PROMPT, Driver
from .exclusions import find_exclusions
from .form_table import FormHit, FormTable
from .meaning_slots import FIXED, find_slots

#: Most details of a prompt: for each of them the risk without it is estimated.
MAX_DETAILS = 30
#: Characters of a prompt that are read, as by the risk model.
_MAX_CHARS = 2_000
#: Longest phrase of place or time, and longest clause, in words: longer ones state more than a detail.
_MAX_PHRASE_WORDS, _MAX_CLAUSE_WORDS = 6, 20
_MAX_HAN = 24
_WORD = re.compile(r"[A-Za-z][\w'’-]*|[\u3400-\u9fff]")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
# Bounded: many spaces would take quadratic time.
_CLAUSE = re.compile(r"\s{0,8}[,;，；、]\s{0,8}([^,;，；、]+)")
_PREPOSITION = (
    "in|on|at|by|under|near|beside|behind|during|before|after|across|along|through|inside|outside|against"
)
#: Prepositions of phrases that state no more than a place or a time. "Behind the tree" may state a threat.
_PLAIN_PREPOSITION = "in|on|at|beside|near|during|across|along"
_CONJUNCTION = "and|but|while|as|then|when|where|which|who|that"
#: After such a beginning, the first clause of a sentence is its main clause.
_INTRODUCTION = re.compile(
    rf"\s*(?:{_PREPOSITION}|as|when|while|once|with|from|if|although|because|inspired|set)\b", re.IGNORECASE
)
#: A clause that brings in something new, which may be a person or an animal that no table has.
_NEW_THING = re.compile(
    r"[\s,;]*(?:(?:and|or|then|with|plus|including|followed by|alongside)\s+)*"
    r"(?:an?|some|many|several|few|another|other|more|two|both)\b",
    re.IGNORECASE,
)
#: The beginning of a clause that cannot be the verb of the sentence, as it is in ", walks home".
_NO_VERB_FIRST = re.compile(
    rf"[,;]\s{{0,8}}(?:an?|the|his|her|its|their|some|and|while|as|with|{_PREPOSITION})\b", re.IGNORECASE
)
#: An adjective before a comma belongs to a noun of the next clause: "in soft, natural light".
_ADJECTIVE_LAST = re.compile(
    r"\b(?:soft|bright|warm|cool|cold|dark|dim|wet|dry|rich|deep|long|short|tall|wide|large|small|big|tiny|old|new"
    r"|young|gentle|slow|quick|quiet|calm|clear|clean|fresh|crisp|crispy|creamy|cosy|cozy|sunny|snowy|misty|foggy|shiny"
    r"|icy|rusty|dusty|stretchy|airy|heavy|empty|busy|pale|vintage|serene|eerie|simple|subtle|delicate|intricate"
    r"|ornate|modern|golden|red|blue|green|yellow|orange|purple|pink|grey|gray|white|black|brown"
    r"|\w+(?:[^\We]ed|ful|ous|ive|ic|al|ant|ent|able|ible|ish|less|ing))$",
    re.IGNORECASE,
)
#: A phrase of place or time with an article: "on a frozen river", "at the edge of the field".
_PHRASE = re.compile(
    rf"\s(?:{_PLAIN_PREPOSITION})\s+(?:a|an|the)\s+[\w'’-]+(?:\s+(?!(?:{_PREPOSITION}|{_CONJUNCTION}|to|from|with)\b)"
    rf"[\w'’-]+){{0,4}}(?=\s*[,;.!?]|\s*$|\s+(?:{_PREPOSITION}|{_CONJUNCTION})\b)",
    re.IGNORECASE,
)
#: Before a phrase that does not belong to a place where a word can be left out: a comma or the beginning of a
#: sentence, or a verb that needs the phrase.
_NEEDS_PHRASE = re.compile(r"(?:^|[,;:.!?，；。！？]|\b(?:is|are|was|were|be|been|only))\s*$", re.IGNORECASE)
_DETERMINER_BEFORE = re.compile(
    r"\b(?:a|an|the|his|her|its|their|this|that)(?:\s+[\w-]+)?\s+$", re.IGNORECASE
)
#: Kinds of words of the table that are no detail by themselves; the other kinds are nouns.
_LINK, _MOTION = "link", "motion"
_ADJECTIVES = frozenset({"colour", "quality"})
#: Characters before a phrase or of a next clause that are read.
_LONGEST_BEGINNING = 60
_NEXT_WORD = re.compile(r"\s*[\w'’-]*")


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Characters `start` to `end` (exclusive) that can be left out, with the comma or space before them."""

    start: int
    end: int
    text: str


def find_details(
    prompt: str, drivers: Sequence[Driver] = (), protected: Sequence[tuple[int, int]] = ()
) -> tuple[Detail, ...]:
    """The details of a prompt from left to right. A phrase can be inside a clause.

    `protected`: character ranges that no suggestion changes.
    """
    text = prompt[:_MAX_CHARS]
    kept = [*protected, *((one.start, one.end) for one in find_exclusions(text))]
    kept += [(one.start, one.end) for one in find_slots(text) if one.slots & FIXED]
    kept += [(span.start, span.end) for driver in drivers for span in driver.spans if span.field == PROMPT]
    found = {
        span: Detail(start=span[0], end=span[1], text=text[span[0] : span[1]])
        for span in (*_clauses(text, kept), *_phrases(text, kept), *_adjectives(text, kept))
    }
    return tuple(found[span] for span in sorted(found))[:MAX_DETAILS]


def _clauses(text: str, kept: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for sentence in _SENTENCE.finditer(text):
        for number, clause in enumerate(_CLAUSE.finditer(text, sentence.start(), sentence.end())):
            is_main = _NEW_THING.match(clause.group()) or (
                number == 0 and _INTRODUCTION.match(text, sentence.start())
            )
            beginning = max(clause.start() - _LONGEST_BEGINNING, sentence.start())
            cut = _ADJECTIVE_LAST.search(text[beginning : clause.start()])
            if (
                not is_main
                and not cut
                and _is_short(clause.group(1), _MAX_CLAUSE_WORDS)
                and not _before_verb(text[clause.end() : sentence.end()])
                and _has_only_details(clause.group(1))
                and not _overlaps(clause.span(), kept)
            ):
                yield clause.span()


def _before_verb(rest: str) -> bool:
    """Whether the next clause may begin with the verb of the sentence: without this one, a comma would cut it
    off.
    """
    if rest[:1] not in (",", ";") or _NO_VERB_FIRST.match(rest):
        return False
    first = next(_table().find(rest[:_LONGEST_BEGINNING]), None)
    return first is None or bool(rest[1 : first.start].strip()) or first.values[0] in (_LINK, _MOTION)


def _phrases(text: str, kept: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for phrase in _PHRASE.finditer(text):
        before = text[max(phrase.start() - _LONGEST_BEGINNING, 0) : phrase.start()]
        if (
            not _NEEDS_PHRASE.search(before)
            and _is_short(phrase.group(), _MAX_PHRASE_WORDS)
            and not _ADJECTIVE_LAST.search(phrase.group())
            and _has_only_details(phrase.group())
            and not _overlaps(phrase.span(), kept)
        ):
            yield phrase.span()


def _adjectives(text: str, kept: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Adjectives before a noun of the table. Nothing near them belongs to a person."""
    hits = list(_table().find(text))
    for number, hit in enumerate(hits[:-1]):
        if not _ADJECTIVES.intersection(hit.values) or not hit.form.isascii():
            continue
        noun = _noun_after(text, hits[number:])
        if noun is None or not _DETERMINER_BEFORE.search(text[max(hit.start - 40, 0) : hit.start]):
            continue
        next_word = _NEXT_WORD.match(text, noun.end)
        around = (hit.start, next_word.end() if next_word else noun.end)
        if not _overlaps(around, kept):
            yield hit.start, hits[number + 1].start


def _noun_after(text: str, hits: Sequence[FormHit[str]]) -> FormHit[str] | None:
    """The noun of the table that follows an adjective, the first of `hits`, with only adjectives between."""
    for before, hit in pairwise(hits):
        if not text[before.end : hit.start].isspace() or text[hit.end : hit.end + 1] in ("-", "'", "’"):
            return None
        if _is_noun(hit):
            return hit
        if not _ADJECTIVES.intersection(hit.values):
            return None
    return None


def _has_only_details(text: str) -> bool:
    """Whether every word is in the table, with a noun, and without a motion before it."""
    hits = list(_table().find(text))
    rest = list(text)
    for hit in hits:
        rest[hit.start : hit.end] = " " * (hit.end - hit.start)
    first = next((one for one in hits if _is_noun(one) or _MOTION in one.values), None)
    return first is not None and _is_noun(first) and not any(one.isalnum() for one in rest)


def _is_noun(hit: FormHit[str]) -> bool:
    return any(kind not in (_LINK, _MOTION) and kind not in _ADJECTIVES for kind in hit.values)


def _is_short(text: str, words: int) -> bool:
    found = _WORD.findall(text)
    return 0 < len(found) <= (words if text.isascii() else _MAX_HAN)


def _overlaps(span: tuple[int, int], kept: Iterable[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in kept)


@cache
def _table() -> FormTable[str]:
    """The words of details, with their kinds."""
    table: FormTable[str] = FormTable()
    for row in driver_tables.read_rows("details"):
        for language in driver_tables.LANGUAGES:
            for form in row[language].split("|"):
                table.add(form, row["kind"])
    return table
