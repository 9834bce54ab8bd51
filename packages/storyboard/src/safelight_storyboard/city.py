"""Cities: skylines with windows that light up, street fronts, lamps, wet ground."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Layer, room
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, glow, halo, mix, noise, rgb

WINDOW_LIGHTS = tuple(rgb(c) for c in ("#ffcf7d", "#ffdf9f", "#ffb75e", "#ffe9c4", "#bfe0ff"))


@dataclass(frozen=True, kw_only=True)
class BuildingWindow:
    at: float
    box: tuple[int, int, int, int]
    colour: tuple[int, int, int]


@dataclass(kw_only=True)
class Skyline(Layer):
    """A row of buildings. Its `windows`, ordered by time, light up during the clip."""

    windows: list[BuildingWindow] = field(default_factory=list)
    _lit: int = field(init=False, default=0)

    def paint_rows(
        self, frame: Raster, view: CameraView, t: float, limit: int, *, shrink: float = 1.0
    ) -> None:
        while self._lit < len(self.windows) and self.windows[self._lit].at <= t:
            window = self.windows[self._lit]
            x0, y0, x1, y1 = window.box
            self.texture[y0:y1, x0:x1, :3] = window.colour
            self._lit += 1
        super().paint_rows(frame, view, t, limit, shrink=shrink)


def make_skyline(
    light: Light,
    camera: Camera,
    rng: np.random.Generator,
    *,
    depth: float,
    base: float,
    tall: tuple[float, float],
    wide: tuple[float, float],
    mist: float,
) -> Skyline:
    """Buildings that rise from `base`. `tall` and `wide` are ranges, as fractions of the frame height."""
    left, _, width, _ = room(camera, depth)
    top = int((base - tall[1] * 1.35) * camera.h)
    total = camera.h + camera.margins(depth)[3] - top + 4
    ground = int(base * camera.h) - top
    texture = np.zeros((total, width, 4), np.uint8)
    body = mix(light.shade * np.float32(1.35) + light.ambient * 20, light.haze, mist)
    pane = max(2, round(camera.h * (0.0038 + 0.0085 * depth)))
    windows: list[BuildingWindow] = []
    x = -int(0.05 * camera.h)
    clusters = noise(rng, width + 2000, 1, camera.h * 0.9, octaves=2)[0]
    while x < width:
        wide_px = max(6, int(camera.h * float(rng.uniform(*wide))))
        rise = 0.35 + 1.1 * float(clusters[x + 1000])
        high = int(camera.h * (tall[0] + (tall[1] - tall[0]) * float(rng.random()) ** 1.5 * rise))
        tone = body * np.float32(rng.uniform(0.88, 1.1))
        _building(texture, x, ground - high, wide_px, total, tone, rng, pane)
        windows += _windows(x, ground - high, wide_px, ground, width, pane, light, rng, camera.seconds, mist)
        x += wide_px + int(camera.h * float(rng.choice((0, 0, 0.004, 0.02))))
    rows = np.clip(
        (np.arange(total, dtype=np.float32) - ground + tall[1] * camera.h * 0.7) / (tall[1] * camera.h), 0, 1
    )
    foot = mix(light.haze, light.sky[3], 0.3)
    share = (rows**1.4 * min(0.85, mist + 0.3))[:, None, None]
    alpha = texture[..., 3:].astype(np.float32) / 255
    texture[..., :3] = np.clip(texture[..., :3] * (1 - share) + foot * share * alpha, 0, 255)
    texture[ground:] = (*np.clip(mix(body, foot, 0.6), 0, 255), 255)
    windows.sort(key=lambda w: w.at)
    return Skyline(texture=texture, depth=depth, left=left, top=top, windows=windows)


def _building(
    texture: Raster,
    x: int,
    y: int,
    w: int,
    foot: int,
    tone: Colour,
    rng: np.random.Generator,
    pane: int,
) -> None:
    colour = (*(float(c) for c in np.clip(tone, 0, 255)), 255.0)
    side = (*(float(c) for c in np.clip(tone * 0.82, 0, 255)), 255.0)
    texture[max(0, y) : foot, max(0, x) : max(0, x + w)] = colour
    texture[max(0, y) : foot, max(0, x + int(w * 0.72)) : max(0, x + w)] = side
    style = int(rng.integers(6))
    if style == 0:
        step = w // 5
        texture[max(0, y - step) : max(0, y), max(0, x + step) : max(0, x + w - step)] = colour
        cv2.line(
            texture,
            (x + w // 2, y - step),
            (x + w // 2, y - step - w // 2),
            colour,
            max(1, pane // 2),
            cv2.LINE_AA,
        )
    elif style == 1:
        cv2.fillConvexPoly(
            texture, np.array([[x, y], [x + w, y], [x + w, y - w // 3]], np.int32), colour, cv2.LINE_AA
        )
    elif style == 2:
        cv2.line(texture, (x + w // 3, y), (x + w // 3, y - w // 2), colour, 1, cv2.LINE_AA)
        texture[max(0, y - pane * 2) : max(0, y), max(0, x + w // 2) : max(0, x + w // 2 + pane * 4)] = colour
    elif style == 3 and w > pane * 8:
        texture[max(0, y - pane * 3) : max(0, y), max(0, x + w // 6) : max(0, x + w - w // 6)] = colour


def _windows(
    x: int,
    y: int,
    w: int,
    ground: int,
    width: int,
    pane: int,
    light: Light,
    rng: np.random.Generator,
    seconds: float,
    mist: float,
) -> list[BuildingWindow]:
    out: list[BuildingWindow] = []
    step_x, step_y = pane * 2 + max(1, pane // 2), pane * 2 + max(1, pane)
    share = 0.12 + 0.36 * light.lamps * float(rng.uniform(0.5, 1.4))
    warm = WINDOW_LIGHTS[int(rng.integers(len(WINDOW_LIGHTS)))]
    for wy in range(y + pane * 2, ground - pane * 2, step_y):
        for wx in range(x + pane * 2, x + w - pane * 2, step_x):
            if wx < 0 or wx + pane >= width or rng.random() > share or wy < 0:
                continue
            colour = warm if rng.random() < 0.75 else WINDOW_LIGHTS[int(rng.integers(len(WINDOW_LIGHTS)))]
            if light.lamps < 0.1:
                colour = mix(light.sky[2], light.haze, 0.4) * np.float32(0.9)
            seen = mix(colour * np.float32(rng.uniform(0.62, 1.0)), light.haze, mist * 0.55)
            # Half of the windows are lit from the start; the others light up during the first four fifths of
            # the clip.
            at = -1.0 if light.lamps < 0.1 or rng.random() < 0.5 else float(rng.uniform(0.05, 0.8)) * seconds
            b, g, r = (int(c) for c in np.clip(seen, 0, 255))
            out.append(
                BuildingWindow(at=at, box=(wx, wy, wx + pane, wy + pane + pane // 2), colour=(b, g, r))
            )
    return out


NEON = tuple(rgb(c) for c in ("#ff3d7f", "#38d6ff", "#ffb13d", "#7bff9d", "#b46cff"))


def make_fronts(
    light: Light, camera: Camera, rng: np.random.Generator, *, depth: float, base: float
) -> Skyline:
    """Nearby house fronts: shops with warm windows and awnings below, flats above them."""
    left, _, width, _ = room(camera, depth)
    top = int(-0.12 * camera.h) - camera.margins(depth)[1]
    total = camera.h + camera.margins(depth)[3] - top + 4
    ground = int(base * camera.h) - top
    texture = np.zeros((total, width, 4), np.uint8)
    windows: list[BuildingWindow] = []
    walls = [rgb(c) for c in ("#8a5a48", "#6d6a74", "#9a7f63", "#54606e", "#7c4f54", "#8d8374")]
    x = -int(camera.h * float(rng.uniform(0.0, 0.3)))
    unit = camera.h
    index = int(rng.integers(99))
    while x < width:
        wide_px = int(unit * float(rng.uniform(0.42, 0.72)))
        index += 1
        high = int(unit * float(rng.uniform(0.5, 0.86)))
        if index % 4 == 1:
            high = int(unit * float(rng.uniform(0.24, 0.36)))
        wall = mix(walls[int(rng.integers(len(walls)))] * light.ambient, light.shade, 0.3)
        _front(texture, windows, x, ground, wide_px, high, wall, light, rng, camera)
        x += wide_px + (int(unit * 0.1) if index % 4 == 3 else 2)
    pavement = mix(light.haze * 0.5, light.shade, 0.62)
    rows = np.linspace(0, 1, max(1, total - ground), dtype=np.float32)[:, None]
    texture[ground:, :, :3] = np.clip(pavement * 1.15 * (1 - rows) + light.shade * rows, 0, 255)[:, None, :]
    texture[ground:, :, 3] = 255
    windows.sort(key=lambda w: w.at)
    return Skyline(texture=texture, depth=depth, left=left, top=top, windows=windows)


def _front(
    texture: Raster,
    windows: list[BuildingWindow],
    x: int,
    ground: int,
    w: int,
    high: int,
    wall: Colour,
    light: Light,
    rng: np.random.Generator,
    camera: Camera,
) -> None:
    unit = camera.h / 540
    width = texture.shape[1]

    def fill(x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        texture[max(0, int(y0)) : max(0, int(y1)), max(0, int(x0)) : max(0, int(x1))] = (
            *np.clip(colour, 0, 255),
            255,
        )

    fill(x, ground - high, x + w, ground, wall)
    fill(x, ground - high, x + w, ground - high + 7 * unit, wall * np.float32(1.22))
    fill(x, ground - high + 7 * unit, x + w, ground - high + 10 * unit, wall * np.float32(0.7))
    shop = 104 * unit
    glass = (
        mix(rgb("#ffc878"), light.haze, 0.12) if light.lamps > 0.1 else mix(light.sky[2], light.shade, 0.45)
    )
    fill(
        x + 12 * unit,
        ground - shop * 0.82,
        x + w - 12 * unit,
        ground - 10 * unit,
        glass * np.float32(rng.uniform(0.75, 0.95)),
    )
    for step in range(5):
        share = np.float32(1 - 0.1 * step)
        fill(
            x + (12 + 3 * step) * unit,
            ground - shop * 0.82 + 8 * step * unit,
            x + w - (12 + 3 * step) * unit,
            ground - shop * 0.82 + (8 * step + 8) * unit,
            glass * share,
        )
    at = x + 20 * unit
    while at < x + w - 34 * unit:
        # Silhouettes of goods in the shop window.
        wide, tall = float(rng.uniform(5, 16)) * unit, float(rng.uniform(8, 34)) * unit
        fill(
            at,
            ground - 12 * unit - tall,
            at + wide,
            ground - 12 * unit,
            glass * np.float32(rng.uniform(0.35, 0.6)),
        )
        at += wide + float(rng.uniform(2, 26)) * unit
    for bar in np.linspace(x + 12 * unit, x + w - 12 * unit, max(3, int(w / (70 * unit)))):
        fill(bar - 2 * unit, ground - shop * 0.82, bar + 2 * unit, ground - 8 * unit, wall * np.float32(0.55))
    awning = mix(NEON[int(rng.integers(len(NEON)))] * light.ambient, wall, 0.45)
    stripe = mix(rgb("#efe6d6") * light.ambient, wall, 0.2)
    for number, bar in enumerate(np.arange(x + 6 * unit, x + w - 8 * unit, 14 * unit)):
        fill(bar, ground - shop, bar + 14 * unit, ground - shop * 0.8, awning if number % 2 else stripe)
    fill(x + 6 * unit, ground - shop * 0.82, x + w - 6 * unit, ground - shop * 0.79, wall * np.float32(0.5))
    pane_w, pane_h = int(19 * unit), int(31 * unit)
    for wy in range(int(ground - high + 26 * unit), int(ground - shop - pane_h), int(58 * unit)):
        for wx in range(int(x + 22 * unit), int(x + w - pane_w - 12 * unit), int(46 * unit)):
            if wx < 0 or wx + pane_w >= width or wy < 0:
                continue
            fill(
                wx - 2 * unit,
                wy - 2 * unit,
                wx + pane_w + 2 * unit,
                wy + pane_h + 3 * unit,
                wall * np.float32(1.2),
            )
            fill(wx, wy, wx + pane_w, wy + pane_h, mix(light.sky[1], light.shade, 0.6))
            if rng.random() < 0.2 + 0.4 * light.lamps and light.lamps > 0.1:
                colour = WINDOW_LIGHTS[int(rng.integers(4))] * np.float32(rng.uniform(0.6, 0.95))
                at = -1.0 if rng.random() < 0.45 else float(rng.uniform(0.05, 0.8)) * camera.seconds
                b, g, r = (int(c) for c in np.clip(colour, 0, 255))
                windows.append(
                    BuildingWindow(at=at, box=(wx, wy, wx + pane_w // 2 - 1, wy + pane_h), colour=(b, g, r))
                )
                windows.append(
                    BuildingWindow(
                        at=at, box=(wx + pane_w // 2 + 1, wy, wx + pane_w, wy + pane_h), colour=(b, g, r)
                    )
                )


@dataclass(kw_only=True)
class Lamps:
    """Street lamps: dark posts with a warm head and a halo."""

    places: tuple[float, ...]
    depth: float
    foot: float
    height: float
    colour: tuple[float, float, float, float]
    light: Raster | None
    pool: Raster | None

    @classmethod
    def make(
        cls,
        light: Light,
        camera: Camera,
        rng: np.random.Generator,
        *,
        depth: float,
        foot: float,
        height: float,
    ) -> Lamps:
        left, _, width, _ = room(camera, depth)
        gap = camera.h * 0.62
        start = left + float(rng.uniform(0.1, 0.9)) * gap
        warm = rgb("#ffc069")
        size = int(camera.h * 0.16)
        on = light.lamps > 0.3
        pool = (
            cv2.resize(halo(size, warm, 0.3 * light.lamps, power=1.6), (size * 2, max(2, size // 2)))
            if on
            else None
        )
        b, g, r = (float(c) for c in np.clip(light.shade * 0.9, 0, 255))
        return cls(
            places=tuple(np.arange(start, left + width, gap)),
            depth=depth,
            foot=foot * camera.h,
            height=height * camera.h,
            colour=(b, g, r, 255.0),
            light=halo(size, warm, 0.75 * light.lamps, power=3.2) if on else None,
            pool=pool,
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        unit = frame.shape[0] / 540
        for place in self.places:
            x, y = view.at(place, self.foot, self.depth)
            if not -100 * unit < x < frame.shape[1] + 100 * unit:
                continue
            head = y - self.height
            _stroke(frame, (x, y), (x, head), 3.0 * unit, self.colour)
            _stroke(frame, (x - 5 * unit, y), (x + 5 * unit, y), 5 * unit, self.colour)
            _stroke(frame, (x - 9 * unit, head), (x + 9 * unit, head), 4 * unit, self.colour)
            if self.light is not None:
                _stroke(frame, (x, head + 6 * unit), (x, head + 7 * unit), 9 * unit, (190, 232, 255, 255))
                glow(frame, self.light, x, head + 7 * unit)
            if self.pool is not None:
                glow(frame, self.pool, x, y + 6 * unit)


def _stroke(
    frame: Raster,
    a: tuple[float, float],
    b: tuple[float, float],
    width: float,
    colour: tuple[float, float, float, float],
) -> None:
    ends = [(round(p[0] * 16), round(p[1] * 16)) for p in (a, b)]
    cv2.line(frame, ends[0], ends[1], colour, max(1, round(width)), cv2.LINE_AA, 4)


@dataclass(kw_only=True)
class WetGround:
    """Wet ground: a stretched, trembling reflection of the picture above it."""

    foot: float
    depth: float
    strength: float
    ripple: Raster

    @classmethod
    def make(
        cls, camera: Camera, rng: np.random.Generator, *, foot: float, depth: float, strength: float
    ) -> WetGround:
        return cls(
            foot=foot * camera.h,
            depth=depth,
            strength=strength,
            ripple=(noise(rng, camera.w, camera.h * 2, camera.h * 0.014, octaves=3, stretch=3.0) - 0.5)
            * camera.h
            * 0.024,
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        _, y = view.at(0, self.foot, self.depth)
        first = round(y)
        rows = frame.shape[0] - first
        if rows < 4 or first < rows * 2:
            return
        w = frame.shape[1]
        start = int(18 * t) % (self.ripple.shape[0] - rows)
        ripple = self.ripple[start : start + rows]
        down = np.arange(rows, dtype=np.float32)[:, None]
        map_y = np.clip(first - 1 - down * 1.9 + ripple * 2, 0, first - 1).astype(np.float32)
        map_x = np.arange(w, dtype=np.float32)[None, :] + ripple
        mirrored = cv2.remap(
            frame, map_x.astype(np.float32), map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        mirrored = cv2.blur(mirrored, (3, max(3, rows // 7)))
        part = frame[first:]
        cv2.addWeighted(part, 1 - self.strength * 0.45, mirrored, self.strength, 0, dst=part)
