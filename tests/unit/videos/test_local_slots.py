"""The slots for rendering, scanning and sealing: their number, their order, and the end of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from safelight.videos.fair_order import SlotRequest
from safelight.videos.interruptions import ShutdownRequested
from safelight.videos.local_slots import LocalSlots


class Office:
    """Threads that each want a slot for the steps of one video."""

    def __init__(self, slots: int) -> None:
        self.now = 0.0
        self.stopping = threading.Event()
        self.slots = LocalSlots(slots, stopping=self.stopping, monotonic=lambda: self.now)
        self.served: list[str] = []
        self.threads: list[threading.Thread] = []

    def want(self, video_id: str, *, since: float, steps: int = 1, key: str = "key") -> None:
        request = SlotRequest(tenant="acme", key=key, since=since, video_id=video_id)

        def work() -> None:
            for step in range(steps):
                with self.slots.hold(request):
                    self.served.append(f"{video_id} {step}")
            self.slots.leave(video_id)

        waiting = len(self.slots._waiting)
        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()
        wait_for(lambda: len(self.slots._waiting) > waiting)

    def end(self) -> list[str]:
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        return self.served


def wait_for(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def other(video_id: str = "other", since: float = 0.0) -> SlotRequest:
    return SlotRequest(tenant="acme", key="other", since=since, video_id=video_id)


def test_the_oldest_video_of_a_key_is_served_first_whenever_it_asks() -> None:
    office = Office(1)
    with office.slots.hold(other(), keep=False):
        office.want("new", since=3)
        office.want("old", since=1)
        office.want("middle", since=2)
    assert office.end() == ["old 0", "middle 0", "new 0"]


def test_a_started_video_is_finished_before_the_next_one_starts() -> None:
    office = Office(1)
    with office.slots.hold(other(), keep=False):
        for number in range(3):
            office.want(f"video-{number}", since=number, steps=3)
    assert office.end() == [f"video-{number} {step}" for number in range(3) for step in range(3)]


def test_two_keys_are_served_in_turn() -> None:
    office = Office(1)
    with office.slots.hold(other(), keep=False):
        for number in range(3):
            office.want(f"many-{number}", since=number, key="many")
        office.want("single", since=9, key="single")
    assert office.end() == ["many-0 0", "single 0", "many-1 0", "many-2 0"]


def test_a_kept_slot_is_free_again_if_the_next_step_does_not_come() -> None:
    office = Office(1)
    with office.slots.hold(other("gone")):
        pass
    office.want("next", since=1)
    assert office.served == []
    office.now = 10.0
    assert office.end() == ["next 0"]


def test_who_waits_at_a_stop_gets_no_slot() -> None:
    office = Office(1)
    refused = threading.Event()

    def wait() -> None:
        with pytest.raises(ShutdownRequested), office.slots.hold(other("waiting")):
            pass
        refused.set()

    with office.slots.hold(other("running"), keep=False):
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        wait_for(lambda: office.slots._waiting)
        office.stopping.set()
        assert refused.wait(60)
    with pytest.raises(ShutdownRequested), office.slots.hold(other("late")):
        pass


def test_videos_that_wait_do_not_wake_each_other() -> None:
    looks = 0

    def monotonic() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    office = Office(1)
    office.slots = LocalSlots(1, stopping=office.stopping, monotonic=monotonic)
    with office.slots.hold(other(), keep=False):
        for number in range(10):
            office.want(f"video-{number}", since=number)
        looks = 0
        time.sleep(1.2)
        # Each of the ten looks twice a second.
        assert looks <= 10 * 4
    office.end()


@pytest.mark.parametrize("slots", [1, 3])
def test_many_videos_at_once_all_get_their_slots_and_never_too_many(slots: int) -> None:
    local_slots = LocalSlots(slots, stopping=threading.Event())
    lock, inside, most, done = threading.Lock(), 0, 0, []

    def work(number: int) -> None:
        nonlocal inside, most
        request = SlotRequest(tenant="acme", key=f"key-{number % 7}", since=number, video_id=str(number))
        for step in range(4):
            # A step that fails, and a video that asks for no further slot, give theirs back.
            with suppress(OSError), local_slots.hold(request, keep=step < 3):
                with lock:
                    inside += 1
                    most = max(most, inside)
                try:
                    if (number + step) % 5 == 0:
                        raise OSError("full")
                finally:
                    with lock:
                        inside -= 1
        local_slots.leave(str(number))
        done.append(number)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == list(range(150))
    assert 1 <= most <= slots
    assert (local_slots._free, local_slots._kept, local_slots._waiting) == (slots, {}, [])
