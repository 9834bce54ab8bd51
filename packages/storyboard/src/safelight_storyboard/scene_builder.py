"""Scene builder: background and foreground of a place, ground colours, framing trees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from safelight_storyboard.camera import Camera
from safelight_storyboard.layers import Element
from safelight_storyboard.lexicon import Environment, Tint, Weather
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import Colour, mix, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.sky import Sky
from safelight_storyboard.terrain import Ridge, make_ridge, make_wood
from safelight_storyboard.water import Water
from safelight_storyboard.weather import fog_bank


@dataclass(kw_only=True)
class SceneBuilder:
    """The elements of a place: those behind the subjects and those in front of them."""

    behind: list[Element] = field(default_factory=list)
    front: list[Element] = field(default_factory=list)


def leaf_colour(scene: Scene, plain: str) -> Colour:
    if Tint.AUTUMN in scene.tints:
        return rgb("#a8622c")
    if Tint.BLOSSOM in scene.tints:
        return rgb("#d993a8")
    return rgb(plain)


def ground_colour(scene: Scene, light: Light, plain: str, dark: float = 0.5) -> Colour:
    base = rgb("#dfe6ee") if scene.weather is Weather.SNOW else rgb(plain)
    return mix(base * light.ambient, light.shade, dark * (0.55 if scene.weather is Weather.SNOW else 1.0))


def frame_trees(
    out: SceneBuilder,
    light: Light,
    camera: Camera,
    sky: Sky,
    rng: np.random.Generator,
    *,
    kinds: tuple[str, ...],
    tree: float,
) -> None:
    """Large dark trees at the sides, which frame the picture."""
    ridge = Ridge(
        depth=1.0,
        base=1.0,
        rise=0.02,
        cell=0.8,
        colour=light.shade * np.float32(0.72),
        foot=light.shade * np.float32(0.55),
        fade=0.2,
        sway=0.004,
    )
    out.front.append(
        make_wood(
            ridge,
            light,
            camera,
            rng,
            sun_x=sky.sun[0],
            tree=tree,
            kinds=kinds,
            dense=sparse(camera, 1.2),
            gap=(0.15, 0.89),
        )
    )


def sparse(camera: Camera, dense: float) -> float:
    """The density of foreground trees: low if the camera travels, because they would hide the followed
    subject.
    """
    return dense * 0.22 if camera.follow > 0.2 * camera.w else dense


def solid(colour: Colour) -> tuple[float, float, float, float]:
    b, g, r = (float(c) for c in np.clip(colour, 0, 255))
    return (b, g, r, 255.0)


def ranges(
    scene: Scene,
    light: Light,
    camera: Camera,
    sky: Sky,
    rng: np.random.Generator,
    *,
    base: float,
    count: int,
    rise: float,
    snow: bool,
) -> list[Element]:
    out: list[Element] = []
    stone = rgb("#5d6a78") if scene.setting is not Environment.DESERT else rgb("#a9714c")
    for index in range(count):
        u = (index + 1) / (count + 1)
        depth = 0.1 + 0.5 * u
        colour = mix(
            mix(stone * light.ambient, light.shade, 0.25 + 0.5 * u), light.haze, 0.72 * (1 - u) + 0.04
        )
        foot = mix(colour, mix(light.haze, light.sky[3], 0.35), 0.72 - 0.25 * u)
        ridge = Ridge(
            depth=depth,
            base=base - rise * 0.62 * (1 - u) + 0.02 * u,
            rise=rise * (0.62 - 0.26 * u),
            cell=0.62 - 0.2 * u,
            colour=colour,
            foot=foot,
            fade=0.2 + 0.1 * u,
            sharp=0.75 if index < count - 1 else 0.45,
            relief=0.75 * (1 - 0.35 * u),
            snow=(1.15 if scene.weather is Weather.SNOW else 0.85) if snow and index < 2 else 0.0,
        )
        out.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
        if index % 2 == 0:
            pale = mix(light.haze, light.sky[3], 0.5)
            out.append(
                fog_bank(
                    camera,
                    rng,
                    depth=depth + 0.04,
                    base=base - 0.02 + 0.03 * index,
                    height=0.16,
                    colour=pale,
                    thick=0.42,
                    drift=5 + 3 * index,
                )
            )
    return out


def water(
    out: SceneBuilder,
    scene: Scene,
    light: Light,
    camera: Camera,
    sky: Sky,
    rng: np.random.Generator,
    *,
    choppy: float,
    hidden: bool = False,
) -> None:
    if scene.weather is Weather.STORM:
        choppy = min(1.3, choppy * 1.8)
    out.behind.append(
        Water.make(
            scene,
            light,
            camera,
            rng,
            bottom=camera.h,
            sun=sky.sun,
            shines=sky.shines and not hidden,
            choppy=choppy,
        )
    )
