"""Frame sampling: selects frames for the slow detectors, regularly and when something is new.

Pure: the input is the novelty of each frame, the output is the decision. The thresholds were measured:
docs/benchmarks/scanning.md.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from .baseline import DifferenceThresholds
from .frame_difference import Novelty

#: A box in fractions of the frame: x, y, width, height.
Region = tuple[float, float, float, float]
#: Maximum number of sampled frames listed in the report.
_MAX_LISTED = 1000
#: Every this many frames, a frame is compared with the last sampled frame.
_SLOW_INTERVAL_FRAMES = 5


class SampleReason(StrEnum):
    """Why a frame was sampled."""

    FIRST = "first"
    LAST = "last"
    REGULAR = "regular"
    #: The frame differs from both neighbours: content of a single frame.
    OUTLIER = "outlier"
    #: Most of the frame differs from the frame before: a cut, or noise.
    CUT = "cut"
    #: Something appeared since the frame before, and stays.
    APPEARED = "appeared"
    #: The frame differs from the last sampled frame: something appeared slowly.
    CHANGED = "changed"
    #: New content would not be noticed, because the neighbours always differ too strongly.
    BLIND = "blind"


class SamplingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When a frame is sampled, and the maximum number of sampled frames.

    The field names are part of the stored scan record.
    """

    regular_s: float = 1.0
    levels: DifferenceThresholds = DifferenceThresholds()
    #: Outlier: minimum excess in the comparison with both neighbours, and minimum number of 8 x 8 cells with
    #: an excess.
    outlier: float = 5.0
    outlier_cells: int = 3
    #: Also an outlier: at least this excess of cells that are brighter, or darker, than in both neighbours.
    shade: float = 25.0
    #: Appearance: minimum excess and minimum number of cells. If the excess is at least `striking`, the frame
    #: is charged to the large budget.
    appeared: float = 10.0
    appeared_cells: int = 4
    striking: float = 40.0
    #: Minimum fractions of the frame: that differs from the frame before (`cut`), and in which new content
    #: would not be noticed (`blind`).
    cut: float = 0.4
    blind: float = 0.1
    #: Large budget: its size in frames, and the frames that it regains per second of video. When it is used
    #: up, frames are sampled beyond it while the scan has time to spare. Afterwards, frames that should be
    #: sampled are not, the scan is incomplete, and the budget regains nothing.
    burst: float = 16.0
    per_s: float = 2.0
    #: Small budget, for appearances and motion below `striking`. If it is used up, coverage does not record a
    #: gap.
    small_burst: float = 3.0
    small_per_s: float = 1.0
    #: Budget for slow appearances, in frames per second of video; it never holds more than one frame.
    slow_per_s: float = 0.25


class SampledFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that the slow detectors get, the reason why it was sampled, and the box of its novelty."""

    frame: int
    why: SampleReason
    region: Region | None = None


class SamplingReport(msgspec.Struct, frozen=True, kw_only=True):
    """Record of the frames that the slow detectors inspected.

    It is stored: the field names are part of the scan record.
    """

    frames: int
    looked_at: int
    #: Number of sampled frames per reason.
    why: dict[str, int]
    #: Frames with appearances or motion that were skipped because the small budget was used up.
    passed_over: int
    rules: SamplingConfig
    #: The first `_MAX_LISTED` sampled frames.
    looks: tuple[SampledFrame, ...] = ()
    #: Number of frames that were sampled beyond the large budget.
    extra: int = 0
    #: Number of frames that should have been sampled, but were not: the large budget and the spare time were
    #: used up.
    unseen: int = 0
    #: Index of the first of these frames.
    unseen_from: int | None = None


_NOTABLE_REASONS = frozenset({SampleReason.OUTLIER, SampleReason.CUT, SampleReason.APPEARED})


class FrameSampler:
    """Decides for each frame, in presentation order, whether it is sampled."""

    def __init__(self, config: SamplingConfig) -> None:
        self._config = config
        self._last_sampled_s = 0.0
        self._large_budget = config.burst
        self._small_budget = config.small_burst
        self._slow_budget = 1.0
        self._now_s = 0.0
        self._frames = 0
        self._skipped = 0
        self._extra = 0
        self._unsampled = 0
        self._first_unsampled: int | None = None
        self._reason_counts: Counter[str] = Counter()
        self._listed: list[SampledFrame] = []
        self.last_sampled = -1
        #: All notable frames, also those that the report does not list.
        self.notable_frames: list[SampledFrame] = []

    def decide(
        self, index: int, time_s: float, novelty: Novelty, *, spare: bool = False
    ) -> SampledFrame | None:
        """Decide whether a frame is sampled; None if it is not.

        `spare`: whether the scan has time for frames beyond the large budget. In snow or rain, most frames
        differ from their neighbours.
        """
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
            if self._large_budget >= 1 or spare:
                if self._large_budget >= 1:
                    self._large_budget -= 1
                else:
                    self._extra += 1
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
        """Whether this frame should be compared with the last sampled frame: see `note_change`."""
        return index % _SLOW_INTERVAL_FRAMES == 0 and self._slow_budget >= 1 and index > self.last_sampled

    def note_change(self, index: int, time_s: float, distance: float, cells: int) -> SampledFrame | None:
        """Sample a frame if its `distance` from the last sampled frame is large enough."""
        config = self._config
        if distance < config.appeared or cells < config.appeared_cells or self._slow_budget < 1:
            return None
        self._slow_budget -= 1
        return self._sample(index, time_s, SampleReason.CHANGED)

    def sample_last(self, index: int, time_s: float) -> SampledFrame | None:
        """Sample the last frame of the clip unless it is sampled already."""
        return self._sample(index, time_s, SampleReason.LAST) if self.last_sampled < index else None

    @property
    def budget_gap(self) -> str:
        """Why frames that should be sampled were not; empty if all were sampled."""
        if not self._unsampled:
            return ""
        return (
            f"{self._unsampled} frames that differ from their neighbours, starting with frame"
            f" {self._first_unsampled}, were not scanned, because the sampling budget was used up."
        )

    @property
    def note(self) -> str:
        """How many frames were sampled, and what that cost beyond the schedule; empty if all were."""
        looked_at = self._reason_counts.total()
        if looked_at == self._frames and not self._extra:
            return ""
        beyond = (
            f"; {self._extra} are beyond its budget, because so many differ from their neighbours"
            if self._extra
            else ""
        )
        return f"Scanned {looked_at} of {self._frames} frames, selected by the schedule{beyond}."

    def report(self) -> SamplingReport:
        return SamplingReport(
            frames=self._frames,
            looked_at=self._reason_counts.total(),
            why=dict(self._reason_counts),
            passed_over=self._skipped,
            rules=self._config,
            looks=tuple(self._listed),
            extra=self._extra,
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
