"""The pause between two polls of the queue, and the function of the engine that polls."""

from __future__ import annotations

import inspect
import threading
from typing import Any

import pytest
from dbos._queue import queue_thread, queue_worker_thread

from safelight.videos import queue_polling
from safelight.videos.queue_polling import PollPause, QueuePolling, SlowPause, end_queue_threads

#: Against a hang only.
LONG_S = 60.0


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def idle_pause(*, busy: list[str] | None = None) -> PollPause:
    """A pause after the time in which the interval of the engine is kept. Nothing ends it but the test."""
    clock = Hands()
    pause = PollPause(is_busy=lambda: bool(busy), idle_s=LONG_S, monotonic=clock)
    clock.now += 10 * queue_polling._QUICK_S
    return pause


def waiting(pause: PollPause, answers: list[bool]) -> threading.Thread:
    thread = threading.Thread(target=lambda: answers.append(pause.wait(0.001)), daemon=True)
    thread.start()
    return thread


def test_an_idle_queue_is_polled_at_once_when_a_run_was_enqueued() -> None:
    pause, answers = idle_pause(), list[bool]()
    thread = waiting(pause, answers)
    # Longer than the interval of the engine: the wait goes on.
    thread.join(0.05)
    assert thread.is_alive()
    pause.wake()
    thread.join(LONG_S)
    assert answers == [False]
    # From now on the interval of the engine applies again.
    assert not pause.wait(0.001)


def test_a_wake_before_the_wait_is_not_lost() -> None:
    pause = idle_pause()
    pause.wake()
    assert not pause.wait(0.001)


def test_while_runs_are_in_work_the_interval_of_the_engine_applies() -> None:
    assert not idle_pause(busy=["video_1.1"]).wait(0.001)


def test_a_stop_ends_the_wait_of_an_idle_queue() -> None:
    pause, answers = idle_pause(), list[bool]()
    thread = waiting(pause, answers)
    pause.set()
    thread.join(LONG_S)
    assert answers == [True]


def test_the_engine_still_has_the_function_that_polls() -> None:
    assert list(inspect.signature(queue_worker_thread).parameters) == ["stop_event", "dbos", "queue"]


def test_a_slow_pause_lasts_longer_than_the_engine_asks_and_a_stop_ends_it() -> None:
    pause, answers = SlowPause(LONG_S), list[bool]()
    thread = threading.Thread(target=lambda: answers.append(pause.wait(0.001)))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    pause.set()
    thread.join(LONG_S)
    assert answers == [True]


def test_the_threads_of_the_engine_for_queues_end_and_its_others_go_on() -> None:
    def other(stop: threading.Event) -> None:
        stop.wait()

    queues, others = threading.Event(), threading.Event()
    engine: Any = StoppedEngine()
    engine._background_threads = [
        threading.Thread(target=queue_thread, args=(queues, engine)),
        threading.Thread(target=other, args=(others,)),
    ]
    end_queue_threads(engine)
    assert (queues.is_set(), others.is_set()) == (True, False)


class StoppedEngine:
    background_thread_stop_events: list[threading.Event]

    def __init__(self) -> None:
        self.background_thread_stop_events = []


def test_a_thread_that_has_ended_is_started_again_until_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Semaphore(0)
    monkeypatch.setattr(queue_polling, "queue_worker_thread", lambda *_: began.release())
    engine: Any = StoppedEngine()
    queue: Any = None
    polling = QueuePolling(engine, queue, is_busy=lambda: False, idle_s=LONG_S)
    for _ in range(2):
        polling.keep_running()
        assert began.acquire(timeout=LONG_S)
        assert polling._thread is not None
        polling._thread.join(LONG_S)
    # The engine stops it with its own threads.
    [stop] = engine.background_thread_stop_events
    stop.set()
    polling.keep_running()
    assert not polling._thread.is_alive()
