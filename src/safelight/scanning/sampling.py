"""Frame sampling: which frames the slow detectors see. A regular sample, and every frame that its neighbours
do not explain.

Pure: novelty in, decisions out. The thresholds are measured, see docs/benchmarks/scanning.md.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from safelight.scanning.baseline import DifferenceThresholds
from safelight.scanning.frame_difference import Novelty

#: Box in fractions of the frame: x, y, width, height.
Region = tuple[float, float, float, float]


class SampleReason(StrEnum):
    """Why a frame was sampled."""

    FIRST = "first"
    LAST = "last"
    REGULAR = "regular"
    #: Differs from both neighbours: content of a single frame.
    OUTLIER = "outlier"
    #: Most of the frame differs from the frame before: a cut, or noise.
    CUT = "cut"
    #: Something appeared since the frame before, and stays.
    APPEARED = "appeared"
    #: Differs from the last sampled frame: something appeared slowly.
    CHANGED = "changed"
    #: Neighbours always differ too much: nothing new would be noticed.
    BLIND = "blind"


class SamplingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When a frame is sampled, and how many frames may be. Field names are part of the stored scan record."""

    regular_s: float = 1.0
    levels: DifferenceThresholds = DifferenceThresholds()
    #: Outlier: minimum excess against both neighbours, and minimum number of 8 x 8 cells.
    outlier: float = 5.0
    outlier_cells: int = 3
    #: Or this excess of brighter, or darker, cells against both neighbours.
    shade: float = 25.0
    #: Appearance: minimum excess and cells. From `striking` on it is charged to the large budget.
    appeared: float = 10.0
    appeared_cells: int = 4
    striking: float = 40.0
    #: Fractions of the frame.
    cut: float = 0.4
    blind: float = 0.1
    #: Large budget: frames at once, and frames regained per second of video. When it is exhausted, frames
    #: that should be sampled are not, the scan is incomplete, and the budget is not refilled.
    burst: float = 16.0
    per_s: float = 2.0
    #: Small budget, for appearances and motion below `striking`; exceeding it is not a gap.
    small_burst: float = 3.0
    small_per_s: float = 1.0
    #: Frames per second for slow appearances; at most one at once.
    slow_per_s: float = 0.25


class SampledFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame shown to the slow detectors, the reason, and the box of its novelty."""

    frame: int
    why: SampleReason
    region: Region | None = None


class SamplingReport(msgspec.Struct, frozen=True, kw_only=True):
    """Record of the frames that the slow detectors saw. Stored: field names are part of the scan record."""

    frames: int
    looked_at: int
    #: Number of frames per reason.
    why: dict[str, int]
    #: Frames with appearances or motion that were skipped because the small budget was used up.
    passed_over: int
    rules: SamplingConfig
    #: The first `_MAX_LISTED` sampled frames.
    looks: tuple[SampledFrame, ...] = ()
    #: Unexplained frames that were not sampled because the large budget was used up.
    unseen: int = 0
    #: Number of the first such frame.
    unseen_from: int | None = None


_NOTABLE_REASONS = frozenset({SampleReason.OUTLIER, SampleReason.CUT, SampleReason.APPEARED})
#: Sampled frames listed in the report.
_MAX_LISTED = 1000
#: Interval, in frames, of comparisons with the last sampled frame.
_SLOW_INTERVAL_FRAMES = 5


class FrameSampler:
    """Decides for each frame in presentation order whether it is sampled."""

    def __init__(self, config: SamplingConfig) -> None:
        self._config = config
        self._last_sampled_s = 0.0
        self._large_budget = config.burst
        self._small_budget = config.small_burst
        self._slow_budget = 1.0
        self._now_s = 0.0
        self._frames = 0
        self._skipped = 0
        self._unsampled = 0
        self._first_unsampled: int | None = None
        self._reason_counts: Counter[str] = Counter()
        self._listed: list[SampledFrame] = []
        self.last_sampled = -1
        #: All notable frames, listed or not: the budgets bound their number.
        self.notable_frames: list[SampledFrame] = []

    def decide(self, index: int, time_s: float, novelty: Novelty) -> SampledFrame | None:
        """The sampling decision for a frame, or None if it is not sampled."""
        config = self._config
        self._frames += 1
        elapsed_s = max(time_s - self._now_s, 0.0)
        self._now_s = time_s
        if not self._unsampled:
            self._large_budget = min(config.burst, self._large_budget + elapsed_s * config.per_s)
        self._small_budget = min(config.small_burst, self._small_budget + elapsed_s * config.small_per_s)
        self._slow_budget = min(1.0, self._slow_budget + elapsed_s * config.slow_per_s)
        if index == 0:
            return self._sample(index, time_s, SampleReason.FIRST)
        reason = self._notable_reason(novelty)
        if reason is not None:
            if self._large_budget >= 1:
                self._large_budget -= 1
                return self._sample(
                    index, time_s, reason, novelty.region if reason is not SampleReason.BLIND else None
                )
            self._unsampled += 1
            if self._first_unsampled is None:
                self._first_unsampled = index
        elif novelty.before_excess >= config.appeared and novelty.before_cells >= config.appeared_cells:
            if self._small_budget >= 1:
                self._small_budget -= 1
                return self._sample(index, time_s, SampleReason.APPEARED, novelty.region)
            self._skipped += 1
        if time_s - self._last_sampled_s >= config.regular_s:
            return self._sample(index, time_s, SampleReason.REGULAR)
        return None

    def wants_comparison(self, index: int) -> bool:
        """Whether this frame should be compared with the last sampled one: see `note_change`."""
        return index % _SLOW_INTERVAL_FRAMES == 0 and self._slow_budget >= 1 and index > self.last_sampled

    def note_change(self, index: int, time_s: float, distance: float, cells: int) -> SampledFrame | None:
        """Sample a frame if it differs this much from the last sampled one."""
        config = self._config
        if distance < config.appeared or cells < config.appeared_cells or self._slow_budget < 1:
            return None
        self._slow_budget -= 1
        return self._sample(index, time_s, SampleReason.CHANGED)

    def sample_last(self, index: int, time_s: float) -> SampledFrame | None:
        """Sample the last frame of the clip unless it was sampled already."""
        return self._sample(index, time_s, SampleReason.LAST) if self.last_sampled < index else None

    @property
    def budget_gap(self) -> str:
        """Why required frames were not sampled; empty if all were."""
        if not self._unsampled:
            return ""
        return (
            f"{self._unsampled} frames that differ from their neighbours, the first of them"
            f" {self._first_unsampled}, were not scanned: there were more of them than the budget allows."
        )

    def report(self) -> SamplingReport:
        return SamplingReport(
            frames=self._frames,
            looked_at=self._reason_counts.total(),
            why=dict(self._reason_counts),
            passed_over=self._skipped,
            rules=self._config,
            looks=tuple(self._listed),
            unseen=self._unsampled,
            unseen_from=self._first_unsampled,
        )

    def _notable_reason(self, novelty: Novelty) -> SampleReason | None:
        config = self._config
        if novelty.both_excess >= config.outlier and novelty.both_cells >= config.outlier_cells:
            return SampleReason.OUTLIER
        if novelty.shade_excess >= config.shade and novelty.shade_cells >= config.outlier_cells:
            return SampleReason.OUTLIER
        if novelty.far_fraction >= config.cut:
            return SampleReason.CUT
        if novelty.blind_fraction >= config.blind:
            return SampleReason.BLIND
        if novelty.before_excess >= config.striking and novelty.before_cells >= config.appeared_cells:
            return SampleReason.APPEARED
        return None

    def _sample(
        self, index: int, time_s: float, reason: SampleReason, region: Region | None = None
    ) -> SampledFrame:
        self._last_sampled_s = time_s
        self.last_sampled = index
        self._reason_counts[reason] += 1
        sampled = SampledFrame(frame=index, why=reason, region=region)
        if len(self._listed) < _MAX_LISTED:
            self._listed.append(sampled)
        if reason in _NOTABLE_REASONS:
            self.notable_frames.append(sampled)
        return sampled
