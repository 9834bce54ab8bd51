"""Figures: they are drawn at three times their size, scaled down, and composited with a rim light."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import CameraView
from safelight_storyboard.raster import Colour, Raster, mix, place

Point = tuple[float, float]
FINE = 3
#: Figures with at least this many pixels per unit are drawn at only twice their size.
LARGE = 150


class Pen:
    """Draws a figure in units of its own height: feet at (0, 0), up is positive, facing right."""

    def __init__(self, canvas: Raster, origin: Point, unit: float, *, flip: bool) -> None:
        self._canvas = canvas
        self._origin = origin
        self._unit = unit
        self._sign = -1.0 if flip else 1.0

    def _at(self, p: Point) -> tuple[int, int]:
        x = (self._origin[0] + self._sign * p[0] * self._unit) * 16
        y = (self._origin[1] - p[1] * self._unit) * 16
        return round(x), round(y)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self.shape([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def shape(self, points: list[Point], colour: Colour) -> None:
        outline = np.array([self._at(p) for p in points], np.int32)
        cv2.fillPoly(self._canvas, [outline], _paint(colour), lineType=cv2.LINE_8, shift=4)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        cv2.circle(
            self._canvas,
            self._at(centre),
            max(8, round(radius * self._unit * 16)),
            _paint(colour),
            -1,
            cv2.LINE_8,
            4,
        )

    def oval(self, centre: Point, radii: Point, colour: Colour, turn: float = 0.0) -> None:
        points = []
        for step in range(28):
            a = step / 28 * math.tau
            x, y = math.cos(a) * radii[0], math.sin(a) * radii[1]
            points.append(
                (
                    centre[0] + x * math.cos(turn) - y * math.sin(turn),
                    centre[1] + x * math.sin(turn) + y * math.cos(turn),
                )
            )
        self.shape(points, colour)

    def limb(self, a: Point, b: Point, girth_a: float, girth_b: float, colour: Colour) -> None:
        """A tapered limb with round ends."""
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = math.hypot(dx, dy) or 1e-6
        nx, ny = -dy / length, dx / length
        self.shape(
            [
                (a[0] + nx * girth_a, a[1] + ny * girth_a),
                (b[0] + nx * girth_b, b[1] + ny * girth_b),
                (b[0] - nx * girth_b, b[1] - ny * girth_b),
                (a[0] - nx * girth_a, a[1] - ny * girth_a),
            ],
            colour,
        )
        self.disc(a, girth_a, colour)
        self.disc(b, girth_b, colour)

    def thread(self, points: list[Point], width: float, colour: Colour) -> None:
        outline = np.array([self._at(p) for p in points], np.int32)
        cv2.polylines(
            self._canvas, [outline], False, _paint(colour), max(1, round(width * self._unit)), cv2.LINE_8, 4
        )


def _paint(colour: Colour) -> tuple[float, float, float, float]:
    b, g, r = (float(min(255.0, max(0.0, c))) for c in colour)
    return (b, g, r, 255.0)


def step_to(start: Point, angle: float, length: float) -> Point:
    """The point at distance `length` from a joint. Angle 0 is straight down; positive angles are forward."""
    return start[0] + math.sin(angle) * length, start[1] - math.cos(angle) * length


@dataclass(frozen=True, kw_only=True)
class Tones:
    """Colours of one figure in the light of the scene."""

    body: Colour
    dark: Colour
    skin: Colour
    accent: Colour


Drawing = Callable[[Pen, float, Tones], None]


@dataclass(kw_only=True)
class Figure:
    """One subject in the picture: its drawing, its path through the world, and its light."""

    draw: Drawing
    #: Kind of subject; attachments use it.
    name: str = ""
    tones: Tones
    depth: float
    #: Height in pixels of one unit of the drawing.
    unit: float
    #: World position of the feet at time t, and phase of the drawing at time t.
    path: Callable[[float], Point]
    phase: Callable[[float], float]
    #: Extent of the drawing in units: left, right, up, down.
    extent: tuple[float, float, float, float]
    flip: bool = False
    rim: Colour | None = None
    #: Side from which the light comes: -1 left, 1 right.
    side: float = 1.0
    shadow: float = 0.0
    tilt: Callable[[float], float] | None = None
    #: Whether the figure is on water, so that it has a reflection below its feet.
    mirror: bool = False

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        scale, _, _ = view.shift(self.depth)
        x, y = view.at(*self.path(t), self.depth)
        unit = self.unit * scale
        left, right, up, down = self.extent
        reach = max(left, right)
        if (
            x + reach * unit < 0
            or x - reach * unit > frame.shape[1]
            or y + down * unit < 0
            or y - up * unit > frame.shape[0]
        ):
            return
        fx, fy = math.floor(x), math.floor(y)
        wide = math.ceil(reach * unit) + 3
        # Only rows inside the frame are drawn. Large figures need less supersampling for smooth edges.
        high = min(math.ceil(up * unit) + 3, fy + 4)
        low = min(math.ceil(down * unit) + 3, frame.shape[0] - fy + 4)
        fine = FINE if unit < LARGE else 2
        canvas: Raster = np.zeros(((high + low) * fine, 2 * wide * fine, 4), np.uint8)
        origin = ((wide + x - fx) * fine, (high + y - fy) * fine)
        self.draw(Pen(canvas, origin, unit * fine, flip=self.flip), self.phase(t), self.tones)
        if self.tilt is not None:
            turn = cv2.getRotationMatrix2D(origin, math.degrees(self.tilt(t)), 1.0)
            canvas = cv2.warpAffine(canvas, turn, (canvas.shape[1], canvas.shape[0]), flags=cv2.INTER_LINEAR)
        picture = cv2.resize(canvas, (2 * wide, high + low), interpolation=cv2.INTER_AREA)
        if self.shadow:
            self._shade(frame, x, y, unit)
        if self.rim is not None:
            picture = self._lit(picture, unit)
        if self.mirror:
            self._mirror(frame, picture, (fx - wide, fy), high, t)
        place(frame, picture, fx - wide, fy - high)

    def _mirror(self, frame: Raster, picture: Raster, corner: Point, high: int, t: float) -> None:
        """The reflection of the picture: upside down, broken up by ripples, and fading with depth."""
        under = cv2.flip(picture[: high + 1], 0)
        h, w = under.shape[:2]
        rows = np.arange(h, dtype=np.float32)[:, None]
        ripple = (
            (0.4 + rows * 0.05) * np.sin(rows * (9.0 / (4 + rows * 0.16)) - 2.6 * t) * frame.shape[0] / 540
        )
        columns = np.arange(w, dtype=np.float32)[None, :] + ripple
        bent = cv2.remap(
            under,
            columns.astype(np.float32),
            np.repeat(rows * 1.25, w, 1),
            cv2.INTER_LINEAR,
            borderValue=(0, 0, 0, 0),
        )
        fade = (0.5 * (1 - rows / h))[..., None]
        place(frame, (bent * fade).astype(np.uint8), int(corner[0]), int(corner[1]))

    def _lit(self, picture: Raster, unit: float) -> Raster:
        """A rim light along the edge that faces the light."""
        assert self.rim is not None
        width = max(1.0, unit * 0.011)
        move = np.array([[1.0, 0, -self.side * width], [0, 1.0, width * 0.55]])
        alpha = cv2.extractChannel(picture, 3)
        inner = cv2.warpAffine(alpha, move, (alpha.shape[1], alpha.shape[0]), flags=cv2.INTER_LINEAR)
        edge = cv2.min(cv2.subtract(alpha, inner), alpha)
        zero = np.zeros_like(edge)
        b, g, r = (float(c) / 255 for c in self.rim)
        light = cv2.merge(
            (
                cv2.convertScaleAbs(edge, alpha=b),
                cv2.convertScaleAbs(edge, alpha=g),
                cv2.convertScaleAbs(edge, alpha=r),
                zero,
            )
        )
        return np.asarray(cv2.add(picture, light))

    def _shade(self, frame: Raster, x: float, y: float, unit: float) -> None:
        w, h = max(4, round(unit * 0.5 * self.shadow)), max(2, round(unit * 0.075 * self.shadow))
        x0, y0, x1, y1 = round(x) - w, round(y) - h, round(x) + w, round(y) + h
        cx0, cy0, cx1, cy1 = max(0, x0), max(0, y0), min(frame.shape[1], x1), min(frame.shape[0], y1)
        if cx0 >= cx1 or cy0 >= cy1:
            return
        dx = (np.arange(cx0, cx1, dtype=np.float32) - x) / w
        dy = (np.arange(cy0, cy1, dtype=np.float32) - y) / h
        dark = 1 - 0.5 * np.clip(1 - dx[None, :] ** 2 - dy[:, None] ** 2, 0, 1)
        part = frame[cy0:cy1, cx0:cx1, :3]
        frame[cy0:cy1, cx0:cx1, :3] = part * dark[..., None]


def tones_for(
    colour: Colour | None,
    ambient: Colour,
    shade: Colour,
    haze: Colour,
    *,
    depth: float,
    dark: float,
    clothes: Colour,
    skin: Colour,
) -> Tones:
    """The tones of a figure: its colour in this light, darkened by `dark` (0 lit, 1 black silhouette)."""
    far = max(0.0, min(0.75, (0.85 - depth) * 0.8))
    body = clothes if colour is None else colour
    hold = dark
    if colour is not None:
        # A colour that the prompt names must be seen at dusk and at night, too.
        hold = dark * 0.2
        ambient = np.maximum(ambient, mix(ambient, np.full(3, ambient.mean(), np.float32), 0.75))
        ambient = np.maximum(ambient, np.float32(0.82))

    def seen(c: Colour, by: float) -> Colour:
        return mix(mix(c * ambient, shade, by), haze, far)

    return Tones(
        body=seen(body, hold),
        dark=seen(body * np.float32(0.45), min(1.0, hold + 0.15)),
        skin=seen(skin, min(0.92, dark)),
        accent=seen(colour if colour is not None else clothes, dark * 0.3),
    )
