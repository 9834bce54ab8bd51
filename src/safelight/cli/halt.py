"""`safelight halt`: stop a model, a tenant or a category at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.policy.halts import HaltKind, NewHalt

from .keys import Administrator, find_tenant
from .operations import Result, command
from .output import format_time, printable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.halts import Halt

app = typer.Typer(no_args_is_help=True)
_OPERATOR = Administrator()


@command(app, kind=HaltKind.CATEGORY)
def category(container: Container, asked: NewHalt) -> Result:
    """Halt a category: what the policy would label or hold is refused, and clips are held."""
    return _add(container, asked)


@command(app, kind=HaltKind.MODEL)
def model(container: Container, asked: NewHalt) -> Result:
    """Halt a model: nothing new is accepted or started."""
    return _add(container, asked)


@command(app, kind=HaltKind.TENANT)
def tenant(container: Container, asked: NewHalt) -> Result:
    """Halt a tenant: nothing new is accepted, started or delivered."""
    found = find_tenant(container.persistence.accounts, asked.target)
    return _add(container, replace(asked, target=found.id))


@command(app)
def list_(container: Container) -> Result:
    """List the halts in force, oldest first."""
    from safelight.web.api import halts

    found = container.persistence.halts.list(_OPERATOR.principal(container))
    return Result(halts.show_list(found), "\n".join(map(_describe, found)) or "Nothing is halted.")


@command(app)
def end(container: Container, halt: Annotated[str, typer.Argument(help="The halt's id, halt_...")]) -> Result:
    """End a halt, from this second on."""
    return _print(container.persistence.halts.end(_OPERATOR.principal(container), halt))


def _add(container: Container, asked: NewHalt) -> Result:
    return _print(container.persistence.halts.create(_OPERATOR.principal(container), asked))


def _print(halt: Halt) -> Result:
    from safelight.web.api.halts import show_halt

    return Result(show_halt(halt), _describe(halt))


def _describe(halt: Halt) -> str:
    # The kind and the target are the words of the command.
    until = f" – {format_time(halt.ends_at)}" if halt.ends_at else ""
    times = format_time(halt.created_at) + until
    return f"{halt.id}  {halt.kind} {halt.target}  {times}\n  {printable(halt.reason)}"
