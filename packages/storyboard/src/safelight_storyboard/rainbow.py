"""A rainbow in the sky, with a fainter second arc."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.raster import Raster, rgb

_DEPTH = 0.04
_BANDS = ("#a050d0", "#4060e0", "#30a0e0", "#50c860", "#f0e040", "#f0a030", "#e84838")


@dataclass(kw_only=True)
class Rainbow:
    """The arc as a picture that is added to the frame."""

    arc: Raster

    @classmethod
    def make(cls, camera: Camera) -> Rainbow:
        h, w = camera.h, camera.w
        ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
        reach = min(0.62 * w, 0.95 * camera.horizon)
        away = (
            np.hypot((xs - 0.46 * w) * min(1.0, 0.95 * reach / (0.42 * w)), ys - camera.horizon * 1.04)
            / reach
        )
        colours = np.stack([rgb(c) for c in _BANDS])
        out = np.zeros((h, w, 4), np.float32)
        for radius, wide, strength, order in ((0.9, 0.085, 0.62, 1), (1.12, 0.07, 0.2, -1)):
            u = np.clip((away - radius) / wide + 0.5, 0, 1)
            bands = np.stack(
                [np.interp(u, np.linspace(0, 1, len(_BANDS)), colours[::order, c]) for c in range(3)], axis=-1
            )
            edge = np.clip(np.sin(np.pi * u), 0, 1) ** 0.6
            out[..., :3] += bands * (edge * strength)[..., None]
        fade = np.clip((camera.horizon * 1.02 - ys) / (0.25 * h), 0, 1)
        out *= (0.35 + 0.65 * fade)[..., None] * (ys < camera.horizon * 1.02)[..., None]
        return cls(arc=np.clip(out, 0, 255).astype(np.uint8))

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        _, dx, dy = view.shift(_DEPTH)
        strength = 0.75 + 0.2 * np.cos(0.5 * t)
        moved = cv2.warpAffine(
            self.arc, np.array([[1.0, 0, dx], [0, 1.0, dy]]), (frame.shape[1], frame.shape[0])
        )
        light = cv2.convertScaleAbs(moved, alpha=float(strength))
        # Between adding and covering: adding alone would be white on a bright sky.
        share = cv2.max(cv2.max(light[..., 0], light[..., 1]), light[..., 2]).astype(np.float32) / 255 * 0.55
        frame[..., :3] = np.minimum(frame[..., :3] * (1 - share[..., None]) + light[..., :3] * 0.85, 255)
