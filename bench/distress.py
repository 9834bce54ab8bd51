"""Which texts of people in distress get help lines, and which harmless ones do.

    python -m bench.distress [--store FOLDER] [--data FILE.jsonl ...]

It prints counts and never a row: of bench/acts/test/distress.jsonl, and of each file of `--data`, which has
rows with `text`, `label` and `lang`. Two columns: by rules and n-grams, as without the weights of MiniLM and
E5; and with them. Then the same at other thresholds. `--store` is the folder of models. The rows of
bench/acts/fit are fitted; `safelight train --distress` prints the counts of those, by classifiers that had
not seen them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

from bench.screening import quantile
from safelight.detectors.protocol import TextContent
from safelight.detectors.text import distress, meaning
from safelight.detectors.text.acts import ActReader
from safelight.detectors.text.compositions import shipped_compositions
from safelight.detectors.text.normalise import views
from safelight.detectors.text.plugins import meaning_reader
from safelight.policy.statistics import wilson

ACTS = Path(__file__).parent / "acts"
#: Added to the threshold, in log-odds.
SHIFTS = (-4, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3)


def read(name: str) -> list[dict[str, Any]]:
    """The rows of a file of bench/acts/fit."""
    return _rows(ACTS / "fit" / f"{name}.jsonl")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def make_detectors(reader: ActReader | None) -> list[distress.DistressDetector]:
    """Without encoders; as shipped; and with each of the shifted thresholds."""
    compositions, words = shipped_compositions(), distress.load()
    found = [distress.DistressDetector(compositions, words)]
    if reader:
        shipped = meaning.load(meaning.DISTRESS)
        for shift in (0, *SHIFTS):
            classifier = replace(shipped, threshold=shipped.threshold + shift)
            voice = meaning.MeaningReader(classifier, reader)
            found.append(distress.DistressDetector(compositions, words, voice))
    return found


def groups_of(row: dict[str, Any]) -> Iterator[str]:
    """The lines of the table to which a row belongs."""
    label = "distress" if row.get("label") == "distress" else "harmless"
    yield label
    if label == "distress":
        for key in ("lang", "register"):
            if row.get(key):
                yield f"{label}, {row[key]}"
    else:
        yield f"{label}, {row['lang']}"


def print_counts(path: Path, detectors: Sequence[distress.DistressDetector]) -> None:
    rows, found, costs = Counter[str](), Counter[tuple[str, int]](), []
    for row in _rows(path):
        content = TextContent(field="prompt", text=row["text"], views=views(row["text"]))
        rows.update(groups_of(row))
        for index, detector in enumerate(detectors):
            began = process_time()
            helped = any(True for _ in detector.inspect_text(content))
            if index == 1:
                costs.append((process_time() - began) * 1000)
            found.update((group, index) for group in groups_of(row) if helped)
    print(f"| {path.stem} | rows | without encoders | with them | 95 % |\n| --- | --- | --- | --- | --- |")
    for group, count in sorted(rows.items()):
        low, high = wilson(found[group, 1], count)
        print(f"| {group} | {count} | {found[group, 0]} | {found[group, 1]} | {low:.1%} to {high:.1%} |")
    for index, shift in enumerate(SHIFTS if len(detectors) > 1 else (), 2):
        shares = [
            f"{label} {found[label, index] / rows[label]:.1%}"
            for label in ("distress", "harmless")
            if rows[label]
        ]
        print(f"threshold {shift:+}: {', '.join(shares)}")
    if costs:
        print(f"CPU ms: p50 {quantile(sorted(costs), 0.5):.1f}, p99 {quantile(sorted(costs), 0.99):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    detectors = make_detectors(meaning_reader({"store": given.store} if given.store else {}))
    for path in (ACTS / "test" / "distress.jsonl", *given.data):
        print_counts(path, detectors)


if __name__ == "__main__":
    main()
