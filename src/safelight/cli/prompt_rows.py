"""The prompts of a file, one a row: lines of text, CSV, or JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from safelight.core.errors import InvalidField
from safelight_client.batch.rows import read_jsonl

from .prompt_checker import FIELD
from .text_input import read_lines

#: The option that names the file.
PARAM = "rows"


@dataclass(frozen=True, kw_only=True)
class PromptRow:
    """A prompt and the line where it begins, or why it was not read."""

    line: int | None = None
    text: str = ""
    problem: str = ""


def read_prompt_rows(file: Path) -> Iterator[PromptRow]:
    """The rows that are not blank, read one by one. What cannot be read is a row with its problem.

    Raises `NotFound`.
    """
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".jsonl": _read_jsonl, ".ndjson": _read_jsonl}
    read = readers.get(file.suffix.lower(), _read_text)
    is_empty = True
    try:
        for row in read(read_lines(file, param=PARAM)):
            if row.problem or row.text.strip():
                is_empty = False
                yield row
    except InvalidField as error:
        # The lines after it cannot be read either.
        yield PromptRow(problem=error.message)
        return
    if is_empty:
        yield PromptRow(problem=f"There is no prompt in {file}.")


def _read_text(lines: Iterator[str]) -> Iterator[PromptRow]:
    for number, line in enumerate(lines, start=1):
        yield PromptRow(line=number, text=line.strip())


def _read_jsonl(lines: Iterator[str]) -> Iterator[PromptRow]:
    for number, line in enumerate(lines, start=1):
        for _, entry in read_jsonl(line):
            found = entry.get(FIELD, entry.get("text")) if isinstance(entry, Mapping) else None
            if isinstance(found, str):
                yield PromptRow(line=number, text=found)
            else:
                problem = entry if isinstance(entry, str) else "The line has no text named prompt or text."
                yield PromptRow(line=number, problem=problem)


def _read_csv(lines: Iterator[str]) -> Iterator[PromptRow]:
    """The cells of the column `prompt`. A table with one column needs no header."""
    first = next(lines, "")
    table = csv.reader(chain([first], lines), delimiter=max(",;\t", key=first.count), strict=True)
    column, columns = 0, 0
    while True:
        began = table.line_num + 1
        try:
            cells = next(table, None)
        except csv.Error as error:
            problem = f"The quotes of this row are broken ({error}); it and all rows after it were not read."
            yield PromptRow(line=began, problem=problem)
            return
        if cells is None:
            return
        if cells and not columns:
            names, columns = [cell.strip().lower() for cell in cells], len(cells)
            if FIELD in names:
                column = names.index(FIELD)
                continue
            if columns != 1:
                yield PromptRow(line=began, problem=f"The header has no column {FIELD}.")
                return
        # With a comma that is not in quotes, a part of the prompt would be read as another cell.
        if any(cell.strip() for cell in cells[columns:]):
            problem = "The row has more cells than the header. Put the prompt in quotes."
            yield PromptRow(line=began, problem=problem)
        elif column < len(cells):
            yield PromptRow(line=began, text=cells[column])
        elif any(cell.strip() for cell in cells):
            yield PromptRow(line=began, problem=f"The row has no cell in the column {FIELD}.")
