"""Seeded faults: does the test suite still see what it saw before tests were pruned and code moved?

    python -m bench.seeded_faults draw [--count 400]   choose by hash what today's suite kills, store it
    python -m bench.seeded_faults run [--sample N]     find each fault, run the tests that reach it
    python -m bench.seeded_faults redraw               replace those whose code is gone

Run in the repository's root. The faults are in bench/seeded_faults.jsonl. The in-process tests of tests/unit
and tests/integration are run, on SQLite only. With `--work`, an interrupted call goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bench.seeded_faults_places import Fault, Finder, candidates, read_tree
from bench.seeded_faults_suite import Suite, TestRun

STORED = Path("bench/seeded_faults.jsonl")
#: Those of packages/steer need torch and have their own environment.
TESTS = ("tests/unit", "tests/integration", "packages/lab/tests", "packages/storyboard/tests")
MIN_PER_PACKAGE = 3
#: A third of the faults that a test reaches survives, and some functions are reached by no test of a process.
WINDOW_FACTOR, WINDOW_MORE = 3, 10
#: Candidates that are tried in the place of one whose code is gone.
REDRAW_TRIES = 6
#: For the tests of one fault. A fault that needs more to be seen is not drawn.
DRAW_LIMIT_S = 15.0
RUN_LIMIT_S = 120.0

Collect = Callable[[Callable[[Suite], None]], None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=("draw", "run", "redraw"))
    parser.add_argument("--count", type=int, default=400, help="faults to draw")
    parser.add_argument("--sample", type=int, help="run only so many of the faults, by hash")
    parser.add_argument("--jobs", type=int, default=2, help="faults that are run at a time")
    parser.add_argument(
        "--file-seconds", type=float, default=120, help="time for the tests of a file in the map"
    )
    parser.add_argument("--work", type=Path, help="folder that keeps the map of tests and the outcomes")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(work / "hypothesis")

        def collect(work: Callable[[Suite], None]) -> None:
            _collect(Suite(Path.cwd(), given.jobs, given.file_seconds, work))

        if given.command == "draw":
            return _draw(given.count, collect, work)
        faults = sorted(read(STORED), key=lambda fault: fault.rank)
        if given.command == "redraw":
            return _redraw(faults, collect, work)
        return _run(faults[: given.sample], collect, work, as_json=given.json)


def read(path: Path) -> list[Fault]:
    """The stored faults. The id and the package are written for readers and follow from the rest."""
    stored = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        Fault(**{key: value for key, value in row.items() if key not in {"id", "package"}}) for row in stored
    ]


def write(path: Path, faults: Sequence[Fault]) -> None:
    rows = [
        {
            "id": fault.id,
            "package": fault.package,
            **{key: value for key, value in asdict(fault).items() if value != ""},
        }
        for fault in sorted(faults, key=lambda fault: (fault.package, fault.rank))
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def quotas(packages: Mapping[str, int], count: int) -> dict[str, int]:
    """Faults of each package, in proportion to the functions that can hold one."""
    total = sum(packages.values())
    return {name: max(MIN_PER_PACKAGE, round(count * size / total)) for name, size in packages.items()}


def share(killed: Mapping[str, Sequence[Fault]], wanted: Mapping[str, int], count: int) -> list[Fault]:
    """The first faults of each package. What one package lacks is taken from the others."""
    turns = [
        ((number + 1) / wanted[name], name, fault)
        for name, faults in killed.items()
        for number, fault in enumerate(faults)
    ]
    return [fault for _, _, fault in sorted(turns, key=lambda turn: turn[:2])[:count]]


def choose_tests(number: int, runs: Sequence[TestRun]) -> list[str]:
    """Tests that reach a fault: first those that are quick, reach little else and are no twin of another."""
    twins: Counter[str] = Counter()
    weighed = []
    for run in sorted((run for run in runs if number in run.reached), key=lambda run: run.seconds):
        name = run.test.partition("[")[0]
        twins[name] += 1
        weight = (0.02 + run.seconds) * (1 + len(run.reached) / 10) * twins[name]
        weighed.append((weight, run.test))
    return [test for _, test in sorted(weighed)]


def _in_any_folder(test: str) -> str:
    file, _, name = test.partition("::")
    return f"{Path(file).name}::{name}"


class Outcomes:
    """What killed each fault, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self.known: dict[str, str | None] = dict(json.loads(line) for line in lines)

    def add(self, fault: Fault, killer: str | None) -> None:
        self.known[fault.id] = killer
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([fault.id, killer]) + "\n")
        _say(f"{len(self.known)}: {fault.id} {fault.package} {fault.function}: {killer or 'SURVIVED'}")


def _draw(count: int, collect: Collect, work: Path) -> int:
    by_package: dict[str, list[Fault]] = defaultdict(list)
    for fault in candidates(read_tree(Path.cwd())):
        by_package[fault.package].append(fault)
    wanted = quotas({name: len(faults) for name, faults in by_package.items()}, count)
    windows = {
        name: faults[: wanted[name] * WINDOW_FACTOR + WINDOW_MORE]
        for name, faults in sorted(by_package.items())
    }
    outcomes = Outcomes(work / "outcomes.jsonl")

    def kill(suite: Suite) -> None:
        faults = [fault for window in windows.values() for fault in window]
        runs = suite.map(faults, work / "map", _say)
        tests = {fault.id: choose_tests(number, runs) for number, fault in enumerate(faults)}
        left = {
            name: [fault for fault in window if tests[fault.id] and fault.id not in outcomes.known]
            for name, window in windows.items()
        }
        taken = {name: sum(bool(outcomes.known.get(each.id)) for each in windows[name]) for name in windows}
        _say(
            f"{sum(map(len, left.values()))} candidates are reached, {sum(taken.values())} are killed so far"
        )

        def plan() -> Iterator[tuple[Fault, Sequence[str]]]:
            while sum(taken.values()) < count and any(left.values()):
                name = min((name for name in left if left[name]), key=lambda name: taken[name] / wanted[name])
                taken[name] += 1
                fault = left[name].pop(0)
                yield fault, tests[fault.id]

        while sum(taken.values()) < count and any(left.values()):
            for fault, killer in suite.kill(plan(), DRAW_LIMIT_S):
                outcomes.add(fault, killer)
                taken[fault.package] -= killer is None

    collect(kill)
    killed = {
        name: [
            replace(fault, killed_by=killer) for fault in window if (killer := outcomes.known.get(fault.id))
        ]
        for name, window in windows.items()
    }
    drawn = share(killed, wanted, count)
    write(STORED, drawn)
    _say(f"{len(drawn)} faults, {len(outcomes.known)} tried")
    return 0 if len(drawn) >= count else 1


def _run(faults: Sequence[Fault], collect: Collect, work: Path, *, as_json: bool) -> int:
    finder = Finder(read_tree(Path.cwd()))
    found = {fault.id: finder.find(fault) for fault in faults}
    here = [fault for fault in faults if found[fault.id] is not None]
    outcomes = Outcomes(work / "outcomes.jsonl")

    def kill(suite: Suite) -> None:
        now = [place for fault in here if (place := found[fault.id])]
        # Two faults can have become one place.
        origin: dict[Fault, list[Fault]] = defaultdict(list)
        for place, fault in zip(now, here, strict=True):
            if fault.id not in outcomes.known:
                origin[place].append(fault)
        names: dict[str, list[str]] = defaultdict(list)
        for test in suite.items:
            names[_in_any_folder(test)].append(test)

        def known() -> Iterator[tuple[Fault, Sequence[str]]]:
            for place, (fault, *_) in origin.items():
                same = [fault.killed_by] if fault.killed_by in suite.items else []
                yield place, same or names[_in_any_folder(fault.killed_by)][:1]

        left = []
        for place, killer in suite.kill(known(), RUN_LIMIT_S):
            if killer is None:
                left.append(place)
            for fault in origin[place] if killer else ():
                outcomes.add(fault, killer)
        if left:
            runs = suite.map(left, work / "map", _say)
            plan = ((place, choose_tests(number, runs)) for number, place in enumerate(left))
            for place, killer in suite.kill(plan, RUN_LIMIT_S):
                for fault in origin[place]:
                    outcomes.add(fault, killer)

    collect(kill)
    return _report(faults, found, outcomes.known, as_json=as_json)


def _report(
    faults: Sequence[Fault],
    found: Mapping[str, Fault | None],
    outcomes: Mapping[str, str | None],
    *,
    as_json: bool,
) -> int:
    state = {
        fault.id: "gone" if found[fault.id] is None else "killed" if outcomes.get(fault.id) else "survived"
        for fault in faults
    }
    packages: dict[str, Counter[str]] = defaultdict(Counter)
    for fault in faults:
        packages[fault.package][state[fault.id]] += 1
    total = Counter(state.values())
    report: dict[str, Any] = {
        **{name: total[name] for name in ("killed", "survived", "gone")},
        "redrawn": sum(bool(fault.replaces) for fault in faults),
        "moved": sum(
            place is not None and place.path != fault.path for fault in faults for place in [found[fault.id]]
        ),
        "packages": {name: dict(counts) for name, counts in sorted(packages.items())},
        "survivors": [asdict(found[fault.id] or fault) for fault in faults if state[fault.id] == "survived"],
        "gone_faults": [asdict(fault) for fault in faults if state[fault.id] == "gone"],
    }
    if as_json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        for name, value in report.items():
            for line in [f"{name}: {value}"] if isinstance(value, int) else _lines(name, value):
                print(line)
    return 1 if total["survived"] else 0


def _lines(name: str, value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{name}:"
    if isinstance(value, Mapping):
        yield from (f"  {key}: {counts}" for key, counts in value.items())
    else:
        for fault in value:
            yield f"  {fault['path']} {fault['function']}: {fault['expression']} -> {fault['replacement']}"


def _redraw(faults: Sequence[Fault], collect: Collect, work: Path) -> int:
    """Replace each fault whose code is gone by the first by hash that is killed, nearest files first."""
    trees = read_tree(Path.cwd())
    finder = Finder(trees)
    gone = [fault for fault in faults if finder.find(fault) is None]
    taken = {fault.key for fault in faults}
    free = [fault for fault in candidates(trees) if fault.key not in taken]
    offers: dict[str, list[Fault]] = {}
    for fault in gone:
        distances = {each: (_distance(each, fault), each.rank) for each in free}
        near = sorted(free, key=distances.__getitem__)[:REDRAW_TRIES]
        offers[fault.id] = near
        free = [each for each in free if each not in near]
    tried = [each for near in offers.values() for each in near]
    outcomes = Outcomes(work / "outcomes.jsonl")

    def kill(suite: Suite) -> None:
        runs = suite.map(tried, work / "map", _say)
        plan = [(fault, choose_tests(number, runs)) for number, fault in enumerate(tried)]
        for fault, killer in suite.kill(plan, RUN_LIMIT_S):
            outcomes.add(fault, killer)

    if gone:
        collect(kill)
    kept = [fault for fault in faults if fault not in gone]
    for fault in gone:
        killed = [each for each in offers[fault.id] if outcomes.known.get(each.id)]
        kept += [
            replace(each, killed_by=outcomes.known[each.id] or "", replaces=fault.id) for each in killed[:1]
        ]
    write(STORED, kept)
    _say(f"{len(gone)} are gone, {len(kept) - len(faults) + len(gone)} are drawn in their place")
    return 0 if len(kept) == len(faults) else 1


def _distance(fault: Fault, gone: Fault) -> tuple[bool, bool, bool]:
    here, there = Path(fault.path), Path(gone.path)
    return here != there, here.parent != there.parent, fault.package != gone.package


def _collect(suite: Suite) -> None:
    """Let pytest collect the tests and give them to the suite's work."""
    root = Path.cwd()
    folders = [str(path.relative_to(root)) for pattern in TESTS for path in sorted(root.glob(pattern))]
    options = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:randomly", "--timeout=25"]
    status = pytest.main([*options, *folders], plugins=[suite])
    if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise SystemExit(f"pytest ended with {status!r}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
