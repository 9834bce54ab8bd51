"""`safelight keys`: API keys and their tenants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.dates import format_day
from safelight.core.errors import BadInput, NotFound
from safelight.core.records import About

from .operations import Result, command

if TYPE_CHECKING:
    from safelight.accounts import Accounts, KeyRecord, KeyScope, Principal, Tenant
    from safelight.app.container import Container

app = typer.Typer(no_args_is_help=True)
#: An error message names at most this number of tenants.
_MAX_NAMED = 10

DecidedBy = Annotated[str, typer.Option("--by", help="The person who decides this.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, key_...")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id or name; required if there are several.")
]


@dataclass(frozen=True, kw_only=True)
class Administrator:
    """The person at the terminal, for this tenant; for the first tenant if none is named."""

    tenant: Annotated[str | None, About(help="The tenant's id or name. [default: the first tenant]")] = None

    def principal(self, container: Container) -> Principal:
        from .demo import operator

        person = operator(container)
        if self.tenant is None:
            return person
        return replace(person, tenant=find_tenant(container.persistence.accounts, self.tenant).id)


@command(app)
def create(
    container: Container,
    name: Annotated[str, typer.Argument(help="What the key is for, such as an application's name.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission of the key; repeatable. [default: videos and checks]"),
    ] = None,
    tenant: TenantOption = None,
    new_tenant: Annotated[
        str | None, typer.Option("--new-tenant", help="Create a tenant with this name for the key.")
    ] = None,
) -> Result:
    """Create a key and print it once. Only its hash is stored, so it cannot be shown again."""
    from .views import show_new_key

    accounts = container.persistence.accounts
    scopes = _parse_scopes(scope or ["videos:read", "videos:write", "checks"])
    owner = accounts.create_tenant(new_tenant) if new_tenant else find_tenant(accounts, tenant, create=True)
    record, token = accounts.create_key(owner.id, name, scopes)
    text = f"{token}\n\nKey {record.id} for “{owner.name}”. It cannot be shown again."
    return Result(show_new_key(record, owner, token), text)


@command(app)
def list_(container: Container, tenant: TenantOption = None) -> Result:
    """List keys, oldest first, including revoked ones. Never prints the keys themselves."""
    from .views import show_key

    accounts = container.persistence.accounts
    owners = (find_tenant(accounts, tenant),) if tenant else accounts.list_tenants()
    found = [(record, owner) for owner in owners for record in accounts.list_keys(owner.id)]
    lines = "\n".join(_format_line(record, owner) for record, owner in found)
    view = [show_key(record, owner) for record, owner in found]
    return Result(view, lines or "No keys exist. Create one: safelight keys create NAME")


@command(app)
def revoke(container: Container, key: KeyId) -> Result:
    """Revoke a key. A running gateway rejects it within seconds."""
    from .views import show_key

    accounts = container.persistence.accounts
    for owner in accounts.list_tenants():
        if any(record.id == key for record in accounts.list_keys(owner.id)):
            record = accounts.revoke_key(owner.id, key)
            return Result(show_key(record, owner), f"Revoked: {_format_line(record, owner)}")
    raise NotFound(f"The key {key} does not exist.", remedy="See: safelight keys list")


@command(app)
def login(
    container: Container,
    key: Annotated[
        str | None, typer.Argument(help="The id of the key. [default: the operator, as at the start]")
    ] = None,
) -> Result:
    """Print a link that signs in to the pages, once: the owner of a key with its scopes, or the operator."""
    from .demo import operator
    from .views import LoginLink

    accounts = container.persistence.accounts
    found = (
        operator(container)
        if key is None
        else next(filter(None, (accounts.find_key(owner.id, key) for owner in accounts.list_tenants())), None)
    )
    if found is None:
        raise NotFound(f"No key {key} is in force.", remedy="See: safelight keys list")
    path = f"/login?token={accounts.create_login_link(found)}"
    server = container.core.settings.server
    # A free port is known only to the gateway.
    link = server.address(server.host, server.port) + path if server.public_url or server.port else None
    text = f"{link or path}\n\nOpen it within 15 minutes"
    if link is None:
        text += " at the address of the gateway."
    elif server.public_url:
        text += "."
    else:
        text += ". If the gateway was started with --host or --port, replace the address."
    return Result(LoginLink(path=path, link=link), text)


def find_tenant(accounts: Accounts, wanted: str | None, *, create: bool = False) -> Tenant:
    """The tenant with this id or name; without one, the only tenant.

    Raises `BadInput`, `NotFound`.
    """
    known = accounts.list_tenants()
    if wanted is not None:
        # A name can be the id of another tenant.
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
    if len(known) == 1:
        return known[0]
    if known:
        raise BadInput("There are several tenants.", remedy=f"Give one with --tenant: {_list_names(known)}.")
    if not create:
        raise NotFound("No tenant exists yet.", remedy="Create a key: safelight keys create NAME")
    return accounts.create_tenant("default")


def _list_names(tenants: Sequence[Tenant]) -> str:
    names = ", ".join(f"{one.id} ({one.name})" for one in tenants[:_MAX_NAMED])
    return names if len(tenants) <= _MAX_NAMED else f"{names}, ... (all: safelight tenants list)"


def _parse_scopes(words: list[str]) -> frozenset[KeyScope]:
    from safelight.accounts import KeyScope

    try:
        return frozenset(KeyScope(word) for word in words)
    except ValueError as error:
        known = ", ".join(scope.value for scope in KeyScope)
        raise BadInput(f"{error}.".capitalize(), param="scope", remedy=f"Scopes: {known}.") from error


def _format_line(record: KeyRecord, owner: Tenant) -> str:
    if record.revoked_at:
        state = f"revoked {format_day(record.revoked_at)}"
    else:
        state = f"used {format_day(record.last_used_at)}" if record.last_used_at else "used never"
    created = format_day(record.created_at)
    scopes = " ".join(sorted(scope.value for scope in record.scopes))
    return f"{record.id}  {record.name}  ({owner.name})  created {created}, {state}  {scopes}"
