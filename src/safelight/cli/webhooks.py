"""`safelight webhooks`: who is told when something happens to a video."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.trust.webhooks import RegisteredEndpoint

app = typer.Typer(no_args_is_help=True, help="Add, list, try, rotate and remove webhook endpoints.")

EndpointId = Annotated[str, typer.Argument(help="The endpoint's id.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="Where events are posted to: https, on the public internet.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="What it hears of; repeat for more. Default: all.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="A word for it; default: its host.")] = "",
    as_json: Json = False,
) -> int:
    """Add an endpoint and print its signing secret, this once."""
    from safelight.cli.demo import operator
    from safelight.trust.webhooks import EventType

    container = load_container(ctx)
    wanted = event or [kind.value for kind in EventType]
    made, secret = container.persistence.webhooks.create(
        operator(container), url=url, events=wanted, name=name
    )
    emit(
        {**_payload(made), "signing_secret": secret},
        as_json,
        f"{_line(made)}\n\n  Signing secret, shown this once: {secret}",
    )
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List endpoints and how they are. Exit 1 where one is failing."""
    from safelight.cli.demo import operator

    container = load_container(ctx)
    found = container.persistence.webhooks.list(operator(container))
    lines = "\n".join(_line(endpoint) for endpoint in found)
    emit(
        {"webhook_endpoints": [_payload(endpoint) for endpoint in found]},
        as_json,
        lines or "There are no webhook endpoints.",
    )
    return Exit.ERROR if any(endpoint.failing_since is not None for endpoint in found) else Exit.OK


@app.command()
def remove(ctx: typer.Context, endpoint: EndpointId, as_json: Json = False) -> int:
    """Remove an endpoint, and what was still on its way to it."""
    from safelight.cli.demo import operator

    container = load_container(ctx)
    container.persistence.webhooks.delete(operator(container), endpoint)
    emit({"id": endpoint, "deleted": True}, as_json, f"Removed: {endpoint}")
    return Exit.OK


@app.command()
def rotate(
    ctx: typer.Context,
    endpoint: EndpointId,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Do not sign with the old secret for a day more.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Give an endpoint a new signing secret and print it, this once."""
    from safelight.cli.demo import operator

    container = load_container(ctx)
    rotated, secret = container.persistence.webhooks.rotate(
        operator(container), endpoint, keep_old=not at_once
    )
    emit(
        {**_payload(rotated), "signing_secret": secret},
        as_json,
        f"{_line(rotated)}\n\n  Signing secret, shown this once: {secret}",
    )
    return Exit.OK


@app.command("test")
def try_(
    ctx: typer.Context,
    endpoint: EndpointId,
    event: Annotated[str, typer.Option("--event", help="What the sample is of.")] = "video.completed",
    as_json: Json = False,
) -> int:
    """Send a sample now, once, and say what the target answered. Exit 1 where it did not arrive."""
    from safelight.cli.demo import operator

    container = load_container(ctx)
    result = container.persistence.webhooks.test(operator(container), endpoint, event_type=event)
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
        result.error or f"It arrived: status {result.status}, {result.wall_s * 1000:.0f} ms.",
    )
    return Exit.ERROR if result.error else Exit.OK


def _payload(endpoint: RegisteredEndpoint) -> dict[str, Any]:
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


def _line(endpoint: RegisteredEndpoint) -> str:
    health = "nothing sent yet"
    if endpoint.failing_since is not None:
        health = f"failing since {_time(endpoint.failing_since)}: {endpoint.last_error}"
    elif endpoint.last_success_at is not None:
        health = f"last arrived {_time(endpoint.last_success_at)}"
    events = ", ".join(event.value for event in endpoint.events)
    return f"{endpoint.id}  {endpoint.name}: {endpoint.url} ({events}); {health}"


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
