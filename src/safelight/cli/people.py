"""`safelight people`: people who sign in, their roles and invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.dates import format_day
from safelight.core.errors import BadInput

from .keys import Administrator
from .operations import Result, command
from .output import format_time

if TYPE_CHECKING:
    from safelight.accounts import KeyRecord, Role
    from safelight.accounts.people import Invitation, Person
    from safelight.app.container import Container

app = typer.Typer(no_args_is_help=True)

WhoArgument = Annotated[str, typer.Argument(help="The person's id or e-mail address.")]


@command(app)
def add(
    container: Container,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    email: Annotated[str, typer.Argument(help="The e-mail address with which the person signs in.")],
    role: Annotated[str, typer.Option("--role", help="The role; see `safelight people roles`.")],
    language: Annotated[
        str, typer.Option("--language", help="Language of the pages: en, zh-Hant or zh-Hans.")
    ] = "en",
    *,
    by: Administrator,
) -> Result:
    """Add a person and print the link of the invitation once. It works once, within seven days."""
    from safelight.accounts.people import NewPerson

    new = NewPerson(name=name, email=email, role=_parse_role(role), language=language)
    return _invited(container, container.persistence.people.service.add(by.principal(container), new))


@command(app)
def list_(container: Container, by: Administrator) -> Result:
    """List people, oldest first, including disabled ones."""
    from .views import show_person

    found = container.persistence.people.service.list(by.principal(container))
    lines = "\n".join(map(_format_line, found))
    nobody = "No people are enrolled. Add one: safelight people add NAME EMAIL --role owner"
    return Result(list(map(show_person, found)), lines or nobody)


@command(app)
def role(
    container: Container,
    who: WhoArgument,
    role: Annotated[str, typer.Argument(help="The new role; see `safelight people roles`.")],
    by: Administrator,
) -> Result:
    """Give a person another role. It applies from their next request on."""
    from .views import show_person

    operator, people = by.principal(container), container.persistence.people.service
    person = people.change_role(operator, people.find(operator, who).id, _parse_role(role))
    return Result(show_person(person), _format_line(person))


@command(app)
def disable(
    container: Container,
    who: WhoArgument,
    *,
    keep_keys: Annotated[bool, typer.Option("--keep-keys", help="Revoke no API key.")] = False,
    revoke_keys: Annotated[
        bool, typer.Option("--revoke-keys", help="Revoke all API keys that the person created.")
    ] = False,
    by: Administrator,
) -> Result:
    """Disable a person, end all sessions, and revoke the privileged API keys that the person created."""
    from safelight.accounts.people import KeysOfDisabled

    from .views import show_disabled

    if keep_keys and revoke_keys:
        raise BadInput("Name --keep-keys or --revoke-keys, not both.")
    keys = KeysOfDisabled.PRIVILEGED
    if keep_keys or revoke_keys:
        keys = KeysOfDisabled.NONE if keep_keys else KeysOfDisabled.ALL
    operator, people = by.principal(container), container.persistence.people.service
    done = people.disable(operator, people.find(operator, who).id, keys)
    lines = [
        f"Disabled: {_format_line(done.person)}",
        *(f"Revoked key: {_format_key(key)}" for key in done.revoked_keys),
        *(f"Key that still works: {_format_key(key)}" for key in done.kept_keys),
    ]
    return Result(show_disabled(done), lines)


@command(app)
def reset(container: Container, who: WhoArgument, by: Administrator) -> Result:
    """Forget a person's password and authenticator, and print the link of a new invitation."""
    operator, people = by.principal(container), container.persistence.people.service
    return _invited(container, people.reset(operator, people.find(operator, who).id))


@command(app)
def roles() -> Result:
    """List the roles with their scopes. They are the same in every installation."""
    from .views import show_roles

    table = show_roles()
    return Result(table, [f"{row.id:<16} {' '.join(row.scopes)}" for row in table])


@command(app)
def rotate_key(container: Container) -> Result:
    """Encrypt the secrets of all authenticators with a new key. A running gateway uses it at once."""
    from safelight.accounts import OPERATOR

    count = container.persistence.people.rotation.rotate(by=OPERATOR)
    return Result({"encrypted": count}, f"New key. Secrets encrypted with it: {count}.")


def _parse_role(word: str) -> Role:
    from safelight.accounts import Role

    try:
        return Role(word)
    except ValueError:
        raise BadInput(
            f"{word[:40]!r} is not a role.", param="role", remedy=f"Roles: {', '.join(Role)}."
        ) from None


def _invited(container: Container, made: Invitation) -> Result:
    from .views import show_invitation

    base = (container.core.settings.server.public_url or "").rstrip("/")
    link = base + made.path
    until = format_time(made.expires_at)
    text = f"{link}\n\nFor {_format_line(made.person)}. It works once, until {until}."
    if not base:
        text += "\nOpen it at the address of the gateway; `server.public_url` is not set."
    return Result(show_invitation(made, link), text)


def _format_key(key: KeyRecord) -> str:
    return f"{key.id}  {key.name}  {' '.join(sorted(key.scopes))}"


def _format_line(person: Person) -> str:
    added = format_day(person.created_at)
    return f"{person.id}  {person.name} <{person.email}>  {person.role}, {person.state}, added {added}"
