"""`safelight name-lists`: the operator's own names of people, characters and brands."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .commands import load_container
from .operations import Result, command
from .output import Exit

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.detectors.text.operator_lists import OperatorLists

app = typer.Typer(no_args_is_help=True)

#: Number of import problems that are printed; further problems are only counted.
MAX_PRINTED_PROBLEMS = 20


class EntityKindOption(StrEnum):
    LIVING = "living"
    HISTORICAL = "historical"
    CHARACTER = "character"
    BRAND = "brand"


def _open_lists(container: Container) -> OperatorLists:
    from safelight.detectors.text.operator_lists import OperatorLists

    return OperatorLists(container.core.name_lists_folder)


@command(app)
def import_(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="YAML in the format of the bundled lists, JSONL, CSV, or one name per line."),
    ],
    name: Annotated[
        str, typer.Option("--name", help="The list to add to; created if it does not exist.")
    ] = "own",
    kind: Annotated[
        EntityKindOption, typer.Option("--kind", help="Kind of the names if the file does not state it.")
    ] = EntityKindOption.BRAND,
) -> Result:
    """Add names to one of your lists. Duplicates and invalid rows are counted and skipped."""
    from safelight.detectors.text.entities import EntityKind

    began = time.perf_counter()
    done = _open_lists(load_container(ctx)).import_file(file, name=name, kind=EntityKind(kind.value))
    payload = {
        "name": done.name,
        "added": done.added,
        "duplicates": done.duplicates,
        "malformed": len(done.problems),
        "problems": list(done.problems[:MAX_PRINTED_PROBLEMS]),
        "total": done.total,
        "seconds": round(time.perf_counter() - began, 3),
    }
    lines = [
        f"{done.name}: {done.added} added, {done.duplicates} already known, {len(done.problems)} invalid;"
        f" {done.total} in total. A running gateway uses them within a second.",
        *(f"  {problem}" for problem in done.problems[:MAX_PRINTED_PROBLEMS]),
    ]
    return Result(
        payload, lines, Exit.ERROR if done.problems and not done.added and not done.duplicates else Exit.OK
    )


@command(app)
def list_(
    container: Container,
    name: Annotated[str | None, typer.Argument(help="Print the names of this list.")] = None,
) -> Result:
    """List your own lists with their number of names, or the names of one list."""
    lists = _open_lists(container)
    if name is not None:
        rows = lists.rows(name)
        return Result({"name": name, "entries": rows}, (f"{r['kind']:<10} {r['n']}" for r in rows))
    found = [{"name": one, "entries": len(lists.rows(one))} for one in lists.names()]
    lines = [f"{one['entries']:>8}  {one['name']}" for one in found] or ["You have no name lists."]
    return Result({"folder": str(lists.folder), "lists": found}, lines)


@command(app)
def remove(
    container: Container,
    name: Annotated[str, typer.Argument(help="The list's name.")],
    entry: Annotated[
        str | None, typer.Option("--entry", help="Remove only this name. [default: the whole list]")
    ] = None,
) -> Result:
    """Remove a list or one of its names. A running gateway stops using it within a second."""
    removed = _open_lists(container).remove(name, entry)
    return Result({"name": name, "entry": entry, "removed": removed}, f"{name}: {removed} removed.")
