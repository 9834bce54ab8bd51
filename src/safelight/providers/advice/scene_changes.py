"""Suggestions that add to a prompt or shorten it, instead of replacing a reported word. Pure.

They add only what the user stated, a railing, or a view from behind. Each has its condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safelight.detectors.text.chinese import is_mostly_chinese, locale_of

from . import driver_tables
from .age_cues import find_ageless_person
from .driver_tables import DriverKind, Slot
from .drivers import PROMPT, Driver
from .suggestion import Suggestion
from .text_edit import TextEdit

#: Adds the user's own words and changes nothing.
FRAMING = "purpose_given"
RAILING = "railing"
#: The scene of a high place and an edge.
_HEIGHT = "height_edge"
_EDGES = frozenset({"edge", "邊緣", "邊上", "边缘", "边上"})
_RAILING = re.compile(r"railing|guard ?rail|fence|欄杆|栏杆|護欄|护栏", re.IGNORECASE)
_BEHIND = re.compile(r"from behind|back view|silhouette|faceless|背影|背對|背对|剪影", re.IGNORECASE)
_CLAUSE_END = re.compile(r"\s*(?:[,.;:!?，。；：！？\n]|$)")
#: Words that only strengthen the next word. Not after a denial or "the", before an age, or in a longer word.
_INTENSIFIER = re.compile(
    r"(?<![Nn]ot )(?<![Nn]ot a )(?<![Nn]ot an )(?<!n't )(?<!n’t )(?<![Nn]ever )(?<![Hh]ardly )(?<!nor )"
    r"(?<![Tt]he )(?<![Tt]his )(?<![Tt]hat )"
    r"\b(?:very|extremely|incredibly|absolutely|insanely|totally|utterly)\s+"
    r"(?!(?:young|youth|old|elder|aged|little|teen|senior|mature))(?=[a-z])"
    r"|(?<!不)(?<!不是)(?<!並非)(?<!并非)(?<!沒有)(?<!没有)(?<!不算)(?<!不會)(?<!不会)"
    r"(?:非常(?![規规態态時时期任])|極其|极其|極度|极度|無比|无比)"
    r"(?![年老幼]|小|資深|资深|成熟|高齡|高龄)(?=[\u3400-\u9fff])"
)
_ARTICLE_BEFORE = re.compile(r"\b(?:an|a)\s+$", re.IGNORECASE)
#: Ages in digits that begin with a vowel sound.
_VOWEL_AGE = re.compile(r"(?:8\d?|11|18)$")


@dataclass(frozen=True, kw_only=True)
class StatedFacts:
    """What the user stated about a request, and what it allows."""

    #: What the video is for, in the user's words; empty if not stated.
    purpose: str = ""
    #: The age of the person. None if it was not stated, or may not be offered.
    age: int | None = None
    #: Whether to ask for the age of a person.
    asks_age: bool = False
    #: Whether a reference shows a face that a provider may refuse.
    shows_face: bool = False
    #: Whether the request has a sign of sex, undress, school or youth (see `age_cues`).
    age_cue: bool = False


def find_scene_changes(prompt: str, drivers: Sequence[Driver], facts: StatedFacts) -> Iterator[Suggestion]:
    """The purpose first, then the age, the view, the railing and a shorter prompt."""
    yield from _framing(prompt, facts.purpose)
    if facts.age is not None:
        yield from _age(prompt, facts.age)
    if facts.shows_face and not facts.age_cue:
        yield from _view_from_behind(prompt)
    yield from _railing(prompt, drivers)
    if any(span.field == PROMPT for driver in drivers for span in driver.spans):
        yield from _simpler(prompt)


def _framing(prompt: str, purpose: str) -> Iterator[Suggestion]:
    """The user's own purpose, in the user's own words, after the prompt."""
    words = " ".join(purpose.split())
    if words and words.casefold() not in prompt.casefold():
        chinese = any("\u3400" <= letter <= "\u9fff" for letter in words)
        text = f"（用途：{words}）" if chinese else f" (purpose: {words})"
        end = len(prompt.rstrip())
        yield Suggestion(
            number=0,
            message=FRAMING,
            values={"purpose": words},
            conditions=("true_purpose",),
            sources=(),
            edits=(TextEdit(start=end, end=end, text=text),),
            stated=frozenset(Slot),
        )


def _age(prompt: str, age: int) -> Iterator[Suggestion]:
    """The age that the user gave, before the only person of the prompt."""
    person = find_ageless_person(prompt)
    if person is None:
        return
    start, text = person.start, f"{age}歲的" if _is_traditional(prompt) else f"{age}岁的"
    if prompt[person.start].isascii():
        text = f"{age}-year-old "
        if article := _ARTICLE_BEFORE.search(prompt[: person.start]):
            fitting = "an " if _VOWEL_AGE.match(str(age)) else "a "
            start = article.start()
            text = (fitting.capitalize() if prompt[start].isupper() else fitting) + text
    yield Suggestion(
        number=0,
        message="age_given",
        values={"age": str(age)},
        conditions=("true_age",),
        sources=(),
        edits=(TextEdit(start=start, end=person.start, text=text),),
        slots=frozenset({Slot.AGE}),
        stated=frozenset({Slot.AGE}),
    )


def _view_from_behind(prompt: str) -> Iterator[Suggestion]:
    """The only person seen from behind, so that no face is needed."""
    person = find_ageless_person(prompt)
    if person is None or _BEHIND.search(prompt):
        return
    start, text = person.start, "背對鏡頭的" if _is_traditional(prompt) else "背对镜头的"
    if prompt[person.start].isascii():
        ends = _CLAUSE_END.match(prompt, person.end)
        start, text = person.end, ", seen from behind" + ("" if ends else ",")
    yield Suggestion(
        number=0,
        message="from_behind",
        values={},
        conditions=("faceless",),
        sources=(),
        edits=(TextEdit(start=start, end=start, text=text),),
    )


def _railing(prompt: str, drivers: Sequence[Driver]) -> Iterator[Suggestion]:
    """A railing at the edge of a high place, if there is no jump and no railing yet."""
    for driver in drivers:
        at_edge = driver.kind is DriverKind.SCENARIO and driver.row == _HEIGHT
        in_prompt = all(span.field == PROMPT for span in driver.spans)
        if not (at_edge and in_prompt and _EDGES & {word.casefold() for word in driver.words}):
            continue
        if _RAILING.search(prompt):
            return
        end = _CLAUSE_END.search(prompt, max(span.end for span in driver.spans))
        assert end is not None
        text = ", behind a railing"
        if is_mostly_chinese(prompt):
            text = "，前方有欄杆" if _is_traditional(prompt) else "，前方有栏杆"
        yield Suggestion(
            number=0,
            message=RAILING,
            values={},
            conditions=("railing",),
            sources=driver.sources,
            edits=(TextEdit(start=end.start(), end=end.start(), text=text),),
            slots=frozenset({Slot.OBJECT}),
        )
        return


def _simpler(prompt: str) -> Iterator[Suggestion]:
    """The prompt without words that only strengthen others."""
    found = list(_INTENSIFIER.finditer(prompt))
    if found:
        yield Suggestion(
            number=0,
            message="simpler",
            values={"words": " / ".join(dict.fromkeys(one.group().strip() for one in found))},
            conditions=("same_scene",),
            sources=(driver_tables.sources()["scenario"],),
            edits=tuple(TextEdit(start=one.start(), end=one.end(), text="") for one in found),
        )


def _is_traditional(text: str) -> bool:
    return locale_of(text) == "zh-Hant"
