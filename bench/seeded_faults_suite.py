"""The collected test suite as a pytest plugin: which tests reach a fault, and which of them fail with it.

Everything is collected and imported once. Each piece of work runs in a fork of that process, where the code
of functions is replaced in place, so a fault costs the tests that reach it and nothing else. Processes that
import the package anew run the code as it is.
"""

from __future__ import annotations

import builtins
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import signal
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from bench.seeded_faults_places import REACHED, Fault, default_of, faulty_code, marked_code

#: Tests that need another program or server, or take minutes.
LEFT_OUT_MARKS = ("postgres", "browser", "sdk", "slow")
#: Slower tests are left out of the map: a fault that only they see costs too much, 400 times over.
MAX_TEST_S = 6.0
MAX_CHUNK_S = 400.0
CHUNK_TESTS = 120


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """One test that passes, and the numbers of the faults that it reaches."""

    __test__ = False

    test: str
    seconds: float
    reached: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Work for a fork: `run` writes lines to the file that it is given."""

    key: Any
    run: Callable[[Path], None]
    limit_s: float


class Suite:
    """`work` is called with this object instead of running the tests.

    The map has the tests of a file that run within `file_s` seconds.
    """

    def __init__(self, root: Path, jobs: int, file_s: float, work: Callable[[Suite], None]) -> None:
        self._root = root
        self._jobs = jobs
        self._file_s = file_s
        self._work = work
        self._failed = False
        self._live: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self._clean: dict[str, bool] = {}
        self.items: dict[str, pytest.Item] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept = [item for item in items if not any(item.get_closest_marker(mark) for mark in LEFT_OUT_MARKS)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise pytest.UsageError("the tests cannot be collected")
        self._session = session
        self.items = {item.nodeid: item for item in session.items}
        self._import_all()
        self._warm_up()
        # conftest.py excludes everything from garbage collection, and so from the list of objects.
        gc.unfreeze()
        source = str(self._root) + os.sep
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(source):
                code = each.__code__
                self._live[code.co_filename, code.co_qualname, code.co_firstlineno].append(each)
        gc.freeze()
        self._work(self)
        return True

    def map(self, faults: Sequence[Fault], folder: Path, report: Callable[[str], None]) -> list[TestRun]:
        """Run every test once with the faults marked. What `folder` has of the same faults is kept."""
        digest = hashlib.sha256("".join(fault.id for fault in faults).encode()).hexdigest()
        folder = folder / digest[:12]
        folder.mkdir(parents=True, exist_ok=True)
        chunks = {f"{number:03}": tests for number, tests in enumerate(self._chunks())}
        numbers: dict[str, dict[Fault, int]] = defaultdict(dict)
        for number, fault in enumerate(faults):
            numbers[fault.path][fault] = number
        codes = [
            marked_code((self._root / path).read_bytes(), str(self._root / path), marked)
            for path, marked in numbers.items()
        ]

        def task(name: str, tests: list[pytest.Item]) -> Task:
            return Task(key=name, run=lambda file: self._map_chunk(codes, tests, file), limit_s=MAX_CHUNK_S)

        waiting = [task(name, tests) for name, tests in chunks.items() if not (folder / name).exists()]
        for name, lines in self._forked(waiting):
            (folder / name).write_text("\n".join(lines), "utf-8")
            report(f"map: {name} of {len(chunks)}, {len(lines)} of {len(chunks[name])} tests passed")
        runs = []
        for name in chunks:
            for line in (folder / name).read_text("utf-8").splitlines():
                test, seconds, reached = json.loads(line)
                runs.append(TestRun(test=test, seconds=seconds, reached=tuple(reached)))
                self._clean[test] = True
        return runs

    def kill(
        self, tests: Iterable[tuple[Fault, Sequence[str]]], limit_s: float
    ) -> Iterator[tuple[Fault, str | None]]:
        """The first test that fails with each fault but passes without it; None if none does."""

        def task(fault: Fault, chosen: Sequence[str]) -> Task:
            return Task(
                key=(fault, chosen),
                run=lambda file: self._run_with(fault, chosen, file, limit_s),
                limit_s=limit_s * 1.5 + 20,
            )

        for (fault, chosen), lines in self._forked(task(fault, chosen) for fault, chosen in tests):
            killer = lines[0] if lines else None
            if killer is not None and not self._passes(killer):
                rest = [test for test in chosen if self._clean.get(test, True)]
                yield from self.kill([(fault, rest)], limit_s)
            else:
                yield fault, killer

    def _chunks(self) -> Iterator[list[pytest.Item]]:
        """Tests of whole files, unit tests first: they are most of the tests and a small part of the time."""
        ordered = sorted(
            self._session.items, key=lambda item: ("unit" not in item.path.parts, str(item.path))
        )
        chunk: list[pytest.Item] = []
        for _, items in groupby(ordered, key=lambda item: item.path):
            chunk.extend(items)
            if len(chunk) >= CHUNK_TESTS:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _import_all(self) -> None:
        """Import what functions import late, so that every function can be changed."""
        for root in ("safelight", *(path.name for path in self._root.glob("packages/*/src/*"))):
            with suppress(ImportError):
                package = importlib.import_module(root)
                for module in pkgutil.walk_packages(package.__path__, f"{root}.", onerror=lambda _: None):
                    if not module.name.endswith("__main__") and ".migrations" not in module.name:
                        with suppress(Exception):
                            importlib.import_module(module.name)

    def _warm_up(self) -> None:
        """Create the migrated database that most tests copy, once instead of in every fork."""
        for item in self._session.items:
            if "sqlite_template" in getattr(item, "fixturenames", ()):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=_OnlySession(self._session))
                return

    def _map_chunk(self, codes: Sequence[CodeType], items: list[pytest.Item], file: Path) -> None:
        reached: set[int] = set()
        setattr(builtins, REACHED, reached.add)
        for code in codes:
            self._replace(code)
        with file.open("w", encoding="utf-8") as lines:
            spent: dict[Path, float] = defaultdict(float)
            for item, following in zip(items, [*items[1:], None], strict=True):
                if spent[item.path] > self._file_s:
                    continue
                # The fixtures of the module stay open if its last tests are left out.
                self._session._setupstate.teardown_exact(item)  # noqa: SLF001
                reached.clear()
                started = time.monotonic()
                passed = self._passes_here(item, following)
                seconds = round(time.monotonic() - started, 3)
                spent[item.path] += seconds
                if passed and seconds < MAX_TEST_S:
                    lines.write(json.dumps([item.nodeid, seconds, sorted(reached)]) + "\n")
                    lines.flush()

    def _run_with(self, fault: Fault | None, tests: Sequence[str], file: Path, limit_s: float) -> None:
        if fault is not None:
            self._seed(fault)
        items = [self.items[test] for test in tests]
        started = time.monotonic()
        for item, following in zip(items, [*items[1:], None], strict=False):
            if not self._passes_here(item, following):
                file.write_text(item.nodeid, "utf-8")
                return
            if time.monotonic() - started > limit_s:
                return

    def _passes(self, test: str) -> bool:
        if test not in self._clean:
            task = Task(key=test, run=lambda file: self._run_with(None, [test], file, 60), limit_s=90)
            self._clean[test] = not next(iter(self._forked([task])))[1]
        return self._clean[test]

    def _passes_here(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed

    def _seed(self, fault: Fault) -> None:
        file_name = str(self._root / fault.path)
        code = faulty_code((self._root / fault.path).read_bytes(), file_name, fault)
        if fault.kind != "default":
            self._replace(code)
            return
        name, value = default_of(fault)
        for nested in _codes(code):
            if nested.co_qualname == fault.function:
                for function in self._live[nested.co_filename, nested.co_qualname, nested.co_firstlineno]:
                    _set_default(function, name, value)

    def _replace(self, module: CodeType) -> None:
        for code in _codes(module):
            for function in self._live.get((code.co_filename, code.co_qualname, code.co_firstlineno), ()):
                if function.__code__.co_freevars == code.co_freevars:
                    function.__code__ = code

    def _forked(self, tasks: Iterable[Task]) -> Iterator[tuple[Any, list[str]]]:
        """Run tasks in forks, some at a time; the lines of each as it ends or its time is over."""
        waiting = iter(tasks)
        running: dict[int, tuple[Task, int, Path, float]] = {}
        with selectors.DefaultSelector() as selector:
            while True:
                while len(running) < self._jobs and (task := next(waiting, None)) is not None:
                    folder = Path(tempfile.mkdtemp(prefix="fault"))
                    pid, pipe = self._fork(task, folder)
                    running[pipe] = (task, pid, folder, time.monotonic() + task.limit_s)
                    selector.register(pipe, selectors.EVENT_READ)
                if not running:
                    return
                ready = {key.fd for key, _ in selector.select(timeout=1)}
                now = time.monotonic()
                for pipe, (task, pid, folder, deadline) in list(running.items()):
                    if pipe in ready or now > deadline:
                        selector.unregister(pipe)
                        del running[pipe]
                        lines = self._collect(pid, pipe, folder)
                        yield task.key, lines

    def _fork(self, task: Task, folder: Path) -> tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            return pid, reading
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for standard in range(3):
                os.dup2(nothing, standard)
            factory = self._session.config._tmp_path_factory  # type: ignore[attr-defined]  # noqa: SLF001
            factory._basetemp, factory._given_basetemp = None, folder / "tests"  # noqa: SLF001
            task.run(folder / "lines")
            with suppress(BaseException):
                self._session._setupstate.teardown_exact(None)  # noqa: SLF001
        except BaseException:
            (folder / "problem").write_text(traceback.format_exc(), "utf-8")
        finally:
            os.write(writing, b".")
            os._exit(0)

    def _collect(self, pid: int, pipe: int, folder: Path) -> list[str]:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(pipe)
        problem, lines = folder / "problem", folder / "lines"
        if problem.exists():
            raise RuntimeError(problem.read_text("utf-8"))
        found = lines.read_text("utf-8").splitlines() if lines.exists() else []
        shutil.rmtree(folder, ignore_errors=True)
        return found


class _OnlySession:
    """Given as the next test, ends the fixtures of everything but the session."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[pytest.Session]:
        return [self._session]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _set_default(function: FunctionType, name: str, value: bool) -> None:
    keywords = function.__kwdefaults__ or {}
    if name in keywords:
        function.__kwdefaults__ = {**keywords, name: value}
        return
    defaults = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount][-len(defaults) or None :]
    function.__defaults__ = tuple(
        value if each == name else default for each, default in zip(names, defaults, strict=True)
    )
