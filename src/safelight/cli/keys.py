"""`safelight keys`: API keys, which tenant they are for, and the roots of the signing keys."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import BadInput, NotFound

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.trust.accounts import Accounts, KeyRecord, KeyScope, Tenant

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
WhichTenant = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id or name; needed where there are several.")
]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for, such as an application's name.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do; repeat for more. [default: videos and checks]"),
    ] = None,
    tenant: WhichTenant = None,
    new_tenant: Annotated[
        str | None, typer.Option("--new-tenant", help="Make a tenant of this name for the key.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Make a key and print it once: it is kept nowhere and cannot be shown again."""
    accounts = load_container(ctx).persistence.accounts
    scopes = _scopes(scope or ["videos:read", "videos:write", "checks"])
    owner = accounts.create_tenant(new_tenant) if new_tenant else _tenant(accounts, tenant, make=True)
    record, token = accounts.create_key(owner.id, name, scopes)
    payload = {**_payload(record, owner), "token": token}
    emit(payload, as_json, f"{token}\n\nKey {record.id} for “{owner.name}”. It is not shown again.")
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, tenant: WhichTenant = None, as_json: Json = False) -> int:
    """List keys, oldest first, the revoked ones too; never the keys themselves."""
    accounts = load_container(ctx).persistence.accounts
    owners = (_find_tenant(accounts, tenant),) if tenant else accounts.list_tenants()
    found = [(record, owner) for owner in owners for record in accounts.list_keys(owner.id)]
    payload = {"keys": [_to_json(record, owner) for record, owner in found]}
    lines = [_format_line(record, owner) for record, owner in found]
    emit(payload, as_json, "\n".join(lines) or "No keys exist. Create one: safelight keys create NAME")
    return Exit.OK


@app.command()
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, key_...")],
    as_json: Json = False,
) -> int:
    """End a key. A running gateway stops believing it within seconds."""
    accounts = load_container(ctx).persistence.accounts
    for owner in accounts.list_tenants():
        if any(record.id == key for record in accounts.list_keys(owner.id)):
            record = accounts.revoke_key(owner.id, key)
            emit(_to_json(record, owner), as_json, f"Revoked: {_format_line(record, owner)}")
            return Exit.OK
    raise NotFound(f"There is no key {key}.", remedy="See: safelight keys list")


def _find_tenant(accounts: Accounts, wanted: str | None, *, create: bool = False) -> Tenant:
    known = accounts.list_tenants()
    if wanted is not None:
        fitting = [one for one in known if wanted in (one.id, one.name)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise BadInput(
                f"Several tenants are called {wanted!r}.", remedy=f"Give an id: {_names(fitting)}."
            )
        raise NotFound(
            f"There is no tenant {wanted!r}.", remedy=f"There are: {_names(known)}." if known else None
        )
    if len(known) == 1:
        return known[0]
    if known:
        raise BadInput("There are several tenants.", remedy=f"Give one with --tenant: {_names(known)}.")
    if not make:
        raise NotFound("There is no tenant yet.", remedy="Make a key: safelight keys create NAME")
    return accounts.create_tenant("default")


def _names(tenants: list[Tenant] | tuple[Tenant, ...]) -> str:
    return ", ".join(f"{one.id} ({one.name})" for one in tenants)


def _scopes(words: list[str]) -> frozenset[KeyScope]:
    from safelight.trust.accounts import KeyScope

    try:
        return frozenset(KeyScope(word) for word in words)
    except ValueError as error:
        known = ", ".join(scope.value for scope in KeyScope)
        raise BadInput(f"{error}.".capitalize(), param="scope", remedy=f"There are: {known}.") from error


def _payload(record: KeyRecord, owner: Tenant) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "tenant": {"id": owner.id, "name": owner.name},
        "scopes": sorted(scope.value for scope in record.scopes),
        "created_at": record.created_at,
        "last_used_at": record.last_used_at,
        "revoked_at": record.revoked_at,
    }


def _line(record: KeyRecord, owner: Tenant) -> str:
    state = f"revoked {_day(record.revoked_at)}" if record.revoked_at else f"used {_day(record.last_used_at)}"
    scopes = " ".join(sorted(scope.value for scope in record.scopes))
    return f"{record.id}  {record.name}  ({owner.name})  made {_day(record.created_at)}, {state}  {scopes}"


def _day(at: float | None) -> str:
    return "never" if at is None else f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d}"
