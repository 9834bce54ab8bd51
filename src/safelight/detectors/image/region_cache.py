"""Region cache: finds the part of a frame that changed, so a model inspects only that part.

A part is unchanged if no value of the model's input differs by more than `MAX_NOISE_STEPS` of 255 from what
the model inspected there last. Slow drift therefore adds up until it counts as a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Detected = TypeVar("Detected")
Pixels = npt.NDArray[np.uint8]
#: Left, top, right, bottom in pixels; right and bottom are exclusive.
Window = tuple[int, int, int, int]

#: Steps of 255 by which encoders change a still picture.
MAX_NOISE_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class WindowSizes:
    """How windows are cut for one model, in pixels of its input."""

    #: Windows begin and end at multiples of this.
    stride: int
    #: Margin that is inspected around everything that changed.
    margin: int
    #: Largest fraction of the picture that is inspected as a window; a larger change inspects all of it.
    max_share: float
    #: Frames given to this model after which the whole picture is inspected again.
    max_age_frames: int


class RegionCache:
    """What one model inspected last, for one clip at a time: call `window_to_inspect`, then `record`."""

    def __init__(self, sizes: WindowSizes) -> None:
        self._sizes = sizes
        self._inspected: Pixels | None = None
        self._index = -1
        self._since = 0

    def window_to_inspect(self, index: int, pixels: Pixels, detected: Iterable[Window] = ()) -> Window | None:
        """The part of frame `index` that the model must inspect; None if nothing changed.

        `things` are the boxes of its last detections: a window includes each one that it touches. A frame
        that does not follow the last one, or has another size, is inspected as a whole.
        """
        height, width = pixels.shape[:2]
        whole = (0, 0, width, height)
        before = self._inspected
        if before is None or before.shape != pixels.shape or index <= self._index:
            return whole
        changed = self._changed_window(before, pixels)
        if self._since >= self._sizes.max_age_frames:
            return whole if changed is not None or self._since >= 4 * self._sizes.max_age_frames else None
        if changed is None:
            return None
        found = self._widen(changed, width, height)
        left_out = list(detected)
        # A wider window may touch further boxes, which widen it again.
        while touched := [box for box in left_out if windows_overlap(found, box)]:
            left_out = [box for box in left_out if box not in touched]
            corners = list(zip(*touched, found, strict=True))
            joined = (min(corners[0]), min(corners[1]), max(corners[2]), max(corners[3]))
            found = self._widen(joined, width, height)
        area = (found[2] - found[0]) * (found[3] - found[1])
        return found if area <= self._sizes.max_share * width * height else whole

    def record(self, index: int, pixels: Pixels, window: Window | None) -> None:
        """Record that the model inspected this part of the frame, or None if it did not need to."""
        self._index = index
        self._since += 1
        if window is None:
            return
        if self._inspected is None or window == (0, 0, pixels.shape[1], pixels.shape[0]):
            self._inspected = pixels.copy()
            self._since = 0
            return
        left, top, right, bottom = window
        self._inspected[top:bottom, left:right] = pixels[top:bottom, left:right]

    def _changed_window(self, before: Pixels, pixels: Pixels) -> Window | None:
        import cv2

        red, green, blue = cv2.split(cv2.absdiff(before, pixels))
        difference: Any = cv2.max(cv2.max(red, green), blue)
        _level, far = cv2.threshold(difference, MAX_NOISE_STEPS, 255, cv2.THRESH_BINARY)
        left, top, width, height = cv2.boundingRect(far)
        return (left, top, left + width, top + height) if width else None

    def _widen(self, window: Window, width: int, height: int) -> Window:
        margin, stride = self._sizes.margin, self._sizes.stride
        left, top, right, bottom = window
        return (
            max(left - margin, 0) // stride * stride,
            max(top - margin, 0) // stride * stride,
            min(-(-(right + margin) // stride) * stride, width),
            min(-(-(bottom + margin) // stride) * stride, height),
        )


class CachedRegions(Generic[Detected]):
    """A model's detections in a clip; the model runs again only on what changed.

    `look` gets a frame and the window to inspect; `place` returns the window of a detection in a frame of a
    given width and height.
    """

    def __init__(
        self,
        sizes: WindowSizes,
        *,
        inspect: Callable[[Pixels, Window], list[Detected]],
        locate: Callable[[Detected, int, int], Window],
    ) -> None:
        self._cache, self._inspect, self._locate = RegionCache(sizes), inspect, locate
        self._last: list[Detected] = []

    def detect(self, index: int, pixels: Pixels) -> list[Detected]:
        """Every detection in the frame: new ones, and those in unchanged parts."""
        height, width = pixels.shape[:2]
        windows = [self._locate(detection, width, height) for detection in self._last]
        window = self._cache.window_to_inspect(index, pixels, windows)
        if window is not None:
            found = self._inspect(pixels, window)
            whole = window == (0, 0, width, height)
            kept = [
                detection
                for detection, place in zip(self._last, windows, strict=True)
                if not whole and not windows_overlap(window, place)
            ]
            self._last = kept + found
        self._cache.record(index, pixels, window)
        return self._last


def crop(pixels: Pixels, window: Window) -> Pixels:
    """The part of a picture inside a window."""
    left, top, right, bottom = window
    return pixels[top:bottom, left:right]


def windows_overlap(one: Window, other: Window) -> bool:
    """Whether two windows overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
