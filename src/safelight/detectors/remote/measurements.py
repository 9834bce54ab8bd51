"""The operator's own figures of a guard model: what was measured here, when, and for which version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safelight.fileio import write_atomic


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many of so many."""

    found: int
    n: int

    def said(self) -> str:
        return f"{self.found} of {self.n} ({100 * self.found / max(self.n, 1):.1f} %)"


@dataclass(frozen=True, kw_only=True)
class GuardMeasurements:
    """One run over labelled prompts. Categories nobody had examples of are not in it."""

    #: Day of the run, ISO 8601.
    date: str
    #: The guard's version: its grammar, its model and our request.
    version: str
    #: sha256 of the data sets.
    sets: tuple[str, ...]
    #: Prompts it gave no usable answer for.
    holes: int
    harmless: Share
    categories: Mapping[str, Share]

    def measured(self, category: str) -> str | None:
        """The figure for a category in a sentence, or None where there were no examples."""
        share = self.categories.get(category)
        if share is None:
            return None
        alarms = f"false alarms on {self.harmless.said()} harmless prompts"
        return f"{self.date}, here: {share.said()} found, {alarms}"


def read(path: Path, version: str) -> GuardMeasurements | None:
    """The figures kept there, if they are of this version; None where there are none or they are damaged."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        figures = GuardMeasurements(
            date=str(raw["date"]),
            version=str(raw["version"]),
            sets=tuple(raw["sets"]),
            holes=int(raw["holes"]),
            harmless=Share(**raw["harmless"]),
            categories={name: Share(**share) for name, share in raw["categories"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return figures if figures.version == version else None


def write(path: Path, figures: GuardMeasurements) -> None:
    """Keep them, in place of those before. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(figures), indent=2, sort_keys=True) + "\n"
    write_atomic(path, text.encode(), mode=0o666)
