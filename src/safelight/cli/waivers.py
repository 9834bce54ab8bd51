"""`safelight waivers`: recorded decisions of a named person to run without some mandatory checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.dates import format_day
from safelight.policy.waivers import NewWaiver, Waiver

from .keys import DecidedBy
from .language import join_sentences, language, texts, translate
from .operations import Result, command
from .output import Exit, printable

if TYPE_CHECKING:
    from safelight.app.container import Container

app = typer.Typer(no_args_is_help=True)


@command(app)
def add(
    container: Container,
    asked: NewWaiver,
    expires: Annotated[
        str, typer.Option("--expires", help="90d, a date such as 2027-03-31, or never.")
    ] = "90d",
) -> Result:
    """Record a waiver. It covers checks that no installed detector can do, but never a check that failed."""
    from safelight.accounts.waivers import parse_expiry

    from .views import show_waiver

    new = replace(asked, expires_at=parse_expiry(expires, _now(container)))
    added = container.persistence.waivers.add(new, taxonomy=container.core.taxonomy)
    text = texts()("waivers.recorded", waiver=_format(container, added))
    return Result(show_waiver(added, _now(container)), text)


@command(app)
def list_(
    container: Container,
    ended: Annotated[bool, typer.Option("--all", help="Include expired and revoked waivers.")] = False,
) -> Result:
    """List waivers, oldest first. Exit code 6: at least one is in force."""
    from .views import show_waiver

    recorded, now = container.persistence.waivers.list(), _now(container)
    in_force = [waiver for waiver in recorded if waiver.in_force(now, loopback=True)]
    found = recorded if ended else in_force
    lines = "\n".join(_format(container, waiver) for waiver in found)
    view = [show_waiver(waiver, now) for waiver in found]
    return Result(view, lines or texts()("waivers.none"), Exit.WAIVED if in_force else Exit.OK)


@command(app)
def revoke(
    container: Container,
    name: Annotated[str, typer.Argument(help="The waiver's name or id.")],
    by: DecidedBy,
) -> Result:
    """Revoke a waiver immediately: affected videos are held from now on."""
    from .views import show_waiver

    ended = container.persistence.waivers.revoke(name, revoked_by=by)
    text = texts()("waivers.ended", waiver=_format(container, ended))
    return Result(show_waiver(ended, _now(container)), text)


def _now(container: Container) -> float:
    return container.persistence.database.clock()


def _format(container: Container, waiver: Waiver) -> str:
    """Who decided, until when it is in force, what it excuses and why."""
    from safelight.screening.coverage_table import describe_waiver_scope, waived_checks

    t = texts()
    active = waiver.in_force(_now(container), loopback=True)
    checks = waived_checks(container.coverage.describe(), waiver.name) if active else {}
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
