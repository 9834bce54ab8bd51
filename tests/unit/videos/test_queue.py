"""The thread that stores runs in the engine's database, while the database is away."""

from __future__ import annotations

import threading

from safelight.core.errors import Unavailable
from safelight.videos.lease_fence import LeaseFence
from safelight.videos.queue import DurableQueue


class OneRound(threading.Event):
    """Is set by the first pause, and keeps its length."""

    pause_s: float | None = None

    def wait(self, timeout: float | None = None) -> bool:
        self.pause_s = timeout
        self.set()
        return True


def test_the_enqueuer_pauses_after_a_failure() -> None:
    asked = threading.Semaphore(0)

    def fail(_tenant: str, _video_id: str) -> tuple[str, int | None]:
        asked.release()
        raise Unavailable("The database is away.")

    stopping = OneRound()
    queue = DurableQueue(
        database_url="sqlite:///unused",
        worker="worker",
        roles=("work",),
        at_once=1,
        connections=3,
        place=fail,
        fence=LeaseFence(stopping),
        stopping=stopping,
    )
    queue.enqueue("tenant", "video_1", 1)
    (enqueuer,) = queue.parts
    enqueuer.start()
    enqueuer.join(60)
    assert asked.acquire(blocking=False)
    assert stopping.pause_s is not None
    assert stopping.pause_s > 0.0
