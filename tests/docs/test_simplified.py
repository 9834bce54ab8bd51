"""The Simplified Chinese catalogues are what the conversion writes."""

from __future__ import annotations

import re

import pages
import pytest
import simplified

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(simplified.LOCALES.glob("*.zh-Hant.yaml"))]


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(path, text, id=path.stem) for path, text in simplified.catalogues()]
)
def test_the_file_is_up_to_date(path: simplified.Path, text: str) -> None:
    assert pages.read(path) == text, (
        f"{path.name} is behind its Traditional source: python tests/docs/generated.py"
    )


@pytest.mark.parametrize("text", SOURCES)
def test_the_conversion_changes_only_chinese(text: str) -> None:
    """Placeholders, markup, code and names stay."""
    latin = re.compile("[!-~]+")
    assert latin.findall(simplified.simplify(text)) == latin.findall(text)


def test_every_entry_of_the_table_is_used() -> None:
    """A sentence that was edited is written by hand again, or its entry goes."""
    whole = "\n".join(SOURCES)
    assert [entry for part in simplified.TABLE.values() for entry in part if entry not in whole] == []
