"""`safelight webhooks`: endpoints that receive events about videos."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.net.webhook_inputs import EventType, NewEndpoint, Rotation, TestEvent

from .keys import Administrator
from .operations import Result, command
from .output import Exit, format_time

if TYPE_CHECKING:
    from safelight.accounts.webhooks import RegisteredEndpoint
    from safelight.app.container import Container

app = typer.Typer(no_args_is_help=True)

EndpointId = Annotated[str, typer.Argument(help="The endpoint's id.")]


@command(app)
def add(
    container: Container,
    url: Annotated[str, typer.Argument(help="The endpoint: https, with a public address.")],
    *,
    event: Annotated[
        list[str] | None, typer.Option("--event", help="An event type to send; repeatable. [default: all]")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="A name for the endpoint. [default: its host]")] = "",
    who: Administrator,
) -> Result:
    """Add an endpoint and print its signing secret once."""
    from safelight.web.api import webhooks

    asked = NewEndpoint(url=url, event_types=event or list(EventType), name=name)
    made = container.persistence.webhooks.create(who.principal(container), asked)
    return Result(webhooks.show_secret(made), _format_secret(*made))


@command(app)
def list_(container: Container, who: Administrator) -> Result:
    """List endpoints with their state. Exit code 1: at least one is failing."""
    from safelight.web.api import webhooks

    found = container.persistence.webhooks.list(who.principal(container))
    code = Exit.ERROR if any(endpoint.failing for endpoint in found) else Exit.OK
    lines = "\n".join(map(_format_line, found)) or "No webhook endpoints exist."
    return Result(webhooks.show_list(found), lines, code)


@command(app)
def remove(container: Container, endpoint: EndpointId, who: Administrator) -> Result:
    """Remove an endpoint and its pending deliveries."""
    from safelight.web.api import webhooks

    deleted = container.persistence.webhooks.delete(who.principal(container), endpoint)
    return Result(webhooks.show_deleted(deleted), f"Removed: {endpoint}")


@command(app)
def rotate(
    container: Container,
    endpoint: EndpointId,
    *,
    immediately: Annotated[
        bool, typer.Option("--immediately", help="Stop signing with the old secret at once, not after a day.")
    ] = False,
    who: Administrator,
) -> Result:
    """Create a new signing secret for an endpoint and print it once."""
    from safelight.web.api import webhooks

    asked = Rotation(keep_old_secret_active_for_24_hours=not immediately)
    made = container.persistence.webhooks.rotate(who.principal(container), endpoint, asked)
    return Result(webhooks.show_secret(made), _format_secret(*made))


@command(app)
def test(container: Container, endpoint: EndpointId, asked: TestEvent, who: Administrator) -> Result:
    """Send a sample event once and print the response. Exit code 1: it was not delivered."""
    from safelight.web.api import webhooks

    result = container.persistence.webhooks.test(who.principal(container), endpoint, asked)
    view = asdict(webhooks.show_test(result)) | {"wall_s": round(result.wall_s, 3)}
    if result.error:
        return Result(view, result.error, Exit.ERROR)
    return Result(view, f"Delivered: status {result.status}, {result.wall_s * 1000:.0f} ms.")


def _format_secret(endpoint: RegisteredEndpoint, secret: str) -> str:
    return f"{_format_line(endpoint)}\n\n  Signing secret (it cannot be shown again): {secret}"


def _format_line(endpoint: RegisteredEndpoint) -> str:
    health = "no delivery yet"
    if endpoint.failing_since is not None:
        health = f"failing since {format_time(endpoint.failing_since)}: {endpoint.last_error}"
    elif endpoint.last_success_at is not None:
        health = f"last delivered {format_time(endpoint.last_success_at)}"
    events = ", ".join(event.value for event in endpoint.events)
    return f"{endpoint.id}  {endpoint.name}: {endpoint.url} ({events}); {health}"
