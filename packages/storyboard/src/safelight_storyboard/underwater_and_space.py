"""Places under water and in space."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Layer, room
from safelight_storyboard.lexicon import TimeOfDay
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, mix, noise, pack, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.scene_builder import SceneBuilder, solid
from safelight_storyboard.sky import Stars
from safelight_storyboard.terrain import Ridge, make_grass, make_ridge
from safelight_storyboard.weather import Shafts


def underwater(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator
) -> None:
    w, h = camera.w, camera.h
    left, top, width, height = room(camera, 0.03)
    ys = np.linspace(0, 1, height, dtype=np.float32)
    night = scene.hour in (TimeOfDay.NIGHT, TimeOfDay.DUSK)
    stops = [
        rgb(c)
        for c in (
            ("#2a6f8f", "#0f4766", "#072b46", "#041a2e")
            if night
            else ("#8fe0e0", "#38a5bd", "#14688c", "#0a3d5e")
        )
    ]
    colour = np.stack([np.interp(ys, [0, 0.3, 0.7, 1], [s[c] for s in stops]) for c in range(3)], 1).astype(
        np.float32
    )
    sheet = (
        np.repeat(colour[:, None, :], width, 1)
        * (0.94 + 0.12 * noise(rng, width, height, h * 0.7, octaves=3))[..., None]
    )
    out.behind.append(
        Layer(
            texture=pack(sheet.astype(np.float32), np.ones((height, width), np.float32)),
            depth=0.03,
            left=left,
            top=top,
        )
    )
    beam = rgb("#bff5ec")
    out.behind.append(
        Shafts.make(
            camera, rng, colour=beam, strength=0.5 if not night else 0.25, origin=(0.55 * w, -0.35 * h)
        )
    )
    deep = stops[3]
    water = Light(
        sky=light.sky,
        haze=stops[2],
        shade=deep * np.float32(0.5),
        sun=beam,
        ambient=np.ones(3, np.float32),
        height=0.5,
        stars=0.0,
        lamps=0.0,
    )
    for depth, base, rise in ((0.2, 0.8, 0.06), (0.45, 0.86, 0.05), (0.8, 0.93, 0.03)):
        tone = mix(stops[2], deep * np.float32(0.6), depth)
        out.behind.append(
            make_ridge(
                Ridge(
                    depth=depth,
                    base=base,
                    rise=rise,
                    cell=0.5,
                    colour=tone,
                    foot=deep * np.float32(0.7),
                    fade=0.2,
                ),
                water,
                camera,
                rng,
                sun_x=0.5 * w,
            )
        )
        weed = mix(rgb("#2f7a62"), tone, 0.6 - 0.35 * depth)
        plants = make_grass(
            water,
            camera,
            rng,
            depth=depth + 0.03,
            base=base + 0.05,
            height=0.1 + 0.12 * depth,
            colour=tone,
            tip=weed,
            dense=0.16 + 0.2 * depth,
            flowers=(rgb("#e8836b"), rgb("#f0b35e"), rgb("#c86f9e")),
        )
        plants.sway, plants.pace = 0.13, 0.9
        (out.front if depth > 0.7 else out.behind).append(plants)
    out.front.append(Bubbles.make(camera, rng, beam))


@dataclass(kw_only=True)
class Bubbles:
    """Small bubbles that rise and swing from side to side."""

    each: Raster
    colour: tuple[float, float, float, float]

    @classmethod
    def make(cls, camera: Camera, rng: np.random.Generator, colour: Colour) -> Bubbles:
        n = 46
        each = np.stack(
            [
                rng.random(n),
                rng.random(n),
                rng.uniform(0.8, 3.6, n) ** 1.1,
                rng.uniform(0.04, 0.12, n),
                rng.random(n) * 6.3,
            ],
            1,
        )
        return cls(each=each, colour=solid(colour))

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        h, w = frame.shape[:2]
        for x, y, size, pace, phase in self.each:
            py = ((y - pace * t) % 1.06) * h
            px = x * w + math.sin(phase + 2.1 * t) * size * h / 300
            radius = max(1.0, size * h / 540)
            cv2.circle(
                frame, (round(px * 16), round(py * 16)), round(radius * 16), self.colour, 1, cv2.LINE_AA, 4
            )


def space(out: SceneBuilder, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> None:
    h = camera.h
    left, top, width, height = room(camera, 0.03)
    first, second = (
        rgb(c)
        for c in (("#5b2a86", "#1e6f8f"), ("#8f3557", "#2f4fa0"), ("#1c6b6f", "#7a3b72"))[
            int(rng.integers(3))
        ]
    )
    dust = noise(rng, width, height, h * 0.6, octaves=6)
    veil = noise(rng, width, height, h * 0.45, octaves=6)
    shape = np.clip((dust - 0.42) * 2.6, 0, 1) ** 1.6
    colour = (
        np.array([20, 8, 6], np.float32)
        + (first * 0.85) * shape[..., None]
        + (second * 0.7) * (np.clip((veil - 0.5) * 2.4, 0, 1) ** 1.5)[..., None]
    )
    colour += (np.clip(shape * veil * 2 - 0.75, 0, 1))[..., None] * np.array([140, 150, 190], np.float32)
    out.behind.append(
        Layer(
            texture=pack(colour.astype(np.float32), np.ones((height, width), np.float32)),
            depth=0.03,
            left=left,
            top=top,
        )
    )
    bright = replace(light, stars=1.6)
    stars = Stars.scattered(bright, camera, rng)
    stars.points[:, 3] = 0.3 + 0.7 * rng.random(len(stars.points)) ** 2
    stars.points[:, 1] = rng.random(len(stars.points)) * h
    out.behind.append(stars)
    out.behind.append(_planet(camera, rng))
    if any(s.action in ("walk", "run", "stand") for s in scene.subjects):
        dusty = Light(
            sky=light.sky,
            haze=rgb("#8a8794"),
            shade=rgb("#16151c"),
            sun=light.sun,
            ambient=np.ones(3, np.float32),
            height=0.5,
            stars=1,
            lamps=0,
        )
        for depth, base, rise in ((0.35, 0.78, 0.05), (0.8, 0.86, 0.025)):
            tone = mix(rgb("#9a96a0"), dusty.shade, 0.3 + 0.2 * depth)
            out.behind.append(
                make_ridge(
                    Ridge(
                        depth=depth,
                        base=base,
                        rise=rise,
                        cell=0.5,
                        colour=tone,
                        foot=mix(tone, dusty.shade, 0.8),
                        fade=0.25,
                        sharp=0.35,
                        relief=0.8,
                    ),
                    dusty,
                    camera,
                    rng,
                    sun_x=0.0,
                )
            )


def _planet(camera: Camera, rng: np.random.Generator) -> Layer:
    """A large planet with bands of cloud and a thin atmosphere, lit from the left."""
    h = camera.h
    radius = round(h * float(rng.uniform(0.3, 0.4)))
    size = 2 * radius + round(0.1 * h)
    span = (np.arange(size, dtype=np.float32) - size / 2) / radius
    x, y = span[None, :], span[:, None]
    distance = np.sqrt(x**2 + y**2)
    z = np.sqrt(np.clip(1 - distance**2, 0, 1))
    day = np.clip(-0.62 * x - 0.42 * y + 0.66 * z, 0, 1) ** 0.8
    tones = [
        rgb(c)
        for c in (("#d8a36a", "#a8623c"), ("#7fb4d8", "#3b6f9c"), ("#c9b6d8", "#6a5590"))[
            int(rng.integers(3))
        ]
    ]
    warp = noise(rng, size, size, radius * 0.5, octaves=4)
    bands = 0.5 + 0.5 * np.sin((y * 1.05 + 0.25 * x) * 13 + warp * 5)
    colour = (tones[0] + (tones[1] - tones[0]) * bands[..., None]) * (0.04 + 1.05 * day)[..., None]
    rim = np.exp(-(((distance - 1) / 0.035) ** 2)) * np.clip(-0.62 * x - 0.42 * y + 0.3, 0, 1)
    alpha = np.clip((1 - distance) * radius + 0.5, 0, 1)
    air = np.clip(rim, 0, 1)
    colour += (mix(tones[0], rgb("#ffffff"), 0.4) - colour) * (air * 0.8)[..., None]
    cover = np.maximum(alpha, air * 0.85)
    x0, y0 = camera.w * float(rng.choice((0.74, 0.24))), h * 0.42
    return Layer(
        texture=pack(colour.astype(np.float32), cover.astype(np.float32)),
        depth=0.12,
        left=x0 - size / 2,
        top=y0 - size / 2,
        endless=False,
    )
