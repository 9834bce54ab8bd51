"""Limits on the size and shape of modules, classes and functions."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pages

SOURCE = pages.ROOT / "src" / "safelight"
MAX_FILE_LINES = 450
MAX_MEDIAN_FILE_LINES = 130
MAX_CLASS_LINES = 250
MAX_PARAMETERS = 6
#: Own classes above a class, itself included. Protocols do not count.
MAX_CHAIN = 2
MAX_ERROR_CHAIN = 4

#: Public class names that exist in more than one module, each with its reason.
SHARED_CLASS_NAMES = {
    "Character": "the API's schema of the domain type",
    "Video": "the API's schema of the domain type",
    "VideoRecord": "the API's schema of the domain type",
}


@cache
def _modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(SOURCE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for name, tree in _modules().items():
        yield from ((name, node) for node in tree.body if isinstance(node, ast.ClassDef))


def _base_names(node: ast.ClassDef) -> list[str]:
    names = []
    for base in node.bases:
        target = base.value if isinstance(base, ast.Subscript) else base
        names.append(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def _is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a command or the callback of a group; typer gives one parameter per flag."""
    decorators = [each.func if isinstance(each, ast.Call) else each for each in function.decorator_list]
    return any(
        isinstance(each, ast.Attribute) and each.attr in ("command", "callback") for each in decorators
    )


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [
        each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    ]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_module_is_longer_than_the_limit() -> None:
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}
    assert median(lengths.values()) <= MAX_MEDIAN_FILE_LINES


def test_no_class_is_longer_than_the_limit() -> None:
    too_long = {
        f"{module}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module, node in _classes()
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_CLASS_LINES
    }
    assert too_long == {}


def test_no_function_has_more_parameters_than_the_limit() -> None:
    """Commands have one parameter per flag, and drawing functions of the storyboard many coordinates."""
    too_many = {
        f"{module}:{node.name}": _parameters(node)
        for module, tree in _modules().items()
        if not module.startswith("generation/storyboard/")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _parameters(node) > MAX_PARAMETERS
        and not (module.startswith("cli/") and _is_command(node))
    }
    assert too_many == {}


def test_public_class_names_are_unique() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, node in _classes():
        if not node.name.startswith("_"):
            places[node.name].append(module)
    shared = {name: modules for name, modules in places.items() if len(modules) > 1}
    assert shared.keys() == SHARED_CLASS_NAMES.keys(), shared
    assert len(SHARED_CLASS_NAMES) <= 10


def test_class_chains_are_short() -> None:
    bases: dict[str, list[str]] = {}
    protocols: set[str] = set()
    for _module, node in _classes():
        names = _base_names(node)
        bases[node.name] = names
        if "Protocol" in names:
            protocols.add(node.name)

    def depth(name: str) -> int:
        if name not in bases or name in protocols:
            return 0
        return 1 + max((depth(base) for base in bases[name] if base != name), default=0)

    def is_error(name: str) -> bool:
        return name == "SafelightError" or any(is_error(base) for base in bases.get(name, []) if base != name)

    too_deep = {
        name: depth(name)
        for name in bases
        if depth(name) > (MAX_ERROR_CHAIN if is_error(name) else MAX_CHAIN)
    }
    assert too_deep == {}


def test_no_module_has_a_name_without_meaning() -> None:
    empty = {"util", "utils", "helper", "helpers", "misc", "common"}
    assert [name for name in _modules() if empty & set(Path(name).with_suffix("").parts)] == []
