"""`safelight serve`: run the gateway."""

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
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 selects a free port.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A reverse proxy terminates TLS; its headers are trusted.")
    ] = False,
    upstream: Annotated[
        str | None, typer.Option(help="A server with /v1/videos; its models are offered here.")
    ] = None,
    upstream_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the upstream's key. [default: variable SAFELIGHT_UPSTREAM_KEY]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Offer only this model of the upstream; repeatable. [default: all]"),
    ] = None,
    paid: Annotated[
        bool, typer.Option("--paid", help="The upstream charges: a request is submitted at most once.")
    ] = False,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Record the waiver `demo`, create a key, then generate and verify a first clip."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print address, link and key as JSON.")] = False,
) -> None:
    """Run the gateway, its workers and its web pages until Ctrl-C."""
    from safelight.bootstrap import load

    from .server_process import Gateway, set_up_logging

    server: dict[str, Any] = {"host": host, "port": port, "behind_proxy": behind_proxy or None}
    flags: dict[str, Any] = {"server": {name: value for name, value in server.items() if value is not None}}
    if data is not None:
        flags["data"] = data
    flags |= _attach_upstream(load(config_path(ctx), **flags), upstream, upstream_key_file, model, paid=paid)
    container = load(config_path(ctx), **flags)
    set_up_logging(container.core.settings.log)
    gateway = Gateway(container)

    def ready() -> None:
        _announce(container, gateway, demo=demo, as_json=as_json)
        if upstream is None:
            _check_upstreams(container)

    gateway.run(ready)


def _attach_upstream(
    container: Container, url: str | None, key_file: Path | None, models: list[str] | None, *, paid: bool
) -> dict[str, Any]:
    """The settings for the upstream of the command line. Prints warnings about the upstream immediately."""
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
    return {
        "generators": {**known, found.name: found.options},
        "generation": {"default_generator": found.name},
    }


def _check_upstreams(container: Container) -> None:
    """Warn about configured upstreams that do not respond or do not require authentication."""
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


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        progress_console().print(
            f"[bold yellow]Warning:[/bold yellow] {warning}", highlight=False, soft_wrap=True
        )


def _announce(container: Container, gateway: Gateway, *, demo: bool, as_json: bool) -> None:
    """Print the address, the login link and the coverage gaps. With `demo`, also request the first clip."""
    from .demo import make_first_clip, operator, record_waiver

    waivers = container.persistence.waivers_in_force(container.persistence.tenant)
    key = None
    if demo:
        waivers = record_waiver(container)
        _record, key = container.persistence.accounts.create_key(
            container.persistence.tenant, "demo", by="make run"
        )
    token = container.persistence.accounts.create_login_link(operator(container))
    link = f"{gateway.address}/login?token={token}"
    if as_json:
        write_json({"address": gateway.address, "login": link, "key": key})
    else:
        _print_start(container, gateway.address, link, key, waivers)
    if demo and key is not None:
        make_first_clip(gateway.address, key, container.persistence.verifier)


def _print_start(
    container: Container, address: str, link: str, key: str | None, waivers: tuple[Waiver, ...]
) -> None:
    console = progress_console()
    console.print(f"\n[bold]Safelight[/bold] listens on {address}", highlight=False)
    console.print(f"  Sign in once:  {link}", highlight=False, soft_wrap=True)
    if key is not None:
        console.print(f"  API key:       {key}", highlight=False, soft_wrap=True)
        console.print(f"  Base URL:      {address}/v1", highlight=False)
    for missing in container.core.detectors.missing:
        console.print(f"  [yellow]Missing:[/yellow]     {missing.name}: {missing.sentence}", highlight=False)
    gaps = [cell for cell in container.review.describe_coverage()["cells"] if cell["status"] == "not checked"]
    if gaps:
        names = ", ".join(sorted({f"{cell['category']} in {cell['modality']}" for cell in gaps}))
        console.print(f"  [yellow]Not checked:[/yellow]   {names}", highlight=False)
        for reason in dict.fromkeys(cell["note"] for cell in gaps if cell["note"]):
            console.print(f"                 {reason}", highlight=False)
    for waiver in waivers:
        console.print(
            f"  [yellow]Waiver:[/yellow]        {waiver.name}, by {waiver.decided_by}: {waiver.reason}",
            highlight=False,
        )
    if gaps and not waivers:
        console.print(
            "  No waiver is recorded, so every video is held for review. See `safelight waivers add`."
        )
    due = container.core.settings.review.due_minutes
    note = "" if _count_reviewer_keys(container) else "; no reviewer key exists"
    console.print(f"  Undecided held videos are refused after {due:g} minutes{note}.\n", highlight=False)


def _count_reviewer_keys(container: Container) -> int:
    """Number of API keys that may decide held videos. The person at this terminal is not counted."""
    return sum(
        key.revoked_at is None and KeyScope.REVIEW in key.scopes
        for key in container.persistence.accounts.list_keys(container.persistence.tenant)
    )
