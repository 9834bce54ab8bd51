"""The faults of `bench.seeded_faults`: what is changed, and how a place is found again."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bench.seeded_faults import choose_tests, quotas, share
from bench.seeded_faults_places import (
    REACHED,
    Fault,
    Finder,
    candidates,
    default_of,
    faulty_code,
    marked_code,
    places,
)
from bench.seeded_faults_suite import TestRun

SOURCE = '''
class Limits:
    def admit(self, size: int, strict: bool = False) -> bool:
        """Docstring."""
        if size < 0:
            raise ValueError(size)
        if strict and size >= 10:
            return False
        return not {"off": size}.get("off") is None

    def spare(self, size: int) -> int:
        return max(10 - size, 0) if self.known else -1

    known = True


def outer(rows):
    def inner(row):
        return row == "open"

    assert rows
    return [row for row in rows if inner(row)]
'''
PATH = "src/safelight/trust/limits.py"


def fault(kind: str, function: str | None = None, source: str = SOURCE) -> Fault:
    return next(
        place.fault
        for place in places(ast.parse(source), PATH)
        if place.fault.kind == kind and function in {None, place.fault.function}
    )


def run(code: Any, **names: Any) -> dict[str, Any]:
    namespace: dict[str, Any] = names
    exec(code, namespace)
    return namespace


@pytest.mark.parametrize(
    ("kind", "expression", "replacement"),
    [
        ("comparison", "size < 0", "size <= 0"),
        ("and-or", "strict and size >= 10", "strict or size >= 10"),
        ("not", "not {'off': size}.get('off') is None", "{'off': size}.get('off') is None"),
        ("bool", "False", "True"),
        ("number", "0", "1"),
        ("string", "'off'", "'off_'"),
        ("plus-minus", "10 - size", "10 + size"),
        ("min-max", "max(10 - size, 0)", "min(10 - size, 0)"),
        ("condition", "self.known", "not self.known"),
        ("default", "strict=False", "strict=True"),
        ("raise", "if size < 0:\n    raise ValueError(size)", "pass"),
    ],
)
def test_each_kind_of_change(kind: str, expression: str, replacement: str) -> None:
    found = fault(kind)

    assert (found.expression, found.replacement) == (expression, replacement)


def test_only_what_a_function_does_is_changed() -> None:
    found = {(place.fault.function, place.fault.expression) for place in places(ast.parse(SOURCE), PATH)}

    assert {function for function, _ in found} == {
        "Limits.admit",
        "Limits.spare",
        "outer",
        "outer.<locals>.inner",
    }
    assert ("outer", "rows") not in found


def test_faulty_code_differs_in_the_one_expression() -> None:
    without = run(faulty_code(SOURCE.encode(), PATH, fault("raise")))["Limits"]()
    turned = run(faulty_code(SOURCE.encode(), PATH, fault("comparison", "outer.<locals>.inner")))

    assert without.admit(-1)
    assert turned["outer"](["open", "closed"]) == ["closed"]
    assert default_of(fault("default")) == ("strict", True)


def test_marked_code_behaves_the_same_and_reports_what_is_evaluated() -> None:
    reached: set[int] = set()
    numbers = {
        fault("and-or"): 1,
        fault("raise"): 2,
        fault("default"): 3,
        fault("bool"): 4,
        fault("min-max"): 5,
    }
    limits = run(marked_code(SOURCE.encode(), PATH, numbers), **{REACHED: reached.add})["Limits"]()

    assert limits.admit(3)
    assert reached == {1, 2, 3}
    assert limits.spare(3) == 7
    assert reached == {1, 2, 3, 5}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("class Limits", "class Bounds"),
        lambda text: text.replace("def spare", "def left_over").replace(
            "max(10 - size, 0)", "max(self.most - size - size, 0)"
        ),
        lambda text: f"import os\n\n{text}",
    ],
    ids=["class renamed", "another function changed", "lines moved"],
)
def test_a_fault_follows_its_function(change: Callable[[str], str]) -> None:
    wanted = fault("and-or", "Limits.admit")
    moved = "packages/other/src/other/limits.py"

    found = Finder({moved: ast.parse(change(SOURCE))}).find(wanted)

    assert found is not None
    assert (found.path, found.expression) == (moved, wanted.expression)


def test_a_fault_is_gone_if_its_expression_is() -> None:
    finder = Finder({PATH: ast.parse(SOURCE.replace("size >= 10", "size > 11"))})

    assert finder.find(fault("and-or")) is None


def test_a_function_that_stands_twice_is_not_drawn_and_its_own_file_is_preferred() -> None:
    tree = ast.parse(SOURCE)
    twice = {PATH: tree, "src/safelight/jobs/limits.py": tree}

    found = Finder(twice).find(fault("min-max"))

    assert candidates(twice) == []
    assert found is not None
    assert found.path == PATH
    assert len(candidates({PATH: tree})) == 4


def test_the_choice_does_not_depend_on_the_file() -> None:
    drawn = fault("min-max")

    assert replace(drawn, path="src/safelight/jobs/other.py").rank == drawn.rank
    assert drawn.package == "trust"
    assert replace(drawn, path="packages/storyboard/src/drawing/town.py").package == "storyboard"
    assert replace(drawn, path="src/safelight/client.py").package == "top"


def test_every_package_has_faults_in_proportion_to_its_functions() -> None:
    assert quotas({"large": 900, "middle": 99, "small": 1}, 100) == {"large": 90, "middle": 10, "small": 3}


def test_what_a_package_lacks_is_taken_from_the_others() -> None:
    faults = [replace(fault("bool"), nth=number) for number in range(9)]

    drawn = share(
        {"large": faults[:6], "small": faults[6:7], "empty": []}, {"large": 4, "small": 2, "empty": 1}, 7
    )
    few = share({"large": faults[:6], "small": faults[6:9]}, {"large": 4, "small": 2}, 6)

    assert set(drawn) == set(faults[:7])
    assert set(few) == {*faults[:4], *faults[6:8]}


def test_the_cheapest_tests_of_a_fault_are_run_first() -> None:
    runs = [
        TestRun(test="a.py::wide[1]", seconds=0.1, reached=tuple(range(100))),
        TestRun(test="a.py::narrow", seconds=0.1, reached=(7,)),
        TestRun(test="a.py::other", seconds=0.1, reached=(8,)),
        TestRun(test="a.py::slow", seconds=5, reached=(7,)),
    ]

    assert choose_tests(7, runs) == ["a.py::narrow", "a.py::wide[1]", "a.py::slow"]
