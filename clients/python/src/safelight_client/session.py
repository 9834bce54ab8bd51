"""What a client knows about its server and its own requests. Shared by all calls of one client."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import ClientError
from .retries import RetryPolicy
from .steps import Answer, Call, Send


@dataclass(kw_only=True)
class Session:
    """State of one client. Threads and tasks may share it."""

    retries: RetryPolicy
    #: Whether the server honours `Idempotency-Key`. None: find out with `GET /models`.
    honours_keys: bool | None = None
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    #: Models as the server lists them, by id; None until they were asked for.
    models: dict[str, Mapping[str, Any]] | None = None
    #: Seconds that the clock of the server is ahead of ours.
    clock_ahead_s: float = 0.0
    _known: set[str] = field(default_factory=set)
    _in_flight: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, prompt: str) -> None:
        """Notes that a create with this prompt is being sent."""
        with self._lock:
            self._in_flight[prompt] += 1

    def end(self, prompt: str) -> None:
        with self._lock:
            self._in_flight[prompt] -= 1

    def is_only_one(self, prompt: str) -> bool:
        """Whether no other create with this prompt is being sent."""
        return self._in_flight[prompt] == 1

    def claim(self, video_id: str) -> bool:
        """Notes that a video belongs to a request of ours. False if it already belonged to one."""
        with self._lock:
            if video_id in self._known:
                return False
            self._known.add(video_id)
            return True

    def is_known(self, video_id: str) -> bool:
        return video_id in self._known

    def learn_clock(self, answer: Answer) -> None:
        """Learns how far the clock of the server is ahead, from the header `date`."""
        import email.utils  # Slow to import.

        try:
            moment = email.utils.parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        self.clock_ahead_s = moment - self.wall_clock()

    def learn_server(self) -> Call[None]:
        """Asks the server for its models, once. Only a Safelight gateway states more than their ids."""
        if self.models is not None:
            return
        try:
            answer: Answer = yield Send(method="GET", path="/models")
        except ClientError:
            return
        self.learn_clock(answer)
        body = answer.json()
        rows = body.get("data") if isinstance(body, Mapping) else None
        if not answer.is_ok or not isinstance(rows, list):
            # A server without this list, unless it is only out of order at the moment.
            if answer.status < 500 and answer.status != 429:
                self.models = {}
            return
        self.models = {str(row.get("id")): row for row in rows if isinstance(row, Mapping)}
        if self.honours_keys is None:
            self.honours_keys = any(isinstance(row.get("safelight"), Mapping) for row in self.models.values())
