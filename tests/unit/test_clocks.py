"""What decides by time gets its clock as an argument. Only the files below read the clock of the system."""

from __future__ import annotations

import ast
from pathlib import Path

import safelight
import safelight_storyboard

SOURCES = (Path(safelight.__file__).parent, Path(safelight_storyboard.__file__).parent)
#: Files that call `time.time()`, `time.monotonic()` or `datetime.now()`, each with its reason.
ALLOWED = {
    # Waits for a real process, pipe or server; another clock would not make it faster.
    "detectors/models/process.py",
    "cli/server_process.py",
    "safelight_storyboard/generator.py",
    "screening/scene_detection.py",
    "screening/timed_reference.py",
    "media/sandbox/process.py",
    # Loops that wait, and the pace of work in loops.
    "cli/demo.py",
    "videos/idempotency.py",
    "videos/worker_lease.py",
    # Durations in reports.
    "app/readiness.py",
    "cli/scan.py",
    "cli/upstream_checks.py",
    # The date or time that a report or an answer states.
    "web/api/content_provenance.py",
    "cli/coverage.py",
    "cli/lists.py",
    "web/console/scan_report.py",
    "screening/file_scan.py",
    # Compares the time with that of a file of an earlier run.
    "cli/trigger_record.py",
    "videos/sweeper.py",
    # Compares the clock of the system with the certificates: the clock is what it checks.
    "cli/doctor.py",
    # The default of an injected clock with time zone.
    "provenance/keys.py",
}


CALLS = {"time.time", "time.monotonic", "datetime.now", "dt.datetime.now", "datetime.datetime.now"}


def reads_the_clock(source: str) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS for node in ast.walk(ast.parse(source))
    )


def test_only_listed_modules_read_the_system_clock() -> None:
    found = {
        path.relative_to(source.parent).as_posix().removeprefix("safelight/")
        for source in SOURCES
        for path in source.rglob("*.py")
        if reads_the_clock(path.read_text("utf-8"))
    }
    found = {name for name in found if not name.startswith("testing/")}
    assert found <= ALLOWED, f"give these a clock as an argument: {sorted(found - ALLOWED)}"
    assert found >= ALLOWED, f"these no longer read the clock: {sorted(ALLOWED - found)}"
