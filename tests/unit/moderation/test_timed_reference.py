from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from safelight.errors import InvalidMedia, SandboxFailed
from safelight.moderation.reference import ReferenceInput, ReferenceStage
from safelight.moderation.screening import ScreeningContext
from safelight.moderation.timed_reference import TimedReferenceStage
from safelight.policy.verdicts import Action

CONTEXT = cast(ScreeningContext, SimpleNamespace())


def file(name: str) -> ReferenceInput:
    return ReferenceInput(path=Path(name), field=name, media_type="image/png", sha256="")


class Stage:
    """A stage whose results are scripted by the name of the first file. `slow` ends only when cancelled."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.cancelled = threading.Event()

    def screen(self, files: Sequence[ReferenceInput], _context: object, *, cancel: threading.Event) -> Any:
        name = files[0].field
        self.began.append(name)
        if name == "damaged":
            raise InvalidMedia("The image is empty.", param=name)
        if name == "slow":
            cancel.wait(60)
            self.cancelled.set()
            raise SandboxFailed("The check was cancelled.")
        return SimpleNamespace(
            name=name, verdict=SimpleNamespace(action=Action.BLOCK if name == "bad" else Action.ALLOW)
        )


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(max_workers=1) as made:
        yield made


def screen(stage: Stage, threads: Executor, *names: str, timeout_s: float = 60.0) -> list[str]:
    made = TimedReferenceStage(stage=cast(ReferenceStage, stage), threads=threads, timeout_s=timeout_s)
    found: Any = made.screen([[file(name)] for name in names], CONTEXT)
    return [result.name for result in found]


def test_results_come_in_the_order_of_the_groups(threads: Executor) -> None:
    assert screen(Stage(), threads, "first", "second") == ["first", "second"]


def test_what_is_not_finished_in_time_is_cancelled_and_has_no_result(threads: Executor) -> None:
    stage = Stage()
    assert screen(stage, threads, "first", "slow", "third", timeout_s=0.5) == ["first"]
    assert stage.cancelled.wait(60)
    assert screen(stage, threads, "next") == ["next"]
    assert stage.began == ["first", "slow", "next"]


def test_without_a_free_thread_nothing_begins(threads: Executor) -> None:
    busy, stage = threading.Event(), Stage()
    threads.submit(busy.wait, 60)
    assert screen(stage, threads, "first", timeout_s=0.05) == []
    busy.set()
    assert screen(stage, threads, "second") == ["second"]
    assert stage.began == ["second"]


def test_a_block_ends_the_screening(threads: Executor) -> None:
    stage = Stage()
    assert screen(stage, threads, "bad", "second") == ["bad"]
    assert stage.began == ["bad"]


def test_a_file_that_is_not_accepted_is_reported(threads: Executor) -> None:
    with pytest.raises(InvalidMedia):
        screen(Stage(), threads, "first", "damaged")
