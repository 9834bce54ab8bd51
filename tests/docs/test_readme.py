"""The first screen of the README in three languages: its commands run and print the shown output."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pages
import pytest

from safelight.cli import main

READMES = [pages.ROOT / name for name in ("README.md", "README.zh-Hant.md", "README.zh-Hans.md")]
ENGLISH = READMES[0]
SCREEN = 75

each = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)


def spoken(readme: Path) -> list[tuple[str, str]]:
    """Commands of Safelight's that a page shows with the first line of what they print."""
    found = []
    for block in pages.blocks(readme):
        lines = block.body.splitlines()
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith("$ safelight ") and after and not after.startswith("$ "):
                found.append((line.removeprefix("$ "), after))
    return found


@each
def test_the_output_on_the_first_screen_is_real(
    readme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = spoken(readme)
    assert {line.split()[1] for line, _ in shown} == {"explain-error", "check"}
    for line, printed in shown:
        main(shlex.split(line)[1:])
        assert capsys.readouterr().out.splitlines()[0] == printed, line


def test_the_first_screen_has_its_sections_in_sequence() -> None:
    screen = "\n".join(pages.read(ENGLISH).splitlines()[:SCREEN])
    wanted = (
        "## Blocked without an explanation?",
        "## Running Wan on vLLM-Omni?",
        "safelight serve --upstream",
        "## What is checked",
        "never claimed",
        "$ make run",
        "$ make test",
    )
    places = [screen.find(words) for words in wanted]
    assert -1 not in places, dict(zip(wanted, places, strict=True))
    assert places == sorted(places)


@each
def test_every_language_has_the_same_content_and_links_to_the_others(readme: Path) -> None:
    first = [block.body for block in pages.blocks(ENGLISH)][: len(pages.blocks(readme))]
    assert [block.body for block in pages.blocks(readme)] == first
    links = set(pages.links(readme))
    assert {other.name for other in READMES if other != readme} <= links


@pytest.mark.parametrize(
    ("readme", "wanted", "others"), [(READMES[1], "影片", "视频"), (READMES[2], "视频", "影片")]
)
def test_each_chinese_page_has_its_own_word_for_video(readme: Path, wanted: str, others: str) -> None:
    prose = re.sub(r"\[[^\]]*\]\([^)]*\)", "", pages.prose(readme))
    assert wanted in prose
    assert others not in prose
