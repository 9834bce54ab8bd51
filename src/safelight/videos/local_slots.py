"""Limits how many renderings, scans and sealings this process runs at the same time, in a fair order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from safelight.core.tracing import child_span

from .fair_order import FairOrder, SlotRequest
from .interruptions import ShutdownRequested

#: A slot that a video leaves is kept for its next step for this time, so that started videos are finished
#: before others are started. Longer than the transition between two steps takes.
_KEPT_S = 1.0
#: How often a step that waits for a slot looks whether the process shuts down.
_POLL_S = 0.5


class LocalSlots:
    """The slots of one process. A free slot goes to the next step of the same video, then by `FairOrder`."""

    def __init__(
        self, slots: int, *, stopping: threading.Event, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.count = slots
        self._free = slots
        self._stopping = stopping
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._order = FairOrder()
        self._waiting: list[SlotRequest] = []
        #: Videos whose slot is kept for their next step, and until when.
        self._kept: dict[str, float] = {}

    @contextmanager
    def hold(self, request: SlotRequest, *, keep: bool = True) -> Iterator[None]:
        """A slot, which is then kept for the next step of the same video if `keep` is set.

        Raises `ShutdownRequested` if the process shuts down before.
        """
        with child_span("wait for slot"):
            self._acquire(request)
        try:
            yield
        except BaseException:
            self._release()
            raise
        self._release(keep_for=request.video_id if keep else None)

    def leave(self, video_id: str) -> None:
        """The video has no further step now: its slot is not kept."""
        with self._changed:
            if self._kept.pop(video_id, None) is not None:
                self._free += 1
                self._grant()

    def _acquire(self, request: SlotRequest) -> None:
        with self._changed:
            if self._kept.pop(request.video_id, None) is None:
                self._waiting.append(request)
                self._grant()
                while request in self._waiting and not self._stopping.is_set():
                    self._changed.wait(_POLL_S)
                    self._grant()
                if request in self._waiting:
                    self._waiting.remove(request)
                    raise ShutdownRequested
        if self._stopping.is_set():
            self._release()
            raise ShutdownRequested

    def _release(self, *, keep_for: str | None = None) -> None:
        with self._changed:
            if keep_for is None or keep_for in self._kept:
                self._free += 1
            else:
                self._kept[keep_for] = self._monotonic() + _KEPT_S
            self._grant()

    def _grant(self) -> None:
        """Give free slots to waiting requests. The lock must be held."""
        now = self._monotonic()
        for video_id in [each for each, until in self._kept.items() if until <= now]:
            del self._kept[video_id]
            self._free += 1
        granted = False
        while self._free and self._waiting:
            request = self._order.first(self._waiting)
            self._order.record(request)
            self._waiting.remove(request)
            self._free -= 1
            granted = True
        if granted:
            # Not in every case: a waiting thread calls this too, and would notify the others repeatedly.
            self._changed.notify_all()
