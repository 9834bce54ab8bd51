from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import safelight
from safelight.core import errors
from safelight.core.errors import SafelightError


def ours() -> set[type[BaseException]]:
    """Every exception class of the package."""
    for module in pkgutil.walk_packages(safelight.__path__, "safelight."):
        # The module that needs the optional package `mcp` has no exception.
        left_out = (".migrations", "__main__", "safelight.cli.assistants.server")
        if not any(name in module.name for name in left_out):
            importlib.import_module(module.name)
    return {one for one in _below(BaseException) if one.__module__.startswith("safelight.")}


def _below(error: type[BaseException]) -> Iterator[type[BaseException]]:
    for one in type.__subclasses__(error):
        yield one
        yield from _below(one)


def test_an_exception_is_in_the_tree_or_gives_the_reason() -> None:
    outside = {one for one in ours() if not issubclass(one, SafelightError)}
    assert outside
    for one in outside:
        assert "Not in the error tree" in (one.__doc__ or ""), one


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        found = re.match(r"(?:    )((?:│   |    )*)((?:├── |└── )?)(\w+)", line)
        if found is None:
            continue
        depth = len(found[1]) // 4 + bool(found[2])
        del above[depth:]
        drawn[found[3]] = above[-1] if above else None
        above.append(found[3])
    tree = {one for one in ours() if issubclass(one, SafelightError)}
    assert drawn == {one.__name__: None if one is SafelightError else one.__base__.__name__ for one in tree}
    assert max(len([each for each in one.__mro__ if each in tree]) for one in tree) <= 4
