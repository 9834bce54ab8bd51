"""`safelight people`: people who sign in, their roles and invitations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import BadInput

from .commands import load_container
from .keys import find_tenant
from .output import Exit, emit, format_day, format_time

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.trust.accounts import KeyRecord, Principal, Role
    from safelight.trust.people import Invitation, Person

app = typer.Typer(no_args_is_help=True, help="Invite people, change their roles, disable and reset them.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WhoArgument = Annotated[str, typer.Argument(help="The person's id or e-mail address.")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id or name. [default: the first tenant]")
]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    email: Annotated[str, typer.Argument(help="The e-mail address with which the person signs in.")],
    role: Annotated[str, typer.Option("--role", help="The role; see `safelight people roles`.")],
    language: Annotated[
        str, typer.Option("--language", help="Language of the pages: en, zh-Hant or zh-Hans.")
    ] = "en",
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Add a person and print the link of the invitation once. It works once, within seven days."""
    from safelight.trust.people import NewPerson

    container = load_container(ctx)
    new = NewPerson(name=name, email=email, role=_parse_role(role), language=language)
    invitation = container.persistence.people.service.add(_administrator(container, tenant), new)
    return _print_invitation(container, invitation, as_json)


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantOption = None, as_json: Json = False) -> int:
    """List people, oldest first, including disabled ones."""
    container = load_container(ctx)
    found = container.persistence.people.service.list(_administrator(container, tenant))
    emit(
        {"people": [_to_json(person) for person in found]},
        as_json,
        "\n".join(_format_line(person) for person in found)
        or "No people are enrolled. Add one: safelight people add NAME EMAIL --role owner",
    )
    return Exit.OK


@app.command("role")
def change_role(
    ctx: typer.Context,
    who: WhoArgument,
    role: Annotated[str, typer.Argument(help="The new role; see `safelight people roles`.")],
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Give a person another role. It applies from their next request on."""
    container = load_container(ctx)
    operator, people = _administrator(container, tenant), container.persistence.people.service
    person = people.change_role(operator, people.find(operator, who).id, _parse_role(role))
    emit(_to_json(person), as_json, _format_line(person))
    return Exit.OK


@app.command()
def disable(
    ctx: typer.Context,
    who: WhoArgument,
    keep_keys: Annotated[bool, typer.Option("--keep-keys", help="Revoke no API key.")] = False,
    revoke_keys: Annotated[
        bool, typer.Option("--revoke-keys", help="Revoke all API keys that the person created.")
    ] = False,
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Disable a person, end all sessions, and revoke the privileged API keys that the person created."""
    from safelight.trust.people import KeysOfDisabled

    if keep_keys and revoke_keys:
        raise BadInput("Name --keep-keys or --revoke-keys, not both.")
    keys = KeysOfDisabled.PRIVILEGED
    if keep_keys or revoke_keys:
        keys = KeysOfDisabled.NONE if keep_keys else KeysOfDisabled.ALL
    container = load_container(ctx)
    operator, people = _administrator(container, tenant), container.persistence.people.service
    done = people.disable(operator, people.find(operator, who).id, keys)
    lines = [
        f"Disabled: {_format_line(done.person)}",
        *(f"Revoked key: {_format_key(key)}" for key in done.revoked_keys),
        *(f"Key that still works: {_format_key(key)}" for key in done.kept_keys),
    ]
    payload = {
        **_to_json(done.person),
        "revoked_keys": [_key_to_json(key) for key in done.revoked_keys],
        "kept_keys": [_key_to_json(key) for key in done.kept_keys],
    }
    emit(payload, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def reset(ctx: typer.Context, who: WhoArgument, tenant: TenantOption = None, as_json: Json = False) -> int:
    """Forget a person's password and authenticator, and print the link of a new invitation."""
    container = load_container(ctx)
    operator, people = _administrator(container, tenant), container.persistence.people.service
    return _print_invitation(container, people.reset(operator, people.find(operator, who).id), as_json)


@app.command()
def roles(as_json: Json = False) -> int:
    """List the roles with their scopes. They are the same in every installation."""
    from safelight.trust.accounts import ROLES, KeyScope

    table = [
        {
            "role": role.value,
            "scopes": [scope.value for scope in KeyScope if scope in permissions.scopes],
            "review_rank": permissions.review_rank.name.lower(),
        }
        for role, permissions in ROLES.items()
    ]
    lines = [f"{row['role']:<16} {' '.join(row['scopes'])}" for row in table]
    emit({"roles": table}, as_json, "\n".join(lines))
    return Exit.OK


@app.command("rotate-key")
def rotate_key(ctx: typer.Context, as_json: Json = False) -> int:
    """Encrypt the secrets of all authenticators with a new key. A running gateway uses it at once."""
    from safelight.trust.accounts import OPERATOR

    count = load_container(ctx).persistence.people.rotation.rotate(by=OPERATOR)
    emit({"encrypted": count}, as_json, f"New key. Secrets encrypted with it: {count}.")
    return Exit.OK


def _administrator(container: Container, tenant: str | None) -> Principal:
    """The person at the terminal, as a principal of this tenant; of the first tenant if none is named."""
    from .demo import operator

    person = operator(container)
    if tenant is None:
        return person
    return replace(person, tenant=find_tenant(container.persistence.accounts, tenant).id)


def _parse_role(word: str) -> Role:
    from safelight.trust.accounts import Role

    try:
        return Role(word)
    except ValueError:
        raise BadInput(
            f"{word[:40]!r} is not a role.", param="role", remedy=f"Roles: {', '.join(Role)}."
        ) from None


def _print_invitation(container: Container, invitation: Invitation, as_json: bool) -> int:
    base = (container.core.settings.server.public_url or "").rstrip("/")
    link = base + invitation.path
    until = format_time(invitation.expires_at)
    text = f"{link}\n\nFor {_format_line(invitation.person)}. It works once, until {until}."
    if not base:
        text += "\nOpen it at the address of the gateway; `server.public_url` is not set."
    payload = {
        "person": _to_json(invitation.person),
        "invitation": link,
        "expires_at": invitation.expires_at,
    }
    emit(payload, as_json, text)
    return Exit.OK


def _to_json(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role.value,
        "language": person.language,
        "state": person.state.value,
        "created_at": person.created_at,
        "created_by": person.created_by,
        "recovery_codes_left": person.recovery_codes_left,
    }


def _key_to_json(key: KeyRecord) -> dict[str, Any]:
    return {"id": key.id, "name": key.name, "scopes": sorted(key.scopes)}


def _format_key(key: KeyRecord) -> str:
    return f"{key.id}  {key.name}  {' '.join(sorted(key.scopes))}"


def _format_line(person: Person) -> str:
    added = format_day(person.created_at)
    return f"{person.id}  {person.name} <{person.email}>  {person.role}, {person.state}, added {added}"
