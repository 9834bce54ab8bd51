from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from safelight.core.errors import InvalidMedia, SandboxFailed
from safelight.media.probe import MediaInfo
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import ScreeningContext
from safelight.screening.reference import ReferenceInput, ReferenceStage
from safelight.screening.scanning.service import Scanner
from safelight.screening.timed_reference import CHECK_TIMEOUT_S, MAX_CLIP_CHECKS, TimedReferenceStage

CONTEXT = cast(ScreeningContext, SimpleNamespace())


def file(name: str) -> ReferenceInput:
    return ReferenceInput(path=Path(name), field=name, media_type="image/png", sha256="")


def clip(name: str) -> ReferenceInput:
    return ReferenceInput(path=Path(name), field=name, media_type="video/mp4", sha256="")


class Stage:
    """A stage whose results are scripted by the name of the first file. `slow` ends only when cancelled."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.cancelled = threading.Event()
        self.released = threading.Event()
        self.slow_began = threading.Semaphore(0)
        self.scan_s: dict[str, float] = {}

    def estimate_scan_s(self, file: ReferenceInput) -> float:
        return self.scan_s.get(file.field, 1.0)

    def screen(self, files: Sequence[ReferenceInput], _context: object, *, cancel: threading.Event) -> Any:
        name = files[0].field
        self.began.append(name)
        if name == "damaged":
            raise InvalidMedia("The image is empty.", param=name)
        if name == "slow":
            self.slow_began.release()
            while not cancel.wait(0.01) and not self.released.is_set():
                pass
            self.cancelled.set()
            raise SandboxFailed("The check was cancelled.")
        return SimpleNamespace(
            name=name, verdict=SimpleNamespace(action=Action.BLOCK if name == "bad" else Action.ALLOW)
        )


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(max_workers=1) as made:
        yield made


def timed(stage: Stage, threads: Executor, **options: Any) -> TimedReferenceStage:
    given = {"timeout_s": 60.0, **options}
    return TimedReferenceStage(stage=cast(ReferenceStage, stage), threads=threads, **given)


def screen(stage: Stage, threads: Executor, name: str, *, timeout_s: float = 60.0) -> str | None:
    found: Any = timed(stage, threads, timeout_s=timeout_s).screen([file(name)], CONTEXT)
    return found.name if found else None


def test_what_is_not_finished_in_time_is_cancelled_and_has_no_result(threads: Executor) -> None:
    stage = Stage()
    assert screen(stage, threads, "slow", timeout_s=0.5) is None
    assert stage.cancelled.wait(60)
    assert screen(stage, threads, "next") == "next"
    assert stage.began == ["slow", "next"]


def test_without_a_free_thread_nothing_begins(threads: Executor) -> None:
    busy, stage = threading.Event(), Stage()
    threads.submit(busy.wait, 60)
    assert screen(stage, threads, "first", timeout_s=0.05) is None
    busy.set()
    assert screen(stage, threads, "second") == "second"
    assert stage.began == ["second"]


def test_a_file_that_is_not_accepted_is_reported(threads: Executor) -> None:
    with pytest.raises(InvalidMedia):
        screen(Stage(), threads, "damaged")


def screen_files(
    stage: Stage, threads: Executor, *files: ReferenceInput, timeout_s: float = 60.0
) -> tuple[list[str], dict[str, float | None]]:
    found, left = timed(stage, threads, timeout_s=timeout_s).screen_files(files, CONTEXT)
    return [cast(Any, result).name for result in found], {one.field: seconds for one, seconds in left.items()}


def test_a_clip_that_takes_longer_than_a_check_is_not_begun_and_its_time_is_returned(
    threads: Executor,
) -> None:
    stage = Stage()
    stage.scan_s["long clip"] = 300.0
    found = screen_files(stage, threads, file("picture"), clip("long clip"), clip("short clip"))
    assert found == (["picture", "short clip"], {"long clip": 300.0})
    assert stage.began == ["picture", "short clip"]


def test_the_files_of_a_check_have_more_time_than_those_of_a_request(threads: Executor) -> None:
    for one in (clip("short clip"), file("picture")):
        assert screen_files(Stage(), threads, one, timeout_s=0.0) == ([one.field], {})
    made = timed(Stage(), threads, check_timeout_s=2.0)
    assert made.screen_files([clip("slow")], CONTEXT) == ((), {clip("slow"): 2.0})


def test_a_blocked_picture_ends_the_screening(threads: Executor) -> None:
    stage = Stage()
    assert screen_files(stage, threads, clip("clip"), file("bad")) == (["bad"], {"clip": None})
    assert stage.began == ["bad"]


def test_one_caller_never_holds_all_places_for_clips() -> None:
    stage = Stage()
    with ThreadPoolExecutor(max_workers=4) as threads, ThreadPoolExecutor(max_workers=4) as requests:
        made = timed(stage, threads, check_timeout_s=60.0)

        def check(caller: str, name: str) -> Future[Any]:
            return requests.submit(made.screen_files, [clip(name)], CONTEXT, caller=caller)

        check("first", "slow")
        assert stage.slow_began.acquire(timeout=60)
        assert check("first", "clip").result(60) == ((), {clip("clip"): 1.0})
        assert check("second", "clip").result(60)[1] == {}
        check("second", "slow")
        assert stage.slow_began.acquire(timeout=60)
        assert check("third", "clip").result(60) == ((), {clip("clip"): 1.0})
        stage.released.set()
    assert stage.began == ["slow", "clip", "slow"]
    assert stage.began.count("slow") == MAX_CLIP_CHECKS


def test_a_check_ends_without_its_scan_when_the_process_stops(threads: Executor) -> None:
    stage, stopping = Stage(), threading.Event()
    made = timed(stage, threads, stopping=stopping)
    with ThreadPoolExecutor(max_workers=1) as requests:
        check = requests.submit(made.screen_files, [clip("slow")], CONTEXT)
        assert stage.slow_began.acquire(timeout=60)
        stopping.set()
        assert check.result(30) == ((), {clip("slow"): 1.0})
    assert stage.cancelled.wait(60)


def test_the_pace_of_earlier_scans_counts_for_a_while_and_short_clips_hardly_change_it() -> None:
    now = 0.0
    scanner = Scanner(Sandbox(), (), monotonic=lambda: now)
    ten_seconds = MediaInfo(
        container="mp4",
        bytes=1,
        width=1280,
        height=720,
        fps=24,
        duration_s=10,
        frames=240,
        video_codec="h264",
        pixel_format="yuv420p",
        rotation=0,
    )
    idle_s = scanner.estimate_scan_s(ten_seconds)
    for _ in range(20):
        scanner._measure_pace(1.0, 600.0)
    assert scanner.estimate_scan_s(ten_seconds) < CHECK_TIMEOUT_S
    for _ in range(20):
        scanner._measure_pace(idle_s, 5 * idle_s)
    assert scanner.estimate_scan_s(ten_seconds) > CHECK_TIMEOUT_S
    now += 3600
    assert scanner.estimate_scan_s(ten_seconds) == idle_s
