"""Holdout log: records every run on data sets that are reserved for measurement, so that tuning on these
sets would be visible.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, SafelightError

#: Names of the holdout sets by the sha256 of their file.
SETS = {
    "ea6f364233288e15246a5f00a5f38d563857bb945dd1a7ee99a574c513d2fe69": "moviegen",
    "fad99d43f2c21653032fb0cf26608f2fbe70f56d81af9ef24e8b01b91daceed0": "ringabell_pairs",
    "25d8c867abd64d042b07794b7f571f584a98678755f6bb60fa392fb52ac57ca0": "t2i_risky",
    "237f93d1c8bb5e93e523a6d6e446f4528b895622e83a5db65593b1ce765ff870": "t2v_compbench",
    "29ceb56bfdad604ed56cc42bd6345792e59ced35857812f328e769d6eff4bfff": "t2vsafetybench",
    "f0272ad1116085b732dbfed5bd9af5f058e937f388312e0232a4418ca2bdf8a3": "xstest",
}
LOG = Path("docs/benchmarks/measure-log.md")


def log_for(sha256s: Iterable[str], given: Path | None) -> Path | None:
    """The log for a run on these sets; None if none of them is a holdout set and no log is given.

    Raises `InvalidField` if the log does not exist.
    """
    if given is None and not any(one in SETS for one in sha256s):
        return None
    path = given or LOG
    if not path.is_file():
        raise InvalidField(
            "One of these sets is a holdout set, and the log for its runs does not exist.",
            param="log",
            remedy="Give the log: --log docs/benchmarks/measure-log.md",
        )
    return path


def format_heading(report: Mapping[str, Any], *, now: dt.datetime) -> list[str]:
    """The first lines of a log entry: time, model and sets."""
    return [
        f"\n## {now:%Y-%m-%d %H:%M} UTC, model `{report['model_hash'][:16]}`\n",
        "Sets: " + "; ".join(f"{one['name']} `{one['sha256'][:16]}`" for one in report["datasets"]) + ".",
    ]


def format_entry(report: Mapping[str, Any], *, now: dt.datetime) -> str:
    """The log entry of one run: time, model, sets and counts."""
    lines = [
        *format_heading(report, now=now),
        f"Attacks: {', '.join(report['attacks']) or 'none'}. Found from {report['thresholds']['found']}.\n",
        "| source | attack | label | category | n | found | blocked |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['source']} | {row['attack'] or '-'} | {row['label']} | {row['category']} | {row['n']}"
        f" | {row['found']} | {', '.join(f'{name} {n}' for name, n in row['blocked'].items())} |"
        for row in report["rows"]
    ]
    return "\n".join(lines) + "\n"


def append(path: Path, text: str) -> None:
    """Appends a run to the log. Raises `SafelightError` if it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error
