"""Which frames the slow detectors see: a regular sample, and every frame that its neighbours do not explain.

Pure: what is new in a frame goes in, decisions come out. The thresholds are measured, see
docs/benchmarks/scanning.md.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from safelight.scanning.frame_difference import DifferenceThresholds, Novelty

#: A box in parts of the picture: x, y, width, height.
Region = tuple[float, float, float, float]


class SampleReason(StrEnum):
    """Why a frame is looked at."""

    FIRST = "first"
    LAST = "last"
    REGULAR = "regular"
    #: Unlike both neighbours: what stands in one frame alone.
    OUTLIER = "outlier"
    #: Most of the picture is unlike the frame before: a cut, or noise.
    CUT = "cut"
    #: Something came that the frame before does not have, and stays.
    APPEARED = "appeared"
    #: Came in slowly: unlike the last frame looked at.
    CHANGED = "changed"
    #: Neighbours are so unlike each other that nothing new would show.
    BLIND = "blind"


class SamplingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When a frame is looked at, and how many may be."""

    regular_s: float = 1.0
    levels: DifferenceThresholds = DifferenceThresholds()
    #: A frame unlike both neighbours: the least excess in all, and in how many cells of 8 by 8.
    outlier: float = 5.0
    outlier_cells: int = 3
    #: Or lighter than both, or darker than both, by so much in all.
    shade: float = 25.0
    #: Something that came: the least excess; and from where on it is looked at out of the large budget.
    appeared: float = 10.0
    appeared_cells: int = 4
    striking: float = 40.0
    #: Parts of the picture.
    cut: float = 0.4
    blind: float = 0.1
    #: The large budget: looks at once, and what comes back per second of video. When it is spent, frames
    #: that should have been looked at are not, the scan is incomplete, and nothing comes back any more.
    burst: float = 16.0
    per_s: float = 2.0
    #: The small budget of what comes and moves without being striking; going over it is no hole.
    small_burst: float = 3.0
    small_per_s: float = 1.0
    #: Looks per second at what came too slowly to be noticed; one at once.
    slow_per_s: float = 0.25


class SampledFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame the slow detectors were shown, and why; the box where it was unlike its neighbours."""

    frame: int
    why: SampleReason
    region: Region | None = None


class SamplingReport(msgspec.Struct, frozen=True, kw_only=True):
    """The record of what the slow detectors were shown."""

    frames: int
    looked_at: int
    #: How many for each reason.
    why: dict[str, int]
    #: Frames in which something came or moved, passed over because movement had used up its share.
    passed_over: int
    rules: SamplingConfig
    #: The first `_LISTED` of them.
    looks: tuple[SampledFrame, ...] = ()
    #: Frames that their neighbours do not explain, not looked at because the budget was spent.
    unseen: int = 0
    #: The first of these.
    unseen_from: int | None = None


_STRIKING = frozenset({SampleReason.OUTLIER, SampleReason.CUT, SampleReason.APPEARED})
#: Looks that are listed one by one on the record.
_LISTED = 1000
#: Frames between comparisons with the last frame looked at.
_SLOWLY = 5


class FrameSampler:
    """Decides frame by frame, in presentation order."""

    def __init__(self, rules: SamplingConfig) -> None:
        self._rules = rules
        self._seen_s = 0.0
        self._large = rules.burst
        self._small = rules.small_burst
        self._slow = 1.0
        self._now_s = 0.0
        self._frames = 0
        self._passed_over = 0
        self._unseen = 0
        self._unseen_from: int | None = None
        self._why: Counter[str] = Counter()
        self._looks: list[SampledFrame] = []
        self.last_sampled = -1
        #: Every look at something that stood out or came, listed or not: the budgets bound them.
        self.notable_frames: list[SampledFrame] = []

    def decide(self, index: int, time_s: float, new: Novelty) -> SampledFrame | None:
        """Whether this frame is looked at, and why."""
        rules = self._rules
        self._frames += 1
        passed = max(time_s - self._now_s, 0.0)
        self._now_s = time_s
        if not self._unseen:
            self._large = min(rules.burst, self._large + passed * rules.per_s)
        self._small = min(rules.small_burst, self._small + passed * rules.small_per_s)
        self._slow = min(1.0, self._slow + passed * rules.slow_per_s)
        if index == 0:
            return self._look(index, time_s, SampleReason.FIRST)
        why = self._striking(new)
        if why is not None:
            if self._large >= 1:
                self._large -= 1
                return self._look(index, time_s, why, new.region if why is not SampleReason.BLIND else None)
            self._unseen += 1
            if self._unseen_from is None:
                self._unseen_from = index
        elif new.before >= rules.appeared and new.before_cells >= rules.appeared_cells:
            if self._small >= 1:
                self._small -= 1
                return self._look(index, time_s, SampleReason.APPEARED, new.region)
            self._passed_over += 1
        if time_s - self._seen_s >= rules.regular_s:
            return self._look(index, time_s, SampleReason.REGULAR)
        return None

    def wants_comparison(self, index: int) -> bool:
        """Whether it is time to compare a frame with the last one looked at: see `changed`."""
        return index % _SLOWLY == 0 and self._slow >= 1 and index > self.last_sampled

    def note_change(self, index: int, time_s: float, apart: float, cells: int) -> SampledFrame | None:
        """Whether a frame so far from the last one looked at is looked at for that."""
        rules = self._rules
        if apart < rules.appeared or cells < rules.appeared_cells or self._slow < 1:
            return None
        self._slow -= 1
        return self._look(index, time_s, SampleReason.CHANGED)

    def sample_last(self, index: int, time_s: float) -> SampledFrame | None:
        """The end of the clip: its last frame is looked at, where it was not already."""
        return self._look(index, time_s, SampleReason.LAST) if self.last_sampled < index else None

    @property
    def budget_gap(self) -> str:
        """Why not every frame that should have been looked at was; empty where all were."""
        if not self._unseen:
            return ""
        return (
            f"{self._unseen} frames unlike their neighbours, the first of them {self._unseen_from},"
            " were not looked at: there were more of them than the budget allows."
        )

    def report(self) -> SamplingReport:
        return SamplingReport(
            frames=self._frames,
            looked_at=self._why.total(),
            why=dict(self._why),
            passed_over=self._passed_over,
            rules=self._rules,
            looks=tuple(self._looks),
            unseen=self._unseen,
            unseen_from=self._unseen_from,
        )

    def _striking(self, new: Novelty) -> SampleReason | None:
        rules = self._rules
        if new.both >= rules.outlier and new.both_cells >= rules.outlier_cells:
            return SampleReason.OUTLIER
        if new.shade >= rules.shade and new.shade_cells >= rules.outlier_cells:
            return SampleReason.OUTLIER
        if new.far >= rules.cut:
            return SampleReason.CUT
        if new.blind >= rules.blind:
            return SampleReason.BLIND
        if new.before >= rules.striking and new.before_cells >= rules.appeared_cells:
            return SampleReason.APPEARED
        return None

    def _look(
        self, index: int, time_s: float, why: SampleReason, region: Region | None = None
    ) -> SampledFrame:
        self._seen_s = time_s
        self.last_sampled = index
        self._why[why] += 1
        look = SampledFrame(frame=index, why=why, region=region)
        if len(self._looks) < _LISTED:
            self._looks.append(look)
        if why in _STRIKING:
            self.notable_frames.append(look)
        return look
