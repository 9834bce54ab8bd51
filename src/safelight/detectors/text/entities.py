"""Named entities: real people, characters and brands, and the context that distinguishes them from
ordinary words.

`lists/entities/*.yaml` contain the reviewed entries, one kind per file. docs/prompts.md describes the format,
and how a person has an entry removed. `python -m safelight.detectors.text.entities FILE...` checks files.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from safelight.core import yaml_loader
from safelight.policy.findings import Category

from .compiled_lists import load_compiled
from .lists import read_files
from .normalise import folded, plain
from .phrase_index import PhraseTable

_FIELDS = frozenset({"n", "a", "z", "m", "d", "s", "near", "unless", "w", "for"})
_QUALIFIER = re.compile(r"\s*\([^)]*\)\s*$")
#: How a match was made, if it was not by an unambiguous name: by an ambiguous short name, or by a
#: description.
BY_SHORT_NAME, BY_DESCRIPTION = "short", "description"


class EntityKind(StrEnum):
    """Kind of an entity. Living and historical people are separate because policies treat them
    differently.
    """

    LIVING = "living"
    HISTORICAL = "historical"
    CHARACTER = "character"
    BRAND = "brand"

    @property
    def category(self) -> Category:
        return _CATEGORIES[self]


_CATEGORIES = {
    EntityKind.LIVING: Category.LIKENESS,
    EntityKind.HISTORICAL: Category.LIKENESS,
    EntityKind.CHARACTER: Category.IP_CHARACTER,
    EntityKind.BRAND: Category.IP_BRAND,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """One person, character or brand, with all its names."""

    kind: EntityKind
    name: str
    reason: str
    known_for: str
    list_name: str
    #: Unambiguous names: usual name, aliases, Chinese names, misspellings.
    names: tuple[str, ...]
    descriptions: tuple[str, ...] = ()
    #: Ambiguous names, which count only if one of the words in `near` is nearby.
    short: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityName:
    """One name of an entity, as stored in the index."""

    entity: Entity
    matched_by: str = "name"


def read_entities(text: str, *, list_name: str) -> tuple[tuple[Entity, ...], tuple[str, ...]]:
    """The entities of a YAML file, and one sentence per invalid entry."""
    try:
        document = yaml_loader.load(text)
        kind = EntityKind(document["kind"])
        rows = list(document["entries"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        return (), (f"{list_name}: {type(error).__name__}: {error}",)
    found, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(
                parse_entity(row, kind, list_name=list_name, notable=str(document.get("notable", "")))
            )
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{list_name}, entry {number}: {type(error).__name__}: {error}")
    return tuple(found), tuple(problems)


def parse_entity(row: Mapping[str, Any], kind: EntityKind, *, list_name: str, notable: str = "") -> Entity:
    """Parse one entry. Raises `ValueError`, `KeyError` or `TypeError`, which name the problem."""
    unknown = set(row) - _FIELDS
    if unknown:
        raise ValueError(f"unknown fields {', '.join(sorted(map(str, unknown)))}")
    name = _read_text(row["n"])
    unqualified = _QUALIFIER.sub("", name)
    short = _read_words(row, "s")
    names = [*_read_words(row, "a"), *_read_words(row, "z"), *_read_words(row, "m")]
    if unqualified == name and _folded(unqualified) not in short:
        names.insert(0, _folded(unqualified))
    if not names and not short and not _read_words(row, "d"):
        raise ValueError(f"{name!r} has no name, short name or description to match")
    if short and not _read_words(row, "near"):
        raise ValueError(f"{name!r} has a short name but no `near`")
    for word in names:
        if len(word) < (2 if "\u3400" <= word[0] <= "\u9fff" else 3):
            raise ValueError(f"{word!r} is too short; put it in `s`")
    return Entity(
        kind=kind,
        name=name,
        reason=_read_text(row.get("w", "")) if row.get("w") else "",
        known_for=str(row.get("for") or notable),
        list_name=list_name,
        names=tuple(dict.fromkeys(names)),
        descriptions=_read_words(row, "d"),
        short=short,
        near=_read_words(row, "near"),
        unless=_read_words(row, "unless"),
    )


def shipped() -> tuple[Entity, ...]:
    """The reviewed entities that are shipped with the code. Invalid entries are left out."""
    texts = dict(read_files("lists/entities"))
    return load_compiled(
        "entities",
        tuple(texts.values()),
        lambda: tuple(one for name, text in texts.items() for one in read_entities(text, list_name=name)[0]),
        tuple[Entity, ...],
    )


def build_table(entities: Iterable[Entity]) -> PhraseTable[EntityName]:
    """The index of all names of these entities; names that cannot be indexed are left out."""
    made: PhraseTable[EntityName] = PhraseTable()
    for one in entities:
        for by, words in (
            ("name", one.names),
            (BY_SHORT_NAME, one.short),
            (BY_DESCRIPTION, one.descriptions),
        ):
            value = EntityName(entity=one, matched_by=by)
            for word in words:
                try:
                    made.add(word, value)
                except ValueError:
                    continue
    return made


def _read_words(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = row.get(field) or ()
    if isinstance(value, str):
        value = (value,)
    return tuple(_folded(_read_text(word)) for word in value)


def _folded(text: str) -> str:
    # Most names are ASCII, so folding is skipped for them: an index may contain 100,000 names.
    return text.lower() if text.isascii() and text.isprintable() else folded(plain(text)).text


def _read_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
        raise TypeError(f"{value!r} is not text")
    if len(str(value)) > 200:
        raise ValueError(f"{str(value)[:30]!r}... is longer than 200 characters")
    return str(value).strip()


def find_problems(entities: Sequence[Entity]) -> Iterator[str]:
    """Conflicts between entries: one name for two entities of a category, and names that cannot be
    indexed.
    """
    names: dict[tuple[str, str], str] = {}
    probe: PhraseTable[str] = PhraseTable()
    for one in entities:
        for word in (*one.names, *one.descriptions, *one.short):
            try:
                probe.add(word, one.name)
            except ValueError as error:
                yield f"{one.list_name}, {one.name}: {error}"
            if word in one.short:
                continue
            other = names.setdefault((one.kind.category.value, word), one.name)
            if other != one.name:
                yield f"{one.list_name}: {word!r} names both {other} and {one.name}"
    for (kind, name), count in Counter((one.kind, one.name) for one in entities).items():
        if count > 1:
            yield f"{kind.value} {name} is listed {count} times"


def main(paths: Sequence[str]) -> int:
    """Print the number of entities of each kind in the files, and every problem."""
    entities: list[Entity] = []
    wrong: list[str] = []
    for path in map(Path, paths):
        found, bad = read_entities(path.read_text(encoding="utf-8"), list_name=path.stem)
        entities += found
        wrong += bad
    wrong += find_problems(entities)
    for kind, count in sorted(Counter(one.kind.value for one in entities).items()):
        sys.stdout.write(f"{kind}: {count}\n")
    for sentence in wrong:
        sys.stdout.write(f"problem: {sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
