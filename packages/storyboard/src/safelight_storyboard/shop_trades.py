"""People at work behind a counter: in cafés, bars, shops, bakeries, pharmacies, laboratories and libraries.

One unit is the height of the person, who faces right.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.buildings import box
from safelight_storyboard.figures import Pen, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.raster import Colour, rgb
from safelight_storyboard.subject_kinds import SubjectKind as Kind
from safelight_storyboard.trade import Prop, Trade, pose

_WOOD, _STEEL, _WHITE = rgb("#8a6038"), rgb("#a8aeb4"), rgb("#eeece6")
_RED, _GREEN, _BLUE, _GOLD = rgb("#c0443a"), rgb("#4f8a58"), rgb("#4a78b0"), rgb("#e0b048")
_HUES = (_RED, _GOLD, _GREEN, _BLUE, rgb("#b070a0"))


def _counter(goods: Prop, tone: Colour = _WOOD) -> Prop:
    """A counter with goods on it. Its top is at 0.46."""

    def draw(pen: Pen, phase: float, tones: Tones) -> None:
        box(pen, 0.2, 0.0, 1.5, 0.42, tone)
        for x in (0.24, 0.66, 1.08):
            box(pen, x, 0.05, x + 0.38, 0.37, tone * np.float32(0.8))
        box(pen, 0.16, 0.42, 1.54, 0.46, tone * np.float32(1.3))
        goods(pen, phase, tones)

    return draw


def _coffee(pen: Pen, phase: float, _tones: Tones) -> None:
    """An espresso machine and cups that steam."""
    box(pen, 0.9, 0.46, 1.42, 0.86, _STEEL)
    box(pen, 0.96, 0.52, 1.36, 0.64, rgb("#3a3d42"))
    box(pen, 0.88, 0.84, 1.44, 0.89, _RED)
    for x in (1.04, 1.26):
        pen.limb((x, 0.66), (x, 0.6), 0.03, 0.02, rgb("#26282c"))
        pen.disc((x, 0.76), 0.028, _WHITE)
    for number, x in enumerate((0.36, 0.52, 0.68)):
        pen.shape([(x - 0.05, 0.55), (x + 0.05, 0.55), (x + 0.035, 0.46), (x - 0.035, 0.46)], _WHITE)
        for step in range(3):
            age = (phase * 0.2 + step / 3 + number * 0.2) % 1.0
            pen.disc(
                (x + 0.015 * math.sin(phase + step), 0.58 + 0.2 * age), 0.012 + 0.014 * age, rgb("#b8b4ae")
            )


def _bottles(pen: Pen, _phase: float, _tones: Tones) -> None:
    for number in range(7):
        x = 0.78 + number * 0.095
        box(pen, x - 0.03, 0.46, x + 0.03, 0.68, _HUES[number % 5])
        box(pen, x - 0.012, 0.68, x + 0.012, 0.78, _HUES[number % 5])
    for x in (0.36, 0.52):
        pen.shape([(x - 0.06, 0.7), (x + 0.06, 0.7), (x, 0.6)], _GOLD)
        pen.limb((x, 0.6), (x, 0.48), 0.008, 0.008, _WHITE)
        pen.limb((x - 0.04, 0.47), (x + 0.04, 0.47), 0.01, 0.01, _WHITE)


def _till(pen: Pen, phase: float, _tones: Tones) -> None:
    """A cash register, and goods on the belt."""
    pen.shape([(0.34, 0.46), (0.74, 0.46), (0.7, 0.64), (0.4, 0.64)], rgb("#4a4f56"))
    pen.shape([(0.4, 0.66), (0.7, 0.66), (0.66, 0.86), (0.44, 0.86)], rgb("#3a3f46"))
    box(pen, 0.46, 0.69, 0.64, 0.82, rgb("#a8d0b8"))
    box(pen, 0.84, 0.46, 1.54, 0.49, rgb("#2f3338"))
    for number in range(4):
        x = 0.9 + ((number * 0.17 - phase * 0.03) % 0.58)
        if number % 2:
            pen.disc((x, 0.56), 0.06, _HUES[number])
        else:
            box(pen, x - 0.05, 0.49, x + 0.05, 0.68, _HUES[number])


def _bread(pen: Pen, _phase: float, _tones: Tones) -> None:
    crust = rgb("#c08a48")
    for number in range(5):
        x, y = 0.36 + number * 0.24, 0.53
        pen.oval((x, y), (0.11, 0.07), crust)
        for dx in (-0.04, 0.02):
            pen.thread([(x + dx, y + 0.05), (x + dx + 0.03, y)], 0.012, rgb("#f0d8a0"))
    for x in (0.48, 0.72, 0.96):
        pen.oval((x, 0.64), (0.1, 0.06), crust * np.float32(1.1))
    for number in range(3):
        pen.limb((1.24 + number * 0.07, 0.48), (1.34 + number * 0.07, 0.95), 0.035, 0.03, crust)


def _sausages(pen: Pen, _phase: float, _tones: Tones) -> None:
    """Sausages on hooks, and a ham on the counter."""
    pen.limb((0.5, 1.22), (1.5, 1.22), 0.014, 0.014, _STEEL)
    for number in range(6):
        x = 0.58 + number * 0.16
        pen.limb((x, 1.22), (x, 1.14), 0.006, 0.006, _STEEL)
        for step in range(3):
            pen.oval((x, 1.08 - step * 0.11), (0.03, 0.06), rgb("#a8543f"))
    pen.oval((1.1, 0.56), (0.2, 0.11), rgb("#c8796a"))
    pen.limb((1.28, 0.58), (1.42, 0.62), 0.025, 0.02, _WHITE)
    box(pen, 0.32, 0.46, 0.72, 0.5, rgb("#c8a878"))


def _flowers(pen: Pen, phase: float, _tones: Tones) -> None:
    for pot in range(5):
        x = 0.34 + pot * 0.27
        pen.shape([(x - 0.09, 0.62), (x + 0.09, 0.62), (x + 0.065, 0.46), (x - 0.065, 0.46)], _STEEL)
        for number in range(5):
            tip = (
                x - 0.12 + number * 0.06,
                0.86 + 0.05 * (number % 2) + 0.006 * math.sin(phase + number + pot),
            )
            pen.limb((x, 0.62), tip, 0.008, 0.006, _GREEN)
            for turn in range(5):
                a = turn * math.tau / 5
                pen.disc((tip[0] + 0.026 * math.cos(a), tip[1] + 0.026 * math.sin(a)), 0.021, _HUES[pot])
            pen.disc(tip, 0.016, _GOLD)


def _medicine(pen: Pen, _phase: float, _tones: Tones) -> None:
    for row, y in enumerate((0.78, 1.02, 1.26)):
        box(pen, 0.5, y - 0.03, 1.5, y, _WHITE)
        for number in range(7):
            x = 0.54 + number * 0.135
            box(pen, x, y, x + 0.08, y + 0.13, (_WHITE, _GREEN, _BLUE)[(number + row) % 3])
    box(pen, 0.94, 0.56, 1.02, 0.74, _GREEN)
    box(pen, 0.89, 0.61, 1.07, 0.69, _GREEN)


def _laboratory(pen: Pen, phase: float, _tones: Tones) -> None:
    """Flasks that bubble, test tubes and a microscope."""
    for x, tone in ((0.5, _BLUE), (0.82, _GREEN)):
        pen.shape([(x - 0.12, 0.47), (x + 0.12, 0.47), (x + 0.03, 0.66), (x + 0.03, 0.8), (x - 0.03, 0.8),
                   (x - 0.03, 0.66)], _WHITE)  # fmt: skip
        pen.shape([(x - 0.11, 0.48), (x + 0.11, 0.48), (x + 0.055, 0.6), (x - 0.055, 0.6)], tone)
        for step in range(3):
            age = (phase * 0.4 + step / 3) % 1.0
            pen.disc((x + 0.02 * math.sin(step * 3), 0.52 + 0.4 * age), 0.014, tone)
    for number in range(4):
        box(pen, 0.98 + number * 0.07, 0.5, 1.01 + number * 0.07, 0.7, _HUES[number])
    dark = rgb("#33373d")
    pen.limb((1.3, 0.48), (1.5, 0.48), 0.025, 0.025, dark)
    pen.limb((1.48, 0.5), (1.46, 0.8), 0.03, 0.025, dark)
    pen.limb((1.46, 0.84), (1.32, 0.62), 0.035, 0.028, dark)


def _books(pen: Pen, _phase: float, _tones: Tones) -> None:
    """Shelves of books."""
    box(pen, 0.4, 0.0, 1.5, 1.42, rgb("#5a3824"))
    for row in range(4):
        y = 0.06 + row * 0.34
        box(pen, 0.45, y, 1.45, y + 0.3, rgb("#33221a"))
        for number in range(13):
            x = 0.47 + number * 0.075
            box(pen, x, y, x + 0.06, y + 0.2 + 0.03 * ((number + row) % 3), _HUES[(number * 2 + row) % 5])


def _book(pen: Pen, hand: tuple[float, float], _phase: float, _tones: Tones) -> None:
    pen.shape([(hand[0] - 0.02, hand[1] - 0.08), (hand[0] + 0.14, hand[1] - 0.04), (hand[0] + 0.12,
        hand[1] + 0.14), (hand[0] - 0.04, hand[1] + 0.1)], _RED)  # fmt: skip


_SHOP, _ROOM = (Environment.ROOM,), (Environment.ROOM,)
_SERVING = pose(0.75, 0.9, 0.5, swing=0.14)

SHOP_TRADES: dict[Kind, Trade] = {
    Kind.BARISTA: Trade(pose=_SERVING, homes=_SHOP, clothes="#3f4a44", front=_counter(_coffee)),
    Kind.BARTENDER: Trade(pose=_SERVING, homes=_SHOP, clothes="#2f3038", front=_counter(_bottles)),
    Kind.CASHIER: Trade(pose=_SERVING, homes=_SHOP, clothes="#b0453a", front=_counter(_till, _STEEL)),
    Kind.BAKER: Trade(pose=_SERVING, homes=_SHOP, hat="chef", clothes="#e9e4da", front=_counter(_bread)),
    Kind.BUTCHER: Trade(pose=_SERVING, homes=_SHOP, hat="cap", clothes="#d8d4cc",
                        front=_counter(_sausages, _WHITE)),
    Kind.FLORIST: Trade(pose=_SERVING, homes=_SHOP, clothes="#56744d", front=_counter(_flowers)),
    Kind.PHARMACIST: Trade(pose=_SERVING, homes=_SHOP, clothes="#ecebe6", front=_counter(_medicine, _WHITE)),
    Kind.SCIENTIST: Trade(pose=_SERVING, homes=_ROOM, clothes="#ecebe6", front=_counter(_laboratory, _WHITE)),
    Kind.LIBRARIAN: Trade(pose=pose(1.25, 0.5, 0.5, swing=0.16), homes=_ROOM, tool=_book, behind=_books),
}  # fmt: skip
