"""`safelight protected-people`: people whose face must not be imitated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.envelopes import deleted_object

from .keys import DecidedBy
from .operations import Result, command

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.consents import ProtectedPerson

app = typer.Typer(no_args_is_help=True)


@command(app)
def add(
    container: Container,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    by: DecidedBy,
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Images that show only the person.", metavar="[FILE...]")
    ] = None,
    *,
    public_figure: Annotated[
        bool, typer.Option("--public-figure", help="Apply the rules for public figures to a match.")
    ] = False,
) -> Result:
    """Protect a person: from now on, their face is matched.

    Needs `likeness.enabled` and its declared legal basis.
    """
    from safelight.consents import NewProtectedPerson

    from .views import show_protected_person

    new = NewProtectedPerson(
        name=name,
        pictures=pictures or [],
        recorded_by=by,
        public_figure=public_figure,
    )
    added = container.likeness.protected_people.add(container.persistence.tenant, new)
    return Result(show_protected_person(added), f"Protected: {_format_line(added)}")


@command(app)
def list_(container: Container) -> Result:
    """List the protected people, by name."""
    from .views import show_protected_person

    found = container.likeness.protected_people.list(container.persistence.tenant)
    lines = "\n".join(map(_format_line, found))
    return Result(list(map(show_protected_person, found)), lines or "No person is protected.")


@command(app)
def remove(
    container: Container,
    name: Annotated[str, typer.Argument(help="The person's name, or the entry's id.")],
    by: DecidedBy,
) -> Result:
    """Delete a protected person with their templates."""
    removed = container.likeness.protected_people.remove(container.persistence.tenant, name, removed_by=by)
    text = f"Removed: {removed.name}. Their templates are deleted."
    return Result(deleted_object(removed.id, "protected_person"), text)


def _format_line(person: ProtectedPerson) -> str:
    kind = ", public figure" if person.public_figure else ""
    return f"{person.id}  {person.name}{kind}; {person.templates} pictures; added by {person.recorded_by}"
