"""The pages of the documentation, taken apart: tables, code blocks, links, headings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ \t]*$", re.M | re.S)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_INLINE = re.compile(r"(?<!`)`(?P<code>[^`\n]+)`(?!`)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced code block: `info` is what stands behind the fence."""

    page: Path
    info: str
    body: str
    line: int

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def file_name(self) -> str:
        """The name behind the language, as in "python mascot.py"; empty where there is none."""
        return self.info.partition(" ")[2].strip()


def pages() -> list[Path]:
    """Every page a reader of the repository meets."""
    return sorted(page for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md")) if page.is_file())


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    text = read(page)
    return [
        Block(
            page=page,
            info=found["info"].strip(),
            body=re.sub(f"^{found['indent']}", "", found["body"], flags=re.M),
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", read(page))


def inline_code(page: Path) -> list[str]:
    return [found["code"] for found in _INLINE.finditer(prose(page))]


def links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return [found["target"] for found in _LINK.finditer(text)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual sites make them."""
    found: set[str] = set()
    for line in prose(page).splitlines():
        if match := re.match(r"#{1,6} (.+)", line):
            words = re.sub(r"[^\w\- ]", "", match[1].replace("`", "").lower())
            found.add(words.strip().replace(" ", "-"))
    return found


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Every table: its rows of cells, the heading first."""
    rows: list[list[str]] = []
    for line in [*prose(page).splitlines(), ""]:
        if line.startswith("|"):
            # A bar inside code is written \| and stays one cell.
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            rows.append([cell.strip().replace("\\|", "|") for cell in cells])
        elif rows:
            yield [row for number, row in enumerate(rows) if number != 1]
            rows = []


def table(page: Path, *heading: str) -> list[dict[str, str]]:
    """The rows of the tables with exactly this heading, each by its column."""
    found = [
        dict(zip(heading, row, strict=True))
        for rows in tables(page)
        if rows[0] == list(heading)
        for row in rows[1:]
    ]
    if not found:
        raise AssertionError(f"{name_of(page)} has no table {heading}")
    return found


def codes(cell: str) -> list[str]:
    """The texts in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


@cache
def code() -> tuple[ast.Module, ...]:
    """Every module of the gateway and of the storyboard, parsed."""
    sources = (ROOT / "src" / "safelight", ROOT / "packages" / "storyboard" / "src")
    files = sorted(file for source in sources for file in source.rglob("*.py"))
    return tuple(ast.parse(file.read_text("utf-8")) for file in files)
