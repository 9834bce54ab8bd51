"""Reads files with attempts: JSON lines and CSV. All rows are read before any is stored."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from safelight.core.errors import BadInput, InvalidField, NotFound, TooLarge

from .fields import MAX_ROWS, read_attempt
from .models import NewAttempt

MAX_FILE_BYTES = 256 << 20
#: An exported cell that a spreadsheet would run as a formula begins with an apostrophe.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class AttemptFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


def read_file(path: Path, format_: AttemptFormat | None = None, *, provider: str = "") -> list[NewAttempt]:
    """All attempts of a file. `provider` is used for rows that name none.

    Raises `BadInput` with the line number for the first row that is wrong; then nothing is returned.
    """
    chosen = format_ or _format_of(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TooLarge(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB.")
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"Line {line} is not UTF-8 text.", remedy="Save the file with the encoding UTF-8."
        ) from error
    rows = _json_rows(text) if chosen is AttemptFormat.JSONL else _csv_rows(text)
    found: list[NewAttempt] = []
    for line, row in rows:
        if len(found) >= MAX_ROWS:
            raise TooLarge(f"The file has more than {MAX_ROWS:,} rows.")
        try:
            found.append(read_attempt({**row, "provider": row.get("provider") or provider}))
        except InvalidField as error:
            raise BadInput(f"Line {line}: {error.message}", param=error.param) from error
    return found


def _format_of(path: Path) -> AttemptFormat:
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        return AttemptFormat.JSONL
    for known in AttemptFormat:
        if suffix == f".{known.value}":
            return known
    raise BadInput(
        f"The format of {path.name} is not known.",
        param="format",
        remedy=f"Name it with --format: {', '.join(AttemptFormat)}.",
    )


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not `splitlines`: a JSON string may contain U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"Line {number} is not JSON: {_reason(error)}.") from error
        if not isinstance(row, dict):
            raise BadInput(f"Line {number} is not a JSON object.")
        yield number, row


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if "time" not in header or len(set(header)) != len(header):
            raise BadInput(
                "Line 1 must have the names of the columns, each one once, among them `time`.",
                remedy="See docs/attempts.md for the names.",
            )
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise BadInput(
                    f"Line {reader.line_num} has {len(row)} cells, but the first line names {len(header)}."
                )
            yield reader.line_num, {name: _plain(cell) for name, cell in zip(header, row, strict=True)}
    except csv.Error as error:
        raise BadInput(f"Line {max(reader.line_num, 1)} is not CSV: {error}.") from error


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith(tuple(f"'{start}" for start in FORMULA_STARTS)) else cell


def _reason(error: Exception) -> str:
    return (
        error.msg
        if isinstance(error, json.JSONDecodeError)
        else "it is nested too deeply, or a number is too long"
    )
