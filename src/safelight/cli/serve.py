"""`safelight serve`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import SafelightError, SettingsError
from safelight.trust.accounts import KeyScope

from .commands import config_path
from .output import progress_console, write_json

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.policy.waivers import Waiver

    from .server_process import Gateway

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front ends TLS; its headers are believed.")
    ] = False,
    upstream: Annotated[
        str | None, typer.Option(help="A server that speaks /v1/videos; its models are offered here.")
    ] = None,
    upstream_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the upstream's key. [default: the variable SAFELIGHT_UPSTREAM_KEY]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Offer only this model of the upstream's; may be given again. [default: all]"),
    ] = None,
    paid: Annotated[
        bool, typer.Option("--paid", help="The upstream charges: an order is sent to it at most once.")
    ] = False,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Record the waiver `demo`, make a key, and make and verify a first clip."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print address, link and key as JSON.")] = False,
) -> None:
    """Run the gateway, its workers and its pages, until Ctrl-C."""
    from safelight.bootstrap import load

    from .server_process import Gateway, set_up_logging

    server: dict[str, Any] = {"host": host, "port": port, "behind_proxy": behind_proxy or None}
    flags: dict[str, Any] = {"server": {name: value for name, value in server.items() if value is not None}}
    if data is not None:
        flags["data"] = data
    flags |= _upstream(load(config_path(ctx), **flags), upstream, upstream_key_file, model, paid=paid)
    container = load(config_path(ctx), **flags)
    set_up_logging(container.core.settings.log)
    gateway = Gateway(container)

    def ready() -> None:
        _ready(container, gateway, demo=demo, as_json=as_json)
        if upstream is None:
            _look_at_upstreams(container)

    gateway.run(ready)


def _upstream(
    container: Container, url: str | None, key_file: Path | None, models: list[str] | None, *, paid: bool
) -> dict[str, Any]:
    """The settings that an upstream adds; what is to be feared of it is said at once."""
    from .upstream import UpstreamAnswers, attach, from_environment

    known = container.core.settings.generators
    if url is None:
        if models or paid:
            raise SettingsError("--model and --paid go with --upstream.")
        keyed = from_environment(known, key_file)
        return {"generators": keyed} if keyed else {}
    found = attach(UpstreamAnswers(url=url, key_file=key_file, models=models or (), paid=paid, known=known))
    console = progress_console()
    _warn(found.warnings)
    names = ", ".join(found.table["models"])
    console.print(f"Upstream {found.table['url']}: {names} ({found.table['billing']}).", highlight=False)
    return {"generators": {**known, found.name: found.options}, "generation": {"default_generator": found.name}}


def _look_at_upstreams(container: Container) -> None:
    """Say which of the settings' upstreams do not answer, or answer strangers; serving has begun already."""
    from safelight.generation.videos_api.discovery import base_url, discover

    from .upstream import KIND, upstream_warnings

    for name, table in container.core.settings.generators.items():
        if table["kind"] != KIND:
            continue
        try:
            _warn(
                upstream_warnings(
                    discover(base_url(str(table.get("url"))), api_key=str(table.get("api_key", "")))
                )
            )
        except SafelightError as error:
            _warn((f"The generator {name}: {error.message}",))


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        progress_console().print(
            f"[bold yellow]Warning:[/bold yellow] {sentence}", highlight=False, soft_wrap=True
        )


def _ready(container: Container, gateway: Gateway, *, demo: bool, as_json: bool) -> None:
    """Say where it is, how to get in, and what is not checked; with `demo` make the first clip."""
    from .demo import first_clip, operator, record_waiver

    waivers = container.persistence.waivers_in_force(container.persistence.tenant)
    key = None
    if demo:
        waivers = record_waiver(container)
        _record, key = container.persistence.accounts.create_key(
            container.persistence.tenant, "demo", by="make run"
        )
    link = f"{gateway.address}/login?token={container.persistence.accounts.create_login_link(operator(container))}"
    if as_json:
        write_json({"address": gateway.address, "login": link, "key": key})
    else:
        _print(container, gateway.address, link, key, waivers)
    if demo and key is not None:
        first_clip(gateway.address, key, container.persistence.verifier)


def _print(
    container: Container, address: str, link: str, key: str | None, waivers: tuple[Waiver, ...]
) -> None:
    console = progress_console()
    console.print(f"\n[bold]Safelight[/bold] listens on {address}", highlight=False)
    console.print(f"  Sign in once:  {link}", highlight=False, soft_wrap=True)
    if key is not None:
        console.print(f"  API key:       {key}", highlight=False, soft_wrap=True)
        console.print(f"  Base URL:      {address}/v1", highlight=False)
    for missing in container.core.detectors.missing:
        console.print(f"  [yellow]Not running:[/yellow] {missing.name}: {missing.sentence}", highlight=False)
    holes = [cell for cell in container.review.describe_coverage()["cells"] if cell["word"] == "not checked"]
    if holes:
        names = ", ".join(sorted({f"{cell['category']} in {cell['modality']}" for cell in holes}))
        console.print(f"  [yellow]Not checked:[/yellow]   {names}", highlight=False)
        for reason in dict.fromkeys(cell["note"] for cell in holes if cell["note"]):
            console.print(f"                 {reason}", highlight=False)
    for waiver in waivers:
        console.print(
            f"  [yellow]Waiver:[/yellow]        {waiver.name}, by {waiver.decided_by}: {waiver.reason}",
            highlight=False,
        )
    if holes and not waivers:
        console.print(
            "  No waiver is recorded, so every video is held for review. See `safelight waiver add`."
        )
    due = f"  Held videos nobody decides are refused after {container.core.settings.review.due_minutes:g} minutes"
    console.print(
        f"{due}.\n" if _reviewers(container) else f"{due}; no reviewer is enrolled.\n", highlight=False
    )


def _reviewers(container: Container) -> int:
    """Keys that may decide held videos, besides whoever signs in at this terminal."""
    return sum(
        key.revoked_at is None and KeyScope.REVIEW in key.scopes
        for key in container.persistence.accounts.list_keys(container.persistence.tenant)
    )
