"""Prompts in JSON lines and in CSV, with the place of each character behind escapes and quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from .lint_prompt import FileNotRead, FilePlace, LintPrompt, Quoting, UnreadPart

#: Most characters of one CSV row. With a quote that is never closed, the rest of the file would be one row.
MAX_ROW_CHARACTERS = 1 << 20
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BEFORE_VALUE = re.compile(r"\s*:\s*")
#: One character of a JSON string as it is written: a pair of surrogates, an escape, or itself.
_JSON_LETTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
_CSV_LETTER = re.compile(r'""|.', re.DOTALL)
#: The rest of a quoted cell. A quote in it is written twice.
_QUOTED_REST = re.compile(r'(?:[^"]|"")*"(?!")')


def read_jsonl(lines: Iterable[str], field: str) -> Iterator[LintPrompt | UnreadPart]:
    """The strings with this name, at any depth of the object of each line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            yield UnreadPart(line=number, reason="not_json")
            continue
        yield from _json_values(line, number, field)


def _json_values(line: str, number: int, field: str) -> Iterator[LintPrompt | UnreadPart]:
    # In valid JSON, a string before a colon is a name.
    for name in _STRING.finditer(line):
        colon = _BEFORE_VALUE.match(line, name.end())
        if colon is None or json.loads(name.group()) != field:
            continue
        value = _STRING.match(line, colon.end())
        if value is None:
            yield UnreadPart(line=number, reason="not_text", values={"field": field})
            continue
        text = json.loads(value.group())
        if text.strip():
            raw, start = value.group()[1:-1], value.start() + 1
            yield LintPrompt(
                text=text,
                chunk=line,
                start=FilePlace(line=number, column=1),
                offsets=_offsets(raw, start, _JSON_LETTER if "\\" in raw else None),
                quoting=Quoting.JSON,
            )


def read_csv(lines: Iterable[str], field: str) -> Iterator[LintPrompt | UnreadPart]:
    """The cells of the column with this name. The first row has the names of the columns.

    A row that has more cells than the first one, or stray quotes, is an `UnreadPart`.
    Raises `FileNotRead` if the column does not exist, and at broken quotes, because the rows after them would
    be read in the wrong columns.
    """
    numbered = enumerate(lines, start=1)
    number, line = next(numbered, (1, ""))
    if not line:
        return
    delimiter = max(",;\t", key=line.count)
    header = next(_rows(chain([(number, line)], numbered), delimiter))
    names = [_cell(header.text, cell)[0].strip() for cell in header.cells]
    if field not in names:
        raise FileNotRead(number, "no_column", field=field, columns=", ".join(names)[:200])
    column = names.index(field)
    for row in _rows(numbered, delimiter):
        if column >= len(row.cells):
            if row.text.strip():
                yield UnreadPart(line=row.line, reason="few_cells", values={"field": field})
            continue
        # With a comma or a quote that is not quoted, a part of the prompt would be read as another cell.
        if any(row.text[start:end].strip() for start, end in row.cells[len(names) :]):
            yield UnreadPart(line=row.line, reason="many_cells")
            continue
        if any(map(_has_stray_quote, (row.text[start:end] for start, end in row.cells))):
            yield UnreadPart(line=row.line, reason="stray_quote")
            continue
        cell = row.cells[column]
        text, offsets = _cell(row.text, cell)
        if text.strip():
            yield LintPrompt(
                text=text,
                chunk=row.text,
                start=FilePlace(line=row.line, column=1),
                offsets=offsets,
                quoting=Quoting.CSV if row.text.startswith('"', cell[0]) else Quoting.PLAIN,
            )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row of CSV: its first line, and the ranges of its cells with their quotes."""

    text: str
    line: int
    cells: list[tuple[int, int]]


def _rows(numbered: Iterator[tuple[int, str]], delimiter: str) -> Iterator[_Row]:
    """The rows. A quoted cell may have line ends. Raises `FileNotRead` at broken quotes."""
    bare = re.compile(f"[^{delimiter}\r\n]*")
    for first, line in numbered:
        row, cells, base = [line], list[tuple[int, int]](), 0
        start = position = 0
        is_quoted = False
        while True:
            if not is_quoted and line.startswith('"', position):
                start, position, is_quoted = base + position, position + 1, True
            elif not is_quoted:
                start = base + position
            found = (_QUOTED_REST if is_quoted else bare).match(line, position)
            if found is None:
                base += len(line)
                line = next(numbered, (0, ""))[1]
                if not line or base > MAX_ROW_CHARACTERS:
                    raise FileNotRead(first, "broken_quotes")
                row.append(line)
                position = 0
                continue
            end, is_quoted = found.end(), False
            cells.append((start, base + end))
            if not line.startswith(delimiter, end):
                break
            position = end + 1
        if line[end : end + 1] not in ("", "\r", "\n"):
            raise FileNotRead(first, "broken_quotes")
        yield _Row(text="".join(row), line=first, cells=cells)


def _has_stray_quote(cell: str) -> bool:
    """Whether a cell that is not quoted has a quote that may belong to text behind the next separator."""
    return not cell.startswith('"') and (cell.lstrip().startswith('"') or cell.count('"') % 2 == 1)


def _cell(row: str, cell: tuple[int, int]) -> tuple[str, Sequence[int]]:
    """The text of a cell, and the index in the row of each of its characters."""
    start, end = cell
    raw = row[start:end]
    if not raw.startswith('"'):
        return raw, range(start, end + 1)
    inner = raw[1:-1]
    return inner.replace('""', '"'), _offsets(inner, start + 1, _CSV_LETTER if '""' in inner else None)


def _offsets(raw: str, start: int, letter: re.Pattern[str] | None) -> Sequence[int]:
    """The index of each character, and of the end. `letter`: how one is written, if not always as itself."""
    if letter is None:
        return range(start, start + len(raw) + 1)
    return [*(start + found.start() for found in letter.finditer(raw)), start + len(raw)]
