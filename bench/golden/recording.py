"""Recordings: blocks of text in one file per part, and their comparison with a list of allowed changes."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

Blocks = dict[str, str]
_HEAD = "### "
#: SQLite is recorded in full; for PostgreSQL only the blocks that differ from it.
WHOLE = "sqlite"


def write_blocks(path: Path, blocks: Blocks) -> None:
    """Write the blocks; a file without blocks is removed."""
    if not blocks:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{_HEAD}{name}\n{_escaped(body)}\n\n" for name, body in blocks.items())
    path.write_text(text, encoding="utf-8")


def read_blocks(path: Path) -> Blocks:
    """The blocks of a file, in order; none if the file does not exist."""
    if not path.is_file():
        return {}
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith(_HEAD):
            current = found.setdefault(line.removeprefix(_HEAD), [])
        else:
            current.append(line)
    return {name: "\n".join(lines).rstrip("\n") for name, lines in found.items()}


def _escaped(body: str) -> str:
    """The body as it is read again: no trailing spaces, no line that looks like a heading."""
    return "\n".join(_line(line) for line in body.split("\n")).rstrip("\n")


def _line(line: str) -> str:
    stripped = line.rstrip()
    return f"\\{stripped}" if stripped.startswith(_HEAD) else stripped


def read_recording(folder: Path, store: str, part: str) -> Blocks:
    """What is expected of a part on a store."""
    blocks = read_blocks(folder / WHOLE / f"{part}.txt")
    return blocks if store == WHOLE else {**blocks, **read_blocks(folder / store / f"{part}.txt")}


def write_recording(folder: Path, store: str, part: str, blocks: Blocks) -> None:
    """Record a part on a store."""
    blocks = {name: _escaped(body) for name, body in blocks.items()}
    if store != WHOLE:
        whole = read_blocks(folder / WHOLE / f"{part}.txt")
        blocks = {name: body for name, body in blocks.items() if whole.get(name) != body}
    write_blocks(folder / store / f"{part}.txt", blocks)


@dataclass(frozen=True)
class Change:
    """A class of answers that may change, with the reason."""

    part: re.Pattern[str]
    block: re.Pattern[str]
    reason: str
    #: What is not compared in these blocks. None: the order of their lines is not compared.
    pattern: re.Pattern[str] | None = None

    def applied(self, body: str) -> str:
        if self.pattern is None:
            return "\n".join(sorted(line.strip() for line in body.split("\n") if line.strip()))
        return self.pattern.sub("", body)


def read_changes(path: Path) -> list[Change]:
    """The allowed changes. Raises `ValueError` for more than 60."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    if len(rows) > 60:
        raise ValueError(f"{path}: {len(rows)} classes of changes; at most 60")
    return [
        Change(
            part=re.compile(row.get("part", ".*")),
            block=re.compile(row.get("block", "")),
            reason=row["reason"],
            pattern=re.compile(row["pattern"], re.MULTILINE | re.DOTALL) if "pattern" in row else None,
        )
        for row in rows
    ]


def _joined(body: str) -> str:
    """The body without its line breaks: a name of another length breaks a text elsewhere."""
    return " ".join(body.split())


@dataclass
class Comparison:
    """Differences that no entry covers, as diffs, and the number of blocks that each entry covers."""

    equal: int = 0
    uncovered: list[str] = field(default_factory=list)
    covered: Counter[str] = field(default_factory=Counter)

    def add(self, part: str, expected: Blocks, found: Blocks, changes: list[Change]) -> None:
        """Compare the blocks of a part."""
        for name in [*expected, *(name for name in found if name not in expected)]:
            old, new = expected.get(name), found.get(name)
            self._add(
                part, name, None if old is None else old, None if new is None else _escaped(new), changes
            )

    def _add(self, part: str, name: str, old: str | None, new: str | None, changes: list[Change]) -> None:
        if old == new:
            self.equal += 1
            return
        meant = [each for each in changes if each.part.fullmatch(part) and each.block.search(name)]
        left, right = old or "", new or ""
        used = []
        for each in meant:
            changed = each.applied(left), each.applied(right)
            if changed != (left, right):
                used.append(each)
            left, right = changed
            if used and _joined(left) == _joined(right):
                break
        if used and _joined(left) == _joined(right):
            self.covered.update(each.reason for each in used)
            return
        before, after = f"{part}: {name}", f"{part}: {name}{'' if new is not None else ' (gone)'}"
        lines = difflib.unified_diff(left.split("\n"), right.split("\n"), before, after, lineterm="", n=2)
        self.uncovered.append("\n".join(lines))
