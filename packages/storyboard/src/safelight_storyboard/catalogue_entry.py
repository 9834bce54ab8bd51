"""An entry of the catalogue: how one kind of subject is drawn and placed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from safelight_storyboard.figures import Drawing
from safelight_storyboard.lexicon import Environment, SubjectAction, Tint

Make = Callable[[SubjectAction], Drawing]


class Motion(StrEnum):
    #: On the ground, walking or driving.
    GROUND = "ground"
    #: On the ground, in one place.
    FIXED = "fixed"
    AIR = "air"
    #: On the surface of water.
    AFLOAT = "afloat"
    UNDERWATER = "underwater"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How one kind of subject is drawn and placed."""

    make: Make
    #: Height of one drawing unit as a fraction of the frame height.
    share: float
    #: Extent of the drawing in units: left, right, up, down.
    extent: tuple[float, float, float, float]
    #: Places where it is drawn if the prompt names none.
    homes: tuple[Environment, ...]
    #: Main colours, of which the seed chooses one; `accent` and `pale` are fixed.
    colours: tuple[str, ...]
    accent: str = "#b5483c"
    pale: str = "#efe2c8"
    motion: Motion = Motion.GROUND
    #: Speed in units per second; 0 for what stays in place.
    speed: float = 0.0
    #: Phase in radians per second.
    rate: float = 1.6
    shadow: float = 1.0
    most: int = 6
    #: How its place looks if the prompt names none.
    tint: Tint | None = None


def always(draw: Drawing) -> Make:
    """The same drawing for every action."""
    return lambda _action: draw
