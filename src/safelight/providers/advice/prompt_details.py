"""Details of a prompt that can be left out: sentences, clauses, phrases, adjectives and adverbs. Pure.

Every word of a detail is in `data/details.tsv`: place, weather, time, light, camera, colour, style, music or
an object in the background. An unknown word may state a risk or a fact about a person, so it stays. So do
names, quotations, exclusions and reported words. Without a detail, the rest is still a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .detail_phrases import PREPOSITION, find_adverbs, find_openings, find_phrases, is_safe_clause
from .detail_words import ADVERB, LINK, MOTION, find_detail_words, has_only_details, is_adjective, is_noun
from .drivers import PROMPT, Driver
from .exclusions import find_exclusions
from .form_table import FormHit
from .meaning_slots import FIXED, find_slots
from .protected_spans import Span

#: Most details of a prompt: for each of them the risk without it is estimated.
MAX_DETAILS = 30
#: Characters of a prompt that are read, as by the risk model.
_MAX_CHARS = 2_000
#: Longest clause or sentence in words: a longer one states more than a detail.
_MAX_CLAUSE_WORDS = 20
_MAX_HAN = 24
_WORD = re.compile(r"[A-Za-z][\w'’-]*|[\u3400-\u9fff]")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_WHOLE_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]?")
# Bounded: many spaces would take quadratic time.
_CLAUSE = re.compile(r"\s{0,8}[,;，；、]\s{0,8}([^,;，；、]+)")
#: After such a beginning, the first clause of a sentence is its main clause.
_INTRODUCTION = re.compile(
    rf"\s*(?:{PREPOSITION}|as|when|while|once|with|from|if|although|because|inspired|set)\b", re.IGNORECASE
)
#: A clause that brings in something new, which may be a person or an animal that no table has.
_NEW_THING = re.compile(
    r"[\s,;]*(?:(?:and|or|then|with|plus|including|followed by|alongside)\s+)*"
    r"(?:an?|some|many|several|few|another|other|more|two|both)\b",
    re.IGNORECASE,
)
#: The beginning of a clause that cannot be the verb of the sentence, as it is in ", walks home".
_NO_VERB_FIRST = re.compile(
    rf"[,;]\s{{0,8}}(?:an?|the|his|her|its|their|some|and|while|as|with|{PREPOSITION})\b", re.IGNORECASE
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
_DETERMINER_BEFORE = re.compile(
    r"\b(?:a|an|the|his|her|its|their|this|that)(?:\s+[\w-]+)?\s+$", re.IGNORECASE
)
#: Characters before a phrase or of a next clause that are read.
_LONGEST_BEGINNING = 60
_NEXT_WORD = re.compile(r"\s*[\w'’-]*")


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Characters `start` to `end` (exclusive) that can be left out, with the comma or space before them.

    `kept`: the capital letter that is written instead, if the main clause follows.
    """

    start: int
    end: int
    text: str
    kept: str = ""


def find_details(
    prompt: str, drivers: Sequence[Driver] = (), protected: Sequence[Span] = ()
) -> tuple[Detail, ...]:
    """The details of a prompt from left to right. A phrase can be inside a clause.

    `protected`: character ranges that no suggestion changes.
    """
    text = prompt[:_MAX_CHARS]
    kept = _find_kept_ranges(text, drivers, protected)
    parts = (
        *_clauses(text, kept),
        *_sentences(text),
        *find_phrases(text),
        *_adjectives(text, kept),
        *find_adverbs(text),
    )
    found = {
        span: Detail(start=span[0], end=span[1], text=text[span[0] : span[1]])
        for span in parts
        if not _overlaps(span, kept)
    }
    for start, end in find_openings(text):
        if not _overlaps((start, end), kept):
            found[start, end] = Detail(
                start=start, end=end + 1, text=text[start : end + 1], kept=text[end].upper()
            )
    return tuple(found[span] for span in sorted(found))[:MAX_DETAILS]


def _find_kept_ranges(prompt: str, drivers: Sequence[Driver], protected: Sequence[Span]) -> list[Span]:
    """Character ranges of persons, numbers, ages, identities, quotations, exclusions and drivers."""
    kept = [*protected, *((one.start, one.end) for one in find_exclusions(prompt))]
    kept += [(one.start, one.end) for one in find_slots(prompt) if one.slots & FIXED]
    return kept + [(span.start, span.end) for one in drivers for span in one.spans if span.field == PROMPT]


def _sentences(text: str) -> Iterator[Span]:
    """Whole sentences after the first one, with the space before them."""
    for before, sentence in pairwise(_WHOLE_SENTENCE.finditer(text)):
        if (
            before.group().strip()
            and _is_short(sentence.group(), _MAX_CLAUSE_WORDS)
            and has_only_details(sentence.group())
        ):
            yield sentence.span()


def _clauses(text: str, kept: Sequence[Span]) -> Iterator[Span]:
    for sentence in _SENTENCE.finditer(text):
        for number, clause in enumerate(_CLAUSE.finditer(text, sentence.start(), sentence.end())):
            is_main = _NEW_THING.match(clause.group()) or (
                number == 0 and _INTRODUCTION.match(text, sentence.start())
            )
            beginning = max(clause.start() - _LONGEST_BEGINNING, sentence.start())
            cut = _ends_with_adjective(text[beginning : clause.start()])
            if (
                not is_main
                and not cut
                and _is_short(clause.group(1), _MAX_CLAUSE_WORDS)
                and not _before_verb(text[clause.end() : sentence.end()])
                and has_only_details(clause.group(1))
                and is_safe_clause(clause.group(1))
                and not _overlaps(clause.span(), kept)
            ):
                yield clause.span()


def _ends_with_adjective(text: str) -> bool:
    last = list(find_detail_words(text))[-1:]
    return bool(_ADJECTIVE_LAST.search(text)) or any(
        is_adjective(one) and one.end == len(text) for one in last
    )


def _before_verb(rest: str) -> bool:
    """Whether the next clause may begin with the verb of the sentence: without this one, a comma would cut it
    off.
    """
    if rest[:1] not in (",", ";") or _NO_VERB_FIRST.match(rest):
        return False
    first = next(find_detail_words(rest[:_LONGEST_BEGINNING]), None)
    return first is None or bool(rest[1 : first.start].strip()) or first.values[0] in (LINK, MOTION, ADVERB)


def _adjectives(text: str, kept: Sequence[Span]) -> Iterator[Span]:
    """Adjectives before a noun of the table. Nothing near them belongs to a person."""
    hits = list(find_detail_words(text))
    for number, hit in enumerate(hits[:-1]):
        if not is_adjective(hit) or not hit.form.isascii():
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
        if is_noun(hit):
            return hit
        if not is_adjective(hit):
            return None
    return None


def _is_short(text: str, words: int) -> bool:
    found = _WORD.findall(text)
    return 0 < len(found) <= (words if text.isascii() else _MAX_HAN)


def _overlaps(span: Span, kept: Iterable[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in kept)
