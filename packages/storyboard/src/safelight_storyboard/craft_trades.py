"""People at work in workshops, offices and surgeries, in the street, on sites, in mines and woods.

One unit is the height of the person, who faces right.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from safelight_storyboard import animals
from safelight_storyboard.buildings import box
from safelight_storyboard.figures import Pen, Point, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.raster import Colour, rgb
from safelight_storyboard.subject_kinds import SubjectKind as Kind
from safelight_storyboard.trade import Trade, hammering, pose, seated

_WOOD, _STEEL, _WHITE = rgb("#8a6038"), rgb("#a8aeb4"), rgb("#eeece6")
_RED, _GREEN, _BLUE, _GOLD = rgb("#c0443a"), rgb("#4f8a58"), rgb("#4a78b0"), rgb("#e0b048")
_HUES = (_RED, _GOLD, _GREEN, _BLUE, rgb("#b070a0"))


def _customer(pen: Pen, x: float, cloth: Colour, *, low: float = 0.0) -> None:
    """A seated person, from the shoulders up in a cape."""
    pen.shape(
        [(x - 0.2, low + 0.26), (x + 0.2, low + 0.26), (x + 0.11, low + 0.6), (x - 0.11, low + 0.6)], cloth
    )
    pen.disc((x, low + 0.72), 0.09, rgb("#c98f68"))
    pen.shape([(x - 0.1, low + 0.72), (x - 0.06, low + 0.83), (x + 0.06, low + 0.83), (x + 0.1, low + 0.74)],
              rgb("#3a2f2a"))  # fmt: skip


def _sewing(pen: Pen, phase: float, _tones: Tones) -> None:
    """A sewing machine on a table, with cloth."""
    box(pen, 0.2, 0.34, 1.1, 0.38, _WOOD)
    for x in (0.24, 1.02):
        box(pen, x, 0.0, x + 0.04, 0.34, _WOOD * np.float32(0.75))
    dark = rgb("#26282c")
    box(pen, 0.42, 0.38, 0.86, 0.43, dark)
    box(pen, 0.76, 0.43, 0.86, 0.66, dark)
    box(pen, 0.42, 0.58, 0.86, 0.68, dark)
    needle = 0.03 * math.sin(phase * 6)
    pen.limb((0.47, 0.58), (0.47, 0.46 + needle), 0.01, 0.006, _STEEL)
    pen.disc((0.92, 0.62), 0.06, _STEEL)
    pen.shape([(0.22, 0.43), (0.6, 0.43), (0.5, 0.39), (0.3, 0.2), (0.18, 0.22)], _RED)


def _shoes(pen: Pen, _phase: float, _tones: Tones) -> None:
    box(pen, 0.24, 0.3, 1.2, 0.34, _WOOD)
    for x in (0.28, 1.12):
        box(pen, x, 0.0, x + 0.04, 0.3, _WOOD * np.float32(0.75))
    for number, x in enumerate((0.42, 0.72, 1.0)):
        tone = (rgb("#5a3424"), rgb("#2f2c30"), rgb("#8a4a2c"))[number]
        pen.shape([(x - 0.1, 0.36), (x + 0.16, 0.36), (x + 0.16, 0.41), (x + 0.04, 0.45), (x, 0.58),
                   (x - 0.1, 0.58)], tone)  # fmt: skip
        box(pen, x - 0.1, 0.34, x + 0.16, 0.365, rgb("#26211f"))


def _desk(pen: Pen, phase: float, _tones: Tones) -> None:
    """A desk with a screen and a keyboard."""
    box(pen, 0.24, 0.34, 1.25, 0.38, _WOOD)
    for x in (0.3, 1.15):
        box(pen, x, 0.0, x + 0.05, 0.34, _WOOD * np.float32(0.75))
    pen.shape([(0.8, 0.46), (0.9, 0.46), (1.0, 0.92), (0.9, 0.92)], rgb("#2f3338"))
    pen.shape([(0.79, 0.5), (0.82, 0.5), (0.91, 0.9), (0.88, 0.9)], rgb("#8fc0e8"))
    box(pen, 0.82, 0.38, 1.02, 0.4, rgb("#2f3338"))
    pen.limb((0.94, 0.4), (0.94, 0.56), 0.02, 0.02, rgb("#2f3338"))
    box(pen, 0.4, 0.38, 0.7, 0.405, rgb("#3a3f46"))
    box(pen, 1.08, 0.38, 1.16, 0.47, _WHITE)
    box(pen, -0.16, 0.22, 0.14, 0.27, rgb("#3a3f46"))
    box(pen, -0.22, 0.22, -0.17, 0.66, rgb("#3a3f46"))
    pen.limb((-0.02, 0.0), (-0.02, 0.24), 0.025, 0.025, rgb("#3a3f46"))
    pen.disc((0.46 + 0.04 * math.sin(phase * 5), 0.415), 0.012, _WHITE)


def _barber_chair(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A customer in a barber's chair."""
    box(pen, 0.3, 0.22, 0.76, 0.3, rgb("#8a2f30"))
    box(pen, 0.72, 0.28, 0.8, 0.66, rgb("#8a2f30"))
    box(pen, 0.5, 0.06, 0.56, 0.22, _STEEL)
    pen.oval((0.53, 0.04), (0.17, 0.04), _STEEL)
    _customer(pen, 0.52, rgb("#7a98ac"))
    for dx in (0.0, 0.09):
        pen.limb((0.5 + dx, 0.28), (0.5 + dx, 0.1), 0.05, 0.045, rgb("#33373d"))
        pen.limb((0.48 + dx, 0.09), (0.4 + dx, 0.08), 0.035, 0.03, rgb("#26211f"))
    box(pen, 1.1, 0.62, 1.5, 1.26, _WOOD)
    box(pen, 1.13, 0.65, 1.47, 1.23, rgb("#b8c8d0"))


def _patient(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A patient in a dentist's chair under a lamp."""
    blue = rgb("#5f8fa8")
    pen.limb((0.36, 0.5), (0.72, 0.34), 0.07, 0.07, blue)
    pen.limb((0.72, 0.34), (1.25, 0.34), 0.07, 0.05, blue)
    pen.limb((0.75, 0.3), (0.75, 0.08), 0.06, 0.06, _STEEL)
    pen.oval((0.75, 0.04), (0.24, 0.04), _STEEL)
    pen.limb((0.46, 0.56), (0.74, 0.44), 0.08, 0.09, _WHITE)
    pen.limb((0.74, 0.44), (1.28, 0.42), 0.07, 0.045, rgb("#4a5468"))
    pen.disc((0.36, 0.64), 0.085, rgb("#c98f68"))
    pen.limb((0.98, 0.0), (1.0, 1.05), 0.016, 0.016, _STEEL)
    pen.limb((1.0, 1.05), (0.58, 1.0), 0.014, 0.014, _STEEL)
    pen.shape([(0.5, 1.03), (0.66, 0.99), (0.64, 0.91), (0.48, 0.95)], _WHITE)
    pen.shape([(0.5, 0.95), (0.62, 0.92), (0.5, 0.7), (0.3, 0.74)], rgb("#d8d0a8") * np.float32(0.6))


def _weld(pen: Pen, phase: float, _tones: Tones) -> None:
    """A steel frame with a bright arc and sparks."""
    dark = rgb("#4a4f56")
    for a, b in (((0.55, 0.0), (0.55, 0.5)), ((1.3, 0.0), (1.3, 0.5)), ((0.4, 0.48), (1.45, 0.48)),
                 ((0.9, 0.48), (0.9, 1.0)), ((0.55, 0.1), (1.3, 0.44))):  # fmt: skip
        pen.limb(a, b, 0.035, 0.035, dark)
    flash = 0.07 + 0.03 * abs(math.sin(phase * 9))
    pen.disc((0.58, 0.54), flash * 1.6, rgb("#a8d0ff") * np.float32(0.7))
    pen.disc((0.58, 0.54), flash, np.array([255, 250, 240], np.float32))
    for number in range(12):
        age = (phase * 0.5 + number / 12) % 1.0
        turn = 0.3 + number * 0.24
        at = (0.58 + math.cos(turn) * 0.4 * age, 0.56 + math.sin(turn) * 0.3 * age - 0.5 * age * age)
        pen.disc(at, 0.012, rgb("#ffd070"))


def _shaft(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A rock wall, and a cart of ore on rails."""
    rock = rgb("#4a4440")
    pen.shape([(0.9, 0.0), (1.0, 0.5), (0.86, 0.9), (1.1, 1.4), (1.75, 1.45), (1.75, 0.0)], rock)
    for at in ((1.15, 0.5), (1.3, 0.9), (1.1, 1.05), (1.45, 0.4)):
        x, y = at
        pen.shape([(x - 0.05, y), (x, y + 0.06), (x + 0.06, y), (x, y - 0.05)], _GOLD)


def _cart(pen: Pen, _phase: float, _tones: Tones) -> None:
    pen.limb((-1.5, 0.02), (-0.3, 0.02), 0.012, 0.012, _STEEL)
    for number in range(5):
        pen.disc((-1.2 + number * 0.13, 0.48), 0.09, rgb("#6a6058") * np.float32(0.8 + 0.1 * (number % 3)))
    pen.shape([(-1.35, 0.46), (-0.55, 0.46), (-0.66, 0.14), (-1.24, 0.14)], rgb("#5a4a40"))
    for x in (-1.14, -0.76):
        pen.disc((x, 0.09), 0.075, rgb("#2f2c2a"))


def _trunk(pen: Pen, phase: float, _tones: Tones) -> None:
    """A tree with a notch, and chips that fly."""
    bark = rgb("#6a4a30")
    pen.limb((0.68, 0.0), (0.68, 1.5), 0.17, 0.15, bark)
    for y in (0.2, 0.8, 1.1):
        pen.limb((0.6, y), (0.62, y + 0.2), 0.01, 0.008, bark * np.float32(0.6))
    pen.shape([(0.5, 0.58), (0.74, 0.5), (0.5, 0.42)], rgb("#e0c090"))
    for number in range(5):
        age = (phase * 0.35 + number / 5) % 1.0
        at = (0.48 - 0.3 * age, 0.5 + 0.3 * age * (1 - age) * (1 + number % 3) - 0.3 * age)
        pen.oval(at, (0.03, 0.012), rgb("#e0c090"), number)
    for x in (1.05, 1.3):
        pen.limb((x, 0.08), (x + 0.4, 0.08), 0.08, 0.08, bark)
        pen.disc((x, 0.08), 0.065, rgb("#d8b888"))


def _headed(head: Callable[[Pen, Point, Point], None], length: float, angle: float) -> Callable[..., None]:
    """A tool with a handle; `head` draws its end."""

    def draw(pen: Pen, hand: Point, phase: float, _tones: Tones) -> None:
        turn = angle + 0.5 * math.sin(2.2 * phase)
        end = (hand[0] + math.cos(turn) * length, hand[1] + math.sin(turn) * length)
        pen.limb(hand, end, 0.013, 0.013, _WOOD)
        head(pen, end, (-math.sin(turn), math.cos(turn)))

    return draw


def _axe(pen: Pen, end: Point, across: Point) -> None:
    x, y = end
    a, b = across
    pen.shape([(x, y), (x - b * 0.05 - a * 0.02, y), (x - a * 0.13 - 0.05, y - b * 0.13 + 0.04),
               (x - a * 0.13 + 0.06, y - b * 0.13 - 0.04)], _STEEL)  # fmt: skip


def _pick(pen: Pen, end: Point, across: Point) -> None:
    for side in (-1, 1):
        pen.limb(
            end, (end[0] + side * across[0] * 0.17, end[1] + side * across[1] * 0.17), 0.025, 0.006, _STEEL
        )


def _roller(pen: Pen, end: Point, _across: Point) -> None:
    pen.limb((end[0] - 0.02, end[1] - 0.08), (end[0] - 0.02, end[1] + 0.08), 0.035, 0.035, _BLUE)


def _squeegee(pen: Pen, end: Point, _across: Point) -> None:
    pen.limb((end[0], end[1] - 0.1), (end[0], end[1] + 0.1), 0.016, 0.016, _STEEL)


def _stick(length: float, tone: Colour = _WOOD, angle: float = 0.9) -> Callable[..., None]:
    def draw(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
        end = (hand[0] + math.cos(angle) * length, hand[1] + math.sin(angle) * length)
        pen.limb(hand, end, 0.011, 0.006, tone)

    return draw


def _scissors(pen: Pen, hand: Point, phase: float, _tones: Tones) -> None:
    gap = 0.03 + 0.02 * math.sin(phase * 4)
    for side in (-1, 1):
        pen.limb(hand, (hand[0] + 0.13, hand[1] + side * gap), 0.009, 0.004, _STEEL)


def _crook(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    x = hand[0]
    pen.limb((x + 0.02, 0.0), (x + 0.02, 1.05), 0.013, 0.012, _WOOD)
    pen.thread([(x + 0.02, 1.05), (x + 0.06, 1.14), (x + 0.14, 1.12), (x + 0.13, 1.03)], 0.024, _WOOD)


def _letters(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    """A letter in the hand, and a bag on the shoulder."""
    box(pen, hand[0] - 0.02, hand[1] - 0.02, hand[0] + 0.15, hand[1] + 0.09, _WHITE)
    pen.thread([(hand[0] - 0.02, hand[1] + 0.09), (hand[0] + 0.065, hand[1] + 0.03),
                (hand[0] + 0.15, hand[1] + 0.09)], 0.01, _STEEL)  # fmt: skip
    pen.thread([(0.08, 0.84), (-0.16, 0.5)], 0.022, tones.dark)
    box(pen, -0.3, 0.36, -0.04, 0.54, rgb("#8a5a34"))
    box(pen, -0.3, 0.47, -0.04, 0.54, rgb("#6a4428"))


def _mailbox(pen: Pen, _phase: float, _tones: Tones) -> None:
    box(pen, 0.74, 0.0, 0.8, 0.5, _STEEL)
    box(pen, 0.58, 0.5, 0.96, 0.82, _RED)
    box(pen, 0.62, 0.7, 0.84, 0.73, rgb("#3a2020"))


def _patrol(pen: Pen, phase: float, _tones: Tones) -> None:
    """A traffic light and a barrier."""
    pen.limb((0.86, 0.0), (0.86, 1.1), 0.02, 0.02, rgb("#33373d"))
    box(pen, 0.77, 0.92, 0.95, 1.4, rgb("#26282c"))
    for number, tone in enumerate((_GREEN, _GOLD, _RED)):
        lit = 1.0 if number == int(phase * 0.2) % 3 else 0.4
        pen.disc((0.86, 1.0 + number * 0.15), 0.05, tone * np.float32(lit))
    box(pen, -1.0, 0.26, -0.4, 0.38, _WHITE)
    for x in (-1.0, -0.76, -0.52):
        pen.shape([(x, 0.26), (x + 0.1, 0.26), (x + 0.16, 0.38), (x + 0.06, 0.38)], _RED)
    for x in (-0.94, -0.5):
        box(pen, x, 0.0, x + 0.04, 0.26, _STEEL)


def _badge(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    pen.disc((0.08, 0.74), 0.03, _GOLD)
    pen.limb(hand, (hand[0] + 0.05, hand[1] + 0.16), 0.02, 0.024, _RED)


def _pole(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A pole with wires, a box of switches and a ladder."""
    pen.limb((0.52, 0.0), (0.52, 1.5), 0.035, 0.03, _WOOD)
    for y in (1.36, 1.2):
        pen.limb((0.2, y), (0.84, y), 0.016, 0.016, _WOOD)
        for x in (0.26, 0.78):
            pen.disc((x, y + 0.03), 0.024, _WHITE)
            pen.thread([(x, y + 0.04), (1.75, y - 0.02)], 0.008, rgb("#26282c"))
            pen.thread([(x, y + 0.04), (-1.75, y + 0.06)], 0.008, rgb("#26282c"))
    box(pen, 0.38, 0.54, 0.66, 0.86, _STEEL)
    for number, x in enumerate((0.43, 0.52, 0.61)):
        pen.limb((x, 0.8), (x, 0.6), 0.01, 0.01, (_RED, _BLUE, _GOLD)[number])


def _pipes(pen: Pen, phase: float, _tones: Tones) -> None:
    """A sink with pipes, and drops of water."""
    box(pen, 0.36, 0.56, 1.1, 0.68, _WHITE)
    pen.limb((0.94, 0.68), (0.94, 0.86), 0.02, 0.02, _STEEL)
    pen.limb((0.94, 0.86), (0.78, 0.84), 0.018, 0.016, _STEEL)
    for a, b in (((0.66, 0.56), (0.66, 0.3)), ((0.66, 0.3), (0.9, 0.24)), ((0.9, 0.24), (0.9, 0.46)),
                 ((0.9, 0.46), (1.4, 0.46))):  # fmt: skip
        pen.limb(a, b, 0.034, 0.034, _STEEL)
    for number in range(3):
        age = (phase * 0.4 + number / 3) % 1.0
        pen.disc((0.64, 0.3 - 0.28 * age), 0.016, rgb("#9cc8e8"))
    box(pen, -0.75, 0.0, -0.35, 0.16, _RED)
    pen.limb((-0.66, 0.22), (-0.44, 0.22), 0.015, 0.015, rgb("#33373d"))


def _panes(pen: Pen, phase: float, _tones: Tones) -> None:
    """A large window, half of it wet, and a bucket."""
    box(pen, 0.34, 0.12, 1.45, 1.42, rgb("#5a6068"))
    for x in (0.4, 0.92):
        for y in (0.18, 0.8):
            box(pen, x, y, x + 0.47, y + 0.56, rgb("#8fb4cc"))
            pen.shape([(x + 0.06, y + 0.1), (x + 0.14, y + 0.06), (x + 0.36, y + 0.5), (x + 0.28, y + 0.5)],
                      rgb("#b8d4e4"))  # fmt: skip
    for number in range(8):
        age = (phase * 0.2 + number / 8) % 1.0
        pen.oval((0.45 + number * 0.055, 1.2 - 0.7 * age), (0.012, 0.04), _WHITE)
    pen.shape([(-0.5, 0.26), (-0.2, 0.26), (-0.24, 0.0), (-0.46, 0.0)], _BLUE)


def _half_painted(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A wall, half of it painted, a ladder and a can of paint."""
    box(pen, 0.3, 0.0, 1.6, 1.45, rgb("#c8bca8"))
    pen.shape([(0.3, 0.45), (0.66, 0.4), (0.74, 0.62), (1.0, 0.56), (1.1, 0.75), (1.6, 0.7), (1.6, 1.45),
               (0.3, 1.45)], _BLUE)  # fmt: skip
    for x in (1.1, 1.4):
        pen.limb((x, 0.0), (x + 0.06, 1.3), 0.018, 0.018, _WOOD)
    for y in np.linspace(0.15, 1.2, 7):
        pen.limb((1.1, float(y)), (1.45, float(y)), 0.014, 0.014, _WOOD)
    box(pen, -0.5, 0.0, -0.26, 0.24, _STEEL)
    box(pen, -0.5, 0.2, -0.26, 0.25, _BLUE)


def _bench_of_judge(pen: Pen, _phase: float, _tones: Tones) -> None:
    box(pen, 0.08, 0.0, 1.3, 0.56, rgb("#5a3824"))
    for x in (0.16, 0.56, 0.96):
        box(pen, x, 0.08, x + 0.3, 0.46, rgb("#6f472e"))
    box(pen, 0.04, 0.56, 1.34, 0.61, rgb("#7a5034"))
    box(pen, 0.78, 0.61, 1.0, 0.65, _WOOD)
    pen.limb((1.18, 0.62), (1.18, 1.1), 0.012, 0.012, _GOLD)
    pen.limb((1.02, 1.08), (1.34, 1.08), 0.01, 0.01, _GOLD)
    for x in (1.04, 1.32):
        pen.thread([(x, 1.08), (x - 0.07, 0.9), (x + 0.07, 0.9), (x, 1.08)], 0.006, _GOLD)
        pen.shape([(x - 0.08, 0.9), (x + 0.08, 0.9), (x, 0.85)], _GOLD)


def _gavel(pen: Pen, end: Point, across: Point) -> None:
    (x, y), (a, b) = end, (across[0] * 0.06, across[1] * 0.06)
    pen.limb((x - a, y - b), (x + a, y + b), 0.035, 0.035, rgb("#6f472e"))


def _music_stand(pen: Pen, _phase: float, _tones: Tones) -> None:
    dark = rgb("#26282c")
    box(pen, -0.3, 0.0, 0.3, 0.06, rgb("#5a3824"))
    pen.limb((0.62, 0.0), (0.62, 0.55), 0.014, 0.014, dark)
    pen.shape([(0.44, 0.54), (0.84, 0.6), (0.8, 0.8), (0.42, 0.72)], _WHITE)
    for number in range(5):
        x = 1.0 + number * 0.17
        pen.disc((x, 0.5), 0.07, rgb("#c98f68"))
        pen.shape([(x - 0.09, 0.42), (x + 0.09, 0.42), (x + 0.11, 0.0), (x - 0.11, 0.0)], dark)
        pen.limb((x - 0.1, 0.36), (x + 0.02, 0.3), 0.02, 0.03, rgb("#8a4a2c"))


def _drums(pen: Pen, phase: float, _tones: Tones) -> None:
    pen.disc((0.6, 0.26), 0.26, _RED)
    pen.disc((0.6, 0.26), 0.22, _WHITE)
    for x, y in ((0.3, 0.52), (0.86, 0.54)):
        box(pen, x - 0.14, y - 0.14, x + 0.14, y, _RED)
        pen.oval((x, y), (0.14, 0.03), _WHITE)
    ring = 0.02 * math.sin(phase * 5)
    for x, y in ((0.14, 0.86), (1.08, 0.9)):
        pen.limb((x, 0.0), (x, y), 0.01, 0.01, _STEEL)
        pen.oval((x, y), (0.2, 0.02), _GOLD, ring)
    box(pen, -0.14, 0.2, 0.12, 0.25, rgb("#26282c"))
    pen.limb((0.0, 0.0), (0.0, 0.2), 0.02, 0.02, rgb("#26282c"))


def _statue(pen: Pen, _phase: float, _tones: Tones) -> None:
    """A block of stone from which a bust emerges."""
    pale = rgb("#d8d2c6")
    box(pen, 0.4, 0.0, 0.9, 0.36, rgb("#a89f90"))
    pen.shape([(0.44, 0.36), (0.88, 0.36), (0.9, 0.7), (0.78, 0.8), (0.5, 0.78), (0.42, 0.6)], pale)
    pen.limb((0.64, 0.76), (0.64, 0.9), 0.07, 0.06, pale)
    pen.oval((0.64, 1.02), (0.11, 0.14), pale)
    pen.shape([(0.7, 0.36), (0.88, 0.36), (0.9, 0.7), (0.8, 0.78)], pale * np.float32(0.8))


def _hives(pen: Pen, phase: float, _tones: Tones) -> None:
    for x in (0.5, 1.05):
        for row in range(3):
            box(pen, x, 0.1 + row * 0.18, x + 0.38, 0.26 + row * 0.18, (_WHITE, _GOLD)[row % 2])
        box(pen, x - 0.03, 0.64, x + 0.41, 0.69, _STEEL)
        box(pen, x + 0.1, 0.13, x + 0.28, 0.16, rgb("#33291f"))
    for number in range(9):
        a = phase * (0.8 + 0.1 * number) + number * 2
        at = (0.8 + 0.5 * math.cos(a), 0.8 + 0.26 * math.sin(a * 1.3))
        pen.oval(at, (0.022, 0.016), rgb("#e0a830"))


def _veil(pen: Pen, hand: Point, phase: float, _tones: Tones) -> None:
    """A frame with honeycomb in the hand."""
    box(pen, hand[0] - 0.04, hand[1] - 0.1, hand[0] + 0.26, hand[1] + 0.1, _WOOD)
    box(pen, hand[0] - 0.01, hand[1] - 0.07, hand[0] + 0.23, hand[1] + 0.07, _GOLD)
    pen.disc((hand[0] + 0.1, hand[1] + 0.03 * math.sin(phase)), 0.012, rgb("#33291f"))


def _flock(pen: Pen, phase: float, tones: Tones) -> None:
    """Sheep behind the shepherd."""
    wool = _WHITE * np.float32(0.9)
    for number, x in enumerate((-1.3, -0.8, 0.75, 1.3)):
        for dx in (-0.09, 0.09):
            pen.limb((x + dx, 0.14), (x + dx, 0.0), 0.022, 0.02, tones.dark)
        for dx, dy in ((-0.12, 0.0), (0.12, 0.0), (0.0, 0.07), (0.0, -0.04), (-0.07, 0.05), (0.08, 0.05)):
            pen.disc((x + dx, 0.24 + dy), 0.1, wool)
        nod = 0.02 * math.sin(phase + number)
        pen.oval((x + 0.24, 0.27 + nod), (0.075, 0.055), rgb("#4a423c"), -0.3)


def _dog_on_table(pen: Pen, phase: float, tones: Tones) -> None:
    box(pen, 0.28, 0.34, 1.15, 0.39, _STEEL)
    box(pen, 0.66, 0.0, 0.76, 0.34, _STEEL)
    coat = Tones(body=rgb("#a8784a"), dark=rgb("#6a4a30"), skin=tones.skin, accent=tones.accent)
    animals.dog_sitting(pen.part((0.72, 0.39), 0.42), phase, coat)


_SHOP, _ROOM, _STREET = (Environment.ROOM,), (Environment.ROOM,), (Environment.STREET,)
_LAND, _WOODS, _HALL = (Environment.MEADOW,), (Environment.FOREST,), (Environment.STAGE,)
_REACHING = pose(1.25, 0.5, 0.5, swing=0.16)

CRAFT_TRADES: dict[Kind, Trade] = {
    Kind.TAILOR: Trade(pose=seated, homes=_ROOM, front=_sewing),
    Kind.COBBLER: Trade(pose=seated, homes=_ROOM, clothes="#6b4a33", front=_shoes),
    Kind.OFFICE_WORKER: Trade(pose=seated, homes=_ROOM, clothes="#4a5468", front=_desk),
    Kind.BARBER: Trade(pose=pose(1.1, 0.9, 0.9, swing=0.08), homes=_SHOP, clothes="#e4e0d6", tool=_scissors,
                       front=_barber_chair),
    Kind.DENTIST: Trade(pose=pose(0.85, 0.7, 0.7, swing=0.05, lean=0.2), homes=_ROOM, clothes="#e6ecec",
                        behind=_patient),
    Kind.WELDER: Trade(pose=pose(0.95, 0.4, 0.8, swing=0.04, lean=0.2), homes=(Environment.CITY,),
                       hat="helmet", clothes="#3f5a7a", front=_weld),
    Kind.MINER: Trade(pose=hammering, homes=(Environment.MOUNTAINS,), hat="helmet", clothes="#c98a2f",
                      tool=_headed(_pick, 0.34, 0.7), behind=_shaft, front=_cart),
    Kind.LUMBERJACK: Trade(pose=hammering, homes=_WOODS, hat="cap", clothes="#a8402f",
                           tool=_headed(_axe, 0.34, 0.7), behind=_trunk),
    Kind.POSTMAN: Trade(pose=pose(1.1, 0.3), homes=_STREET, hat="cap", clothes="#3f6a4a", tool=_letters,
                        front=_mailbox),
    Kind.POLICE_OFFICER: Trade(pose=pose(1.5, 0.4, swing=0.3), homes=_STREET, hat="cap", clothes="#2f3f5f",
                               tool=_badge, behind=_patrol),
    Kind.ELECTRICIAN: Trade(pose=_REACHING, homes=_STREET, hat="helmet", clothes="#d98a2b",
                            tool=_stick(0.14, _RED), behind=_pole),
    Kind.PLUMBER: Trade(pose=pose(0.8, 0.4, 0.6, swing=0.12, lean=0.5), homes=_ROOM, hat="cap",
                        clothes="#4a6a9a", tool=_stick(0.16, _STEEL), behind=_pipes),
    Kind.WINDOW_CLEANER: Trade(pose=pose(1.6, 0.3, swing=0.35), homes=_STREET, hat="cap", clothes="#5a7a8a",
                               tool=_headed(_squeegee, 0.2, 0.6), behind=_panes),
    Kind.HOUSE_PAINTER: Trade(pose=pose(1.5, 0.3, swing=0.3), homes=_STREET, hat="cap", clothes="#e4e0d6",
                              tool=_headed(_roller, 0.26, 0.8), behind=_half_painted),
    Kind.JUDGE: Trade(pose=pose(0.9, 0.9, 0.5, swing=0.2), homes=_HALL, clothes="#26242a",
                      tool=_headed(_gavel, 0.16, 0.5), front=_bench_of_judge),
    Kind.CONDUCTOR: Trade(pose=pose(1.7, 0.6, 1.3, swing=0.4), homes=_HALL, clothes="#26242a",
                          tool=_stick(0.22, _WHITE), front=_music_stand),
    Kind.DRUMMER: Trade(pose=seated, homes=_HALL, clothes="#3a3440", tool=_stick(0.2), front=_drums),
    Kind.SCULPTOR: Trade(pose=_REACHING, homes=_ROOM, clothes="#8a8f96", tool=_stick(0.12, _STEEL),
                         front=_statue),
    Kind.BEEKEEPER: Trade(pose=pose(1.0, 0.5, 0.8, swing=0.04), homes=_LAND, hat="straw", clothes="#ecebe6",
                          tool=_veil, behind=_hives),
    Kind.SHEPHERD: Trade(pose=pose(0.7, 0.5), homes=_LAND, hat="straw", clothes="#6b5a44", tool=_crook,
                         behind=_flock),
    Kind.VET: Trade(pose=pose(0.9, 0.4, 0.6, swing=0.06, lean=0.12), homes=_ROOM, clothes="#6fa8a0",
                    front=_dog_on_table),
}  # fmt: skip
