"""Settings: how each kind of place is built up from sky, land, water and buildings, far to near."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from safelight.generation.storyboard.camera import Camera, View
from safelight.generation.storyboard.cast import Place
from safelight.generation.storyboard.city import Lamps, WetGround, make_fronts, make_skyline
from safelight.generation.storyboard.indoors import Steam, counter, make_room, make_stage
from safelight.generation.storyboard.land import Ridge, make_grass, make_ridge, make_wood
from safelight.generation.storyboard.layers import Element, Layer, room
from safelight.generation.storyboard.lexicon import Hour, Kind, Setting, Tint, Weather
from safelight.generation.storyboard.palette import Light
from safelight.generation.storyboard.raster import Colour, Raster, mix, noise, pack, rgb
from safelight.generation.storyboard.scene import Scene
from safelight.generation.storyboard.sky import Sky, Stars
from safelight.generation.storyboard.water import Water
from safelight.generation.storyboard.weather import Shafts, fog_bank

HORIZONS = {
    Setting.SEA: 0.56, Setting.BEACH: 0.5, Setting.LAKE: 0.56, Setting.MOUNTAINS: 0.66, Setting.FOREST: 0.6,
    Setting.CITY: 0.74, Setting.STREET: 0.7, Setting.DESERT: 0.62, Setting.MEADOW: 0.6, Setting.SPACE: 0.9,
    Setting.KITCHEN: 0.5, Setting.ROOM: 0.56, Setting.STAGE: 0.6, Setting.UNDERWATER: 0.8,
}  # fmt: skip

PLACES = {
    Setting.SEA: Place(ground=0.86, depth=0.8, water=0.685), Setting.BEACH: Place(ground=0.875, depth=0.8, water=0.58),
    Setting.LAKE: Place(ground=0.9, depth=0.86, water=0.68), Setting.MOUNTAINS: Place(ground=0.87, depth=0.84),
    Setting.FOREST: Place(ground=0.86, depth=0.74), Setting.CITY: Place(ground=0.905, depth=0.86),
    Setting.STREET: Place(ground=0.86, depth=0.8, scale=1.05, dark=0.4), Setting.DESERT: Place(ground=0.84, depth=0.8),
    Setting.MEADOW: Place(ground=0.855, depth=0.8), Setting.SPACE: Place(ground=0.9, depth=0.8, dark=0.2),
    Setting.KITCHEN: Place(ground=1.17, depth=0.8, scale=2.6, dark=0.16), Setting.ROOM: Place(ground=0.93, depth=0.8, scale=1.55, dark=0.34),
    Setting.STAGE: Place(ground=0.84, depth=0.75, scale=1.5, dark=0.2), Setting.UNDERWATER: Place(ground=0.93, depth=0.7, dark=0.35),
}  # fmt: skip


@dataclass(kw_only=True)
class Build:
    """Everything of a place: what stands behind the subjects and what in front of them."""

    behind: list[Element] = field(default_factory=list)
    front: list[Element] = field(default_factory=list)


def build(scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> Build:
    """Build the place of a scene."""
    out = Build()
    if scene.setting not in (Setting.SPACE, Setting.UNDERWATER):
        out.behind += sky.elements
    match scene.setting:
        case Setting.SEA:
            _sea(out, scene, light, camera, sky, rng)
        case Setting.BEACH:
            _beach(out, scene, light, camera, sky, rng)
        case Setting.LAKE:
            _lake(out, scene, light, camera, sky, rng)
        case Setting.MOUNTAINS:
            _mountains(out, scene, light, camera, sky, rng)
        case Setting.FOREST:
            _forest(out, scene, light, camera, sky, rng)
        case Setting.CITY:
            _city(out, scene, light, camera, sky, rng)
        case Setting.STREET:
            _street(out, scene, light, camera, sky, rng)
        case Setting.DESERT:
            _desert(out, scene, light, camera, sky, rng)
        case Setting.MEADOW:
            _meadow(out, scene, light, camera, sky, rng)
        case Setting.SPACE:
            _space(out, scene, light, camera, rng)
        case Setting.KITCHEN | Setting.ROOM:
            _indoors(out, scene, light, camera, sky, rng)
        case Setting.STAGE:
            out.behind += make_stage(light, camera, rng, floor=0.78)
        case Setting.UNDERWATER:
            _underwater(out, scene, light, camera, rng)
    _ways(out, scene, light, camera)
    if scene.weather is Weather.FOG and scene.setting not in (Setting.SPACE, Setting.UNDERWATER, Setting.KITCHEN, Setting.ROOM, Setting.STAGE):
        pale = mix(light.haze, light.sky[3], 0.4)
        out.behind.append(fog_bank(camera, rng, depth=0.5, base=0.66, height=0.5, colour=pale, thick=0.75, drift=11))
        out.front.append(fog_bank(camera, rng, depth=0.95, base=0.9, height=0.5, colour=pale, thick=0.6, drift=22))
    return out


def _ways(out: Build, scene: Scene, light: Light, camera: Camera) -> None:
    """A road or a track, where somebody drives and the place has none."""
    kinds = {s.kind for s in scene.subjects}
    if scene.setting in (Setting.STREET, Setting.SPACE, Setting.UNDERWATER, Setting.KITCHEN, Setting.ROOM, Setting.STAGE):
        return
    place = PLACES[scene.setting]
    if Kind.TRAIN in kinds:
        out.behind.append(Way.make(light, camera, depth=place.depth, row=place.ground, rails=True))
    elif kinds & {Kind.CAR, Kind.BICYCLE}:
        out.behind.append(Way.make(light, camera, depth=place.depth, row=place.ground, rails=False))


@dataclass(kw_only=True)
class Way:
    """A road with a dashed line, or rails on sleepers."""

    depth: float
    row: float
    body: tuple[float, float, float, float]
    line: tuple[float, float, float, float]
    rails: bool

    @classmethod
    def make(cls, light: Light, camera: Camera, *, depth: float, row: float, rails: bool) -> Way:
        body = mix(rgb("#6a6462" if rails else "#57565c") * light.ambient, light.shade, 0.5)
        line = mix(rgb("#b9b2a8" if rails else "#e6d9b4") * light.ambient, body, 0.35)
        return cls(depth=depth, row=row * camera.h, body=_solid(body), line=_solid(line), rails=rails)

    def paint(self, frame: Raster, view: View, t: float) -> None:
        h, w = frame.shape[:2]
        start, y = view.at(0, self.row, self.depth)
        scale, _, _ = view.shift(self.depth)
        unit = h / 540 * scale
        up, down = (5, 9) if self.rails else (13, 34)
        cv2.rectangle(frame, (0, round((y - up * unit) * 16)), (w * 16, round((y + down * unit) * 16)), self.body, -1, cv2.LINE_AA, 4)
        gap, long, row = (22.0, 12.0, 6.0) if self.rails else (92.0, 44.0, 13.0)
        number = math.floor(-start / (gap * unit)) - 1
        while start + number * gap * unit < w:
            x = start + number * gap * unit
            ends = ((round(x * 16), round((y + row * unit) * 16)), (round((x + long * unit) * 16), round((y + row * unit) * 16)))
            cv2.line(frame, *ends, self.body if self.rails else self.line, max(1, round(4 * unit)), cv2.LINE_AA, 4)
            number += 1
        if self.rails:
            cv2.line(frame, (0, round(y * 16)), (w * 16, round(y * 16)), self.line, max(1, round(2 * unit)), cv2.LINE_AA, 4)


def _green(scene: Scene, plain: str) -> Colour:
    if Tint.AUTUMN in scene.tints:
        return rgb("#a8622c")
    if Tint.BLOSSOM in scene.tints:
        return rgb("#d993a8")
    return rgb(plain)


def _ranges(scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator, *, base: float, count: int, rise: float, snow: bool) -> list[Element]:
    out: list[Element] = []
    stone = rgb("#5d6a78") if scene.setting is not Setting.DESERT else rgb("#a9714c")
    for index in range(count):
        u = (index + 1) / (count + 1)
        depth = 0.1 + 0.5 * u
        colour = mix(mix(stone * light.ambient, light.shade, 0.25 + 0.5 * u), light.haze, 0.72 * (1 - u) + 0.04)
        foot = mix(colour, mix(light.haze, light.sky[3], 0.35), 0.72 - 0.25 * u)
        ridge = Ridge(
            depth=depth, base=base - rise * 0.62 * (1 - u) + 0.02 * u, rise=rise * (0.62 - 0.26 * u), cell=0.62 - 0.2 * u, colour=colour,
            foot=foot, fade=0.2 + 0.1 * u, sharp=0.75 if index < count - 1 else 0.45, relief=0.75 * (1 - 0.35 * u),
            snow=(1.15 if scene.weather is Weather.SNOW else 0.85) if snow and index < 2 else 0.0,
        )  # fmt: skip
        out.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
        if index % 2 == 0:
            pale = mix(light.haze, light.sky[3], 0.5)
            out.append(fog_bank(camera, rng, depth=depth + 0.04, base=base - 0.02 + 0.03 * index, height=0.16, colour=pale, thick=0.42, drift=5 + 3 * index))
    return out


def _ground_colour(scene: Scene, light: Light, plain: str, dark: float = 0.5) -> Colour:
    base = rgb("#dfe6ee") if scene.weather is Weather.SNOW else rgb(plain)
    return mix(base * light.ambient, light.shade, dark * (0.55 if scene.weather is Weather.SNOW else 1.0))


def _mountains(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    out.behind += _ranges(scene, light, camera, sky, rng, base=0.66, count=4, rise=0.5, snow=True)
    tree = mix(rgb("#2f4a3e") * light.ambient, light.shade, 0.6)
    far = Ridge(depth=0.64, base=0.78, rise=0.05, cell=0.7, colour=mix(tree, light.haze, 0.28), foot=mix(tree, light.haze, 0.55), fade=0.22)
    out.behind.append(make_wood(far, light, camera, rng, sun_x=sky.sun[0], tree=0.1, dense=1.6))
    ground = _ground_colour(scene, light, "#4a5a3c", 0.68)
    near = Ridge(depth=0.84, base=0.855, rise=0.02, cell=1.1, colour=ground, foot=light.shade * np.float32(0.8), fade=0.16)
    out.behind.append(make_ridge(near, light, camera, rng, sun_x=sky.sun[0]))
    _frame_trees(out, light, camera, sky, rng, kinds=("conifer",), tree=0.62)


def _frame_trees(out: Build, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator, *, kinds: tuple[str, ...], tree: float) -> None:
    """Large dark trees at the edges of the picture, that frame it."""
    ridge = Ridge(depth=1.0, base=1.0, rise=0.02, cell=0.8, colour=light.shade * np.float32(0.72), foot=light.shade * np.float32(0.55), fade=0.2, sway=0.004)
    out.front.append(make_wood(ridge, light, camera, rng, sun_x=sky.sun[0], tree=tree, kinds=kinds, dense=_sparse(camera, 1.2), gap=(0.15, 0.89)))


def _sparse(camera: Camera, dense: float) -> float:
    """Few trees in front where the camera travels: they would hide whom it follows."""
    return dense * 0.22 if camera.follow > 0.2 * camera.w else dense


def _forest(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    kinds = ("conifer",) if rng.random() < 0.6 and not scene.tints & {Tint.AUTUMN, Tint.BLOSSOM} else ("broadleaf", "conifer", "broadleaf")
    leaf = _green(scene, "#47694a")
    for index, (depth, base, tree) in enumerate(((0.18, 0.62, 0.3), (0.3, 0.68, 0.4), (0.44, 0.75, 0.52), (0.6, 0.81, 0.62))):
        u = (index + 1) / 5
        colour = mix(mix(leaf * light.ambient, light.shade, 0.15 + 0.55 * u), light.haze, 0.78 * (1 - u) ** 0.9)
        gap = (0.36, 0.66) if index >= 2 else (0.46, 0.56) if index == 1 else None
        ridge = Ridge(depth=depth, base=base, rise=0.02, cell=0.8, colour=colour, foot=mix(colour, light.haze, 0.5), fade=0.3, sway=0.002)
        out.behind.append(make_wood(ridge, light, camera, rng, sun_x=sky.sun[0], tree=tree, kinds=kinds, dense=1.25, gap=gap))
        pale = mix(light.haze, light.sky[3], 0.5)
        out.behind.append(fog_bank(camera, rng, depth=depth + 0.05, base=base + 0.0, height=0.26, colour=pale, thick=0.5 * (1 - 0.5 * u), drift=5 + 2 * index))
    ground = _ground_colour(scene, light, "#4d5a38", 0.62)
    near = Ridge(depth=0.74, base=0.85, rise=0.012, cell=1.0, colour=mix(ground, light.haze, 0.1), foot=light.shade * np.float32(0.8), fade=0.15)
    out.behind.append(make_ridge(near, light, camera, rng, sun_x=sky.sun[0]))
    _frame_trees(out, light, camera, sky, rng, kinds=kinds, tree=0.95)
    if sky.shines and scene.hour is not Hour.NIGHT:
        out.front.append(Shafts.make(camera, rng, colour=light.sun, strength=0.42, origin=(sky.sun[0], -0.1 * camera.h)))


def _shore_mountains(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator, base: float) -> None:
    out.behind += _ranges(scene, light, camera, sky, rng, base=base, count=3, rise=0.46, snow=True)
    tree = mix(mix(_green(scene, "#35523f") * light.ambient, light.shade, 0.5), light.haze, 0.3)
    bank = Ridge(depth=0.42, base=base + 0.004, rise=0.006, cell=0.5, colour=tree, foot=tree, fade=0.1)
    out.behind.append(make_wood(bank, light, camera, rng, sun_x=sky.sun[0], tree=0.075, kinds=("conifer", "conifer", "broadleaf"), dense=1.8))


def _water(
    out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator, *, choppy: float, hidden: bool = False
) -> None:
    if scene.weather is Weather.STORM:
        choppy = min(1.3, choppy * 1.8)
    out.behind.append(Water.make(scene, light, camera, rng, bottom=camera.h, sun=sky.sun, shines=sky.shines and not hidden, choppy=choppy))


def _sea(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    base = camera.horizon / camera.h
    isle = mix(rgb("#54616c") * light.ambient, light.haze, 0.62)
    if rng.random() < 0.75:
        ridge = Ridge(depth=0.06, base=base + 0.03, rise=0.07, cell=0.9, colour=isle, foot=mix(isle, light.haze, 0.5), fade=0.08, sharp=0.4, relief=0.5)
        out.behind.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
    _water(out, scene, light, camera, sky, rng, choppy=0.62)


def _beach(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    _sea(out, scene, light, camera, sky, rng)
    out.behind.append(Surf.make(scene, light, camera, rng))
    if rng.random() < 0.7:
        ridge = Ridge(depth=1.0, base=1.02, rise=0.02, cell=0.8, colour=light.shade * np.float32(0.75), foot=light.shade * np.float32(0.6), fade=0.2, sway=0.006)
        out.front.append(make_wood(ridge, light, camera, rng, sun_x=sky.sun[0], tree=0.8, kinds=("palm",), dense=_sparse(camera, 0.6), gap=(0.1, 0.9)))


@dataclass(kw_only=True)
class Surf:
    """Sand with a line of foam that runs up and draws back."""

    sand: Layer
    foam: Raster
    line: float
    h: int

    @classmethod
    def make(cls, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> Surf:
        depth = 0.8
        colour = _ground_colour(scene, light, "#dcbf92", 0.3)
        ridge = Ridge(depth=depth, base=0.79, rise=0.012, cell=1.6, colour=mix(colour, light.sky[2], 0.25), foot=mix(colour, light.shade, 0.55), fade=0.2)
        sand = make_ridge(ridge, light, camera, rng, sun_x=camera.w)
        grain = noise(rng, sand.texture.shape[1], sand.texture.shape[0], camera.h * 0.05, octaves=4, stretch=3)
        sand.texture[..., :3] = np.clip(sand.texture[..., :3] * (0.93 + 0.14 * grain)[..., None], 0, 255)
        sand.texture[..., :3] = np.minimum(sand.texture[..., :3], sand.texture[..., 3:])
        left, _, width, _ = room(camera, depth)
        tall = round(0.085 * camera.h)
        lace = noise(rng, width, tall, camera.h * 0.02, octaves=3, stretch=2.0)
        # The water's edge runs in long tongues; foam is dense at it and torn behind.
        edge = 0.62 + 0.3 * (noise(rng, width, 1, camera.h * 0.34, octaves=4)[0] - 0.5)
        behind = edge[None, :] - np.linspace(0, 1, tall, dtype=np.float32)[:, None]
        tongue = np.clip(behind * tall / 1.5, 0, 1)
        body = tongue * np.clip(np.exp(-behind * 16) + np.clip((lace - 0.52 - behind * 0.25) * 5, 0, 1) * 0.6, 0, 1)
        white = np.minimum(light.ambient * 255 * 1.05 + 18, 255)
        foam = pack(np.ones((tall, width, 3), np.float32) * white, (body * 0.86).astype(np.float32))
        layer_left = float(left)
        out = cls(sand=sand, foam=foam, line=0.775 * camera.h, h=camera.h)
        out._left = layer_left
        return out

    _left: float = field(init=False, default=0.0)

    def paint(self, frame: Raster, view: View, t: float) -> None:
        self.sand.paint(frame, view, t)
        for offset, size in ((0.0, 1.0), (0.5, 0.8)):
            u = (t / 6.5 + offset) % 1.0
            run = math.sin(math.pi * u) ** 1.2
            if run < 0.04:
                continue
            sheet = cv2.convertScaleAbs(self.foam, alpha=min(1.0, run * 1.6) * size)
            Layer(texture=sheet, depth=0.8, left=self._left, top=self.line - 0.03 * self.h + 0.045 * self.h * run).paint(frame, view, t)


def _lake(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    base = camera.horizon / camera.h
    _shore_mountains(out, scene, light, camera, sky, rng, base)
    # A low sun stands behind the mountains.
    _water(out, scene, light, camera, sky, rng, choppy=0.16, hidden=light.height < 0.3)
    pale = mix(light.haze, light.sky[3], 0.5)
    out.behind.append(fog_bank(camera, rng, depth=0.45, base=base + 0.02, height=0.13, colour=pale, thick=0.4, drift=6))
    reed = mix(_green(scene, "#5a6b3a") * light.ambient, light.shade, 0.66)
    out.front.append(make_grass(light, camera, rng, depth=1.0, base=0.985, height=0.11, colour=light.shade * np.float32(0.7), tip=reed, dense=0.8))
    if any(not s.kind.startswith(("boat", "fish", "bird", "balloon", "hot")) for s in scene.subjects):
        ground = _ground_colour(scene, light, "#4d5a3a", 0.65)
        bank = Ridge(depth=0.86, base=0.895, rise=0.012, cell=1.3, colour=ground, foot=light.shade * np.float32(0.8), fade=0.12)
        out.behind.append(make_ridge(bank, light, camera, rng, sun_x=sky.sun[0]))


def _desert(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    sand = rgb("#e0a468")
    mesa = mix(mix(rgb("#9c6248") * light.ambient, light.shade, 0.2), light.haze, 0.62)
    out.behind.append(make_ridge(Ridge(depth=0.12, base=0.62, rise=0.07, cell=0.5, colour=mesa, foot=mix(mesa, light.haze, 0.6), fade=0.12, sharp=0.3, relief=0.4), light, camera, rng, sun_x=sky.sun[0]))
    for depth, base, rise, cell in ((0.26, 0.68, 0.04, 0.9), (0.42, 0.73, 0.05, 1.2), (0.58, 0.79, 0.05, 1.5)):
        colour = mix(mix(sand * light.ambient, light.shade, 0.06 + 0.3 * depth), light.haze, 0.6 * (1 - depth) ** 1.5)
        out.behind.append(make_dune(Ridge(depth=depth, base=base, rise=rise, cell=cell, colour=colour, foot=mix(colour, light.shade, 0.3)), light, camera, sky, rng))
    near = mix(sand * light.ambient, light.shade, 0.26)
    out.behind.append(make_dune(Ridge(depth=0.8, base=0.845, rise=0.022, cell=1.9, colour=near, foot=mix(near, light.shade, 0.55)), light, camera, sky, rng))


def make_dune(ridge: Ridge, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> Layer:
    """A smooth dune: a lit side, a side in shadow, and fine ripples."""
    layer = make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0])
    h, w = layer.texture.shape[:2]
    bend = np.cumsum(noise(rng, w, h, camera.h * 0.5, octaves=2) - 0.5, axis=1) * 0.6
    rows, columns = np.mgrid[0:h, 0:w].astype(np.float32)
    crease = np.sin((columns + bend * 3 + rows * 1.9) / (camera.h * (0.16 + 0.1 * ridge.depth)))
    edge = np.clip(crease * 2.2, -1, 1) * np.clip(rows / (camera.h * 0.05), 0, 1)
    ripples = np.sin((rows * 3.4 + bend * 1.5 + columns * 0.25) / (camera.h * 0.012 * (0.4 + ridge.depth))) * 0.025 * ridge.depth
    shade = 1 + (0.13 * edge + ripples) * (1.0 if sky.shines else 0.45)
    layer.texture[..., :3] = np.clip(layer.texture[..., :3] * shade[..., None], 0, 255)
    layer.texture[..., :3] = np.minimum(layer.texture[..., :3], layer.texture[..., 3:])
    return layer


def _meadow(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    out.behind += _ranges(scene, light, camera, sky, rng, base=0.62, count=2, rise=0.22, snow=False)
    leaf = rgb("#7f9a4e") if Tint.AUTUMN not in scene.tints else rgb("#b8873f")
    if scene.weather is Weather.SNOW:
        leaf = rgb("#d9e2ea")
    for index, (depth, base) in enumerate(((0.34, 0.66), (0.48, 0.715), (0.62, 0.77))):
        colour = mix(mix(leaf * light.ambient, light.shade, 0.1 + 0.4 * depth), light.haze, 0.62 * (1 - depth) ** 1.4)
        ridge = Ridge(depth=depth, base=base, rise=0.035, cell=0.85 + 0.2 * index, colour=colour, foot=mix(colour, light.shade, 0.3), fade=0.2)
        if index < 2:
            out.behind.append(make_wood(ridge, light, camera, rng, sun_x=sky.sun[0], tree=0.06 + 0.03 * index, kinds=("broadleaf",), dense=0.3))
        else:
            out.behind.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
    ground = mix(mix(leaf * light.ambient, light.shade, 0.4), light.haze, 0.05)
    out.behind.append(make_ridge(Ridge(depth=0.8, base=0.845, rise=0.015, cell=1.2, colour=ground, foot=mix(ground, light.shade, 0.7), fade=0.14), light, camera, rng, sun_x=sky.sun[0]))
    if scene.weather is not Weather.SNOW:
        petals = tuple(rgb(c) for c in ("#f2e3c0", "#e4574c", "#f2b441", "#b784d8", "#ffffff"))
        tip = mix(leaf * light.ambient, light.sun, 0.12)
        out.behind.append(make_grass(light, camera, rng, depth=0.8, base=0.862, height=0.03, colour=mix(ground, light.shade, 0.3), tip=tip * np.float32(0.86), dense=1.4))
        out.front.append(make_grass(light, camera, rng, depth=1.0, base=1.0, height=0.11, colour=light.shade * np.float32(0.8), tip=mix(tip, light.shade, 0.42), flowers=petals))


def _city(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    out.behind.append(make_skyline(light, camera, rng, depth=0.1, base=0.72, tall=(0.16, 0.46), wide=(0.035, 0.08), mist=0.72))
    pale = mix(light.haze, light.sky[3], 0.45)
    out.behind.append(fog_bank(camera, rng, depth=0.14, base=0.66, height=0.2, colour=pale, thick=0.4, drift=5))
    out.behind.append(make_skyline(light, camera, rng, depth=0.24, base=0.77, tall=(0.14, 0.5), wide=(0.06, 0.12), mist=0.42))
    out.behind.append(fog_bank(camera, rng, depth=0.3, base=0.72, height=0.18, colour=pale, thick=0.3, drift=8))
    out.behind.append(make_skyline(light, camera, rng, depth=0.42, base=0.88, tall=(0.16, 0.4), wide=(0.1, 0.2), mist=0.24))
    roof = mix(rgb("#4a4650") * light.ambient, light.shade, 0.65)
    ridge = Ridge(depth=0.86, base=0.885, rise=0.0, cell=1.0, colour=roof, foot=light.shade * np.float32(0.75), fade=0.14)
    out.behind.append(make_ridge(ridge, light, camera, rng, sun_x=sky.sun[0]))
    out.behind.append(Railing(depth=0.86, top=0.795 * camera.h, foot=0.887 * camera.h, gap=0.045 * camera.h, colour=_solid(light.shade * 0.85)))
    if scene.weather in (Weather.RAIN, Weather.STORM):
        out.behind.append(WetGround.make(camera, rng, foot=0.89, depth=0.86, strength=0.5))


def _solid(colour: Colour) -> tuple[float, float, float, float]:
    b, g, r = (float(c) for c in np.clip(colour, 0, 255))
    return (b, g, r, 255.0)


@dataclass(kw_only=True)
class Railing:
    """A roof's railing in silhouette."""

    depth: float
    top: float
    foot: float
    gap: float
    colour: tuple[float, float, float, float]

    def paint(self, frame: Raster, view: View, t: float) -> None:
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
            cv2.line(frame, (round(x * 16), round(y0 * 16)), (round(x * 16), round(y1 * 16)), self.colour, wide, cv2.LINE_AA, 4)
            number += 1
        for y, wide in ((y0, thin * 3), (y0 + (y1 - y0) * 0.86, thin)):
            cv2.line(frame, (0, round(y * 16)), (w * 16, round(y * 16)), self.colour, wide, cv2.LINE_AA, 4)


def _street(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    out.behind.append(make_skyline(light, camera, rng, depth=0.16, base=0.78, tall=(0.3, 0.66), wide=(0.08, 0.16), mist=0.6))
    out.behind.append(make_fronts(light, camera, rng, depth=0.62, base=0.82))
    out.behind.append(Lamps.make(light, camera, rng, depth=0.74, foot=0.845, height=0.46))
    if scene.weather in (Weather.RAIN, Weather.STORM) or (light.lamps > 0.5 and scene.weather is not Weather.SNOW):
        strength = 0.62 if scene.weather in (Weather.RAIN, Weather.STORM) else 0.3
        out.behind.append(WetGround.make(camera, rng, foot=0.835, depth=0.7, strength=strength))


def _indoors(out: Build, scene: Scene, light: Light, camera: Camera, sky: Sky, rng: np.random.Generator) -> None:
    far = mix(mix(rgb("#6a7a64") * light.ambient, light.shade, 0.3), light.haze, 0.45)
    out.behind.append(make_ridge(Ridge(depth=0.08, base=0.45, rise=0.05, cell=0.4, colour=far, foot=mix(far, light.haze, 0.5), fade=0.15), light, camera, rng, sun_x=sky.sun[0]))
    out.behind += make_room(scene, light, camera, rng, floor=0.86 if scene.setting is Setting.ROOM else 0.9)
    if scene.setting is Setting.KITCHEN:
        out.front.append(counter(light, camera, rng, top_row=0.79))
        out.front.append(Steam.make(camera, rng, x=0.56 * camera.w, y=0.69 * camera.h, colour=rgb("#e9ddcf")))


def _underwater(out: Build, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> None:
    w, h = camera.w, camera.h
    left, top, width, height = room(camera, 0.03)
    ys = np.linspace(0, 1, height, dtype=np.float32)
    night = scene.hour in (Hour.NIGHT, Hour.DUSK)
    stops = [rgb(c) for c in (("#2a6f8f", "#0f4766", "#072b46", "#041a2e") if night else ("#8fe0e0", "#38a5bd", "#14688c", "#0a3d5e"))]
    colour = np.stack([np.interp(ys, [0, 0.3, 0.7, 1], [s[c] for s in stops]) for c in range(3)], 1).astype(np.float32)
    sheet = np.repeat(colour[:, None, :], width, 1) * (0.94 + 0.12 * noise(rng, width, height, h * 0.7, octaves=3))[..., None]
    out.behind.append(Layer(texture=pack(sheet.astype(np.float32), np.ones((height, width), np.float32)), depth=0.03, left=left, top=top))
    beam = rgb("#bff5ec")
    out.behind.append(Shafts.make(camera, rng, colour=beam, strength=0.5 if not night else 0.25, origin=(0.55 * w, -0.35 * h)))
    deep = stops[3]
    water = Light(sky=light.sky, haze=stops[2], shade=deep * np.float32(0.5), sun=beam, ambient=np.ones(3, np.float32), height=0.5, stars=0.0, lamps=0.0)
    for depth, base, rise in ((0.2, 0.8, 0.06), (0.45, 0.86, 0.05), (0.8, 0.93, 0.03)):
        tone = mix(stops[2], deep * np.float32(0.6), depth)
        out.behind.append(make_ridge(Ridge(depth=depth, base=base, rise=rise, cell=0.5, colour=tone, foot=deep * np.float32(0.7), fade=0.2), water, camera, rng, sun_x=0.5 * w))
        weed = mix(rgb("#2f7a62"), tone, 0.6 - 0.35 * depth)
        plants = make_grass(water, camera, rng, depth=depth + 0.03, base=base + 0.05, height=0.1 + 0.12 * depth, colour=tone, tip=weed, dense=0.16 + 0.2 * depth,
                            flowers=(rgb("#e8836b"), rgb("#f0b35e"), rgb("#c86f9e")))  # fmt: skip
        plants.sway, plants.pace = 0.13, 0.9
        (out.front if depth > 0.7 else out.behind).append(plants)
    out.front.append(Bubbles.make(camera, rng, beam))


@dataclass(kw_only=True)
class Bubbles:
    """Small bubbles that rise and swing."""

    each: Raster
    colour: tuple[float, float, float, float]

    @classmethod
    def make(cls, camera: Camera, rng: np.random.Generator, colour: Colour) -> Bubbles:
        n = 46
        each = np.stack([rng.random(n), rng.random(n), rng.uniform(0.8, 3.6, n) ** 1.1, rng.uniform(0.04, 0.12, n), rng.random(n) * 6.3], 1)
        return cls(each=each, colour=_solid(colour))

    def paint(self, frame: Raster, view: View, t: float) -> None:
        h, w = frame.shape[:2]
        for x, y, size, pace, phase in self.each:
            py = ((y - pace * t) % 1.06) * h
            px = x * w + math.sin(phase + 2.1 * t) * size * h / 300
            radius = max(1.0, size * h / 540)
            cv2.circle(frame, (round(px * 16), round(py * 16)), round(radius * 16), self.colour, 1, cv2.LINE_AA, 4)


def _space(out: Build, scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> None:
    w, h = camera.w, camera.h
    left, top, width, height = room(camera, 0.03)
    first, second = (rgb(c) for c in (("#5b2a86", "#1e6f8f"), ("#8f3557", "#2f4fa0"), ("#1c6b6f", "#7a3b72"))[int(rng.integers(3))])
    dust = noise(rng, width, height, h * 0.6, octaves=6)
    veil = noise(rng, width, height, h * 0.45, octaves=6)
    shape = np.clip((dust - 0.42) * 2.6, 0, 1) ** 1.6
    colour = np.array([20, 8, 6], np.float32) + (first * 0.85) * shape[..., None] + (second * 0.7) * (np.clip((veil - 0.5) * 2.4, 0, 1) ** 1.5)[..., None]
    colour += (np.clip(shape * veil * 2 - 0.75, 0, 1))[..., None] * np.array([140, 150, 190], np.float32)
    out.behind.append(Layer(texture=pack(colour.astype(np.float32), np.ones((height, width), np.float32)), depth=0.03, left=left, top=top))
    bright = replace(light, stars=1.6)
    stars = Stars.scattered(bright, camera, rng)
    stars.points[:, 3] = 0.3 + 0.7 * rng.random(len(stars.points)) ** 2
    stars.points[:, 1] = rng.random(len(stars.points)) * h
    out.behind.append(stars)
    out.behind.append(_planet(camera, rng))
    if any(s.action in ("walk", "run", "stand") for s in scene.subjects):
        dusty = Light(sky=light.sky, haze=rgb("#8a8794"), shade=rgb("#16151c"), sun=light.sun, ambient=np.ones(3, np.float32), height=0.5, stars=1, lamps=0)
        for depth, base, rise in ((0.35, 0.78, 0.05), (0.8, 0.86, 0.025)):
            tone = mix(rgb("#9a96a0"), dusty.shade, 0.3 + 0.2 * depth)
            out.behind.append(make_ridge(Ridge(depth=depth, base=base, rise=rise, cell=0.5, colour=tone, foot=mix(tone, dusty.shade, 0.8), fade=0.25, sharp=0.35, relief=0.8), dusty, camera, rng, sun_x=0.0))


def _planet(camera: Camera, rng: np.random.Generator) -> Layer:
    """A large planet, lit from the left, with bands of cloud and a thin air."""
    h = camera.h
    radius = round(h * float(rng.uniform(0.3, 0.4)))
    size = 2 * radius + round(0.1 * h)
    span = (np.arange(size, dtype=np.float32) - size / 2) / radius
    x, y = span[None, :], span[:, None]
    distance = np.sqrt(x**2 + y**2)
    z = np.sqrt(np.clip(1 - distance**2, 0, 1))
    day = np.clip(-0.62 * x - 0.42 * y + 0.66 * z, 0, 1) ** 0.8
    tones = [rgb(c) for c in (("#d8a36a", "#a8623c"), ("#7fb4d8", "#3b6f9c"), ("#c9b6d8", "#6a5590"))[int(rng.integers(3))]]
    warp = noise(rng, size, size, radius * 0.5, octaves=4)
    bands = 0.5 + 0.5 * np.sin((y * 1.05 + 0.25 * x) * 13 + warp * 5)
    colour = (tones[0] + (tones[1] - tones[0]) * bands[..., None]) * (0.04 + 1.05 * day)[..., None]
    rim = np.exp(-((distance - 1) / 0.035) ** 2) * np.clip(-0.62 * x - 0.42 * y + 0.3, 0, 1)
    alpha = np.clip((1 - distance) * radius + 0.5, 0, 1)
    air = np.clip(rim, 0, 1)
    colour += (mix(tones[0], rgb("#ffffff"), 0.4) - colour) * (air * 0.8)[..., None]
    cover = np.maximum(alpha, air * 0.85)
    x0, y0 = camera.w * float(rng.choice((0.74, 0.24))), h * 0.42
    return Layer(texture=pack(colour.astype(np.float32), cover.astype(np.float32)), depth=0.12, left=x0 - size / 2, top=y0 - size / 2, endless=False)

