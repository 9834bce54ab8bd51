"""The figures of each category of acts, from the counts of `python -m bench.acts --out COUNTS.json`.

    python -m bench.acts.figures COUNTS.json [--made DAY]

It writes `src/safelight/policy/measured_acts.json`, from which coverage, the decision sheet and the pages
take them. Found: a harmful row that is stopped if every finding of the reader were a hold. Stopped: a row
that the policy stops as it is. Only the rows of the test set that was scored once, after every choice, count.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from safelight.detectors.text.acts import FILE
from safelight.detectors.text.plugins import ACT_CATEGORIES, ACTS
from safelight.policy.documents import load as load_policy
from safelight.policy.findings import SHIPPED, Category, Modality

from .__main__ import COLUMNS, LATER_TESTS, TESTS

#: The test set whose rows count, and its file of acts.
TEST = TESTS[-1]
TEST_FILE = TEST / "acts.jsonl"
OUT = Path(__file__).parents[2] / "src/safelight/policy/measured_acts.json"
#: The class of the test set for each category.
CLASSES = {
    category: "self-harm" if category is Category.SELF_HARM_ACT else category.value.rpartition("/")[2]
    for category in ACT_CATEGORIES
}


def figures(counts: Mapping[str, Mapping[str, Any]], made: str) -> dict[str, Any]:
    """What `safelight.policy.measurements` reads."""
    policy = load_policy("starter", SHIPPED)
    weights = (files("safelight.detectors.text") / "weights" / FILE).read_bytes()
    _, stopped, held = COLUMNS
    cells = []
    for category, act in CLASSES.items():
        harmful, twins = (counts[f"{LATER_TESTS[TEST]}acts {act} {label}"] for label in ("unsafe", "safe"))
        cells.append(
            {
                "category": category.value,
                "modality": Modality.TEXT.value,
                "what": "acts in prompts, read with E5",
                "segments": harmful["rows"],
                "found": harmful.get(held, 0),
                "stopped": harmful.get(stopped, 0),
                "safe_clips": twins["rows"],
                "false_alarms": twins.get(held, 0),
            }
        )
    return {
        "made": made,
        "page": "docs/benchmarks/acts.md",
        "data_sha256": hashlib.sha256(TEST_FILE.read_bytes()).hexdigest(),
        "policy": {policy.name: policy.sha256},
        "model_hash": hashlib.sha256(weights).hexdigest(),
        "detectors": {ACTS.name: ACTS.version},
        "content": "prompts",
        "cells": cells,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=Path)
    parser.add_argument("--made", default=dt.datetime.now(dt.UTC).date().isoformat())
    given = parser.parse_args()
    counts = json.loads(given.counts.read_text(encoding="utf-8"))["counts"]
    found = figures(counts, given.made)
    OUT.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for cell in found["cells"]:
        print(cell["category"], cell["found"], cell["segments"], cell["false_alarms"], cell["safe_clips"])


if __name__ == "__main__":
    main()
