"""The programs of `bench` that no test runs."""

from __future__ import annotations

import importlib
import pkgutil

import bench


def test_every_module_can_be_imported() -> None:
    """A program that goes may leave an import behind, which no type check and no page shows."""
    names = [one.name for one in pkgutil.walk_packages(bench.__path__, "bench.")]
    assert names
    for name in names:
        if not name.endswith(".__main__"):
            importlib.import_module(name)
