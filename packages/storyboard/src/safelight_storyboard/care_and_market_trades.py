"""People at work in hospitals, on building sites, markets, tea fields and doorsteps, and noodle makers.

One unit is the height of the person, who faces right.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.buildings import box
from safelight_storyboard.figures import Pen, Point, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.people import Pose
from safelight_storyboard.raster import rgb
from safelight_storyboard.subject_kinds import SubjectKind as Kind
from safelight_storyboard.trade import Trade, pose

_WHITE, _STEEL, _WOOD = rgb("#eeece6"), rgb("#a8aeb4"), rgb("#8a6038")
_RED, _GREEN = rgb("#c0392b"), rgb("#4f8a48")


def hospital_bed(pen: Pen, _phase: float, tones: Tones) -> None:
    """A bed with a patient under a blanket, and a drip on a stand."""
    for x in (0.26, 1.44):
        box(pen, x, 0.0, x + 0.05, 0.4, _STEEL)
    box(pen, 1.46, 0.2, 1.52, 0.7, _STEEL)
    box(pen, 0.22, 0.26, 1.5, 0.34, _WHITE)
    pen.oval((1.34, 0.42), (0.17, 0.07), _WHITE)
    pen.oval((1.28, 0.49), (0.085, 0.075), rgb("#d8a684"))
    pen.shape([(1.24, 0.56), (1.37, 0.56), (1.39, 0.47), (1.33, 0.5)], tones.dark)
    pen.shape(
        [(0.24, 0.34), (0.28, 0.44), (0.46, 0.47), (0.8, 0.5), (1.16, 0.47), (1.2, 0.34)], rgb("#7fa8c8")
    )
    box(pen, 0.22, 0.28, 1.1, 0.35, rgb("#6a94b8"))
    pen.limb((1.62, 0.0), (1.62, 1.1), 0.012, 0.012, _STEEL)
    pen.limb((1.56, 1.1), (1.68, 1.1), 0.01, 0.01, _STEEL)
    pen.shape([(1.51, 0.86), (1.61, 0.86), (1.6, 1.06), (1.52, 1.06)], rgb("#d8e8f0"))
    pen.thread([(1.56, 0.86), (1.54, 0.6), (1.36, 0.48)], 0.012, _STEEL)


def _clipboard(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    pen.shape([(hand[0], hand[1] - 0.04), (hand[0] + 0.13, hand[1]), (hand[0] + 0.1, hand[1] + 0.18),
               (hand[0] - 0.03, hand[1] + 0.14)], _WOOD)  # fmt: skip
    pen.shape([(hand[0] + 0.01, hand[1] - 0.02), (hand[0] + 0.115, hand[1] + 0.015),
               (hand[0] + 0.09, hand[1] + 0.15), (hand[0] - 0.015, hand[1] + 0.12)], _WHITE)  # fmt: skip


def _scaffold(pen: Pen, _phase: float, _tones: Tones) -> None:
    """Scaffolding with a plank."""
    pole = rgb("#8a8f96")
    for x in (-0.75, 0.2, 1.5):
        pen.limb((x, 0.0), (x, 1.42), 0.02, 0.02, pole)
    for y in (0.72, 1.38):
        pen.limb((-0.8, y), (1.55, y), 0.018, 0.018, pole)
    pen.limb((-0.75, 0.02), (0.2, 1.38), 0.012, 0.012, pole)
    box(pen, -0.85, 1.38, 1.6, 1.43, rgb("#b08850"))


def _brick_wall(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A half-built brick wall, a bucket, and the stripes of the safety vest."""
    brick, mortar = rgb("#b0583f"), rgb("#cfc6b8")
    for row in range(9):
        right = 1.45
        left = 0.36 + (0.2 if row > 5 else 0.0) + (0.22 if row > 7 else 0.0)
        y = row * 0.065
        box(pen, left, y, right, y + 0.065, mortar)
        x = left + (0.0 if row % 2 else -0.075)
        while x < right - 0.01:
            a, b = max(left, x), min(right, x + 0.142)
            box(
                pen,
                a,
                y + 0.004,
                b,
                y + 0.056,
                brick * np.float32(0.86 + 0.07 * ((row * 7 + round(x * 10)) % 4)),
            )
            x += 0.15
    box(pen, 0.62, 0.585, 0.76, 0.645, brick)
    pen.shape([(-0.34, 0.18), (-0.14, 0.18), (-0.17, 0.0), (-0.31, 0.0)], rgb("#5a6068"))
    for y in (0.57, 0.66):
        pen.limb((-0.05, y), (0.07, y + 0.004), 0.013, 0.013, rgb("#f4f0a8"))


def _trowel(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    pen.limb(hand, (hand[0] + 0.06, hand[1]), 0.014, 0.014, _WOOD)
    pen.shape(
        [(hand[0] + 0.06, hand[1] + 0.035), (hand[0] + 0.2, hand[1]), (hand[0] + 0.06, hand[1] - 0.035)],
        _STEEL,
    )


_FRUIT = (rgb("#d8402f"), rgb("#f0a02f"), rgb("#7ab040"), rgb("#f0d048"), rgb("#a04a8a"))


def _stall(pen: Pen, _phase: float, tones: Tones) -> None:
    """A market stall: a striped awning over crates of fruit, and scales."""
    for x in (0.24, 1.64):
        pen.limb((x, 0.0), (x, 1.22), 0.02, 0.02, _WOOD)
    for number in range(10):
        left = 0.1 + number * 0.16
        tone = _RED if number % 2 else _WHITE
        pen.shape([(left, 1.1), (left + 0.16, 1.1), (left + 0.14, 1.34), (left + 0.04, 1.34)], tone)
        pen.oval((left + 0.08, 1.1), (0.08, 0.045), tone)
    box(pen, 0.16, 0.0, 1.7, 0.28, _WOOD * np.float32(0.8))
    for crate in range(5):
        x = 0.2 + crate * 0.3
        pen.shape([(x, 0.28), (x + 0.28, 0.28), (x + 0.28, 0.42), (x, 0.42)], _WOOD * np.float32(1.25))
        for row, count in enumerate((4, 3, 2)):
            for number in range(count):
                at = (x + 0.05 + 0.03 * row + number * 0.062, 0.44 + row * 0.05)
                pen.disc(at, 0.036, _FRUIT[crate] * np.float32(0.84 + 0.08 * ((number + row) % 3)))
    pen.limb((1.3, 1.1), (1.3, 0.86), 0.008, 0.008, tones.dark)
    pen.disc((1.3, 0.84), 0.07, _WHITE)
    pen.limb((1.3, 0.84), (1.33, 0.88), 0.008, 0.006, _RED)
    pen.shape([(1.2, 0.68), (1.4, 0.68), (1.36, 0.63), (1.24, 0.63)], _STEEL)


def _tea_rows(pen: Pen, phase: float, tones: Tones) -> None:
    """Rows of tea bushes up to the hip of the picker."""
    for row, y in enumerate((0.12, -0.02, -0.14)):
        leaf = rgb("#4f8a3c") * np.float32(0.78 + 0.14 * row) * np.float32(0.85) + tones.body * np.float32(
            0.1
        )
        for number in range(24):
            x = -2.9 + number * 0.24 + 0.1 * row
            pen.oval((x, y + 0.1 + 0.008 * math.sin(phase + number)), (0.17, 0.15), leaf)
            for bud in range(4):
                pen.oval((x - 0.1 + bud * 0.07, y + 0.22 - 0.02 * (bud % 2)), (0.012, 0.03),
                        leaf * np.float32(1.35),
                         0.4 * (bud - 1.5))  # fmt: skip


def _basket(pen: Pen, _hand: Point, _phase: float, _tones: Tones) -> None:
    """A basket on the back, full of leaves."""
    pen.shape([(-0.3, 0.78), (-0.1, 0.8), (-0.12, 0.5), (-0.27, 0.5)], rgb("#b08a50"))
    for y in (0.56, 0.64, 0.72):
        pen.limb((-0.28, y), (-0.11, y), 0.008, 0.008, rgb("#7a5a30"))
    for number in range(5):
        pen.oval((-0.28 + number * 0.045, 0.81), (0.035, 0.03), _GREEN)


def _parcel(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    x, y = hand
    box(pen, x - 0.12, y - 0.06, x + 0.2, y + 0.18, rgb("#b98a54"))
    box(pen, x + 0.02, y - 0.06, x + 0.06, y + 0.18, rgb("#e0c898"))
    box(pen, x + 0.09, y + 0.06, x + 0.17, y + 0.12, _WHITE)


def _front_door(pen: Pen, _phase: float, _tones: Tones) -> None:
    """The front door of a house with a lamp, a step and more parcels."""
    box(pen, 0.55, 0.0, 1.5, 1.32, rgb("#b08a70"))
    for row in range(10):
        box(pen, 0.55, row * 0.13 + 0.12, 1.5, row * 0.13 + 0.13, rgb("#8a6650"))
    box(pen, 0.78, 0.0, 1.28, 1.06, rgb("#6a3a2c"))
    box(pen, 0.82, 0.03, 1.24, 1.02, rgb("#8a4a36"))
    for y in (0.1, 0.56):
        box(pen, 0.88, y, 1.18, y + 0.36, rgb("#7a3f2e"))
    pen.disc((0.87, 0.52), 0.025, rgb("#e0b048"))
    box(pen, 0.7, -0.03, 1.36, 0.03, rgb("#8f8a84"))
    pen.disc((1.38, 0.94), 0.05, rgb("#ffe2a0"))
    for x, y, wide in ((-0.62, 0.0, 0.36), (-0.54, 0.22, 0.24)):
        box(pen, x, y, x + wide, y + 0.21, rgb("#a97c48"))
        box(pen, x + wide * 0.44, y, x + wide * 0.56, y + 0.21, rgb("#e0c898"))


def _pulling(phase: float) -> Pose:
    up = 0.12 * math.sin(1.4 * phase)
    return Pose(
        thighs=(0.08, -0.1), knees=(0.03, 0.03), arms=(1.7 + up, 0.55), elbows=(0.35, 0.9), lean=0.03
    )  # fmt: skip


def _noodles(pen: Pen, hand: Point, phase: float, tones: Tones) -> None:
    """Noodles that two sticks lift out of the pot."""
    for number in range(13):
        spread = (number - 6) / 6
        sway = 0.012 * math.sin(1.4 * phase + number)
        line: list[Point] = []
        for step in range(9):
            u = step / 8
            x = hand[0] + 0.02 + spread * (0.05 + 0.055 * u) + sway * u
            line.append((x, hand[1] + 0.02 - 0.03 * spread * spread - u * (hand[1] - 0.42)))
        pen.thread(line, 0.013, rgb("#f8e6a8") * np.float32(0.84 + 0.04 * (number % 5)))
    for rise in (0.0, 0.03):
        pen.limb(hand, (hand[0] + 0.18, hand[1] + 0.03 + rise), 0.009, 0.006, tones.dark)


def _noodle_bowls(pen: Pen, phase: float, _tones: Tones) -> None:
    """A board with flour, and bowls of noodles that steam."""
    for x in (0.62, 0.92):
        pen.shape([(x - 0.12, 0.54), (x + 0.12, 0.54), (x + 0.07, 0.44), (x - 0.07, 0.44)], rgb("#d8dce4"))
        box(pen, x - 0.12, 0.51, x + 0.12, 0.54, rgb("#3f6a9a"))
        pen.oval((x, 0.54), (0.105, 0.03), rgb("#f0dc9c"))
        for step in range(3):
            age = (phase * 0.2 + step / 3 + x) % 1.0
            pen.disc(
                (x + 0.02 * math.sin(phase + step), 0.58 + 0.2 * age), 0.015 + 0.016 * age, rgb("#c8c4be")
            )


_ROOM, _KITCHEN = (Environment.ROOM,), (Environment.KITCHEN,)
CARE_AND_MARKET_TRADES: dict[Kind, Trade] = {
    Kind.NURSE: Trade(pose=pose(0.7, 1.0, 0.4, swing=0.06), homes=_ROOM, hat="nurse", clothes="#e8eef0",
                      tool=_clipboard, behind=hospital_bed),
    Kind.BUILDER: Trade(pose=pose(0.95, 0.55, 0.3, swing=0.14, lean=0.14),
            homes=(Environment.CITY,), hat="helmet",
                        clothes="#e0822b", tool=_trowel, behind=_scaffold, front=_brick_wall),
    Kind.VENDOR: Trade(pose=pose(0.85, 0.7, 0.5, swing=0.2), homes=(Environment.STREET,), front=_stall),
    Kind.TEA_PICKER: Trade(pose=pose(0.75, 0.7, 0.6, swing=0.22, lean=0.2),
            homes=(Environment.MEADOW,), hat="straw",
                           clothes="#4f7a8a", tool=_basket, front=_tea_rows),
    Kind.COURIER: Trade(pose=pose(0.85, 0.75, 0.8), homes=(Environment.STREET,), hat="cap", clothes="#3f6a9a",
                        tool=_parcel, behind=_front_door),
    Kind.NOODLE_MAKER: Trade(pose=_pulling, homes=_KITCHEN, hat="chef", clothes="#e9e4da", tool=_noodles,
                             behind=_noodle_bowls),
}  # fmt: skip
