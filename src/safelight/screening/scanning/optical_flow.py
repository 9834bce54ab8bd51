"""Optical flow between downscaled frames: motion estimation, warping, and the remaining difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.media.decode import DownscaledFrame

Plane = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

#: Optical flow is computed on frames whose size is divided by this.
FLOW_SCALE = 2
NEIGHBOUR_KERNEL = np.ones((3, 3), np.uint8)
#: Differences up to this many grey levels of 255 are noise.
_NOISE_LEVELS = 2
#: If only a small area changed, flow is computed only in a window around it. The window is padded by the
#: margin and has these minimum lengths for its long and short side, because flow is unreliable in smaller
#: windows.
_WINDOW_MARGIN_PX, _MIN_WINDOW_LONG_PX, _MIN_WINDOW_SHORT_PX = 24, 192, 64
#: A window starts and ends at multiples of the step. If it is larger than this fraction of the frame, the
#: whole frame is used.
_WINDOW_STEP_PX, _MAX_WINDOW_FRACTION = 16, 0.5
#: `refine` corrects a global offset only if it is between these limits, in pixels of the downscaled frame.
_MIN_OFFSET_PX, _MAX_OFFSET_PX = 0.05, 3.0

#: A window of a downscaled frame: its rows and columns, in pixels of the luma plane.
Window = tuple[slice, slice]


class OpticalFlow:
    """Dense optical flow (DIS) between two downscaled frames, and warping by the flow.

    A flow map has half the size of the frames. For each pixel it holds the offset to the same content in the
    other frame.
    """

    def __init__(self) -> None:
        import cv2

        self._cv2: Any = cv2
        self._estimator: Any = self._cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._pixel_grid: Map = np.zeros((0, 0, 2), np.float32)

    def compute(self, frame: DownscaledFrame, other: DownscaledFrame) -> Map:
        """Optical flow from `frame` to `other`, at half their size."""
        cv2 = self._cv2
        zero = zero_flow(frame)
        size = zero.shape[1::-1]
        small_frame = cv2.resize(frame.luma, size, interpolation=cv2.INTER_AREA)
        small_other = cv2.resize(other.luma, size, interpolation=cv2.INTER_AREA)
        if np.array_equal(small_frame, small_other):
            return zero
        flow: Map = self._estimator.calc(small_frame, small_other, None)
        return flow

    def warp(self, picture: npt.NDArray[Any], flow: Map, window: Window | None = None) -> npt.NDArray[Any]:
        """Warp an image of any size by a flow map, or only a window of the image."""
        height, width = picture.shape[:2]
        if window is None:
            return self._sample(picture, self._sample_positions(flow, width, height))
        rows, columns = window
        scale_x, scale_y = flow.shape[1] / width, flow.shape[0] / height
        transform = np.array(
            [
                [scale_x, 0, (columns.start + 0.5) * scale_x - 0.5],
                [0, scale_y, (rows.start + 0.5) * scale_y - 0.5],
            ],
            np.float32,
        )
        cv2 = self._cv2
        window_flow = cv2.warpAffine(
            flow / np.array((scale_x, scale_y), np.float32),
            transform,
            (columns.stop - columns.start, rows.stop - rows.start),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return self._sample(picture, cv2.add(self._grid(width, height)[window], window_flow))

    def _sample(self, picture: npt.NDArray[Any], positions: Map) -> npt.NDArray[Any]:
        cv2 = self._cv2
        sampled: npt.NDArray[Any] = cv2.remap(
            picture, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return sampled

    def _sample_positions(self, flow: Map, width: int, height: int) -> Map:
        """For every pixel of an image of this size, the position in the source image."""
        cv2 = self._cv2
        if flow.shape[:2] != (height, width):
            scale = (width / flow.shape[1], height / flow.shape[0], 0, 0)
            flow = cv2.resize(cv2.multiply(flow, scale), (width, height), interpolation=cv2.INTER_LINEAR)
        positions: Map = cv2.add(self._grid(width, height), flow)
        return positions

    def _grid(self, width: int, height: int) -> Map:
        """The coordinates of every pixel, cut from a cached grid that grows to the largest requested size."""
        grid_height, grid_width = self._pixel_grid.shape[:2]
        if grid_height < height or grid_width < width:
            columns, rows = np.meshgrid(
                np.arange(max(grid_width, width), dtype=np.float32),
                np.arange(max(grid_height, height), dtype=np.float32),
            )
            self._pixel_grid = np.dstack((columns, rows))
        return self._pixel_grid[:height, :width]

    def residual(self, frame: DownscaledFrame, other: DownscaledFrame, flow: Map) -> tuple[Plane, Map]:
        """Difference of `frame` from `other` warped by `flow`: amount (0 to 255), signed brightness
        change.

        The amount compares each pixel with a 3x3 neighbourhood, because warped edges are rarely exact. The
        brightness compares the exact pixels, because a fine pattern has light and dark pixels in every
        neighbourhood. It is negative if `frame` is darker.
        """
        cv2 = self._cv2
        luma, chroma_blue, chroma_red = other.luma, other.chroma_blue, other.chroma_red
        if flow.any():
            positions = self._sample_positions(flow, chroma_blue.shape[1], chroma_blue.shape[0])
            chroma_blue, chroma_red = (
                self._sample(chroma_blue, positions),
                self._sample(chroma_red, positions),
            )
            luma = self._sample(luma, self._sample_positions(flow, luma.shape[1], luma.shape[0]))
        brighter: Map = cv2.subtract(frame.luma, luma, dtype=cv2.CV_32F)
        luma, chroma_blue, chroma_red = (
            self._outside_neighbourhood(mine, theirs)
            for mine, theirs in (
                (frame.luma, luma),
                (frame.chroma_blue, chroma_blue),
                (frame.chroma_red, chroma_red),
            )
        )
        size = luma.shape[::-1]
        chroma = cv2.resize(cv2.max(chroma_blue, chroma_red), size, interpolation=cv2.INTER_LINEAR)
        difference: Plane = cv2.max(luma, chroma)
        return difference, brighter

    def global_shift(self, frame: DownscaledFrame, other: DownscaledFrame) -> Map:
        """Optical flow of one translation of the whole frame, estimated by phase correlation.

        It is robust if dense flow is not: with an overlay on a part of the frame, and with repeating or thin
        patterns.
        """
        offset_x, offset_y = self._phase_offset(frame.luma, other.luma)
        height, width = frame.luma.shape
        flow = zero_flow(frame)
        flow[...] = offset_x * flow.shape[1] / width, offset_y * flow.shape[0] / height
        return flow

    def refine(self, frame: DownscaledFrame, other: DownscaledFrame, flow: Map) -> Map:
        """Correct the flow by the remaining global offset, if that reduces the difference after warping.

        Flow that is interpolated between the neighbours needs this: if the camera shakes, its position is not
        half-way between theirs.
        """
        cv2 = self._cv2
        height, width = frame.luma.shape
        warped = self.warp(other.luma, flow)
        offset_x, offset_y = self._phase_offset(frame.luma, warped)
        if not _MIN_OFFSET_PX < max(abs(offset_x), abs(offset_y)) < _MAX_OFFSET_PX:
            return flow
        scale = (flow.shape[1] / width, flow.shape[0] / height)
        refined: Map = flow + np.array((offset_x * scale[0], offset_y * scale[1]), np.float32)
        error, refined_error = (
            cv2.mean(cv2.absdiff(frame.luma, candidate))[0]
            for candidate in (warped, self.warp(other.luma, refined))
        )
        return refined if refined_error < error else flow

    def _phase_offset(self, image: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[float, float]:
        """Global offset of `other` against `image` in pixels, (x, y)."""
        cv2 = self._cv2
        window = cv2.createHanningWindow(image.shape[::-1], cv2.CV_32F)
        (offset_x, offset_y), _response = cv2.phaseCorrelate(
            image.astype(np.float32), other.astype(np.float32), window
        )
        return float(offset_x), float(offset_y)

    def difference_window(self, frame: DownscaledFrame, other: DownscaledFrame) -> Window | None:
        """The window that contains all differences between two frames; None if the frames do not differ."""
        cv2 = self._cv2
        height, width = frame.luma.shape
        luma = cv2.absdiff(frame.luma, other.luma)
        chroma = cv2.max(
            cv2.absdiff(frame.chroma_blue, other.chroma_blue), cv2.absdiff(frame.chroma_red, other.chroma_red)
        )
        boxes = [
            (left * scale, top * scale, (left + box_width) * scale, (top + box_height) * scale)
            for difference, scale in ((luma, 1), (chroma, 2))
            for left, top, box_width, box_height in (
                cv2.boundingRect(cv2.threshold(difference, _NOISE_LEVELS, 255, cv2.THRESH_BINARY)[1]),
            )
            if box_width
        ]
        if not boxes:
            return None
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        min_width, min_height = (
            (_MIN_WINDOW_LONG_PX, _MIN_WINDOW_SHORT_PX)
            if width >= height
            else (_MIN_WINDOW_SHORT_PX, _MIN_WINDOW_LONG_PX)
        )
        rows = _window_side(min(tops), max(bottoms), min_height, height)
        columns = _window_side(min(lefts), max(rights), min_width, width)
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        return (
            (rows, columns)
            if area <= _MAX_WINDOW_FRACTION * width * height
            else (slice(0, height), slice(0, width))
        )

    def _outside_neighbourhood(self, plane: Plane, other: Plane) -> Plane:
        """How far each pixel is above the maximum, or below the minimum, of 3x3 neighbours in `other`."""
        cv2 = self._cv2
        above = cv2.subtract(plane, cv2.dilate(other, NEIGHBOUR_KERNEL))
        below = cv2.subtract(cv2.erode(other, NEIGHBOUR_KERNEL), plane)
        outside: Plane = cv2.max(above, below)
        return outside


def zero_flow(frame: DownscaledFrame) -> Map:
    """A flow map for a frame without motion."""
    height, width = frame.luma.shape
    return np.zeros((max(height // FLOW_SCALE, 16), max(width // FLOW_SCALE, 16), 2), np.float32)


def crop(frame: DownscaledFrame, window: Window) -> DownscaledFrame:
    """A window of a downscaled frame, in all three planes."""
    rows, columns = window
    chroma_window = (slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2))
    return DownscaledFrame(
        luma=frame.luma[window],
        chroma_blue=frame.chroma_blue[chroma_window],
        chroma_red=frame.chroma_red[chroma_window],
    )


def _window_side(first: int, last: int, min_size: int, frame_size: int) -> slice:
    """One side of a window around `first` to `last`: padded, at least `min_size` long, inside the frame."""
    padding = max(0, min_size - (last - first) - 2 * _WINDOW_MARGIN_PX) // 2
    start = (
        min(max(first - _WINDOW_MARGIN_PX - padding, 0), max(frame_size - min_size, 0))
        // _WINDOW_STEP_PX
        * _WINDOW_STEP_PX
    )
    end = max(last + _WINDOW_MARGIN_PX + padding, start + min_size)
    end = -(-end // _WINDOW_STEP_PX) * _WINDOW_STEP_PX
    # Extend the window to the border if less than one step would remain, because frame sides are not always
    # multiples of the step.
    return slice(start, frame_size if end > frame_size - _WINDOW_STEP_PX else end)
