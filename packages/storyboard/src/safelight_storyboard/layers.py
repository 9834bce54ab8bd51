"""Layers: each is painted once and moved in every frame. Only visible rows are processed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.raster import Raster, over


class Element(Protocol):
    """An element of the picture. Every frame paints its elements from far to near."""

    def paint(self, frame: Raster, view: CameraView, t: float) -> None: ...


@dataclass(kw_only=True)
class Layer:
    """A painted texture at one depth; (left, top) is its corner in the world."""

    texture: Raster
    depth: float
    left: float
    top: float
    #: Drift to the right in pixels per second, for clouds and fog.
    drift: float = 0.0
    #: `sway`: how far the upper part moves in the wind, as a fraction of the height; `pace`: how fast.
    sway: float = 0.0
    pace: float = 1.1
    phase: float = 0.0
    _first: int = field(init=False, default=0)
    _solid: int = field(init=False, default=0)
    _last: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        rows = self.texture[..., 3]
        seen = np.flatnonzero(rows.max(axis=1))
        full = np.flatnonzero(rows.min(axis=1) < 255)
        self._first = int(seen[0]) if len(seen) else len(rows)
        self._last = int(seen[-1]) + 1 if len(seen) else 0
        self._solid = int(full[-1]) + 1 if len(full) else 0
        if self._solid >= self._last:
            self._solid = len(rows)

    def covers_from(self, view: CameraView, height: int) -> float:
        """The first frame row of the area, down to the last row, in which this layer hides everything
        behind it.
        """
        if self._solid >= self.texture.shape[0]:
            return math.inf
        scale, _, dy = view.shift(self.depth)
        if (self.top + self._last) * scale + dy < height - 1:
            return math.inf
        return (self.top + self._solid) * scale + dy + 1

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        self.paint_rows(frame, view, t, frame.shape[0])

    def paint_rows(
        self, frame: Raster, view: CameraView, t: float, limit: int, *, shrink: float = 1.0
    ) -> None:
        """Paints only rows above the frame row `limit`, because nearer layers hide the rest.

        `shrink`: scale of this frame.
        """
        lean = self.sway * (
            math.sin(self.pace * t + self.phase) + 0.4 * math.sin(2.3 * self.pace * t + 1.7 * self.phase)
        )
        matrix = (
            view.matrix(self.depth, self.left + self.drift * t, self.top, lean=lean, base=self._last) * shrink
        )
        scale, offset = matrix[1, 1], matrix[1, 2]
        first = max(0, math.floor(self._first * scale + offset) - 1)
        last = min(limit, frame.shape[0], math.ceil(self._last * scale + offset) + 1)
        if first >= last:
            return
        solid = min(last, max(first, math.ceil(self._solid * scale + offset) + 1))
        matrix[1, 2] -= first
        size = (frame.shape[1], last - first)
        moved = cv2.warpAffine(
            self.texture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        if solid > first:
            over(frame[first:solid], moved[: solid - first])
        if last > solid:
            frame[solid:last] = moved[solid - first :]


@dataclass(kw_only=True)
class Backdrop:
    """Distant, soft layers, which are painted together at half resolution."""

    layers: list[Layer]

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        self.paint_rows(frame, view, t, frame.shape[0])

    def paint_rows(self, frame: Raster, view: CameraView, t: float, limit: int) -> None:
        """Paints only rows above the frame row `limit`."""
        rows = min(frame.shape[0], limit + limit % 2)
        if rows < 2:
            return
        small = np.zeros((rows // 2, frame.shape[1] // 2, 4), np.uint8)
        for layer in self.layers:
            layer.paint_rows(small, view, t, rows // 2, shrink=0.5)
        frame[: rows // 2 * 2] = cv2.resize(
            small, (frame.shape[1], rows // 2 * 2), interpolation=cv2.INTER_LINEAR
        )


def paint_all(elements: list[Element], frame: Raster, view: CameraView, t: float) -> None:
    """Paints elements from far to near, without the rows that nearer layers hide."""
    limits: list[int] = []
    limit = float(frame.shape[0])
    for element in reversed(elements):
        limits.append(math.ceil(min(limit, frame.shape[0])))
        if isinstance(element, Layer):
            limit = min(limit, element.covers_from(view, frame.shape[0]))
    for element, bound in zip(elements, reversed(limits), strict=True):
        if isinstance(element, (Layer, Backdrop)):
            element.paint_rows(frame, view, t, max(0, bound))
        else:
            element.paint(frame, view, t)


def room(camera: Camera, depth: float, drift: float = 0.0) -> tuple[int, int, int, int]:
    """The area (left, top, width, height) in the world of a texture that fills the frame at `depth` during
    the whole move.
    """
    left, top, right, bottom = camera.margins(depth)
    run = int(abs(drift) * camera.seconds) + 2 if drift else 0
    if drift > 0:
        left += run
    elif drift < 0:
        right += run
    return -left, -top, camera.w + left + right, camera.h + top + bottom
