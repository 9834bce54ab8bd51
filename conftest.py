"""What every test may ask for."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent
# The plugins in tests/support; tests are imported by path and are no package.
sys.path.insert(0, str(ROOT / "tests"))
# Measurements have samples among the tests; last, so that it hides nothing.
sys.path.append(str(ROOT))

_read_entry_points = importlib.metadata.entry_points
_entry_points_on = cache(lambda _path, **asked: _read_entry_points(**asked))
# Reading the metadata of all packages takes 6 ms, and each installation in a test does it several times.
# Replaced before the modules that import it; another `sys.path` is read anew.
importlib.metadata.entry_points = lambda **asked: _entry_points_on(tuple(sys.path), **asked)

# Databases of tests wait for the disk at each commit; in memory, they do not. A run keeps less than 4 GB.
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder in it that only its user can open
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 8_000_000_000:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

pytest_plugins = [
    "support.optional_tools",
    "support.second_run",
    "support.databases",
    "support.object_stores",
    "support.sandboxes",
    "support.commands",
]

# How fast examples are made says something about the machine, and nothing about what must hold.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")

# Test modules, word lists and models are millions of objects that stay. With Python's default of 700, the
# garbage collector visits them again and again, which costs a fifth of the CPU time.
gc.set_threshold(50_000)

#: Folders with the files that take longest. A worker that starts such a file last works alone at the end.
FIRST = ("browser", "sdk", "packaging", "examples", "client", "integration")


#: What `make test` leaves to `make test-rest`: browsers, SDKs of others, packaging, a second database.
REST = tuple(
    ROOT / "tests" / path
    for path in ("browser", "client/test_node_client.py", "examples", "openid", "packaging", "sdk")
)
REST_MARKS = ("browser", "postgres", "sdk")


def pytest_itemcollected(item: pytest.Item) -> None:
    places = (item.path, *item.path.parents)
    if any(path in places for path in REST) or any(map(item.get_closest_marker, REST_MARKS)):
        item.add_marker("rest")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Fail a test that leaves real-time scheduling behind, as SVT-AV1 does: it starves all others."""
    if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        pytest.fail("this test left its process under real-time scheduling")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the folders in `FIRST` before the others. The order within a folder stays."""

    positions = {ROOT / "tests" / folder: position for position, folder in enumerate(FIRST)}

    @cache
    def position(path: Path) -> int:
        return min((positions[folder] for folder in path.parents if folder in positions), default=len(FIRST))

    items.sort(key=lambda item: position(item.path))


def pytest_collection_finish() -> None:
    """Exclude what has been imported from every later garbage collection."""
    gc.collect()
    gc.freeze()
