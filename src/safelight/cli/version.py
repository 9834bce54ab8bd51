"""`safelight version`."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from safelight import __version__

from .output import emit

app = typer.Typer(add_completion=False)


def version_line() -> str:
    return f"safelight {__version__} (Python {platform.python_version()}, {platform.system()})"


@app.command()
def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the version."""
    payload = {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    emit(payload, as_json, version_line())
