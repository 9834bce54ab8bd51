"""Where subjects stand, and what they need to know about the picture."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.generation.storyboard.figures import Point
from safelight.generation.storyboard.lexicon import Setting


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a setting puts its subjects: feet at `ground` (share of the height) on `depth`."""

    ground: float
    depth: float
    #: Water line for boats, where there is water.
    water: float | None = None
    #: Multiplies every height.
    scale: float = 1.0
    #: 0 lit, 1 black: how much of a silhouette things are.
    dark: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a cast needs to know about the picture."""

    w: int
    h: int
    seconds: float
    horizon: float
    sun: Point
    shines: bool


HORIZONS = {
    Setting.SEA: 0.56,
    Setting.BEACH: 0.5,
    Setting.LAKE: 0.56,
    Setting.MOUNTAINS: 0.66,
    Setting.FOREST: 0.6,
    Setting.CITY: 0.74,
    Setting.STREET: 0.7,
    Setting.DESERT: 0.62,
    Setting.MEADOW: 0.6,
    Setting.SPACE: 0.9,
    Setting.KITCHEN: 0.5,
    Setting.ROOM: 0.56,
    Setting.STAGE: 0.6,
    Setting.UNDERWATER: 0.8,
}

PLACES = {
    Setting.SEA: Place(ground=0.86, depth=0.8, water=0.685),
    Setting.BEACH: Place(ground=0.875, depth=0.8, water=0.58),
    Setting.LAKE: Place(ground=0.9, depth=0.86, water=0.68),
    Setting.MOUNTAINS: Place(ground=0.87, depth=0.84),
    Setting.FOREST: Place(ground=0.86, depth=0.74),
    Setting.CITY: Place(ground=0.905, depth=0.86),
    Setting.STREET: Place(ground=0.86, depth=0.8, scale=1.05, dark=0.4),
    Setting.DESERT: Place(ground=0.84, depth=0.8),
    Setting.MEADOW: Place(ground=0.855, depth=0.8),
    Setting.SPACE: Place(ground=0.9, depth=0.8, dark=0.2),
    Setting.KITCHEN: Place(ground=1.17, depth=0.8, scale=2.6, dark=0.16),
    Setting.ROOM: Place(ground=0.93, depth=0.8, scale=1.55, dark=0.34),
    Setting.STAGE: Place(ground=0.84, depth=0.75, scale=1.5, dark=0.2),
    Setting.UNDERWATER: Place(ground=0.93, depth=0.7, dark=0.35),
}
