"""The camera: slow, eased moves with parallax."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from safelight_storyboard.lexicon import CameraMove
from safelight_storyboard.raster import Raster


@dataclass(frozen=True, kw_only=True)
class CameraView:
    """The position of the camera at one moment. Without a move, world and frame coordinates are equal."""

    x: float
    y: float
    zoom: float
    #: Depth of the pivot: things at this depth stay in place, all others shift.
    pivot: float
    centre: tuple[float, float]

    def shift(self, depth: float) -> tuple[float, float, float]:
        """Scale and offset (dx, dy) of things at `depth`: 0 is far, 1 near."""
        away = depth - self.pivot
        scale = 1 + (self.zoom - 1) * (0.35 + 0.65 * depth)
        cx, cy = self.centre
        return scale, cx * (1 - scale) - self.x * away, cy * (1 - scale) - self.y * (0.25 + 0.75 * depth)

    def at(self, x: float, y: float, depth: float) -> tuple[float, float]:
        """The pixel coordinates in the frame of a point in the world at `depth`."""
        scale, dx, dy = self.shift(depth)
        return x * scale + dx, y * scale + dy

    def matrix(
        self, depth: float, left: float, top: float, *, lean: float = 0.0, base: float = 0.0
    ) -> Raster:
        """The affine map from a texture, whose corner is at (left, top) in the world, to the frame.

        `lean` shears the texture sideways; the shear grows with the height above the texture row `base`.
        """
        scale, dx, dy = self.shift(depth)
        return np.array(
            [
                [scale, -lean * scale, left * scale + dx + lean * base * scale],
                [0.0, scale, top * scale + dy],
            ]
        )


def ease(u: float) -> float:
    """Easing from 0 to 1: slow at both ends, but never fully at rest."""
    u = min(1.0, max(0.0, u))
    return 0.75 * (u * u * (3 - 2 * u)) + 0.25 * u


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera move over `seconds`. `follow`: the distance in pixels that the camera moves with a followed
    subject.
    """

    move: CameraMove
    w: int
    h: int
    seconds: float
    horizon: float
    follow: float = 0.0
    #: Depth of the followed subject.
    depth: float = 0.8
    #: Factor for the height of a crane move.
    rise: float = 1.0

    def view(self, t: float) -> CameraView:
        u = ease(t / self.seconds)
        # A longer clip has a longer move, but less than in proportion, so that the move stays slow.
        reach = min(1.6, 0.55 + 0.45 * self.seconds / 4)
        x, y, zoom, pivot = 0.0, 0.0, 1.015, 0.0
        match self.move:
            case CameraMove.DOLLY_IN:
                zoom = 1.0 + 0.17 * reach * u
            case CameraMove.DOLLY_OUT:
                zoom = 1.0 + 0.17 * reach * (1 - u)
            case CameraMove.PAN_RIGHT:
                x = self.w * 0.17 * reach * (u - 0.5)
            case CameraMove.PAN_LEFT:
                x = -self.w * 0.17 * reach * (u - 0.5)
            case CameraMove.CRANE_UP:
                y = self.h * self.rise * (0.08 - 0.115 * u)
                zoom = 1.03
            case CameraMove.CRANE_DOWN:
                y = self.h * self.rise * (0.115 * u - 0.035)
                zoom = 1.03
            case CameraMove.ORBIT:
                x = self.w * 0.26 * reach * (u - 0.5)
                pivot = 0.7
                zoom = 1.02 + 0.02 * math.sin(math.pi * u)
            case CameraMove.TRACKING:
                x = self.w * 0.06 * (u - 0.5)
                zoom = 1.02
            case CameraMove.STATIC:
                zoom = 1.0 + 0.012 * u
        if self.follow:
            # Constant speed: easing would make the feet of a followed subject slide.
            x += self.follow / max(0.1, self.depth - pivot) * (t / self.seconds)
        return CameraView(x=x, y=y, zoom=zoom, pivot=pivot, centre=(self.w * 0.5, self.horizon))

    def margins(self, depth: float) -> tuple[int, int, int, int]:
        """Pixels by which a layer at `depth` must exceed the frame during the move: left, top, right,
        bottom.
        """
        left = top = right = bottom = 0.0
        for step in range(9):
            view = self.view(self.seconds * step / 8)
            scale, dx, dy = view.shift(depth)
            left = max(left, dx / scale)
            top = max(top, dy / scale)
            right = max(right, (self.w - dx) / scale - self.w)
            bottom = max(bottom, (self.h - dy) / scale - self.h)
        most = 1.5 * self.w
        return (
            min(int(left), int(most)) + 3,
            int(top) + 3,
            min(int(right), int(most)) + 3,
            int(bottom) + 3,
        )
