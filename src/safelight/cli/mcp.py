"""`safelight mcp`: tools for assistants, over the Model Context Protocol on standard input and output."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.errors import ConfigurationError, InvalidField

from .commands import load_container
from .output import Exit

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.cli.assistants.tools import LocalCheck

app = typer.Typer(add_completion=False)


@app.command()
def mcp(
    ctx: typer.Context,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="SAFELIGHT_URL",
            help="Base URL of the gateway with /v1. The key: SAFELIGHT_API_KEY. Without it, only check and "
            "explain_error work, on this machine.",
        ),
    ] = "",
    allow_spend: Annotated[
        float | None,
        typer.Option(
            "--allow-spend",
            min=0,
            help="Most US dollars of all videos of the session; 0: only models without charge. "
            "[default: no videos]",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="For checks on this machine: a built-in policy or a document."),
    ] = None,
) -> int:
    """Serve tools for an assistant until its host closes the connection: check, explain_error, status,
    attempts, create_video.

    A video is requested only with --allow-spend, after the host has asked the user. Needs the extra
    the extra mcp.
    """
    if allow_spend is not None and not math.isfinite(allow_spend):
        raise InvalidField("--allow-spend must be a number of US dollars.", param="allow-spend")
    if allow_spend is not None and not url:
        raise ConfigurationError(
            "--allow-spend needs a gateway.",
            remedy="Give its address with --url or SAFELIGHT_URL, and its key in SAFELIGHT_API_KEY.",
        )
    try:
        from safelight.cli.assistants.server import build_server
    except ModuleNotFoundError as error:
        from safelight.core.installation import install_command

        raise ConfigurationError(
            f"This command needs the Python package {error.name!r}, which is not installed.",
            remedy=f"Run: {install_command('mcp')}",
        ) from None
    from safelight.cli.assistants.session_limits import SessionLimits
    from safelight.cli.assistants.tools import McpTools
    from safelight_client import Client

    from .client_version import require_same_client
    from .mcp_gateway import ClientGateway

    require_same_client()
    container = load_container(ctx)
    limits = SessionLimits(allow_spend)
    check = _local_check(container, policy)
    try:
        client = Client(url, os.environ.get("SAFELIGHT_API_KEY", "")) if url else None
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None
    try:
        gateway = ClientGateway(client) if client else None
        build_server(McpTools(check, gateway, limits)).run("stdio")
    finally:
        if client:
            client.close()
    return Exit.OK


def _local_check(container: Container, policy: str | None) -> Callable[[], LocalCheck]:
    """Loads detectors and policy at the first check on this machine."""

    @cache
    def load() -> LocalCheck:
        from .prompt_checker import PromptChecker

        return PromptChecker(container, policy).check

    return load
