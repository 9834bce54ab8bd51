"""Progress of a running step: what is written to the row of the video, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from safelight.videos import context as progress_writer
from safelight.videos.context import recorded_progress
from safelight.videos.models import Video

from .conftest import House


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_writer, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(progress_writer, "_MAX_PAUSE_S", 0.02)


def wait_until(met: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not met():
        assert time.monotonic() < until
        time.sleep(0.01)


def written(house: House, video: Video) -> int:
    return house.reread(video).progress


def test_progress_is_mapped_to_the_range_of_the_step_and_never_falls(house: House) -> None:
    video, database = house.order(), house.database
    with recorded_progress(database, video, 5, 60) as progress:
        progress.report(1, 2)
        wait_until(lambda: written(house, video) == 32)
        progress.report(1, 10)
        progress.report_percent(52)
        time.sleep(0.2)
        # Two percent more are less than one step.
        assert written(house, video) == 32
        progress.report_percent(100)
        wait_until(lambda: written(house, video) == 60)
    with recorded_progress(database, video, 5, 60) as progress:
        progress.report_percent(50)
        time.sleep(0.2)
    assert written(house, video) == 60


def test_progress_changes_neither_the_revision_nor_the_audit_log(house: House) -> None:
    video = house.order()
    before = house.record(video).audit_log
    with recorded_progress(house.database, video, 5, 60) as progress:
        progress.report_percent(100)
        wait_until(lambda: written(house, video) == 60)
    after = house.record(video)
    assert (after.video.revision, after.audit_log) == (video.revision, before)
