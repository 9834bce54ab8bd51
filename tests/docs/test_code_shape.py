"""Limits on the shape of modules."""

from __future__ import annotations

import pages

SOURCE = pages.ROOT / "src" / "safelight"
MAX_FILE_LINES = 900


def test_no_module_is_longer_than_the_limit() -> None:
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_module_has_a_name_without_meaning() -> None:
    empty = {"util", "utils", "helper", "helpers", "misc", "common"}
    names = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py")]
    assert [str(name) for name in names if empty & set(name.with_suffix("").parts)] == []
