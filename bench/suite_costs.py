"""Where the time of the tests goes: by folder and by file, from the record of a run.

    python -m bench.suite_costs [RECORD ...] [--files N]

Without a record: build/tests*.xml, which `make test` and `make test-rest` write. Seconds are those of the
workers, with set-up and teardown of each test: their sum is the length of the run times its workers.
A record is JUnit XML of the family `xunit1`, which names files.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

#: Parts of a path that name a folder: `tests/integration/videos`, `packages/lab`.
_DEPTH = {"packages": 2}
_USUAL_DEPTH = 3


class Cost(NamedTuple):
    """Seconds of workers, and number of tests."""

    seconds: float
    tests: int


def read_record(record: Path) -> Iterator[tuple[Path, float]]:
    """The file and the seconds of each test. Raises `ElementTree.ParseError`."""
    for case in ElementTree.parse(record).iter("testcase"):
        if file := case.get("file"):
            yield Path(file), float(case.get("time", 0))


def folder_of(file: Path) -> str:
    """The folder under which a file is counted."""
    return "/".join(file.parts[:-1][: _DEPTH.get(file.parts[0], _USUAL_DEPTH)])


def add_up(rows: Iterable[tuple[str, float]]) -> list[tuple[str, Cost]]:
    """The cost of each name, the dearest first."""
    costs: defaultdict[str, Cost] = defaultdict(lambda: Cost(0.0, 0))
    for name, seconds in rows:
        costs[name] = Cost(costs[name].seconds + seconds, costs[name].tests + 1)
    return sorted(costs.items(), key=lambda item: -item[1].seconds)


def print_costs(title: str, costs: Iterable[tuple[str, Cost]]) -> None:
    print(f"{title:64}{'seconds':>9}{'tests':>7}{'s/test':>8}")
    for name, cost in costs:
        print(f"{name:64}{cost.seconds:>9.1f}{cost.tests:>7}{cost.seconds / cost.tests:>8.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", nargs="*", type=Path, metavar="RECORD")
    parser.add_argument("--files", type=int, default=40, help="how many of the dearest files to print")
    asked = parser.parse_args()
    records = asked.records or sorted(Path("build").glob("tests*.xml"))
    if not records:
        print("There is no record of a run in build/: run `make test` first.", file=sys.stderr)
        return 2
    try:
        rows = [row for record in records for row in read_record(record)]
    except (OSError, ElementTree.ParseError) as error:
        print(f"A record cannot be read: {error}", file=sys.stderr)
        return 2
    folders = add_up((folder_of(file), seconds) for file, seconds in rows)
    print_costs("folder", [*folders, *add_up(("all", seconds) for _, seconds in rows)])
    print()
    print_costs(f"the {asked.files} dearest files", add_up((str(file), s) for file, s in rows)[: asked.files])
    return 0


if __name__ == "__main__":
    sys.exit(main())
