"""Positions of subjects in a place, and frame geometry."""

from __future__ import annotations

from dataclasses import dataclass

from safelight_storyboard.figures import Point
from safelight_storyboard.lexicon import Environment


@dataclass(frozen=True, kw_only=True)
class Place:
    """Position of the subjects: their feet are at `ground`, a fraction of the frame height, at `depth`."""

    ground: float
    depth: float
    #: Height of the water line, on which boats float; None without water.
    water: float | None = None
    #: Factor for the height of all subjects.
    scale: float = 1.0
    #: How dark silhouettes are: 0 lit, 1 black.
    dark: float = 0.6


@dataclass(frozen=True, kw_only=True)
class FrameGeometry:
    """Size, length and light of the clip, for the placement of subjects."""

    w: int
    h: int
    seconds: float
    horizon: float
    sun: Point
    shines: bool


HORIZONS = {
    Environment.SEA: 0.56,
    Environment.BEACH: 0.5,
    Environment.LAKE: 0.56,
    Environment.MOUNTAINS: 0.66,
    Environment.FOREST: 0.6,
    Environment.CITY: 0.74,
    Environment.STREET: 0.7,
    Environment.DESERT: 0.62,
    Environment.MEADOW: 0.6,
    Environment.ROOM: 0.56,
}

PLACES = {
    Environment.SEA: Place(ground=0.86, depth=0.8, water=0.685),
    Environment.BEACH: Place(ground=0.875, depth=0.8, water=0.58),
    Environment.LAKE: Place(ground=0.9, depth=0.86, water=0.68),
    Environment.MOUNTAINS: Place(ground=0.87, depth=0.84),
    Environment.FOREST: Place(ground=0.86, depth=0.74),
    Environment.CITY: Place(ground=0.905, depth=0.86),
    Environment.STREET: Place(ground=0.86, depth=0.8, scale=1.05, dark=0.4),
    Environment.DESERT: Place(ground=0.84, depth=0.8),
    Environment.MEADOW: Place(ground=0.855, depth=0.8),
    Environment.ROOM: Place(ground=0.93, depth=0.8, scale=1.55, dark=0.34),
}
