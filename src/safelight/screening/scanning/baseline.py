"""Running baseline of frame differences: the usual difference of each cell, and the excess over it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from .optical_flow import NEIGHBOUR_KERNEL, Map

#: Dilation kernel: changed cells at most 4 cells apart are joined.
_CONNECT_KERNEL = np.ones((5, 5), np.uint8)


class DifferenceThresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds of the difference per cell. The values were measured: docs/benchmarks/scanning.md."""

    #: The limit of a cell is `over` grey levels, plus 1.5 times the mean and `deviations` times the deviation
    #: of its baseline. A difference above the limit is an excess.
    over: float = 3.0
    deviations: float = 3.0
    #: The same as `over`, for the average brightness difference of a cell.
    shade: float = 1.0
    #: A cell connected to a cell with an excess belongs to it if it is above its own mean by at least this
    #: fraction of `over` plus its deviation.
    near: float = 0.67
    #: A cell that differs this much from the frame before shows different content. A cell whose baseline is
    #: this high is blind: nothing new would be noticed in it.
    far: float = 20.0
    #: If the total excess of a frame (against both neighbours, against the frame before, or in brightness)
    #: reaches one of these values, the frame is compared again, assuming that the whole camera picture
    #: shifted.
    doubt: float = 5.0
    doubt_before: float = 40.0
    doubt_shade: float = 25.0
    #: Weight of the old baseline at each update.
    memory: float = 0.9


class RunningBaseline:
    """Adaptive baseline per cell: exponentially weighted mean and deviation of the difference.

    The limit of a cell is computed from the highest baseline among the cell and its neighbours.
    """

    def __init__(self, thresholds: DifferenceThresholds, over: float, cv2: Any) -> None:
        self._thresholds = thresholds
        self._over = over
        self._cv2 = cv2
        self.mean: Map | None = None
        self._deviation: Map | None = None

    def excess(self, cells: Map) -> tuple[Map, Map]:
        """Returns the excess of each cell over its limit, and the weights of connected cells.

        A connected cell has an excess or is next to cells that have one; all other weights are 0. The call
        then updates the baseline with `cells`, capped at the limit.
        """
        thresholds = self._thresholds
        if self.mean is None or self._deviation is None:
            self.mean, self._deviation = cells.copy(), np.full_like(cells, self._over / thresholds.deviations)
            return np.zeros_like(cells), np.zeros_like(cells)
        limit = self._limit(self.mean, self._deviation)
        over: Map = np.maximum(cells - limit, 0)
        connected = self._connected(cells - self.mean, self._deviation, over) if over.any() else over
        capped = np.minimum(cells, limit)
        self._deviation = self._blend(self._deviation, np.abs(capped - self.mean))
        self.mean = self._blend(self.mean, capped)
        return over, connected

    def _blend(self, old: Map, new: Map) -> Map:
        memory = self._thresholds.memory
        return np.asarray(memory * old + (1 - memory) * new, np.float32)

    def over(self, cells: Map) -> float:
        """Total excess of `cells` over their limits. Does not update the baseline."""
        if self.mean is None or self._deviation is None:
            return 0.0
        return float(np.maximum(cells - self._limit(self.mean, self._deviation), 0).sum())

    def limit(self) -> Map | float:
        """The largest difference per cell that is not an excess."""
        if self.mean is None or self._deviation is None:
            return 0.0
        return self._limit(self.mean, self._deviation)

    def _limit(self, mean: Map, deviation: Map) -> Map:
        cv2, thresholds = self._cv2, self._thresholds
        limit: Map = (
            self._over
            + 1.5 * cv2.dilate(mean, NEIGHBOUR_KERNEL)
            + thresholds.deviations * cv2.dilate(deviation, NEIGHBOUR_KERNEL)
        )
        return limit

    def _connected(self, above_mean: Map, deviation: Map, over: Map) -> Map:
        """Excess over the mean for cells above the limit, and for weaker cells connected to them.

        The weaker cells are needed because a part of a text line may be in front of a fine pattern, whose
        baseline is high.
        """
        cv2, thresholds = self._cv2, self._thresholds
        strong = over > 0
        candidates = strong | (above_mean > thresholds.near * self._over + deviation)
        _count, labels = cv2.connectedComponents(cv2.dilate(candidates.astype(np.uint8), _CONNECT_KERNEL))
        connected: Map = np.where(
            candidates & np.isin(labels, labels[strong]), np.maximum(above_mean, 0.1), 0
        )
        return connected
