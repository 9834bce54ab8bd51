"""A trade: how a person at work is drawn, and the poses of people at work.

One unit is the height of the person, who faces right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from safelight_storyboard.figures import Pen, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.people import Pose, Tool

#: What stands beside the person: pen, phase, tones.
Prop = Callable[[Pen, float, Tones], None]


@dataclass(frozen=True, kw_only=True)
class Trade:
    """How a person at work is drawn."""

    pose: Callable[[float], Pose]
    homes: tuple[Environment, ...]
    hat: str = ""
    #: Colour of the clothes; empty for that of any person.
    clothes: str = ""
    tool: Tool | None = None
    behind: Prop | None = None
    front: Prop | None = None


def pose(
    arm: float, elbow: float, other: float = 0.1, *, swing: float = 0.0, lean: float = 0.04
) -> Callable[[float], Pose]:
    """A standing pose. The front arm moves by `swing`."""

    def at(phase: float) -> Pose:
        move = math.sin(1.6 * phase)
        return Pose(
            thighs=(0.1, -0.12), knees=(0.04, 0.04), arms=(arm + swing * move, other),
            elbows=(elbow - 0.5 * swing * move, 0.5), lean=lean + 0.015 * move,
        )  # fmt: skip

    return at


def hammering(phase: float) -> Pose:
    up = 0.5 + 0.5 * math.sin(2.2 * phase)
    return Pose(
        thighs=(0.25, -0.2), knees=(0.1, 0.06), arms=(0.75 + 1.5 * up, 0.7), elbows=(0.75 - 0.2 * up, 0.5),
        lean=0.12 - 0.08 * up,
    )  # fmt: skip


def bent(phase: float) -> Pose:
    move = math.sin(1.4 * phase)
    return Pose(
        thighs=(0.42, -0.05), knees=(0.3, 0.1), arms=(1.0 + 0.12 * move, 0.85), elbows=(-0.55, -0.3),
        lean=1.0 + 0.06 * move,
    )  # fmt: skip


def digging(phase: float) -> Pose:
    move = math.sin(1.4 * phase)
    return Pose(
        thighs=(0.3, -0.25), knees=(0.16, 0.06), arms=(0.8 + 0.3 * move, 0.55 + 0.3 * move),
            elbows=(0.35, 0.5),
        lean=0.3 - 0.12 * move,
    )  # fmt: skip


def seated(phase: float) -> Pose:
    move = math.sin(3 * phase)
    return Pose(
        thighs=(1.5, 1.4), knees=(1.5, 1.5), arms=(0.75 + 0.06 * move, 0.7 - 0.06 * move), elbows=(0.8, 0.85),
        lean=0.06 + 0.02 * math.sin(phase), hip=0.3,
    )  # fmt: skip
