"""`safelight consents`: recorded consents to show a face or imitate a voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .output import Exit, emit, format_day

if TYPE_CHECKING:
    from safelight.trust.consents import Consent

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke consents to a face or a voice.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    subject: Annotated[str, typer.Argument(help="The person who gave the consent.")],
    by: Annotated[str, typer.Option("--by", help="The person who records the consent.")],
    evidence: Annotated[
        str, typer.Option("--evidence", help="How the consent was given: a signed form, a case or a link.")
    ],
    picture: Annotated[
        list[Path] | None, typer.Option("--picture", help="An image that shows only the subject; repeatable.")
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option("--recording", help="A recording in which only the subject speaks; repeatable."),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="likeness (default) or voice; repeat for both.")
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
    emit(_to_json(added, now), as_json, f"Recorded: {_format_line(added, now)}")
    return Exit.OK


@app.command("list")
def list_(
    ctx: typer.Context,
    ended: Annotated[bool, typer.Option("--all", help="Include expired and revoked consents.")] = False,
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
    lines = "\n".join(_format_line(one, now) for one in found)
    emit({"consents": [_to_json(one, now) for one in found]}, as_json, lines or "No consent is in force.")
    return Exit.OK


@app.command()
def revoke(
    ctx: typer.Context,
    consent: Annotated[str, typer.Argument(help="The consent's id.")],
    by: Annotated[str, typer.Option("--by", help="The person who records the revocation.")],
    as_json: Json = False,
) -> int:
    """Revoke a consent immediately and delete its templates."""
    container = load_container(ctx)
    ended = container.likeness.consents.revoke(container.persistence.tenant, consent, revoked_by=by)
    now = container.persistence.database.clock()
    emit(_to_json(ended, now), as_json, f"Revoked: {_format_line(ended, now)}")
    return Exit.OK


def _to_json(consent: Consent, now: float) -> dict[str, Any]:
    return {
        "id": consent.id,
        "subject": consent.subject,
        "level": consent.level.value,
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
