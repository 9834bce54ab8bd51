"""Counters, durations and scores of this process, for `GET /metrics`.

They need no package, because the small installation counts too. The number of label values is bounded, and no
label contains a tenant, a prompt or an id.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: The most combinations of label values of one metric. Further ones are counted together as `other`.
MAX_SERIES = 1000
OTHER = "other"

Labels = tuple[str, ...]
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_SLOW = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


class LabelledMetric:
    """A name, a description and the names of the labels."""

    def __init__(self, name: str, description: str, labels: Labels = ()) -> None:
        self.name = name
        self.description = description
        self.labels = labels
        self._lock = threading.Lock()

    def _bounded(self, values: Labels, known: int) -> Labels:
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {len(values)} values")
        return values if known < MAX_SERIES else (OTHER,) * len(values)


class Counter(LabelledMetric):
    """Counts events. The count starts at 0 with the process."""

    def __init__(self, name: str, description: str, labels: Labels = ()) -> None:
        super().__init__(name, description, labels)
        self._counts: dict[Labels, int] = {}

    def add(self, *values: str, number: int = 1) -> None:
        with self._lock:
            key = values if values in self._counts else self._bounded(values, len(self._counts))
            self._counts[key] = self._counts.get(key, 0) + number

    def read(self) -> dict[Labels, int]:
        with self._lock:
            return dict(self._counts)


@dataclass
class Distribution:
    """The observations of one combination of labels."""

    #: Observations per bucket; the last one is above every limit.
    buckets: list[int]
    total: float = 0.0


class Histogram(LabelledMetric):
    """Counts values in buckets, of which `limits` are the upper limits: durations in seconds, or scores."""

    def __init__(
        self, name: str, description: str, labels: Labels = (), *, limits: tuple[float, ...]
    ) -> None:
        super().__init__(name, description, labels)
        self.limits = limits
        self._found: dict[Labels, Distribution] = {}

    def observe(self, value: float, *values: str) -> None:
        with self._lock:
            key = values if values in self._found else self._bounded(values, len(self._found))
            if key not in self._found:
                self._found[key] = Distribution(buckets=[0] * (len(self.limits) + 1))
            found = self._found[key]
            found.buckets[bisect_left(self.limits, value)] += 1
            found.total += value

    @contextmanager
    def time(self, *values: str) -> Iterator[None]:
        """Observe the duration of the `with` block, also if it raises."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - began, *values)

    def read(self) -> dict[Labels, Distribution]:
        with self._lock:
            return {
                key: Distribution(buckets=list(found.buckets), total=found.total)
                for key, found in self._found.items()
            }


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Values that are read when `GET /metrics` is called."""

    name: str
    description: str
    labels: Labels = ()
    values: dict[Labels, float] = field(default_factory=dict)


REQUEST_SECONDS = Histogram(
    "safelight_request_seconds",
    "Duration of HTTP requests by route, method and status.",
    ("route", "method", "status"),
    limits=_FAST,
)
STEP_SECONDS = Histogram(
    "safelight_step_seconds",
    "Duration of the steps of videos by the state in which the step began.",
    ("state",),
    limits=_SLOW,
)
STAGE_VERDICTS = Counter(
    "safelight_stage_verdicts_total",
    "Evaluations of the policy by stage, action and category. A step that runs again is counted again.",
    ("stage", "action", "category"),
)
VIDEOS_ENDED = Counter(
    "safelight_videos_ended_total",
    "Accepted videos that reached a final state, by generator and state.",
    ("generator", "state"),
)
SCREENING_SECONDS = Histogram(
    "safelight_text_screening_seconds",
    "Duration of the screening of texts by all text detectors together.",
    limits=_FAST,
)
SCAN_SECONDS = Histogram(
    "safelight_scan_seconds",
    "Duration of the scans of files by kind.",
    ("kind",),
    limits=_SLOW,
)
FINDING_SCORES = Histogram(
    "safelight_finding_scores",
    "Highest score of a detector in each evaluation in which it found something, by stage and category.",
    ("stage", "detector", "category"),
    limits=_TENTHS,
)
COVERAGE_GAPS = Counter(
    "safelight_coverage_gaps_total",
    "Required checks that were not completed, by stage, category and modality.",
    ("stage", "category", "modality"),
)
TEXT_DEPTH = Counter(
    "safelight_text_depth_total",
    "Completed checks of text by category and depth: lists only, or a classifier too.",
    ("category", "depth"),
)
DETECTOR_TIMEOUTS = Counter(
    "safelight_detector_timeouts_total",
    "Calls of a detector, or whole scans (`scan`), that exceeded their time limit.",
    ("detector",),
)
DATABASE_ERRORS = Counter(
    "safelight_database_errors_total",
    "Errors of the database by kind: busy, no connection, unreachable, full, damaged or other.",
    ("kind",),
)
ENGINE_ERRORS = Counter(
    "safelight_engine_errors_total",
    "Warnings and errors of the durable queue and its database.",
    ("level",),
)

COUNTERS = (
    STAGE_VERDICTS,
    VIDEOS_ENDED,
    COVERAGE_GAPS,
    TEXT_DEPTH,
    DETECTOR_TIMEOUTS,
    DATABASE_ERRORS,
    ENGINE_ERRORS,
)
HISTOGRAMS = (REQUEST_SECONDS, STEP_SECONDS, SCREENING_SECONDS, SCAN_SECONDS, FINDING_SCORES)
