"""A process without its worker lease, or whose run was replaced, sends no request and commits nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.interruptions import ShutdownRequested
from safelight.videos.models import Video, VideoState
from safelight.videos.runner import Runner

from .conftest import House

pytestmark = pytest.mark.both_databases

WAIT_S = 60


class Lease:
    """A worker lease that the test takes away and gives back."""

    def __init__(self) -> None:
        self.held = threading.Event()
        self.held.set()
        self.waited_for = threading.Event()
        self.stopping = False

    def wait(self) -> None:
        if not self.held.is_set():
            self.waited_for.set()
            assert self.held.wait(WAIT_S)
        if self.stopping:
            raise ShutdownRequested


class Step:
    """One step of a video, in a thread."""

    def __init__(self, house: House, video: Video) -> None:
        self._runner, self._video = Runner(house.context), video
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._runner.run_steps(self._video.tenant, self._video.id)

    def end(self) -> None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


@pytest.fixture
def lease(house: House) -> Iterator[Lease]:
    made = Lease()
    pipeline = house.container.pipeline
    pipeline.context = replace(pipeline.context, wait_for_lease=made.wait)
    yield made
    made.held.set()


def at_boundary(house: House, name: str, act: Callable[[], object]) -> None:
    """Call `act` when a step comes to the boundary `name`."""
    pipeline = house.container.pipeline
    pipeline.context = replace(pipeline.context, fault_hook=lambda here: act() if here == name else None)


def generating(house: House, model: str | None = None) -> Video:
    video = house.order(model=model) if model else house.order()
    Runner(house.context).run_steps(video.tenant, video.id)
    assert state(house, video) is VideoState.GENERATING
    return video


def state(house: House, video: Video) -> VideoState:
    return house.reread(video).state


def log_events(house: House, video: Video) -> list[str]:
    return [entry["event"] for entry in house.record(video).audit_log]


def test_without_the_lease_no_request_is_sent_and_it_is_sent_once_with_the_lease(
    house: House, lease: Lease, upstream: ScriptedUpstream
) -> None:
    video = generating(house, "paid-1")
    lease.held.clear()
    step = Step(house, video)
    assert lease.waited_for.wait(WAIT_S)
    assert upstream.counts["received"] == 0
    assert log_events(house, video)[-1] == "video.generating"
    lease.held.set()
    step.end()
    assert upstream.counts["received"] == 1
    assert state(house, video) is VideoState.SCANNING


def test_a_lease_lost_after_a_submission_ends_the_polls_and_keeps_the_upstream_id(
    house: House, lease: Lease, upstream: ScriptedUpstream
) -> None:
    video = generating(house, "paid-1")
    at_boundary(house, "submitted", lease.held.clear)
    step = Step(house, video)
    assert lease.waited_for.wait(WAIT_S)
    (attempt,) = house.record(video).attempts
    assert attempt.upstream_id is not None
    assert upstream.counts["polls"] == 0
    lease.stopping = True
    lease.held.set()
    step.end()
    assert state(house, video) is VideoState.GENERATING
    assert upstream.counts["polls"] == 0
    lease.stopping = False
    Step(house, video).end()
    assert state(house, video) is VideoState.SCANNING
    assert upstream.counts["received"] == 1


def test_a_local_step_that_runs_while_the_lease_is_lost_commits_only_when_it_is_held_again(
    house: House, lease: Lease
) -> None:
    video = generating(house)
    at_boundary(house, "stored", lease.held.clear)
    step = Step(house, video)
    assert lease.waited_for.wait(WAIT_S)
    assert state(house, video) is VideoState.GENERATING
    lease.held.set()
    step.end()
    assert state(house, video) is VideoState.SCANNING


def test_a_step_whose_run_was_replaced_meanwhile_commits_nothing(house: House) -> None:
    video = generating(house)

    def enqueue_again() -> None:
        house.change(video, enqueue_count=2)

    at_boundary(house, "stored", enqueue_again)
    runner = Runner(house.context)
    assert runner.run_steps(video.tenant, video.id, 1)
    assert state(house, video) is VideoState.GENERATING
    assert not runner.run_steps(video.tenant, video.id, 1)
    at_boundary(house, "stored", lambda: None)
    assert Runner(house.context).run_steps(video.tenant, video.id, 2)
    assert state(house, video) is VideoState.SCANNING
