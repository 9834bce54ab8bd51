"""`safelight consents`: who agreed to being shown or heard, as it was recorded."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.trust.consents import Consent

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke consents to a face or a voice.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    subject: Annotated[str, typer.Argument(help="The person who gave it.")],
    who: Annotated[str, typer.Option("--who", help="The person who records it.")],
    given_by: Annotated[
        str, typer.Option("--given-by", help="How the subject gave it: a signed form, a case, a link.")
    ],
    picture: Annotated[
        list[Path] | None, typer.Option("--picture", help="A picture of the subject alone; repeat for more.")
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option("--recording", help="A recording of the subject speaking alone; repeat for more."),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="likeness (the default) or voice; repeat for both.")
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", help="90d, a date such as 2027-03-31, or never.")
    ] = "365d",
    as_json: Json = False,
) -> int:
    """Record a consent.

    Needs `likeness.enabled` and its declared legal basis; a voice also needs `likeness.voice.model`.
    """
    from safelight.trust.consents import NewConsent
    from safelight.trust.waivers import parse_expiry

    container = load_container(ctx)
    now = container.persistence.database.clock()
    added = container.likeness.consents.add(
        container.persistence.tenant,
        NewConsent(
            subject=subject,
            scope=scope or ["likeness"],
            recorded_by=by,
            evidence=evidence,
            pictures=picture or [],
            recordings=recording or [],
            expires_at=parse_expiry(expires, now),
        ),
    )
    emit(_payload(added, now), as_json, f"Recorded: {_line(added, now)}")
    return Exit.OK


@app.command("list")
def list_(
    ctx: typer.Context,
    ended: Annotated[bool, typer.Option("--all", help="The expired and revoked ones too.")] = False,
    as_json: Json = False,
) -> int:
    """List consents, oldest first."""
    container = load_container(ctx)
    now = container.persistence.database.clock()
    container.likeness.consents.delete_expired_templates(container.persistence.tenant)
    found = [
        one
        for one in container.likeness.consents.list(container.persistence.tenant)
        if ended or one.in_force(now)
    ]
    lines = "\n".join(_line(one, now) for one in found)
    emit({"consents": [_payload(one, now) for one in found]}, as_json, lines or "No consent is in force.")
    return Exit.OK


@app.command()
def revoke(
    ctx: typer.Context,
    consent: Annotated[str, typer.Argument(help="The consent's id.")],
    who: Annotated[str, typer.Option("--who", help="The person who records this.")],
    as_json: Json = False,
) -> int:
    """End a consent at once, and delete its templates."""
    container = load_container(ctx)
    ended = container.likeness.consents.revoke(container.persistence.tenant, consent, revoked_by=by)
    now = container.persistence.database.clock()
    emit(_payload(ended, now), as_json, f"Revoked: {_line(ended, now)}")
    return Exit.OK


def _payload(consent: Consent, now: float) -> dict[str, Any]:
    return {
        "id": consent.id,
        "subject": consent.subject,
        "scope": [scope.value for scope in consent.scope],
        "recorded_by": consent.recorded_by,
        "evidence": consent.evidence,
        "created_at": consent.created_at,
        "expires_at": consent.expires_at,
        "revoked_at": consent.revoked_at,
        "revoked_by": consent.revoked_by,
        "templates": consent.templates,
        "voices": consent.voices,
        "in_force": consent.in_force(now),
    }


def _line(consent: Consent, now: float) -> str:
    if consent.revoked_at is not None:
        until = f"revoked {format_day(consent.revoked_at)} by {consent.revoked_by}"
    elif consent.expires_at is None:
        until = "without end"
    else:
        until = f"{'until' if consent.in_force(now) else 'expired'} {_day(consent.expires_at)}"
    scope = ", ".join(one.value for one in consent.scope)
    recorded = f"{consent.evidence}; recorded by {consent.recorded_by}"
    return f"{consent.id}  {consent.subject}: {scope}, {until}; {recorded}"
