"""People: walking, running, standing, sitting, dancing, riding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from safelight_storyboard.figures import Drawing, Pen, Point, Tones, step_to

THIGH, SHIN, ARM, FOREARM = 0.25, 0.245, 0.155, 0.15


@dataclass(frozen=True, kw_only=True)
class Look:
    """Clothing of a person, in the detail that a silhouette shows."""

    skirt: bool = False
    hair: str = "short"
    hat: str = ""
    coat: bool = False
    scarf: bool = False
    umbrella: bool = False
    child: bool = False
    #: White hair and a stick.
    elder: bool = False


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Joint angles in radians: 0 is straight down, positive angles are forward."""

    thighs: tuple[float, float]
    knees: tuple[float, float]
    arms: tuple[float, float]
    elbows: tuple[float, float]
    lean: float = 0.0
    #: Height of the hip, if the position of the feet does not determine it.
    hip: float | None = None
    lift: float = 0.0


def walking(phase: float) -> Pose:
    s, c = math.sin(phase), math.cos(phase)
    return Pose(
        thighs=(0.36 * s + 0.06, -0.36 * s + 0.06),
        knees=(0.1 + 0.72 * max(0.0, c) ** 1.5, 0.1 + 0.72 * max(0.0, -c) ** 1.5),
        arms=(-0.4 * s, 0.4 * s),
        elbows=(0.28 - 0.12 * s, 0.28 + 0.12 * s),
        lean=0.03,
    )


def running(phase: float) -> Pose:
    s, c = math.sin(phase), math.cos(phase)
    return Pose(
        thighs=(0.72 * s + 0.26, -0.72 * s + 0.26),
        knees=(0.35 + 1.35 * max(0.0, c) ** 1.2, 0.35 + 1.35 * max(0.0, -c) ** 1.2),
        arms=(-0.75 * s - 0.05, 0.75 * s - 0.05),
        elbows=(1.35, 1.35),
        lean=0.17,
        # While running, both feet leave the ground.
        hip=0.46 + 0.035 * s * s,
    )


def standing(phase: float) -> Pose:
    breath = math.sin(phase)
    return Pose(
        thighs=(0.05, -0.07),
        knees=(0.02, 0.02),
        arms=(0.06 + 0.015 * breath, -0.08),
        elbows=(0.16, 0.12),
        lean=0.01 * breath,
    )


def sitting(phase: float) -> Pose:
    breath = math.sin(phase)
    return Pose(
        thighs=(2.3, 2.12),
        knees=(2.15, 2.05),
        arms=(0.5, 0.42),
        elbows=(0.75, 0.9 + 0.02 * breath),
        lean=0.1 + 0.012 * breath,
        hip=0.065,
    )


def dancing(phase: float) -> Pose:
    s = math.sin(phase)
    rise = 0.5 + 0.5 * math.sin(phase * 0.5)
    return Pose(
        thighs=(0.05 + 0.02 * s, 0.55 + 0.75 * rise),
        knees=(0.02, 0.35 + 0.75 * (1 - rise)),
        arms=(1.5 + 0.9 * rise, -1.3 - 0.5 * s),
        elbows=(0.35, -0.3),
        lean=-0.04 + 0.05 * s,
        lift=0.03 * max(0.0, s),
    )


def riding(phase: float) -> Pose:
    return Pose(
        thighs=(0.85, 0.8),
        knees=(0.95, 0.9),
        arms=(0.55, 0.5),
        elbows=(0.7, 0.7),
        lean=0.1 + 0.04 * math.sin(phase),
        hip=0.02,
    )


def person(look: Look, pose_at: object) -> Drawing:
    """A drawing of a person with this clothing. `pose_at` returns the pose at a phase."""
    assert callable(pose_at)

    def draw(pen: Pen, phase: float, tones: Tones) -> None:
        _person(pen, pose_at(phase), tones, look, phase)

    return draw


def _person(pen: Pen, pose: Pose, tones: Tones, look: Look, phase: float) -> None:
    head_r = 0.094 if look.child else 0.064
    feet = [_leg((0.0, 0.0), pose.thighs[i], pose.knees[i])[1] for i in (0, 1)]
    hip_y = pose.hip if pose.hip is not None else -min(f[1] for f in feet) + 0.022 + pose.lift
    hip = (0.0, hip_y)
    spine = 0.3
    chest = (hip[0] + math.sin(pose.lean) * spine, hip[1] + math.cos(pose.lean) * spine)
    neck = (chest[0] + math.sin(pose.lean) * 0.05, chest[1] + 0.05)
    head = (neck[0] + math.sin(pose.lean) * 0.06 + 0.008, neck[1] + head_r + 0.012)

    _arm(pen, chest, pose.arms[1], pose.elbows[1], tones, look, back=True)
    for index in (1, 0):
        knee, foot = _leg(hip, pose.thighs[index], pose.knees[index])
        tone = tones.dark
        pen.limb(hip, knee, 0.052, 0.038, tone)
        pen.limb(knee, foot, 0.037, 0.022, tone)
        sole = pose.thighs[index] - pose.knees[index]
        pen.limb(foot, step_to(foot, sole + 1.45, 0.058), 0.021, 0.013, tone)
    pen.limb((hip[0], hip[1] + 0.015), (chest[0], chest[1] - 0.035), 0.062, 0.078, tones.body)
    if (look.coat or look.skirt) and max(pose.thighs) < 1.5:
        _skirt(pen, hip, chest, pose, tones, look, phase)
    if look.scarf:
        wave = 0.012 * math.sin(phase * 1.3)
        pen.limb((neck[0] - 0.04, neck[1]), (neck[0] + 0.04, neck[1]), 0.024, 0.024, tones.accent)
        pen.shape(
            [
                (neck[0] - 0.02, neck[1] + 0.01),
                (neck[0] - 0.07, neck[1] + 0.01),
                (neck[0] - 0.115 + wave, neck[1] - 0.15),
                (neck[0] - 0.065 + wave, neck[1] - 0.16),
            ],
            tones.accent,
        )
    pen.limb(neck, (head[0], head[1] - head_r * 0.5), 0.026, 0.026, tones.skin)
    _head(pen, head, head_r, tones, look, phase)
    hand = _arm(pen, chest, pose.arms[0], pose.elbows[0], tones, look, back=False)
    if look.umbrella:
        _umbrella(pen, hand, tones)
    if look.elder:
        pen.limb((hand[0] + 0.01, hand[1] + 0.02), (hand[0] + 0.05, 0.01), 0.011, 0.009, tones.dark)


def _leg(hip: Point, thigh: float, knee_bend: float) -> tuple[Point, Point]:
    knee = step_to(hip, thigh, THIGH)
    return knee, step_to(knee, thigh - knee_bend, SHIN)


def _arm(
    pen: Pen, chest: Point, angle: float, elbow: float, tones: Tones, look: Look, *, back: bool
) -> Point:
    if look.umbrella and not back:
        angle, elbow = 0.5, 1.6
    shoulder = (chest[0] + (0.012 if back else -0.006), chest[1] - 0.02)
    joint = step_to(shoulder, angle, ARM)
    hand = step_to(joint, angle + elbow, FOREARM)
    tone = tones.dark if back else tones.body * np.float32(0.92)
    pen.limb(shoulder, joint, 0.034, 0.026, tone)
    pen.limb(joint, hand, 0.025, 0.018, tone)
    pen.disc(hand, 0.021, tones.skin)
    return hand


def _skirt(pen: Pen, hip: Point, chest: Point, pose: Pose, tones: Tones, look: Look, phase: float) -> None:
    """The lower part of a coat or dress, which follows the legs with a slight delay."""
    ahead = max(math.sin(a) for a in pose.thighs) * 0.2
    behind = min(math.sin(a) for a in pose.thighs) * 0.2
    swing = 0.014 * math.sin(phase * 2 - 0.8)
    low = hip[1] - (0.24 if look.skirt else 0.17)
    flare = 0.055 if look.skirt else 0.03
    waist = (hip[0] + chest[0]) / 2
    mid = (hip[1] + chest[1]) / 2
    pen.shape(
        [
            (waist - 0.058, mid),
            (waist + 0.062, mid),
            (hip[0] + 0.078, hip[1]),
            (hip[0] + max(0.08, ahead) + flare * 0.6, low + 0.012),
            (hip[0] + 0.02, low - 0.006),
            (hip[0] + min(-0.08, behind) - flare + swing, low + 0.004),
            (hip[0] - 0.075, hip[1]),
        ],
        tones.body,
    )


def _head(pen: Pen, head: Point, r: float, tones: Tones, look: Look, phase: float) -> None:
    hair = np.array([206, 208, 210], np.float32) if look.elder else tones.dark * np.float32(0.75)
    if look.hair == "long":
        sway = 0.012 * math.sin(phase - 0.6)
        pen.shape(
            [
                (head[0] + r * 0.5, head[1] + r * 0.9),
                (head[0] - r * 0.7, head[1] + r * 0.9),
                (head[0] - r * 1.35, head[1] - r * 0.6),
                (head[0] - r * 1.5 + sway, head[1] - r * 2.5),
                (head[0] - r * 0.45 + sway, head[1] - r * 2.3),
                (head[0] - r * 0.1, head[1] - r * 0.6),
            ],
            hair,
        )
    elif look.hair == "bun":
        pen.disc((head[0] - r * 0.75, head[1] + r * 0.95), r * 0.5, hair)
    elif look.hair == "tail":
        swing = 0.03 * math.sin(phase - 0.7)
        pen.limb(
            (head[0] - r * 0.9, head[1] + r * 0.4),
            (head[0] - r * 2.0, head[1] - r * 0.9 + swing),
            r * 0.34,
            r * 0.12,
            hair,
        )
    pen.oval(head, (r * 0.9, r * 1.08), tones.skin)
    pen.shape(
        [
            (head[0] + r * 0.8, head[1] + r * 0.1),
            (head[0] + r * 1.06, head[1] - r * 0.2),
            (head[0] + r * 0.75, head[1] - r * 0.3),
        ],
        tones.skin,
    )
    crown = [
        (head[0] + math.cos(a) * r * 1.02 - r * 0.06, head[1] + math.sin(a) * r * 1.16)
        for a in np.linspace(0.75, math.pi + 0.75, 14)
    ]
    pen.shape(crown, hair)
    if look.hat == "brim":
        pen.limb(
            (head[0] - r * 1.7, head[1] + r * 0.62),
            (head[0] + r * 1.75, head[1] + r * 0.55),
            r * 0.14,
            r * 0.14,
            tones.dark,
        )
        pen.shape(
            [
                (head[0] - r * 0.95, head[1] + r * 0.6),
                (head[0] - r * 0.8, head[1] + r * 1.55),
                (head[0] + r * 0.8, head[1] + r * 1.5),
                (head[0] + r * 0.98, head[1] + r * 0.6),
            ],
            tones.dark,
        )
    elif look.hat == "cap":
        pen.limb(
            (head[0] - r * 0.2, head[1] + r * 0.62),
            (head[0] + r * 1.5, head[1] + r * 0.45),
            r * 0.2,
            r * 0.1,
            tones.accent,
        )
        pen.oval((head[0] - r * 0.02, head[1] + r * 0.62), (r * 0.95, r * 0.62), tones.accent)


def _umbrella(pen: Pen, hand: Point, tones: Tones) -> None:
    top = (hand[0] + 0.01, 1.2)
    pen.limb((hand[0], hand[1] - 0.04), top, 0.007, 0.007, tones.dark)
    arc = [
        (top[0] + math.cos(a) * 0.36, top[1] - 0.14 + math.sin(a) * 0.2) for a in np.linspace(0, math.pi, 22)
    ]
    scallops: list[Point] = []
    for rib in range(6):
        left = top[0] - 0.36 + rib * 0.12
        scallops += [(left, top[1] - 0.14), (left + 0.06, top[1] - 0.115)]
    pen.shape([*arc, *scallops], tones.accent)
    pen.limb(top, (top[0], top[1] + 0.1), 0.006, 0.004, tones.dark)
