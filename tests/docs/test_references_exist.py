"""Rows, files and tests that the pages name exist."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
import tomllib
from collections import Counter

import pages
import pytest

from safelight import errors
from safelight.errors import SafelightError
from safelight.jobs.states import TRANSITIONS, VideoState, wire_status
from safelight.web.errors import HTTP_CODES

LIFECYCLE = pages.DOCS / "lifecycle.md"
DEPENDENCIES = pages.DOCS / "dependencies.md"
AGENTS = pages.ROOT / "AGENTS.md"
NOBODY = "nobody yet"
MOVE = ("from", "to", "when", "owner", "also written", "status", "code")


def test_every_transition_is_in_the_table_and_in_the_diagram() -> None:
    moves = {(source, target) for source, targets in TRANSITIONS.items() for target in targets}
    rows = pages.table(LIFECYCLE, *MOVE)
    listed = [
        (VideoState(pages.codes(row["from"])[0]), VideoState(pages.codes(row["to"])[0])) for row in rows
    ]
    assert Counter(listed) == Counter(moves)
    picture = next(block.body for block in pages.blocks(LIFECYCLE) if "stateDiagram" in block.body)
    drawn = {
        (VideoState(one), VideoState(two)) for one, two in re.findall(r"^ *(\w+) --> (\w+)$", picture, re.M)
    }
    assert drawn == moves


def test_every_transition_has_its_wire_status_and_code() -> None:
    codes = {error.code for error in _below(SafelightError)}
    for row in pages.table(LIFECYCLE, *MOVE):
        target = VideoState(pages.codes(row["to"])[0])
        assert pages.codes(row["status"]) == [wire_status(target).value], row
        named = pages.codes(row["code"])
        assert set(named) <= codes, row
        ended_badly = target in (VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED)
        assert bool(named) == (ended_badly and NOBODY not in row["owner"]), row


def _below(error: type[SafelightError]) -> set[type[SafelightError]]:
    return {error}.union(*(_below(one) for one in error.__subclasses__()))


def _function(name: str) -> object:
    module, _, path = name.partition(":")
    found: object = importlib.import_module(f"safelight.{module}")
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _targets(tree: ast.AST) -> set[str]:
    """Target states that calls of `transition` in this code name literally."""
    found = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in (
            "transition",
            "_end",
        ):
            found |= {
                node.attr
                for argument in call.args
                for node in ast.walk(argument)
                if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "VideoState"
            }
    return found


def test_every_owner_performs_its_transition() -> None:
    for row in pages.table(LIFECYCLE, *MOVE):
        target = VideoState(pages.codes(row["to"])[0])
        if NOBODY in row["owner"]:
            continue
        owners = [_function(name) for name in pages.codes(row["owner"])]
        code = inspect.getsource(owners[-1])  # type: ignore[arg-type]
        assert target.name in _targets(ast.parse(textwrap.dedent(code)))


def test_states_without_an_owner_are_never_entered() -> None:
    """Where every row to a state has no owner, no code leads there; a first owner makes this fail."""
    rows = pages.table(LIFECYCLE, *MOVE)
    owned = {row["to"] for row in rows if NOBODY not in row["owner"]}
    written: set[str] = set()
    for module in pages.code():
        written |= _targets(module)
    unowned = {VideoState(pages.codes(row["to"])[0]).name for row in rows if row["to"] not in owned}
    assert not unowned & written


def test_a_video_starts_in_the_documented_state() -> None:
    heading = ("state", "when", "owner", "written in that transaction", "on the wire")
    rows = pages.table(LIFECYCLE, *heading)
    assert {pages.codes(row["state"])[0] for row in rows} == {"queued", "held", "rejected"}
    for row in rows:
        owner = _function(pages.codes(row["owner"])[0])
        state = VideoState(pages.codes(row["state"])[0])
        assert f"VideoState.{state.name}" in inspect.getsource(owner)  # type: ignore[arg-type]
        word = pages.codes(row["on the wire"])[0]
        assert word in {wire_status(state).value, errors.RequestBlocked.code}


def test_every_fault_hook_is_listed() -> None:
    called: set[str] = set()
    for file in (pages.ROOT / "src" / "safelight" / "jobs").glob("*.py"):
        called |= set(re.findall(r'\.fault_hook\("(\w+)"\)', file.read_text("utf-8")))
    text = pages.read(LIFECYCLE)
    line = text[text.index("**Boundaries.**") :].partition("\n- ")[0]
    assert set(pages.codes(line)) - {"fault_hook(name)", "make chaos"} == called


def test_every_file_and_test_that_a_page_names_exists() -> None:
    missing = []
    for page in (AGENTS, pages.ROOT / "CONTRIBUTING.md", *pages.DOCS.glob("*.md")):
        for code in pages.inline_code(page):
            if re.fullmatch(r"(?:src|tests|bench|packages|clients|deploy)/[\w./-]+(?:::\w+)?", code) and "NAME" not in code:
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
    return {re.split(r"[\[<>=! ;]", line, maxsplit=1)[0] for line in lines if line.strip()[:1].isalnum()}


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
