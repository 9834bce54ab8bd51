"""`safelight gallery`: people who are protected from being shown or heard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.trust.consents import Protected

app = typer.Typer(no_args_is_help=True, help="Add, list and remove protected people.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    who: Annotated[str, typer.Option("--who", help="The person who decides this.")],
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Pictures of the person alone.", metavar="[FILE...]")
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option("--recording", help="A recording of the person speaking alone; repeat for more."),
    ] = None,
    public_figure: Annotated[
        bool, typer.Option("--public-figure", help="Rules on public figures apply to a match.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Look for somebody's face or voice from now on. Needs `likeness.enabled` and its declared legal basis;
    a voice needs `likeness.voice.model`, too."""
    container = load_container(ctx)
    added = container.likeness.protected_people.add(
        container.persistence.tenant,
        name=name,
        pictures=pictures or [],
        recordings=recording or [],
        who=who,
        public_figure=public_figure,
    )
    emit(_payload(added), as_json, f"Protected: {_line(added)}")
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List everybody who is protected, by name."""
    container = load_container(ctx)
    found = container.likeness.protected_people.list(container.persistence.tenant)
    lines = "\n".join(_line(one) for one in found)
    emit({"gallery": [_payload(one) for one in found]}, as_json, lines or "Nobody is in the gallery.")
    return Exit.OK


@app.command()
def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name, or the entry's id.")],
    who: Annotated[str, typer.Option("--who", help="The person who decides this.")],
    as_json: Json = False,
) -> int:
    """Delete somebody's entry, and their templates."""
    container = load_container(ctx)
    gone = container.likeness.protected_people.remove(container.persistence.tenant, name, who=who)
    emit(_payload(gone), as_json, f"Removed: {gone.name}. Their templates are deleted.")
    return Exit.OK


def _payload(person: Protected) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "public_figure": person.public_figure,
        "who": person.recorded_by,
        "created_at": person.created_at,
        "templates": person.templates,
        "voices": person.voices,
    }


def _line(person: Protected) -> str:
    kind = ", public figure" if person.public_figure else ""
    files = f"{person.templates - person.voices} pictures, {person.voices} recordings"
    return f"{person.id}  {person.name}{kind}; {files}; added by {person.recorded_by}"
