"""The examples of docs/extending.md, run as printed: each a package of one file and one test."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pages
import pytest

PAGE = pages.DOCS / "extending.md"
FILES = {block.file_name: block for block in pages.blocks(PAGE) if block.file_name}
EXAMPLES = ("mascots", "slate", "smoking")


def test_exactly_the_listed_examples_exist() -> None:
    wanted = {name for one in EXAMPLES for name in (f"{one}.py", f"{one}/pyproject.toml", f"test_{one}.py")}
    assert FILES.keys() == wanted


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_works_as_printed(example: str, tmp_path: Path) -> None:
    site, tests = tmp_path / "site", tmp_path / "tests"
    project = tomllib.loads(FILES[f"{example}/pyproject.toml"].body)["project"]
    _install(site, project)
    (site / f"{example}.py").write_text(FILES[f"{example}.py"].body, encoding="utf-8")
    tests.mkdir()
    (tests / f"test_{example}.py").write_text(FILES[f"test_{example}.py"].body, encoding="utf-8")
    (tests / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=tests,
        env={
            **os.environ,
            "PYTHONPATH": str(site),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def _install(site: Path, project: dict[str, object]) -> None:
    """What an installer leaves of a package: its name, its version and its entry points."""
    name, version = str(project["name"]).replace("-", "_"), project["version"]
    notes = site / f"{name}-{version}.dist-info"
    notes.mkdir(parents=True)
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    groups = project["entry-points"]
    assert isinstance(groups, dict)
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{point} = {target}" for point, target in points.items()))
    ]
    (notes / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


def test_every_entry_point_group_is_read_by_the_code() -> None:
    """The page's table of groups, the project's own entry points and the code agree."""
    from safelight.cli.commands import LAB_GROUP
    from safelight.detectors.registry import GROUP
    from safelight_lab.evaluation.protocol import ATTACKS, METRICS

    rows = pages.table(PAGE, "group", "names", "protocol")
    listed = {pages.codes(row["group"])[0] for row in rows}
    files = [pages.ROOT / "pyproject.toml", pages.ROOT / "packages" / "lab" / "pyproject.toml"]
    groups = {group for file in files for group in tomllib.loads(pages.read(file))["project"]["entry-points"]}
    assert listed == groups - {LAB_GROUP}
    assert {GROUP, ATTACKS, METRICS} <= listed
