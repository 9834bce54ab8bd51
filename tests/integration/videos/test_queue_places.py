"""The place of a video in the queue, and its priority."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.interruptions import UpstreamPending
from safelight.videos.models import QueueStatus, Video
from safelight.videos.queue_places import QueuePlaces
from safelight.videos.runner import Runner
from safelight.web.api.serializers import video_object

from .conftest import House
from .test_video_lifecycle import PAID


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def places(house: House) -> QueuePlaces:
    return QueuePlaces(house.context, monotonic=Clock())


def place(house: House, video: Video) -> int | None:
    status = places(house).status(house.reread(video))
    assert status is not None
    return status.place


@pytest.mark.both_databases
def test_a_key_has_its_places_in_the_order_of_its_requests_and_another_key_in_turn(house: House) -> None:
    first = [house.order(f"a lake, take {number}") for number in range(3)]
    house.who = replace(house.who, id="key_other")
    other = house.order("a quiet sea")
    assert [place(house, video) for video in (*first, other)] == [1, 3, 4, 2]


def test_a_later_video_never_overtakes_an_earlier_one_that_has_not_begun(house: House) -> None:
    videos = [house.order(f"a lake, take {number}") for number in range(3)]
    made = places(house)
    before = {made.place(video.tenant, video.id) for video in videos}
    later = house.order("a quiet sea")
    assert before == {made.place(later.tenant, later.id)} == {("work", 1)}


def test_a_video_at_an_upstream_takes_no_place(house: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    remote, local = house.order(**PAID), house.order()
    runner = Runner(house.context)
    for _ in range(2):
        runner.run_steps(remote.tenant, remote.id)
    assert (place(house, remote), place(house, local)) == (None, 1)
    found = [places(house).place(video.tenant, video.id) for video in (remote, local)]
    assert found == [("work", None), ("work", 1)]


def test_a_video_that_its_generator_did_not_take_is_known_until_it_is_taken(
    house: House, upstream: ScriptedUpstream
) -> None:
    refused = {"status": 429, "retry_after": 0, "times": 1}
    upstream.play({"otherwise": {"ends": "never", "submit": refused}})
    video = house.order(**PAID)
    runner = Runner(house.context)
    shown = []
    for _ in range(4):
        status = places(house).status(house.reread(video))
        assert status is not None
        shown.append(status.not_taken)
        with suppress(UpstreamPending):
            runner.run_steps(video.tenant, video.id)
    assert shown == [False, False, True, False]


def test_the_api_has_the_place_until_the_video_has_ended(house: House) -> None:
    video = house.order()
    shown = video_object(house.reread(video))["safelight"]["queue"]
    assert shown == {"place": 1}
    listed = house.videos.list(house.who, after=None, limit=10, order="desc").items[0]
    assert listed.queue == QueueStatus(place=1)
    assert video_object(house.carry(video))["safelight"]["queue"] is None


def test_the_videos_are_read_again_only_after_a_second(house: House) -> None:
    clock = Clock()
    made = QueuePlaces(house.context, monotonic=clock)
    first, second = house.order(), house.order("a quiet sea")
    found = []
    for clock.now in (0.0, 0.5, 1.5):
        status = made.status(second)
        assert status is not None
        found.append(status.place)
        if clock.now == 0.0:
            house.carry(first)
    assert found == [2, 2, 1]


def test_a_long_queue_is_read_by_a_thread_and_seldom(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    made = QueuePlaces(house.context, monotonic=clock)
    first, second = house.order(), house.order("a quiet sea")
    monkeypatch.setattr("safelight.videos.queue_places._QUICK_S", 0.0)
    monkeypatch.setattr("safelight.videos.queue_places._KEPT_S", 9.0)
    assert made.status(second) == QueueStatus(place=2)
    house.carry(first)
    clock.now = 2.0
    # Still the place of the last reading, and a later video has one too.
    assert made.status(second) == QueueStatus(place=2)
    assert made.status(house.order("a lake")) == QueueStatus(place=3)
    monkeypatch.setattr("safelight.videos.queue_places._KEPT_S", 1.0)
    made.status(second)
    for thread in threading.enumerate():
        if thread.name == "queue-places":
            thread.join()
    assert made.status(second) == QueueStatus(place=1)
