"""The report of `safelight eval provenance`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .provenance_eval import UNMARKED

_DRAWS = 2000


def build_report(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`attacks` and `kinds` with shares and 95 % intervals, `quality`, `unmarked` and `seconds`."""
    marked = [row for row in rows if row["attack"] != UNMARKED]
    unmarked = [row for row in rows if row["attack"] == UNMARKED]
    each_clip = list({(row["clip"], row["key"]): row for row in rows}.values())
    return {
        "code": rows[0]["code"],
        "clips": len({row["clip"] for row in rows}),
        "sources": len({row["source"] for row in rows}),
        "keys": len({row["key"] for row in rows}),
        "attacks": [{"attack": name, **_recovered(part)} for name, part in _groups(marked, "attack")],
        "kinds": [{"kind": name, **_recovered(part)} for name, part in _groups(marked, "kind")],
        "quality": {
            **{name: _mean_and("least", min, name, each_clip) for name in ("psnr_db", "ssim")},
            **{name: _mean_and("most", max, name, each_clip) for name in ("visibility", "flicker")},
        },
        "unmarked": {
            "searches": len(unmarked),
            "accepts": sum(row["accepted"] for row in unmarked),
            "accepts_registry": sum(row["accepted_registry"] for row in unmarked),
            "wrong_ids": sum(row["accepted_registry"] and not row["recovered_registry"] for row in marked),
        },
        "seconds": {
            "mark_per_frame": round(float(np.mean([row["mark_s_per_frame"] for row in each_clip])), 5),
            "search_p50": _percentile(marked, 50),
            "search_p95": _percentile(marked, 95),
            "search_unmarked_most": max(row["search_s"] for row in unmarked),
        },
    }


def _mean_and(
    end: str, worst: Callable[[list[float]], float], name: str, rows: Sequence[dict[str, Any]]
) -> dict[str, float]:
    values = [float(row[name]) for row in rows]
    return {"mean": round(float(np.mean(values)), 4), end: worst(values)}


def _groups(rows: Sequence[dict[str, Any]], key: str) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    for name in dict.fromkeys(row[key] for row in rows):
        yield name, [row for row in rows if row[key] == name]


def _recovered(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "n": len(rows),
        "recovered_blind": round(sum(row["recovered"] for row in rows) / len(rows), 4),
        "interval": bootstrap_interval(rows, "recovered"),
        "recovered_registry": round(sum(row["recovered_registry"] for row in rows) / len(rows), 4),
        "interval_registry": bootstrap_interval(rows, "recovered_registry"),
    }


def bootstrap_interval(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    """95 % interval of the share of rows in which `name` is true. Whole sources are drawn: clips of one are
    alike.
    """
    sources = sorted({row["source"] for row in rows})
    counts = np.array(
        [
            [
                sum(row[name] for row in rows if row["source"] == one),
                sum(row["source"] == one for row in rows),
            ]
            for one in sources
        ]
    )
    drawn = np.random.default_rng(0).integers(0, len(sources), (_DRAWS, len(sources)))
    found, all_rows = np.moveaxis(counts[drawn].sum(axis=1), 1, 0)
    return [round(float(end), 4) for end in np.percentile(found / all_rows, [2.5, 97.5])]


def _percentile(rows: Sequence[dict[str, Any]], percent: float) -> float:
    return round(float(np.percentile([row["search_s"] for row in rows], percent)), 3)
