"""A shot: a scene with its camera, ready to be painted at any time of its length."""

from __future__ import annotations

import numpy as np

from safelight_storyboard import subjects as casting
from safelight_storyboard.camera import Camera
from safelight_storyboard.environments import build
from safelight_storyboard.figures import Figure
from safelight_storyboard.layers import Element, Layer, paint_all
from safelight_storyboard.lexicon import RAINY, Environment, Style, Tint, Weather
from safelight_storyboard.palette import Light, light_for
from safelight_storyboard.place import HORIZONS, PLACES, FrameGeometry
from safelight_storyboard.postprocess import wash
from safelight_storyboard.raster import Raster, mix, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.sky import make_sky
from safelight_storyboard.text_signs import Sign
from safelight_storyboard.title_card import TitleCard
from safelight_storyboard.weather import Flakes, Rain


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
        speed = casting.lead_speed(scene, place, h)
        # The subject crosses up to a third of the picture. For a longer path, the camera follows it.
        travel = max(0.0, speed * seconds - 0.34 * w) if speed else 0.0
        self.camera = Camera(
            move=scene.move,
            w=w,
            h=h,
            seconds=seconds,
            horizon=horizon,
            follow=travel,
            depth=place.depth,
            rise=0.4 if scene.setting is Environment.ROOM else 1.0,
        )
        sky = make_sky(scene, light, self.camera, rng)
        place_built = build(scene, light, self.camera, sky, rng)
        frame = FrameGeometry(w=w, h=h, seconds=seconds, horizon=horizon, sun=sky.sun, shines=sky.shines)
        aloft: list[Figure] = []
        grounded: list[Figure] = []
        casting.assemble(scene, place, light, frame, rng, travel=travel, behind=aloft, front=grounded)
        elements: list[Element] = [*place_built.behind]
        if not scene.card:
            elements += _signs(scene, light, self.camera, ground=place.ground)
        elements += [*aloft, *grounded, *place_built.front]
        if scene.setting is not Environment.ROOM:
            elements += _falling(scene, light, self.camera, rng)
        if Style.WATERCOLOR in scene.styles:
            for element in elements:
                if isinstance(element, Layer):
                    element.texture = wash(element.texture)
        card = TitleCard.make(scene, size)
        if card is not None:
            elements.append(card)
        self._elements = elements

    def paint(self, t: float) -> Raster:
        """The frame at `t` seconds. The next call overwrites the returned array."""
        paint_all(self._elements, self._frame, self.camera.view(t), t)
        return self._frame


def _falling(scene: Scene, light: Light, camera: Camera, rng: np.random.Generator) -> list[Element]:
    """What falls in front of the scene: rain, snow, petals or leaves."""
    if scene.weather in RAINY:
        tone = mix(light.sky[3], rgb("#ffffff"), 0.35)
        return [Rain.make(camera, rng, heavy=scene.weather is Weather.STORM, tone=tone)]
    if scene.weather is Weather.SNOW:
        white = np.minimum(light.ambient * 255 * 1.1 + 26, 255).astype(np.float32)
        return [Rain.snow(camera, rng, tone=white)]
    for tint, count, colour in ((Tint.BLOSSOM, 130, "#f7bccb"), (Tint.AUTUMN, 48, "#d9822f")):
        if tint in scene.tints:
            petal = rgb(colour) * np.maximum(light.ambient, 0.4)
            return [Flakes.make(camera, rng, count=count, colour=petal, wind=0.07)]
    return []


def _signs(scene: Scene, light: Light, camera: Camera, *, ground: float) -> list[Element]:
    street = scene.setting in (Environment.CITY, Environment.STREET)
    neon = street and light.lamps > 0.5
    posts = scene.setting not in (Environment.ROOM, Environment.STREET)
    made = [
        Sign.make(text, light, camera, index=i, neon=neon, ground=ground, depth=0.6, posts=posts)
        for i, text in enumerate(scene.signs)
    ]
    return [sign for sign in made if sign is not None]
