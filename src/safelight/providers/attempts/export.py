"""Writes attempts as JSON lines or CSV, in the form that an import reads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .import_files import FORMULA_STARTS

#: The fields of an attempt as JSON, in their order.
ATTEMPT_COLUMNS = (
    *("object", "id", "origin", "reported", "time", "provider", "model", "prompt", "prompt_withheld"),
    *("error", "own_error", "outcome", "stage", "seconds", "size", "file_came", "charged", "amount"),
    *("currency", "source", "refunded", "is_refunded", "request_id", "video_id"),
)
#: What a provider's support asks for about a charge.
CHARGED_COLUMNS = ("time", "provider", "request_id", "prompt", "error", "amount", "currency", "source")


def write_jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A table with these columns. No cell can run as a formula in a spreadsheet."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(row[name]) for name in columns] for row in rows])
    return written.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
