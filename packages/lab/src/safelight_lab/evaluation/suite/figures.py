"""Figures of a suite: shares with intervals by set, class and slice, and paired differences. No text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.text.languages import length_of
from safelight.detectors.text.word_grams import chinese_words
from safelight.policy.statistics import MIN_CASES
from safelight_lab.evaluation.intervals import share

from .cache import Decision
from .clip_sample import ClipRow, stopped_by_id
from .manifests import CHOOSE, FIT, LABELS, REPORT, SuiteRow, SuiteSet
from .paired import compare_sides
from .peers import Peer

FORMAT = "safelight-suite-1"
#: The column of the policy that the run is about.
POLICY = "policy"
_HAN = re.compile(r"[㐀-鿿]")
_WORD = re.compile(r"[^\W_]+")
_SLICES: dict[str, Callable[[SuiteRow], str]] = {
    "language": lambda row: row.case.lang,
    "length": lambda row: _length(row.case.text),
    "register": lambda row: row.register,
    "group": lambda row: row.case.group,
    "medium": lambda row: row.medium,
}


@dataclass(frozen=True, kw_only=True)
class Before:
    """What the compared side decided: whether it stopped a row, by set, id and hash."""

    name: str
    stopped: Mapping[tuple[str, str, str], bool]
    #: The same of the sample of clips, by id; None: it was left out.
    clips: Mapping[str, bool] | None = None


def read_before(path: Path) -> Before:
    """The rows of an earlier report. Raises `NotFound`, or `InvalidField` if it is none."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        if report["format"] != FORMAT:
            raise InvalidField(f"{path} has the format {report['format']!r}; known: {FORMAT}.")
        stopped = {
            (row["set"], row["id"], row["sha256"]): bool(row["stopped"][POLICY]) for row in report["rows"]
        }
        name = f"{report['policy']['name']} of {report['date'][:10]}"
        clips = (
            stopped_by_id(ClipRow(**row) for row in sample["rows"])
            if (sample := report.get("clips"))
            else None
        )
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidField(f"{path} is no report of `safelight eval all`.") from error
    return Before(name=name, stopped=stopped, clips=clips)


def before_of(name: str, sets: Sequence[SuiteSet], decisions: Mapping[str, Decision]) -> Before:
    """The decisions of another column of this run."""
    stopped = {key: decisions[row.sha256].stopped for key, row in _keyed(sets)}
    return Before(name=name, stopped=stopped)


def measured(sets: Iterable[SuiteSet]) -> list[SuiteSet]:
    """The sets that are run; detectors learned from the others."""
    return [one for one in sets if one.entry.purpose != FIT]


def figures(
    sets: Sequence[SuiteSet],
    columns: Mapping[str, Mapping[str, Decision]],
    peers: Sequence[Peer],
    before: Before | None,
) -> dict[str, Any]:
    """All figures of the measured sets, as JSON."""
    run = measured(sets)
    reported = [row for one in run if one.entry.purpose == REPORT for row in one.rows]
    own = before_of(POLICY, run, columns[POLICY]).stopped
    parts = {key: [(name, row.case.label) for name in (key[0], "all")] for key, row in _keyed(run)}
    chosen = [row for one in run if one.entry.purpose == CHOOSE for row in one.rows]
    compared = [before] if before else []
    compared += [before_of(peer.name, run, columns[peer.name]) for peer in peers if peer.name in columns]
    return {
        "sets": [_describe(one) for one in sets],
        "columns": [{"name": POLICY, "state": "measured"}]
        + [
            {"name": peer.name, "version": peer.version, "state": peer.missing or "measured"}
            for peer in peers
        ],
        "totals": [
            _rate(purpose, label, found, columns)
            for purpose, part in ((REPORT, reported), (CHOOSE, chosen))
            for label in LABELS
            if (found := [row for row in part if row.case.label == label])
        ],
        "by_set": [
            {"twins": label == "safe" and all(row.pair for row in found)}
            | _rate(one.entry.name, label, found, columns)
            for one in run
            for label in LABELS
            if (found := [row for row in one.rows if row.case.label == label])
        ],
        "classes": {label: _classes(reported, label, columns) for label in ("unsafe", "safe")},
        "slices": [*_slices(reported, columns)],
        "differences": [compare_sides(one.name, one.stopped, own, parts) for one in compared],
        "rows": [
            {
                "set": set_name,
                "id": row_id,
                "sha256": sha256,
                "label": row.case.label,
                "action": columns[POLICY][sha256].action,
                "stopped": {name: decided[sha256].stopped for name, decided in columns.items()},
            }
            for (set_name, row_id, sha256), row in _keyed(run)
        ],
    }


def _describe(one: SuiteSet) -> dict[str, Any]:
    entry = one.entry
    return {
        "name": entry.name,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "purpose": entry.purpose,
        "why": entry.why,
        "rows": len(one.rows),
        "left_out": list(one.left_out),
    }


def _keyed(sets: Sequence[SuiteSet]) -> Iterator[tuple[tuple[str, str, str], SuiteRow]]:
    for one in sets:
        for row in one.rows:
            yield (one.entry.name, row.case.id, row.sha256), row


def _rate(
    name: str, label: str, rows: Sequence[SuiteRow], columns: Mapping[str, Mapping[str, Decision]]
) -> dict[str, Any]:
    """How many of the rows each column stops."""
    return {
        "name": name,
        "label": label,
        "n": len(rows),
        "stopped": {
            column: share(sum(decided[row.sha256].stopped for row in rows), len(rows))
            for column, decided in columns.items()
        },
    }


def _classes(
    rows: Sequence[SuiteRow], label: str, columns: Mapping[str, Mapping[str, Decision]]
) -> list[dict[str, Any]]:
    """The classes with enough rows; for the policy, the worst first."""
    classes: dict[str, list[SuiteRow]] = {}
    for row in rows:
        if row.case.label == label and row.case.kind:
            classes.setdefault(row.case.kind, []).append(row)
    found = [_rate(name, label, part, columns) for name, part in classes.items() if len(part) >= MIN_CASES]

    def stopped(one: Mapping[str, Any]) -> float:
        rate = float(one["stopped"][POLICY]["k"] / one["n"])
        return rate if label == "unsafe" else -rate

    return sorted(found, key=lambda one: (stopped(one), one["name"]))


def _slices(
    rows: Sequence[SuiteRow], columns: Mapping[str, Mapping[str, Decision]]
) -> Iterator[dict[str, Any]]:
    for slice_name, value_of in _SLICES.items():
        parts: dict[tuple[str, str], list[SuiteRow]] = {}
        for row in rows:
            if value := value_of(row):
                parts.setdefault((value, row.case.label), []).append(row)
        for value, label in sorted(parts):
            yield {"slice": slice_name, **_rate(value, label, parts[value, label], columns)}


def _length(text: str) -> str:
    words = len(_WORD.findall(_HAN.sub(" ", text)))
    return length_of(words + (len(chinese_words(text)) if _HAN.search(text) else 0))
