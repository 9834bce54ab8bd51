"""Environments: the horizon, ground and builder function of each kind of place."""

from __future__ import annotations

import numpy as np

from safelight_storyboard.camera import Camera
from safelight_storyboard.coast import beach, lake, sea
from safelight_storyboard.lexicon import Environment, Weather
from safelight_storyboard.nature import desert, forest, meadow, mountains
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import mix
from safelight_storyboard.scene import Scene
from safelight_storyboard.scene_builder import SceneBuilder
from safelight_storyboard.sky import Sky
from safelight_storyboard.town import city, indoors, street, ways
from safelight_storyboard.weather import fog_bank


def build(scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> SceneBuilder:
    """Builds the place of a scene."""
    out = SceneBuilder()
    out.behind += sky.elements
    match scene.setting:
        case Environment.SEA:
            sea(out, scene, light, camera, sky, rng)
        case Environment.BEACH:
            beach(out, scene, light, camera, sky, rng)
        case Environment.LAKE:
            lake(out, scene, light, camera, sky, rng)
        case Environment.MOUNTAINS:
            mountains(out, scene, light, camera, sky, rng)
        case Environment.FOREST:
            forest(out, scene, light, camera, sky, rng)
        case Environment.CITY:
            city(out, scene, light, camera, sky, rng)
        case Environment.STREET:
            street(out, scene, light, camera, rng)
        case Environment.DESERT:
            desert(out, light, camera, sky, rng)
        case Environment.MEADOW:
            meadow(out, scene, light, camera, sky, rng)
        case Environment.ROOM:
            indoors(out, light, camera, sky, rng)
    ways(out, scene, light, camera)
    if scene.weather is Weather.FOG and scene.setting is not Environment.ROOM:
        pale = mix(light.haze, light.sky[3], 0.4)
        for depth, base in ((0.16, 0.56), (0.3, 0.7)):
            out.behind.append(
                fog_bank(camera, rng, depth=depth, base=base, height=0.8, colour=pale, thick=0.95, drift=7)
            )
        out.behind.append(
            fog_bank(camera, rng, depth=0.5, base=0.66, height=0.5, colour=pale, thick=0.75, drift=11)
        )
        out.front.append(
            fog_bank(camera, rng, depth=0.95, base=0.9, height=0.5, colour=pale, thick=0.6, drift=22)
        )
    return out
