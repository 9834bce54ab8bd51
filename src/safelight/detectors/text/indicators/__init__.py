"""What stands in words that are harmless alone: a place, a sender, a name, a call. Lists of such signs, and
which of them together mean what. Pure; reading them decides nothing.
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

from .people import addresses, people

#: Where signs stand in a text, as it was typed.
Places: TypeAlias = Mapping[str, tuple[tuple[int, int], ...]]
#: Places of one sign that are worth telling.
_MOST = 4
#: A person who is named like somebody private.
NAMED = "named"
#: A street with a number, or a flat.
ADDRESS = "address"


@dataclass(frozen=True, kw_only=True)
class IndicatorRule:
    """Signs that mean something together: one of each of `clauses`, and none of `unless`."""

    category: str
    score: float
    clauses: tuple[frozenset[str], ...]
    #: What the clip itself says of itself, in the picture or the sound, that makes it innocent.
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class IndicatorTable:
    """The signs, ready to be looked for, and what they mean together."""

    lexicon: Lexicon
    conjunctions: tuple[IndicatorRule, ...]
    #: What each sign is, for sentences: `an official sender`.
    phrases: Mapping[str, str]

    def of(self, text: str) -> Places:
        """The signs in a text, each with where it stands."""
        found: dict[str, list[tuple[int, int]]] = {}
        view = folded(plain(text))
        for hit in self.lexicon.find(view):
            found.setdefault(hit.entry.category, []).append(view.span(hit.start, hit.end))
        for sign, places_of in ((NAMED, people), (ADDRESS, addresses)):
            for place in places_of(text):
                found.setdefault(sign, []).append(place)
        return {sign: tuple(sorted(set(places))[:_MOST]) for sign, places in found.items()}


def read_conjunctions(text: str, known: Sequence[str]) -> tuple[IndicatorRule, ...]:
    """The conjunctions of a YAML file. Raises `ValueError` naming one that does not hold."""
    made = []
    for number, raw in enumerate(yaml_loader.load(text)["conjunctions"]):
        try:
            one = _conjunction(dict(raw))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"conjunction {number}: {error!r}") from error
        unknown = frozenset().union(*one.clauses, one.unless) - frozenset(known)
        if unknown or len(one.clauses) < 2:
            raise ValueError(
                f"conjunction {number}: two clauses or more of known signs, not {sorted(unknown)}"
            )
        made.append(one)
    return tuple(made)


def _conjunction(raw: dict[str, Any]) -> IndicatorRule:
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
        NAMED: "the name of somebody private",
        ADDRESS: "an address",
        FIGURE: "a real public figure",
    }
    return IndicatorTable(
        lexicon=Lexicon(entries),
        conjunctions=read_conjunctions((folder / "rules.yaml").read_text(encoding="utf-8"), list(phrases)),
        phrases=phrases,
    )


#: Signs by which a clip says what it is: a film, a training, a warning.
FRAMES = frozenset({"framed", "advice"})
#: A sign that no list gives: somebody whom the detectors of names know as a public figure.
FIGURE = "public-figure"
