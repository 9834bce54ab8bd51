"""Scenes of harm: an act with its object, means or place, and without what would make it harmless. Pure.

`data/harm_parts.tsv` has the parts in English and in simplified Chinese, to which both scripts are folded;
`data/harm_scenes.tsv` has the scenes. A part is a regular expression in which `<name>` stands for another
part, `~` for the endings of a verb, `somename` for a word that may be a name, ` ... ` for a few words of the
same clause, and ` > ` for what stands between a verb and its object: an article and adjectives, but no
preposition.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from safelight.detectors.text.normalise import folded, plain

from .advice_data import read_rows
from .driver_tables import Slot

_PART = re.compile(r"<(\w+)>")
#: The endings of a verb, also of one that drops its last letter (chok~) or doubles it (stab~).
_ENDINGS = r"(?:e|s|es|d|ed|ing|\w(?:ed|ing))?"
_FEW_WORDS = r"\W+(?:[\w'-]+\W+){0,6}?"
_FEW_CHARACTERS = r"[^,。;.!?、]{0,10}"
#: A group may stand before the object: "shoots at a group of tourists".
_TO_OBJECT = (
    r"\s+(?:(?:a|an|the|some|this)\s+(?:\w+\s+)?(?:group|crowd|line|row|queue|couple|family|class|pair)s?\s+of\s+)?"
    r"(?:(?!(?:to|for|with|from|about|of|on|in|into|onto|at|by|near|next|beside|behind|before|under|over|and|or|while"
    r"|as|that|which|who|when|where|like|than|off|through|past|around)\b)[\w'-]+\s+){0,4}"
)
#: An escaped character, a set of characters, a sign of the notation of parts, or one character.
_PIECE = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|<\w+>| > | \.\.\. |.")
_SIGN = re.compile(r"<\w+>| > | \.\.\. ")
_SENTENCE = re.compile(r"[^.!?。；;\n]+")
_LANGUAGES = ("en", "zh")
#: Parts that name a sport, a stage or a rescue.
_LAWFUL_FORCE = ("sport", "staged", "taken_ordinary")
#: Objects of a verb in the other language, so that a sentence in two languages is read too.
_OBJECT_IN_OTHER_LANGUAGE = {
    "en": "一?[个名位]?(?:女人|男人|女孩|男孩|孩子|人群|老人)",
    "zh": r"\b(?:wom[ae]n|m[ae]n|girl|boy|child|children|crowd|people)\b",
}
#: A word with a capital letter within a sentence, which may be a person's name.
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+\b")
#: Directly before a word, so that "not a cartoon" is no cartoon.
_NEGATED = re.compile(
    r"(?:\b(?:not|no|isn't|without|never)\s+(?:\w+\s+){0,2}|(?:不是|没有|不要|不|非)[^,。;.!?、]{0,2})$"
)


class HarmKind(StrEnum):
    """What a scene shows. Help lines are listed with the first one."""

    SELF_HARM = "self-harm"
    VIOLENCE = "violence"
    EXPLOSIVE = "explosive"
    DECEPTION = "deception"


@dataclass(frozen=True, kw_only=True)
class _HarmScene:
    kind: HarmKind
    #: All of these are in one sentence.
    parts: tuple[str, ...]
    #: None of these is in the text.
    unless: tuple[str, ...]


def find_harm(texts: Collection[str]) -> frozenset[HarmKind]:
    """The kinds of harm that the texts describe, each alone, or together if one continues another."""
    together = (" ".join((*texts, *texts)),) if len(texts) > 1 else ()
    return frozenset(kind for text in (*texts, *together) for kind in _find_kinds(text))


def discusses_harm(texts: Iterable[str]) -> bool:
    """Whether a text has words of a lesson, a report or help, so that it may name self-harm without it."""
    return any(
        _pattern(name).search(folded(plain(text)).text) for text in texts for name in ("care", "topic")
    )


def shows_lawful_force(texts: Iterable[str]) -> bool:
    """Whether a text has words of a sport, a staged scene or a rescue, in which force is no harm."""
    return any(_pattern(name).search(folded(plain(text)).text) for text in texts for name in _LAWFUL_FORCE)


def acts_on_being(text: str, start: int, end: int) -> bool:
    """Whether the words at characters `start` to `end` act on a person, an animal or a crowd: it is their
    object, or in Chinese stands close before or after them.
    """
    after, before = (
        folded(plain(text[end : end + 60])).text,
        folded(plain(text[max(start - 8, 0) : start])).text,
    )
    english, chinese = _object_patterns()
    if text[start:end].isascii():
        return english.match(after) is not None
    return chinese.search(re.split(r"[,。;.!?、]", after)[0][:8]) is not None or (
        chinese.search(before) is not None and re.search("[把将对向朝被给]", before) is not None
    )


def _find_kinds(text: str) -> Iterator[HarmKind]:
    named = folded(plain(_NAME.sub("somename", text))).text
    text = folded(plain(text)).text
    searched = text if named == text else f"{text}\n{named}"

    @cache
    def is_in_text(name: str) -> bool:
        return bool(_beginnings(name).search(searched) and _pattern(name).search(searched))

    @cache
    def is_stated(name: str) -> bool:
        return any(
            not _NEGATED.search(text[max(one.start() - 24, 0) : one.start()])
            for one in _pattern(name).finditer(text)
        )

    # A sentence can have a scene only if the whole text has its parts.
    possible = [
        scene
        for scene in _scenes()
        if all(map(is_in_text, scene.parts)) and not any(map(is_stated, scene.unless))
    ]
    sentences = [one.group() for one in _SENTENCE.finditer(searched)]
    for scene in possible:
        if any(all(_pattern(name).search(one) for name in scene.parts) for one in sentences):
            yield scene.kind


@cache
def _scenes() -> tuple[_HarmScene, ...]:
    return tuple(
        _HarmScene(
            kind=HarmKind(row["kind"]),
            parts=tuple(row["parts"].split()),
            unless=tuple(row["unless"].split()),
        )
        for row in read_rows("harm_scenes")
    )


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The pattern of a part. It is compiled when the text has its beginning, because that takes time."""
    english, chinese = (_alternatives(name, language) for language in _LANGUAGES)
    words = (rf"\b(?:{english})(?!\w)" if english else "", f"(?:{chinese})" if chinese else "")
    return re.compile("|".join(filter(None, words)))


@cache
def _beginnings(name: str) -> re.Pattern[str]:
    """A pattern of what stands in a part before its objects, whose many words take long to compile.

    Where it is not found, the part is not found.
    """
    cell = _cells()[name]
    words = [
        f"{start}(?:{'|'.join(_cut_alternatives(cell[language]))})".replace("~", _ENDINGS)
        for language, start in (("en", r"\b"), ("zh", ""))
        if cell[language]
    ]
    return re.compile("|".join(words))


def _cut_alternatives(cell: str) -> list[str]:
    """The alternatives of a part, each up to the group or the name with an object."""
    found, depth, group, is_cut = [""], 0, 0, False
    for piece in _PIECE.findall(cell):
        if depth == 0:
            if piece == "|":
                found.append("")
                is_cut = False
                continue
            group = len(found[-1])
        depth += (piece == "(") - (piece == ")")
        if not is_cut:
            is_cut = _SIGN.fullmatch(piece) is not None
            found[-1] = found[-1][:group] if is_cut else found[-1] + piece
    return found


@cache
def _alternatives(name: str, language: str) -> str:
    """The regular expression of a part in one language."""
    if name == "being":
        real = _people_and_animals(language) - set(_cells()["unreal"][language].split("|"))
        return _longest_first(
            real, f"{_alternatives('other_being', language)}|{_OBJECT_IN_OTHER_LANGUAGE[language]}"
        )
    few, to_object = (_FEW_WORDS, _TO_OBJECT) if language == "en" else (_FEW_CHARACTERS, _FEW_CHARACTERS)
    cell = _cells()[name][language].replace("~", _ENDINGS).replace(" > ", to_object).replace(" ... ", few)
    return _PART.sub(lambda found: f"(?:{_alternatives(found[1], language)})", cell)


@cache
def _cells() -> dict[str, dict[str, str]]:
    return {row["part"]: row for row in read_rows("harm_parts")}


@cache
def _people_and_animals(language: str) -> frozenset[str]:
    """The people, animals and beings of tales that the slot tables name."""
    column = "en" if language == "en" else "zh-Hans"
    words = {form for row in read_rows("slots") if row["slot"] == Slot.WHO for form in row[column].split("|")}
    # Alone, this character is usually part of a longer word.
    return frozenset(words - {"人"})


def _longest_first(words: Iterable[str], others: str) -> str:
    return "|".join((*sorted(words, key=len, reverse=True), others))


@cache
def _object_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    english, chinese = (
        _longest_first(_people_and_animals(language), _alternatives("other_being", language))
        for language in _LANGUAGES
    )
    return re.compile(
        rf"(?:\s+(?:into|at|on|onto|over|through|with))?{_TO_OBJECT}(?:{english})\b"
    ), re.compile(chinese)
