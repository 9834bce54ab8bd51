"""How long the parts of a video took lately in this process, for each generator."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from enum import StrEnum

#: Durations of each part that are kept.
_KEPT = 20


class Part(StrEnum):
    """The parts of the work on a video that are measured, in their order."""

    RENDER = "render"
    UPSTREAM = "upstream"
    NORMALIZE = "normalize"
    SCAN = "scan"
    SEAL = "seal"


class Durations:
    """The last durations in seconds. Empty after a start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: defaultdict[tuple[str, Part], deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def record(self, generator: str, part: Part, seconds: float) -> None:
        with self._lock:
            self._seconds[generator, part].append(max(0.0, seconds))

    def shortest_s(self, generator: str, *parts: Part) -> float:
        """The least time that these parts took together; a part that was not measured counts as 0."""
        with self._lock:
            return sum(min(self._seconds[generator, part], default=0.0) for part in parts)

    def mean_s(self, generator: str, part: Part) -> float | None:
        """The mean duration of a part. None if it was not measured."""
        with self._lock:
            kept = self._seconds[generator, part]
            return sum(kept) / len(kept) if kept else None
