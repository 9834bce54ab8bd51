"""Reads the body of a new batch, and the limits of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from safelight.core.errors import InvalidField, TooLarge, UnsupportedField
from safelight.videos.batches.models import BatchLimits, BatchRequest
from safelight.web.create_request import require_writable, valid_idempotency_key
from safelight.web.request_body import optional_flag, optional_text
from safelight_client import BatchError
from safelight_client.batch import BatchRow, PlanOptions
from safelight_client.batch.rows import read_csv, read_jsonl, rows_of_entries
from safelight_client.money import micro

#: Rows of one batch. All of them are stored, and later planned, in one transaction.
MAX_ROWS = 2_000
MAX_CONCURRENCY = 64
#: Characters of all rows as JSON. They are stored, and their prompts are compared with each other.
_MAX_SIZE = 8_000_000
#: Characters of the name of a row.
_MAX_NAME = 200
#: Whole numbers that both databases store.
_MAX_NUMBER = 2**31 - 1
_MAX_USD = 1e9
_SOURCES = {"rows", "jsonl", "csv"}
_TEXTS = ("model", "draft_model", "draft_seconds")
_FLAGS = ("two_phase", "send_duplicates")
_LIMITS = ("max_usd", "max_jobs", "concurrency", "max_refusals")

_LIMIT_SCHEMAS: dict[str, Any] = {
    "max_usd": {
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": _MAX_USD,
        "description": "Most US dollars of the batch. Without it: the highest price of the plan.",
    },
    "max_jobs": {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": _MAX_NUMBER,
        "description": "Most videos that are created. Needed if a model has no known price.",
    },
    "concurrency": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_CONCURRENCY},
    "max_refusals": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": _MAX_NUMBER,
        "description": "How many of the first 20 rows may be blocked; at a later block, that many of 50.",
    },
}
_ROW: dict[str, Any] = {"type": "object", "description": "The fields of a create, and `id` as a name."}
BATCH_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "description": "Exactly one of `rows`, `jsonl` and `csv`.",
                "properties": {
                    "rows": {"type": ["array", "null"], "items": _ROW, "maxItems": MAX_ROWS},
                    "jsonl": {"type": ["string", "null"], "description": "JSON Lines."},
                    "csv": {"type": ["string", "null"], "description": "CSV with a header."},
                    **{name: {"type": ["string", "null"]} for name in _TEXTS},
                    **{name: {"type": ["boolean", "null"]} for name in _FLAGS},
                    "run": {
                        "type": ["boolean", "null"],
                        "description": "Run the batch as soon as it is planned; else it waits for `run`.",
                    },
                    **_LIMIT_SCHEMAS,
                },
                "additionalProperties": False,
            }
        }
    },
}
LIMITS_BODY: dict[str, Any] = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": _LIMIT_SCHEMAS, "additionalProperties": False}
        }
    },
}


def read_batch_request(
    fields: Mapping[str, Any], idempotency_key: str | None, *, max_prompt_chars: int
) -> BatchRequest:
    """The requested batch. Raises `InvalidField`, `UnsupportedField` or `TooLarge`."""
    _require_known(fields, {*_SOURCES, *_TEXTS, *_FLAGS, "run", *_LIMITS})
    texts = {name: optional_text(fields, name) or "" for name in _TEXTS}
    for name, text in texts.items():
        require_writable(text, name)
        if len(text) > _MAX_NAME:
            raise InvalidField(f"`{name}` may have at most {_MAX_NAME} characters.", param=name)
    flags = {name: optional_flag(fields, name, default=False) for name in _FLAGS}
    if texts["draft_model"] or texts["draft_seconds"]:
        flags["two_phase"] = True
    limits = {name: value for name, value in fields.items() if name in _LIMITS}
    return BatchRequest(
        rows=_read_rows(fields, max_prompt_chars),
        options=PlanOptions(
            model=texts["model"],
            draft_model=texts["draft_model"],
            draft_seconds=texts["draft_seconds"],
            two_phase=flags["two_phase"],
            send_duplicates=flags["send_duplicates"],
        ),
        limits=read_limits(limits, BatchLimits()),
        run=optional_flag(fields, "run", default=False),
        idempotency_key=valid_idempotency_key(idempotency_key),
    )


def read_limits(fields: Mapping[str, Any], limits: BatchLimits) -> BatchLimits:
    """The limits with those that are given. Raises `InvalidField` or `UnsupportedField`."""
    _require_known(fields, set(_LIMITS))
    most = _number(fields, "max_usd", 0, _MAX_USD)
    if most is not None:
        limits = replace(limits, max_amount=micro(most))
    for name, least, largest in (
        ("max_jobs", 1, _MAX_NUMBER),
        ("concurrency", 1, MAX_CONCURRENCY),
        ("max_refusals", 0, _MAX_NUMBER),
    ):
        number = _number(fields, name, least, largest)
        if number is not None and not number.is_integer():
            raise InvalidField(f"`{name}` must be a whole number.", param=name)
        if number is not None:
            limits = replace(limits, **{name: int(number)})
    return limits


def _number(fields: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most:
        raise InvalidField(f"`{name}` must be a number from {least:g} to {most:g}.", param=name)
    return float(value)


def _require_known(fields: Mapping[str, Any], known: set[str]) -> None:
    for name in sorted(fields.keys() - known):
        raise UnsupportedField(
            f"There is no field `{name[:100]}` here.",
            param=name[:100],
            remedy=f"The fields are: {', '.join(sorted(known))}.",
        )


def _read_rows(fields: Mapping[str, Any], max_prompt_chars: int) -> tuple[BatchRow, ...]:
    given = [name for name in sorted(_SOURCES) if fields.get(name) is not None]
    if len(given) != 1:
        raise InvalidField("Send exactly one of `rows`, `jsonl` and `csv`.", param="rows")
    name, content = given[0], fields[given[0]]
    if name == "rows" and not isinstance(content, list):
        raise InvalidField("`rows` must be a list of objects.", param="rows")
    if name != "rows" and not isinstance(content, str):
        raise InvalidField(f"`{name}` must be a text.", param=name)
    if isinstance(content, str) and len(content) > _MAX_SIZE:
        raise _too_large(name)
    rows, size = [], 0
    try:
        for entry in rows_of_entries(_entries(name, content)):
            # Every row of a CSV text repeats the names of its columns, so the sum may be far above the text.
            size += len(json.dumps([dict(entry.fields), entry.problems]))
            if size > _MAX_SIZE:
                raise _too_large(name)
            rows.append(_storable(entry, max_prompt_chars))
    except BatchError as error:
        raise InvalidField(str(error), param=name) from None
    if not rows:
        raise InvalidField("The batch has no rows.", param=name)
    return tuple(rows)


def _too_large(name: str) -> TooLarge:
    return TooLarge(
        f"The rows of a batch may have at most {_MAX_SIZE:,} characters as JSON.",
        param=name,
        remedy="Send several batches.",
    )


def _entries(name: str, content: Any) -> Iterator[tuple[int, object]]:
    found: Iterator[tuple[int, object]]
    if name == "rows":
        # A text would be taken for the problem of its line.
        found = enumerate((each if isinstance(each, Mapping) else None for each in content), start=1)
    else:
        text = content.removeprefix("\ufeff")
        found = read_jsonl(text) if name == "jsonl" else read_csv(text)
    for count, entry in enumerate(found, start=1):
        if count > MAX_ROWS:
            raise TooLarge(f"A batch on the server may have at most {MAX_ROWS} rows.", param=name)
        yield entry


def _storable(row: BatchRow, max_prompt_chars: int) -> BatchRow:
    """The row; without its fields, and with the problem, if they cannot be stored or are too long."""
    try:
        json.dumps([row.name, row.fields], ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        problem = "The row has a number that is not finite, or a text that is not valid Unicode."
        return replace(row, name="", fields={}, problems=(*row.problems, problem))
    for name in ("prompt", "negative_prompt"):
        text = row.fields.get(name)
        if isinstance(text, str) and len(text) > max_prompt_chars:
            problem = f"`{name}` has {len(text):,} characters; {max_prompt_chars:,} are accepted."
            return replace(row, fields={}, problems=(*row.problems, problem))
    if "\0" in row.name or len(row.name) > _MAX_NAME:
        problem = f"The id of the row has a NUL character or more than {_MAX_NAME} characters."
        return replace(row, name="", problems=(*row.problems, problem))
    return row
