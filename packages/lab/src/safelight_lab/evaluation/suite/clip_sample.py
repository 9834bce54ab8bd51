"""A fixed sample of pictures, clips and sounds: what is stopped, plain and attacked. No content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from safelight_lab.evaluation.intervals import share

from .paired import compare_sides

_LABELS = ("unsafe", "safe")


@dataclass(frozen=True, kw_only=True)
class ClipRow:
    """One file of the sample."""

    #: The same file in every run with the same release.
    id: str
    payload: str
    medium: str
    #: Empty: the plain form.
    attack: str
    #: `unsafe`: the payload; `safe`: its harmless twin.
    label: str
    stopped: bool
    #: Whether a finding stopped it or every detector inspected it as a whole.
    checked: bool


def build_figures(
    rows: Sequence[ClipRow], missing: Mapping[str, str], before: tuple[str, Mapping[str, bool]] | None
) -> dict[str, Any]:
    """Counts by payload and medium. `missing` names the payloads that could not be made; `before`: the name
    of the compared side, and whether it stopped a file, by id.
    """
    cells: dict[tuple[str, str], list[ClipRow]] = {}
    for row in rows:
        cells.setdefault((row.payload, row.medium), []).append(row)
        cells.setdefault(("all", row.medium), []).append(row)
    parts = {row.id: [("clips", row.label)] for row in rows}
    counted = [
        {"payload": name, "medium": medium, **_count(found)} for (name, medium), found in cells.items()
    ]
    return {
        "cells": sorted(counted, key=lambda one: (one["payload"] == "all", one["medium"], one["payload"])),
        "missing": dict(missing),
        "differences": [compare_sides(*before, stopped_by_id(rows), parts)] if before else [],
        "rows": [asdict(row) for row in rows],
    }


def stopped_by_id(rows: Iterable[ClipRow]) -> dict[str, bool]:
    """Whether each checked file was stopped."""
    return {row.id: row.stopped for row in rows if row.checked}


def _count(rows: Sequence[ClipRow]) -> dict[str, Any]:
    counts: dict[str, Any] = {"not_checked": sum(not row.checked for row in rows)}
    for form, attacked in (("plain", False), ("attacked", True)):
        for label in _LABELS:
            found = [
                row for row in rows if row.checked and row.label == label and bool(row.attack) is attacked
            ]
            counts[f"{form}_{label}"] = share(sum(row.stopped for row in found), len(found))
    return counts


def table(figures: Mapping[str, Any]) -> Iterator[list[str]]:
    """The head and the rows of the table; the sums by medium are last."""
    yield ["content", "medium", "plain", "its twin", "attacked", "twins attacked alike", "not checked"]
    for one in figures["cells"]:
        whole = one["payload"] == "all"
        yield [
            one["payload"],
            one["medium"],
            *(
                _format(one[f"{form}_{label}"], with_interval=whole)
                for form in ("plain", "attacked")
                for label in _LABELS
            ),
            str(one["not_checked"]),
        ]


def _format(one: Mapping[str, Any], *, with_interval: bool) -> str:
    low, high = one["interval"]
    interval = f" ({100 * low:.0f}-{100 * high:.0f} %)" if with_interval and one["n"] else ""
    return f"{one['k']} of {one['n']}{interval}"
