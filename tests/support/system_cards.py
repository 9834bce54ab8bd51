"""A policy with one other threshold, and a report of `safelight eval all`, for cards and packs."""

from __future__ import annotations

import json
from pathlib import Path

#: Without detectors that take long to load.
SETTINGS = "[detectors]\nminilm = false\nacts = false\nthreats = false\n"


def write_house(folder: Path) -> Path:
    (folder / "house.yaml").write_text(
        "policy: house\nversion: '1'\nextends: starter\nthresholds: {sx-1: 0.7}\n"
    )
    return folder / "house.yaml"


def write_report(folder: Path, policy_sha256: str) -> str:
    """The name of the report, which has the shape that the command writes."""
    rate = {"k": 3, "n": 4, "interval": [0.3006, 0.9544]}
    figure = {"name": "report", "label": "unsafe", "n": 4, "stopped": {"policy": rate}}
    report = {
        "format": "safelight-suite-1",
        "safelight": "0.1.0",
        "date": "2026-11-24T10:00:00+00:00",
        "policy": {"name": "starter", "sha256": policy_sha256},
        "model_hash": "ab" * 32,
        "unfinished": 1,
        "totals": [figure],
        "by_set": [{**figure, "name": "mine"}],
        "classes": {"unsafe": [{**figure, "name": "hate"}], "safe": []},
        "sets": [{"name": "mine", "purpose": "report", "rows": 4, "licence": "CC0-1.0", "sha256": "cd" * 32}],
    }
    (folder / "report.json").write_text(json.dumps(report))
    return "report.json"
