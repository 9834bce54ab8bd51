"""Coasts and lakes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from safelight_storyboard.camera import Camera, CameraView
from safelight_storyboard.layers import Layer, room
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Raster, mix, noise, pack, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.scene_builder import (
    SceneBuilder,
    ground_colour,
    leaf_colour,
    ranges,
    sparse,
    water,
)
from safelight_storyboard.sky import Sky
from safelight_storyboard.terrain import Ridge, make_grass, make_ridge, make_wood
from safelight_storyboard.water_and_air import is_placed_apart
from safelight_storyboard.weather import fog_bank


def _shore_mountains(
    out: SceneBuilder,
    scene: Scene,
    light: Light,
    camera: Camera,
    sky: Sky,
    rng: np.random.Generator,
    base: float,
) -> None:
    out.behind += ranges(scene, light, camera, sky, rng, base=base, count=3, rise=0.46, snow=True)
    tree = mix(mix(leaf_colour(scene, "#35523f") * light.ambient, light.shade, 0.68), light.haze, 0.1)
    bank = Ridge(depth=0.42, base=base + 0.004, rise=0.006, cell=0.5, colour=tree, foot=tree, fade=0.1)
    out.behind.append(
        make_wood(
            bank,
            light,
            camera,
            rng,
            sun_x=sky.sun[0],
            tree=0.075,
            kinds=("conifer", "conifer", "broadleaf"),
            dense=1.8,
        )
    )


def sea(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    base = camera.horizon / camera.h
    isle = mix(rgb("#54616c") * light.ambient, light.haze, 0.62)
    if rng.random() < 0.75:
        ridge = Ridge(
            depth=0.06,
            base=base + 0.03,
            rise=0.07,
            cell=0.9,
            colour=isle,
            foot=mix(isle, light.haze, 0.5),
            fade=0.08,
            sharp=0.4,
            relief=0.5,
        )
        out.behind.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
    water(out, scene, light, camera, sky, rng, choppy=0.62)


def beach(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    sea(out, scene, light, camera, sky, rng)
    out.behind.append(Surf.make(scene, light, camera, rng))
    if rng.random() < 0.7:
        ridge = Ridge(
            depth=1.0,
            base=1.02,
            rise=0.02,
            cell=0.8,
            colour=light.shade * np.float32(0.75),
            foot=light.shade * np.float32(0.6),
            fade=0.2,
            sway=0.006,
        )
        out.front.append(
            make_wood(
                ridge,
                light,
                camera,
                rng,
                sun_x=sky.sun[0],
                tree=0.8,
                kinds=("palm",),
                dense=sparse(camera, 0.6),
                gap=(0.1, 0.9),
            )
        )


@dataclass(kw_only=True)
class Surf:
    """Sand with a line of foam that advances and recedes."""

    sand: Layer
    foam: Raster
    line: float
    h: int

    @classmethod
    def make(cls, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> Surf:
        depth = 0.8
        colour = ground_colour(scene, light, "#e2c596", 0.14)
        ridge = Ridge(
            depth=depth,
            base=0.79,
            rise=0.012,
            cell=1.6,
            colour=mix(colour, light.sky[2], 0.14),
            foot=mix(colour, light.shade, 0.55),
            fade=0.2,
        )
        sand = make_ridge(ridge, light, camera, rng, sun_x=camera.w)
        grain = noise(
            rng, sand.texture.shape[1], sand.texture.shape[0], camera.h * 0.05, octaves=4, stretch=3
        )
        sand.texture[..., :3] = np.clip(sand.texture[..., :3] * (0.93 + 0.14 * grain)[..., None], 0, 255)
        sand.texture[..., :3] = np.minimum(sand.texture[..., :3], sand.texture[..., 3:])
        left, _, width, _ = room(camera, depth)
        tall = round(0.085 * camera.h)
        lace = noise(rng, width, tall, camera.h * 0.02, octaves=3, stretch=2.0)
        # The water's edge has long tongues. The foam is dense at the edge and sparse behind it.
        edge = 0.62 + 0.3 * (noise(rng, width, 1, camera.h * 0.34, octaves=4)[0] - 0.5)
        behind = edge[None, :] - np.linspace(0, 1, tall, dtype=np.float32)[:, None]
        tongue = np.clip(behind * tall / 1.5, 0, 1)
        body = tongue * np.clip(
            np.exp(-behind * 16) + np.clip((lace - 0.52 - behind * 0.25) * 5, 0, 1) * 0.6, 0, 1
        )
        white = np.minimum(light.ambient * 255 * 1.05 + 18, 255)
        foam = pack(np.ones((tall, width, 3), np.float32) * white, (body * 0.86).astype(np.float32))
        layer_left = float(left)
        out = cls(sand=sand, foam=foam, line=0.775 * camera.h, h=camera.h)
        out._left = layer_left
        return out

    _left: float = field(init=False, default=0.0)

    def paint(self, frame: Raster, view: CameraView, t: float) -> None:
        self.sand.paint(frame, view, t)
        for offset, size in ((0.0, 1.0), (0.5, 0.8)):
            u = (t / 6.5 + offset) % 1.0
            run = math.sin(math.pi * u) ** 1.2
            if run < 0.04:
                continue
            sheet = cv2.convertScaleAbs(self.foam, alpha=min(1.0, run * 1.6) * size)
            Layer(
                texture=sheet,
                depth=0.8,
                left=self._left,
                top=self.line - 0.03 * self.h + 0.045 * self.h * run,
            ).paint(frame, view, t)


def lake(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    base = camera.horizon / camera.h
    _shore_mountains(out, scene, light, camera, sky, rng, base)
    # A low sun stands behind the mountains.
    water(out, scene, light, camera, sky, rng, choppy=0.16, hidden=light.height < 0.3)
    pale = mix(light.haze, light.sky[3], 0.5)
    out.behind.append(
        fog_bank(camera, rng, depth=0.45, base=base + 0.02, height=0.13, colour=pale, thick=0.4, drift=6)
    )
    reed = mix(leaf_colour(scene, "#5a6b3a") * light.ambient, light.shade, 0.66)
    out.front.append(
        make_grass(
            light,
            camera,
            rng,
            depth=1.0,
            base=0.985,
            height=0.11,
            colour=light.shade * np.float32(0.7),
            tip=reed,
            dense=0.8,
        )
    )
    if any(not is_placed_apart(scene, s) for s in scene.subjects):
        ground = ground_colour(scene, light, "#4d5a3a", 0.65)
        bank = Ridge(
            depth=0.86,
            base=0.895,
            rise=0.012,
            cell=1.3,
            colour=ground,
            foot=light.shade * np.float32(0.8),
            fade=0.12,
        )
        out.behind.append(make_ridge(bank, light, camera, rng, sun_x=sky.sun[0]))
