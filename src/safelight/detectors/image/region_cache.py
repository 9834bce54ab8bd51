"""Not looking twice at what has not changed: which part of a frame a model has to see again.

A part is unchanged where no value of the model's own input is more than `TINY` steps of 255 from what
the model last saw there. The comparison is always with what was seen, so that a slow drift adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Thing = TypeVar("Thing")
Pixels = npt.NDArray[np.uint8]
#: Left, top, right, bottom in pixels, the last two excluded.
Window = tuple[int, int, int, int]

#: Steps of 255 that encoders leave in a picture that stands still.
TINY = 3


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How windows are cut for one model, in pixels of its input."""

    #: Windows begin and end at multiples of this.
    stride: int
    #: What is seen around everything that changed.
    margin: int
    #: The largest part of the picture that is seen as a window; beyond it all of it is.
    most: float
    #: Frames after which all of it is seen again.
    renew: int


class RegionCache:
    """What one model saw last. Use for one clip at a time: `window`, then `seen`."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._seen: Pixels | None = None
        self._index = -1
        self._since = 0

    def window(self, index: int, pixels: Pixels, things: Iterable[Window] = ()) -> Window | None:
        """The part the model has to see of frame `index`; None: it has changed nowhere.

        `things` are what it found before: a window holds those it touches whole. A frame that does not
        follow the last one, or has another size, is seen whole.
        """
        height, width = pixels.shape[:2]
        whole = (0, 0, width, height)
        before = self._seen
        if before is None or before.shape != pixels.shape or index <= self._index:
            return whole
        changed = self._changed(before, pixels)
        if self._since >= self._sizes.renew:
            return whole if changed is not None or self._since >= 4 * self._sizes.renew else None
        if changed is None:
            return None
        found = self._widened(changed, width, height)
        left_out = list(things)
        # What a wider window touches may widen it again.
        while touched := [thing for thing in left_out if touches(found, thing)]:
            left_out = [thing for thing in left_out if thing not in touched]
            corners = list(zip(*touched, found, strict=True))
            joined = (min(corners[0]), min(corners[1]), max(corners[2]), max(corners[3]))
            found = self._widened(joined, width, height)
        area = (found[2] - found[0]) * (found[3] - found[1])
        return found if area <= self._sizes.most * width * height else whole

    def seen(self, index: int, pixels: Pixels, window: Window | None) -> None:
        """Record that the model saw this part of the frame, or had no need to."""
        self._index = index
        self._since += 1
        if window is None:
            return
        if self._seen is None or window == (0, 0, pixels.shape[1], pixels.shape[0]):
            self._seen = pixels.copy()
            self._since = 0
            return
        left, top, right, bottom = window
        self._seen[top:bottom, left:right] = pixels[top:bottom, left:right]

    def _changed(self, before: Pixels, pixels: Pixels) -> Window | None:
        import cv2

        red, green, blue = cv2.split(cv2.absdiff(before, pixels))
        apart: Any = cv2.max(cv2.max(red, green), blue)
        _level, far = cv2.threshold(apart, TINY, 255, cv2.THRESH_BINARY)
        left, top, width, height = cv2.boundingRect(far)
        return (left, top, left + width, top + height) if width else None

    def _widened(self, window: Window, width: int, height: int) -> Window:
        margin, stride = self._sizes.margin, self._sizes.stride
        left, top, right, bottom = window
        return (
            max(left - margin, 0) // stride * stride,
            max(top - margin, 0) // stride * stride,
            min(-(-(right + margin) // stride) * stride, width),
            min(-(-(bottom + margin) // stride) * stride, height),
        )


class CachedRegions(Generic[Thing]):
    """What a model found in a clip, looked for again only where something has changed.

    `look` is given a frame and the part of it to look at; `place` says where a thing is in a frame of a
    width and a height.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        look: Callable[[Pixels, Window], list[Thing]],
        place: Callable[[Thing, int, int], Window],
    ) -> None:
        self._memory, self._look, self._place = RegionCache(sizes), look, place
        self._last: list[Thing] = []

    def things(self, index: int, pixels: Pixels) -> list[Thing]:
        """Everything in the frame: what is new, and what stands there still."""
        height, width = pixels.shape[:2]
        places = [self._place(thing, width, height) for thing in self._last]
        window = self._memory.window(index, pixels, places)
        if window is not None:
            found = self._look(pixels, window)
            whole = window == (0, 0, width, height)
            kept = [
                thing
                for thing, there in zip(self._last, places, strict=True)
                if not whole and not touches(window, there)
            ]
            self._last = kept + found
        self._memory.seen(index, pixels, window)
        return self._last


def cut(pixels: Pixels, window: Window) -> Pixels:
    """The part of a picture that a window shows."""
    left, top, right, bottom = window
    return pixels[top:bottom, left:right]


def touches(one: Window, other: Window) -> bool:
    """Whether two windows have anything in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
