"""`safelight webhooks`: endpoints that receive events about videos."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .keys import find_tenant
from .output import Exit, emit, format_time

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.trust.accounts import Principal
    from safelight.trust.webhooks import RegisteredEndpoint

app = typer.Typer(no_args_is_help=True, help="Add, list, test, rotate and remove webhook endpoints.")

EndpointId = Annotated[str, typer.Argument(help="The endpoint's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id or name. [default: the first tenant]")
]


@app.command()
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="The endpoint: https, with a public address.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="An event type to send; repeatable. [default: all]")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="A name for the endpoint. [default: its host]")] = "",
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Add an endpoint and print its signing secret once."""
    from safelight.trust.webhooks import EventType

    container = load_container(ctx)
    wanted = event or [kind.value for kind in EventType]
    made, secret = container.persistence.webhooks.create(
        _administrator(container, tenant), url=url, events=wanted, name=name
    )
    emit(
        {**_to_json(made), "signing_secret": secret},
        as_json,
        f"{_format_line(made)}\n\n  Signing secret (it cannot be shown again): {secret}",
    )
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantOption = None, as_json: Json = False) -> int:
    """List endpoints with their state. Exit code 1: at least one is failing."""
    container = load_container(ctx)
    found = container.persistence.webhooks.list(_administrator(container, tenant))
    lines = "\n".join(_format_line(endpoint) for endpoint in found)
    emit(
        {"webhook_endpoints": [_to_json(endpoint) for endpoint in found]},
        as_json,
        lines or "No webhook endpoints exist.",
    )
    return Exit.ERROR if any(endpoint.failing_since is not None for endpoint in found) else Exit.OK


@app.command()
def remove(
    ctx: typer.Context, endpoint: EndpointId, tenant: TenantOption = None, as_json: Json = False
) -> int:
    """Remove an endpoint and its pending deliveries."""
    container = load_container(ctx)
    container.persistence.webhooks.delete(_administrator(container, tenant), endpoint)
    emit({"id": endpoint, "deleted": True}, as_json, f"Removed: {endpoint}")
    return Exit.OK


@app.command()
def rotate(
    ctx: typer.Context,
    endpoint: EndpointId,
    immediately: Annotated[
        bool, typer.Option("--immediately", help="Stop signing with the old secret at once, not after a day.")
    ] = False,
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Create a new signing secret for an endpoint and print it once."""
    container = load_container(ctx)
    rotated, secret = container.persistence.webhooks.rotate(
        _administrator(container, tenant), endpoint, keep_old=not immediately
    )
    emit(
        {**_to_json(rotated), "signing_secret": secret},
        as_json,
        f"{_format_line(rotated)}\n\n  Signing secret (it cannot be shown again): {secret}",
    )
    return Exit.OK


@app.command("test")
def send_test(
    ctx: typer.Context,
    endpoint: EndpointId,
    event: Annotated[str, typer.Option("--event", help="The event type of the sample.")] = "video.completed",
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Send a sample event once and print the response. Exit code 1: it was not delivered."""
    container = load_container(ctx)
    result = container.persistence.webhooks.test(
        _administrator(container, tenant), endpoint, event_type=event
    )
    emit(
        {
            "webhook_endpoint_id": result.endpoint_id,
            "event_type": result.event_type,
            "success": not result.error,
            "status_code": result.status,
            "error": result.error or None,
            "wall_s": round(result.wall_s, 3),
        },
        as_json,
        result.error or f"Delivered: status {result.status}, {result.wall_s * 1000:.0f} ms.",
    )
    return Exit.ERROR if result.error else Exit.OK


def _administrator(container: Container, tenant: str | None) -> Principal:
    """The person at the terminal, as a principal of this tenant; of the first tenant if none is named."""
    from safelight.cli.demo import operator

    person = operator(container)
    if tenant is None:
        return person
    return replace(person, tenant=find_tenant(container.persistence.accounts, tenant).id)


def _to_json(endpoint: RegisteredEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": endpoint.events,
        "created_at": endpoint.created_at,
        "signing_secret_hint": endpoint.secrets[0].hint,
        "failing_since": endpoint.failing_since,
        "failures": endpoint.failures,
        "last_status": endpoint.last_status,
        "last_error": endpoint.last_error,
        "last_success_at": endpoint.last_success_at,
    }


def _format_line(endpoint: RegisteredEndpoint) -> str:
    health = "no delivery yet"
    if endpoint.failing_since is not None:
        health = f"failing since {format_time(endpoint.failing_since)}: {endpoint.last_error}"
    elif endpoint.last_success_at is not None:
        health = f"last delivered {format_time(endpoint.last_success_at)}"
    events = ", ".join(event.value for event in endpoint.events)
    return f"{endpoint.id}  {endpoint.name}: {endpoint.url} ({events}); {health}"
