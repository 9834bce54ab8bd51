"""Homes and landmarks: houses, villages, courtyard houses, tea houses, the Great Wall, famous towers.

One unit is the height of the building, or a little less; its foot is at 0. Windows have the tone `skin`.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from safelight_storyboard.buildings import box, wall
from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.figures import Drawing, Pen, Point, Tones
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.raster import Colour, rgb
from safelight_storyboard.subject_kinds import SubjectKind as Kind


def house(pen: Pen, _phase: float, tones: Tones) -> None:
    """A family house with a gable roof, a chimney, a door with steps, and a picket fence."""
    box(pen, 0.3, 0.62, 0.42, 1.0, tones.dark)
    wall(pen, -0.62, 0.0, 0.62, 0.5, tones.body)
    pen.shape([(-0.34, 0.5), (0.34, 0.5), (0.0, 0.86)], tones.body * np.float32(0.92))
    pen.shape([(-0.76, 0.48), (-0.62, 0.8), (0.62, 0.8), (0.76, 0.48)], tones.accent)
    pen.shape([(-0.4, 0.46), (0.0, 0.92), (0.4, 0.46), (0.3, 0.46), (0.0, 0.8), (-0.3, 0.46)],
              tones.accent * np.float32(0.8))  # fmt: skip
    pen.shape([(-0.29, 0.46), (0.29, 0.46), (0.0, 0.79)], tones.body)
    for x, y, half in ((-0.45, 0.2, 0.09), (0.45, 0.2, 0.09), (0.0, 0.52, 0.07)):
        _window(pen, x, y, half, tones)
    box(pen, -0.09, 0.0, 0.09, 0.3, tones.dark)
    pen.disc((0.06, 0.15), 0.012, tones.skin)
    box(pen, -0.14, -0.02, 0.14, 0.02, tones.body * np.float32(0.7))
    pale = tones.body * np.float32(0.4) + np.float32(130)
    for side in (-1, 1):
        for step in range(7):
            x = side * (0.24 + step * 0.09)
            pen.shape(
                [(x - 0.02, -0.02), (x + 0.02, -0.02), (x + 0.02, 0.1), (x, 0.13), (x - 0.02, 0.1)], pale
            )
        box(pen, min(side * 0.22, side * 0.82), 0.03, max(side * 0.22, side * 0.82), 0.05, pale)


def _window(pen: Pen, x: float, y: float, half: float, tones: Tones) -> None:
    box(pen, x - half - 0.015, y - 0.015, x + half + 0.015, y + 2 * half + 0.015, tones.dark)
    box(pen, x - half, y, x + half, y + 2 * half, tones.skin)
    pen.limb((x, y), (x, y + 2 * half), 0.006, 0.006, tones.dark)
    pen.limb((x - half, y + half), (x + half, y + half), 0.006, 0.006, tones.dark)


def village(pen: Pen, phase: float, tones: Tones) -> None:
    """A village: a church and small houses with smoking chimneys."""
    wall(pen, -0.16, 0.06, 0.06, 0.62, tones.body)
    pen.shape([(-0.19, 0.62), (0.09, 0.62), (-0.05, 1.05)], tones.accent * np.float32(0.75))
    pen.limb((-0.05, 1.05), (-0.05, 1.16), 0.01, 0.01, tones.dark)
    pen.limb((-0.09, 1.12), (-0.01, 1.12), 0.01, 0.01, tones.dark)
    box(pen, -0.08, 0.46, -0.02, 0.55, tones.skin)
    for number, (x, size) in enumerate(((-1.25, 0.9), (0.85, 0.85), (-0.68, 1.1), (0.36, 1.0), (1.3, 1.05))):
        part = pen.part((x, 0.02 * (number % 2)), size)
        roof = tones.accent * np.float32((1.0, 0.82, 0.9, 1.08, 0.86)[number])
        wall(part, -0.24, 0.0, 0.24, 0.24, tones.body * np.float32((1.0, 0.92, 1.05, 0.96, 1.0)[number]))
        box(part, 0.1, 0.3, 0.17, 0.48, tones.dark)
        pen_smoke(part, (0.135, 0.5), phase + number)
        part.shape([(-0.3, 0.23), (-0.16, 0.42), (0.16, 0.42), (0.3, 0.23)], roof)
        box(part, -0.16, 0.08, -0.06, 0.17, tones.skin)
        box(part, 0.04, 0.0, 0.12, 0.16, tones.dark)


def pen_smoke(pen: Pen, at: Point, phase: float) -> None:
    """Smoke from a chimney at `at`."""
    for step in range(4):
        age = (phase * 0.12 + step / 4) % 1.0
        pen.disc((at[0] + 0.12 * age * age, at[1] + 0.3 * age), 0.018 + 0.035 * age, rgb("#c4c4c6"))


def courtyard_house(pen: Pen, _phase: float, tones: Tones) -> None:
    """A Chinese courtyard house: a main hall with a swallowtail roof, and a wing on each side."""
    stone = tones.body * np.float32(0.5) + np.float32(60)
    box(pen, -1.2, 0.0, 1.2, 0.05, stone)
    wall(pen, -0.62, 0.05, 0.62, 0.46, tones.body)
    _swallowtail(pen, 0.0, 0.44, 0.74, 0.3, tones.accent)
    box(pen, -0.13, 0.05, 0.13, 0.36, tones.dark)
    pen.limb((0.0, 0.05), (0.0, 0.36), 0.008, 0.008, tones.accent)
    for x in (-0.4, 0.4):
        _lattice(pen, x, 0.18, 0.1, 0.2, tones)
    for x in (-0.2, 0.2):
        box(pen, x - 0.02, 0.05, x + 0.02, 0.44, tones.dark)
        _lantern(pen, (x, 0.4), 0.045)
    for side in (-1, 1):
        low, high = sorted((side * 0.66, side * 1.16))
        wall(pen, low, 0.0, high, 0.36, tones.body * np.float32(0.94))
        pen.shape([(low - 0.06, 0.35), (side * 0.91, 0.62), (high + 0.06, 0.35)], tones.accent)
        pen.shape([(low + 0.02, 0.34), (side * 0.91, 0.54), (high - 0.02, 0.34)], tones.body)
        for end in (low - 0.06, high + 0.06):
            pen.limb((end, 0.35), (end + 0.05 * math.copysign(1, end - side * 0.91), 0.4), 0.02, 0.012,
                     tones.accent)  # fmt: skip
        _lattice(pen, side * 0.91, 0.12, 0.09, 0.16, tones)


def _swallowtail(pen: Pen, x: float, y: float, half: float, high: float, tone: Colour) -> None:
    """A tiled roof whose ridge rises to a point at both ends."""
    pen.shape([(x - half, y), (x + half, y), (x + half * 0.82, y + high), (x - half * 0.82, y + high)], tone)
    for step in range(13):
        at = -1 + step / 6
        pen.limb(
            (x + at * half * 0.97, y), (x + at * half * 0.8, y + high), 0.008, 0.008, tone * np.float32(0.7)
        )
    ridge = [(x + u * half * 0.98, y + high + 0.1 * u**4) for u in np.linspace(-1, 1, 15)]
    for a, b in itertools.pairwise(ridge):
        pen.limb(a, b, 0.028, 0.028, tone * np.float32(0.62))
    pen.limb((x - half * 1.04, y), (x + half * 1.04, y), 0.02, 0.02, tone * np.float32(0.7))


def _lattice(pen: Pen, x: float, y: float, half: float, high: float, tones: Tones) -> None:
    box(pen, x - half, y, x + half, y + high, tones.dark)
    box(pen, x - half * 0.85, y + 0.02, x + half * 0.85, y + high - 0.02, tones.skin)
    for step in (-0.4, 0.0, 0.4):
        pen.limb((x + step * half, y), (x + step * half, y + high), 0.006, 0.006, tones.dark)
    pen.limb((x - half, y + high / 2), (x + half, y + high / 2), 0.006, 0.006, tones.dark)


def _lantern(pen: Pen, at: Point, radius: float) -> None:
    pen.limb(at, (at[0], at[1] - radius), 0.006, 0.006, rgb("#7a2018"))
    middle = (at[0], at[1] - radius * 1.6)
    pen.oval(middle, (radius * 1.9, radius * 1.7), rgb("#8a2f22"))
    pen.oval(middle, (radius * 1.25, radius), rgb("#e8402a"))
    pen.oval(middle, (radius * 0.55, radius * 0.9), rgb("#ff9a58"))
    pen.limb(
        (middle[0], middle[1] - radius), (middle[0], middle[1] - radius * 2), 0.008, 0.004, rgb("#f0c050")
    )


def tea_house(pen: Pen, _phase: float, tones: Tones) -> None:
    """A Chinese tea house of two floors with curved roofs, balconies and rows of red lanterns."""
    box(pen, -0.86, 0.0, 0.86, 0.06, tones.dark)
    for floor, (y, half) in enumerate(((0.06, 0.72), (0.5, 0.56))):
        box(pen, -half, y, half, y + 0.34, tones.body)
        for number in range(5):
            x = (number - 2) * half * 0.38
            if floor == 0 and number == 2:
                box(pen, x - 0.1, y, x + 0.1, y + 0.27, tones.dark * np.float32(0.7))
                continue
            _lattice(pen, x, y + 0.08, half * 0.15, 0.19, tones)
        for number in range(6):
            x = (number - 2.5) * half * 0.38
            box(pen, x - 0.016, y, x + 0.016, y + 0.34, tones.accent)
        if floor:
            box(pen, -half - 0.06, y + 0.08, half + 0.06, y + 0.1, tones.accent)
        _eaves(pen, y + 0.33, half + 0.2, tones)
        for number in range(6):
            _lantern(pen, ((number - 2.5) * half * 0.42, y + 0.33), 0.034)
    pen.limb((-0.34, 1.03), (0.34, 1.03), 0.03, 0.03, tones.dark)


def _eaves(pen: Pen, y: float, half: float, tones: Tones) -> None:
    """A roof with eaves that curve upwards."""
    upper = [(u * half * 0.62, y + 0.17) for u in (-1.0, 1.0)]
    lower = [(u * half, y + 0.075 * abs(u) ** 5) for u in np.linspace(1, -1, 17)]
    tone = tones.dark * np.float32(0.9) + np.float32(12)
    pen.shape([upper[0], upper[1], (half * 1.04, y + 0.12), *lower, (-half * 1.04, y + 0.12)], tone)
    for u in np.linspace(-0.9, 0.9, 13):
        pen.limb((float(u) * half, y + 0.05), (float(u) * half * 0.64, y + 0.165), 0.006, 0.006,
                 tone * np.float32(0.6))  # fmt: skip


def great_wall(pen: Pen, _phase: float, tones: Tones) -> None:
    """A wall with battlements that climbs over hills, and watchtowers on it."""
    crest = [
        (x, 0.26 + 0.17 * math.sin(x * 1.9 + 0.6) + 0.09 * math.sin(x * 4.3))
        for x in np.linspace(-3.2, 3.2, 105)
    ]
    hill = rgb("#5f7a48") * np.float32(0.7) + tones.dark * np.float32(0.3)
    pen.shape([(-3.2, -0.1), *((x, y) for x, y in crest), (3.2, -0.1)], hill)
    pen.shape([*((x, y + 0.18) for x, y in crest), *((x, y - 0.03) for x, y in reversed(crest))], tones.body)
    pen.shape([*((x, y + 0.04) for x, y in crest), *((x, y - 0.03) for x, y in reversed(crest))],
              tones.body * np.float32(0.75))  # fmt: skip
    for x, y in crest[::2]:
        box(pen, x - 0.018, y + 0.17, x + 0.018, y + 0.23, tones.body)
    for index in (8, 30, 54, 76, 97):
        x, y = crest[index]
        wall(pen, x - 0.15, y - 0.05, x + 0.15, y + 0.42, tones.body)
        for step in range(5):
            box(pen, x - 0.16 + step * 0.07, y + 0.42, x - 0.12 + step * 0.07, y + 0.48, tones.body)
        for dx in (-0.07, 0.04):
            box(pen, x + dx, y + 0.24, x + dx + 0.045, y + 0.34, tones.dark)


def eiffel_tower(pen: Pen, _phase: float, tones: Tones) -> None:
    """The Eiffel Tower: four curved legs of lattice that meet, with three platforms."""

    def half(y: float) -> float:
        return 0.012 + 0.3 * math.exp(-3.9 * y)

    heights = [float(y) for y in np.linspace(0, 1, 26)]
    for side in (-1, 1):
        outer = [(side * half(y), y) for y in heights]
        inner = [(side * max(0.0, half(y) - 0.028 - 0.055 * math.exp(-5 * y)), y) for y in heights]
        pen.shape([*outer, *reversed(inner)], tones.body)
    for low, high in itertools.pairwise(heights):
        if low > 0.32:
            pen.limb((-half(low), low), (half(high), high), 0.006, 0.006, tones.body)
            pen.limb((half(low), low), (-half(high), high), 0.006, 0.006, tones.body)
    for y, more in ((0.2, 0.05), (0.4, 0.03), (0.86, 0.02)):
        box(pen, -half(y) - more, y - 0.016, half(y) + more, y + 0.018, tones.body * np.float32(0.8))
    arc: list[Point] = [(math.cos(a) * 0.17, math.sin(a) * 0.13 + 0.02) for a in np.linspace(0, math.pi, 15)]
    pen.thread(arc, 0.02, tones.body)
    pen.limb((0.0, 1.0), (0.0, 1.12), 0.01, 0.004, tones.body)


def taipei_101(pen: Pen, _phase: float, tones: Tones) -> None:
    """Taipei 101: a broad base, eight segments that widen upwards, and a spire."""
    pen.shape([(-0.15, 0.0), (0.15, 0.0), (0.095, 0.27), (-0.095, 0.27)], tones.body * np.float32(0.85))
    for step in range(8):
        y = 0.27 + step * 0.068
        pen.shape([(-0.085, y), (0.085, y), (0.122, y + 0.06), (-0.122, y + 0.06)], tones.body)
        pen.shape(
            [(0.03, y), (0.085, y), (0.122, y + 0.06), (0.045, y + 0.06)], tones.body * np.float32(0.76)
        )
        box(pen, -0.128, y + 0.055, 0.128, y + 0.066, tones.body * np.float32(0.6))
        for number in range(5):
            x = -0.068 + number * 0.034
            box(pen, x - 0.009, y + 0.015, x + 0.009, y + 0.045, tones.skin)
    for number in range(4):
        box(pen, -0.07, 0.05 + number * 0.055, 0.07, 0.075 + number * 0.055, tones.skin)
    for y, half in ((0.815, 0.07), (0.85, 0.05), (0.885, 0.033)):
        box(pen, -half, y, half, y + 0.035, tones.body)
    pen.limb((0.0, 0.92), (0.0, 1.1), 0.014, 0.004, tones.body)


def _entry(
    draw: Drawing,
    share: float,
    extent: tuple[float, float, float, float],
    homes: tuple[Env, ...],
    colours: tuple[str, ...],
    accent: str,
    most: int = 1,
) -> Entry:
    return Entry(
        make=always(draw), share=share, extent=extent, homes=homes, colours=colours, accent=accent,
        motion=Motion.FIXED, shadow=0.9, most=most,
    )  # fmt: skip


_LAND, _HILLS, _CITY = (Env.MEADOW,), (Env.MOUNTAINS,), (Env.CITY,)
_HOUSE: tuple[float, float, float, float] = (0.9, 0.9, 1.1, 0.05)

HOMES_AND_LANDMARKS: dict[Kind, Entry] = {
    Kind.HOUSE: _entry(house, 0.42, _HOUSE, _LAND, ("#d8c8a8", "#c89a78", "#b8c0b8"), "#8a4a3c", most=4),
    Kind.VILLAGE: _entry(village, 0.34, (1.7, 1.75, 1.25, 0.05), _LAND, ("#d9c8ac",), "#94503f"),
    Kind.COURTYARD_HOUSE: _entry(courtyard_house, 0.5, (1.35, 1.35, 1.0, 0.05),
            _LAND, ("#b0644a",), "#5a4038"),
    Kind.TEA_HOUSE: _entry(tea_house, 0.56, (1.05, 1.05, 1.15, 0.05),
            _HILLS, ("#c8a878",), "#a83a2f", most=2),
    Kind.GREAT_WALL: _entry(great_wall, 0.5, (3.2, 3.2, 1.1, 0.15), _HILLS, ("#b8a888",), "#8a7a60"),
    Kind.EIFFEL_TOWER: _entry(eiffel_tower, 0.7, (0.5, 0.5, 1.15, 0.05), _CITY, ("#7a6248",), "#5a4838"),
    Kind.TAIPEI_101: _entry(taipei_101, 0.64, (0.4, 0.4, 1.15, 0.05), _CITY, ("#6fa098",), "#4a7a74"),
}  # fmt: skip
