"""Rows, files and tests that the pages name exist."""

from __future__ import annotations

import re
import tomllib

import pages
import pytest

from safelight.core.errors import SafelightError
from safelight.videos.models import VideoState, wire_status
from safelight.web.errors import HTTP_CODES

BLOCKED = pages.DOCS / "blocked.md"
DEPENDENCIES = pages.DOCS / "dependencies.md"
AGENTS = pages.ROOT / "AGENTS.md"


def test_every_state_is_listed_with_its_status() -> None:
    rows = {pages.codes(row["state"])[0]: row for row in pages.table(BLOCKED, "state", "meaning", "status")}
    assert rows.keys() == {state.value for state in VideoState}
    for name, row in rows.items():
        assert wire_status(VideoState(name)).value in pages.codes(row["status"]), name


def _below(error: type[SafelightError]) -> set[type[SafelightError]]:
    return {error}.union(*(_below(one) for one in error.__subclasses__()))


def test_every_file_and_test_that_a_page_names_exists() -> None:
    missing = []
    for page in (AGENTS, pages.ROOT / "CONTRIBUTING.md", *pages.DOCS.glob("*.md")):
        for code in pages.inline_code(page):
            if (
                re.fullmatch(r"(?:src|tests|bench|packages|clients|deploy)/[\w./-]+(?:::\w+)?", code)
                and "NAME" not in code
            ):
                path, _, test = code.partition("::")
                file = pages.ROOT / path
                if not file.exists() or (test and f"def {test}(" not in file.read_text("utf-8")):
                    missing.append(f"{page.name}: {code}")
    assert not missing


def test_every_package_names_the_tests_that_guard_it() -> None:
    rows = pages.table(AGENTS, "package", "also guarded by")
    packages = {file.parent.name for file in (pages.ROOT / "src" / "safelight").glob("*/__init__.py")}
    assert {pages.codes(row["package"])[0] for row in rows} == packages


def _wanted() -> set[str]:
    project = tomllib.loads(pages.read(pages.ROOT / "pyproject.toml"))
    lines = [
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *project["dependency-groups"]["dev"],
    ]
    for file in (pages.ROOT / "requirements").glob("*.in"):
        lines += file.read_text("utf-8").splitlines()
    names = {re.split(r"[\[<>=! ;]", line, maxsplit=1)[0] for line in lines if line.strip()[:1].isalnum()}
    return names - {"safelight"}


def test_every_direct_dependency_has_its_reason() -> None:
    debian = {
        "postgresql",
        "chromium",
        "espeak-ng",
        "curl",
        "nodejs",
        "systemd",
        "fonts-dejavu-core",
        "fonts-noto-cjk",
        "pgbouncer",
        "prometheus",
    }
    rows = pages.table(DEPENDENCIES, "package", "licence", "reason")
    listed = {pages.codes(row["package"])[0] for row in rows}
    assert listed == _wanted() | debian
    assert all(row["licence"] and row["reason"] for row in rows)


@pytest.mark.parametrize("code", sorted({code for code, _, _ in HTTP_CODES.values()}))
def test_codes_of_the_http_layer_differ_from_safelight_error_codes(code: str) -> None:
    ours = {error.code for error in _below(SafelightError)}
    assert code == "invalid_request" or code not in ours
