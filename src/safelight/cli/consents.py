"""`safelight consents`: recorded consents to show a face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.dates import format_day

from .operations import Result, command

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.consents import Consent

app = typer.Typer(no_args_is_help=True)


@command(app)
def add(
    container: Container,
    subject: Annotated[str, typer.Argument(help="The person who gave the consent.")],
    by: Annotated[str, typer.Option("--by", help="The person who records the consent.")],
    evidence: Annotated[
        str, typer.Option("--evidence", help="How the consent was given: a signed form, a case or a link.")
    ],
    picture: Annotated[
        list[Path] | None, typer.Option("--picture", help="An image that shows only the subject; repeatable.")
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", help="90d, a date such as 2027-03-31, or never.")
    ] = "365d",
) -> Result:
    """Record a consent.

    Needs `likeness.enabled` and its declared legal basis.
    """
    from safelight.accounts.waivers import parse_expiry
    from safelight.consents import NewConsent

    new = NewConsent(
        subject=subject,
        recorded_by=by,
        evidence=evidence,
        pictures=picture or [],
        expires_at=parse_expiry(expires, container.persistence.database.clock()),
    )
    added = container.likeness.consents.add(container.persistence.tenant, new)
    return _result(container, "Recorded", added)


@command(app)
def list_(
    container: Container,
    ended: Annotated[bool, typer.Option("--all", help="Include expired and revoked consents.")] = False,
) -> Result:
    """List consents, oldest first."""
    from .views import show_consent

    now, tenant = container.persistence.database.clock(), container.persistence.tenant
    container.likeness.consents.delete_expired_templates(tenant)
    found = [one for one in container.likeness.consents.list(tenant) if ended or one.in_force(now)]
    lines = "\n".join(_format_line(one, now) for one in found)
    view = [show_consent(one, now) for one in found]
    return Result(view, lines or "No consent is in force.")


@command(app)
def revoke(
    container: Container,
    consent: Annotated[str, typer.Argument(help="The consent's id.")],
    by: Annotated[str, typer.Option("--by", help="The person who records the revocation.")],
) -> Result:
    """Revoke a consent immediately and delete its templates."""
    ended = container.likeness.consents.revoke(container.persistence.tenant, consent, revoked_by=by)
    return _result(container, "Revoked", ended)


def _result(container: Container, done: str, consent: Consent) -> Result:
    from .views import show_consent

    now = container.persistence.database.clock()
    return Result(show_consent(consent, now), f"{done}: {_format_line(consent, now)}")


def _format_line(consent: Consent, now: float) -> str:
    if consent.revoked_at is not None:
        until = f"revoked {format_day(consent.revoked_at)} by {consent.revoked_by}"
    elif consent.expires_at is None:
        until = "no end date"
    else:
        until = f"{'until' if consent.in_force(now) else 'expired'} {format_day(consent.expires_at)}"
    scope = ", ".join(one.value for one in consent.scope)
    recorded = f"{consent.evidence}; recorded by {consent.recorded_by}"
    return f"{consent.id}  {consent.subject}: {scope}, level {consent.level.value}, {until}; {recorded}"
