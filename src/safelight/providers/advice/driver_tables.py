"""The tables under `data/`: words, scenes and reference risks that creators report for provider filters.

Their effect is not measured. Each row names its source and the date on which it was read, or that no source
is documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from .advice_data import AdviceSource, read_rows
from .form_table import FormTable
from .word_position import WordPosition

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
#: Row of the phrases that contain a reported word and mean something else: they are not reported.
ORDINARY = "-"


class DriverKind(StrEnum):
    HIGH_RISK_WORD = "high_risk_word"
    CONTEXT_WORD = "context_word"
    INTENSITY = "intensity"
    STACKING = "stacking"
    SCENARIO = "scenario"
    #: A word of an ordinary scene, such as sport or medicine. Several of them add up to nothing.
    SCENE_WORD = "scene_word"
    NAME = "name"
    BRAND = "brand"
    STYLE = "style"
    REFERENCE = "reference"


class Slot(StrEnum):
    """What a part of a prompt states."""

    WHO = "who"
    HOW_MANY = "how_many"
    AGE = "age"
    IDENTITY = "identity"
    ACTION = "action"
    OBJECT = "object"
    PLACE = "place"
    TIME = "time"
    MOOD = "mood"
    #: Quoted text, which may be visible in the video.
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class WordRow:
    """One row of the word table: the kind of driver, and the keys of its messages."""

    id: str
    kind: DriverKind
    reason: str
    #: Under which condition an alternative is true; empty without alternatives.
    condition: str
    #: Advice that no replacement can give; empty if there is none.
    advice: str
    sources: tuple[AdviceSource, ...]
    #: Whether the row counts only in an exclusion such as "no music".
    only_excluded: bool
    #: Whether its words are reported to be refused only together with others.
    only_together: bool
    #: What its words state, which a replacement may change.
    slot: Slot
    #: Whether its words are never replaced in a prompt with a word for a child, for youth or for school.
    not_with_child: bool
    #: There is no advice on its words in a prompt with words of this row; empty for none.
    gives_way: str


@dataclass(frozen=True, kw_only=True)
class WordForm:
    """A form of a row in one language, with what can be written instead."""

    row: str
    language: str
    alternatives: tuple[str, ...]
    #: For each alternative, the objects with which it fits, or `OWN_OBJECT`.
    objects: tuple[frozenset[str], ...]
    #: Where an alternative can be written.
    position: WordPosition


@dataclass(frozen=True, kw_only=True)
class ScenePart:
    """One of the two parts of a scenario, such as the place or the object."""

    scenario: str
    part: str


@dataclass(frozen=True, kw_only=True)
class ReferenceRisk:
    """What a reference image may show, and the reported risk."""

    id: str
    #: As reported; empty if no source states one. Then the user is not asked about it.
    level: str
    source: AdviceSource
    #: What the detector `objects` calls the things that show it.
    things: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A term that one source recommends and another warns of."""

    term: str
    recommended_by: AdviceSource
    warned_by: AdviceSource


@cache
def sources() -> Mapping[str, AdviceSource]:
    return {
        row["source"]: AdviceSource(title=row["title"], read=row["read"], about=row["about"])
        for row in read_rows("sources")
    }


@cache
def word_rows() -> Mapping[str, WordRow]:
    return {
        row["row"]: WordRow(
            id=row["row"],
            kind=DriverKind(row["kind"]),
            reason=row["reason"],
            condition=row["condition"],
            advice=row["advice"],
            sources=tuple(sources()[name] for name in row["sources"].split(",")),
            only_excluded=row["only"] == "excluded",
            only_together=row["only"] == "together",
            slot=Slot(row["slot"]),
            not_with_child=row["not_with"] == "child",
            gives_way=row["gives_way"],
        )
        for row in read_rows("rows")
    }


@cache
def word_forms(*, whole_words: bool = True) -> FormTable[WordForm]:
    table: FormTable[WordForm] = FormTable(whole_words=whole_words)
    for row in read_rows("words.en"):
        table.add(row["form"], _form(row, "en", "alternatives", "objects"))
    for row in read_rows("words.zh"):
        for language in LANGUAGES[1:]:
            columns = f"{language} alternatives", f"{language} objects"
            table.add(row[language], _form(row, language, *columns))
    return table


def _form(row: Mapping[str, str], language: str, alternatives: str, objects: str) -> WordForm:
    return WordForm(
        row=row["row"],
        language=language,
        alternatives=_split(row[alternatives]),
        objects=tuple(frozenset(one.split(",")) for one in _split(row[objects])),
        position=WordPosition(row["position"]),
    )


@cache
def scene_parts() -> FormTable[ScenePart]:
    table: FormTable[ScenePart] = FormTable(whole_words=True)
    for row in read_rows("scenarios"):
        part = ScenePart(scenario=row["scenario"], part=row["part"])
        for form in dict.fromkeys(form for language in LANGUAGES for form in _split(row[language])):
            table.add(form, part)
    return table


@cache
def scenarios() -> Mapping[str, frozenset[str]]:
    """The parts of each scenario. It is found if the text has all of them."""
    parts: dict[str, set[str]] = {}
    for row in read_rows("scenarios"):
        parts.setdefault(row["scenario"], set()).add(row["part"])
    return {name: frozenset(names) for name, names in parts.items()}


@cache
def reference_risks() -> Mapping[str, ReferenceRisk]:
    return {
        row["risk"]: ReferenceRisk(
            id=row["risk"],
            level=row["level"],
            source=sources()[row["source"]],
            things=_split(row["things"]),
        )
        for row in read_rows("references")
    }


@cache
def asked_risks() -> tuple[str, ...]:
    """Ids of the reference risks that the user is asked about."""
    return tuple(name for name, risk in reference_risks().items() if risk.level)


@cache
def contradictions() -> FormTable[Contradiction]:
    table: FormTable[Contradiction] = FormTable()
    for row in read_rows("contradictions"):
        found = Contradiction(
            term=row["term"],
            recommended_by=sources()[row["recommended_by"]],
            warned_by=sources()[row["warned_by"]],
        )
        for form in dict.fromkeys(form for language in LANGUAGES for form in _split(row[language])):
            table.add(form, found)
    return table


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)
