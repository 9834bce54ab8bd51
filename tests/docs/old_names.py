"""Checks that no identifier from before the renaming is left.

`python tests/docs/old_names.py` prints what it finds. `old_names.tsv` lists every renamed identifier: its
kind, the module that holds it today (for a symbol), the old name and the new one. CHANGELOG.md and
`safelight.renamed_keys`, which refuses old settings and policies, are exempt.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "safelight"
_EXEMPT = SOURCE / "renamed_keys.py"


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """One row of `old_names.tsv`."""

    kind: str
    module: str
    old: str
    new: str


def read_rows() -> tuple[Renamed, ...]:
    """Every renamed identifier."""
    with (ROOT / "tests" / "docs" / "old_names.tsv").open(encoding="utf-8", newline="") as file:
        return tuple(Renamed(**row) for row in csv.DictReader(file, delimiter="\t"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _defined(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Names bound by the statements of a module or class, with the statement."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from ((name.id, node) for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
        elif isinstance(node, ast.If | ast.Try):
            yield from _defined(node.body)


def _members(node: ast.ClassDef) -> set[str]:
    """Methods, fields and attributes set on `self`."""
    own = {name for name, _ in _defined(node.body)}
    return own | {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }


def symbol_left(row: Renamed, class_names: dict[str, str]) -> bool:
    """Whether a class, function, constant or member still has its old name in its module."""
    path = SOURCE / row.module
    if not path.exists():
        return False
    names = dict(_defined(_tree(path).body))
    owner, _, member = row.old.rpartition(".")
    if not owner:
        return member in names
    for name in {owner, class_names.get(owner, owner)}:
        node = names.get(name)
        if isinstance(node, ast.ClassDef) and member in _members(node):
            return True
    return False


@cache
def _options() -> frozenset[str]:
    """Names of detector and generator options: keys read from `options`, and fields of option classes."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Options", "Spec")):
                found |= _members(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                keys = [node.args[0]] if node.func.attr == "get" and node.args else []
                found |= {key.value for key in keys if _is_key_of_options(node.func.value, key)}
            elif isinstance(node, ast.Subscript) and _is_key_of_options(node.value, node.slice):
                found.add(node.slice.value)
    return frozenset(found)


def _is_key_of_options(owner: ast.expr, key: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and owner.id == "options" and isinstance(key, ast.Constant)


@cache
def _settings() -> frozenset[str]:
    """Dotted keys of every setting."""
    from pydantic import BaseModel

    from safelight.settings import Settings

    def walk(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            yield prefix + name
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                yield from walk(field.annotation, f"{prefix}{name}.")

    return frozenset(walk(Settings, ""))


def setting_left(row: Renamed) -> bool:
    """Whether a settings key still has its old name; `*` stands for any generator or detector."""
    if row.old.startswith(("detectors.", "generators.")):
        return row.old.rsplit(".", 1)[1] in _options()
    return row.old in _settings()


@cache
def _commands() -> dict[str, set[str]]:
    """Every command path with its flags."""
    import typer.main

    from safelight.cli import commands

    found: dict[str, set[str]] = {}

    def walk(command: Any, path: str) -> None:
        found[path] = {option for parameter in command.params for option in parameter.opts}
        for name, child in getattr(command, "commands", {}).items():
            walk(child, f"{path} {name}".strip())

    for name in commands.COMMANDS:
        module = __import__(f"safelight.cli.{name.replace('-', '_')}", fromlist=["app"])
        walk(typer.main.get_command(module.app), name)
    return found


def command_left(row: Renamed) -> bool:
    """Whether a command or one of its flags still has its old name."""
    words = row.old.split()
    flag = words.pop() if words[-1].startswith("--") else None
    path = " ".join(words)
    for command, flags in _commands().items():
        if (path == "*" or command == path or command.startswith(f"{path} ")) and (
            flag is None or flag in flags
        ):
            return True
    return False


def table_left(row: Renamed) -> bool:
    """Whether a table or column still has its old name."""
    from safelight.store.tables import metadata

    table, _, column = row.old.partition(".")
    if not column:
        return table in metadata.tables
    table = next((each.new for each in read_rows() if each.kind == "table" and each.old == table), table)
    return table in metadata.tables and column in metadata.tables[table].c


def detector_left(row: Renamed) -> bool:
    """Whether a detector is still registered under its old name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    registered = project["project"]["entry-points"]["safelight.detectors"]
    return any(name.strip() in registered for name in row.old.split(","))


@cache
def _openapi() -> dict[str, Any]:
    from app import app

    document: dict[str, Any] = app().openapi()
    return document


def field_left(row: Renamed) -> bool:
    """Whether a route, field, state or error code of the HTTP API still has its old name.

    `old` is `route /path`, `error CODE`, `value SCHEMA.FIELD=VALUE` or `field SCHEMA.NAME`.
    """
    what, _, name = row.old.partition(" ")
    document = _openapi()
    if what == "route":
        return name in document["paths"]
    if what == "error":
        from safelight import errors

        return name in json.dumps(document) or name in {
            getattr(each, "code", "") for each in vars(errors).values() if isinstance(each, type)
        }
    schemas = document["components"]["schemas"]
    if what == "value":
        place, _, value = name.partition("=")
        schema, _, field = place.partition(".")
        return value in json.dumps(schemas.get(schema, {}).get("properties", {}).get(field, {}))
    schema, _, field = name.partition(".")
    chosen = schemas.values() if schema == "*" else [schemas.get(schema, {})]
    return any(field in each.get("properties", {}) for each in chosen)


def policy_left(row: Renamed) -> bool:
    """Whether a shipped policy, or code that reads or writes evidence, still uses an old key or value."""
    pattern = re.compile(row.old)
    return any(
        pattern.search(path.read_text(encoding="utf-8"))
        for folder in ("policy/shipped", "policy/cases")
        for path in (SOURCE / folder).rglob("*.*")
    )


def left_over() -> list[str]:
    """One line for each old identifier that still exists."""
    rows = read_rows()
    classes = {row.old: row.new for row in rows if row.kind == "symbol" and "." not in row.old}
    checks = {
        "config": setting_left,
        "cli": command_left,
        "table": table_left,
        "detector": detector_left,
        "api": field_left,
        "policy": policy_left,
        "package": lambda row: (SOURCE / row.old).is_dir(),
        "module": lambda row: (SOURCE / row.old).exists(),
        "file": lambda row: (ROOT / row.old).exists(),
        "symbol": lambda row: symbol_left(row, classes),
    }
    return [
        f"{row.kind} {row.module + ':' if row.module else ''}{row.old} (now {row.new})"
        for row in rows
        if checks[row.kind](row)
    ]


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "docs")]
    found = left_over()
    sys.stdout.write("\n".join(found or ["No old identifier is left."]) + "\n")
    raise SystemExit(bool(found))
