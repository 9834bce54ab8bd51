"""`safelight protected-people`: people whose face or voice must not be imitated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .output import Exit, emit

if TYPE_CHECKING:
    from safelight.trust.consents import ProtectedPerson

app = typer.Typer(no_args_is_help=True, help="Add, list and remove protected people.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    by: Annotated[str, typer.Option("--by", help="The person who decides this.")],
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Images that show only the person.", metavar="[FILE...]")
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option("--recording", help="A recording in which only the person speaks; repeatable."),
    ] = None,
    public_figure: Annotated[
        bool, typer.Option("--public-figure", help="Apply the rules for public figures to a match.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Protect a person: from now on, their face or voice is matched.

    Needs `likeness.enabled` and its declared legal basis; a voice also needs `likeness.voice.model`.
    """
    from safelight.trust.consents import NewProtectedPerson

    container = load_container(ctx)
    added = container.likeness.protected_people.add(
        container.persistence.tenant,
        NewProtectedPerson(
            name=name,
            pictures=pictures or [],
            recordings=recording or [],
            recorded_by=by,
            public_figure=public_figure,
        ),
    )
    emit(_to_json(added), as_json, f"Protected: {_format_line(added)}")
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List the protected people, by name."""
    container = load_container(ctx)
    found = container.likeness.protected_people.list(container.persistence.tenant)
    lines = "\n".join(_format_line(one) for one in found)
    emit({"protected_people": [_to_json(one) for one in found]}, as_json, lines or "No person is protected.")
    return Exit.OK


@app.command()
def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name, or the entry's id.")],
    by: Annotated[str, typer.Option("--by", help="The person who decides this.")],
    as_json: Json = False,
) -> int:
    """Delete a protected person with their templates."""
    container = load_container(ctx)
    removed = container.likeness.protected_people.remove(container.persistence.tenant, name, removed_by=by)
    emit(_to_json(removed), as_json, f"Removed: {removed.name}. Their templates are deleted.")
    return Exit.OK


def _to_json(person: ProtectedPerson) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "public_figure": person.public_figure,
        "recorded_by": person.recorded_by,
        "created_at": person.created_at,
        "templates": person.templates,
        "voices": person.voices,
    }


def _format_line(person: ProtectedPerson) -> str:
    kind = ", public figure" if person.public_figure else ""
    files = f"{person.templates - person.voices} pictures, {person.voices} recordings"
    return f"{person.id}  {person.name}{kind}; {files}; added by {person.recorded_by}"
