"""`safelight keys`: API keys and their tenants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import BadInput, NotFound

from .commands import load_container
from .output import Exit, emit, format_day

if TYPE_CHECKING:
    from safelight.trust.accounts import Accounts, KeyRecord, KeyScope, Tenant

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")
#: An error message names at most this number of tenants.
_MAX_NAMED = 10

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id or name; required if several are not managed.")
]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for, such as an application's name.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission of the key; repeatable. [default: videos and checks]"),
    ] = None,
    tenant: TenantOption = None,
    new_tenant: Annotated[
        str | None, typer.Option("--new-tenant", help="Create a tenant with this name for the key.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Create a key and print it once. Only its hash is stored, so it cannot be shown again."""
    accounts = load_container(ctx).persistence.accounts
    scopes = _parse_scopes(scope or ["videos:read", "videos:write", "checks"])
    owner = accounts.create_tenant(new_tenant) if new_tenant else find_tenant(accounts, tenant, create=True)
    record, token = accounts.create_key(owner.id, name, scopes)
    payload = {**_to_json(record, owner), "token": token}
    emit(payload, as_json, f"{token}\n\nKey {record.id} for “{owner.name}”. It cannot be shown again.")
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantOption = None, as_json: Json = False) -> int:
    """List keys, oldest first, including revoked ones. Never prints the keys themselves."""
    accounts = load_container(ctx).persistence.accounts
    owners = (find_tenant(accounts, tenant),) if tenant else accounts.list_tenants()
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
    """Revoke a key. A running gateway rejects it within seconds."""
    accounts = load_container(ctx).persistence.accounts
    for owner in accounts.list_tenants():
        if any(record.id == key for record in accounts.list_keys(owner.id)):
            record = accounts.revoke_key(owner.id, key)
            emit(_to_json(record, owner), as_json, f"Revoked: {_format_line(record, owner)}")
            return Exit.OK
    raise NotFound(f"The key {key} does not exist.", remedy="See: safelight keys list")


@app.command()
def login(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, key_...")],
    as_json: Json = False,
) -> int:
    """Print a link that signs the owner of a key in to the pages, once, with the scopes of the key."""
    accounts = load_container(ctx).persistence.accounts
    for owner in accounts.list_tenants():
        principal = accounts.find_key(owner.id, key)
        if principal is not None:
            path = f"/login?token={accounts.create_login_link(principal)}"
            emit(
                {"path": path}, as_json, f"{path}\n\nOpen it within 15 minutes at the address of the gateway."
            )
            return Exit.OK
    raise NotFound(f"No key {key} is in force.", remedy="See: safelight keys list")


def find_tenant(accounts: Accounts, wanted: str | None, *, create: bool = False) -> Tenant:
    """The tenant with this id or name; without one, the only tenant that no other manages.

    Raises `BadInput`, `NotFound`.
    """
    known = accounts.list_tenants()
    if wanted is not None:
        # An applicant chooses a name, which can be the id of another tenant.
        matches = [one for one in known if one.id == wanted] or [one for one in known if one.name == wanted]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise BadInput(
                f"Several tenants have the name {wanted!r}.", remedy=f"Give an id: {_list_names(matches)}."
            )
        raise NotFound(
            f"The tenant {wanted!r} does not exist.",
            remedy=f"Tenants: {_list_names(known)}." if known else None,
        )
    own = [one for one in known if one.managed_by is None]
    if len(own) == 1:
        return own[0]
    if own:
        raise BadInput("There are several tenants.", remedy=f"Give one with --tenant: {_list_names(own)}.")
    if not create:
        raise NotFound("No tenant exists yet.", remedy="Create a key: safelight keys create NAME")
    return accounts.create_tenant("default")


def _list_names(tenants: Sequence[Tenant]) -> str:
    names = ", ".join(f"{one.id} ({one.name})" for one in tenants[:_MAX_NAMED])
    return names if len(tenants) <= _MAX_NAMED else f"{names}, ... (all: safelight tenants list)"


def _parse_scopes(words: list[str]) -> frozenset[KeyScope]:
    from safelight.trust.accounts import KeyScope

    try:
        return frozenset(KeyScope(word) for word in words)
    except ValueError as error:
        known = ", ".join(scope.value for scope in KeyScope)
        raise BadInput(f"{error}.".capitalize(), param="scope", remedy=f"Scopes: {known}.") from error


def _to_json(record: KeyRecord, owner: Tenant) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "tenant": {"id": owner.id, "name": owner.name},
        "scopes": sorted(scope.value for scope in record.scopes),
        "created_at": record.created_at,
        "last_used_at": record.last_used_at,
        "revoked_at": record.revoked_at,
    }


def _format_line(record: KeyRecord, owner: Tenant) -> str:
    if record.revoked_at:
        state = f"revoked {format_day(record.revoked_at)}"
    else:
        state = f"used {format_day(record.last_used_at)}" if record.last_used_at else "used never"
    created = format_day(record.created_at)
    scopes = " ".join(sorted(scope.value for scope in record.scopes))
    return f"{record.id}  {record.name}  ({owner.name})  created {created}, {state}  {scopes}"
