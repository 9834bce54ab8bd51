"""Running baseline of frame differences: what is usual in each cell, and what exceeds it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from safelight.scanning.optical_flow import NEIGHBOUR_KERNEL, Map

#: Kernel that joins changed cells up to 4 cells apart.
_CONNECT_KERNEL = np.ones((5, 5), np.uint8)


class DifferenceThresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds of the difference per cell. Measured: docs/benchmarks/scanning.md."""

    #: Minimum excess over the baseline of the cell and its neighbours, in grey levels, plus this many
    #: deviations.
    over: float = 3.0
    deviations: float = 3.0
    #: The same for cells that are on average brighter or darker.
    shade: float = 1.0
    #: Cells connected to such a cell belong to it from this fraction of `over` above their own mean.
    near: float = 0.67
    #: A cell this far from the frame before shows another picture; a cell whose baseline is this high is
    #: blind.
    far: float = 20.0
    #: Total excess (against both neighbours, or the frame before only) from which a frame is compared once
    #: more under the assumption of a global camera shift.
    doubt: float = 5.0
    doubt_before: float = 40.0
    doubt_shade: float = 25.0
    #: Weight of the old baseline in each update.
    memory: float = 0.9


class RunningBaseline:
    """Adaptive baseline per cell: exponentially weighted mean and deviation of the difference.

    The limit of a cell also covers the baseline of its neighbours.
    """

    def __init__(self, thresholds: DifferenceThresholds, over: float, cv2: Any) -> None:
        self._thresholds = thresholds
        self._over = over
        self._cv2 = cv2
        self.mean: Map | None = None
        self._deviation: Map | None = None

    def excess(self, cells: Map) -> tuple[Map, Map]:
        """Excess of each cell over its limit, and the weights of all cells connected to those that exceed
        it.

        Updates the baseline with the cells, capped at the limit.
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
        """Total excess of cells over their limits; does not update the baseline."""
        if self.mean is None or self._deviation is None:
            return 0.0
        return float(np.maximum(cells - self._limit(self.mean, self._deviation), 0).sum())

    def limit(self) -> Map | float:
        """The difference per cell that is not yet an excess."""
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

        Half of a line of text may be on a fine pattern with a high baseline.
        """
        cv2, thresholds = self._cv2, self._thresholds
        strong = over > 0
        candidates = strong | (above_mean > thresholds.near * self._over + deviation)
        _count, labels = cv2.connectedComponents(cv2.dilate(candidates.astype(np.uint8), _CONNECT_KERNEL))
        connected: Map = np.where(
            candidates & np.isin(labels, labels[strong]), np.maximum(above_mean, 0.1), 0
        )
        return connected
