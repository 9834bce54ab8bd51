"""Water: a moving reflection of the scene above it, with glints under the sun."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.lexicon import TimeOfDay, Weather
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Raster, noise
from safelight_storyboard.scene import Scene


@dataclass(kw_only=True)
class Water:
    """Covers the frame from the horizon to the world row `bottom` with a moving reflection."""

    horizon: float
    bottom: float
    waves: tuple[Raster, Raster, Raster, Raster]
    rough: Raster
    keep: Raster
    deep: Raster
    path: Raster
    sparkle: tuple[float, float, float]
    sun_x: float
    choppy: float

    @classmethod
    def make(
        cls,
        scene: Scene,
        light: Light,
        camera: Camera,
        rng: np.random.Generator,
        *,
        bottom: float,
        sun: tuple[float, float],
        shines: bool,
        choppy: float,
    ) -> Water:
        """The water of a scene; `choppy` ranges from 0 (a mirror) to 1 (open sea)."""
        reach = int(bottom - camera.horizon) + camera.margins(0.0)[3] + int(camera.h * 0.12)
        h, w = max(8, reach), camera.w
        rows = np.arange(h, dtype=np.float32)[:, None] + 1.0
        far = np.float32(camera.h) / (rows + 2.5)
        columns = (np.arange(w, dtype=np.float32)[None, :] - w / 2) * (0.35 + 0.65 * rows / h) ** -0.5
        broken = noise(rng, w * 2, h * 2, camera.h * 0.12, octaves=4)
        look_x = np.clip(w + (columns - 0) * np.clip(far * 0.12, 0.25, 3.0), 0, 2 * w - 2).astype(np.float32)
        look_y = (np.log1p(rows / 3) * h * 0.42 + 0 * columns).astype(np.float32)
        bumps = cv2.remap(broken, look_x, look_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        fine = cv2.remap(
            broken,
            np.ascontiguousarray(look_x[:, ::-1]),
            look_y * 1.7,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        swell = np.log1p(rows / 6) * 15
        first = swell + bumps * 17
        second = swell * 1.9 + fine * 25 + 0.006 * columns
        strong = (rows / h) ** 0.8
        keep = np.clip(0.92 - 0.3 * strong * (0.5 + choppy), 0.3, 1)
        colour = light.sky[1] * 0.42 + light.shade * 0.4
        deep = (1 - keep)[..., None] * colour * 0.9
        return cls(
            horizon=camera.horizon,
            bottom=bottom,
            waves=tuple(
                np.ascontiguousarray(f(p)[:, ::2], np.float32)
                for p in (first, second)
                for f in (np.cos, np.sin)
            ),  # type: ignore[arg-type]
            rough=np.ascontiguousarray(
                np.repeat((0.6 + (2 + 24 * choppy) * strong) * camera.h / 540, (w + 1) // 2, axis=1),
                np.float32,
            ),
            keep=np.ascontiguousarray(np.repeat(np.repeat((keep * 255)[..., None], w, 1), 4, 2)).astype(
                np.uint8
            ),
            deep=_four(np.repeat(deep, w, axis=1) if deep.shape[1] == 1 else deep),
            path=_glint_path(scene, camera, w, h, shines),
            sparkle=tuple(
                float(c) for c in np.minimum(light.sun * 1.05 if shines else light.sky[3] * 1.15, 255)
            ),  # type: ignore[arg-type]
            sun_x=sun[0],
            choppy=choppy,
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        _, y = view.at(0, self.horizon, 0.0)
        first = round(y)
        rows = min(frame.shape[0] - first, self.rough.shape[0])
        if rows < 4 or first < 4:
            return
        w = frame.shape[1]
        a, b, c, d = (wave[:rows] for wave in self.waves)
        slow, quick = 1.25 * t, 2.1 * t
        swell = cv2.addWeighted(a, math.cos(slow), b, math.sin(slow), 0)
        chop = cv2.addWeighted(c, math.cos(quick), d, math.sin(quick), 0)
        wave = cv2.addWeighted(swell, 0.6, chop, 0.5, 0)
        up = np.arange(first - 1, first - 1 - rows, -1, dtype=np.float32)[:, None]
        map_y: Raster = cv2.multiply(wave, self.rough[:rows])
        map_y += up * (1.0 if first >= rows else first / rows) + (
            0 if first >= rows else first * (1 - first / rows)
        )
        np.clip(map_y, 0, first - 1, out=map_y)
        map_x: Raster = cv2.multiply(chop, self.rough[:rows], scale=0.3)
        # The fields have half as many columns. Upsampling shifts them by half a pixel, which is corrected
        # here.
        map_x += np.arange(map_x.shape[1], dtype=np.float32)[None, :] * 2 + np.float32(0.5)
        whole_x, whole_y = (cv2.resize(m, (w, rows), interpolation=cv2.INTER_LINEAR) for m in (map_x, map_y))
        mirrored = cv2.remap(frame, whole_x, whole_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        cv2.multiply(mirrored, self.keep[:rows], dst=mirrored, scale=1 / 255)
        cv2.add(mirrored, self.deep[:rows], dst=mirrored)
        self._glint(mirrored, wave, view)
        frame[first : first + rows] = mirrored

    def _glint(self, water: Raster, wave: Raster, view: CameraView) -> None:
        rows, w = water.shape[:2]
        x, _ = view.at(self.sun_x, 0, 0.03)
        path = self.path[:rows]
        half = wave.shape[1]
        shifted = cv2.warpAffine(
            path,
            np.array([[0.5, 0, (x - path.shape[1] / 2) / 2], [0, 1.0, 0]]),
            (half, rows),
            flags=cv2.INTER_LINEAR,
        )
        spark = wave - np.float32(0.18)
        light = cv2.convertScaleAbs(cv2.multiply(np.maximum(spark, 0), shifted, scale=255))
        b, g, r = (c / 255 for c in self.sparkle)
        channels = [cv2.convertScaleAbs(light, alpha=c) for c in (b, g, r)]
        layer = cv2.merge((*channels, np.zeros_like(light)))
        cv2.add(water, cv2.resize(layer, (w, rows), interpolation=cv2.INTER_LINEAR), dst=water)


def _four(colour: Raster) -> Raster:
    out = np.full((*colour.shape[:2], 4), 0, np.uint8)
    out[..., :3] = np.clip(colour, 0, 255)
    return out


def _glint_path(scene: Scene, camera: Camera, w: int, h: int, shines: bool) -> Raster:
    """Strength of glints: a column under the sun that widens towards the viewer."""
    rows = np.arange(h, dtype=np.float32)[:, None] / h
    columns = (np.arange(w * 2, dtype=np.float32)[None, :] - w) / camera.w
    day = scene.hour is TimeOfDay.DAY
    if not shines:
        # Without a sun there is a weak shimmer everywhere, so that waves stay visible.
        rough = 0.42 if scene.weather is Weather.STORM else 0.16
        return (np.exp(-((columns / 0.9) ** 2)) * rough * (0.25 + 0.75 * rows)).astype(np.float32)
    wide = (0.2 if day else 0.035) + 0.12 * rows
    strength = {TimeOfDay.DAY: 0.55, TimeOfDay.NIGHT: 0.85}.get(scene.hour, 1.25)
    return (np.exp(-((columns / wide) ** 2)) * strength * (1 - 0.45 * rows)).astype(np.float32)
