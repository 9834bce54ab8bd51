"""Natural places: mountains, forests, coasts, lakes, deserts, meadows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from safelight_storyboard.camera import Camera
from safelight_storyboard.layers import Layer
from safelight_storyboard.lexicon import TimeOfDay, Tint, Weather
from safelight_storyboard.palette import Light
from safelight_storyboard.raster import mix, noise, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.scene_builder import (
    SceneBuilder,
    frame_trees,
    ground_colour,
    leaf_colour,
    ranges,
)
from safelight_storyboard.sky import Sky
from safelight_storyboard.terrain import Ridge, make_grass, make_ridge, make_wood
from safelight_storyboard.weather import Shafts, fog_bank


def mountains(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    out.behind += ranges(scene, light, camera, sky, rng, base=0.66, count=4, rise=0.5, snow=True)
    tree = mix(rgb("#2f4a3e") * light.ambient, light.shade, 0.68)
    far = Ridge(
        depth=0.64,
        base=0.78,
        rise=0.05,
        cell=0.7,
        colour=mix(tree, light.haze, 0.12),
        foot=mix(tree, light.haze, 0.45),
        fade=0.22,
    )
    out.behind.append(make_wood(far, light, camera, rng, sun_x=sky.sun[0], tree=0.1, dense=1.6))
    ground = ground_colour(scene, light, "#4a5a3c", 0.68)
    near = Ridge(
        depth=0.84,
        base=0.855,
        rise=0.02,
        cell=1.1,
        colour=ground,
        foot=light.shade * np.float32(0.8),
        fade=0.16,
    )
    out.behind.append(make_ridge(near, light, camera, rng, sun_x=sky.sun[0]))
    frame_trees(out, light, camera, sky, rng, kinds=("conifer",), tree=0.62)


def forest(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    kinds = (
        ("conifer",)
        if (rng.random() < 0.6 or scene.weather is Weather.SNOW)
        and not scene.tints & {Tint.AUTUMN, Tint.BLOSSOM}
        else ("broadleaf", "conifer", "broadleaf")
    )
    leaf = leaf_colour(scene, "#47694a")
    for index, (depth, base, tree) in enumerate(
        ((0.18, 0.62, 0.3), (0.3, 0.68, 0.4), (0.44, 0.75, 0.52), (0.6, 0.81, 0.62))
    ):
        u = (index + 1) / 5
        colour = mix(
            mix(leaf * light.ambient, light.shade, 0.15 + 0.55 * u), light.haze, 0.78 * (1 - u) ** 0.9
        )
        gap = (0.36, 0.66) if index >= 2 else (0.46, 0.56) if index == 1 else None
        ridge = Ridge(
            depth=depth,
            base=base,
            rise=0.02,
            cell=0.8,
            colour=colour,
            foot=mix(colour, light.haze, 0.5),
            fade=0.3,
            sway=0.002,
        )
        out.behind.append(
            make_wood(
                ridge, light, camera, rng, sun_x=sky.sun[0], tree=tree, kinds=kinds, dense=1.25, gap=gap
            )
        )
        pale = mix(light.haze, light.sky[3], 0.5)
        out.behind.append(
            fog_bank(
                camera,
                rng,
                depth=depth + 0.05,
                base=base + 0.0,
                height=0.26,
                colour=pale,
                thick=0.5 * (1 - 0.5 * u),
                drift=5 + 2 * index,
            )
        )
    ground = ground_colour(scene, light, "#4d5a38", 0.62)
    near = Ridge(
        depth=0.74,
        base=0.85,
        rise=0.012,
        cell=1.0,
        colour=mix(ground, light.haze, 0.1),
        foot=light.shade * np.float32(0.8),
        fade=0.15,
    )
    out.behind.append(make_ridge(near, light, camera, rng, sun_x=sky.sun[0]))
    frame_trees(out, light, camera, sky, rng, kinds=kinds, tree=0.95)
    if sky.shines and scene.hour is not TimeOfDay.NIGHT and scene.weather is not Weather.SNOW:
        out.front.append(
            Shafts.make(camera, rng, colour=light.sun, strength=0.42, origin=(sky.sun[0], -0.1 * camera.h))
        )


def desert(out: SceneBuilder, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    sand = rgb("#e0a468")
    mesa = mix(mix(rgb("#9c6248") * light.ambient, light.shade, 0.2), light.haze, 0.62)
    out.behind.append(
        make_ridge(
            Ridge(
                depth=0.12,
                base=0.62,
                rise=0.07,
                cell=0.5,
                colour=mesa,
                foot=mix(mesa, light.haze, 0.6),
                fade=0.12,
                sharp=0.3,
                relief=0.4,
            ),
            light,
            camera,
            rng,
            sun_x=sky.sun[0],
        )
    )
    for depth, base, rise, cell in (
        (0.26, 0.68, 0.04, 0.9),
        (0.42, 0.73, 0.05, 1.2),
        (0.58, 0.79, 0.05, 1.5),
    ):
        colour = mix(
            mix(sand * light.ambient, light.shade, 0.06 + 0.3 * depth), light.haze, 0.6 * (1 - depth) ** 1.5
        )
        out.behind.append(
            make_dune(
                Ridge(
                    depth=depth,
                    base=base,
                    rise=rise,
                    cell=cell,
                    colour=colour,
                    foot=mix(colour, light.shade, 0.3),
                ),
                light,
                camera,
                sky,
                rng,
            )
        )
    near = mix(sand * light.ambient, light.shade, 0.26)
    out.behind.append(
        make_dune(
            Ridge(
                depth=0.8, base=0.845, rise=0.022, cell=1.9, colour=near, foot=mix(near, light.shade, 0.55)
            ),
            light,
            camera,
            sky,
            rng,
        )
    )


def make_dune(ridge: Ridge, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> Layer:
    """A smooth dune: a lit side, a side in shadow, and fine ripples."""
    layer = make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0])
    h, w = layer.texture.shape[:2]
    bend = np.cumsum(noise(rng, w, h, camera.h * 0.5, octaves=2) - 0.5, axis=1) * 0.6
    rows, columns = np.mgrid[0:h, 0:w].astype(np.float32)
    crease = np.sin((columns + bend * 3 + rows * 1.9) / (camera.h * (0.16 + 0.1 * ridge.depth)))
    edge = np.clip(crease * 2.2, -1, 1) * np.clip(rows / (camera.h * 0.05), 0, 1)
    ripples = (
        np.sin((rows * 3.4 + bend * 1.5 + columns * 0.25) / (camera.h * 0.012 * (0.4 + ridge.depth)))
        * 0.025
        * ridge.depth
    )
    shade = 1 + (0.13 * edge + ripples) * (1.0 if sky.shines else 0.45)
    layer.texture[..., :3] = np.clip(layer.texture[..., :3] * shade[..., None], 0, 255)
    layer.texture[..., :3] = np.minimum(layer.texture[..., :3], layer.texture[..., 3:])
    return layer


def meadow(
    out: SceneBuilder, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator
) -> None:
    out.behind += ranges(scene, light, camera, sky, rng, base=0.62, count=2, rise=0.22, snow=False)
    leaf = rgb("#7f9a4e") if Tint.AUTUMN not in scene.tints else rgb("#b8873f")
    white = scene.weather is Weather.SNOW
    if white:
        leaf = rgb("#d9e2ea")
    for index, (depth, base) in enumerate(((0.34, 0.66), (0.48, 0.715), (0.62, 0.77))):
        colour = mix(
            mix(leaf * light.ambient, light.shade, 0.1 + 0.4 * depth), light.haze, 0.62 * (1 - depth) ** 1.4
        )
        ridge = Ridge(
            depth=depth,
            base=base,
            rise=0.035,
            cell=0.85 + 0.2 * index,
            colour=colour,
            foot=mix(colour, light.shade, 0.3),
            fade=0.2,
        )
        if index == 2 and scene.tints & {Tint.BLOSSOM, Tint.AUTUMN}:
            grove = replace(
                ridge,
                depth=0.55,
                base=0.74,
                colour=mix(leaf_colour(scene, "#ffffff") * light.ambient, light.haze, 0.12),
            )
            out.behind.append(
                make_wood(
                    grove, light, camera, rng, sun_x=sky.sun[0], tree=0.24, kinds=("broadleaf",), dense=0.7
                )
            )
        if index < 2:
            out.behind.append(
                make_wood(
                    ridge,
                    light,
                    camera,
                    rng,
                    sun_x=sky.sun[0],
                    tree=0.06 + 0.03 * index,
                    kinds=("broadleaf",),
                    dense=0.3,
                )
            )
        else:
            out.behind.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
    ground = mix(mix(leaf * light.ambient, light.shade, 0.4), light.haze, 0.05)
    out.behind.append(
        make_ridge(
            Ridge(
                depth=0.8,
                base=0.845,
                rise=0.015,
                cell=1.2,
                colour=ground,
                foot=mix(ground, light.shade, 0.7),
                fade=0.14,
            ),
            light,
            camera,
            rng,
            sun_x=sky.sun[0],
        )
    )
    if not white:
        petals = tuple(rgb(c) for c in ("#f2e3c0", "#e4574c", "#f2b441", "#b784d8", "#ffffff"))
        tip = mix(leaf * light.ambient, light.sun, 0.12)
        out.behind.append(
            make_grass(
                light,
                camera,
                rng,
                depth=0.8,
                base=0.862,
                height=0.03,
                colour=mix(ground, light.shade, 0.3),
                tip=tip * np.float32(0.86),
                dense=1.4,
            )
        )
        out.front.append(
            make_grass(
                light,
                camera,
                rng,
                depth=1.0,
                base=1.0,
                height=0.11,
                colour=light.shade * np.float32(0.8),
                tip=mix(tip, light.shade, 0.42),
                flowers=petals,
            )
        )
