"""`safelight signing`: the keys and certificates with which this installation seals files."""

from __future__ import annotations

from typing import Annotated

import typer

from .commands import load_container
from .exit_codes import Exit
from .language import texts
from .output import emit

app = typer.Typer(no_args_is_help=True)


@app.callback()
def signing() -> None:
    """Export the root certificates of the signing keys; replace the key of the watermark."""


@app.command("export-roots")
def export_roots(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Print the root certificates of this installation's seals as PEM, for other C2PA tools."""
    pem = load_container(ctx).persistence.sealer.trust_anchor_pem
    emit({"pem": pem}, as_json, pem)
    return Exit.OK


@app.command("rotate-watermark-key")
def rotate_watermark_key(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Create a new key for the watermark of new files. Older marks stay readable for two more rotations.

    A running gateway uses it at once.
    """
    epoch = load_container(ctx).persistence.watermark_keys.rotate()
    emit({"epoch": epoch}, as_json, texts()("signing.rotated", epoch=epoch))
    return Exit.OK
