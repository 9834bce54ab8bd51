"""An operator's own name lists: one file per list in a folder, of any size. A file is read again when it
changes.
"""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.list_folder import FolderStamp, ListFolder

from .entities import Entity, EntityKind, parse_entity, read_entities


@dataclass(frozen=True, kw_only=True)
class NameListImport:
    """The result of importing a file of names."""

    name: str
    added: int
    duplicates: int
    #: One sentence for each invalid row. The valid rows were imported.
    problems: tuple[str, ...]
    total: int


class OperatorLists:
    """The name lists in one folder. Files are replaced atomically, so a reader never sees a partly written
    one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = ListFolder(folder, suffix=".jsonl", noun="list")

    def names(self) -> tuple[str, ...]:
        return self.files.names()

    def stamp(self) -> FolderStamp:
        """Names, times and sizes of the files; this value differs whenever a list has changed."""
        return self.files.stamp()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a list as they were imported. Raises `NotFound`."""
        path = self.files.existing(name)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]

    def entities(self) -> Iterator[Entity]:
        """The entities of all lists. Invalid rows are left out."""
        for name in self.names():
            for row in self.rows(name):
                with contextlib.suppress(KeyError, TypeError, ValueError):
                    yield _to_entity(row, name)

    def import_file(self, source: Path, *, name: str, kind: EntityKind) -> NameListImport:
        """Add the names of a file to a list: YAML like the shipped lists, JSONL, CSV, or one name per
        line.
        """
        try:
            text = source.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidField(f"{source} cannot be read as text: {error}.", param="file") from error
        path = self.files.path(name)
        known = self.rows(name) if path.is_file() else []
        known_keys = {(row["kind"], row["n"].casefold()) for row in known}
        added, duplicates, problems = 0, 0, []
        for number, row in _parse_rows(source, text, kind):
            try:
                if isinstance(row, Exception):
                    raise row
                made = _to_entity(row, name)
            except (KeyError, TypeError, ValueError) as error:
                problems.append(f"line {number}: {type(error).__name__}: {error}")
                continue
            key = (made.kind.value, made.name.casefold())
            if key in known_keys:
                duplicates += 1
                continue
            known_keys.add(key)
            known.append({**row, "kind": made.kind.value, "n": made.name})
            added += 1
        if added:
            self._write(name, known)
        return NameListImport(
            name=name, added=added, duplicates=duplicates, problems=tuple(problems), total=len(known)
        )

    def remove(self, name: str, entry: str | None) -> int:
        """Remove one name, or the whole list; returns the number of removed rows.

        The change also takes effect in a running server.
        """
        rows = self.rows(name)
        left = [] if entry is None else [row for row in rows if row["n"].casefold() != entry.casefold()]
        if len(left) == len(rows):
            raise NotFound(f"The list {name!r} has no entry {entry!r}.")
        if left:
            self._write(name, left)
        else:
            self.files.remove(name)
        return len(rows) - len(left)

    def _write(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.files.write(name, (f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in rows))


def _to_entity(row: Mapping[str, Any], name: str) -> Entity:
    fields = dict(row)
    return parse_entity(fields, EntityKind(fields.pop("kind")), list_name=name)


def _parse_rows(source: Path, text: str, kind: EntityKind) -> Iterator[tuple[int, Any]]:
    suffix = source.suffix.lower()
    if suffix in (".yaml", ".yml"):
        found, problems = read_entities(text, list_name=source.stem)
        for number, one in enumerate(found, start=1):
            yield number, _to_row(one)
        for number, sentence in enumerate(problems, start=1):
            yield number, ValueError(sentence)
    elif suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                    yield (
                        number,
                        {"kind": kind.value, **row} if isinstance(row, dict) else TypeError("no object"),
                    )
                except ValueError as error:
                    yield number, error
    elif suffix == ".csv":
        for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
            names = [cell.strip() for cell in cells if cell.strip()]
            if names:
                yield number, {"kind": kind.value, "n": names[0], **({"a": names[1:]} if names[1:] else {})}
    else:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                yield number, {"kind": kind.value, "n": line.strip()}


def _to_row(one: Entity) -> dict[str, Any]:
    fields = {"a": one.names, "d": one.descriptions, "s": one.short, "near": one.near, "unless": one.unless}
    return {
        "kind": one.kind.value,
        "n": one.name,
        **{key: list(words) for key, words in fields.items() if words},
        **({"w": one.reason} if one.reason else {}),
    }
