"""A room: a wall with a window onto the sky, furniture in silhouette, warm light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Element, Layer, room
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, glow, halo, mix, noise, rgb

WALL = 0.32


def make_room(light: Light, camera: Camera, rng: np.random.Generator, *, floor: float) -> list[Element]:
    """The wall with a transparent window, the furniture in front of it, and the floor."""
    return [_wall(light, camera, rng, floor), _Lamp.make(light, camera, x=0.24)]


def _fill(
    texture: Raster, box: tuple[float, float, float, float], colour: Colour, alpha: float = 1.0
) -> None:
    x0, y0, x1, y1 = (max(0, round(v)) for v in box)
    texture[y0:y1, x0:x1] = (*np.clip(colour * alpha, 0, 255), 255 * alpha)


def _wall(light: Light, camera: Camera, rng: np.random.Generator, floor: float) -> Layer:
    left, top, width, height = room(camera, WALL)
    w, h = camera.w, camera.h
    base = rgb("#9c8f9a")
    inside = (
        mix(light.ambient * 255, rgb("#ffca8f"), 0.3 + 0.45 * light.lamps)
        / 255
        * (0.7 + 0.08 * (1 - light.lamps))
    )
    tone = base * inside
    texture = np.zeros((height, width, 4), np.uint8)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    centre_x, centre_y = 0.5 * w - left, 0.3 * h - top
    bright = 1.16 - 0.5 * np.hypot((xs - centre_x) / w, (ys - centre_y) / h)
    texture[..., :3] = np.clip(tone * bright[..., None], 0, 255)
    texture[..., 3] = 255

    def box(x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        _fill(texture, (x0 * h + 0.5 * w - left, y0 * h - top, x1 * h + 0.5 * w - left, y1 * h - top), colour)

    frame = mix(rgb("#efe3d0") * inside, tone, 0.25)
    wx0, wx1, wy0, wy1 = -0.12, 0.5, 0.1, 0.58
    box(wx0 - 0.025, wy0 - 0.025, wx1 + 0.025, wy1 + 0.03, frame)
    panes = 3
    for column in range(panes):
        a = wx0 + (wx1 - wx0) * column / panes + 0.006
        b = wx0 + (wx1 - wx0) * (column + 1) / panes - 0.006
        middle = wy0 + (wy1 - wy0) * 0.36
        for y0, y1 in ((wy0, middle - 0.005), (middle + 0.005, wy1)):
            x0, x1 = round(a * h + 0.5 * w - left), round(b * h + 0.5 * w - left)
            texture[round(y0 * h - top) : round(y1 * h - top), max(0, x0) : max(0, x1)] = 0
    box(wx0 - 0.05, wy1 + 0.03, wx1 + 0.05, wy1 + 0.05, frame * np.float32(0.8))
    dark = tone * np.float32(0.42)
    _study(box, rng, inside, tone)
    _furniture(texture, inside, camera, left, top, floor)
    row = round(floor * h) - top
    planks = mix(rgb("#6b4a35") * inside, dark, 0.25)
    rows = np.linspace(1.15, 0.6, height - row, dtype=np.float32)[:, None]
    texture[row:, :, :3] = np.clip(planks * rows, 0, 255)[:, None, :]
    texture[row:, :, 3] = 255
    texture[row - max(2, round(0.012 * h)) : row, :, :3] = np.clip(dark, 0, 255)
    grain = noise(rng, width, height, h * 0.1, octaves=4, stretch=1.4)
    texture[..., :3] = np.clip(texture[..., :3] * (0.94 + 0.12 * grain)[..., None], 0, 255)
    texture[..., :3] = np.minimum(texture[..., :3], texture[..., 3:])
    return Layer(texture=texture, depth=WALL, left=left, top=top)


def _study(box: object, rng: np.random.Generator, inside: Colour, tone: Colour) -> None:
    assert callable(box)
    wood = rgb("#5f4332") * inside
    spines = [
        rgb(c) * inside for c in ("#a34b3c", "#d8b26a", "#4f6d7a", "#7f9a7c", "#c9bda6", "#59405c", "#2f4858")
    ]
    box(-0.86, 0.12, -0.36, 0.8, wood * np.float32(0.5))
    for shelf in (0.26, 0.4, 0.54, 0.68, 0.8):
        x = -0.845
        while x < -0.4:
            wide, high = float(rng.uniform(0.012, 0.028)), float(rng.uniform(0.075, 0.108))
            if rng.random() < 0.9:
                box(
                    x,
                    shelf - high,
                    x + wide,
                    shelf,
                    spines[int(rng.integers(len(spines)))] * np.float32(rng.uniform(0.7, 1.0)),
                )
            x += wide + 0.003
        box(-0.86, shelf, -0.36, shelf + 0.013, wood)
    box(-0.87, 0.105, -0.35, 0.12, wood)
    box(0.6, 0.2, 0.8, 0.46, wood)
    box(0.615, 0.218, 0.785, 0.442, mix(tone, rgb("#e8dcc4") * inside, 0.6))
    box(0.64, 0.34, 0.76, 0.44, rgb("#55707a") * inside)


def _furniture(texture: Raster, inside: Colour, camera: Camera, left: int, top: int, floor: float) -> None:
    """An armchair, and a small table with a plant, in front of the wall."""
    h = camera.h

    def shape(points: list[tuple[float, float]], colour: Colour) -> None:
        at = np.array([((x * h + 0.5 * camera.w - left) * 16, (y * h - top) * 16) for x, y in points])
        cv2.fillPoly(
            texture,
            [np.round(at).astype(np.int32)],
            (*(float(c) for c in np.clip(colour, 0, 255)), 255.0),
            cv2.LINE_AA,
            4,
        )

    cloth = rgb("#7c4a3c") * inside
    shape(
        [(0.56, 0.57), (0.6, 0.54), (0.82, 0.54), (0.86, 0.57), (0.88, floor), (0.54, floor)],
        cloth * np.float32(0.8),
    )
    shape([(0.51, 0.68), (0.58, 0.67), (0.6, floor), (0.5, floor)], cloth * np.float32(1.1))
    shape([(0.82, 0.67), (0.9, 0.68), (0.91, floor), (0.81, floor)], cloth * np.float32(1.0))
    shape([(0.58, 0.74), (0.83, 0.74), (0.83, 0.79), (0.58, 0.79)], cloth * np.float32(1.18))
    wood, leaf = rgb("#54392a") * inside, rgb("#58724c") * inside
    shape([(-0.32, 0.7), (-0.14, 0.7), (-0.14, 0.715), (-0.32, 0.715)], wood)
    for leg in (-0.3, -0.17):
        shape([(leg, 0.71), (leg + 0.012, 0.71), (leg + 0.012, floor), (leg, floor)], wood)
    shape([(-0.26, 0.64), (-0.19, 0.64), (-0.2, 0.7), (-0.25, 0.7)], rgb("#b5744c") * inside)
    for step in range(9):
        turn = -1.2 + step * 0.3
        tip = (-0.225 + 0.13 * math.sin(turn), 0.64 - 0.15 * math.cos(turn) * (0.8 + 0.2 * (step % 2)))
        middle = ((-0.225 + tip[0]) / 2, (0.64 + tip[1]) / 2)
        shape(
            [
                (-0.225, 0.645),
                (middle[0] - 0.016, middle[1] - 0.006),
                tip,
                (middle[0] + 0.014, middle[1] + 0.008),
            ],
            leaf * np.float32(0.8 + 0.05 * step),
        )


@dataclass(kw_only=True)
class _Lamp:
    """A hanging lamp with a soft cone of light."""

    x: float
    y: float
    light: Raster
    shade: tuple[float, float, float, float]
    strength: float

    @classmethod
    def make(cls, light: Light, camera: Camera, *, x: float) -> _Lamp:
        strength = 0.3 + 0.42 * light.lamps
        return cls(
            x=x * camera.w,
            y=0.1 * camera.h,
            light=halo(round(0.42 * camera.h), rgb("#ffc27a"), strength, power=2.2),
            shade=(32.0, 38.0, 52.0, 255.0),
            strength=strength,
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        x, y = view.at(self.x, self.y, 0.5)
        unit = frame.shape[0]
        cv2.line(
            frame,
            (round(x * 16), 0),
            (round(x * 16), round(y * 16)),
            self.shade,
            max(1, unit // 240),
            cv2.LINE_AA,
            4,
        )
        outline = [
            (x - 0.012 * unit, y),
            (x + 0.012 * unit, y),
            (x + 0.06 * unit, y + 0.045 * unit),
            (x - 0.06 * unit, y + 0.045 * unit),
        ]
        cv2.fillPoly(frame, [np.round(np.array(outline) * 16).astype(np.int32)], self.shade, cv2.LINE_AA, 4)
        cv2.ellipse(
            frame,
            (round(x * 16), round((y + 0.045 * unit) * 16)),
            (round(0.058 * unit * 16), round(0.009 * unit * 16)),
            0,
            0,
            360,
            (170, 226, 255, 255),
            -1,
            cv2.LINE_AA,
            4,
        )
        glow(frame, self.light, x, y + 0.05 * unit)
