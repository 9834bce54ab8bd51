"""Flicker that can cause a seizure: more flashes in a second than ITU-R BT.1702 allows.

A flash is a pair of opposing changes of luminance of 20 cd/m2 or more where the darker is below 160 cd/m2,
on a screen whose white is 200 cd/m2, or a pair of opposing changes to and from saturated red. More than three
within a second, together over more than a quarter of the screen, is too much. Harding's and other commercial
analysers also look for spatial patterns; this one does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, RunLocation
from safelight.policy.categories import Category
from safelight.policy.findings import Finding, FrameRange, Modality

NAME, VERSION = "flicker", "1"

#: cd/m2: white, the least change of a flash, and the level below which its darker side is.
_WHITE, _CHANGE, _DARK = 200.0, 20.0, 160.0
#: Part of the screen, flashes in a second that are still allowed, and that second.
_AREA, _ALLOWED, _SECOND_S = 0.25, 3, 1.0
#: Changes of different places this close together are one, in seconds: screens are drawn over time.
_TOGETHER_S = 0.1
#: Stretches that are told of each kind, the worst.
_TOLD = 100
#: Red is saturated from this part of all light on, and flashes where it changes by this much (of 320).
_PURE, _RED_CHANGE = 0.8, 20.0

_CAPABILITIES = (Capability(category=Category.PHOTOSENSITIVE.value, modality=Modality.FRAMES),)

Map = npt.NDArray[np.float32]


class LuminanceChanges:
    """Opposing changes over a large part of a picture, as they come. Pure.

    Every place remembers how far it has swung since it last turned; a swing of `least` is a change.
    """

    def __init__(self, *, least: float, below: float | None = None) -> None:
        self._least = least
        self._below = below
        self._low: Map | None = None
        self._high: Map | None = None
        #: Which way each place changed last (1 up, -1 down, 0 not yet), and when.
        self._way: npt.NDArray[np.int8] | None = None
        self._when: npt.NDArray[np.float64] | None = None
        self._last = 0

    def add(self, time_s: float, levels: Map) -> bool:
        """Whether, with this frame, much of the picture has turned against its last common change."""
        if self._low is None or self._high is None or self._way is None or self._when is None:
            self._low, self._high = levels.copy(), levels.copy()
            self._way = np.zeros(levels.shape, np.int8)
            self._when = np.full(levels.shape, -np.inf)
            return False
        below = np.inf if self._below is None else self._below
        up = (levels - self._low >= self._least) & (self._low < below) & (self._way != 1)
        down = (self._high - levels >= self._least) & (levels < below) & (self._way != -1)
        turned = up | down
        self._way = np.where(up, 1, np.where(down, -1, self._way)).astype(np.int8)
        self._when = np.where(turned, time_s, self._when)
        # After a change the other extreme is sought anew from here.
        self._low = np.where(turned, levels, np.minimum(self._low, levels))
        self._high = np.where(turned, levels, np.maximum(self._high, levels))
        lately = self._when > time_s - _TOGETHER_S
        for way in (1, -1):
            if way != self._last and float((lately & (self._way == way)).mean()) > _AREA:
                self._last = way
                return True
        return False


class FlickerDetector:
    """A `FilmDetector`."""

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
            "flash": (LuminanceChanges(least=_CHANGE, below=_DARK), FlashCounter()),
            "red": (LuminanceChanges(least=_RED_CHANGE), FlashCounter()),
        }

    def add_frame(self, frame: Frame) -> None:
        light: Any = self._linear[frame.pixels]
        red, green, blue = light[..., 0], light[..., 1], light[..., 2]
        luminance = _WHITE * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
        pure = red >= _PURE * np.maximum(red + green + blue, 1e-6)
        redness = np.where(pure, np.maximum(red - green - blue, 0) * 320, 0).astype(np.float32)
        for kind, levels in (("flash", luminance), ("red", redness)):
            swings, bursts = self._rules[kind]
            if swings.add(frame.time_s, levels):
                bursts.add(frame.index, frame.time_s)

    def findings(self) -> Iterable[Finding]:
        for kind, (_swings, bursts) in self._rules.items():
            for first, last, start_s, end_s, flashes in bursts.worst():
                yield Finding(
                    category=Category.PHOTOSENSITIVE.value,
                    score=0.95,
                    modality=Modality.FRAMES,
                    detector=NAME,
                    version=VERSION,
                    reason=_REASONS[kind],
                    evidence=(FrameRange(first=first, last=last, start_s=start_s, end_s=end_s, peak=first),),
                    attributes={
                        "kind": kind,
                        "flashes_per_s": flashes,
                        "duration_s": round(end_s - start_s, 4),
                        "frames": last - first + 1,
                    },
                )


_REASONS = {
    "flash": "The picture flashes more than three times in a second.",
    "red": "The picture flashes in saturated red more than three times in a second.",
}


class FlashCounter:
    """Common changes as they come, and where more than three pairs of them fall into one second. Pure."""

    def __init__(self) -> None:
        self._lately: deque[tuple[int, float]] = deque()
        self._stretches: list[tuple[int, int, float, float, int]] = []

    def add(self, frame: int, time_s: float) -> None:
        """One more change, later than all before."""
        self._lately.append((frame, time_s))
        while self._lately[0][1] < time_s - _SECOND_S:
            self._lately.popleft()
        flashes = len(self._lately) // 2
        if flashes <= _ALLOWED:
            return
        first, start_s = self._lately[0]
        most = flashes
        if self._stretches and self._stretches[-1][3] >= start_s:
            first, _last, start_s, _end_s, before = self._stretches.pop()
            most = max(flashes, before)
        self._stretches.append((first, frame, round(start_s, 4), round(time_s, 4), most))

    def worst(self) -> list[tuple[int, int, float, float, int]]:
        """First and last frame, first and last second, and the most flashes in a second, of the worst."""
        return sorted(sorted(self._stretches, key=lambda one: -one[4])[:_TOLD])


def _load(_options: dict[str, Any]) -> FlickerDetector:
    return FlickerDetector()


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=RunLocation.CHILD, capabilities=_CAPABILITIES, load=_load
)
