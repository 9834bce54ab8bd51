"""Terrain: ridges of mountains, hills, dunes and trees. Distant ridges are paler."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera
from safelight_storyboard.layers import Layer, room
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, line, mix, noise, pack


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """Shape of one ridge. Lengths are fractions of the frame height."""

    depth: float
    #: Mean height, measured from the top as a fraction of the frame height.
    base: float
    rise: float
    cell: float
    colour: Colour
    #: Colour at the foot of the ridge, with mist.
    foot: Colour
    fade: float = 0.3
    sharp: float = 0.0
    #: Contrast of light and shadow on the slopes, from 0 to 1.
    relief: float = 0.0
    snow: float = 0.0
    sway: float = 0.0


def make_ridge(
    ridge: Ridge, light: Light, camera: Camera, rng: np.random.Generator, *, sun_x: float
) -> Layer:
    """Paints a ridge and fills the frame below its line."""
    shape = _Canvas.under(ridge, camera, rng)
    return shape.layer(ridge, light, camera, rng, sun_x=sun_x)


def make_wood(
    ridge: Ridge,
    light: Light,
    camera: Camera,
    rng: np.random.Generator,
    *,
    sun_x: float,
    tree: float,
    kinds: tuple[str, ...] = ("conifer",),
    dense: float = 1.0,
    gap: tuple[float, float] | None = None,
) -> Layer:
    """A ridge with trees. `tree` is the height of the trees as a fraction of the frame height.

    Trees are left out between the two values of `gap`, which are fractions of the frame width.
    """
    shape = _Canvas.under(ridge, camera, rng, head=tree * 1.3)
    size = tree * camera.h
    x = -size
    while x < shape.width + size:
        height = size * float(rng.uniform(0.55, 1.15))
        where = (x + shape.left) / camera.w
        if gap is None or not gap[0] < where < gap[1]:
            column = int(np.clip(x, 0, shape.width - 1))
            foot = float(shape.line[column]) + size * 0.15
            kind = kinds[int(rng.integers(len(kinds)))]
            draw_tree(shape.alpha, kind, x, foot, height, rng)
        x += size * float(rng.uniform(0.16, 0.5)) / dense
    return shape.layer(ridge, light, camera, rng, sun_x=sun_x)


@dataclass(kw_only=True)
class _Canvas:
    left: int
    top: int
    width: int
    height: int
    #: Row of the ridge line in each column of the texture.
    line: Raster
    alpha: Raster

    @classmethod
    def under(cls, ridge: Ridge, camera: Camera, rng: np.random.Generator, *, head: float = 0.0) -> _Canvas:
        left, _, width, _ = room(camera, ridge.depth)
        _, margin, _, bottom = camera.margins(ridge.depth)
        rise = line(rng, width, max(8.0, ridge.cell * camera.h), sharp=ridge.sharp)
        crest = (ridge.base - ridge.rise * rise) * camera.h
        top = min(int(crest.min() - head * camera.h) - 4, int(camera.h * 0.98))
        top = max(top, -margin - int(0.2 * camera.h))
        height = max(8, camera.h + bottom - top + margin)
        crest = crest - top
        rows = np.arange(height, dtype=np.float32)[:, None]
        alpha = np.clip((rows - crest[None, :] + 0.5) * 255, 0, 255).astype(np.uint8)
        return cls(left=left, top=top, width=width, height=height, line=crest, alpha=alpha)

    def layer(
        self, ridge: Ridge, light: Light, camera: Camera, rng: np.random.Generator, *, sun_x: float
    ) -> Layer:
        rows = np.arange(self.height, dtype=np.float32)[:, None]
        below = (rows - self.line[None, :]) / camera.h
        share = np.clip(below / ridge.fade, 0, 1) ** 1.2
        colour = ridge.colour + (ridge.foot - ridge.colour) * share[..., None]
        if ridge.relief:
            colour *= self._relief(ridge, camera, rng, below, sun_x)[..., None]
        if ridge.snow:
            rock = noise(rng, self.width, self.height, camera.h * 0.06, octaves=4)
            depth = ridge.snow * (0.05 + 0.14 * np.clip(1 - self.line / camera.h * 1.2, 0, 1))[None, :]
            cover = np.clip((depth - below + (rock - 0.5) * 0.14) / 0.02, 0, 1)
            white = mix(light.haze, np.minimum(light.ambient * 255 * 1.12 + 14, 255).astype(np.float32), 0.62)
            shade: Raster = np.ones((1, 1, 1), np.float32)
            if ridge.relief:
                shade = np.clip(self._relief(ridge, camera, rng, below, sun_x), 0.78, 1.12)[..., None]
            colour += (white * shade - colour) * (cover * (below >= -0.01))[..., None] * 0.85
        texture = pack(colour.astype(np.float32), self.alpha.astype(np.float32) / 255)
        return Layer(
            texture=texture,
            depth=ridge.depth,
            left=self.left,
            top=self.top,
            sway=ridge.sway,
            phase=float(rng.random() * 6),
        )

    def _relief(
        self, ridge: Ridge, camera: Camera, rng: np.random.Generator, below: Raster, sun_x: float
    ) -> Raster:
        """Shading: slopes that face the sun are lighter, and structures run down from the crest."""
        own = np.random.default_rng(int(self.line[0] * 1000) & 0xFFFF)
        rock = noise(own, self.width, self.height, camera.h * 0.16, octaves=5, stretch=0.7)
        crest = cv2.GaussianBlur(self.line[None, :], (0, 0), max(1.0, camera.h * 0.006))[0]
        slope = np.gradient(crest)[None, :] * np.exp(-np.clip(below, 0, 1) * 9)
        grain = np.gradient(rock, axis=1) * camera.h * 0.05
        towards = np.sign(np.arange(self.width) + self.left - sun_x)[None, :]
        soft = np.clip((np.arange(self.width) + self.left - sun_x) / (0.2 * camera.w), -1, 1)[None, :]
        shade = (0.4 * slope + grain) * np.where(np.abs(soft) < 1, soft, towards)
        return np.asarray(np.clip(1 - ridge.relief * np.tanh(shade * 1.6) * 0.42, 0.55, 1.4))


def draw_tree(
    alpha: Raster, kind: str, x: float, foot: float, height: float, rng: np.random.Generator
) -> None:
    """Draws the silhouette of one tree into an 8-bit mask."""
    match kind:
        case "conifer":
            _conifer(alpha, x, foot, height, rng)
        case "palm":
            _palm(alpha, x, foot, height, rng)
        case _:
            _broadleaf(alpha, x, foot, height, rng)


def polygon(mask: Raster, points: list[tuple[float, float]], value: int = 255) -> None:
    """A filled, antialiased polygon in sub-pixel coordinates."""
    shape = np.round(np.array(points, np.float64) * 16).astype(np.int32)
    cv2.fillPoly(mask, [shape], (value,), lineType=cv2.LINE_AA, shift=4)


def _conifer(alpha: Raster, x: float, foot: float, height: float, rng: np.random.Generator) -> None:
    tiers = max(5, min(11, int(height / 9)))
    width = height * float(rng.uniform(0.17, 0.23))
    lean = float(rng.uniform(-0.02, 0.02)) * height
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    for tier in range(tiers):
        u = (tier + 1) / tiers
        y = foot - height * (1 - 0.93 * u)
        reach = width * u**0.85
        for side, points in ((-1, left), (1, right)):
            jag = reach * float(rng.uniform(0.78, 1.12))
            points.append((x + lean * (1 - u) + side * jag, y + height * 0.018 * float(rng.uniform(0, 1.6))))
            points.append((x + lean * (1 - u) + side * jag * 0.52, y - height * 0.012))
    trunk = height * 0.018 + 0.6
    polygon(alpha, [(x + lean, foot - height), *right, (x + trunk, foot), (x - trunk, foot), *reversed(left)])


def _broadleaf(alpha: Raster, x: float, foot: float, height: float, rng: np.random.Generator) -> None:
    trunk = height * 0.028 + 0.5
    polygon(
        alpha,
        [
            (x - trunk * 1.5, foot),
            (x - trunk * 0.6, foot - height * 0.6),
            (x + trunk * 0.6, foot - height * 0.6),
            (x + trunk * 1.5, foot),
        ],
    )
    for _ in range(17):
        angle, reach = float(rng.uniform(0, 6.283)), float(rng.random()) ** 0.6
        cx = x + np.cos(angle) * reach * height * 0.24
        cy = foot - height * 0.66 + np.sin(angle) * reach * height * 0.24
        radius = height * float(rng.uniform(0.07, 0.14))
        cv2.circle(
            alpha, (round(cx * 16), round(cy * 16)), max(8, round(radius * 16)), (255,), -1, cv2.LINE_AA, 4
        )


def _palm(alpha: Raster, x: float, foot: float, height: float, rng: np.random.Generator) -> None:
    lean = height * float(rng.uniform(-0.25, 0.25))
    stem: list[tuple[float, float]] = []
    back: list[tuple[float, float]] = []
    for step in range(9):
        u = step / 8
        cx, cy = x + lean * u * u, foot - height * 0.86 * u
        girth = height * (0.024 - 0.012 * u)
        stem.append((cx - girth, cy))
        back.append((cx + girth, cy))
    polygon(alpha, [*stem, *reversed(back)])
    hx, hy = x + lean, foot - height * 0.86
    for frond in range(11):
        angle = -np.pi / 2 + (frond - 5) * 0.4 + float(rng.uniform(-0.12, 0.12))
        length = height * float(rng.uniform(0.3, 0.42))
        upper: list[tuple[float, float]] = []
        lower: list[tuple[float, float]] = []
        for step in range(8):
            u = step / 7
            px = hx + np.cos(angle) * length * u
            py = hy + np.sin(angle) * length * u * 0.62 + length * 0.6 * u * u
            leaf = height * 0.017 * np.sin(np.pi * min(1.0, u * 0.94 + 0.06)) + 0.3
            upper.append((px, py - leaf * 0.5))
            lower.append((px, py + leaf * (2.1 if step % 2 else 0.8)))
        polygon(alpha, [*upper, *reversed(lower)])


def make_grass(
    light: Light,
    camera: Camera,
    rng: np.random.Generator,
    *,
    depth: float,
    base: float,
    height: float,
    colour: Colour,
    tip: Colour,
    flowers: tuple[Colour, ...] = (),
    dense: float = 1.0,
) -> Layer:
    """Swaying blades of grass with bright tips. `base` and `height` are fractions of the frame height."""
    left, _, width, _ = room(camera, depth)
    tall = int(height * camera.h * 1.5)
    top = int(base * camera.h) - tall
    total = camera.h + camera.margins(depth)[3] - top + 4
    alpha = np.zeros((total, width), np.uint8)
    count = int(width / camera.h * 330 * dense)
    for _ in range(count):
        x, blade = float(rng.uniform(-5, width + 5)), float(rng.uniform(0.35, 1.0)) ** 1.5 * height * camera.h
        bend = float(rng.normal(0, 0.22)) * blade
        foot = tall + float(rng.uniform(0, 0.3)) * height * camera.h
        girth = float(rng.uniform(0.7, 1.6)) * camera.h / 540
        polygon(
            alpha,
            [
                (x - girth, foot + 6),
                (x + bend * 0.35 - girth * 0.6, foot - blade * 0.55),
                (x + bend, foot - blade),
                (x + bend * 0.35 + girth * 0.6, foot - blade * 0.55),
                (x + girth, foot + 6),
            ],
        )
    alpha[min(total - 1, tall + int(0.12 * height * camera.h)) :] = 255
    rows = np.arange(total, dtype=np.float32)[:, None]
    share = np.clip((rows - tall + height * camera.h * 0.8) / (height * camera.h * 1.3), 0, 1)
    patches = 0.86 + 0.28 * noise(rng, width, total, camera.h * 0.22, octaves=3)
    body = (tip + (colour - tip) * share[..., None]) * patches[..., None]
    texture = pack(body.astype(np.float32), alpha.astype(np.float32) / 255)
    for _ in range(int(count * 0.05) if flowers else 0):
        petal = flowers[int(rng.integers(len(flowers)))] * np.float32(rng.uniform(0.85, 1.1)) * light.ambient
        x, y = float(rng.uniform(0, width)), tall - float(rng.uniform(-0.35, 0.75)) * height * camera.h
        radius = float(rng.uniform(1.6, 3.6)) * camera.h / 540
        b, g, r = (float(min(255, c)) for c in petal)
        cv2.circle(
            texture, (round(x * 16), round(y * 16)), round(radius * 16), (b, g, r, 255), -1, cv2.LINE_AA, 4
        )
    return Layer(
        texture=texture, depth=depth, left=left, top=top, sway=0.05, pace=1.3, phase=float(rng.random() * 6)
    )
