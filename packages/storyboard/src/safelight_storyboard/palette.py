"""Light and colours of a scene, from time of day, weather and mood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from safelight_storyboard.lexicon import Environment, Mood, Style, TimeOfDay, Tint, Weather
from safelight_storyboard.raster import Colour, mix, rgb
from safelight_storyboard.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Light:
    """The light of a scene. Colours are BGR floats; `sky` has four colours from the zenith to the horizon."""

    sky: tuple[Colour, Colour, Colour, Colour]
    #: Colour of distant haze.
    haze: Colour
    #: Colour of the darkest silhouettes in the foreground.
    shade: Colour
    sun: Colour
    #: Colour of a white surface in this light, 0..1 per channel.
    ambient: Colour
    #: Height of the sun or moon above the horizon, as a fraction of the sky.
    height: float
    #: Fraction of the stars that are visible.
    stars: float
    #: How much lamplight the scene has: 0 by day, 1 at night.
    lamps: float


_HOURS: dict[TimeOfDay, Light] = {
    TimeOfDay.DAWN: Light(
        sky=(rgb("#3c5489"), rgb("#8a7fb0"), rgb("#eeb3a0"), rgb("#ffdfb0")),
        haze=rgb("#e6bcb0"), shade=rgb("#2b2740"), sun=rgb("#ffe2b0"),
        ambient=rgb("#b59aa6") / 255, height=0.16, stars=0.06, lamps=0.35,
    ),
    TimeOfDay.DAY: Light(
        sky=(rgb("#2a6db8"), rgb("#5d9fd8"), rgb("#a9d2ec"), rgb("#e2f0f2")),
        haze=rgb("#c2dbe6"), shade=rgb("#1d3a3a"), sun=rgb("#fff6dc"),
        ambient=rgb("#f2f0e6") / 255, height=0.68, stars=0.0, lamps=0.0,
    ),
    TimeOfDay.GOLDEN: Light(
        sky=(rgb("#43628f"), rgb("#a88f94"), rgb("#f3ae68"), rgb("#ffe09a")),
        haze=rgb("#f4bd84"), shade=rgb("#2c2029"), sun=rgb("#ffd184"),
        ambient=rgb("#cf9d74") / 255, height=0.2, stars=0.0, lamps=0.15,
    ),
    TimeOfDay.DUSK: Light(
        sky=(rgb("#171c45"), rgb("#453873"), rgb("#b0557c"), rgb("#f59a68")),
        haze=rgb("#8e5a80"), shade=rgb("#141126"), sun=rgb("#ffa477"),
        ambient=rgb("#74587c") / 255, height=0.06, stars=0.25, lamps=0.8,
    ),
    TimeOfDay.NIGHT: Light(
        sky=(rgb("#060b22"), rgb("#0d1a40"), rgb("#1b3160"), rgb("#345078")),
        haze=rgb("#2f4a78"), shade=rgb("#060b18"), sun=rgb("#d6e2ff"),
        ambient=rgb("#5c70a0") / 255, height=0.62, stars=1.0, lamps=1.0,
    ),
}  # fmt: skip


def light_for(scene: Scene, theme: tuple[tuple[int, int, int], ...] = ()) -> Light:
    """The palette of a scene. `theme` has the RGB colours of a reference picture, from dark to bright."""
    light = _HOURS[scene.hour]
    light = _weathered(light, scene.weather)
    if scene.setting is Environment.DESERT and scene.hour is TimeOfDay.DAY:
        light = _towards(light, rgb("#f0d9b4"), 0.25)
    for tint, colour, share in (
        (Tint.WARM, "#ffb066", 0.16),
        (Tint.COLD, "#7fb2e6", 0.2),
        (Tint.PASTEL, "#f2e4ea", 0.3),
        (Tint.BLOSSOM, "#f7bccb", 0.24),
        (Tint.AUTUMN, "#e8a25c", 0.12),
    ):
        if tint in scene.tints:
            light = _towards(light, rgb(colour), share * (0.5 if scene.hour is TimeOfDay.NIGHT else 1.0))
    if scene.setting in (Environment.CITY, Environment.STREET) and light.lamps > 0.5:
        warm = rgb("#8a6478") if scene.hour is TimeOfDay.NIGHT else rgb("#d08a6a")
        light = replace(
            light,
            haze=mix(light.haze, warm, 0.4),
            sky=(*light.sky[:2], mix(light.sky[2], warm, 0.18), mix(light.sky[3], warm, 0.55)),
        )
    if scene.mood is Mood.MELANCHOLY:
        light = _towards(light, rgb("#6f86a6"), 0.14)
    if scene.mood is Mood.TENSE:
        light = _towards(light, rgb("#1b2a30"), 0.22)
    if Style.ANIME in scene.styles or Tint.VIVID in scene.tints:
        light = _saturated(light, 1.28)
    if theme:
        light = _themed(light, theme)
    return light


def _map(light: Light, change: object) -> Light:
    assert callable(change)
    a, b, c, d = (change(s) for s in light.sky)
    return replace(light, sky=(a, b, c, d), haze=change(light.haze), shade=change(light.shade))


def _towards(light: Light, colour: Colour, share: float) -> Light:
    tinted = mix(np.ones(3, np.float32), colour / 255, share * 1.2)
    scaled = _map(light, lambda c: mix(c, mix(c * tinted, colour, 0.35), min(1.0, share * 1.6)))
    return replace(scaled, shade=mix(light.shade, light.shade * tinted, 0.8), ambient=light.ambient * tinted)


def _saturated(light: Light, gain: float) -> Light:
    def change(colour: Colour) -> Colour:
        grey = np.float32(colour.mean())
        return np.asarray(np.clip(grey + (colour - grey) * np.float32(gain), 0, 255).astype(np.float32))

    return _map(light, change)


def _weathered(light: Light, weather: Weather) -> Light:
    if weather is Weather.CLEAR:
        return light
    mean = light.sky[2]
    grey = np.full(3, float(mean.mean()), np.float32) * np.array([1.04, 1.0, 0.96], np.float32)
    share, dark = {
        Weather.RAIN: (0.62, 0.72),
        Weather.STORM: (0.68, 0.6),
        Weather.SNOW: (0.6, 1.0),
        Weather.FOG: (0.72, 1.0),
        Weather.CLOUDY: (0.5, 0.88),
    }[weather]
    if weather is Weather.FOG:
        grey = mix(grey, light.haze, 0.7)
    dull = _map(light, lambda c: mix(c, grey, share * 0.8) * np.float32(dark))
    return replace(
        dull,
        haze=mix(light.haze, grey, share) * np.float32(dark),
        shade=mix(light.shade, grey * np.float32(0.4), 0.25),
        ambient=mix(light.ambient, np.full(3, float(light.ambient.mean()), np.float32), 0.6)
        * np.float32(dark),
        stars=0.0,
    )


def _themed(light: Light, theme: tuple[tuple[int, int, int], ...]) -> Light:
    """Shifts sky and land towards the colours of a reference: its darkest colour below, its brightest at
    the horizon.
    """
    colours = [rgb(c) for c in theme]
    dark, bright = colours[0], colours[-1]
    middle = colours[len(colours) // 2]
    return replace(
        light,
        sky=(
            mix(light.sky[0], middle, 0.6),
            mix(light.sky[1], mix(middle, bright, 0.35), 0.6),
            mix(light.sky[2], mix(middle, bright, 0.7), 0.6),
            mix(light.sky[3], bright, 0.65),
        ),
        haze=mix(light.haze, mix(middle, bright, 0.5), 0.6),
        shade=mix(light.shade, dark * np.float32(0.5), 0.5),
    )
