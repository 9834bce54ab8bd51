from __future__ import annotations

from pathlib import Path

import pytest

from safelight.detectors.text.compiled_lists import load_compiled
from safelight.detectors.text.lists import ListEntry, read_list

LIST = "group: g\nentries: [{category: hate, score: 0.5, reason: r, terms: [word ... other]}]"


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def load(text: str, parsed: list[str]) -> tuple[ListEntry, ...]:
    def parse() -> tuple[ListEntry, ...]:
        parsed.append(text)
        return read_list(text)

    return load_compiled("test", (text,), parse, tuple[ListEntry, ...])


def test_a_list_is_parsed_once_until_its_text_changes() -> None:
    parsed: list[str] = []
    assert load(LIST, parsed) == load(LIST, parsed) == read_list(LIST)
    assert len(parsed) == 1
    assert load(LIST.replace("word", "term"), parsed)[0].terms == (("term", "other"),)
    assert len(parsed) == 2


def test_a_damaged_or_unwritable_cache_is_replaced_by_the_parsed_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parsed: list[str] = []
    load(LIST, parsed)
    (stored,) = (tmp_path / "safelight").iterdir()
    stored.write_bytes(b"damaged")
    assert load(LIST, parsed) == read_list(LIST)
    monkeypatch.setenv("XDG_CACHE_HOME", str(stored))
    assert load(LIST, parsed) == read_list(LIST)
    assert len(parsed) == 3
