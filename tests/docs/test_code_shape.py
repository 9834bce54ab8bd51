"""Limits on the size and the names of modules."""

from __future__ import annotations

import tomllib

import pages
import pytest
from bench.code_size import measure, measure_folder

SOURCE = pages.ROOT / "src" / "safelight"
SOURCES = (SOURCE, pages.ROOT / "packages" / "storyboard" / "src")
MAX_FILE_LINES = 900


def test_no_module_is_longer_than_the_limit() -> None:
    lengths = {
        str(path.relative_to(pages.ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for source in SOURCES
        for path in source.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_module_has_a_name_without_meaning() -> None:
    empty = {"util", "utils", "helper", "helpers", "misc", "common"}
    names = [path.relative_to(source) for source in SOURCES for path in source.rglob("*.py")]
    assert [str(name) for name in names if empty & set(name.with_suffix("").parts)] == []


def test_the_code_is_not_larger_than_the_ceiling() -> None:
    """The ceiling in pyproject.toml is raised only together with the reason, in the commit message."""
    project = tomllib.loads(pages.read(pages.ROOT / "pyproject.toml"))
    size = sum(package["tokens"] for package in measure_folder(SOURCE).values())
    assert size <= project["tool"]["safelight"]["max_tokens_of_src"]


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ("x = 1\n", 3),
        ("# why\nx = 1  # this\n\n", 3),
        ('"""A module."""\nx = 1\n', 3),
        ('def f():\n    """A docstring."""\n    return "text"\n', 7),
    ],
)
def test_tokens_do_not_count_comments_docstrings_and_blank_lines(source: str, tokens: int) -> None:
    assert measure(source)["tokens"] == tokens
