"""Prints the tables of docs/benchmarks/provenance.md from rows of `safelight eval provenance`.

    python -m bench.provenance.summary RESULTS [--code CODE]

Only rows of one code count: that of this checkout, or CODE, its first characters.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safelight.policy.statistics import wilson
from safelight_lab.evaluation.provenance_eval import UNMARKED, code_sha256
from safelight_lab.evaluation.provenance_report import bootstrap_interval, build_report

Rows = Sequence[dict[str, Any]]

#: The attacks that have aims of their own. All others are the ordinary ones, which are pooled.
HARDER = ("h264-38", "h264-43", "crop-resize-h264", "screen-recording", "hard-recording")


def share(rows: Rows, name: str) -> str:
    """Share, count and interval. Bootstrap over sources, and Wilson's interval if that has no width."""
    hits = sum(row[name] for row in rows)
    low, high = bootstrap_interval(rows, name)
    method = ""
    if low == high:
        (low, high), method = wilson(hits, len(rows)), " (Wilson)"
    return f"{hits / len(rows):.1%} ({hits} of {len(rows)}) | {low:.0%} to {high:.0%}{method}".replace(
        "%", " %"
    )


def table(title: str, groups: dict[str, Rows]) -> str:
    lines = [f"| {title} | read without help | interval | with the registry | interval |", "| --- " * 5 + "|"]
    lines += [
        f"| {name} | {share(rows, 'recovered')} | {share(rows, 'recovered_registry')} |"
        for name, rows in groups.items()
    ]
    return "\n".join(lines)


def by(rows: Rows, key: str) -> dict[str, Rows]:
    return {
        name: [row for row in rows if row[key] == name] for name in dict.fromkeys(row[key] for row in rows)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--code", default=code_sha256())
    asked = parser.parse_args()
    every = [json.loads(line) for line in asked.results.read_text("utf-8").splitlines()]
    rows = [row for row in every if row["code"].startswith(asked.code)]
    marked = [row for row in rows if row["attack"] != UNMARKED]
    ordinary = [row for row in marked if row["attack"] not in HARDER]
    print(table("attack", {"all ordinary ones": ordinary, **by(marked, "attack")}), "\n")
    print(table("kind, ordinary attacks", by(ordinary, "kind")), "\n")
    print(table("kind, all attacks", by(marked, "kind")), "\n")
    for source, part in by(marked, "clip").items():
        lost = [row["attack"] for row in part if not row["recovered"]]
        print(f"| {part[0]['source']} | {source[:8]} | {part[0]['psnr_db']:.1f} | {', '.join(lost) or '-'} |")
    found = build_report(rows)
    print(
        json.dumps(
            {
                name: found[name]
                for name in ("code", "clips", "sources", "keys", "quality", "unmarked", "seconds")
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
