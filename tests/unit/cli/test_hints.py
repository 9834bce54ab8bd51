"""Every hint of the command line and of a missing detector leads to a command, package or section."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from typer.main import get_command

from safelight.cli.commands import COMMANDS

ROOT = Path(__file__).parents[3]
SOURCES = sorted(
    path for folder in ("cli", "detectors") for path in (ROOT / "src/safelight" / folder).rglob("*.py")
)
COMMAND = re.compile(
    r"(?:[Rr]un|[Ss]ee|[Ll]ist|[Ii]nstall it|Create one|List them):? safelight ([a-z-]+)(?: ([a-z-]+))?"
)
SECTION = re.compile(r"(docs/[\w/-]+\.md)(?:#([\w-]+))?")
EXTRA = re.compile(r"safelight\[([a-z-]+)\]")


def strings() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value


HINTS = {
    (name, *found.groups())
    for name, text in strings()
    for pattern in (COMMAND, SECTION, EXTRA)
    for found in pattern.finditer(text)
}


def leads_somewhere(first: str, *rest: str | None) -> bool:
    if first.startswith("docs/"):
        page = ROOT / first
        return page.is_file() and (not rest[0] or rest[0] in anchors(page))
    if rest:
        if first not in COMMANDS:
            return False
        command = get_command(importlib.import_module(f"safelight.cli.{first.replace('-', '_')}").app)
        subcommands = getattr(command, "commands", {})
        return not subcommands or rest[0] is None or rest[0] in subcommands
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return first in project["optional-dependencies"]


def test_a_hint_leads_to_something_that_exists() -> None:
    assert len(HINTS) > 20
    assert [hint for hint in HINTS if not leads_somewhere(*hint[1:])] == []


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
