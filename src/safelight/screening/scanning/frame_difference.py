"""Motion-compensated comparison of a frame with its neighbours: finds what is new in the frame.

Pure. Frames are downscaled to 320 pixels before the comparison. Motion, such as that of the camera, is
compensated: moving content can be predicted from a neighbour, but content of a single frame cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.media.decode import DownscaledFrame

from .baseline import DifferenceThresholds, RunningBaseline
from .optical_flow import FLOW_SCALE, Map, OpticalFlow, Window, crop, zero_flow

#: Longest side of the downscaled frames that are compared.
COMPARED_SIDE_PX = 320
#: Side of a cell, in pixels of the downscaled frame.
_CELL_PX = 8
#: Fraction of the total novelty that may be outside the bounding box at each side.
_BOX_TRIM_FRACTION = 0.01
#: If at least this fraction of the cells is far from the frame before, the frame starts another shot.
_CUT_FRACTION = 0.5


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """The content of a frame that its neighbours do not explain.

    Sums run over all cells, in grey levels of 255.
    """

    #: Excess over the baseline in the comparison with both neighbours: its sum, and the number of cells that
    #: have it.
    both_excess: float = 0.0
    both_cells: int = 0
    #: Excess of cells that are brighter, or darker, than in both neighbours: its sum, and the number of such
    #: cells.
    shade_excess: float = 0.0
    shade_cells: int = 0
    #: Excess in the comparison with the frame before: its sum, and the number of cells that have it. If only
    #: this excess is high, something appeared and stayed.
    before_excess: float = 0.0
    before_cells: int = 0
    #: Fraction of the frame that is far from the frame before, without regard to the baseline.
    far_fraction: float = 0.0
    #: Fraction of the frame whose baseline is so high that new content there would not be noticed.
    blind_fraction: float = 0.0
    #: Bounding box of the novelty: x, y, width and height in fractions of the frame. None if nothing is new.
    region: tuple[float, float, float, float] | None = None
    #: Optical flow from this frame to the frame before.
    flow_before: Map | None = None


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """Difference per cell between a frame and one neighbour, or between the frame and both neighbours."""

    flow: Map
    amount: Map
    #: Brightness difference with its sign; negative if the frame is darker.
    brightness: Map

    def common(self, other: _Difference | None) -> _Difference:
        """The part of the difference that both neighbours share.

        A frame in a fade is brighter than one neighbour and darker than the other, so a fade has no common
        part.
        """
        if other is None:
            zero = np.zeros_like(self.amount)
            return _Difference(flow=self.flow, amount=zero, brightness=zero)
        same_sign = self.brightness * other.brightness > 0
        smaller = np.minimum(np.abs(self.brightness), np.abs(other.brightness))
        return _Difference(
            flow=self.flow,
            amount=np.minimum(self.amount, other.amount),
            brightness=np.where(same_sign, smaller, 0),
        )

    def minimum(self, other: _Difference) -> _Difference:
        """The smaller difference per cell.

        `other` compares with the same neighbour by another motion model.
        """
        is_smaller = np.abs(self.brightness) < np.abs(other.brightness)
        return _Difference(
            flow=self.flow,
            amount=np.minimum(self.amount, other.amount),
            brightness=np.where(is_smaller, self.brightness, other.brightness),
        )


class FrameComparator:
    """Compares each frame with both neighbours, so it is one frame behind the decoder."""

    def __init__(self, thresholds: DifferenceThresholds | None = None) -> None:
        import cv2

        self._cv2: Any = cv2
        self._thresholds = thresholds or DifferenceThresholds()
        self._flow = OpticalFlow()
        self._both_baseline = RunningBaseline(self._thresholds, self._thresholds.over, cv2)
        self._before_baseline = RunningBaseline(self._thresholds, self._thresholds.over, cv2)
        self._shade_baseline = RunningBaseline(self._thresholds, self._thresholds.shade, cv2)
        #: The pair that was compared last, and its changed window: the next call needs the same pair in
        #: reverse order.
        self._last_pair: tuple[DownscaledFrame, DownscaledFrame, Window | None] | None = None

    def compare(
        self, before: DownscaledFrame | None, frame: DownscaledFrame, after: DownscaledFrame | None
    ) -> Novelty:
        """What is new in `frame`. The first and the last frame of a clip have only one neighbour."""
        if before is None and after is None:
            return Novelty()
        differences = [
            self._difference(frame, other)
            if other is not None and other.luma.shape == frame.luma.shape
            else None
            for other in (before, after)
        ]
        to_before, to_after = differences
        if to_before is None:
            return Novelty(far_fraction=1.0 if before is not None else 0.0)
        # The last frame of a clip has no difference from both neighbours, because otherwise pixels that move
        # into the picture at its border would look new.
        both = to_before.common(to_after)
        before_amount = to_before.amount
        suspicion = self._suspicion(both, before_amount)
        if before is not None and suspicion >= 1:
            shifted_before = to_before.minimum(self._shift_difference(frame, before))
            shifted_both = both
            if after is not None and to_after is not None:
                shifted_both = shifted_before.common(to_after.minimum(self._shift_difference(frame, after)))
            # The comparison with the shift replaces the first one only if it halves the suspicion: a slightly
            # smaller value can be chance.
            if self._suspicion(shifted_both, shifted_before.amount) < suspicion / 2:
                both, before_amount = shifted_both, shifted_before.amount
        excess, connected = self._both_baseline.excess(both.amount)
        shade, _connected = self._shade_baseline.excess(both.brightness)
        before_excess, before_connected = self._before_baseline.excess(before_amount)
        baseline = self._both_baseline.mean
        both_sum, shade_sum = float(excess.sum()), float(shade.sum())
        both_weights = connected if shade_sum < self._thresholds.doubt_shade else np.maximum(connected, shade)
        # If almost no content is visible in this frame only, the box shows what appeared since the frame
        # before.
        in_one_frame = both_sum >= self._thresholds.doubt or shade_sum >= self._thresholds.doubt_shade
        return Novelty(
            both_excess=both_sum,
            both_cells=int((excess > 0).sum()),
            shade_excess=shade_sum,
            shade_cells=int((shade > 0).sum()),
            before_excess=float(before_excess.sum()),
            before_cells=int((before_excess > 0).sum()),
            far_fraction=float((before_amount > self._thresholds.far).mean()),
            blind_fraction=float((baseline > self._thresholds.far).mean()) if baseline is not None else 0.0,
            region=_bounding_box(
                both_weights if in_one_frame or not before_connected.any() else before_connected
            ),
            flow_before=to_before.flow,
        )

    def _difference(self, frame: DownscaledFrame, other: DownscaledFrame) -> _Difference:
        """Motion-compensated difference of `frame` from `other`, per cell.

        Flow is computed only inside the window that changed, because most of a picture is often static.
        """
        flow_model = self._flow
        last_pair = self._last_pair
        if last_pair is not None and last_pair[0] is other and last_pair[1] is frame:
            window = last_pair[2]
        else:
            window = flow_model.difference_window(frame, other)
        self._last_pair = (frame, other, window)
        height, width = frame.luma.shape
        if window == (slice(0, height), slice(0, width)):
            return self._whole_difference(frame, other, flow_model.compute(frame, other))
        flow = zero_flow(frame)
        amount, brightness = np.zeros((height, width), np.uint8), np.zeros((height, width), np.float32)
        if window is not None:
            frame_crop, other_crop = crop(frame, window), crop(other, window)
            window_flow = flow_model.compute(frame_crop, other_crop)
            rows, columns = (slice(part.start // FLOW_SCALE, part.stop // FLOW_SCALE) for part in window)
            flow[rows, columns] = window_flow
            amount[window], brightness[window] = flow_model.residual(frame_crop, other_crop, window_flow)
        return _Difference(flow=flow, amount=self._cells(amount), brightness=self._cells(brightness))

    def _whole_difference(self, frame: DownscaledFrame, other: DownscaledFrame, flow: Map) -> _Difference:
        amount, brightness = self._flow.residual(frame, other, flow)
        return _Difference(flow=flow, amount=self._cells(amount), brightness=self._cells(brightness))

    def _suspicion(self, both: _Difference, before: Map) -> float:
        """How strongly the frame differs from its neighbours; from 1 on it would be sampled.

        0 if the frame starts another shot, because a camera shift cannot explain that.
        """
        thresholds = self._thresholds
        if float((before > thresholds.far).mean()) >= _CUT_FRACTION:
            return 0.0
        return max(
            self._both_baseline.over(both.amount) / thresholds.doubt,
            self._shade_baseline.over(both.brightness) / thresholds.doubt_shade,
            self._before_baseline.over(before) / thresholds.doubt_before,
        )

    def _shift_difference(self, frame: DownscaledFrame, other: DownscaledFrame) -> _Difference:
        return self._whole_difference(frame, other, self._flow.global_shift(frame, other))

    def distance(self, frame: DownscaledFrame, other: DownscaledFrame) -> tuple[float, int]:
        """Motion-compensated distance of two frames: the sum over differing cells, and their number.

        Differences below the baseline of their cell are noise and do not count.
        """
        if frame.luma.shape != other.luma.shape:
            return float("inf"), frame.luma.size
        amount, _brightness = self._flow.residual(frame, other, self._flow.compute(frame, other))
        excess = np.maximum(
            self._cells(amount) - np.maximum(self._before_baseline.limit(), 2 * self._thresholds.over), 0
        )
        return float(excess.sum()), int((excess > 0).sum())

    def flow(self, frame: DownscaledFrame, other: DownscaledFrame) -> Map | None:
        """Flow from `frame` to `other`; None if their sizes differ."""
        return self._flow.compute(frame, other) if frame.luma.shape == other.luma.shape else None

    def flows_to_neighbours(self, before: DownscaledFrame, after: DownscaledFrame) -> tuple[Map, Map] | None:
        """Optical flow from the frame between `before` and `after` to each of them.

        It is interpolated without the frame itself, because an overlay on that frame would falsify the flow.
        None if the sizes of `before` and `after` differ.
        """
        if before.luma.shape != after.luma.shape:
            return None
        half: Map = self._flow.compute(before, after) * np.float32(0.5)
        return -half, half

    def background(
        self,
        picture: npt.NDArray[Any],
        flow: Map,
        window: Window,
        frame: DownscaledFrame,
        other: DownscaledFrame,
    ) -> npt.NDArray[Any]:
        """A window of `picture` (frame `other` at any size), warped to the positions in `frame`."""
        return self._flow.warp(picture, self._flow.refine(frame, other, flow), window)

    def _cells(self, difference: npt.NDArray[Any]) -> Map:
        height, width = difference.shape
        cv2 = self._cv2
        # Halving the size first is five times faster than one resize.
        half = cv2.resize(difference, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        size = (max(width // _CELL_PX, 1), max(height // _CELL_PX, 1))
        cells: Map = cv2.resize(half.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return cells


def _bounding_box(excess: Map) -> tuple[float, float, float, float] | None:
    """Box around nearly all excess. At each side it gets a margin of one cell plus a tenth of its size."""
    if not excess.any():
        return None
    rows, columns = excess.sum(axis=1), excess.sum(axis=0)
    top, bottom = _central_span(rows)
    left, right = _central_span(columns)
    height, width = excess.shape
    margin_y, margin_x = 1.0 + 0.1 * (bottom - top), 1.0 + 0.1 * (right - left)
    left, right = max(left - margin_x, 0.0), min(right + margin_x, float(width))
    top, bottom = max(top - margin_y, 0.0), min(bottom + margin_y, float(height))
    return left / width, top / height, (right - left) / width, (bottom - top) / height


def _central_span(sums: Map) -> tuple[float, float]:
    """Start and end of the range that contains nearly all of the sum. Single distant cells may be outside."""
    cumulative = np.cumsum(sums) / sums.sum()
    first = int(np.searchsorted(cumulative, _BOX_TRIM_FRACTION, side="right"))
    last = int(np.searchsorted(cumulative, 1 - _BOX_TRIM_FRACTION, side="left"))
    return float(first), float(min(last, sums.size - 1) + 1)
