"""A clock that jumps by an hour: nothing is ended too early, nothing is lost, and lists keep their order."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from safelight.core.background.clock_watch import ClockWatch
from safelight.store import tables
from safelight.store.database import Database
from safelight.videos.attempts import seconds_left
from safelight.videos.models import Video, VideoState
from safelight.videos.runner import Runner

from .conftest import Furnish, House
from .test_video_lifecycle import sweeper

HOUR = 3600.0
DEADLINE = 1800.0


class Clocks:
    """The clocks of one machine."""

    def __init__(self) -> None:
        self.wall = time.time()
        self.steady = 1000.0

    def pass_s(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks(database: Database) -> Clocks:
    made = Clocks()
    database.clock = lambda: made.wall
    return made


@pytest.fixture
def house(clocks: Clocks, furnish: Furnish) -> House:
    made = furnish()
    made.waive()
    watch = ClockWatch(clock=lambda: clocks.wall, monotonic=lambda: clocks.steady, hold_s=DEADLINE)
    pipeline = made.container.pipeline
    pipeline.context = replace(pipeline.context, clock_watch=watch)
    return made


def state(house: House, video: Video) -> VideoState:
    return house.reread(video).state


def log_events(house: House) -> list[str]:
    with house.database.across_tenants("a test", readonly=True) as tx:
        return [row.event for row in tx.select(tables.audit_log, order_by=(tables.audit_log.c.seq,))]


def hold(house: House) -> Video:
    """A video that waits for a reviewer."""
    video = house.order()
    due_at = house.database.clock() + 1000
    house.change(video, state="held", stage="output", hold_stage="output", review_due_at=due_at)
    return video


def run_step(house: House, video: Video) -> VideoState:
    Runner(house.context).run_steps(video.tenant, video.id)
    return state(house, video)


@pytest.mark.parametrize("by_s", [HOUR, -HOUR])
def test_videos_under_way_are_finished_after_a_jump(house: House, clocks: Clocks, by_s: float) -> None:
    local, remote = house.order(), house.order(model="paid-1")
    clocks.pass_s(5)
    clocks.wall += by_s
    sweeper(house).sweep()
    for video in (local, remote):
        assert run_step(house, video) is VideoState.GENERATING
    context = house.context
    assert seconds_left(context, house.reread(local)) >= DEADLINE - 5


def test_videos_that_are_not_finished_one_deadline_after_the_jump_end_in_timeout(
    house: House, clocks: Clocks
) -> None:
    waiting, running, made = house.order(), house.order(), sweeper(house)
    clocks.pass_s(5)
    clocks.wall += HOUR
    for _ in range(3):
        made.sweep()
        clocks.pass_s(DEADLINE / 4)
    assert (state(house, waiting), state(house, running)) == (VideoState.QUEUED, VideoState.QUEUED)
    clocks.pass_s(DEADLINE)
    made.sweep()
    assert house.reread(waiting).error_code == "timeout"
    assert run_step(house, running) is VideoState.FAILED
    assert run_step(house, house.order()) is VideoState.GENERATING


def test_an_open_hold_is_refused_only_when_its_time_is_over(house: House, clocks: Clocks) -> None:
    held, made = hold(house), sweeper(house)
    clocks.wall += HOUR
    made.sweep()
    assert state(house, held) is VideoState.HELD
    clocks.pass_s(60)
    clocks.wall -= HOUR
    made.sweep()
    clocks.pass_s(DEADLINE - 1)
    made.sweep()
    assert state(house, held) is VideoState.HELD
    clocks.pass_s(2)
    made.sweep()
    assert state(house, held) is VideoState.BLOCKED


def test_files_are_not_deleted_early_because_of_a_jump(house: House, clocks: Clocks) -> None:
    video, made = house.order(), sweeper(house)
    house.change(video, state="delivered", stage="delivery", expires_at=clocks.wall + 1000)
    clocks.wall += HOUR
    made.sweep()
    assert not house.reread(video).deleted
    clocks.wall -= HOUR
    made.sweep()
    clocks.pass_s(DEADLINE + 1)
    made.sweep()
    row = house.context.videos.row(video.tenant, video.id)
    assert row.deleted_at is not None


@pytest.mark.both_databases
def test_lists_keep_the_order_of_creation_and_waivers_stay_in_force_when_the_clock_goes_back(
    house: House, clocks: Clocks
) -> None:
    made = []
    for step in (1.0, 1.0, -HOUR, 1.0, 0.0, -HOUR, 1.0):
        clocks.wall += step
        made.append(house.order(f"a quiet lake, take {len(made)}").id)
    newest_first = made[::-1]
    found: list[str] = []
    while len(found) < len(made):
        page = house.videos.list(house.who, after=found[-1] if found else None, limit=2, order="desc")
        found += [video.id for video in page.items]
    assert found == newest_first
    page = house.videos.list(house.who, after=None, limit=10, order="asc")
    assert [video.id for video in page.items] == made
    assert [waiver.name for waiver in house.container.persistence.waivers_in_force(house.who.tenant)] == [
        "tests"
    ]
