"""Animals: birds, dogs, cats, horses.

One unit is about the length or height of the body.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from safelight_storyboard.figures import Pen, Point, Tones, step_to


def bird(pen: Pen, phase: float, tones: Tones) -> None:
    """A bird with a wing span of about 1.6 units. It glides between a few wing beats."""
    beat = math.sin(phase)
    glide = 0.5 + 0.5 * math.tanh(3 * math.sin(phase / 9))
    up = (0.5 * beat + 0.12) * glide + 0.16 * (1 - glide)
    pen.oval((0.0, 0.0), (0.26, 0.07), tones.body, 0.06)
    pen.disc((0.25, 0.045), 0.062, tones.body)
    pen.shape([(0.3, 0.06), (0.41, 0.03), (0.3, 0.015)], tones.accent)
    pen.shape([(-0.2, 0.03), (-0.48, 0.08), (-0.5, 0.0), (-0.46, -0.06), (-0.2, -0.03)], tones.body)
    for side, tone in ((-1, tones.dark), (1, tones.body)):
        lift = up * (1.0 if side > 0 else 0.86)
        shoulder_f, shoulder_b = (0.14, 0.03), (-0.12, 0.02)
        bend = (0.1 + 0.05 * side, 0.03 + lift * 0.62)
        tip = (-0.16 + 0.2 * side, 0.03 + lift * 1.02 - 0.16 * max(0.0, -math.cos(phase)) * glide)
        pen.shape(
            [shoulder_f, (bend[0] + 0.08, bend[1]), tip, (bend[0] - 0.2, bend[1] - 0.03), shoulder_b], tone
        )


def gull(pen: Pen, phase: float, tones: Tones) -> None:
    """A distant bird, seen from the front: two curved wings."""
    beat = math.sin(phase)
    glide = 0.5 + 0.5 * math.tanh(3 * math.sin(phase / 9))
    lift = (0.42 * beat) * glide + 0.16
    for side in (-1, 1):
        bend, tip = (side * 0.38, lift * 0.75), (side * 0.85, lift * 0.8 - 0.22 + 0.3 * lift)
        pen.shape(
            [(0.0, 0.07), (bend[0], bend[1] + 0.055), tip, (bend[0] * 0.95, bend[1] - 0.07), (0.0, -0.07)],
            tones.body,
        )
    pen.oval((0.0, -0.01), (0.09, 0.08), tones.body)


def _leg(
    pen: Pen,
    hip: Point,
    swing: float,
    fold: float,
    upper: float,
    lower: float,
    girth: float,
    tone: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    *,
    hind: bool,
) -> None:
    knee = step_to(hip, swing + (0.14 if hind else -0.05), upper)
    bend = fold if hind else -fold
    foot = step_to(
        knee, swing - (0.22 if hind else -0.02) - bend * (0.8 if hind else -1.0) * (1 if hind else -1), lower
    )
    pen.limb(hip, knee, girth * 1.5, girth * 0.8, tone)
    pen.limb(knee, foot, girth * 0.8, girth * 0.55, tone)
    pen.limb(foot, (foot[0] + girth * 1.0, foot[1]), girth * 0.6, girth * 0.5, tone)


def _gait(phase: float, *, run: bool) -> tuple[tuple[float, float], ...]:
    """The angles (swing, fold) of each leg: near foreleg, far foreleg, near hind leg, far hind leg."""
    offsets = (0.0, 0.7, 3.3, 4.0) if run else (0.0, math.pi, math.pi * 1.5, math.pi * 0.5)
    size, fold = (0.6, 1.25) if run else (0.32, 0.55)
    return tuple((size * math.sin(phase + o), fold * max(0.0, math.cos(phase + o))) for o in offsets)


def dog(pen: Pen, phase: float, tones: Tones, *, run: bool = False, still: bool = False) -> None:
    """A dog; one unit is about the height of its head above the ground."""
    legs = ((0.0, 0.0),) * 4 if still else _gait(phase, run=run)
    bob = 0.03 * math.sin(2 * phase if not run else phase) * (0 if still else 1)
    pitch = 0.07 * math.sin(phase + 0.5) if run else 0.0
    y = 0.56 + bob
    chest, rump = (0.3, y + 0.02 + pitch), (-0.32, y + 0.02 - pitch)
    for hip, (swing, fold), hind in (((0.27, y - 0.06), legs[1], False), ((-0.32, y - 0.06), legs[3], True)):
        _leg(pen, hip, swing, fold, 0.25, 0.25, 0.045, tones.dark, hind=hind)
    wag = math.sin(phase * 2.2) * 0.12
    pen.limb(
        (rump[0] - 0.06, rump[1] + 0.06), (rump[0] - 0.26, rump[1] + 0.22 + wag), 0.045, 0.02, tones.body
    )
    pen.limb(chest, rump, 0.155, 0.125, tones.body)
    pen.limb((chest[0] + 0.04, chest[1] + 0.06), (0.46, y + 0.26 + pitch), 0.11, 0.085, tones.body)
    head = (0.52, y + 0.31 + pitch)
    pen.oval(head, (0.125, 0.1), tones.body)
    pen.limb((head[0] + 0.06, head[1] - 0.02), (head[0] + 0.2, head[1] - 0.045), 0.06, 0.04, tones.body)
    pen.disc((head[0] + 0.235, head[1] - 0.03), 0.022, tones.dark)
    flop = 0.04 * math.sin(phase * 2)
    pen.shape(
        [
            (head[0] - 0.09, head[1] + 0.08),
            (head[0] - 0.01, head[1] + 0.1),
            (head[0] - 0.05, head[1] - 0.08 + flop),
            (head[0] - 0.13, head[1] - 0.07 + flop),
        ],
        tones.dark,
    )
    for hip, (swing, fold), hind in (((0.3, y - 0.06), legs[0], False), ((-0.3, y - 0.06), legs[2], True)):
        _leg(pen, hip, swing, fold, 0.25, 0.25, 0.047, tones.body, hind=hind)


def cat(pen: Pen, phase: float, tones: Tones, *, run: bool = False) -> None:
    legs = _gait(phase, run=run)
    y = 0.42 + 0.015 * math.sin(2 * phase)
    for hip, (swing, fold), hind in (((0.26, y - 0.04), legs[1], False), ((-0.3, y - 0.04), legs[3], True)):
        _leg(pen, hip, swing, fold, 0.19, 0.19, 0.036, tones.dark, hind=hind)
    curl = 0.08 * math.sin(phase * 0.8)
    tail = [(-0.36, y + 0.05), (-0.52, y + 0.14), (-0.6, y + 0.32 + curl), (-0.54, y + 0.48 + curl)]
    for a, b in pairwise(tail):
        pen.limb(a, b, 0.034, 0.028, tones.body)
    pen.limb((0.26, y), (-0.3, y), 0.115, 0.12, tones.body)
    _cat_head(pen, (0.43, y + 0.17), tones)
    for hip, (swing, fold), hind in (((0.29, y - 0.04), legs[0], False), ((-0.27, y - 0.04), legs[2], True)):
        _leg(pen, hip, swing, fold, 0.19, 0.19, 0.037, tones.body, hind=hind)


def cat_sitting(pen: Pen, phase: float, tones: Tones) -> None:
    curl = 0.05 * math.sin(phase * 0.7)
    tail = [(-0.2, 0.06), (-0.38, 0.05), (-0.5, 0.12 + curl), (-0.52, 0.24 + curl * 1.6)]
    for a, b in pairwise(tail):
        pen.limb(a, b, 0.035, 0.03, tones.body)
    pen.shape(
        [
            (-0.26, 0.0),
            (-0.27, 0.18),
            (-0.17, 0.42),
            (-0.02, 0.58),
            (0.12, 0.58),
            (0.17, 0.4),
            (0.16, 0.2),
            (0.2, 0.0),
        ],
        tones.body,
    )
    pen.oval((-0.1, 0.13), (0.18, 0.14), tones.body)
    pen.limb((0.1, 0.4), (0.15, 0.03), 0.055, 0.04, tones.body)
    _cat_head(pen, (0.1, 0.68 + 0.006 * math.sin(phase)), tones)


def curled_up(pen: Pen, phase: float, tones: Tones, *, dog: bool = False) -> None:
    """A cat or dog that sleeps curled up, and breathes."""
    breath = 0.008 * math.sin(phase)
    pen.oval((-0.06, 0.17 + breath), (0.4, 0.2 + breath), tones.body)
    pen.oval((-0.2, 0.2 + breath), (0.25, 0.19), tones.body * np.float32(0.92))
    pen.thread([(-0.3, 0.24), (-0.16, 0.12), (-0.04, 0.08)], 0.014, tones.dark)
    for a, b in pairwise([(-0.42, 0.12), (-0.36, 0.05), (-0.1, 0.035), (0.16, 0.04)]):
        pen.limb(a, b, 0.048, 0.042, tones.body * np.float32(0.84))
    head, face = (0.28, 0.17), tones.body * np.float32(1.12) + np.float32(16)
    pen.oval((head[0] - 0.02, head[1]), (0.165, 0.135), tones.body * np.float32(0.75))
    pen.oval(head, (0.145, 0.12), face)
    if dog:
        pen.oval((head[0] + 0.12, head[1] - 0.05), (0.11, 0.06), face)
        pen.disc((head[0] + 0.22, head[1] - 0.04), 0.022, tones.dark * np.float32(0.4))
        pen.oval((head[0] - 0.09, head[1] - 0.02), (0.055, 0.11), tones.dark, 0.25)
    else:
        for dx in (-0.09, 0.05):
            pen.shape([(head[0] + dx - 0.05, head[1] + 0.07), (head[0] + dx + 0.01, head[1] + 0.2),
                       (head[0] + dx + 0.065, head[1] + 0.08)], face)  # fmt: skip
        pen.oval((head[0] + 0.1, head[1] - 0.045), (0.06, 0.045), face)
    pen.thread([(head[0] + 0.02, head[1] + 0.0), (head[0] + 0.05, head[1] - 0.02),
            (head[0] + 0.085, head[1])],
               0.012, tones.dark * np.float32(0.4))  # fmt: skip
    pen.limb((0.08, 0.05), (0.32, 0.045), 0.042, 0.036, tones.body)


def _cat_head(pen: Pen, head: Point, tones: Tones) -> None:
    pen.oval(head, (0.125, 0.108), tones.body)
    for dx in (-0.075, 0.07):
        pen.shape(
            [
                (head[0] + dx - 0.05, head[1] + 0.07),
                (head[0] + dx, head[1] + 0.19),
                (head[0] + dx + 0.05, head[1] + 0.06),
            ],
            tones.body,
        )
    pen.oval((head[0] + 0.085, head[1] - 0.03), (0.06, 0.05), tones.body)


def dog_sitting(pen: Pen, phase: float, tones: Tones) -> None:
    wag = 0.06 * math.sin(phase * 2)
    pen.limb((-0.24, 0.06), (-0.5, 0.1 + wag), 0.045, 0.025, tones.body)
    pen.shape(
        [
            (-0.28, 0.0),
            (-0.28, 0.2),
            (-0.14, 0.5),
            (0.02, 0.74),
            (0.16, 0.7),
            (0.2, 0.45),
            (0.14, 0.2),
            (0.18, 0.0),
        ],
        tones.body,
    )
    pen.oval((-0.1, 0.14), (0.2, 0.15), tones.body)
    pen.limb((0.12, 0.45), (0.16, 0.03), 0.06, 0.045, tones.body)
    head = (0.13, 0.84)
    pen.oval(head, (0.13, 0.11), tones.body)
    pen.limb((head[0] + 0.06, head[1] - 0.02), (head[0] + 0.2, head[1] - 0.05), 0.06, 0.04, tones.body)
    pen.shape(
        [
            (head[0] - 0.1, head[1] + 0.08),
            (head[0] - 0.02, head[1] + 0.1),
            (head[0] - 0.06, head[1] - 0.1),
            (head[0] - 0.14, head[1] - 0.08),
        ],
        tones.dark,
    )


def horse(pen: Pen, phase: float, tones: Tones, *, run: bool = False, still: bool = False) -> None:
    """A horse; one unit is the height of its back. The head reaches 1.45 units."""
    legs = ((0.0, 0.0),) * 4 if still else _gait(phase, run=run)
    bob = (0.035 if run else 0.012) * math.sin(phase + 0.4) * (0 if still else 1)
    pitch = 0.06 * math.sin(phase) if run else 0.0
    y = 0.78 + bob
    for hip, (swing, fold), hind in (((0.36, y - 0.16), legs[1], False), ((-0.42, y - 0.14), legs[3], True)):
        _leg(pen, hip, swing, fold, 0.32, 0.33, 0.05, tones.dark, hind=hind)
    wave = 0.05 * math.sin(phase * 1.2)
    stream = 0.2 if run else 0.0
    pen.shape(
        [
            (-0.5, y + 0.14),
            (-0.66 - stream, y + 0.1 + wave),
            (-0.78 - stream, y - 0.3 + stream * 1.4 + wave),
            (-0.64 - stream, y - 0.34 + stream * 1.3),
            (-0.54, y - 0.02),
        ],
        tones.dark,
    )
    pen.limb((0.3, y + 0.0 + pitch), (-0.34, y + 0.02 - pitch), 0.2, 0.205, tones.body)
    pen.oval((-0.36, y + 0.03 - pitch), (0.21, 0.2), tones.body)
    nod = 0.05 * math.sin(phase + 1) + (0.1 if run else 0)
    poll = (0.72 + nod, y + 0.52 + pitch - nod * 0.6)
    pen.shape(
        [
            (0.16, y + 0.18 + pitch),
            (poll[0] - 0.11, poll[1] + 0.05),
            (poll[0] + 0.07, poll[1] - 0.07),
            (0.48, y + 0.02 + pitch),
            (0.3, y - 0.14 + pitch),
        ],
        tones.body,
    )
    muzzle = (poll[0] + 0.25, poll[1] - 0.23)
    pen.limb((poll[0], poll[1]), muzzle, 0.095, 0.055, tones.body)
    pen.shape(
        [
            (poll[0] - 0.07, poll[1] + 0.06),
            (poll[0] - 0.03, poll[1] + 0.19),
            (poll[0] + 0.03, poll[1] + 0.07),
        ],
        tones.body,
    )
    pen.shape(
        [
            (poll[0] - 0.04, poll[1] + 0.11),
            (poll[0] - 0.18 - stream * 0.5, poll[1] + 0.02 + wave),
            (0.2 - stream * 0.6, y + 0.22 + wave),
            (0.14, y + 0.16),
            (0.3, y + 0.22),
            (poll[0] - 0.12, poll[1] - 0.04),
        ],
        tones.dark,
    )
    for hip, (swing, fold), hind in (((0.38, y - 0.15), legs[0], False), ((-0.4, y - 0.14), legs[2], True)):
        _leg(pen, hip, swing, fold, 0.32, 0.33, 0.052, tones.body, hind=hind)
