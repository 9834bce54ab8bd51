"""Rooms, kitchens and stages: walls with a window onto the sky, furniture in silhouette, warm light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Element, Layer, room
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, glow, halo, mix, noise, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.trades import TRADES

WALL, NEAR = 0.32, 0.8
_WORKSHOPS = frozenset({SubjectKind.BLACKSMITH, SubjectKind.CARPENTER, SubjectKind.POTTER})


def make_room(
    scene: Scene, light: Light, camera: Camera, rng: np.random.Generator, *, floor: float
) -> list[Element]:
    """The wall with a transparent window, the furniture in front of it, and the floor."""
    wall = _wall(scene, light, camera, rng, floor)
    lamp = _Lamp.make(light, camera, x=0.24 if scene.setting is Environment.ROOM else 0.5)
    return [wall, lamp]


def _fill(
    texture: Raster, box: tuple[float, float, float, float], colour: Colour, alpha: float = 1.0
) -> None:
    x0, y0, x1, y1 = (max(0, round(v)) for v in box)
    texture[y0:y1, x0:x1] = (*np.clip(colour * alpha, 0, 255), 255 * alpha)


def _wall(scene: Scene, light: Light, camera: Camera, rng: np.random.Generator, floor: float) -> Layer:
    left, top, width, height = room(camera, WALL)
    w, h = camera.w, camera.h
    base = rgb("#c9a98a") if scene.setting is Environment.KITCHEN else rgb("#9c8f9a")
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
    wx0, wx1, wy0, wy1 = (
        (-0.3, 0.3, 0.12, 0.5) if scene.setting is Environment.KITCHEN else (-0.12, 0.5, 0.1, 0.58)
    )
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
    kinds = {s.kind for s in scene.subjects}
    if scene.setting is Environment.KITCHEN:
        _kitchen(box, texture, rng, inside, tone, h, w, left, top)
    else:
        if not kinds & _WORKSHOPS:
            _study(box, rng, inside, tone)
    if scene.setting is Environment.ROOM and not kinds & TRADES.keys():
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


def _kitchen(
    box: object,
    texture: Raster,
    rng: np.random.Generator,
    inside: Colour,
    tone: Colour,
    h: int,
    w: int,
    left: int,
    top: int,
) -> None:
    assert callable(box)
    wood, dark = rgb("#7d5638") * inside, tone * np.float32(0.4)
    pots = [rgb(c) * inside for c in ("#b5613c", "#5d7a78", "#d9c7a3", "#8c3f38", "#46515e")]
    for x0 in (-0.92, 0.42):
        for shelf in (0.2, 0.36):
            box(x0, shelf + 0.0, x0 + 0.5, shelf + 0.014, wood)
            x = x0 + 0.03
            while x < x0 + 0.44:
                wide, high = float(rng.uniform(0.025, 0.06)), float(rng.uniform(0.04, 0.1))
                box(x, shelf - high, x + wide, shelf, pots[int(rng.integers(len(pots)))])
                x += wide + float(rng.uniform(0.008, 0.03))
    rail = 0.075
    box(-0.36, rail, 0.36, rail + 0.006, dark)
    for index, x in enumerate(np.linspace(-0.3, 0.3, 7)):
        px, py = round(x * h + 0.5 * w - left), round((rail + 0.07) * h - top)
        cv2.line(
            texture,
            (px, round(rail * h - top)),
            (px, py),
            (*(float(c) for c in dark), 255.0),
            max(1, h // 200),
            cv2.LINE_AA,
        )
        if index % 2:
            cv2.circle(
                texture,
                (px, py + round(0.02 * h)),
                round(0.026 * h),
                (*(float(c) for c in dark * np.float32(1.3)), 255.0),
                -1,
                cv2.LINE_AA,
            )


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


def counter(light: Light, camera: Camera, *, top_row: float) -> Layer:
    """A worktop with a pot in the foreground; the subject that cooks is behind it."""
    left, _, width, _ = room(camera, NEAR + 0.12)
    h = camera.h
    head = round(0.22 * h)
    top = round(top_row * h) - head
    total = h + camera.margins(NEAR + 0.12)[3] - top + 4
    texture = np.zeros((total, width, 4), np.uint8)
    warm = mix(light.ambient * 255, rgb("#ffcf9a"), 0.5) / 255
    stone, front = rgb("#8d7a6a") * warm * np.float32(0.62), rgb("#4a352b") * warm * np.float32(0.62)
    _fill(texture, (0, head, width, head + 0.022 * h), stone)
    _fill(texture, (0, head + 0.022 * h, width, total), front)
    texture[head + round(0.022 * h) : head + round(0.034 * h), :, :3] //= 2
    centre = 0.56 * camera.w - left
    metal = rgb("#3a3d44") * warm
    _fill(texture, (centre - 0.1 * h, head - 0.1 * h, centre + 0.1 * h, head), metal)
    _fill(texture, (centre - 0.085 * h, head - 0.1 * h, centre - 0.06 * h, head), metal * np.float32(1.7))
    _fill(
        texture,
        (centre - 0.112 * h, head - 0.106 * h, centre + 0.112 * h, head - 0.09 * h),
        metal * np.float32(1.25),
    )
    for index, (dx, wide, high) in enumerate(
        ((-0.52, 0.09, 0.05), (-0.4, 0.035, 0.13), (0.32, 0.03, 0.1), (0.37, 0.03, 0.12), (0.5, 0.12, 0.04))
    ):
        colour = rgb(("#b5613c", "#6f8a5c", "#d9c7a3", "#8c3f38", "#c98a3f")[index]) * warm * np.float32(0.75)
        _fill(texture, (centre + dx * h, head - high * h, centre + (dx + wide) * h, head), colour)
    x0, y0 = round(-left + 0.56 * camera.w - 0.42 * h), head
    for ball in range(5):
        spot = (round(x0 - 0.06 * h + ball * 0.034 * h), y0 - round(0.017 * h))
        cv2.circle(
            texture,
            spot,
            round(0.019 * h),
            (*(float(c) for c in rgb(("#c8432f", "#d97a32")[ball % 2]) * warm), 255.0),
            -1,
            cv2.LINE_AA,
        )
    return Layer(texture=texture, depth=NEAR + 0.12, left=left, top=top)


@dataclass(kw_only=True)
class Steam:
    """Steam that rises, widens and thins out."""

    x: float
    y: float
    depth: float
    puffs: tuple[Raster, ...]
    phases: Raster

    @classmethod
    def make(cls, camera: Camera, rng: np.random.Generator, *, x: float, y: float, colour: Colour) -> Steam:
        puffs = tuple(
            halo(round(camera.h * (0.03 + 0.012 * k)), colour, 0.17 * (1 - k / 9), power=1.6)
            for k in range(8)
        )
        return cls(x=x, y=y, depth=NEAR + 0.1, puffs=puffs, phases=rng.random((9, 2)))

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        h = frame.shape[0]
        x, y = view.at(self.x, self.y, self.depth)
        for start, side in self.phases:
            age = (start + t * 0.24) % 1.0
            px = x + h * (0.07 * (side - 0.5) + 0.05 * age * math.sin(6.3 * side + 2.2 * t * 0.6 + 3 * age))
            fade = self.puffs[min(7, int(age * 8))]
            if age < 0.12:
                fade = cv2.convertScaleAbs(fade, alpha=age / 0.12)
            glow(frame, fade, px, y - h * 0.3 * age)


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


def make_stage(camera: Camera, rng: np.random.Generator, *, floor: float) -> list[Element]:
    """Curtains, floorboards, and a pool of light."""
    left, top, width, height = room(camera, WALL)
    w, h = camera.w, camera.h
    xs = (np.arange(width, dtype=np.float32) + left)[None, :]
    ys = (np.arange(height, dtype=np.float32) + top)[:, None]
    folds = 0.5 + 0.5 * np.sin(
        xs / (h * 0.021) + 1.6 * np.sin(xs / (h * 0.13)) + 0.4 * np.sin(ys / (h * 0.3))
    )
    curtain = rgb(("#7a1526", "#1d2f5e", "#4c1c58")[int(rng.integers(3))])
    spot = np.exp(-(((xs - 0.5 * w) / (0.5 * h)) ** 2) - ((ys - 0.55 * h) / (0.55 * h)) ** 2)
    colour = curtain * ((0.22 + 0.5 * folds) * (0.28 + 0.95 * spot))[..., None]
    row = round(floor * h) - top
    down = np.linspace(0, 1, height - row, dtype=np.float32)[:, None]
    pool = np.exp(
        -(((xs - 0.5 * w) / (0.42 * h)) ** 2) - ((ys[row:] - (floor + 0.07) * h) / (0.075 * h)) ** 2
    )
    boards = rgb("#3a2720") * (1.1 - 0.6 * down)[..., None]
    colour[row:] = (
        boards * (0.5 + 0.1 * np.sin(xs / (h * 0.03)))[..., None] + rgb("#ffdca8") * (0.62 * pool)[..., None]
    )
    texture = np.dstack([np.clip(colour, 0, 255), np.full((height, width, 1), 255, np.float32)]).astype(
        np.uint8
    )
    return [Layer(texture=np.ascontiguousarray(texture), depth=WALL, left=left, top=top)]
