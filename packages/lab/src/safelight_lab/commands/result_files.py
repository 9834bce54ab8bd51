"""Files with the results of a command."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safelight
from safelight.core.errors import SafelightError


def describe_run(format_name: str) -> dict[str, str]:
    """What each report begins with: its format, the version and the time."""
    return {
        "format": format_name,
        "safelight": safelight.__version__,
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def format_report(report: Mapping[str, Any]) -> str:
    """A report as it stands in a file."""
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Raises `SafelightError` if the file cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error
