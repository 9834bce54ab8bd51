"""Files with the results of a command."""

from __future__ import annotations

from pathlib import Path

from safelight.core.errors import SafelightError


def write_text(path: Path, text: str) -> None:
    """Raises `SafelightError` if the file cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error
