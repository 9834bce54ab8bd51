"""A shot: a scene with its camera, ready to be painted at any time of its length."""

from __future__ import annotations

import numpy as np

from safelight_storyboard import subjects as casting
from safelight_storyboard.camera import Camera
from safelight_storyboard.environments import build
from safelight_storyboard.figures import Figure
from safelight_storyboard.layers import Element, Layer, paint_all
from safelight_storyboard.lexicon import (
    RAINY,
    ROUGH,
    SNOWY,
    Environment,
    Style,
    Tint,
    Weather,
)
from safelight_storyboard.palette import Light, light_for
from safelight_storyboard.place import HORIZONS, PLACES, FrameGeometry
from safelight_storyboard.postprocess import wash
from safelight_storyboard.rainbow import Rainbow
from safelight_storyboard.raster import Raster, mix, rgb
from safelight_storyboard.scene import INDOORS, Scene
from safelight_storyboard.sky import make_sky
from safelight_storyboard.strong_wind import bent_trees, driven_snow
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.text_signs import Sign
from safelight_storyboard.water import Water
from safelight_storyboard.weather import Flakes, Hail, Lightning, Rain

#: Places without trees in the wind.
UNWINDY = INDOORS | {Environment.SPACE, Environment.UNDERWATER, Environment.SEA}


class Shot:
    """Paints the frames of one scene as (h, w, 4) BGRA. The caller must paint them in order of time."""

    def __init__(
        self,
        scene: Scene,
        size: tuple[int, int],
        seconds: float,
        rng: np.random.Generator,
        *,
        theme: tuple[tuple[int, int, int], ...] = (),
    ) -> None:
        w, h = size
        self._frame = np.zeros((h, w, 4), np.uint8)
        light = light_for(scene, theme)
        place = PLACES[scene.setting]
        horizon = HORIZONS[scene.setting] * h
        speed = (
            0.0
            if scene.setting in (Environment.UNDERWATER, Environment.KITCHEN)
            else casting.lead_speed(scene, place, h)
        )
        # The subject crosses up to a third of the picture. For a longer path, the camera follows it.
        travel = max(0.0, speed * seconds - 0.34 * w) if speed else 0.0
        if speed and scene.subjects and any(s.kind is SubjectKind.TRAIN for s in scene.subjects[:1]):
            travel = speed * seconds * 0.8
        self.camera = Camera(
            move=scene.move,
            w=w,
            h=h,
            seconds=seconds,
            horizon=horizon,
            follow=travel,
            depth=place.depth,
            rise=0.4 if scene.setting in INDOORS else 1.0,
        )
        sky = make_sky(scene, light, self.camera, rng)
        place_built = build(scene, light, self.camera, sky, rng)
        frame = FrameGeometry(w=w, h=h, seconds=seconds, horizon=horizon, sun=sky.sun, shines=sky.shines)
        aloft: list[Figure] = []
        grounded: list[Figure] = []
        casting.assemble(scene, place, light, frame, rng, travel=travel, behind=aloft, front=grounded)
        elements: list[Element] = [*place_built.behind]
        if any(s.kind is SubjectKind.RAINBOW for s in scene.subjects):
            # In front of water, which would mirror it to a full circle.
            waters = [i for i, each in enumerate(elements) if isinstance(each, Water)]
            elements.insert(waters[-1] + 1 if waters else len(sky.elements), Rainbow.make(self.camera))
        elements += _signs(scene, light, self.camera, ground=place.ground)
        if scene.weather in (Weather.WIND, Weather.TYPHOON) and scene.setting not in UNWINDY:
            elements += bent_trees(light, self.camera, place)
        elements += aloft
        elements += grounded
        elements += place_built.front
        self.thunder_at: float | None = None
        if scene.setting not in INDOORS and scene.setting not in (Environment.SPACE, Environment.UNDERWATER):
            if scene.weather in RAINY | {Weather.SLEET, Weather.HAIL}:
                tone = mix(light.sky[3], rgb("#ffffff"), 0.35)
                elements.append(Rain.make(self.camera, rng, heavy=scene.weather in ROUGH, tone=tone))
            if scene.weather is Weather.TYPHOON:
                tone = mix(light.sky[3], rgb("#ffffff"), 0.25)
                elements.append(Rain.make(self.camera, rng, heavy=True, tone=tone, slant=0.75))
            if scene.weather in (Weather.STORM, Weather.LIGHTNING):
                strokes = [
                    Lightning.make(self.camera, rng, (at + 0.2) / seconds)
                    for at in np.arange(0.0, max(seconds - 0.4, 0.1), 1.3)
                ]
                self.thunder_at = strokes[0].at
                elements += strokes
            white = np.minimum(light.ambient * 255 * 1.1 + 26, 255).astype(np.float32)
            if scene.weather in SNOWY:
                heavy = scene.weather is Weather.BLIZZARD
                elements.append(driven_snow(self.camera, rng, colour=white, slant=1.2 if heavy else 0.12))
            elif scene.weather is Weather.SLEET:
                elements.append(Flakes.make(self.camera, rng, count=240, colour=white))
            elif scene.weather in (Weather.WIND, Weather.TYPHOON):
                leaf = rgb("#8a8a4a") * np.maximum(light.ambient, 0.4)
                elements.append(Flakes.make(self.camera, rng, count=70, colour=leaf, wind=0.9))
            elif scene.weather is Weather.HAIL:
                elements.append(Hail.make(self.camera, rng, ground=place.ground, tone=white))
            elif scene.weather is Weather.SANDSTORM:
                sand = rgb("#e0b878") * np.maximum(light.ambient, 0.5)
                elements.append(Flakes.make(self.camera, rng, count=700, colour=sand, wind=0.9))
            elif Tint.BLOSSOM in scene.tints:
                elements.append(
                    Flakes.make(
                        self.camera,
                        rng,
                        count=130,
                        colour=rgb("#f7bccb") * np.maximum(light.ambient, 0.4),
                        wind=0.07,
                    )
                )
            elif Tint.AUTUMN in scene.tints:
                elements.append(
                    Flakes.make(
                        self.camera,
                        rng,
                        count=48,
                        colour=rgb("#d9822f") * np.maximum(light.ambient, 0.4),
                        wind=0.08,
                    )
                )
        if Style.WATERCOLOR in scene.styles:
            for element in elements:
                if isinstance(element, Layer):
                    element.texture = wash(element.texture)
        self._elements = elements

    def paint(self, t: float) -> Raster:
        """The frame at `t` seconds. The next call overwrites the returned array."""
        paint_all(self._elements, self._frame, self.camera.view(t), t)
        return self._frame


def _signs(scene: Scene, light: Light, camera: Camera, *, ground: float) -> list[Element]:
    neon = light.lamps > 0.5 and scene.setting in (Environment.CITY, Environment.STREET)
    posts = scene.setting not in INDOORS and scene.setting not in (Environment.STREET, Environment.SPACE)
    made = [
        Sign.make(text, light, camera, index=i, neon=neon, ground=ground, depth=0.6, posts=posts)
        for i, text in enumerate(scene.signs)
    ]
    return [sign for sign in made if sign is not None]
