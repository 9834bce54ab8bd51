"""Region cache: finds the part of a frame that changed, so that a model inspects only that part.

A part is unchanged if each value of the model's input differs by at most `MAX_NOISE_STEPS` of 255 from the
value that the model inspected last. A slow drift is therefore detected once it adds up to more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from safelight.core.arrays import Pixels
from safelight.detectors.box_tracker import Box

Detected = TypeVar("Detected")
#: Left, top, right, bottom in pixels; right and bottom are exclusive.
Window = tuple[int, int, int, int]

#: Largest difference, of 255, that encoders cause in a still picture.
MAX_NOISE_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class WindowSizes:
    """How windows are cut out of the input of one model. Sizes are in pixels of that input."""

    #: Window edges are multiples of this, or edges of the frame.
    stride: int
    #: Margin around the changed part that is inspected too.
    margin: int
    #: Largest window, as a fraction of the picture. If a larger part changed, the whole picture is inspected.
    max_share: float
    #: After this number of frames, the whole picture is inspected again if it changed; after four times as
    #: many, in any case.
    max_age_frames: int


class RegionCache:
    """Stores what one model inspected last, for one clip at a time. Call `window_to_inspect`, then
    `record`.
    """

    def __init__(self, sizes: WindowSizes) -> None:
        self._sizes = sizes
        self._inspected: Pixels | None = None
        self._index = -1
        self._since = 0

    def window_to_inspect(self, index: int, pixels: Pixels, detected: Iterable[Window] = ()) -> Window | None:
        """The part of frame `index` that the model must inspect; None if nothing changed.

        `detected` contains the boxes of the model's last detections. The window includes each box that it
        touches. A frame that does not follow the last one, or that has another size, is inspected as a whole.
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
        # Including a box can make the window touch further boxes, which must be included too.
        while touched := [box for box in left_out if windows_overlap(found, box)]:
            left_out = [box for box in left_out if box not in touched]
            corners = list(zip(*touched, found, strict=True))
            joined = (min(corners[0]), min(corners[1]), max(corners[2]), max(corners[3]))
            found = self._widen(joined, width, height)
        area = (found[2] - found[0]) * (found[3] - found[1])
        return found if area <= self._sizes.max_share * width * height else whole

    def record(self, index: int, pixels: Pixels, window: Window | None) -> None:
        """Record which part of the frame the model inspected. `window` is None if it inspected nothing."""
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
    """The detections of a model in a clip. The model runs again only on the part of a frame that changed.

    `inspect` runs the model on one window of a frame. `locate` returns the window of a detection in a frame
    of the given width and height.
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
        """All detections in the frame: those in the part that was inspected, and earlier ones in unchanged
        parts.
        """
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


def enclosing_window(box: Box, width: int, height: int) -> Window:
    """The box in whole pixels, rounded outwards so that it contains the whole object."""
    x, y, w, h = box
    return int(x * width), int(y * height), -int(-(x + w) * width // 1), -int(-(y + h) * height // 1)


def expand_box(box: Box, window: Window, width: int, height: int) -> Box:
    """Convert a box from fractions of a window to fractions of the picture."""
    left, top, right, bottom = window
    wide, high = (right - left) / width, (bottom - top) / height
    return left / width + box[0] * wide, top / height + box[1] * high, box[2] * wide, box[3] * high


def windows_overlap(one: Window, other: Window) -> bool:
    """Whether two windows overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
