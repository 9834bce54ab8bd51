"""Tests over rows of JSONL.

The rows of `tests/unit/policy/test_decisions.py` are in `tests/data/rows/unit/policy/decisions.jsonl`, and
those of `packages/lab/tests/test_cells.py` in `packages/lab/tests/data/rows/cells.jsonl`.
A row has the name of its test, without `test_`, and the arguments that the test expects.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

TESTS = Path(__file__).resolve().parents[1]


@cache
def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows_of(module: str, test: str) -> list[dict[str, Any]]:
    """The rows of a test in this file."""
    path = Path(module).resolve()
    tests = next(folder for folder in path.parents if folder.name == "tests")
    rows = tests / "data" / "rows" / path.relative_to(tests).parent
    file = rows / f"{path.stem.removeprefix('test_')}.jsonl"
    return [
        {name: value for name, value in row.items() if name != "test"}
        for row in read_rows(file)
        if row["test"] == test
    ]


def each_row(test: Callable[..., None]) -> Callable[..., None]:
    """The test with each of its rows as arguments, of the types that it declares.

    It reports every row that fails. Fixtures are the same for all rows.
    """
    rows = rows_of(test.__code__.co_filename, test.__name__.removeprefix("test_"))
    if not rows:
        raise LookupError(f"{test.__name__} has no rows.")
    names = {name for row in rows for name in row}
    signature = inspect.signature(test)

    @wraps(test)
    def test_rows(**fixtures: Any) -> None:
        types = get_type_hints(test)
        failed = []
        for row in rows:
            arguments = {
                name: value if types[name] in (object, Any) else msgspec.convert(value, types[name])
                for name, value in row.items()
            }
            try:
                test(**arguments, **fixtures)
            except (Exception, pytest.fail.Exception) as error:
                failed.append(f"{json.dumps(row, ensure_ascii=False)}\n{type(error).__name__}: {error}")
        if failed:
            pytest.fail(f"{len(failed)} of {len(rows)} rows fail:\n\n" + "\n\n".join(failed), pytrace=False)

    test_rows.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[one for name, one in signature.parameters.items() if name not in names]
    )
    return test_rows
