"""The sky: gradients by time of day, sun or moon, stars, clouds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Backdrop, Element, Layer, room
from safelight_storyboard.lexicon import RAINY, Environment, TimeOfDay, Weather
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, Raster, mix, noise, pack
from safelight_storyboard.scene import Scene

DEPTH = 0.03


@dataclass(frozen=True, kw_only=True)
class Sky:
    """Properties of the sky, for elements that reflect it or that it lights."""

    elements: tuple[Element, ...]
    #: Position of the sun or moon, in world pixels.
    sun: tuple[float, float]
    shines: bool


def gradient(light: Light, rows: Raster) -> Raster:
    """The sky colours (n, 3) at the heights `rows`: 0 is the zenith, 1 the horizon, more than 1 is below
    it.
    """
    stops = np.array([0.0, 0.42, 0.78, 1.0], np.float32)
    bands = np.stack(light.sky)
    at = np.clip(rows, 0, 1)
    return np.stack([np.interp(at, stops, bands[:, c]) for c in range(3)], axis=1).astype(np.float32)


def make_sky(scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> Sky:
    """Paints the sky of a scene down to the horizon and slightly below."""
    left, top, width, height = room(camera, DEPTH)
    horizon = camera.horizon
    sun = (camera.w * float(rng.choice((0.3, 0.64, 0.7))), horizon * (1 - light.height))
    night = scene.hour is TimeOfDay.NIGHT
    shines = scene.weather in (Weather.CLEAR, Weather.CLOUDY, Weather.FOG) or (
        scene.weather is Weather.SNOW and not night
    )
    shines = scene.full_moon or (shines and (not night or scene.moon))

    ys = np.arange(height, dtype=np.float32) + top
    xs = np.arange(width, dtype=np.float32) + left
    colour = np.repeat(gradient(light, ys / horizon)[:, None, :], width, axis=1)
    across = (xs[None, :] - sun[0]) / camera.w
    down = (ys[:, None] - sun[1]) / camera.h
    if shines:
        _add_sun(colour, across * camera.w / camera.h, down, scene, light)
    elif not night:
        colour *= (1 + 0.1 * np.exp(-((across * 1.6) ** 2 + (down * 1.6) ** 2)))[..., None]
    if night and not shines and scene.weather is Weather.CLEAR:
        _add_galaxy(colour, rng, width, height)
    base = Layer(texture=pack(colour, np.ones((height, width), np.float32)), depth=DEPTH, left=left, top=top)
    elements: list[Element] = [Backdrop(layers=[base, *_clouds(scene, light, camera, rng, sun)])]
    if light.stars > 0:
        elements.append(Stars.scattered(light, camera, rng))
    return Sky(elements=tuple(elements), sun=sun, shines=shines)


def _add_sun(colour: Raster, across: Raster, down: Raster, scene: Scene, light: Light) -> None:
    distance = np.sqrt(across**2 + down**2)
    if scene.hour is TimeOfDay.NIGHT:
        disc, reach, strength = (0.085, 0.26, 0.42) if scene.full_moon else (0.033, 0.2, 0.3)
    elif scene.hour is TimeOfDay.DAY:
        disc, reach, strength = 0.03, 0.26, 0.6
    else:
        disc, reach, strength = 0.05, 0.34, 0.62
    wide = np.exp(-distance / reach) * strength
    # A low sun tints the whole horizon, so its glow is wider than high.
    if scene.hour not in (TimeOfDay.DAY, TimeOfDay.NIGHT):
        wide += 0.34 * np.exp(-((across / 0.75) ** 2) - (down / 0.16) ** 2)
    if scene.weather is not Weather.CLEAR:
        wide *= 0.6
    share = np.clip(wide, 0, 1)[..., None]
    colour += (light.sun - colour) * share
    if scene.weather is Weather.CLEAR or scene.full_moon or scene.hour in (TimeOfDay.GOLDEN, TimeOfDay.DAWN):
        edge = np.clip((disc - distance) / 0.0022 + 0.5, 0, 1)
        body = np.minimum(light.sun * 1.06 + 26, 255)
        if scene.hour is TimeOfDay.NIGHT:
            x, y = across * 0.033 / disc, down * 0.033 / disc
            seas = 0.5 + 0.5 * np.sin(x * 190 + 1.3) * np.cos(y * 150 + np.sin(x * 80))
            edge = edge * (0.92 - 0.1 * seas)
        colour += (body - colour) * edge[..., None]


def _add_galaxy(colour: Raster, rng: np.random.Generator, width: int, height: int) -> None:
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = 0.55 if rng.random() < 0.5 else -0.55
    away = (ys - height * 0.35 - slope * (xs - width * 0.5)) / height
    dust = noise(rng, width, height, height * 0.4)
    band = np.exp(-((away / (0.16 + 0.1 * dust)) ** 2)) * (0.35 + 0.9 * dust**2)
    colour += band[..., None] * np.array([74, 52, 58], np.float32)


@dataclass(kw_only=True)
class Stars:
    """Stars, each with its own slow twinkle."""

    points: Raster
    w: int

    @classmethod
    def scattered(cls, light: Light, camera: Camera, rng: np.random.Generator) -> Stars:
        count = int(230 * light.stars * (camera.w * camera.h / 518400))
        height = camera.horizon * 0.92
        y = height * rng.random(count) ** 1.35
        x = camera.w * (1.1 * rng.random(count) - 0.05)
        size = 0.55 + 0.9 * rng.random(count) ** 5
        bright = (0.35 + 0.65 * rng.random(count) ** 2) * (1 - 0.75 * y / height)
        return cls(
            points=np.stack([x, y, size, bright, rng.random(count) * 6.3, 0.6 + 1.8 * rng.random(count)], 1),
            w=camera.w,
        )

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        for x, y, size, bright, phase, pace in self.points:
            px, py = view.at(x, y, DEPTH)
            if not (2 < px < frame.shape[1] - 3 and 2 < py < frame.shape[0] - 3):
                continue
            light = bright * (0.78 + 0.22 * math.sin(phase + pace * t))
            ix, iy = int(px), int(py)
            fx, fy = px - ix, py - iy
            spot = (
                np.array([[(1 - fx) * (1 - fy), fx * (1 - fy)], [(1 - fx) * fy, fx * fy]])
                * min(1.0, light * size)
                * 235
            )
            part = frame[iy : iy + 2, ix : ix + 2, :3]
            frame[iy : iy + 2, ix : ix + 2, :3] = np.minimum(part + spot[..., None], 255)
            if size > 1.2:
                frame[iy - 1 : iy + 3, ix, :3] = np.minimum(frame[iy - 1 : iy + 3, ix, :3] + 34 * light, 255)
                frame[iy, ix - 1 : ix + 3, :3] = np.minimum(frame[iy, ix - 1 : ix + 3, :3] + 34 * light, 255)


def _clouds(
    scene: Scene, light: Light, camera: Camera, rng: np.random.Generator, sun: tuple[float, float]
) -> list[Layer]:
    cover = {
        Weather.CLEAR: 0.5,
        Weather.RAIN: 0.86,
        Weather.STORM: 0.9,
        Weather.SNOW: 0.74,
        Weather.FOG: 0.42,
        Weather.CLOUDY: 0.84,
    }[scene.weather]
    if scene.hour is TimeOfDay.NIGHT and scene.weather is Weather.CLEAR:
        cover = 0.34
    if scene.hour is TimeOfDay.DAY and scene.weather is Weather.CLEAR:
        cover = 0.43
    if scene.weather is Weather.CLEAR:
        cover += float(rng.uniform(-0.1, 0.08))
    if scene.setting is Environment.DESERT:
        cover -= 0.12
    if scene.full_moon:
        cover = 0.3
    out: list[Layer] = []
    for depth, speed, cell, strength in ((0.05, 3.0, 0.34, 0.75), (0.09, 7.0, 0.52, 0.95)):
        drift = speed * camera.h / 540 * (2.4 if scene.weather is Weather.STORM else 1.0)
        left, top, width, _ = room(camera, depth, drift)
        height = int(camera.horizon * 1.02) - top
        texture = _cloud_sheet(
            scene, light, camera, rng, (width, height), (left, top), cell, cover, strength, sun
        )
        out.append(Layer(texture=texture, depth=depth, left=left, top=top, drift=drift))
    return out


def _cloud_sheet(
    scene: Scene,
    light: Light,
    camera: Camera,
    rng: np.random.Generator,
    size: tuple[int, int],
    corner: tuple[int, int],
    cell: float,
    cover: float,
    strength: float,
    sun: tuple[float, float],
) -> Raster:
    """Clouds: brighter on the side of the sun, flatter towards the horizon. Painted at half resolution."""
    w, h = (size[0] + 1) // 2, (size[1] + 1) // 2
    body = noise(rng, w, h, camera.h * cell / 2, octaves=6, stretch=2.6)
    rows = (np.arange(h, dtype=np.float32) * 2 + corner[1])[:, None] / camera.horizon
    columns = (np.arange(w, dtype=np.float32) * 2 + corner[0])[None, :]
    threshold = 1 - cover + 0.16 * np.clip(rows - 0.62, 0, 1) - (0.1 if cover > 0.7 else 0) * (1 - rows)
    thick = np.clip((body - threshold + 0.13) / 0.3, 0, 1)
    thick = thick * thick * (3 - 2 * thick)
    # The shading is the difference of the density towards the sun.
    step = max(2, int(camera.h * 0.011))
    shade = cv2.GaussianBlur(body, (0, 0), step * 0.6)
    towards = np.where(columns < sun[0], -1.0, 1.0)
    slope = (_moved(shade, 0, -step) - _moved(shade, 0, step)) * 2.2
    side = (_moved(shade, step, 0) - _moved(shade, -step, 0)) * towards * 1.6
    lit = np.clip(0.56 + slope + side - 0.4 * (thick - 0.5), 0, 1)
    near = np.exp(-(((columns - sun[0]) / camera.w) ** 2) * 5 - (rows - sun[1] / camera.horizon) ** 2 * 3)
    high, low = _cloud_colours(scene, light)
    warm = (lit * (0.6 + 0.55 * near))[..., None]
    colour = low + (high - low) * np.clip(warm, 0, 1)
    fade = np.clip((1.02 - rows) / 0.2, 0, 1)
    alpha = thick * strength * fade * (0.62 if scene.hour is TimeOfDay.NIGHT else 0.86)
    sheet = pack(colour.astype(np.float32), alpha.astype(np.float32))
    return np.ascontiguousarray(cv2.resize(sheet, size, interpolation=cv2.INTER_LINEAR))


def _moved(field: Raster, right: int, down: int) -> Raster:
    """The field, shifted by whole pixels. Its edge values are repeated."""
    move = np.array([[1.0, 0, right], [0, 1.0, down]])
    return cv2.warpAffine(
        field,
        move,
        (field.shape[1], field.shape[0]),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _cloud_colours(scene: Scene, light: Light) -> tuple[Colour, Colour]:
    if scene.weather in RAINY:
        high = np.minimum(light.sky[3] * np.float32(1.12), 255).astype(np.float32)
        return high, mix(light.sky[0], light.shade, 0.5)
    if scene.hour is TimeOfDay.DAY:
        return np.array([255, 254, 252], np.float32), mix(light.sky[2], light.haze, 0.5) * np.float32(0.9)
    if scene.hour is TimeOfDay.NIGHT:
        return mix(light.sky[3], light.sun, 0.22), light.sky[1] * np.float32(1.15)
    return mix(light.sun, light.sky[3], 0.3), mix(light.sky[1], light.sky[2], 0.3) * np.float32(0.9)
