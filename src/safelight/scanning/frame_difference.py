"""What is new in a frame: compared with the frame before and the frame after, with movement taken out.

Pure, and small: frames are compared at 320 pixels. A camera that moves explains itself, for its picture can
be made from either neighbour; what stands in one frame alone cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.media.decode import DownscaledFrame

Plane = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

#: Longest side of the grey pictures that are compared, and the part of it at which movement is sought.
COMPARED_SIDE_PX = 320
_COARSE = 2
#: Side of a cell, in compared pixels.
_CELL = 8
_NEIGHBOUR_KERNEL = np.ones((3, 3), np.uint8)
#: Cells hang together across so many others less one.
_CONNECT_KERNEL = np.ones((5, 5), np.uint8)
#: Part of what is new that may lie outside of its box, at each end.
_BOX_TRIM_FRACTION = 0.01
#: Steps of 255 that are nothing, wherever they are: less than any cell may differ by.
_NOISE_STEPS = 2
#: Where little differs only that is compared, with so much around it, and no less than this on the longer
#: and the shorter side of the picture: movement is not sought in less the way it is in all of it.
_MARGIN, _LONG, _SHORT = 24, 192, 64
#: Windows begin and end at multiples of this; one larger than this part of the picture is all of it.
_STEP, _MOST = 16, 0.5
#: A picture that lies off by less than this, in compared pixels, or by more, is not put right.
_MIN_OFFSET_PX, _MAX_OFFSET_PX = 0.05, 3.0
#: Part of the picture that is far from the frame before where it is another picture.
_CUT_FRACTION = 0.5

#: Rows and columns, in compared pixels of lightness.
Window = tuple[slice, slice]


class OpticalFlow:
    """Where everything in one frame comes from in another, and how that other looks when moved there."""

    def __init__(self) -> None:
        import cv2

        self._cv2: Any = cv2
        self._flow: Any = self._cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._places_of_all: Map = np.zeros((0, 0, 2), np.float32)

    def compute(self, frame: DownscaledFrame, other: DownscaledFrame) -> Map:
        """Pixels, at half the size, from a place in `frame` to the same thing in `other`."""
        cv2 = self._cv2
        still = _still(frame)
        size = still.shape[1::-1]
        one = cv2.resize(frame.luma, size, interpolation=cv2.INTER_AREA)
        two = cv2.resize(other.luma, size, interpolation=cv2.INTER_AREA)
        if np.array_equal(one, two):
            return still
        found: Map = self._flow.calc(one, two, None)
        return found

    def warp(self, picture: npt.NDArray[Any], flow: Map, window: Window | None = None) -> npt.NDArray[Any]:
        """A picture of any size, or a window of it, every place taken from where `flow` says it went."""
        height, width = picture.shape[:2]
        if window is None:
            return self._taken(picture, self._places(flow, width, height))
        rows, columns = window
        across, down = flow.shape[1] / width, flow.shape[0] / height
        there = np.array(
            [
                [across, 0, (columns.start + 0.5) * across - 0.5],
                [0, down, (rows.start + 0.5) * down - 0.5],
            ],
            np.float32,
        )
        cv2 = self._cv2
        part = cv2.warpAffine(
            flow / np.array((across, down), np.float32),
            there,
            (columns.stop - columns.start, rows.stop - rows.start),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return self._taken(picture, cv2.add(self._grid(width, height)[window], part))

    def _taken(self, picture: npt.NDArray[Any], places: Map) -> npt.NDArray[Any]:
        cv2 = self._cv2
        taken: npt.NDArray[Any] = cv2.remap(
            picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return taken

    def _places(self, flow: Map, width: int, height: int) -> Map:
        """Where every pixel of a picture of this size is taken from."""
        cv2 = self._cv2
        if flow.shape[:2] != (height, width):
            scale = (width / flow.shape[1], height / flow.shape[0], 0, 0)
            flow = cv2.resize(cv2.multiply(flow, scale), (width, height), interpolation=cv2.INTER_LINEAR)
        places: Map = cv2.add(self._grid(width, height), flow)
        return places

    def _grid(self, width: int, height: int) -> Map:
        """The place of every pixel; cut from one that is large enough for all that was asked for."""
        high, wide = self._places_of_all.shape[:2]
        if high < height or wide < width:
            across, down = np.meshgrid(
                np.arange(max(wide, width), dtype=np.float32), np.arange(max(high, height), dtype=np.float32)
            )
            self._places_of_all = np.dstack((across, down))
        return self._places_of_all[:height, :width]

    def residual(self, frame: DownscaledFrame, other: DownscaledFrame, flow: Map) -> tuple[Plane, Map]:
        """How far each place of `frame` is from anything near that place in `other` moved there, 0 to 255.

        Near is one pixel: edges are seldom met exactly. And by how much it is lighter, below zero: darker,
        than that very place: in fine patterns something light and something dark is always near.
        """
        cv2 = self._cv2
        light, blue, red = other.luma, other.chroma_blue, other.chroma_red
        if flow.any():
            half = self._places(flow, blue.shape[1], blue.shape[0])
            blue, red = self._taken(blue, half), self._taken(red, half)
            light = self._taken(light, self._places(flow, light.shape[1], light.shape[0]))
        lighter: Map = cv2.subtract(frame.luma, light, dtype=cv2.CV_32F)
        light, blue, red = (
            self._beyond(mine, theirs)
            for mine, theirs in ((frame.luma, light), (frame.chroma_blue, blue), (frame.chroma_red, red))
        )
        size = light.shape[::-1]
        colour = cv2.resize(cv2.max(blue, red), size, interpolation=cv2.INTER_LINEAR)
        both: Plane = cv2.max(light, colour)
        return both, lighter

    def global_shift(self, frame: DownscaledFrame, other: DownscaledFrame) -> Map:
        """As if nothing moved but the camera: one way for all of the picture from `frame` to `other`.

        What is laid over a part of the frame hardly matters to it. Patterns and thin things that lead the
        search for each place astray do not, either.
        """
        across, down = self._off(frame.luma, other.luma)
        height, width = frame.luma.shape
        flow = _still(frame)
        flow[...] = across * flow.shape[1] / width, down * flow.shape[0] / height
        return flow

    def refine(self, frame: DownscaledFrame, other: DownscaledFrame, flow: Map) -> Map:
        """The flow from `frame` to `other` less what all of the picture is off by when it is moved so.

        A camera that shakes is not half-way between its neighbours.
        """
        cv2 = self._cv2
        height, width = frame.luma.shape
        moved = self.warp(other.luma, flow)
        across, down = self._off(frame.luma, moved)
        if not _MIN_OFFSET_PX < max(abs(across), abs(down)) < _MAX_OFFSET_PX:
            return flow
        scale = (flow.shape[1] / width, flow.shape[0] / height)
        again: Map = flow + np.array((across * scale[0], down * scale[1]), np.float32)
        off, better = (
            cv2.mean(cv2.absdiff(frame.luma, one))[0] for one in (moved, self.warp(other.luma, again))
        )
        return again if better < off else flow

    def _off(self, one: npt.NDArray[Any], two: npt.NDArray[Any]) -> tuple[float, float]:
        """By how many pixels, across and down, all of `two` lies off `one`."""
        cv2 = self._cv2
        window = cv2.createHanningWindow(one.shape[::-1], cv2.CV_32F)
        (across, down), _sure = cv2.phaseCorrelate(one.astype(np.float32), two.astype(np.float32), window)
        return float(across), float(down)

    def difference_window(self, one: DownscaledFrame, other: DownscaledFrame) -> Window | None:
        """The window outside of which two frames are the same; None: they are so everywhere."""
        cv2 = self._cv2
        height, width = one.luma.shape
        light = cv2.absdiff(one.luma, other.luma)
        colour = cv2.max(cv2.absdiff(one.chroma_blue, other.chroma_blue), cv2.absdiff(one.chroma_red, other.chroma_red))
        boxes = [
            (left * scale, top * scale, (left + wide) * scale, (top + high) * scale)
            for apart, scale in ((light, 1), (colour, 2))
            for left, top, wide, high in (
                cv2.boundingRect(cv2.threshold(apart, _NOISE_STEPS, 255, cv2.THRESH_BINARY)[1]),
            )
            if wide
        ]
        if not boxes:
            return None
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        across, down = (_LONG, _SHORT) if width >= height else (_SHORT, _LONG)
        rows = _widened(min(tops), max(bottoms), down, height)
        columns = _widened(min(lefts), max(rights), across, width)
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        return (rows, columns) if area <= _MOST * width * height else (slice(0, height), slice(0, width))

    def _beyond(self, mine: Plane, theirs: Plane) -> Plane:
        """How far over or under everything in the nine pixels around the same place."""
        cv2 = self._cv2
        over = cv2.subtract(mine, cv2.dilate(theirs, _NEIGHBOUR_KERNEL))
        under = cv2.subtract(cv2.erode(theirs, _NEIGHBOUR_KERNEL), mine)
        beyond: Plane = cv2.max(over, under)
        return beyond


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """What a frame has that its neighbours do not explain. Sums are over cells, in steps of 255."""

    #: Unlike both neighbours, beyond what is usual there: how much in all, and in how many cells.
    both: float = 0.0
    both_cells: int = 0
    #: Lighter than both neighbours, or darker than both, on the whole of a cell: how much, in how many cells.
    shade: float = 0.0
    shade_cells: int = 0
    #: Unlike the frame before alone: something that came and stayed.
    before: float = 0.0
    before_cells: int = 0
    #: Part of the picture that is far from the frame before, whatever is usual.
    far: float = 0.0
    #: Part of the picture where neighbours are always so far apart that nothing new would show.
    blind: float = 0.0
    #: Where it is new: x, y, width and height in parts of the picture; None: nowhere in particular.
    region: tuple[float, float, float, float] | None = None
    #: Where everything in this frame was in the frame before.
    flow_before: Map | None = None


class DifferenceThresholds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a cell may differ before it counts. Measured: docs/benchmarks/scanning.md."""

    #: Over what is usual in the cell and around it: this much, and so many usual deviations.
    over: float = 3.0
    deviations: float = 3.0
    #: The same where a cell is on the whole lighter or darker.
    shade: float = 1.0
    #: Cells that hang together with such a one belong to it from this part of it over their own mean on.
    near: float = 0.67
    #: A cell this far from the frame before is another picture; one where this is usual is blind.
    far: float = 20.0
    #: Frames over what is usual by so much in all, or by so much against the frame before alone, are compared
    #: once more, as if only the camera had moved.
    doubt: float = 5.0
    doubt_before: float = 40.0
    doubt_shade: float = 25.0
    #: How quickly what is usual is forgotten, each frame.
    memory: float = 0.9


class _RunningBaseline:
    """What is usual in every cell: a mean and a deviation that forget, widened to the cells around."""

    def __init__(self, levels: DifferenceThresholds, over: float, cv2: Any) -> None:
        self._levels = levels
        self._over = over
        self._cv2 = cv2
        self.mean: Map | None = None
        self._deviation: Map | None = None

    def excess(self, cells: Map) -> tuple[Map, Map]:
        """How far each cell is over what is usual, and all that belongs to those that are, by weight.

        Learns from the cells, but not from what is over.
        """
        levels = self._levels
        if self.mean is None or self._deviation is None:
            self.mean, self._deviation = cells.copy(), np.full_like(cells, self._over / levels.deviations)
            return np.zeros_like(cells), np.zeros_like(cells)
        limit = self._limit(self.mean, self._deviation)
        over: Map = np.maximum(cells - limit, 0)
        belongs = self._belonging(cells - self.mean, self._deviation, over) if over.any() else over
        taught = np.minimum(cells, limit)
        self._deviation = self._mixed(self._deviation, np.abs(taught - self.mean))
        self.mean = self._mixed(self.mean, taught)
        return over, belongs

    def _mixed(self, before: Map, now: Map) -> Map:
        memory = self._levels.memory
        return np.asarray(memory * before + (1 - memory) * now, np.float32)

    def over(self, cells: Map) -> float:
        """How far cells are over what is usual in all; learns nothing."""
        if self.mean is None or self._deviation is None:
            return 0.0
        return float(np.maximum(cells - self._limit(self.mean, self._deviation), 0).sum())

    def limit(self) -> Map | float:
        """How far from each other cells are without being over what is usual."""
        if self.mean is None or self._deviation is None:
            return 0.0
        return self._limit(self.mean, self._deviation)

    def _limit(self, mean: Map, deviation: Map) -> Map:
        cv2, levels = self._cv2, self._levels
        limit: Map = (
            self._over
            + 1.5 * cv2.dilate(mean, _NEIGHBOUR_KERNEL)
            + levels.deviations * cv2.dilate(deviation, _NEIGHBOUR_KERNEL)
        )
        return limit

    def _belonging(self, beyond: Map, deviation: Map, over: Map) -> Map:
        """How far cells are over their mean: those over the limit, and lesser ones that hang with them.

        Half of a line of text may lie over a fine pattern in which much is usual.
        """
        cv2, levels = self._cv2, self._levels
        strong = over > 0
        some = strong | (beyond > levels.near * self._over + deviation)
        _count, parts = cv2.connectedComponents(cv2.dilate(some.astype(np.uint8), _CONNECT_KERNEL))
        belongs: Map = np.where(some & np.isin(parts, parts[strong]), np.maximum(beyond, 0.1), 0)
        return belongs


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """How far the cells of a frame are from a neighbour, or from both: in anything, and in lightness."""

    flow: Map
    apart: Map
    #: Below zero: darker.
    lighter: Map

    def common(self, other: _Difference | None) -> _Difference:
        """What is left over against both; a fade is lighter than one neighbour and darker than the other."""
        if other is None:
            none = np.zeros_like(self.apart)
            return _Difference(flow=self.flow, apart=none, lighter=none)
        same = self.lighter * other.lighter > 0
        least = np.minimum(np.abs(self.lighter), np.abs(other.lighter))
        return _Difference(
            flow=self.flow, apart=np.minimum(self.apart, other.apart), lighter=np.where(same, least, 0)
        )

    def less(self, other: _Difference) -> _Difference:
        """In every cell the lesser: the same neighbour, moved otherwise."""
        nearer = np.abs(self.lighter) < np.abs(other.lighter)
        return _Difference(
            flow=self.flow,
            apart=np.minimum(self.apart, other.apart),
            lighter=np.where(nearer, self.lighter, other.lighter),
        )


class FrameComparator:
    """Compares frames as they come, one behind: a frame is judged when the next one is there."""

    def __init__(self, levels: DifferenceThresholds | None = None) -> None:
        import cv2

        self._cv2: Any = cv2
        self._levels = levels or DifferenceThresholds()
        self._movement = OpticalFlow()
        self._both = _RunningBaseline(self._levels, self._levels.over, cv2)
        self._before = _RunningBaseline(self._levels, self._levels.over, cv2)
        self._shade = _RunningBaseline(self._levels, self._levels.shade, cv2)
        #: The last two frames that were compared, and where they differ: they come once more, exchanged.
        self._pair: tuple[DownscaledFrame, DownscaledFrame, Window | None] | None = None

    def compare(
        self, before: DownscaledFrame | None, frame: DownscaledFrame, after: DownscaledFrame | None
    ) -> Novelty:
        """What is new in `frame`. The first and the last of a clip have but one neighbour."""
        if before is None and after is None:
            return Novelty()
        sides = [
            self._compared(frame, other)
            if other is not None and other.luma.shape == frame.luma.shape
            else None
            for other in (before, after)
        ]
        to_before, to_after = sides
        if to_before is None:
            return Novelty(far=1.0 if before is not None else 0.0)
        # What a moving camera brings in at the edge of the last frame has no other neighbour to be in.
        both = to_before.common(to_after)
        apart_before = to_before.apart
        doubt = self._doubt(both, apart_before)
        if before is not None and doubt >= 1:
            again = to_before.less(self._shifted(frame, before))
            less = both
            if after is not None and to_after is not None:
                less = again.common(to_after.less(self._shifted(frame, after)))
            # A little less is chance.
            if self._doubt(less, again.apart) < doubt / 2:
                both, apart_before = less, again.apart
        over, belongs = self._both.excess(both.apart)
        over_shade, _belongs = self._shade.excess(both.lighter)
        over_before, belongs_before = self._before.excess(apart_before)
        usual = self._both.mean
        left, shade = float(over.sum()), float(over_shade.sum())
        here = belongs if shade < self._levels.doubt_shade else np.maximum(belongs, over_shade)
        # Where hardly anything stands in this frame alone, what came is what is new.
        alone = left >= self._levels.doubt or shade >= self._levels.doubt_shade
        return Novelty(
            both=left,
            both_cells=int((over > 0).sum()),
            shade=shade,
            shade_cells=int((over_shade > 0).sum()),
            before=float(over_before.sum()),
            before_cells=int((over_before > 0).sum()),
            far=float((apart_before > self._levels.far).mean()),
            blind=float((usual > self._levels.far).mean()) if usual is not None else 0.0,
            region=_around(here if alone or not belongs_before.any() else belongs_before),
            flow_before=to_before.flow,
        )

    def _compared(self, frame: DownscaledFrame, other: DownscaledFrame) -> _Difference:
        """Where everything in `frame` is in `other`, and how far each cell is from that.

        Nothing moves where nothing differs, and most of a picture often stands still.
        """
        movement = self._movement
        pair = self._pair
        if pair is not None and pair[0] is other and pair[1] is frame:
            window = pair[2]
        else:
            window = movement.difference_window(frame, other)
        self._pair = (frame, other, window)
        height, width = frame.luma.shape
        if window == (slice(0, height), slice(0, width)):
            return self._apart(frame, other, movement.compute(frame, other))
        flow = _still(frame)
        apart, lighter = np.zeros((height, width), np.uint8), np.zeros((height, width), np.float32)
        if window is not None:
            mine, theirs = _part(frame, window), _part(other, window)
            moved = movement.compute(mine, theirs)
            rows, columns = (slice(part.start // _COARSE, part.stop // _COARSE) for part in window)
            flow[rows, columns] = moved
            apart[window], lighter[window] = movement.residual(mine, theirs, moved)
        return _Difference(flow=flow, apart=self._cells(apart), lighter=self._cells(lighter))

    def _apart(self, frame: DownscaledFrame, other: DownscaledFrame, flow: Map) -> _Difference:
        apart, lighter = self._movement.residual(frame, other, flow)
        return _Difference(flow=flow, apart=self._cells(apart), lighter=self._cells(lighter))

    def _doubt(self, both: _Difference, before: Map) -> float:
        """From 1 on the frame would be looked at. Another picture altogether is none: no camera makes it."""
        levels = self._levels
        if float((before > levels.far).mean()) >= _CUT_FRACTION:
            return 0.0
        return max(
            self._both.over(both.apart) / levels.doubt,
            self._shade.over(both.lighter) / levels.doubt_shade,
            self._before.over(before) / levels.doubt_before,
        )

    def _shifted(self, frame: DownscaledFrame, other: DownscaledFrame) -> _Difference:
        return self._apart(frame, other, self._movement.global_shift(frame, other))

    def distance(self, frame: DownscaledFrame, other: DownscaledFrame) -> tuple[float, int]:
        """How far two frames are apart, movement taken out: the sum over cells that differ, and how many.

        Cells in which neighbours usually are that far apart tell nothing: there is noise in them.
        """
        if frame.luma.shape != other.luma.shape:
            return float("inf"), frame.luma.size
        apart, _lighter = self._movement.residual(frame, other, self._movement.compute(frame, other))
        over = np.maximum(self._cells(apart) - np.maximum(self._before.limit(), 2 * self._levels.over), 0)
        return float(over.sum()), int((over > 0).sum())

    def flow(self, frame: DownscaledFrame, other: DownscaledFrame) -> Map | None:
        """Where everything in `frame` is in `other`; None: they are of different sizes."""
        return self._movement.compute(frame, other) if frame.luma.shape == other.luma.shape else None

    def flows_to_neighbours(self, before: DownscaledFrame, after: DownscaledFrame) -> tuple[Map, Map] | None:
        """Where everything in the frame between these two was before and is after, without asking that frame.

        What is laid over a frame would lead the search astray. None: the two are of different sizes.
        """
        if before.luma.shape != after.luma.shape:
            return None
        half: Map = self._movement.compute(before, after) * np.float32(0.5)
        return -half, half

    def background(
        self,
        picture: npt.NDArray[Any],
        flow: Map,
        window: Window,
        frame: DownscaledFrame,
        other: DownscaledFrame,
    ) -> npt.NDArray[Any]:
        """A window of the picture of the other frame, of any size, with everything where it is in `frame`."""
        return self._movement.warp(picture, self._movement.refine(frame, other, flow), window)

    def _cells(self, apart: npt.NDArray[Any]) -> Map:
        height, width = apart.shape
        cv2 = self._cv2
        # By a whole number first: that is five times quicker than all at once.
        half = cv2.resize(apart, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        size = (max(width // _CELL, 1), max(height // _CELL, 1))
        cells: Map = cv2.resize(half.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return cells


def _still(frame: DownscaledFrame) -> Map:
    """The flow of a frame in which nothing moves."""
    height, width = frame.luma.shape
    return np.zeros((max(height // _COARSE, 16), max(width // _COARSE, 16), 2), np.float32)


def _part(frame: DownscaledFrame, window: Window) -> DownscaledFrame:
    rows, columns = window
    half = (slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2))
    return DownscaledFrame(luma=frame.luma[window], chroma_blue=frame.chroma_blue[half], chroma_red=frame.chroma_red[half])


def _widened(first: int, last: int, least: int, whole: int) -> slice:
    """From `first` to `last` with a margin, no shorter than `least`, within the picture."""
    more = max(0, least - (last - first) - 2 * _MARGIN) // 2
    begin = min(max(first - _MARGIN - more, 0), max(whole - least, 0)) // _STEP * _STEP
    end = max(last + _MARGIN + more, begin + least)
    end = -(-end // _STEP) * _STEP
    # A little that is left over at the end belongs to it: sides need not be multiples.
    return slice(begin, whole if end > whole - _STEP else end)


def _around(over: Map) -> tuple[float, float, float, float] | None:
    """The box that holds nearly all of what is over, with a margin of a cell and a tenth."""
    if not over.any():
        return None
    rows, columns = over.sum(axis=1), over.sum(axis=0)
    top, bottom = _most(rows)
    left, right = _most(columns)
    height, width = over.shape
    down, across = 1.0 + 0.1 * (bottom - top), 1.0 + 0.1 * (right - left)
    left, right = max(left - across, 0.0), min(right + across, float(width))
    top, bottom = max(top - down, 0.0), min(bottom + down, float(height))
    return left / width, top / height, (right - left) / width, (bottom - top) / height


def _most(parts: Map) -> tuple[float, float]:
    """From where to where nearly all of it lies: single cells far off do not count."""
    heaped = np.cumsum(parts) / parts.sum()
    first = int(np.searchsorted(heaped, _BOX_TRIM_FRACTION, side="right"))
    last = int(np.searchsorted(heaped, 1 - _BOX_TRIM_FRACTION, side="left"))
    return float(first), float(min(last, parts.size - 1) + 1)
