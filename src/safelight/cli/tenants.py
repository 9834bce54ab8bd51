"""`safelight tenants`: the tenants of the installation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.envelopes import list_object

from .commands import load_container
from .keys import find_tenant
from .output import Exit, emit, format_day

if TYPE_CHECKING:
    from safelight.accounts import Principal, Tenant

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wanted = Annotated[str, typer.Argument(help="The tenant's id or name.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List tenants, oldest first, with their keys in force and whether anybody can decide their cases."""
    from safelight.accounts.models import tenant_object

    accounts = load_container(ctx).persistence.accounts
    rows: list[dict[str, Any]] = []
    listed = accounts.list_tenants()
    reviewed = accounts.managed.with_reviewer(listed)
    for one in listed:
        keys = sum(key.revoked_at is None for key in accounts.list_keys(one.id))
        more = {"managed_by": one.managed_by, "keys": keys, "has_reviewer": one.id in reviewed}
        rows.append({**tenant_object(one), **more})
    emit(list_object(rows), as_json, "\n".join(map(_format_line, rows)) or "No tenant exists yet.")
    return Exit.OK


@app.command()
def close(
    ctx: typer.Context,
    tenant: Wanted,
    reason: Annotated[str, typer.Option("--reason", help="Why. The applicant reads it.")],
    as_json: Json = False,
) -> int:
    """Revoke all keys of a managed tenant. It gets no new ones, and its data stays."""
    from safelight.accounts.models import tenant_object

    from .demo import operator

    container = load_container(ctx)
    accounts = container.persistence.accounts
    wanted = find_tenant(accounts, tenant)
    closed = accounts.managed.close(_manager_of(wanted, operator(container)), wanted.id, reason=reason)
    emit(tenant_object(closed), as_json, f"Closed: {closed.id} ({closed.name}). Its data stays.")
    return Exit.OK


@app.command()
def reopen(ctx: typer.Context, tenant: Wanted, as_json: Json = False) -> int:
    """Let a closed tenant get keys again. Its old keys stay revoked."""
    from safelight.accounts.models import tenant_object

    from .demo import operator

    container = load_container(ctx)
    accounts = container.persistence.accounts
    wanted = find_tenant(accounts, tenant)
    opened = accounts.managed.reopen(_manager_of(wanted, operator(container)), wanted.id)
    line = f"Open: {opened.id} ({opened.name}). A new key: safelight keys create NAME --tenant {opened.id}"
    emit(tenant_object(opened), as_json, line)
    return Exit.OK


def _manager_of(wanted: Tenant, who: Principal) -> Principal:
    """The person at the terminal in the tenant that manages this one."""
    return who if wanted.managed_by is None else replace(who, tenant=wanted.managed_by)


def _format_line(row: dict[str, Any]) -> str:
    state = f"closed {format_day(row['closed_at'])}" if row["closed_at"] else f"{row['keys']} keys"
    manager = f"  managed by {row['managed_by']}" if row["managed_by"] else ""
    reviewer = "" if row["has_reviewer"] else "  no reviewer"
    return f"{row['id']}  {row['name']}  created {format_day(row['created_at'])}, {state}{manager}{reviewer}"
