"""`safelight waiver`: a named person's recorded decision to run without a part of the mandatory coverage."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.policy.waivers import Waiver

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke waivers for coverage that is missing.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A word for it, such as no-gore-model.")],
    who: Annotated[str, typer.Option("--who", help="The person who decides this.")],
    why: Annotated[str, typer.Option("--why", help="Why it is all right to run without.")],
    category: Annotated[
        list[str], typer.Option("--category", help="What is waived; repeat for more, * for all mandatory.")
    ],
    expires: Annotated[
        str, typer.Option("--expires", help="90d, a date such as 2027-03-31, or never.")
    ] = "90d",
    loopback_only: Annotated[
        bool, typer.Option("--loopback-only", help="Only while the server listens on a loopback address.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Record a waiver. It covers checks that no installed detector can do, but never a check that failed."""
    from safelight.trust.waivers import NewWaiver, parse_expiry

    container = load_container(ctx)
    added: Waiver = container.persistence.waivers.add(
        NewWaiver(
            name=name,
            decided_by=by,
            reason=reason,
            categories=category,
            expires_at=parse_expiry(expires, container.persistence.database.clock()),
            loopback_only=loopback_only,
        ),
        taxonomy=container.core.taxonomy,
        expires_at=parse_expiry(expires, container.persistence.database.clock()),
        loopback_only=loopback_only,
    )
    emit(
        _payload(added, container.persistence.database.clock()),
        as_json,
        f"Recorded: {_line(added, container.persistence.database.clock())}",
    )
    return Exit.OK


@app.command("list")
def list_(
    ctx: typer.Context,
    ended: Annotated[bool, typer.Option("--all", help="The expired and revoked ones too.")] = False,
    as_json: Json = False,
) -> int:
    """List waivers, oldest first. Exit 6 where one is in force."""
    container = load_container(ctx)
    now = container.persistence.database.clock()
    found = [
        waiver
        for waiver in container.persistence.waivers.list()
        if ended or waiver.in_force(now, loopback=True)
    ]
    lines = "\n".join(_line(waiver, now) for waiver in found)
    emit({"waivers": [_payload(waiver, now) for waiver in found]}, as_json, lines or "No waiver is in force.")
    return Exit.WAIVED if any(waiver.in_force(now, loopback=True) for waiver in found) else Exit.OK


@app.command()
def revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The waiver's name or id.")],
    who: Annotated[str, typer.Option("--who", help="The person who decides this.")],
    as_json: Json = False,
) -> int:
    """End a waiver at once: what it excused is held from now on."""
    container = load_container(ctx)
    ended = container.persistence.waivers.revoke(name, revoked_by=by)
    now = container.persistence.database.clock()
    emit(_payload(ended, now), as_json, f"Revoked: {_line(ended, now)}")
    return Exit.OK


def _payload(waiver: Waiver, now: float) -> dict[str, Any]:
    return {
        "id": waiver.id,
        "name": waiver.name,
        "decided_by": waiver.decided_by,
        "reason": waiver.reason,
        "categories": waiver.categories,
        "created_at": waiver.created_at,
        "expires_at": waiver.expires_at,
        "loopback_only": waiver.loopback_only,
        "revoked_at": waiver.revoked_at,
        "revoked_by": waiver.revoked_by,
        "in_force": waiver.in_force(now, loopback=True),
    }


def _line(waiver: Waiver, now: float) -> str:
    what = "the mandatory set" if "*" in waiver.categories else ", ".join(waiver.categories)
    if waiver.revoked_at is not None:
        until = f"revoked {format_day(waiver.revoked_at)} by {waiver.revoked_by}"
    elif waiver.expires_at is None:
        until = "without end"
    else:
        until = (
            f"{'until' if waiver.in_force(now, loopback=True) else 'expired'} {format_day(waiver.expires_at)}"
        )
    loopback = ", loopback only" if waiver.loopback_only else ""
    decided = f"{waiver.decided_by}, {format_day(waiver.created_at)}, {until}{loopback}"
    return f"{waiver.name}: {scope}; {decided}. {waiver.reason}"
