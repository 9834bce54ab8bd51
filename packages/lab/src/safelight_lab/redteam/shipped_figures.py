"""The figures of a red team for the system card: those of the release, or of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, NotFound, SafelightError

from .figures import FORMAT

_FOLDER, _NAME = "safelight_lab.governance", "measured_redteam.json"
#: Parts of a report that the card states.
_HEAD = ("format", "safelight", "date", "policy", "seed", "queries", "unfinished")


def cut(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the card states: families, counts, intervals and queries. Raises `KeyError` and `TypeError`."""
    harmless, search = report["harmless"], report["search"]
    return {
        **{name: report[name] for name in _HEAD},
        "rounds": [
            {
                "name": one["name"],
                "bypassed": one["bypassed"],
                "families": [
                    {"family": row["family"], "bypassed": row["bypassed"]} for row in one["families"]
                ],
            }
            for one in report["rounds"]
        ],
        "harmless": None if harmless is None else {"stopped": harmless["stopped"]},
        "search": None
        if search is None
        else {name: search[name] for name in ("budget", "seeds", "within", "median")},
    }


def record_figures(report: Mapping[str, Any]) -> None:
    """Writes the figures of the release. Raises `SafelightError` if the package cannot be written."""
    path = Path(str(files(_FOLDER))) / _NAME
    try:
        path.write_text(json.dumps(cut(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error


def read_figures(path: Path | None) -> tuple[dict[str, Any] | None, bytes]:
    """The figures of a report, or without a path those of the release, and the bytes of their file.

    None if no run was recorded for the release. Raises `NotFound`, or `InvalidField`.
    """
    source = files(_FOLDER) / _NAME if path is None else path
    if path is None and not source.is_file():
        return None, b""
    try:
        data = source.read_bytes()
        report = json.loads(data)
        if report["format"] != FORMAT:
            raise ValueError
        return cut(report), data
    except OSError as error:
        raise NotFound(f"{source} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidField(
            f"{source} is no report of `safelight redteam run`.", remedy="Give its report.json."
        ) from error
