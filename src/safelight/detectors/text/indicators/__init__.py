"""Indicators: signals that are harmless alone (a place, a sender, a name, a call), and rules that combine
them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

from safelight import yaml_loader
from safelight.detectors.text.lists import Lexicon, ListEntry, read_list
from safelight.detectors.text.normalise import folded, plain

from .people import find_addresses, find_people

#: Character ranges of each indicator in the original text.
Places: TypeAlias = Mapping[str, tuple[tuple[int, int], ...]]
#: Most character ranges kept per indicator.
_MAX_RANGES = 4
#: A person whose name looks like that of a private individual.
PRIVATE_PERSON = "named"
#: A street with a number, or a flat.
ADDRESS = "address"


@dataclass(frozen=True, kw_only=True)
class IndicatorRule:
    """Matches if the text has one indicator of each clause in `clauses`, and none of `unless`."""

    category: str
    score: float
    clauses: tuple[frozenset[str], ...]
    #: Indicators in the clip's own picture or sound that make it harmless.
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class IndicatorTable:
    """The indicators with their search index, and the rules."""

    lexicon: Lexicon
    rules: tuple[IndicatorRule, ...]
    #: What each indicator is, for use in sentences: `an official sender`.
    phrases: Mapping[str, str]

    def find(self, text: str) -> Places:
        """The indicators in a text with their character ranges."""
        found: dict[str, list[tuple[int, int]]] = {}
        view = folded(plain(text))
        for hit in self.lexicon.find(view):
            found.setdefault(hit.entry.category, []).append(view.span(hit.start, hit.end))
        for indicator, places_of in ((PRIVATE_PERSON, find_people), (ADDRESS, find_addresses)):
            for place in places_of(text):
                found.setdefault(indicator, []).append(place)
        return {indicator: tuple(sorted(set(places))[:_MAX_RANGES]) for indicator, places in found.items()}


def read_rules(text: str, known: Sequence[str]) -> tuple[IndicatorRule, ...]:
    """The rules of a YAML file. Raises `ValueError` naming an invalid one."""
    made = []
    for number, raw in enumerate(yaml_loader.load(text)["rules"]):
        try:
            one = _parse_rule(dict(raw))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"rule {number}: {error!r}") from error
        unknown = frozenset().union(*one.clauses, one.unless) - frozenset(known)
        if unknown or len(one.clauses) < 2:
            raise ValueError(f"rule {number}: two clauses or more of known signs, not {sorted(unknown)}")
        made.append(one)
    return tuple(made)


def _parse_rule(raw: dict[str, Any]) -> IndicatorRule:
    made = IndicatorRule(
        category=str(raw.pop("category")),
        score=float(raw.pop("score")),
        clauses=tuple(_alternatives(clause) for clause in raw.pop("all")),
        unless=frozenset(raw.pop("unless", ())),
    )
    if raw:
        raise ValueError(f"unknown keys {sorted(raw)}")
    return made


def _alternatives(clause: str) -> frozenset[str]:
    return frozenset(re.split(r"\s*\|\s*", clause.strip()))


@lru_cache(maxsize=1)
def shipped() -> IndicatorTable:
    """The table that comes with the package; read once."""
    folder = files("safelight.detectors.text.indicators")
    entries: list[ListEntry] = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml") and file.name != "rules.yaml":
            entries += read_list(file.read_text(encoding="utf-8"))
    phrases = {entry.category: entry.reason for entry in entries} | {
        PRIVATE_PERSON: "the name of a private individual",
        ADDRESS: "an address",
        PUBLIC_FIGURE: "a real public figure",
    }
    return IndicatorTable(
        lexicon=Lexicon(entries),
        rules=read_rules((folder / "rules.yaml").read_text(encoding="utf-8"), list(phrases)),
        phrases=phrases,
    )


#: Indicators by which a clip declares what it is: a film, a training, a warning.
FRAMING_INDICATORS = frozenset({"framed", "advice"})
#: An indicator without a list: a person that the entity detector reports as a public figure.
PUBLIC_FIGURE = "public-figure"
