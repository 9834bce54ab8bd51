"""`safelight tenants`: the tenants of the installation."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from safelight.core.envelopes import list_object

from .commands import load_container
from .output import Exit, emit, format_day

app = typer.Typer(no_args_is_help=True)
# Keeps `list` a subcommand: an app with one command and no callback would have no subcommands.
app.callback()(lambda: None)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List tenants, oldest first, with their keys in force and whether anybody can decide their cases."""
    accounts = load_container(ctx).persistence.accounts
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
    emit(list_object(rows), as_json, "\n".join(map(_format_line, rows)) or "No tenant exists yet.")
    return Exit.OK


def _format_line(row: dict[str, Any]) -> str:
    reviewer = "" if row["has_reviewer"] else "  no reviewer"
    created = format_day(row["created_at"])
    return f"{row['id']}  {row['name']}  created {created}, {row['keys']} keys{reviewer}"
