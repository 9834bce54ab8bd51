"""Measured rates of a guard model, from a run on the operator's own prompts, with date and guard version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safelight.fileio import write_atomic


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """A count out of a total."""

    found: int
    n: int

    def describe(self) -> str:
        return f"{self.found} of {self.n} ({100 * self.found / max(self.n, 1):.1f} %)"


@dataclass(frozen=True, kw_only=True)
class GuardMeasurements:
    """The result of one run over labelled prompts. Categories without examples are not listed."""

    #: Day of the run, ISO 8601.
    date: str
    #: The guard's version: its format, its model and our request.
    version: str
    #: sha256 of each data set.
    data_sha256s: tuple[str, ...]
    #: Number of prompts for which the guard gave no usable answer.
    unanswered: int
    harmless: Proportion
    categories: Mapping[str, Proportion]

    def measured(self, category: str) -> str | None:
        """The rates for a category in one sentence; None if the run had no examples of it."""
        share = self.categories.get(category)
        if share is None:
            return None
        alarms = f"false alarms on {self.harmless.describe()} harmless prompts"
        return f"{self.date}, here: {share.describe()} found, {alarms}"


def read_measurements(path: Path, version: str) -> GuardMeasurements | None:
    """Read the measurements in a file; None if the file is missing or damaged, or is for another guard
    version.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        figures = GuardMeasurements(
            date=str(raw["date"]),
            version=str(raw["version"]),
            data_sha256s=tuple(raw["data_sha256s"]),
            unanswered=int(raw["unanswered"]),
            harmless=Proportion(**raw["harmless"]),
            categories={name: Proportion(**share) for name, share in raw["categories"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return figures if figures.version == version else None


def write_measurements(path: Path, figures: GuardMeasurements) -> None:
    """Write or replace the measurements in a file. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(figures), indent=2, sort_keys=True) + "\n"
    write_atomic(path, text.encode(), mode=0o666)
