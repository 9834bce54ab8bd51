"""`safelight waivers`: recorded decisions of a named person to run without some mandatory checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .language import join_sentences, language, texts, translate
from .output import Exit, emit, format_day, printable

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.policy.waivers import Waiver

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke waivers for missing coverage.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name for the waiver, such as no-gore-model.")],
    by: Annotated[str, typer.Option("--by", help="The person who decides this.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why it is acceptable to run without these checks.")
    ],
    category: Annotated[
        list[str], typer.Option("--category", help="A waived category; repeatable; * for all mandatory ones.")
    ],
    expires: Annotated[
        str, typer.Option("--expires", help="90d, a date such as 2027-03-31, or never.")
    ] = "90d",
    loopback_only: Annotated[
        bool,
        typer.Option("--loopback-only", help="Valid only while the server listens on a loopback address."),
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
    )
    emit(
        _to_json(added, container.persistence.database.clock()),
        as_json,
        texts()("waivers.recorded", waiver=_format(container, added, container.persistence.database.clock())),
    )
    return Exit.OK


@app.command("list")
def list_(
    ctx: typer.Context,
    ended: Annotated[bool, typer.Option("--all", help="Include expired and revoked waivers.")] = False,
    as_json: Json = False,
) -> int:
    """List waivers, oldest first. Exit code 6: at least one is in force."""
    container = load_container(ctx)
    now = container.persistence.database.clock()
    found = [
        waiver
        for waiver in container.persistence.waivers.list()
        if ended or waiver.in_force(now, loopback=True)
    ]
    lines = "\n".join(_format(container, waiver, now) for waiver in found)
    payload = {"waivers": [_to_json(waiver, now) for waiver in found]}
    emit(payload, as_json, lines or texts()("waivers.none"))
    return Exit.WAIVED if any(waiver.in_force(now, loopback=True) for waiver in found) else Exit.OK


@app.command()
def revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The waiver's name or id.")],
    by: Annotated[str, typer.Option("--by", help="The person who decides this.")],
    as_json: Json = False,
) -> int:
    """Revoke a waiver immediately: affected videos are held from now on."""
    container = load_container(ctx)
    ended = container.persistence.waivers.revoke(name, revoked_by=by)
    now = container.persistence.database.clock()
    emit(_to_json(ended, now), as_json, texts()("waivers.ended", waiver=_format(container, ended, now)))
    return Exit.OK


def _to_json(waiver: Waiver, now: float) -> dict[str, Any]:
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


def _format(container: Container, waiver: Waiver, now: float) -> str:
    """Who decided, until when it is in force, what it excuses and why."""
    from safelight.moderation.coverage_table import describe_waiver_scope, waived_checks

    t = texts()
    active = waiver.in_force(now, loopback=True)
    checks = waived_checks(container.review.coverage.describe(), waiver.name) if active else {}
    scope = describe_waiver_scope(checks, waiver.categories, container.core.taxonomy, language())
    lines = [
        t("waivers.line", name=waiver.name, who=waiver.decided_by, day=format_day(waiver.created_at)),
        _format_state(waiver, active=active),
        t("waivers.checks" if checks else "waivers.categories", scope=scope),
        t("waivers.reason", reason=translate(waiver.reason)),
    ]
    return "\n  ".join(map(printable, lines))


def _format_state(waiver: Waiver, *, active: bool) -> str:
    t = texts()
    if waiver.revoked_at is not None:
        return t("waivers.revoked_by", day=format_day(waiver.revoked_at), who=waiver.revoked_by)
    if waiver.expires_at is None:
        state = t("waivers.endless")
    else:
        state = t("waivers.until" if active else "waivers.expired", day=format_day(waiver.expires_at))
    return join_sentences([state, t("waivers.loopback")]) if waiver.loopback_only else state
