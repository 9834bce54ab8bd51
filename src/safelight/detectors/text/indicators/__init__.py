"""Indicators: signals that are harmless alone (a place, a sender, a name, a call), and rules that combine
indicators. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from safelight.core import yaml_loader
from safelight.detectors.text.compiled_lists import load_compiled
from safelight.detectors.text.lists import Lexicon, ListEntry, read_list
from safelight.detectors.text.normalise import folded, plain

from .people import find_addresses, find_people

#: Character ranges of each indicator in the original text.
Places: TypeAlias = Mapping[str, tuple[tuple[int, int], ...]]
#: Most character ranges kept for each indicator.
_MAX_RANGES = 4
#: Indicator for a person whose name resembles that of a private individual.
PRIVATE_PERSON = "named"
#: Indicator for a street with a number, or for a flat.
ADDRESS = "address"
#: Indicators in which a clip declares what it is: a film, a training, a warning.
FRAMING_INDICATORS = frozenset({"framed", "advice"})
#: Indicator of a request that describes a film, a stage or a printed page, in which threats are usual words.
DEPICTION = "depicted"
#: This indicator has no list of words. It is set if the entity detector reports a person as a public figure.
PUBLIC_FIGURE = "public-figure"


@dataclass(frozen=True, kw_only=True)
class IndicatorRule:
    """A rule that matches if the text has at least one indicator of each set in `clauses`, and none of
    those in `unless`.
    """

    category: str
    score: float
    clauses: tuple[frozenset[str], ...]
    #: Indicators that make the clip harmless if they are in its own picture or sound.
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class IndicatorTable:
    """The indicators with their search index, and the rules."""

    lexicon: Lexicon
    rules: tuple[IndicatorRule, ...]
    #: A phrase for each indicator, for use in sentences, such as `an official sender`.
    phrases: Mapping[str, str]

    def find(self, text: str) -> Places:
        """The indicators in a text, each with its character ranges."""
        found: dict[str, list[tuple[int, int]]] = {}
        view = folded(plain(text))
        for hit in self.lexicon.find(view):
            found.setdefault(hit.entry.category, []).append(view.span(hit.start, hit.end))
        for indicator, places_of in ((PRIVATE_PERSON, find_people), (ADDRESS, find_addresses)):
            for place in places_of(text):
                found.setdefault(indicator, []).append(place)
        return {indicator: tuple(sorted(set(places))[:_MAX_RANGES]) for indicator, places in found.items()}


def read_rules(text: str, known: Sequence[str]) -> tuple[IndicatorRule, ...]:
    """The rules of a YAML file. Raises `ValueError`, which names the invalid rule."""
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


@cache
def shipped() -> IndicatorTable:
    """The table that is shipped with the package. Its files are read once."""
    folder = files("safelight.detectors.text.indicators")
    texts = [
        file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yaml") and file.name != "rules.yaml"
    ]
    entries = load_compiled(
        "indicators",
        texts,
        lambda: tuple(entry for text in texts for entry in read_list(text)),
        tuple[ListEntry, ...],
    )
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
