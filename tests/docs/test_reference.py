"""Settings, commands, errors and routes: what the pages list is what the code has."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
from pathlib import Path

import generated
import pages
import pytest

import safelight
from safelight import errors
from safelight.cli.exit_codes import Exit
from safelight.errors import ConfigurationError, SafelightError
from safelight.settings import Settings
from safelight.web.errors import HTTP_CODES

ERRORS = pages.DOCS / "errors.md"
CONFIGURATION = pages.DOCS / "configuration.md"
NOBODY = "Nothing raises this yet"


@pytest.mark.parametrize(("page", "name"), generated.PARTS, ids=[name for _, name in generated.PARTS])
def test_generated_blocks_are_up_to_date(page: str, name: str) -> None:
    found = generated.part(page, name).search(pages.read(pages.DOCS / page))
    assert found is not None
    assert found["body"].strip() == generated.PARTS[page, name]().strip(), (
        f"docs/{page} is behind the code: python tests/docs/generated.py"
    )


def test_the_example_settings_are_accepted() -> None:
    examples = [block for block in pages.blocks(CONFIGURATION) if block.language == "toml"]
    assert examples
    for block in examples:
        Settings(**tomllib.loads(block.body))


def test_every_option_of_an_upstream_is_listed() -> None:
    from safelight.generation.videos_api.options import Options

    rows = pages.table(CONFIGURATION, "option", "default", "what it does")
    listed = {code for row in rows for code in pages.codes(row["option"])}
    assert listed == set(Options.__struct_fields__) - {"name"}


def test_every_shipped_detector_is_listed() -> None:
    project = tomllib.loads(pages.read(pages.ROOT / "pyproject.toml"))["project"]
    rows = pages.table(CONFIGURATION, "detector", "input", "options")
    listed = {code for row in rows for code in pages.codes(row["detector"])}
    assert listed == set(project["entry-points"]["safelight.detectors"])


def _below(error: type[SafelightError]) -> set[type[SafelightError]]:
    return {error}.union(*(_below(one) for one in error.__subclasses__()))


def _answered(error: type[SafelightError], drawn: str) -> str:
    """The entry of the tree at the top of errors.py: a status, "job" or "start"."""
    if issubclass(error, ConfigurationError):
        return "start"
    return "job" if drawn.startswith("(job)") else drawn.split()[0]


def test_every_error_is_documented_with_its_code_and_status() -> None:
    drawn = dict(re.findall(r"(\w+) {2,}((?:\d{3}|\(job\)|exit) \S+)", inspect.getdoc(errors) or ""))
    classes = {
        name: error
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, SafelightError)
    }
    heading = ("error", "code", "answered", "retry", "what it means", "what now")
    rows = {pages.codes(row["error"])[0]: row for row in pages.table(ERRORS, *heading)}
    assert rows.keys() == classes.keys()
    for name, error in classes.items():
        row = rows[name]
        assert pages.codes(row["code"]) == [error.code], name
        assert row["retry"] == ("yes" if error.retry else "no"), name
        assert row["answered"] == _answered(error, drawn.get(name, "exit 2")), name
        if row["answered"].isdigit():
            assert row["answered"] == str(error.status), name
        assert row["what it means"], name
        assert row["what now"], name


def test_errors_defined_in_single_modules_are_listed_too() -> None:
    for module in pkgutil.walk_packages(safelight.__path__, "safelight."):
        # Migration scripts are run by Alembic only, __main__ runs the program, and one module needs `mcp`.
        left_out = (".migrations", "__main__", "safelight.mcp.server")
        if not any(name in module.name for name in left_out):
            importlib.import_module(module.name)
    own = {error for error in _below(SafelightError) if error.__module__.startswith("safelight.")}
    elsewhere = {error.__name__: error for error in own if error.__module__ != "safelight.errors"}
    rows = {
        pages.codes(row["error"])[0]: row
        for row in pages.table(ERRORS, "error", "code", "where", "what it means")
    }
    assert rows.keys() == elsewhere.keys()
    for name, error in elsewhere.items():
        assert pages.codes(rows[name]["code"]) == [error.code]
        assert pages.codes(rows[name]["where"]) == [error.__module__]


def test_errors_that_are_never_raised_are_marked() -> None:
    raised: set[str] = set()
    for module in pages.code():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                raised.add(node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
    heading = ("error", "code", "answered", "retry", "what it means", "what now")
    for row in pages.table(ERRORS, *heading):
        name = pages.codes(row["error"])[0]
        if NOBODY in row["what now"]:
            assert name not in raised, f"{name} is raised now: correct docs/errors.md"


def test_the_http_layers_own_codes_are_listed() -> None:
    rows = pages.table(ERRORS, "code", "status", "what it means")
    listed = {(pages.codes(row["code"])[0], int(row["status"])) for row in rows}
    own = {(code, status) for status, (code, _, _) in HTTP_CODES.items()}
    assert listed == {one for one in own if one != ("invalid_request", 400)}


def test_exit_codes_are_listed() -> None:
    rows = pages.table(ERRORS, "code", "name", "meaning")
    assert {(int(row["code"]), pages.codes(row["name"])[0]) for row in rows} == {
        (code.value, code.name) for code in Exit
    }


def _routes() -> set[tuple[str, str]]:
    """Method and path of every route: those described to programs, and the pages."""
    from app import app

    whole = app()
    described = {
        (method.upper(), path) for path, methods in whole.openapi()["paths"].items() for method in methods
    }
    drawn = {
        (method, route.path)
        for route in whole.routes
        if hasattr(route, "path")
        for method in route.methods - {"HEAD"}
    }
    return described | drawn


def test_every_route_is_documented() -> None:
    text = pages.read(pages.DOCS / "api.md")
    routes = _routes()
    assert len(routes) > 10
    assert not sorted(f"{method} {path}" for method, path in routes if path not in text)


def test_generated_blocks_can_be_written_without_pytest(tmp_path: Path) -> None:
    """The script stands alone: it needs nothing that only pytest gives it."""
    import subprocess

    script = Path(generated.__file__)
    code = f"import runpy; runpy.run_path({str(script)!r})['settings']()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=script.parent)
