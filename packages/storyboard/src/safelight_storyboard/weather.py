"""Weather in the foreground: rain, snow, fog, light shafts, petals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Layer, room
from safelight_storyboard.raster import Colour, Raster, noise, pack, scalar


@dataclass(kw_only=True)
class Rain:
    """Layers of streaks or flakes. Each layer repeats in both directions, so that they can fall endlessly."""

    sheets: tuple[tuple[Raster, float, float], ...]

    @classmethod
    def make(cls, camera: Camera, rng: np.random.Generator, *, heavy: bool, tone: Colour) -> Rain:
        slant = 0.2 if heavy else 0.1
        w, h = camera.w, camera.h
        sheets = []
        for size, speed, count in ((0.55, 1.5, 260), (0.8, 2.1, 150), (1.3, 2.9, 46)):
            sheet = np.zeros((h, w, 4), np.uint8)
            for _ in range(int(count * (1.7 if heavy else 1.0) * w * h / 518400)):
                x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
                length = size * h * float(rng.uniform(0.035, 0.065))
                light = (0.1 + 0.09 * size) * float(rng.uniform(0.5, 1.0))
                for ox in (0, -w, w):
                    for oy in (0, -h):
                        a = (round((x + ox) * 16), round((y + oy) * 16))
                        b = (round((x + ox - slant * length) * 16), round((y + oy + length) * 16))
                        if max(a[1], b[1]) > 0 and -20 * 16 < a[0] < (w + 20) * 16:
                            cv2.line(
                                sheet,
                                a,
                                b,
                                scalar(tone * np.float32(light)),
                                2 if size > 1 else 1,
                                cv2.LINE_AA,
                                4,
                            )
            sheet[..., 3] = 0
            sheets.append((np.vstack([sheet, sheet]), speed * h, slant * speed * h))
        return cls(sheets=tuple(sheets))

    @classmethod
    def snow(cls, camera: Camera, rng: np.random.Generator, *, tone: Colour) -> Rain:
        """Dense snow, which falls slowly."""
        w, h = camera.w, camera.h
        unit = h / 540
        sheets = []
        for size, speed, count in ((1.0, 0.1, 620), (1.7, 0.15, 380), (3.0, 0.22, 150), (5.0, 0.32, 34)):
            sheet: Raster = np.zeros((h, w, 4), np.uint8)
            for _ in range(int(count * w * h / 518400)):
                x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
                light = scalar(tone * np.float32(rng.uniform(0.45, 0.85)))
                for ox in (0, -w, w):
                    for oy in (0, -h):
                        at = (round((x + ox) * 16), round((y + oy) * 16))
                        cv2.circle(sheet, at, max(8, round(size * unit * 8)), light, -1, cv2.LINE_AA, 4)
            if size >= 3:
                sheet = cv2.GaussianBlur(sheet, (0, 0), size * unit * 0.3)
            sheet[..., 3] = 0
            sheets.append((np.vstack([sheet, sheet]), speed * h, 0.2 * speed * h))
        return cls(sheets=tuple(sheets))

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        h, w = frame.shape[:2]
        for sheet, fall, slide in self.sheets:
            y = h - int(fall * t) % h
            x = int(slide * t) % w
            part = sheet[y : y + h]
            if x:
                cv2.add(frame[:, : w - x], part[:, x:], dst=frame[:, : w - x])
                cv2.add(frame[:, w - x :], part[:, :x], dst=frame[:, w - x :])
            else:
                cv2.add(frame, part, dst=frame)


@dataclass(kw_only=True)
class Flakes:
    """Petals or leaves: each one falls at its own speed and swings from side to side."""

    #: x, y, size, pace, swing, phase, kind of sprite
    each: Raster
    sprites: tuple[Raster, ...]
    w: int
    h: int
    wind: float

    @classmethod
    def make(
        cls, camera: Camera, rng: np.random.Generator, *, count: int, colour: Colour, wind: float = 0.03
    ) -> Flakes:
        n = int(count * camera.w * camera.h / 518400)
        near = rng.random(n) ** 2.2
        unit = camera.h / 540
        sizes = tuple(max(1.0, unit * r) for r in (1.0, 1.5, 2.3, 3.8))
        each = np.stack(
            [
                rng.random(n) * camera.w,
                rng.random(n) * camera.h,
                near,
                camera.h * (0.055 + 0.17 * near) * rng.uniform(0.85, 1.15, n),
                unit * (4 + 14 * near),
                rng.random(n) * 6.283,
                np.minimum(3, near * 4.2).astype(int),
            ],
            axis=1,
        )
        each = each[np.argsort(near)]
        return cls(
            each=each, sprites=tuple(_flake(s, colour) for s in sizes), w=camera.w, h=camera.h, wind=wind
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        height, width = frame.shape[:2]
        for x, y, near, pace, swing, phase, which in self.each:
            sprite = self.sprites[int(which)]
            size = sprite.shape[0] // 4
            px = (
                x
                + swing * math.sin(phase + (0.8 + 0.7 * near) * t)
                + self.wind * self.h * t * (0.6 + near)
                - view.x * (0.3 + 0.7 * near)
            )
            px, py = px % (width + 24) - 12, (y + pace * t) % (height + 24) - 12
            ix, iy = math.floor(px), math.floor(py)
            # Four versions per axis, each shifted by a fraction of a pixel, avoid visible jumps between
            # pixels.
            fx, fy = int((px - ix) * 4), int((py - iy) * 4)
            if 0 <= ix < width - size and 0 <= iy < height - size:
                spot = sprite[fy * size : (fy + 1) * size, fx * size : (fx + 1) * size]
                part = frame[iy : iy + size, ix : ix + size]
                cv2.multiply(part, cv2.bitwise_not(spot[..., 4:8].copy()), dst=part, scale=1 / 255)
                cv2.add(part, spot[..., :4].copy(), dst=part)


def _flake(radius: float, colour: Colour) -> Raster:
    """A soft dot in 4 x 4 sub-pixel positions. Channels 0 to 3 are its light, channels 4 to 7 its alpha."""
    size = math.ceil(radius * 2.6) + 2
    out = np.zeros((4 * size, 4 * size, 8), np.uint8)
    span = np.arange(size, dtype=np.float32)
    for sy in range(4):
        for sx in range(4):
            dx = span[None, :] - (size / 2 - 0.5 + sx / 4)
            dy = span[:, None] - (size / 2 - 0.5 + sy / 4)
            soft = np.clip((radius + 0.6 - np.sqrt(dx**2 + dy**2)) / (0.8 + radius * 0.45), 0, 1) * (
                0.85 - 0.05 * radius
            )
            block = out[sy * size : (sy + 1) * size, sx * size : (sx + 1) * size]
            block[..., :3] = soft[..., None] * colour
            block[..., 4:8] = (soft * 255)[..., None]
    return out


def fog_bank(
    camera: Camera,
    rng: np.random.Generator,
    *,
    depth: float,
    base: float,
    height: float,
    colour: Colour,
    thick: float,
    drift: float,
) -> Layer:
    """A drifting bank of fog. `base` is its middle and `height` its height, as fractions of the frame."""
    drift *= camera.h / 540
    left, _, width, _ = room(camera, depth, drift)
    tall = int(height * camera.h)
    top = int(base * camera.h - tall / 2)
    w, h = (width + 1) // 2, (tall + 1) // 2
    body = noise(rng, w, h, camera.h * 0.16, octaves=4, stretch=3.2)
    rows = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
    alpha = np.clip((1 - rows**2), 0, 1) ** 1.3 * np.clip((body - 0.22) * 1.7, 0, 1) * thick
    sheet = pack(np.ones((h, w, 3), np.float32) * colour, alpha.astype(np.float32))
    return Layer(
        texture=np.ascontiguousarray(cv2.resize(sheet, (width, tall), interpolation=cv2.INTER_LINEAR)),
        depth=depth,
        left=left,
        top=top,
        drift=drift,
    )


@dataclass(kw_only=True)
class Shafts:
    """Slowly pulsing beams of light through leaves."""

    first: Raster
    second: Raster

    @classmethod
    def make(
        cls,
        camera: Camera,
        rng: np.random.Generator,
        *,
        colour: Colour,
        strength: float,
        origin: tuple[float, float],
    ) -> Shafts:
        w, h = camera.w // 2, camera.h // 2
        xs = np.arange(w, dtype=np.float32)[None, :] - origin[0] / 2
        ys = np.arange(h, dtype=np.float32)[:, None] - origin[1] / 2
        angle = np.arctan2(xs, np.maximum(ys, 1.0))
        distance = np.sqrt(xs**2 + ys**2) / h
        out = []
        for _ in range(2):
            rays = noise(rng, 512, 1, 46, octaves=3)[0]
            at = np.clip((angle / np.pi + 0.5) * 511, 0, 511)
            beam = np.clip((np.interp(at, np.arange(512), rays) - 0.45) * 2.6, 0, 1)
            beam = beam * np.exp(-distance * 0.9) * strength
            sheet = np.zeros((h, w, 4), np.uint8)
            sheet[..., :3] = np.clip(
                cv2.GaussianBlur(beam.astype(np.float32), (0, 0), 2)[..., None] * colour, 0, 255
            )
            out.append(sheet)
        return cls(first=out[0], second=out[1])

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        both = cv2.addWeighted(
            self.first, 0.6 + 0.3 * math.sin(0.7 * t), self.second, 0.6 - 0.3 * math.sin(0.7 * t + 0.6), 0
        )
        cv2.add(
            frame,
            cv2.resize(both, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_LINEAR),
            dst=frame,
        )
