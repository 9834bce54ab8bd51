"""Entities: real people, characters and brands by name, with what tells them from ordinary words.

`lists/entities/*.yaml` hold the reviewed ones, each file of one kind; docs/prompts.md says how an entry is
written and how somebody has it taken away. `python -m safelight.detectors.text.entities FILE...` checks.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from safelight import yaml_loader
from safelight.policy.categories import Category

from .normalise import folded, plain
from .phrase_index import PhraseTable


class EntityKind(StrEnum):
    """What an entity is. Living and historical people are told apart because policies do."""

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
_FIELDS = frozenset({"n", "a", "z", "m", "d", "s", "near", "unless", "w", "for"})
_BRACKET = re.compile(r"\s*\([^)]*\)\s*$")
#: What is said of a match found by an ambiguous short name, or by a description.
SHORT, DESCRIBED = "short", "description"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """One person, character or brand, and every way it is named."""

    kind: EntityKind
    name: str
    why: str
    notable: str
    list: str
    #: Names that mean nobody else: usual name, aliases, Chinese names, misspellings.
    names: tuple[str, ...]
    descriptions: tuple[str, ...] = ()
    #: Ambiguous names, good only beside one of `near`.
    short: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A way to name an entity, as the table holds it."""

    entity: Entity
    by: str = "name"


def read_entities(text: str, *, list_name: str) -> tuple[tuple[Entity, ...], tuple[str, ...]]:
    """The entities of a YAML file, and one sentence for each entry that does not hold."""
    try:
        document = yaml_loader.load(text)
        kind = EntityKind(document["kind"])
        rows = list(document["entries"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        return (), (f"{list_name}: {type(error).__name__}: {error}",)
    found, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(entity(row, kind, list_name=list_name, notable=str(document.get("notable", ""))))
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{list_name}, entry {number}: {type(error).__name__}: {error}")
    return tuple(found), tuple(problems)


def entity(row: Mapping[str, Any], kind: EntityKind, *, list_name: str, notable: str = "") -> Entity:
    """One entry. Raises `ValueError`, `KeyError` or `TypeError` naming what does not hold."""
    unknown = set(row) - _FIELDS
    if unknown:
        raise ValueError(f"unknown fields {', '.join(sorted(map(str, unknown)))}")
    name = _text(row["n"])
    own = _BRACKET.sub("", name)
    short = _words(row, "s")
    names = [*_words(row, "a"), *_words(row, "z"), *_words(row, "m")]
    if own == name and _folded(own) not in short:
        names.insert(0, _folded(own))
    if not names and not short and not _words(row, "d"):
        raise ValueError(f"{name!r} has nothing to be matched by")
    if short and not _words(row, "near"):
        raise ValueError(f"{name!r} has a short name and no `near`")
    for word in names:
        if len(word) < (2 if "\u3400" <= word[0] <= "\u9fff" else 3):
            raise ValueError(f"{word!r} is too short; put it in `s`")
    return Entity(
        kind=kind,
        name=name,
        why=_text(row.get("w", "")) if row.get("w") else "",
        notable=str(row.get("for") or notable),
        list=list_name,
        names=tuple(dict.fromkeys(names)),
        descriptions=_words(row, "d"),
        short=short,
        near=_words(row, "near"),
        unless=_words(row, "unless"),
    )


def shipped() -> tuple[Entity, ...]:
    """The reviewed entities that come with the code; entries that do not hold are left out."""
    folder = files("safelight.detectors.text") / "lists" / "entities"
    if not folder.is_dir():
        return ()
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    return tuple(
        one
        for file in found
        for one in read_entities(file.read_text(encoding="utf-8"), list_name=file.name.removesuffix(".yaml"))[
            0
        ]
    )


def table(entities: Iterable[Entity]) -> PhraseTable[Named]:
    """The entities ready to be looked for; names that cannot be looked for are left out."""
    made: PhraseTable[Named] = PhraseTable()
    for one in entities:
        for by, words in (("name", one.names), (SHORT, one.short), (DESCRIBED, one.descriptions)):
            value = Named(entity=one, by=by)
            for word in words:
                try:
                    made.add(word, value)
                except ValueError:
                    continue
    return made


def _words(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = row.get(field) or ()
    if isinstance(value, str):
        value = (value,)
    return tuple(_folded(_text(word)) for word in value)


def _folded(text: str) -> str:
    # Most names are plain, and there may be very many.
    return text.lower() if text.isascii() and text.isprintable() else folded(plain(text)).text


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
        raise TypeError(f"{value!r} is no text")
    if len(str(value)) > 200:
        raise ValueError(f"{str(value)[:30]!r}... is too long for a name")
    return str(value).strip()


def problems(entities: Sequence[Entity]) -> Iterator[str]:
    """What is wrong between entries: one name for two entities of a kind, names no table takes."""
    seen: dict[tuple[str, str], str] = {}
    probe: PhraseTable[str] = PhraseTable()
    for one in entities:
        for word in (*one.names, *one.descriptions, *one.short):
            try:
                probe.add(word, one.name)
            except ValueError as error:
                yield f"{one.list}, {one.name}: {error}"
            if word in one.short:
                continue
            other = seen.setdefault((one.kind.category.value, word), one.name)
            if other != one.name:
                yield f"{one.list}: {word!r} means {other} and {one.name}"
    for (kind, name), count in Counter((one.kind, one.name) for one in entities).items():
        if count > 1:
            yield f"{kind.value} {name} stands {count} times"


def main(paths: Sequence[str]) -> int:
    """Print how many entities of each kind the files hold, and every problem."""
    entities: list[Entity] = []
    wrong: list[str] = []
    for path in map(Path, paths):
        found, bad = read_entities(path.read_text(encoding="utf-8"), list_name=path.stem)
        entities += found
        wrong += bad
    wrong += problems(entities)
    for kind, count in sorted(Counter(one.kind.value for one in entities).items()):
        sys.stdout.write(f"{kind}: {count}\n")
    for sentence in wrong:
        sys.stdout.write(f"problem: {sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
