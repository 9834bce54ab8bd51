"""Animals that glide or hover: eagles, hummingbirds, sea turtles.

One unit is half of the wing span, or the length of the shell.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.figures import Pen, Point, Tones
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.raster import rgb
from safelight_storyboard.subject_kinds import SubjectKind as Kind


def eagle(pen: Pen, phase: float, tones: Tones) -> None:
    """An eagle that soars, seen from the side and below: broad wings with spread feathers, a hooked beak."""
    lift = 0.1 * math.sin(phase * 0.8)
    for side, tone in ((-1, tones.dark), (1, tones.body)):
        root_front, root_back = (0.2, 0.06), (-0.2, 0.02)
        # The far wing points up and forward, the near wing up and back.
        bend = (0.14 - 0.3 * side, 0.42 + 0.6 * lift)
        tip = (0.1 - 0.62 * side, 0.84 + lift)
        pen.shape(
            [root_front, (bend[0] + 0.24, bend[1]), (tip[0] + 0.12, tip[1]), (tip[0] - 0.14, tip[1] - 0.12),
             (bend[0] - 0.22, bend[1] - 0.16), root_back],
            tone,
        )  # fmt: skip
        for feather in range(6):
            at = (tip[0] + 0.14 - 0.055 * feather, tip[1] + 0.02 - 0.026 * feather)
            reach = 0.3 - 0.03 * feather
            angle = 1.5 + 0.3 * side + 0.16 * feather * (1 if side > 0 else 0.7)
            end = (at[0] + math.cos(angle) * reach, at[1] + math.sin(angle) * reach)
            pen.limb(at, end, 0.034, 0.014, tone)
        for row in range(4):
            a = (
                root_back[0] + (bend[0] - 0.2 - root_back[0]) * (row + 0.5) / 4,
                0.02 + (bend[1] - 0.2) * (row + 0.5) / 4,
            )
            pen.limb(a, (a[0] + 0.2, a[1] + 0.08), 0.008, 0.004, tones.dark * np.float32(0.7))
    tail: list[Point] = [(-0.3, 0.04), (-0.74, 0.12), (-0.78, 0.0), (-0.74, -0.12), (-0.3, -0.06)]
    pen.shape(tail, tones.skin)
    pen.oval((-0.02, 0.0), (0.4, 0.125), tones.body, 0.05)
    pen.limb((0.26, 0.03), (0.42, 0.08), 0.1, 0.088, tones.skin)
    pen.oval((0.46, 0.09), (0.11, 0.095), tones.skin)
    beak = rgb("#f0b43a")
    pen.shape([(0.54, 0.14), (0.68, 0.1), (0.7, 0.02), (0.64, 0.045), (0.54, 0.04)], beak)
    pen.disc((0.5, 0.12), 0.018, tones.dark * np.float32(0.3))
    pen.limb((0.45, 0.155), (0.55, 0.135), 0.014, 0.01, tones.dark)
    for x in (-0.1, 0.0):
        pen.limb((x, -0.1), (x - 0.05, -0.17), 0.03, 0.02, beak)


def hummingbird(pen: Pen, phase: float, tones: Tones) -> None:
    """A hummingbird that hovers at a flower, with a long thin beak."""
    stem = rgb("#4f8a48")
    pen.thread([(0.86, -1.6), (0.84, -0.8), (0.98, -0.1)], 0.03, stem)
    pen.oval((0.7, -0.9), (0.2, 0.07), stem, 2.6)
    pen.shape([(0.62, 0.08), (0.98, 0.3), (1.12, -0.12), (0.9, -0.2)], rgb("#d8407a"))
    for turn in range(5):
        angle = 2.0 + turn * 0.5
        pen.oval(
            (0.72 + 0.14 * math.cos(angle), 0.08 + 0.2 * math.sin(angle)), (0.12, 0.07), rgb("#f0649a"), angle
        )
    beat = math.sin(phase * 2)
    for spread in (0.0, 0.22):
        angle = 1.95 + 0.45 * beat + spread
        tip = (-0.05 + 0.85 * math.cos(angle), 0.12 + 0.85 * math.sin(angle))
        pen.shape(
            [(0.04, 0.1), tip, (tip[0] - 0.16, tip[1] - 0.2), (-0.16, 0.02)], tones.dark + np.float32(26)
        )
    pen.shape([(-0.22, -0.18), (-0.62, -0.62), (-0.5, -0.66), (-0.4, -0.62), (-0.08, -0.26)], tones.dark)
    pen.oval((-0.04, -0.04), (0.3, 0.15), tones.body, 0.75)
    pen.oval((0.04, -0.08), (0.17, 0.09), tones.skin, 0.75)
    pen.disc((0.2, 0.24), 0.135, tones.body)
    pen.oval((0.2, 0.14), (0.1, 0.07), tones.accent, 0.4)
    pen.limb((0.31, 0.24), (0.72, 0.16), 0.022, 0.01, tones.dark * np.float32(0.4))
    pen.disc((0.25, 0.28), 0.026, tones.dark * np.float32(0.2))


def sea_turtle(pen: Pen, phase: float, tones: Tones) -> None:
    """A sea turtle that swims with long flippers."""
    stroke = math.sin(phase)
    for x, length, tone in ((0.28, 0.62, tones.dark), (-0.4, 0.26, tones.dark)):
        _flipper(pen, (x, 0.0), -0.75 + 0.45 * stroke, length * 0.8, tone)
    pen.limb((0.44, 0.02), (0.66, 0.08), 0.1, 0.095, tones.skin)
    pen.oval((0.74, 0.1), (0.14, 0.105), tones.skin, 0.15)
    pen.shape([(0.85, 0.13), (0.91, 0.07), (0.83, 0.04)], tones.skin)
    pen.disc((0.79, 0.13), 0.022, tones.dark * np.float32(0.3))
    pen.limb((-0.5, -0.01), (-0.62, -0.04), 0.04, 0.01, tones.skin)
    pen.oval((0.0, -0.06), (0.5, 0.14), tones.skin * np.float32(0.9) + np.float32(16))
    shell: list[Point] = [
        (0.54 * math.cos(a), 0.32 * math.sin(a) - 0.03) for a in np.linspace(0, math.pi, 24)
    ]
    pen.shape(shell, tones.body)
    for x, wide in ((-0.32, 0.1), (-0.1, 0.125), (0.13, 0.125), (0.34, 0.09)):
        top = 0.3 * math.sqrt(max(0.05, 1 - (x / 0.54) ** 2)) - 0.07
        pen.shape([(x - wide * 0.8, 0.02), (x - wide, top * 0.6),
                (x - wide * 0.5, top), (x + wide * 0.5, top),
                   (x + wide, top * 0.6), (x + wide * 0.8, 0.02)], tones.dark)  # fmt: skip
    pen.limb((-0.53, -0.03), (0.53, -0.03), 0.035, 0.035, tones.dark)
    _flipper(pen, (0.3, -0.06), -0.95 + 0.6 * stroke, 0.78, tones.skin)
    _flipper(pen, (-0.38, -0.05), -2.3 - 0.3 * stroke, 0.34, tones.skin)


def _flipper(
    pen: Pen,
    root: Point,
    angle: float,
    length: float,
    tone: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    """A flipper that curves backwards."""
    upper: list[Point] = []
    lower: list[Point] = []
    for step in range(9):
        u = step / 8
        turn = angle - 0.9 * u
        x, y = root[0] + math.cos(turn) * length * u, root[1] + math.sin(turn) * length * u
        wide = length * 0.16 * math.sin(math.pi * min(1.0, 0.25 + 0.72 * u)) + 0.01
        upper.append((x - math.sin(turn) * wide, y + math.cos(turn) * wide))
        lower.append((x + math.sin(turn) * wide, y - math.cos(turn) * wide))
    pen.shape([*upper, *reversed(lower)], tone)


def _soars(colour: str, pale: str) -> Entry:
    return Entry(
        make=always(eagle), share=0.24, extent=(1.1, 1.1, 1.35, 0.4),
                homes=(Env.MOUNTAINS,), colours=(colour,),
        pale=pale, motion=Motion.AIR, speed=0.14, rate=2.2,
    )  # fmt: skip


GLIDING_ANIMALS: dict[Kind, Entry] = {
    Kind.EAGLE: _soars("#6b4a30", "#b08a54"),
    Kind.BALD_EAGLE: _soars("#4a3426", "#f4f2ec"),
    Kind.HUMMINGBIRD: Entry(
        make=always(hummingbird), share=0.3, extent=(0.9, 1.25, 1.15, 1.6), homes=(Env.MEADOW,),
        colours=("#2f8a5c",), accent="#c83a4a", pale="#e8e4d8", motion=Motion.AIR, rate=14.0, most=2,
    ),
    Kind.SEA_TURTLE: Entry(
        make=always(sea_turtle), share=0.34, extent=(1.1, 1.1, 0.8, 1.0), homes=(Env.UNDERWATER,),
        colours=("#5f7a4a",), pale="#a8b078", motion=Motion.UNDERWATER, speed=0.12, rate=2.2, most=3,
    ),
}  # fmt: skip
