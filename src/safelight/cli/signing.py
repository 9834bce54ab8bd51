"""`safelight signing`: the certificates with which this installation seals files."""

from __future__ import annotations

from typing import Annotated

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

app = typer.Typer(no_args_is_help=True)


@app.callback()
def signing() -> None:
    """Export the root certificates of the signing keys."""


@app.command("export-roots")
def export_roots(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Print the root certificates of this installation's seals as PEM, for other C2PA tools."""
    pem = load_container(ctx).persistence.sealer.trust_anchor_pem
    emit({"pem": pem}, as_json, pem)
    return Exit.OK
