"""Reads the rows of a batch from JSONL, CSV or YAML, and names every line that cannot be read."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from safelight_client.errors import BatchError

from .template_rows import WrongTemplateColumns, read_columns

#: Reads the entries of a list, each with its line. That of YAML is given by the caller.
YamlReader: TypeAlias = Callable[[str], Iterable[tuple[int, object]]]
_STEP = "Correct the file, then plan it again."
_TWICE = "The row has a field twice: {}."
#: Lists and objects within each other in one row.
MAX_DEPTH = 20
#: Fields of one row, and columns of a header. No request has nearly as many.
MAX_FIELDS = 1_000
#: Characters of a name that a message shows.
_MAX_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """One requested video. `fields` are sent to the server; a column `id` is only the row's name."""

    number: int
    line: int
    name: str
    fields: Mapping[str, Any]
    #: Why the line cannot be read.
    problems: tuple[str, ...] = ()

    @property
    def prompt(self) -> str:
        return str(self.fields.get("prompt") or "").strip()


@dataclass(frozen=True, kw_only=True)
class BatchRows:
    """The rows of a file. Paths in them are relative to the folder of the file."""

    path: Path
    rows: tuple[BatchRow, ...]

    @property
    def digest(self) -> str:
        """Names the rows: their fields, names and order."""
        text = json.dumps([[row.name, row.fields] for row in self.rows], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_rows(path: Path, read_yaml: YamlReader | None = None) -> BatchRows:
    """The rows of a file. Raises `BatchError` if the file as a whole cannot be read."""
    readers: dict[str, YamlReader] = {
        ".jsonl": read_jsonl,
        ".ndjson": read_jsonl,
        ".csv": read_csv,
        ".tsv": read_csv,
    }
    if read_yaml is not None:
        readers |= dict.fromkeys((".yaml", ".yml"), read_yaml)
    reader = readers.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(sorted(readers))
        raise BatchError(f"{path.name} is not a batch: the ending is not one of {known}.", "Rename the file.")
    rows = rows_of_entries(reader(_read_text(path)))
    if not rows:
        raise BatchError(f"{path.name} has no rows.", _STEP)
    return BatchRows(path=path, rows=rows)


def rows_of_entries(entries: Iterable[tuple[int, object]]) -> tuple[BatchRow, ...]:
    """The rows of entries with their lines. An entry that is a text is the problem of its line."""
    return tuple(_row(number, line, entry) for number, (line, entry) in enumerate(entries, start=1))


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BatchError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    coding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(coding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BatchError(f"{path.name} is not UTF-8: line {line}.", "Save the file as UTF-8.") from None


def _row(number: int, line: int, entry: object) -> BatchRow:
    if isinstance(entry, str):
        return BatchRow(number=number, line=line, name="", fields={}, problems=(entry,))
    if not isinstance(entry, Mapping):
        problem = "The row is not an object with fields."
        return BatchRow(number=number, line=line, name="", fields={}, problems=(problem,))
    if len(entry) > MAX_FIELDS:
        problem = f"The row has {len(entry):,} fields; at most {MAX_FIELDS:,} are read."
        return BatchRow(number=number, line=line, name="", fields={}, problems=(problem,))
    repeated = find_repeated([str(name).strip() for name in entry])
    if repeated is not None:
        problem = _TWICE.format(repeated)
        return BatchRow(number=number, line=line, name="", fields={}, problems=(problem,))
    fields = {str(name).strip(): value for name, value in entry.items() if value is not None and value != ""}
    problems = ("The row has more cells than the header.",) if fields.pop(_EXTRA, None) else ()
    row_name = str(fields.pop("id", ""))
    try:
        fields = read_columns(fields)
    except WrongTemplateColumns as error:
        problems = (*problems, str(error))
    return BatchRow(number=number, line=line, name=row_name, fields=fields, problems=problems)


def find_repeated(names: Iterable[str]) -> str | None:
    """The start of the first name that was there before; None if all differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name[:_MAX_SHOWN]
        seen.add(name)
    return None


#: The first line of a table that Excel has written.
EXCEL_DELIMITER = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)
#: Name of the cells of a CSV row that have no column.
_EXTRA = "\0extra"


def read_jsonl(text: str) -> Iterator[tuple[int, object]]:
    """The entries of JSON Lines, with their lines."""
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                entry: object = json.loads(content, object_pairs_hook=_object)
                if not isinstance(entry, Mapping):
                    entry = "The row is not an object with fields."
                elif _is_deep(entry):
                    entry = "The row is nested too deeply."
            except _RepeatedField as error:
                entry = _TWICE.format(error)
            except ValueError:
                entry = "The line is not JSON."
            except RecursionError:
                entry = "The row is nested too deeply."
            yield line, entry


class _RepeatedField(Exception):
    """An object has a field twice. Of two values, JSON would take the last."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RepeatedField(find_repeated(name for name, _ in pairs))
    return found


def _is_deep(entry: object) -> bool:
    """Whether lists and objects are nested more than `MAX_DEPTH` times."""
    level: list[object] = [entry]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, Mapping | list)
            for inner in (each.values() if isinstance(each, Mapping) else each)
        ]
    return bool(level)


def read_csv(text: str) -> Iterator[tuple[int, object]]:
    """The entries of a CSV text, with their lines. Raises `BatchError` if its header is wrong."""
    header = text.partition("\n")[0]
    # Excel writes the delimiter into a line of its own.
    named = EXCEL_DELIMITER.fullmatch(header)
    delimiter = named[1] if named else max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if named:
        next(reader)
    columns: list[str] | None = None
    began = 1
    while True:
        began = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            # What follows would be read in the wrong columns.
            yield (
                began,
                f"The quotes of this row are broken ({error}); it and all rows after it were not read.",
            )
            return
        if cells is None:
            return
        if columns is None:
            columns = _columns(cells)
        elif any(cell.strip() for cell in cells):
            entry = dict(zip(columns, cells, strict=False))
            yield began, entry | ({_EXTRA: "x"} if any(cells[len(columns) :]) else {})


def _columns(cells: list[str]) -> list[str]:
    if len(cells) > MAX_FIELDS:
        raise BatchError(f"The header has {len(cells):,} columns; at most {MAX_FIELDS:,} are read.", _STEP)
    columns = [cell.strip() for cell in cells]
    repeated = find_repeated(filter(None, columns))
    if repeated is not None:
        raise BatchError(f"The header has a column twice: {repeated}.", _STEP)
    return columns
