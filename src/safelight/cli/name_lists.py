"""`safelight lists`: an operator's own names of people, characters and brands."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.detectors.text.operator_lists import OperatorLists

app = typer.Typer(no_args_is_help=True, help="Import, list and remove names of your own.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
#: Problems of an import that are printed; the rest is counted.
SHOWN = 20


class EntityKindOption(StrEnum):
    LIVING = "living"
    HISTORICAL = "historical"
    CHARACTER = "character"
    BRAND = "brand"


def _lists(ctx: typer.Context) -> OperatorLists:
    from safelight.detectors.text.operator_lists import OperatorLists

    return OperatorLists(load_container(ctx).core.name_lists_folder)


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML as the shipped lists, JSONL, CSV, or one name a line.")],
    name: Annotated[
        str, typer.Option("--name", help="The list to add to; made where there is none.")
    ] = "own",
    kind: Annotated[
        EntityKindOption, typer.Option("--kind", help="What the names are, where the file does not say.")
    ] = EntityKindOption.BRAND,
    as_json: Json = False,
) -> int:
    """Add names to a list of your own. Duplicates and rows that do not hold are counted and left out."""
    from safelight.detectors.text.entities import EntityKind

    began = time.perf_counter()
    done = _lists(ctx).import_file(file, name=name, kind=EntityKind(kind.value))
    payload = {
        "name": done.name,
        "added": done.added,
        "duplicates": done.duplicates,
        "malformed": len(done.problems),
        "problems": list(done.problems[:SHOWN]),
        "total": done.total,
        "seconds": round(time.perf_counter() - began, 3),
    }
    lines = [
        f"{done.name}: {done.added} added, {done.duplicates} known already, {len(done.problems)} left out;"
        f" {done.total} in all. A running gateway sees them within a second.",
        *(f"  {problem}" for problem in done.problems[:SHOWN]),
    ]
    emit(payload, as_json, "\n".join(lines))
    return Exit.ERROR if done.problems and not done.added and not done.duplicates else Exit.OK


@app.command("list")
def list_(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A list, to see its names.")] = None,
    as_json: Json = False,
) -> int:
    """List the lists of your own and how many names each holds, or the names of one."""
    lists = _lists(ctx)
    if name is not None:
        rows = lists.rows(name)
        emit({"name": name, "entries": rows}, as_json, "\n".join(f"{r['kind']:<10} {r['n']}" for r in rows))
        return Exit.OK
    found = [{"name": one, "entries": len(lists.rows(one))} for one in lists.names()]
    lines = [f"{one['entries']:>8}  {one['name']}" for one in found] or ["There are no lists of your own."]
    emit({"folder": str(lists.folder), "lists": found}, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The list.")],
    entry: Annotated[str | None, typer.Option("--entry", help="One name of it. [default: the list]")] = None,
    as_json: Json = False,
) -> int:
    """Take a name, or a whole list, away. A running gateway sees it within a second."""
    gone = _lists(ctx).remove(name, entry)
    emit({"name": name, "entry": entry, "removed": gone}, as_json, f"{name}: {gone} removed.")
    return Exit.OK
