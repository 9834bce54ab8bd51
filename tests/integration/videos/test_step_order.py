"""The order of the steps of several videos that are in work at the same time."""

from __future__ import annotations

import threading

import pytest

from safelight.videos import local_slots
from safelight.videos.fair_order import SlotRequest

from .conftest import Furnish
from .test_queue import wait_for

MOVES = ("video.scanning", "video.sealing", "video.delivered")


def test_each_video_is_delivered_before_a_later_one_is_rendered(
    furnish: Furnish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_slots, "_KEPT_S", 600.0)
    house = furnish(generation={"max_concurrent_heavy": 1})
    house.waive()
    slots = house.context.local_slots
    videos = [house.order(f"a quiet lake, take {number}") for number in range(2)]
    threads = [threading.Thread(target=house.carry, args=(video,), daemon=True) for video in videos[::-1]]
    blocking = SlotRequest(tenant="other", key="other", since=0.0, video_id="other")
    with slots.hold(blocking, keep=False):
        for thread in threads:
            thread.start()
        wait_for(lambda: len(slots._waiting) == len(videos))
    for thread in threads:
        thread.join(280)
    log = [
        (entry["seq"], number, entry["event"])
        for number, video in enumerate(videos)
        for entry in house.record(video).audit_log
        if entry["event"] in MOVES
    ]
    assert [(number, event) for _seq, number, event in sorted(log)] == [
        (number, event) for number in range(len(videos)) for event in MOVES
    ]
