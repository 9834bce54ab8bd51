"""Data sets: JSONL files of prompts with labels or expectations, identified by their hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, NotFound
from safelight.policy.verdicts import Action
from safelight_lab.evaluation.protocol import EvalCase

LABELS = ("safe", "unsafe")
_EXAMPLE = (
    'Example of a line: {"id": "en-1", "text": "...", "lang": "en", "expect": "hold|block", '
    '"categories": ["hate"], "help_ok": false}. Only `text` is required.'
)


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """The prompts of one file, with the file's name and sha256."""

    name: str
    sha256: str
    cases: tuple[EvalCase, ...]


def read(path: Path) -> DataSet:
    """Reads a data set. Only `text` is required in a line.

    Raises `NotFound`, or `InvalidField`, which names the invalid line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    cases: dict[str, EvalCase] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                case = read_case(read_object(line), path.stem, number)
                if case.id in cases:
                    raise ValueError(f"the id {case.id!r} is already used in an earlier line")
            except ValueError as error:
                raise InvalidField(f"{path.name}, line {number}: {error}.", remedy=_EXAMPLE) from error
            cases[case.id] = case
    if not cases:
        raise InvalidField(f"{path.name} contains no prompts.", remedy=_EXAMPLE)
    return DataSet(name=path.stem, sha256=hashlib.sha256(data).hexdigest(), cases=tuple(cases.values()))


def read_object(line: bytes) -> dict[str, Any]:
    """One line as a JSON object. Raises `ValueError`, which says what is wrong."""
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON at column {error.colno}: {error.msg}") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object in braces")
    return row


def read_case(row: dict[str, Any], name: str, number: int) -> EvalCase:
    """The case of line `number` of the set `name`. Raises `ValueError`, which says what is wrong."""
    text = _read_string(row, "text", "")
    if not text.strip():
        raise ValueError("`text` is missing or empty")
    categories = row.get("categories") or []
    if not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
        raise ValueError('`categories` must be a list of strings, for example ["hate"]')
    help_ok = row.get("help_ok")
    if help_ok is not None and not isinstance(help_ok, bool):
        raise ValueError(f"`help_ok` is {help_ok!r}; it must be true or false")
    expect = _read_actions(_read_string(row, "expect", ""))
    return EvalCase(
        text=text,
        label=_read_label(row, expect),
        categories=tuple(categories),
        source=_read_string(row, "source", name),
        lang=_read_string(row, "lang", "und"),
        id=_read_string(row, "id", f"{name}:{number}"),
        kind=_read_string(row, "kind", "") or _read_string(row, "act", ""),
        group=_read_string(row, "group", ""),
        fine=_read_string(row, "fine", ""),
        expect=expect,
        help_ok=help_ok,
    )


def _read_string(row: dict[str, Any], key: str, default: str) -> str:
    value = row.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise ValueError(f"`{key}` must be a string")
    return value


def _read_actions(written: str) -> frozenset[Action]:
    try:
        return frozenset(Action(part.strip()) for part in written.split("|") if written)
    except ValueError:
        raise ValueError(
            f"`expect` is {written!r}; write allow, label, hold or block, or several separated by |"
        ) from None


def _read_label(row: dict[str, Any], expect: frozenset[Action]) -> str:
    """The label, or the label that the expected actions imply; empty if neither is given."""
    label = row.get("label")
    if label is not None:
        if label not in LABELS:
            raise ValueError(f"`label` is {label!r}; write safe or unsafe")
        return str(label)
    if not expect:
        return ""
    return "unsafe" if all(action.severity >= Action.HOLD.severity for action in expect) else "safe"
