"""`safelight redteam`: attack the checks, and count what passes."""

from __future__ import annotations

import typer

from .redteam_clips import clips

app = typer.Typer(no_args_is_help=True)
app.command()(clips)


@app.callback()
def redteam() -> None:
    """Attack the checks with payloads that they stop, and count what passes."""
