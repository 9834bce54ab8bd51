"""Videos that wait for an upstream: without a slot or a thread, at most as many as the upstream may have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS

from safelight.core.errors import UpstreamUnavailable
from safelight.providers.videos_api import create as videos_api
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos import attempts
from safelight.videos.models import Video, VideoState
from safelight.videos.queue import DurableQueue
from safelight.videos.requests.request import CreateRequest
from safelight.videos.runner import Runner
from safelight.videos.upstream_gate import LOOK_AGAIN_S, UpstreamGate, UpstreamProblem, upstream_gates
from safelight.videos.upstream_waits import UpstreamWaits

from .conftest import Furnish, House
from .test_queue import wait_for
from .test_video_lifecycle import OWN, PAID, NoEngine, sweeper


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "POLL_S", 0.01)
    monkeypatch.setattr(attempts, "_MAX_POLL_S", 0.05)


class Engine(NoEngine):
    """A queue that only notes what it is asked to run."""

    def __init__(self) -> None:
        super().__init__()
        self.may_work = True
        self.delayed: list[str] = []
        #: Videos and their runs that may begin at once.
        self.ready: list[tuple[str, int]] = []

    def enqueue(self, tenant: str, video_id: str, run: int, *, delay_s: float | None = None) -> None:
        super().enqueue(tenant, video_id, run)
        if delay_s is not None:
            self.delayed.append(video_id)
        else:
            self.ready.append((video_id, run))


class Office:
    """The waits of one process, on an engine that runs only what the test says."""

    def __init__(self, house: House, *, changed: Mapping[str, Any] = {}, **gates: UpstreamGate) -> None:
        """`changed`: of the context of the house. `gates`: those of a process besides that of the house."""
        self.house = house
        self.context = replace(house.context, **changed)
        if gates:
            self.context = replace(self.context, upstreams={**house.context.upstreams, **gates})
        self.engine = Engine()
        self.waits = UpstreamWaits(self.context, Runner(self.context), self.engine)  # type: ignore[arg-type]

    def run(self, video: Video) -> None:
        """Run the newest run of a video to its end."""
        run = self.context.videos.row(video.tenant, video.id).enqueue_count
        while self.waits.advance(video.tenant, video.id, run):
            pass

    def poll_until(self, condition: Callable[[], object]) -> None:
        def poll() -> object:
            self.waits.poll_due()
            return condition()

        wait_for(poll)

    def is_woken(self, video: Video) -> bool:
        run = self.context.videos.row(video.tenant, video.id).enqueue_count
        return (video.id, run) in self.engine.ready and video.id not in self.waits._waits and run > 1

    def state(self, video: Video) -> VideoState:
        return self.house.reread(video).state


def limit(house: House, name: str, limit: int) -> None:
    upstreams = house.context.upstreams
    upstreams[name] = UpstreamGate(limit=limit)  # type: ignore[index]


def test_a_run_ends_while_the_upstream_works_records_its_progress_and_another_follows_its_end(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 3, "charge": 0.4, "progress": [40, 40, 40]}})
    office, video = Office(house), house.order(**PAID)
    office.run(video)
    assert office.state(video) is VideoState.GENERATING
    assert office.engine.delayed == [video.id]
    office.poll_until(lambda: house.reread(video).progress == 5 + 55 * 40 // 100)
    office.poll_until(lambda: office.is_woken(video))
    office.run(video)
    assert office.state(video) is VideoState.DELIVERED
    assert upstream.counts["accepted"] == 1


@pytest.mark.both_databases
def test_processes_together_have_as_many_requests_at_an_upstream_as_it_may_have(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 1}})
    here, elsewhere = (Office(house, own=UpstreamGate(limit=1)) for _ in range(2))
    first, second = (house.order(f"a quiet lake, take {number}", **OWN) for number in range(2))
    here.run(first)
    elsewhere.run(second)
    assert (upstream.counts["accepted"], elsewhere.state(second)) == (1, VideoState.GENERATING)
    here.poll_until(lambda: here.is_woken(first))
    here.run(first)
    assert here.state(first) is VideoState.DELIVERED
    elsewhere.poll_until(lambda: elsewhere.is_woken(second))
    elsewhere.run(second)
    assert upstream.counts["accepted"] == 2


@pytest.mark.both_databases
def test_the_submissions_of_a_minute_are_those_of_all_processes(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0}})
    for number in range(2):
        office = Office(house, own=UpstreamGate(limit=9, per_minute=1))
        office.run(house.order(f"a quiet lake, take {number}", **OWN))
    assert upstream.counts["received"] == 1


@pytest.mark.postgres
def test_a_video_does_not_ask_in_vain_while_other_processes_have_all_places(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    here, elsewhere = (Office(house, own=UpstreamGate(limit=1)) for _ in range(2))
    here.run(house.order("a quiet lake", **OWN))
    second = house.order("a quiet lake at night", **OWN)
    elsewhere.run(second)
    until = time.monotonic() + 2 * LOOK_AGAIN_S
    elsewhere.poll_until(lambda: time.monotonic() > until)
    assert not elsewhere.is_woken(second)


@pytest.mark.both_databases
def test_an_upstream_gets_as_many_requests_as_it_may_have_in_the_order_of_arrival(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 1}})
    limit(house, "own", 1)
    office = Office(house)
    videos = [house.order(f"a quiet lake, take {number}", **OWN) for number in range(4)]
    for video in videos:
        office.run(video)
    assert upstream.counts["accepted"] == 1
    delivered = 0
    while delivered < len(videos):
        office.poll_until(lambda: any(office.is_woken(video) for video in videos))
        for video in [each for each in videos if office.is_woken(each)]:
            office.run(video)
        delivered = [office.state(video) for video in videos].count(VideoState.DELIVERED)
        assert upstream.counts["accepted"] <= delivered + 1
    submitted = [house.record(video).attempts[-1].submitted_at for video in videos]
    assert submitted == sorted(submitted, key=lambda at: at or 0.0)


@pytest.mark.both_databases
def test_after_a_429_with_retry_after_no_video_is_submitted_and_none_fails(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"submit": {"status": 429, "retry_after": 600, "times": 1}}})
    office = Office(house)
    videos = [house.order(f"a quiet lake, take {number}", **PAID) for number in range(2)]
    for video in videos:
        office.run(video)
    # Another process of the fleet, or this one after a restart.
    Office(house, paid=UpstreamGate(limit=9)).run(house.order("a quiet sea", **PAID))
    assert upstream.counts["received"] == 1
    assert {office.state(video) for video in videos} == {VideoState.GENERATING}


def test_the_submissions_of_a_minute_are_those_of_the_settings(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0}})
    table = {"url": upstream.url, "models": ["paid-1"], "max_submissions_per_minute": 1}
    with closing(videos_api(table)) as limited:
        house.context.upstreams["paid"] = upstream_gates({"paid": limited})["paid"]  # type: ignore[index]
    office = Office(house)
    videos = [house.order(f"a quiet lake, take {number}", **PAID) for number in range(2)]
    for video in videos:
        office.run(video)
    assert upstream.counts["received"] == 1
    assert office.state(videos[1]) in {VideoState.QUEUED, VideoState.GENERATING}


def test_without_the_lease_no_upstream_is_called(house: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    office, video = Office(house), house.order(**OWN)
    office.run(video)
    polls = upstream.counts["polls"]
    office.engine.may_work = False
    wait = office.waits._waits[video.id]
    wait.due = 0.0
    office.waits.poll_due()
    assert not wait.busy
    assert wait.due > 0
    assert upstream.counts["polls"] == polls


def test_at_its_deadline_a_waiting_video_is_asked_for_once_more_and_ends(
    furnish: Furnish, upstream: ScriptedUpstream
) -> None:
    house = furnish(generation={"deadline_s": 1.0})
    upstream.play({"otherwise": {"ends": "never"}})
    office, video = Office(house), house.order(**OWN)
    office.run(video)
    office.poll_until(lambda: office.is_woken(video))
    polls = upstream.counts["polls"]
    office.run(video)
    assert house.reread(video).error_code == "timeout"
    assert upstream.counts["polls"] == polls + 1


def test_a_waiting_video_is_not_enqueued_by_the_sweeper_until_its_process_is_gone(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    office, video = Office(house), house.order(**OWN)
    office.run(video)
    made = sweeper(house)
    made._now = lambda: house.database.clock() + 60
    made._queue = office.engine  # type: ignore[assignment]
    enqueued = list(office.engine.handed_over)
    made.requeue_abandoned()
    assert office.engine.handed_over == enqueued
    office.engine.handed_over.clear()
    made.requeue_abandoned()
    ((requeued, _run),) = office.engine.handed_over
    assert requeued == video.id


@pytest.fixture
def running(furnish: Furnish, tmp_path: Path) -> Iterator[Furnish]:
    """A house whose queue runs with two threads, and whose waits are polled."""
    stopping = threading.Event()

    def make(**settings: Any) -> House:
        house = furnish(generation={"max_concurrent": 2, **settings})
        house.waive()
        house.container.core.shutdown_event = stopping
        pipeline = house.container.pipeline
        queue = DurableQueue(
            database_url=f"sqlite:///{tmp_path / 'engine.sqlite3'}",
            worker="tests",
            roles=("work",),
            at_once=2,
            connections=3,
            place=pipeline.queue_places.place,
            fence=pipeline.lease_fence,
            stopping=stopping,
        )
        pipeline.queue = queue
        queue.start(house.container.background.upstream_waits.advance)
        for part in (*queue.parts, house.container.background.upstream_waits.part):
            part.start()
        house.videos = replace(house.videos, enqueue=queue.enqueue)
        return house

    yield make
    stopping.set()
    DBOS.destroy(workflow_completion_timeout_sec=10, destroy_registry=True)


def test_an_upstream_that_never_finishes_delays_no_other_video(
    running: Furnish, upstream: ScriptedUpstream
) -> None:
    upstream.play({"orders": [{"when": "stuck", "ends": "never"}], "otherwise": {"polls": 2}})
    house = running()
    limit(house, "paid", 6)
    stuck = [house.order(f"a stuck clock, take {number}", **PAID) for number in range(8)]
    wait_for(lambda: upstream.counts["accepted"] == 5)
    others = [house.order(f"a lake, take {number}", **extra) for number in range(2) for extra in (OWN, {})]
    states = {VideoState.DELIVERED, VideoState.FAILED}
    wait_for(lambda: all(house.reread(one).state in states for one in others))
    assert {house.reread(one).state for one in others} == {VideoState.DELIVERED}
    assert {house.reread(one).state for one in stuck} == {VideoState.GENERATING}
    assert upstream.counts["accepted"] == 5 + 2


def test_a_key_that_fills_an_upstream_leaves_a_place_for_the_key_that_comes_later(
    running: Furnish, upstream: ScriptedUpstream
) -> None:
    upstream.play({"orders": [{"when": "stuck", "ends": "never"}], "otherwise": {"polls": 2}})
    house = running()
    limit(house, "paid", 3)
    stuck = [house.order(f"a stuck clock, take {number}", **PAID) for number in range(5)]
    wait_for(lambda: upstream.counts["accepted"] == 2)
    later = replace(house.who, id="key_later")
    others = [house.videos.create(later, CreateRequest(prompt=f"a lake, {n}", **PAID)) for n in range(2)]
    wait_for(lambda: all(house.videos.get(later, one.id).state is VideoState.DELIVERED for one in others))
    assert {house.reread(one).state for one in stuck} == {VideoState.GENERATING}
    assert upstream.counts["accepted"] == 2 + 2


def test_a_stored_run_that_begins_is_not_woken_a_second_time(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 1}})
    limit(house, "paid", 0)
    office, video = Office(house), house.order(**PAID)
    office.run(video)
    wait = office.waits._waits[video.id]
    limit(house, "paid", 1)
    office.run(video)
    before = list(office.engine.handed_over)
    office.waits._wake(wait)
    assert office.engine.handed_over == before
    assert upstream.counts["accepted"] == 1


def test_a_video_whose_look_fails_does_not_stop_the_polls_of_the_others(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    office = Office(house)
    videos = [house.order(f"a quiet lake, take {number}", **OWN) for number in range(2)]
    for video in videos:
        office.run(video)
    for wait in office.waits._waits.values():
        wait.due = 0.0
    looked: list[str] = []

    def look(wait: Any) -> None:
        looked.append(wait.request.video_id)
        raise OSError("The disk is full.")

    monkeypatch.setattr(office.waits, "_look", look)
    with pytest.raises(OSError, match="full"):
        office.waits.poll_due()
    assert sorted(looked) == sorted(video.id for video in videos)
    assert not any(wait.busy for wait in office.waits._waits.values())


def test_an_upstream_that_is_not_called_is_named_by_readiness_and_metrics_and_the_process_stays_ready(
    house: House,
) -> None:
    def paused() -> dict[tuple[str, ...], float]:
        (gauge,) = (one for one in container.gauges.read() if one.name == "safelight_upstream_paused")
        return gauge.values

    container = house.container
    gate = container.pipeline.context.upstreams["paid"]
    assert "upstreams_paused" not in container.readiness.describe()
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable), gate.call(accepted=False):
            raise UpstreamUnavailable("The upstream is away.")
    found = container.readiness.describe()
    assert found["ready"] is True
    assert list(found["upstreams_paused"]) == ["paid"]
    assert "5 calls in a row failed" in found["upstreams_paused"]["paid"]
    assert paused() == {("storyboard",): 0.0, ("paid",): 1.0, ("own",): 0.0}
    assert container.readiness.upstream_problems() == {"paid": UpstreamProblem(failed_calls=5)}
    gate._next_call = 0.0
    with gate.call(accepted=False):
        pass
    assert "upstreams_paused" not in container.readiness.describe()
    assert container.readiness.upstream_problems() == {}
    assert set(paused().values()) == {0.0}


def test_an_upstream_that_does_not_finish_a_request_in_half_of_its_time_is_logged_once_a_minute(
    house: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.play({"orders": [{"when": "stuck", "ends": "never"}], "otherwise": {"polls": 0}})
    database, start = house.database, time.time()
    ahead_s = 0.0
    database.clock = lambda: start + ahead_s
    office, made = Office(house), sweeper(house)
    for prompt in ("a stuck clock", "a stuck wheel", "a lake"):
        office.run(house.order(prompt, **PAID))
    half_s = house.context.limits.deadline_s / 2

    def logged() -> list[str]:
        made.report_stuck_upstreams()
        return [one.getMessage() for one in caplog.records if "does not finish" in one.getMessage()]

    ahead_s = half_s - 5.0
    assert logged() == []
    ahead_s = half_s + 100.0
    assert len(logged()) == len(logged()) == 1
    assert logged()[0].startswith("The upstream paid does not finish: 2 requests are late")
