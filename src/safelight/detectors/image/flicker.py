"""Detects flicker that can cause seizures: more flashes per second than ITU-R BT.1702 allows.

There are two kinds of flashes. A luminance flash is a pair of opposing changes of at least 20 cd/m2, if the
darker level is below 160 cd/m2 on a screen with a white of 200 cd/m2. A red flash is a pair of opposing
changes to and from saturated red. A finding is more than three flashes within a second, over more than a
quarter of the screen. Commercial analysers such as Harding's also search for spatial patterns; this detector
does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Basis, Category, Finding, FrameRange, Modality

NAME, VERSION = "flicker", "1"

#: In cd/m2: luminance of white, smallest change of a flash, and upper limit of the flash's darker level.
_WHITE_CD_M2, _MIN_CHANGE_CD_M2, _MAX_DARK_CD_M2 = 200.0, 20.0, 160.0
#: Fraction of the screen that must change, number of flashes allowed per second, and length of a second.
_MIN_AREA, _MAX_FLASHES, _SECOND_S = 0.25, 3, 1.0
#: Changes in several parts of the picture within this many seconds count as one change, because screens are
#: drawn over time.
_SAME_CHANGE_S = 0.1
#: Maximum number of findings of each kind; the ranges with the most flashes are kept.
_MAX_FINDINGS = 100
#: Smallest fraction of red in the light for saturated red, and smallest change of a red flash (of 320).
_MIN_RED_SHARE, _MIN_RED_CHANGE = 0.8, 20.0

_CAPABILITIES = (Capability(category=Category.PHOTOSENSITIVE.value, modality=Modality.FRAMES),)

Plane = npt.NDArray[np.float32]
_REASONS = {
    "flash": "The picture flashes more than three times per second.",
    "red": "The picture flashes in saturated red more than three times per second.",
}


class LuminanceChanges:
    """Detects opposing changes over a large part of the picture. Pure.

    For each pixel it tracks the lowest and highest level since the last change of direction. A rise or fall
    of at least `min_change` is a change.
    """

    def __init__(self, *, min_change: float, below: float | None = None) -> None:
        self._min_change = min_change
        self._below = below
        self._low: Plane | None = None
        self._high: Plane | None = None
        #: Direction of each pixel's last change (1 up, -1 down, 0 none yet), and the time of that change.
        self._direction: npt.NDArray[np.int8] | None = None
        self._changed_at: npt.NDArray[np.float64] | None = None
        self._last_direction = 0

    def add(self, time_s: float, levels: Plane) -> bool:
        """Add a frame. Returns whether a large part of the picture has now changed, in the opposite
        direction to last time.
        """
        if self._low is None or self._high is None or self._direction is None or self._changed_at is None:
            self._low, self._high = levels.copy(), levels.copy()
            self._direction = np.zeros(levels.shape, np.int8)
            self._changed_at = np.full(levels.shape, -np.inf)
            return False
        below = np.inf if self._below is None else self._below
        up = (levels - self._low >= self._min_change) & (self._low < below) & (self._direction != 1)
        down = (self._high - levels >= self._min_change) & (levels < below) & (self._direction != -1)
        turned = up | down
        self._direction = np.where(up, 1, np.where(down, -1, self._direction)).astype(np.int8)
        self._changed_at = np.where(turned, time_s, self._changed_at)
        # After a change, the search for the next lowest and highest level starts from the current level.
        self._low = np.where(turned, levels, np.minimum(self._low, levels))
        self._high = np.where(turned, levels, np.maximum(self._high, levels))
        recent = self._changed_at > time_s - _SAME_CHANGE_S
        for direction in (1, -1):
            if (
                direction != self._last_direction
                and float((recent & (self._direction == direction)).mean()) > _MIN_AREA
            ):
                self._last_direction = direction
                return True
        return False


class FlickerDetector:
    """A `StreamDetector` for flashes of luminance and of saturated red."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = _CAPABILITIES
    longest_side = 64

    def __init__(self) -> None:
        tone = np.arange(256, dtype=np.float64) / 255
        self._linear = np.where(tone <= 0.04045, tone / 12.92, ((tone + 0.055) / 1.055) ** 2.4).astype(
            np.float32
        )
        self.begin()

    def begin(self) -> None:
        self._rules = {
            "flash": (LuminanceChanges(min_change=_MIN_CHANGE_CD_M2, below=_MAX_DARK_CD_M2), FlashCounter()),
            "red": (LuminanceChanges(min_change=_MIN_RED_CHANGE), FlashCounter()),
        }

    def add_frame(self, frame: Frame) -> None:
        light: Any = self._linear[frame.pixels]
        red, green, blue = light[..., 0], light[..., 1], light[..., 2]
        luminance = _WHITE_CD_M2 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
        pure = red >= _MIN_RED_SHARE * np.maximum(red + green + blue, 1e-6)
        redness = np.where(pure, np.maximum(red - green - blue, 0) * 320, 0).astype(np.float32)
        for kind, levels in (("flash", luminance), ("red", redness)):
            changes, counter = self._rules[kind]
            if changes.add(frame.time_s, levels):
                counter.add(frame.index, frame.time_s)

    def findings(self) -> Iterable[Finding]:
        for kind, (_changes, counter) in self._rules.items():
            for first, last, start_s, end_s, flashes in counter.worst():
                yield Finding(
                    category=Category.PHOTOSENSITIVE.value,
                    score=0.95,
                    modality=Modality.FRAMES,
                    detector=NAME,
                    version=VERSION,
                    basis=Basis.MATCHED,
                    reason=_REASONS[kind],
                    evidence=(FrameRange(first=first, last=last, start_s=start_s, end_s=end_s, peak=first),),
                    attributes={
                        "kind": kind,
                        "flashes_per_s": flashes,
                        "duration_s": round(end_s - start_s, 4),
                        "frames": last - first + 1,
                    },
                )


class FlashCounter:
    """Counts changes of a large part of the picture, and records the ranges with more than three flashes
    per second.

    Two opposing changes are one flash. Pure.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque()
        self._ranges: list[tuple[int, int, float, float, int]] = []

    def add(self, frame: int, time_s: float) -> None:
        """Add a change. The times of successive calls must increase."""
        self._recent.append((frame, time_s))
        while self._recent[0][1] < time_s - _SECOND_S:
            self._recent.popleft()
        flashes = len(self._recent) // 2
        if flashes <= _MAX_FLASHES:
            return
        first, start_s = self._recent[0]
        highest = flashes
        if self._ranges and self._ranges[-1][3] >= start_s:
            first, _last, start_s, _end_s, before = self._ranges.pop()
            highest = max(flashes, before)
        self._ranges.append((first, frame, round(start_s, 4), round(time_s, 4), highest))

    def worst(self) -> list[tuple[int, int, float, float, int]]:
        """The ranges with the most flashes, in order of time.

        Each is (first frame, last frame, start, end, largest number of flashes in a second).
        """
        return sorted(sorted(self._ranges, key=lambda one: -one[4])[:_MAX_FINDINGS])


def _load(_options: PluginOptions) -> FlickerDetector:
    return FlickerDetector()


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, capabilities=_CAPABILITIES, load=_load)
