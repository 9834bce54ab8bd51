"""Data sets: JSONL files of labelled prompts, identified by their hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from safelight.errors import InvalidField, NotFound

from .protocol import EvalCase

LABELS = ("safe", "unsafe")


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """The labelled prompts of one file, with the file's name and sha256."""

    name: str
    sha256: str
    cases: tuple[EvalCase, ...]


def read(path: Path) -> DataSet:
    """Reads a data set. `text` and `label` are required; `categories`, `source` and `lang` are optional.

    Raises `NotFound`, or `InvalidField`, which names the invalid line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    cases = []
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                cases.append(_case(json.loads(line), path.stem))
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidField(
                    f"{path.name}, line {number}: {type(error).__name__}: {error}",
                    remedy='Example of a line: {"text": "...", "label": "unsafe", "categories": ["hate"]}.',
                ) from error
    if not cases:
        raise InvalidField(f"{path.name} contains no cases.")
    return DataSet(name=path.stem, sha256=hashlib.sha256(data).hexdigest(), cases=tuple(cases))


def _case(row: dict[str, object], name: str) -> EvalCase:
    text, label, categories = row["text"], row["label"], row.get("categories", [])
    if not isinstance(text, str) or label not in LABELS or not isinstance(categories, list):
        raise TypeError("text must be a string, label safe or unsafe, categories a list")
    return EvalCase(
        text=text,
        label=str(label),
        categories=tuple(str(category) for category in categories),
        source=str(row.get("source", name)),
        lang=str(row.get("lang", "und")),
    )
