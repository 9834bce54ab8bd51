"""Read every body of both folders with `decode`, and count how often each answer is the expected one.

    python bench/decode.py [--differences] [--json]

`holdout/` was written by somebody who had not seen the table. Its answers are counted twice: as they were
written (`expect`), and as agreed afterwards (`agreed` laid over them, with the reason beside it).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from safelight.providers.provider_errors import decode

CASES = Path(__file__).parent.parent / "tests/unit/providers/provider_errors"
FIELDS = ("source", "kind", "stage", "category", "charged", "retry")
#: Words of the cases, as `decode` says them.
WORDS = {"block": "content_block", "infrastructure": "network", True: "yes", False: "no", None: "unknown"}


def cases(folder: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    files = sorted((CASES / folder).glob("*.yaml"))
    if not files:
        raise FileNotFoundError(f"{CASES / folder} has no cases.")
    for file in files:
        for number, case in enumerate(yaml.safe_load(file.read_text("utf-8")), 1):
            yield f"{file.stem}/{case.get('id') or case.get('name') or number}", case


def expected(case: Mapping[str, Any], *, agreed: bool) -> dict[str, str]:
    answers = {
        **(case.get("expect") or case.get("expected") or {}),
        **(case.get("agreed", {}) if agreed else {}),
    }
    return {name: str(WORDS.get(answer, answer)) for name, answer in answers.items()}


def read(case: Mapping[str, Any]) -> dict[str, str]:
    body = case["body"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    found = decode(text, provider=case.get("provider") or case.get("hint"))
    return {name: str(getattr(found, name)) for name in FIELDS}


def count(folder: str, *, agreed: bool) -> tuple[dict[str, Any], list[str]]:
    """Per field: how many bodies ask for it, and how many are answered as expected; the rest by name."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    differences = []
    for name, case in cases(folder):
        answers, got = expected(case, agreed=agreed), read(case)
        want = {field: answer for field, answer in answers.items() if field in got}
        wrong = [field for field in want if want[field] != got[field]]
        asked.update({"bodies": 1, **dict.fromkeys(want, 1)})
        right.update({"bodies": not wrong, **{field: field not in wrong for field in want}})
        differences += [f"{name}: {field} is {want[field]}, read as {got[field]}" for field in wrong]
    return {
        field: {"asked": asked[field], "right": right[field]} for field in (*FIELDS, "bodies")
    }, differences


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--differences", action="store_true", help="name every difference")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    runs = {
        "held out, as written": count("holdout", agreed=False),
        "held out, as agreed": count("holdout", agreed=True),
        "our own": count("bodies", agreed=True),
    }
    if given.json:
        print(json.dumps({name: figures for name, (figures, _differences) in runs.items()}))
        return
    for name, (figures, differences) in runs.items():
        print(f"{name}: " + ", ".join(f"{key} {n['right']}/{n['asked']}" for key, n in figures.items()))
        for line in differences if given.differences else ():
            print(f"  {line}")


if __name__ == "__main__":
    main()
