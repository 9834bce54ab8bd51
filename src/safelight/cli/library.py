"""`safelight library`: prompts whose videos were delivered, to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.envelopes import deleted_object, list_object

from .commands import load_container
from .key_owner import acting_principal
from .language import texts
from .operations import Result, command
from .output import Exit, emit, printable
from .text_input import read_text

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.core.i18n import Messages
    from safelight.videos.library import EntryImport, EntryQuery, ImportedEntry, LibraryEntry

app = typer.Typer(no_args_is_help=True)

Category = Annotated[str | None, typer.Option("--category", help="Only this category.")]
Marked = Annotated[
    bool, typer.Option("--needs-validation", help="Only entries that need to be validated again.")
]


@command(app)
def list_(container: Container, category: Category = None, marked: Marked = False) -> Result:
    """List the newest entries."""
    from safelight.videos.library import MAX_RESULTS, EntryQuery

    query = EntryQuery(category=category, needs_validation=marked, limit=MAX_RESULTS)
    return _search(container, query)


@command(app)
def search(
    container: Container,
    words: Annotated[str, typer.Argument(help="Words of the prompt, in any language.")],
    category: Category = None,
    marked: Marked = False,
) -> Result:
    """Find the entries that fit best."""
    from safelight.videos.library import EntryQuery

    query = EntryQuery(words=words, category=category, needs_validation=marked)
    return _search(container, query)


@command(app)
def add(
    container: Container,
    video: Annotated[str, typer.Argument(help="The id of a delivered video with the verdict allow.")],
    category: Annotated[str, typer.Option("--category", help="A category, such as landscape.")],
    notes: Annotated[str, typer.Option("--notes", help="What a colleague should know.")] = "",
    variation_of: Annotated[
        str | None, typer.Option("--variation-of", help="The id of the entry that this prompt varies.")
    ] = None,
) -> Result:
    """Add the prompt of a delivered video."""
    from safelight.videos.library import NewEntry, entry_object

    new = NewEntry(video_id=video, category=category, notes=notes, variation_of=variation_of)
    added = container.library.add(acting_principal(container, use_key=False), new)
    return Result(entry_object(added), _format(added))


@command(app)
def remove(
    container: Container,
    entry: Annotated[str, typer.Argument(help="The entry's id.")],
) -> Result:
    """Remove an entry. Its videos stay."""
    container.library.remove(acting_principal(container, use_key=False), entry)
    return Result(deleted_object(entry, "library.entry"), _texts()("entry.removed"))


@command(app)
def import_(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="An export, or a file of JSON lines.", exists=True, dir_okay=False)
    ],
) -> Result:
    """Import prompts. Each is checked like a new prompt. Exit code 1: at least one was not added."""
    from safelight.core.errors import SafelightError
    from safelight.videos.library import MAX_IMPORTED_ENTRIES, EntryImport, ImportOutcome, import_object

    entries = _read_entries(file)
    container = load_container(ctx)
    principal, library = acting_principal(container, use_key=False), container.library
    results: list[EntryImport] = []
    for start in range(0, len(entries), MAX_IMPORTED_ENTRIES):
        try:
            part = library.import_entries(principal, entries[start : start + MAX_IMPORTED_ENTRIES])
        except SafelightError as error:
            if not results:
                raise
            # What the earlier parts added stays, so it is reported.
            results += [
                EntryImport(number=number, outcome=ImportOutcome.NOT_CHECKED, reason=str(error))
                for number in range(start + 1, len(entries) + 1)
            ]
            break
        results += [_renumber(each, start) for each in part]
    fine = {ImportOutcome.ADDED, ImportOutcome.KNOWN}
    code = Exit.OK if all(each.outcome in fine for each in results) else Exit.ERROR
    return Result(import_object(results), _format_import(results), code)


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write. [default: the standard output]")
    ] = None,
) -> int:
    """Write all entries as JSON, to import them elsewhere."""
    from safelight.core.fileio import write_atomic
    from safelight.videos.library import entry_object

    container = load_container(ctx)
    found = container.library.export(acting_principal(container, use_key=False))
    payload = list_object(map(entry_object, found))
    if out is None:
        emit(payload, True, "")
    else:
        write_atomic(out, json.dumps(payload, ensure_ascii=False, indent=2).encode())
        emit(payload, False, _texts()("entry.exported", count=len(found), path=out))
    return Exit.OK


def _search(container: Container, query: EntryQuery) -> Result:
    from safelight.videos.library import entry_object

    found = container.library.search(acting_principal(container, use_key=False), query)
    lines = "\n".join(_format(each) for each in found.items)
    payload = list_object(map(entry_object, found.items), has_more=found.has_more)
    return Result(payload, lines or _texts()("entry.none"))


def _read_entries(file: Path) -> list[ImportedEntry]:
    """The entries of an export, a JSON list, or JSON lines. Raises `InvalidField`."""
    from safelight.core.errors import InvalidField
    from safelight.videos.library import read_imported

    text = read_text(file, param="file")
    listed: Any
    try:
        whole = json.loads(text)
        listed = whole.get("data", [whole]) if isinstance(whole, dict) else whole
    except ValueError:
        listed = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                listed += [json.loads(line)] if line.strip() else []
            except ValueError:
                raise InvalidField(f"Line {number} of {file} is not JSON.", param="file") from None
    if not isinstance(listed, list) or not listed:
        raise InvalidField(f"{file} has no entries.", param="file")
    return [read_imported(value, number) for number, value in enumerate(listed, start=1)]


def _renumber(result: EntryImport, start: int) -> EntryImport:
    from dataclasses import replace

    return replace(result, number=result.number + start)


def _texts() -> Messages:
    return texts("prompts")


def _format(entry: LibraryEntry) -> str:
    t = _texts()
    status = t(f"entry.status.{entry.status.value}")
    lines = [
        f"{entry.id}  {printable(entry.category)}  {status}",
        f"  {printable(entry.prompt)}",
    ]
    if entry.notes:
        lines.append(f"  {printable(entry.notes)}")
    return "\n".join(lines)


def _format_import(results: list[EntryImport]) -> str:
    t = _texts()
    lines = [t("import.added", count=sum(each.outcome.value == "added" for each in results))]
    for each in results:
        if each.outcome.value != "added":
            outcome = t(f"import.{each.outcome.value}")
            lines.append(f"  {each.number}: {outcome} {printable(each.reason)}".rstrip())
    return "\n".join(lines)
