"""Phrases of a prompt that can be left out: of place, time or camera, and adverbs. Pure.

A phrase is a preposition and the nouns after it. Every word is in the list of details. Harmless words can
state a risk together, so the list has no place with a danger (water, roads, heights), no fabric and nothing
that looks like blood, and a phrase that may state a covering, a height or a fall stays. Without a phrase, the
rest of the sentence is still a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .detail_words import (
    ADVERB,
    LINK,
    MOTION,
    OBJECT,
    find_detail_words,
    has_only_listed_words,
    is_adjective,
    is_noun,
)
from .form_table import FormHit

#: Longest phrase in words: a longer one states more than a detail.
_MAX_WORDS = 12
PREPOSITION = (
    "in|on|at|by|under|near|beside|behind|during|before|after|across|along|through|inside|outside|against"
)
#: Prepositions of phrases that state no more than a place, a time or what is there too. "Behind the tree"
#: may state a threat, "from the tower" a fall and "in front of the train" a danger.
_PLAIN = re.compile(
    r"\s(?P<preposition>next to|in|on|at|beside|near|during|across|along|through|around|past|among|amid|with)"
    r"\s+(?=[a-z])",
    re.IGNORECASE,
)
_CONJUNCTION = "and|but|while|as|then|when|where|which|who|that"
_END = re.compile(
    rf"\s*(?:[,;.!?:]|$)|\s+(?:{PREPOSITION}|{_CONJUNCTION}|next to|in front of|above|over|around|past|among"
    r"|amid|towards?|to|from|with|into|onto|is|are)\b",
    re.IGNORECASE,
)
#: After "and", one of these begins another noun of the same phrase.
_AND = re.compile(r"\s+(?:and|or)\s+", re.IGNORECASE)
#: Before a phrase that is needed: a comma, the beginning of a sentence, a verb without a meaning of its own
#: or one that has another meaning with "in" or "on" ("taking in"), or a participle such as "covered".
_NEEDS_PHRASE = re.compile(
    r"(?:^|[,;:.!?，；。！？]|\b(?:is|are|was|were|be|been|only|not|and|or|but|made|seen|shown|hung|put|lined|filled|full"
    r"|looks?|looking|gaz(?:es?|ing)|star(?:es?|ing)|point(?:s|ing)?|aim(?:s|ing)?|tak(?:e|es|ing)|took|[a-z]+ed))\s*$",
    re.IGNORECASE,
)
#: After these, an object may cover a body, be a tool or hide a person.
_WITH_OBJECT = frozenset({"in", "with", "through", "around", "among", "amid", "across"})
#: After "on", other places may be heights: "on a castle", "on a chair".
_ON = "on"
_ON_GROUND = frozenset(
    {
        *("garden", "gardens", "park", "meadow", "meadows", "field", "fields", "farm", "pasture", "prairie"),
        *(
            "lawn",
            "backyard",
            "porch",
            "patio",
            "path",
            "trail",
            "plaza",
            "square",
            "sidewalk",
            "plain",
            "plains",
        ),
        *("morning", "afternoon", "evening", "day", "night"),
    }
)
_SKY = frozenset({"sky", "skies"})
#: "With" belongs to a noun, and not to a verb such as "plays with".
_WITH = "with"
#: A phrase before the main clause, with its comma, and the first letter after it.
_OPENING = re.compile(
    r"(?P<preposition>in|on|at|near|beside|during|before|after|across|along|through|around|among|amid)\s+(?P<nouns>[^,.;!?]{2,90}),\s+\w",
    re.IGNORECASE,
)
_FIRST_PREPOSITION = re.compile(
    r"\s*(?:and\s+)?(?P<preposition>on|in|with|through|around|among|amid|across)\b", re.IGNORECASE
)
#: The kind of shot before what it shows: "A close-up shot of a dog". "The camera captures a view of a dog"
#: has a verb, without which the rest may be no sentence.
_SHOT = re.compile(
    r"(?:an?\s+|the\s+)?(?P<words>(?:(?!camera\s)[\w-]+\s+){0,5}?)"
    r"(?:shot|close-?up|close up|view|footage|video|scene|time-?lapse|clip)\s+of\s+\w",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+")
_ADVERB_NEIGHBOUR = re.compile(
    r"\b(?:not|never|very|so|too|as|more|most|less|how|quite|rather|and|or|but|n['’]t)\s+$", re.IGNORECASE
)
_ADVERB_NEXT = re.compile(r"\s+(?:and|or|but|enough)\b", re.IGNORECASE)
_BEFORE_CHARS = 40


def find_phrases(text: str) -> Iterator[tuple[int, int]]:
    """The phrases after a verb or a noun: for each preposition the shortest and the longest one."""
    hits = list(find_detail_words(text))
    for phrase in _PLAIN.finditer(text):
        before = text[max(phrase.start() - _BEFORE_CHARS, 0) : phrase.start()]
        if _NEEDS_PHRASE.search(before):
            continue
        if phrase["preposition"].casefold() == _WITH and not _ends_with_noun(before):
            continue
        ends = [
            end
            for end in _noun_ends(text, hits, phrase.end())
            if _is_safe(phrase["preposition"].casefold(), hits, phrase.end(), end)
        ]
        for end in dict.fromkeys((*ends[:1], *ends[-1:])):
            yield phrase.start(), end


def _is_safe(preposition: str, hits: list[FormHit[str]], start: int, end: int) -> bool:
    """Whether no noun after the preposition may be a covering, a tool or a place from where one falls."""
    nouns = [hit for hit in hits if start <= hit.start < end and is_noun(hit)]
    if preposition == _ON:
        return all(hit.form in _ON_GROUND for hit in nouns)
    objects = any(OBJECT in hit.values for hit in nouns)
    return not (objects and preposition in _WITH_OBJECT) and not any(hit.form in _SKY for hit in nouns)


def is_safe_clause(text: str) -> bool:
    """Whether a clause does not begin with a phrase that may state a covering, a height or a fall."""
    first = _FIRST_PREPOSITION.match(text)
    return first is None or _is_safe(
        first["preposition"].casefold(), list(find_detail_words(text)), first.end(), len(text)
    )


def find_openings(text: str) -> Iterator[tuple[int, int]]:
    """What comes before the main clause, up to its first letter (exclusive): a phrase or a kind of shot."""
    hits = list(find_detail_words(text))
    for sentence in _SENTENCE.finditer(text):
        start = sentence.start() + len(sentence.group()) - len(sentence.group().lstrip())
        opening = _OPENING.match(text, start)
        if (
            opening
            and _has_only_nouns(opening["nouns"])
            and _is_safe(
                opening["preposition"].casefold(), hits, opening.start("nouns"), opening.end("nouns")
            )
        ):
            yield start, opening.end() - 1
        shot = _SHOT.match(text, start)
        if shot and has_only_listed_words(shot["words"]):
            yield start, shot.end() - 1


def find_adverbs(text: str) -> Iterator[tuple[int, int]]:
    """Adverbs of the list with the space before them. A denied one stays."""
    for hit in find_detail_words(text):
        if (
            ADVERB in hit.values
            and hit.form.isascii()
            and text[hit.start - 1 : hit.start] == " "
            and text[max(hit.start - 2, 0)].isalpha()
            and not _ADVERB_NEIGHBOUR.search(text[max(hit.start - _BEFORE_CHARS, 0) : hit.start])
            and not _ADVERB_NEXT.match(text, hit.end)
        ):
            yield hit.start - 1, hit.end


def _noun_ends(text: str, hits: list[FormHit[str]], start: int) -> Iterator[int]:
    """Where the nouns after a preposition can end: at a noun, before something else begins."""
    position, words = start, 0
    for hit in hits:
        if hit.start < start:
            continue
        words += len(hit.form.split())
        gap = text[position : hit.start]
        if (gap and not gap.isspace()) or words > _MAX_WORDS:
            return
        if not (is_noun(hit) or is_adjective(hit) or LINK in hit.values):
            return
        position = hit.end
        if is_noun(hit) and _END.match(text, hit.end) and not _goes_on(text, hits, hit.end):
            yield hit.end


def _goes_on(text: str, hits: list[FormHit[str]], end: int) -> bool:
    """Whether "and" follows with another noun, which would be left without a verb."""
    more = _AND.match(text, end)
    return more is not None and any(
        hit.start == more.end() and not (MOTION in hit.values or ADVERB in hit.values) for hit in hits
    )


def _has_only_nouns(text: str) -> bool:
    ends = list(_noun_ends(text, list(find_detail_words(text)), 0))
    return bool(ends) and ends[-1] == len(text)


def _ends_with_noun(text: str) -> bool:
    last = list(find_detail_words(text))[-1:]
    return bool(last) and is_noun(last[0]) and last[0].end == len(text)
