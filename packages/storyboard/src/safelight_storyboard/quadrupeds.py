"""Four-legged animals: one drawing for all of them, shaped by the proportions of each.

One unit is the height of the back, except for the giraffe and the camel, whose heads are far above it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from safelight_storyboard.figures import Drawing, Pen, Point, Tones, step_to
from safelight_storyboard.lexicon import SubjectAction
from safelight_storyboard.raster import Colour
from safelight_storyboard.subject_kinds import SubjectKind


@dataclass(frozen=True, kw_only=True)
class Build:
    """Proportions of an animal, in units. Angles are in radians above the horizontal."""

    leg: float = 0.5
    #: Length of the body, and half its height at the chest and at the rump.
    body: float = 0.84
    chest: float = 0.2
    rump: float = 0.18
    foot: float = 0.05
    neck: float = 0.3
    neck_angle: float = 0.8
    neck_girth: float = 0.12
    head: float = 0.13
    muzzle: float = 0.16
    muzzle_girth: float = 0.065
    ears: str = "round"
    tail: str = "long"
    horns: str = ""
    mane: bool = False
    humps: int = 0
    trunk: bool = False
    #: `stripes`, `spots`, `patches`, `panda`, `wool`, or nothing.
    coat: str = ""


BUILDS: dict[SubjectKind, Build] = {
    SubjectKind.LION: Build(mane=True, tail="tuft", muzzle=0.13, neck=0.22, body=0.95),
    SubjectKind.TIGER: Build(coat="stripes", muzzle=0.12, neck=0.2, neck_angle=0.6, body=1.0),
    SubjectKind.LEOPARD: Build(
        coat="spots", muzzle=0.11, neck=0.2, neck_angle=0.6, body=1.0, chest=0.16, rump=0.14, head=0.11
    ),
    SubjectKind.WOLF: Build(
        ears="pointed", tail="bushy", muzzle=0.2, chest=0.17, rump=0.13, head=0.105, neck=0.24, leg=0.56
    ),
    SubjectKind.FOX: Build(
        ears="pointed", tail="fox", muzzle=0.19, muzzle_girth=0.045, chest=0.15, rump=0.13, head=0.11,
        neck=0.2, leg=0.46, foot=0.036,
    ),
    SubjectKind.DEER: Build(
        ears="leaf", tail="short", horns="antlers", leg=0.62, chest=0.16, rump=0.15, foot=0.034, neck=0.44,
        neck_angle=1.05, neck_girth=0.085, head=0.09, muzzle=0.17, body=0.74,
    ),
    SubjectKind.COW: Build(
        ears="leaf", tail="tuft", horns="cow", coat="patches", leg=0.44, chest=0.25, rump=0.24, body=1.0,
        neck=0.26, neck_angle=0.42, neck_girth=0.15, head=0.13, muzzle=0.2, muzzle_girth=0.085, foot=0.055,
    ),
    SubjectKind.BUFFALO: Build(
        ears="leaf", tail="tuft", horns="buffalo", leg=0.4, chest=0.28, rump=0.26, body=1.05, neck=0.26,
        neck_angle=0.2, neck_girth=0.17, head=0.14, muzzle=0.22, muzzle_girth=0.1, foot=0.065,
    ),
    SubjectKind.SHEEP: Build(
        ears="leaf", tail="none", coat="wool", leg=0.36, chest=0.29, rump=0.28, body=0.62, neck=0.22,
        neck_angle=0.5, head=0.11, muzzle=0.13, foot=0.04,
    ),
    SubjectKind.GOAT: Build(
        ears="leaf", tail="short", horns="curved", leg=0.46, chest=0.2, rump=0.19, body=0.7, neck=0.32,
        neck_angle=0.9, neck_girth=0.09, head=0.1, muzzle=0.15, foot=0.036,
    ),
    SubjectKind.PIG: Build(
        ears="leaf", tail="curl", leg=0.3, chest=0.3, rump=0.3, body=0.86, neck=0.18, neck_angle=0.15,
        neck_girth=0.22, head=0.19, muzzle=0.17, muzzle_girth=0.085, foot=0.05,
    ),
    SubjectKind.BEAR: Build(
        tail="none", leg=0.36, chest=0.28, rump=0.3, body=0.95, neck=0.24, neck_angle=0.35, neck_girth=0.2,
        head=0.18, muzzle=0.15, muzzle_girth=0.085, foot=0.1,
    ),
    SubjectKind.PANDA: Build(
        tail="none", coat="panda", leg=0.34, chest=0.29, rump=0.31, body=0.8, neck=0.2, neck_angle=0.4,
        neck_girth=0.2, head=0.22, muzzle=0.12, muzzle_girth=0.08, foot=0.1,
    ),
    SubjectKind.ELEPHANT: Build(
        ears="flap", tail="tuft", trunk=True, leg=0.46, chest=0.31, rump=0.3, body=0.82, neck=0.2,
        neck_angle=0.45, neck_girth=0.2, head=0.22, muzzle=0.0, foot=0.1,
    ),
    SubjectKind.RHINOCEROS: Build(
        ears="leaf", tail="tuft", horns="nose", leg=0.36, chest=0.31, rump=0.29, body=1.05, neck=0.24,
        neck_angle=-0.05, neck_girth=0.2, head=0.17, muzzle=0.24, muzzle_girth=0.11, foot=0.085,
    ),
    SubjectKind.HIPPOPOTAMUS: Build(
        ears="round", tail="short", leg=0.24, chest=0.36, rump=0.36, body=1.05, neck=0.2, neck_angle=0.1,
        neck_girth=0.26, head=0.2, muzzle=0.26, muzzle_girth=0.16, foot=0.1,
    ),
    SubjectKind.GIRAFFE: Build(
        ears="leaf", tail="tuft", horns="knobs", coat="patches", leg=0.66, chest=0.19, rump=0.16, body=0.56,
        neck=0.95, neck_angle=1.2, neck_girth=0.09, head=0.075, muzzle=0.16, muzzle_girth=0.045, foot=0.036,
    ),
    SubjectKind.ZEBRA: Build(
        ears="leaf", tail="tuft", coat="stripes", leg=0.54, chest=0.2, rump=0.2, body=0.78, neck=0.4,
        neck_angle=0.9, neck_girth=0.12, head=0.1, muzzle=0.22, foot=0.04,
    ),
    SubjectKind.DONKEY: Build(
        ears="long", tail="tuft", leg=0.5, chest=0.2, rump=0.19, body=0.76, neck=0.34, neck_angle=0.75,
        neck_girth=0.11, head=0.11, muzzle=0.23, muzzle_girth=0.07, foot=0.04,
    ),
    SubjectKind.CAMEL: Build(
        ears="round", tail="tuft", humps=2, leg=0.62, chest=0.2, rump=0.17, body=0.8, neck=0.56,
        neck_angle=0.62, neck_girth=0.085, head=0.095, muzzle=0.17, muzzle_girth=0.06, foot=0.045,
    ),
    SubjectKind.LLAMA: Build(
        ears="long", tail="short", coat="wool", leg=0.5, chest=0.22, rump=0.2, body=0.66, neck=0.6,
        neck_angle=1.25, neck_girth=0.11, head=0.09, muzzle=0.14, muzzle_girth=0.05, foot=0.045,
    ),
}  # fmt: skip


def quadruped(kind: SubjectKind, action: SubjectAction) -> Drawing:
    """A drawing of this animal, walking, running or standing still."""
    return partial(_quadruped, BUILDS[kind], action)


def _quadruped(build: Build, action: SubjectAction, pen: Pen, phase: float, tones: Tones) -> None:
    run = action is SubjectAction.RUN
    still = action not in (SubjectAction.RUN, SubjectAction.WALK)
    bob = 0.0 if still else 0.018 * math.sin(2 * phase)
    y = build.leg + build.rump * 0.85 + bob
    shoulder, hip = (build.body * 0.42, y), (-build.body * 0.42, y)
    legs = tones.dark * np.float32(0.35) if build.coat == "panda" else tones.body
    far = tones.dark * np.float32(0.35) if build.coat == "panda" else tones.dark
    swings = _swings(phase, run=run, still=still)
    _leg(pen, build, (shoulder[0] - 0.06, y), swings[1], far, hind=False)
    _leg(pen, build, (hip[0] + 0.07, y), swings[3], far, hind=True)
    _tail(pen, build, hip, phase, tones)
    _trunk_of_body(pen, build, shoulder, hip, tones)
    _leg(pen, build, shoulder, swings[0], legs, hind=False)
    _leg(pen, build, hip, swings[2], legs, hind=True)
    nod = 0.03 * math.sin(phase * (0.7 if still else 1.0))
    base = (shoulder[0] + build.chest * 0.25, y + build.chest * 0.35)
    angle = build.neck_angle + nod
    head = (base[0] + math.cos(angle) * build.neck, base[1] + math.sin(angle) * build.neck)
    if build.mane:
        pen.disc((head[0] - 0.05, head[1] - 0.03), build.head * 1.9, tones.dark)
    neck = legs if build.coat == "panda" else tones.body
    pen.limb(base, head, build.neck_girth * 1.15, build.neck_girth * 0.85, neck)
    _neck_coat(pen, build, base, head, tones)
    _head(pen, build, head, phase, tones)


def _swings(phase: float, *, run: bool, still: bool) -> tuple[tuple[float, float], ...]:
    if still:
        return ((0.02, 0.0), (-0.04, 0.0), (0.03, 0.0), (-0.03, 0.0))
    offsets = (0.0, 0.7, 3.3, 4.0) if run else (0.0, math.pi, math.pi * 1.5, math.pi * 0.5)
    size, fold = (0.6, 0.9) if run else (0.3, 0.42)
    return tuple((size * math.sin(phase + o), fold * max(0.0, math.cos(phase + o))) for o in offsets)


def _leg(pen: Pen, build: Build, hip: Point, swing: tuple[float, float], tone: Colour, *, hind: bool) -> None:
    length = hip[1] - 0.02
    turn, fold = swing
    bend = 0.16 if hind else -0.03
    knee = step_to(hip, turn + bend, length * 0.52)
    ankle = step_to(knee, turn - bend - fold, length * 0.49)
    pen.limb(hip, knee, build.foot * 1.9, build.foot * 1.05, tone)
    pen.limb(knee, ankle, build.foot * 1.05, build.foot * 0.8, tone)
    pen.limb(ankle, (ankle[0] + build.foot * 0.8, ankle[1]), build.foot * 0.75, build.foot * 0.6, tone)


def _trunk_of_body(pen: Pen, build: Build, shoulder: Point, hip: Point, tones: Tones) -> None:
    if build.coat == "wool":
        for step in range(9):
            a = step / 9 * math.tau
            middle = ((shoulder[0] + hip[0]) / 2, shoulder[1] + 0.02)
            at = (middle[0] + math.cos(a) * build.body * 0.44, middle[1] + math.sin(a) * build.chest * 0.62)
            pen.disc(at, build.chest * 0.58, tones.body)
        pen.oval(((shoulder[0] + hip[0]) / 2, shoulder[1]), (build.body * 0.5, build.chest * 0.9), tones.body)
        return
    for number in range(build.humps):
        x = 0.17 - 0.34 * number
        pen.shape(
            [(x - 0.2, shoulder[1] + 0.1), (x - 0.06, shoulder[1] + 0.4), (x + 0.06, shoulder[1] + 0.4),
             (x + 0.2, shoulder[1] + 0.1)],
            tones.body,
        )  # fmt: skip
        pen.disc((x, shoulder[1] + 0.38), 0.075, tones.body)
    pen.limb(shoulder, hip, build.chest, build.rump, tones.body)
    pen.oval((0.0, shoulder[1] - 0.02), (build.body * 0.5, (build.chest + build.rump) * 0.5), tones.body)
    if build.coat == "panda":
        pen.limb(
            (shoulder[0] - 0.02, shoulder[1] - build.chest * 0.5),
            (shoulder[0] + 0.02, shoulder[1] + build.chest * 0.72),
            0.12, 0.1, tones.dark * np.float32(0.35),
        )  # fmt: skip
    mark = tones.dark * np.float32(0.6)
    if build.coat == "stripes":
        for step in range(8):
            x = hip[0] - 0.06 + step * (build.body + 0.1) / 7.4
            high = build.chest * (0.92 - 0.25 * abs(step - 4) / 4)
            pen.shape(
                [(x - 0.022, shoulder[1] + high), (x + 0.022, shoulder[1] + high),
                 (x + 0.05, shoulder[1] - high * 0.45)],
                mark,
            )  # fmt: skip
    elif build.coat == "spots":
        for step in range(18):
            x = hip[0] + (step * 0.37 % 1.0) * build.body
            pen.disc((x, shoulder[1] + 0.11 * math.sin(step * 2.4)), 0.022, mark)
    elif build.coat == "patches":
        for step in range(7):
            x = hip[0] + (step * 0.41 % 1.0) * build.body
            size = build.chest * (0.3 + 0.1 * (step % 3))
            pen.oval(
                (x, shoulder[1] + build.chest * 0.5 * math.sin(step * 2.1)), (size, size * 0.8), mark, step
            )


def _neck_coat(pen: Pen, build: Build, base: Point, head: Point, tones: Tones) -> None:
    if build.coat not in ("stripes", "patches") or build.neck < 0.3:
        return
    across = (-(head[1] - base[1]) / build.neck, (head[0] - base[0]) / build.neck)
    for step in range(1, 7):
        u = step / 7
        at = (base[0] + (head[0] - base[0]) * u, base[1] + (head[1] - base[1]) * u)
        girth = build.neck_girth * (1.1 - 0.3 * u)
        if build.coat == "patches":
            pen.disc((at[0] + across[0] * girth * 0.4 * (-1) ** step, at[1]), girth * 0.42, tones.dark)
            continue
        ends = [(at[0] + across[0] * girth * s, at[1] + across[1] * girth * s) for s in (-0.8, 1.0)]
        pen.limb(ends[0], ends[1], 0.012, 0.022, tones.dark * np.float32(0.6))


def _head(pen: Pen, build: Build, head: Point, phase: float, tones: Tones) -> None:
    x, y = head
    r = build.head
    dark = tones.dark * np.float32(0.35) if build.coat == "panda" else tones.dark
    face = tones.dark if build.coat == "wool" else tones.body
    if build.ears == "flap":
        pen.oval((x - r * 0.7, y - r * 0.1), (r * 0.95, r * 1.25), tones.dark, 0.2 + 0.06 * math.sin(phase))
    _horns(pen, build, head, tones)
    _ears(pen, build, head, dark if build.coat == "panda" else face)
    pen.oval(head, (r, r * 0.9), face)
    tip = (x + r * 0.55 + build.muzzle, y - r * 0.3 - build.muzzle * 0.42)
    if build.muzzle:
        pen.limb((x + r * 0.35, y - r * 0.2), tip, r * 0.62, build.muzzle_girth, face)
        pen.disc((tip[0] + build.muzzle_girth * 0.7, tip[1] + 0.01), build.muzzle_girth * 0.38, dark)
    if build.ears == "flap":
        pen.oval((x - r * 0.45, y - r * 0.2), (r * 0.8, r * 1.1), tones.dark, 0.15 + 0.06 * math.sin(phase))
        _trunk(pen, (x + r * 0.75, y - r * 0.2), r, phase, tones)
    if build.coat == "panda":
        pen.oval((x + r * 0.35, y + r * 0.12), (r * 0.24, r * 0.3), dark, 0.5)
    elif build.coat != "wool":
        pen.disc((x + r * 0.4, y + r * 0.16), r * 0.1, dark * np.float32(0.5))


def _trunk(pen: Pen, at: Point, r: float, phase: float, tones: Tones) -> None:
    swing = 0.09 * math.sin(phase * 0.8)
    points = [at, (at[0] + 0.13, at[1] - 0.16), (at[0] + 0.15 + swing * 0.5, at[1] - 0.36),
              (at[0] + 0.13 + swing, at[1] - 0.52), (at[0] + 0.2 + swing, at[1] - 0.58)]  # fmt: skip
    for number, (a, b) in enumerate(pairwise(points)):
        pen.limb(a, b, r * (0.48 - 0.1 * number), r * (0.38 - 0.1 * number), tones.body)
    pen.shape(
        [(at[0] + 0.02, at[1] - 0.1), (at[0] + 0.28, at[1] - 0.2), (at[0] + 0.04, at[1] - 0.17)],
        tones.skin,
    )


def _ears(pen: Pen, build: Build, head: Point, tone: Colour) -> None:
    x, y = head
    r = build.head
    if build.ears == "round":
        for dx in (-0.62, 0.1):
            pen.disc((x + dx * r, y + r * 0.82), r * 0.36, tone)
    elif build.ears == "pointed":
        for dx in (-0.45, 0.2):
            pen.shape(
                [(x + (dx - 0.38) * r, y + r * 0.5), (x + (dx - 0.05) * r, y + r * 1.75),
                 (x + (dx + 0.4) * r, y + r * 0.55)],
                tone,
            )  # fmt: skip
    elif build.ears == "leaf":
        for turn in (2.5, 2.1):
            pen.oval(
                (x + math.cos(turn) * r * 1.25, y + math.sin(turn) * r * 1.1),
                (r * 0.62, r * 0.24),
                tone,
                turn,
            )
    elif build.ears == "long":
        for turn in (2.0, 1.6):
            pen.oval(
                (x + math.cos(turn) * r * 1.6, y + math.sin(turn) * r * 1.7), (r * 1.15, r * 0.26), tone, turn
            )


def _horns(pen: Pen, build: Build, head: Point, tones: Tones) -> None:
    x, y = head
    r = build.head
    tone = tones.dark
    if build.horns == "antlers":
        for lean in (-0.35, 0.12):
            root = (x - 0.2 * r, y + 0.7 * r)
            points = [root, (root[0] + lean * 0.5 - 0.06, y + 0.26), (root[0] + lean - 0.02, y + 0.48)]
            for a, b in pairwise(points):
                pen.limb(a, b, 0.017, 0.012, tone)
            for u, dx in ((0.35, 0.13), (0.7, 0.12), (0.7, -0.1)):
                at = (points[1][0] + (points[2][0] - points[1][0]) * u, points[1][1] + 0.2 * u)
                pen.limb(at, (at[0] + dx, at[1] + 0.11), 0.012, 0.008, tone)
    elif build.horns == "cow":
        for dx in (-0.5, 0.25):
            pen.shape(
                [
                    (x + dx * r, y + r * 0.7),
                    (x + (dx + 0.1) * r, y + r * 1.55),
                    (x + (dx + 0.45) * r, y + r * 0.7),
                ],
                tones.skin,
            )
    elif build.horns == "buffalo":
        for turn, shade in ((0.14, 0.9), (0.0, 1.5)):
            points = [
                (x - 0.06 + turn - 0.36 * math.sin(a), y + 0.1 + 0.2 * (1 - math.cos(a)))
                for a in np.linspace(0, 2.5, 9)
            ]
            for number, (a, b) in enumerate(pairwise(points)):
                pen.limb(a, b, 0.04 - 0.0035 * number, 0.036 - 0.0035 * number, tone * np.float32(shade))
    elif build.horns == "curved":
        points = [
            (x + math.cos(a) * 0.17 - 0.2, y + 0.08 + math.sin(a) * 0.2) for a in np.linspace(0.1, 2.0, 8)
        ]
        for a, b in pairwise(points):
            pen.limb(a, b, 0.024, 0.018, tone)
    elif build.horns == "knobs":
        for dx in (-0.4, 0.15):
            pen.limb((x + dx * r, y + r * 0.6), (x + dx * r, y + r * 1.6), 0.014, 0.014, tone)
            pen.disc((x + dx * r, y + r * 1.65), 0.024, tone)
    elif build.horns == "nose":
        tip = (x + r * 0.5 + build.muzzle, y - r * 0.25 - build.muzzle * 0.4)
        pen.shape(
            [(tip[0] - 0.06, tip[1] + 0.06), (tip[0] + 0.14, tip[1] + 0.34), (tip[0] + 0.07, tip[1])],
            tones.skin,
        )
        pen.shape(
            [(tip[0] - 0.16, tip[1] + 0.1), (tip[0] - 0.07, tip[1] + 0.24), (tip[0] - 0.05, tip[1] + 0.06)],
            tone,
        )


def _tail(pen: Pen, build: Build, hip: Point, phase: float, tones: Tones) -> None:
    wave = 0.06 * math.sin(phase * 0.9)
    x, y = hip[0] - build.rump * 0.75, hip[1] + build.rump * 0.3
    if build.tail in ("long", "tuft"):
        points = [(x, y), (x - 0.14, y - 0.1), (x - 0.2 + wave, y - 0.3)]
        if build.tail == "long":
            points.append((x - 0.32 + wave, y - 0.34))
        for a, b in pairwise(points):
            pen.limb(a, b, 0.03, 0.022, tones.body)
        if build.tail == "tuft":
            pen.oval((points[-1][0], points[-1][1] - 0.03), (0.035, 0.07), tones.dark)
    elif build.tail in ("bushy", "fox"):
        size = 0.085 if build.tail == "fox" else 0.06
        pen.limb((x + 0.05, y - 0.04), (x - 0.3, y - 0.16 + wave), size * 0.6, size, tones.body)
        end = (x - 0.42, y - 0.2 + wave)
        pen.limb(
            (x - 0.28, y - 0.15 + wave),
            end,
            size,
            size * 0.35,
            tones.skin if build.tail == "fox" else tones.body,
        )
    elif build.tail == "short":
        pen.limb((x, y), (x - 0.08, y - 0.04), 0.04, 0.02, tones.skin)
    elif build.tail == "curl":
        points = [(x + math.cos(a) * 0.06 - 0.1, y + math.sin(a) * 0.06) for a in np.linspace(0, 5.5, 10)]
        pen.thread(points, 0.024, tones.body)
