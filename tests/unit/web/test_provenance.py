"""Checks of uploads: few wait, and the time of an answer does not show how long a search took."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from safelight.core.errors import SandboxCrashed, Unavailable
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.provenance.recovery.public_answer import PublicAnswer
from safelight.videos.registry import ProvenanceCheck, ProvenanceChecks
from safelight.web.provenance import ProvenanceDoor
from safelight.web.thread_pool import Threads
from support.rows import each_row

FOUND = ProvenanceCheck(
    public=PublicAnswer(answer=Answer.NOT_FOUND, ground=Ground.NOTHING), issuer="Test Films"
)


Search = Callable[[Path], Awaitable[None]]


class Checks:
    """Files whose names begin with "exact" need no search."""

    def __init__(self, search: Search) -> None:
        self._search = search

    async def look(self, path: Path) -> Any:
        return FOUND if path.name.startswith("exact") else SimpleNamespace()

    async def search(self, path: Path, _look: Any) -> ProvenanceCheck:
        await self._search(path)
        return FOUND


class NoThreads:
    """Runs the functions of `Checks` as tasks, so that a test can wait until all are blocked."""

    async def run(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await function(*args)


class Clock:
    """Time that passes only in searches and pauses."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    names = {"Path": anyio.Path, "Semaphore": anyio.Semaphore}
    fake = SimpleNamespace(**names, current_time=lambda: made.now, sleep=made.sleep)
    monkeypatch.setattr("safelight.web.provenance.anyio", fake)
    return made


def a_door(search: Search, *, answer_after_s: float) -> ProvenanceDoor:
    checks, threads = cast("ProvenanceChecks", Checks(search)), cast("Threads", NoThreads())
    return ProvenanceDoor(checks, threads, answer_after_s=answer_after_s)


@each_row
def test_the_answer_after_a_search_comes_at_a_multiple_of_the_answer_time(
    clock: Clock, tmp_path: Path, search_s: float, answer_s: float
) -> None:
    async def search(_path: Path) -> None:
        clock.now += search_s

    door = a_door(search, answer_after_s=30.0)
    assert anyio.run(partial(door.check_upload, tmp_path / "a", stranger=True)) is FOUND
    assert clock.pauses == [answer_s - search_s]
    clock.pauses.clear()


def test_a_search_that_fails_is_answered_at_the_same_time(clock: Clock, tmp_path: Path) -> None:
    async def search(_path: Path) -> None:
        clock.now += 4.0
        raise SandboxCrashed("The sandboxed child ended early.")

    path = tmp_path / "a"
    path.touch()
    with pytest.raises(SandboxCrashed):
        anyio.run(partial(a_door(search, answer_after_s=30.0).check_upload, path, stranger=True))
    assert clock.pauses == [26.0]
    assert not path.exists()


@pytest.mark.parametrize("search_s", [0.5, 9.0, 29.0])
def test_the_next_search_starts_when_the_answer_is_given_however_long_it_took(
    clock: Clock, tmp_path: Path, search_s: float
) -> None:
    starts: list[float] = []

    async def search(path: Path) -> None:
        starts.append(clock.now - 100.0)
        clock.now += search_s

    async def run() -> None:
        door = a_door(search, answer_after_s=30.0)
        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(partial(door.check_upload, tmp_path / str(number), stranger=True))

    anyio.run(run)
    assert starts == [0.0, 30.0, 60.0]


def test_a_file_that_needs_no_search_waits_for_no_search(tmp_path: Path) -> None:
    async def run() -> None:
        release = anyio.Event()

        async def search(_path: Path) -> None:
            await release.wait()

        door = a_door(search, answer_after_s=0.0)
        async with anyio.create_task_group() as group:
            group.start_soon(partial(door.check_upload, tmp_path / "a", stranger=True))
            await anyio.wait_all_tasks_blocked()
            exact = tmp_path / "exact"
            exact.touch()
            assert await door.check_upload(exact, stranger=True) is FOUND
            assert not exact.exists()
            release.set()

    anyio.run(run)


@pytest.mark.parametrize("name", ["a", "exact"])
def test_without_an_answer_time_nothing_waits(clock: Clock, tmp_path: Path, name: str) -> None:
    async def search(_path: Path) -> None:
        clock.now += 4.0

    anyio.run(partial(a_door(search, answer_after_s=0.0).check_upload, tmp_path / name, stranger=True))
    assert not any(clock.pauses)


def test_uploads_that_were_read_at_the_same_time_do_not_all_wait(tmp_path: Path) -> None:
    async def run() -> None:
        release = anyio.Event()

        async def search(_path: Path) -> None:
            await release.wait()

        door = a_door(search, answer_after_s=0.0)
        paths = [tmp_path / str(number) for number in range(10)]
        for number, path in enumerate(paths):
            door.admit_stranger(f"192.0.2.{number}")
            path.touch()
        async with anyio.create_task_group() as group:
            for path in paths[:9]:
                group.start_soon(partial(door.check_upload, path, stranger=True))
                await anyio.wait_all_tasks_blocked()
            with pytest.raises(Unavailable):
                await door.check_upload(paths[9], stranger=True)
            assert not paths[9].exists()
            release.set()
        assert list(tmp_path.iterdir()) == []

    anyio.run(run)


def test_only_a_few_uploads_of_strangers_wait_and_keys_do_not_wait_for_them(tmp_path: Path) -> None:
    async def run() -> None:
        release = anyio.Event()

        async def search(path: Path) -> None:
            if path.name.startswith("stranger"):
                await release.wait()

        door = a_door(search, answer_after_s=0.0)
        async with anyio.create_task_group() as group:
            for number in range(9):
                door.admit_stranger(f"192.0.2.{number}")
                path = tmp_path / f"stranger-{number}"
                path.touch()
                group.start_soon(partial(door.check_upload, path, stranger=True))
                await anyio.wait_all_tasks_blocked()
            with pytest.raises(Unavailable):
                door.admit_stranger("192.0.2.10")
            door.admit_key()
            assert await door.check_upload(tmp_path / "key", stranger=False) is FOUND
            release.set()
        assert list(tmp_path.iterdir()) == []

    anyio.run(run)
