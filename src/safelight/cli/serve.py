"""`safelight serve`: run the gateway."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from safelight.core.errors import SafelightError, SettingsError

from .commands import config_path
from .language import texts
from .output import print_prose, progress_console, write_json
from .upstream import (
    KIND,
    KeyFile,
    OfferedModels,
    Paid,
    UpstreamAnswers,
    attach,
    from_environment,
    upstream_warnings,
)

if TYPE_CHECKING:
    from safelight.app.container import Container

    from .server_process import Gateway

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 selects a free port.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    role: Annotated[
        str | None,
        typer.Option(help="What this process does, such as web,work; default: web,work,scan,notify."),
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A reverse proxy terminates TLS; its headers are trusted.")
    ] = False,
    upstream: Annotated[
        str | None, typer.Option(help="A server with /v1/videos; its models are offered here.")
    ] = None,
    upstream_key_file: KeyFile = None,
    model: OfferedModels = None,
    paid: Paid = False,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Record the waiver `demo`, create a key, then generate and verify a first clip."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log every request, not only those that fail in the server.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print address, link and key as JSON.")] = False,
) -> None:
    """Run the gateway, its workers and its web pages until Ctrl-C."""
    from safelight.app.container import load

    from .server_process import Gateway, set_up_logging

    server: dict[str, Any] = {
        "host": host,
        "port": port,
        "behind_proxy": behind_proxy or None,
        "roles": None if role is None else role.split(","),
    }
    flags: dict[str, Any] = {"server": {name: value for name, value in server.items() if value is not None}}
    if data is not None:
        flags["data"] = data
    configured = load(config_path(ctx), **flags)
    if demo and "web" not in configured.core.settings.server.roles:
        raise SettingsError("--demo needs a process with the role web.")
    # Before a JSON log takes what is written to it.
    with os.fdopen(os.dup(1), "w") as standard_output:
        # First, because a JSON log has also the warnings about the upstream.
        release_log = set_up_logging(configured.core.settings.log, verbose=verbose)
        flags |= _attach_upstream(configured, upstream, upstream_key_file, model, paid=paid)
        container = load(config_path(ctx), **flags)
        gateway = Gateway(container)

        def ready() -> None:
            try:
                if upstream is None:
                    _check_upstreams(container)
                _announce(container, gateway, standard_output, demo=demo, as_json=as_json)
            finally:
                release_log()

        gateway.run(ready)


def _attach_upstream(
    container: Container, url: str | None, key_file: Path | None, models: list[str] | None, *, paid: bool
) -> dict[str, Any]:
    """The settings for the upstream of the command line. Prints warnings about the upstream immediately."""
    known = container.core.settings.generators
    if url is None:
        if models or paid:
            raise SettingsError("--model and --paid go with --upstream.")
        keyed = from_environment(known, key_file)
        return {"generators": keyed} if keyed else {}
    found = attach(UpstreamAnswers(url=url, key_file=key_file, models=models or (), paid=paid, known=known))
    _warn(found.warnings)
    return {
        "generators": {**known, found.name: found.options},
        "generation": {"default_generator": found.name},
    }


def _check_upstreams(container: Container) -> None:
    """Warn about configured upstreams that do not respond or do not require authentication."""
    from safelight.providers.videos_api.discovery import base_url, discover

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
        print_prose(progress_console(), texts()("serve.warning", text=warning), style="yellow")


def _announce(
    container: Container, gateway: Gateway, standard_output: TextIO, *, demo: bool, as_json: bool
) -> None:
    """Print the first screen. With `demo`, also request the first clip."""
    from .demo import demo_key, make_first_clip, operator, record_waiver
    from .start_screen import print_clip, print_start

    waivers = container.persistence.waivers_in_force(container.persistence.tenant)
    key = None
    link = None
    if demo:
        waivers = record_waiver(container)
        key = demo_key(container)
    roles = container.core.settings.server.roles
    if "web" in roles:
        token = container.persistence.accounts.create_login_link(operator(container))
        link = f"{gateway.address}/login?token={token}"
    if as_json:
        answer = {"address": gateway.address, "login": link, "key": key}
        if container.core.settings.log.format == "json":
            # On one line, because logs of containers have standard output and standard error together.
            standard_output.write(json.dumps(answer) + "\n")
            standard_output.flush()
        else:
            write_json(answer)
            sys.stdout.flush()
    elif link is None:
        running = texts()("serve.roles", roles=", ".join(sorted(roles)), address=gateway.address)
        print_prose(progress_console(), running)
    else:
        _warn(_failed_detectors(container))
        print_start(container, gateway.address, link, key, waivers)
    if demo and key is not None:
        stopping = container.core.shutdown_event
        print_clip(make_first_clip(gateway.address, key, container.persistence.verifier, stopping))


def _failed_detectors(container: Container) -> Iterator[str]:
    """Detectors that the settings configure and that cannot run. `doctor` lists the others."""
    for missing in container.core.detectors.missing:
        if container.core.settings.detectors.get(missing.name):
            yield f"{missing.name}: {missing.sentence}"
