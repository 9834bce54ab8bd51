"""`safelight tenants`: the tenants of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from safelight.core.dates import format_day
from safelight.core.envelopes import list_object

from .operations import Result, command

if TYPE_CHECKING:
    from safelight.app.container import Container

app = typer.Typer(no_args_is_help=True)
# Keeps `list` a subcommand: an app with one command and no callback would have no subcommands.
app.callback()(lambda: None)


@command(app)
def list_(container: Container) -> Result:
    """List tenants, oldest first, with their keys in force and whether anybody can decide their cases."""
    accounts = container.persistence.accounts
    rows: list[dict[str, Any]] = []
    reviewed = accounts.tenants_with_reviewer()
    for one in accounts.list_tenants():
        keys = sum(key.revoked_at is None for key in accounts.list_keys(one.id))
        rows.append(
            {
                "id": one.id,
                "object": "tenant",
                "name": one.name,
                "created_at": int(one.created_at),
                "keys": keys,
                "has_reviewer": one.id in reviewed,
            }
        )
    return Result(list_object(rows), "\n".join(map(_format_line, rows)) or "No tenant exists yet.")


def _format_line(row: dict[str, Any]) -> str:
    reviewer = "" if row["has_reviewer"] else "  no reviewer"
    created = format_day(row["created_at"])
    return f"{row['id']}  {row['name']}  created {created}, {row['keys']} keys{reviewer}"
