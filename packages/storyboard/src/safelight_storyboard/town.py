"""Built places (rooftops, streets, rooms), and roads and rails in any place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.city import Lamps, WetGround, make_fronts, make_skyline
from safelight_storyboard.indoors import make_room
from safelight_storyboard.lexicon import RAINY, Environment, Weather
from safelight_storyboard.palette import Light
from safelight_storyboard.place import PLACES
from safelight_storyboard.raster import Raster, mix, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.scene_builder import SceneBuilder, solid
from safelight_storyboard.sky import Sky
from safelight_storyboard.subject_words import ON_ROADS, SubjectKind
from safelight_storyboard.terrain import Ridge, make_ridge
from safelight_storyboard.weather import fog_bank


def city(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    out.behind.append(
        make_skyline(
            light, camera, rng, depth=0.1, base=0.72, tall=(0.16, 0.46), wide=(0.035, 0.08), mist=0.72
        )
    )
    pale = mix(light.haze, light.sky[3], 0.45)
    out.behind.append(
        fog_bank(camera, rng, depth=0.14, base=0.66, height=0.2, colour=pale, thick=0.4, drift=5)
    )
    out.behind.append(
        make_skyline(
            light, camera, rng, depth=0.24, base=0.77, tall=(0.14, 0.5), wide=(0.06, 0.12), mist=0.42
        )
    )
    out.behind.append(
        fog_bank(camera, rng, depth=0.3, base=0.72, height=0.18, colour=pale, thick=0.3, drift=8)
    )
    out.behind.append(
        make_skyline(light, camera, rng, depth=0.42, base=0.88, tall=(0.16, 0.4), wide=(0.1, 0.2), mist=0.24)
    )
    roof = mix(rgb("#4a4650") * light.ambient, light.shade, 0.65)
    ridge = Ridge(
        depth=0.86,
        base=0.885,
        rise=0.0,
        cell=1.0,
        colour=roof,
        foot=light.shade * np.float32(0.75),
        fade=0.14,
    )
    out.behind.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
    out.behind.append(
        Railing(
            depth=0.86,
            top=0.795 * camera.h,
            foot=0.887 * camera.h,
            gap=0.045 * camera.h,
            colour=solid(light.shade * 0.85),
        )
    )
    if scene.weather in RAINY:
        out.behind.append(WetGround.make(camera, rng, foot=0.89, depth=0.86, strength=0.5))


@dataclass(kw_only=True)
class Railing:
    """A roof railing in silhouette."""

    depth: float
    top: float
    foot: float
    gap: float
    colour: tuple[float, float, float, float]

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        w = frame.shape[1]
        start, y0 = view.at(0, self.top, self.depth)
        scale, _, _ = view.shift(self.depth)
        _, y1 = view.at(0, self.foot, self.depth)
        gap = self.gap * scale
        thin = max(1, round(frame.shape[0] / 360))
        number = math.floor(-start / gap) - 1
        while start + number * gap < w + gap:
            x = start + number * gap
            wide = thin * 2 if number % 8 == 0 else thin
            cv2.line(
                frame,
                (round(x * 16), round(y0 * 16)),
                (round(x * 16), round(y1 * 16)),
                self.colour,
                wide,
                cv2.LINE_AA,
                4,
            )
            number += 1
        for y, wide in ((y0, thin * 3), (y0 + (y1 - y0) * 0.86, thin)):
            cv2.line(frame, (0, round(y * 16)), (w * 16, round(y * 16)), self.colour, wide, cv2.LINE_AA, 4)


def street(out: SceneBuilder, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> None:
    out.behind.append(
        make_skyline(light, camera, rng, depth=0.16, base=0.78, tall=(0.3, 0.66), wide=(0.08, 0.16), mist=0.6)
    )
    out.behind.append(make_fronts(light, camera, rng, depth=0.62, base=0.82))
    out.behind.append(Lamps.make(light, camera, rng, depth=0.74, foot=0.845, height=0.46))
    if scene.weather in RAINY or (light.lamps > 0.5 and scene.weather is not Weather.SNOW):
        strength = 0.62 if scene.weather in RAINY else 0.3
        out.behind.append(WetGround.make(camera, rng, foot=0.835, depth=0.7, strength=strength))


def indoors(out: SceneBuilder, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    far = mix(mix(rgb("#6a7a64") * light.ambient, light.shade, 0.3), light.haze, 0.45)
    out.behind.append(
        make_ridge(
            Ridge(
                depth=0.08,
                base=0.45,
                rise=0.05,
                cell=0.4,
                colour=far,
                foot=mix(far, light.haze, 0.5),
                fade=0.15,
            ),
            light,
            camera,
            rng,
            sun_x=sky.sun[0],
        )
    )
    out.behind += make_room(light, camera, rng, floor=0.86)


def ways(out: SceneBuilder, scene: Scene, light: Light, camera: Camera) -> None:
    """A road or a railway track, if a vehicle needs one and the place has none."""
    kinds = {s.kind for s in scene.subjects}
    place = PLACES[scene.setting]
    if scene.setting in (Environment.STREET, Environment.ROOM) or SubjectKind.BRIDGE in kinds:
        return
    if kinds & ON_ROADS:
        rails = SubjectKind.TRAM in kinds
        out.behind.append(Road.make(light, camera, depth=place.depth, row=place.ground, rails=rails))


@dataclass(kw_only=True)
class Road:
    """A road with a dashed line, or rails on sleepers."""

    depth: float
    row: float
    body: tuple[float, float, float, float]
    line: tuple[float, float, float, float]
    rails: bool

    @classmethod
    def make(cls, light: Light, camera: Camera, *, depth: float, row: float, rails: bool) -> Road:
        body = mix(rgb("#6a6462" if rails else "#57565c") * light.ambient, light.shade, 0.5)
        line = mix(rgb("#b9b2a8" if rails else "#e6d9b4") * light.ambient, body, 0.35)
        return cls(depth=depth, row=row * camera.h, body=solid(body), line=solid(line), rails=rails)

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        h, w = frame.shape[:2]
        start, y = view.at(0, self.row, self.depth)
        scale, _, _ = view.shift(self.depth)
        unit = h / 540 * scale
        up, down = (5, 9) if self.rails else (13, 34)
        cv2.rectangle(
            frame,
            (0, round((y - up * unit) * 16)),
            (w * 16, round((y + down * unit) * 16)),
            self.body,
            -1,
            cv2.LINE_AA,
            4,
        )
        gap, long, row = (22.0, 12.0, 6.0) if self.rails else (92.0, 44.0, 13.0)
        number = math.floor(-start / (gap * unit)) - 1
        while start + number * gap * unit < w:
            x = start + number * gap * unit
            ends = (
                (round(x * 16), round((y + row * unit) * 16)),
                (round((x + long * unit) * 16), round((y + row * unit) * 16)),
            )
            cv2.line(
                frame, *ends, self.body if self.rails else self.line, max(1, round(4 * unit)), cv2.LINE_AA, 4
            )
            number += 1
        if self.rails:
            cv2.line(
                frame,
                (0, round(y * 16)),
                (w * 16, round(y * 16)),
                self.line,
                max(1, round(2 * unit)),
                cv2.LINE_AA,
                4,
            )
