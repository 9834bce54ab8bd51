"""More animals: hedgehogs, kangaroos, lizards, bats, snails, seals, parrots, peacocks, starfish ...

One unit is about the height of the animal; of long animals, half of their length.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.figures import Drawing, Pen, Tones, step_to
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.lexicon import Tint
from safelight_storyboard.subject_kinds import SubjectKind as Kind

_BLACK = np.float32(0.4)


def _legs(pen: Pen, phase: float, tones: Tones, at: tuple[float, ...], high: float, girth: float) -> None:
    """Short legs that step in turn."""
    for number, x in enumerate(at):
        foot = step_to((x, high), 0.5 * math.sin(phase + number * math.pi), high)
        pen.limb((x, high), (foot[0], max(0.01, foot[1])), girth, girth * 0.8, tones.dark)


def hedgehog(pen: Pen, phase: float, tones: Tones) -> None:
    _legs(pen, phase, tones, (-0.25, -0.1, 0.15, 0.28), 0.14, 0.04)
    pen.oval((0.42, 0.26), (0.24, 0.16), tones.skin, -0.15)
    for row, length in ((0.5, 0.2), (0.42, 0.16)):
        for number in range(22):
            a = -0.25 + number / 21 * 3.4
            root = (-0.05 + math.cos(a) * row, 0.26 + math.sin(a) * row * 0.82)
            tip = (root[0] + math.cos(a + 0.35) * length, root[1] + math.sin(a + 0.35) * length)
            pen.limb(root, tip, 0.03, 0.006, tones.dark if row > 0.45 else tones.body)
    pen.oval((-0.05, 0.3), (0.48, 0.34), tones.body)
    for number in range(24):
        at = (-0.38 + (number * 0.29) % 0.72, 0.16 + (number * 0.17) % 0.4)
        pen.limb(at, (at[0] - 0.07, at[1] + 0.08), 0.012, 0.005, tones.dark)
    pen.disc((0.64, 0.2), 0.035, tones.dark * _BLACK)
    pen.disc((0.44, 0.34), 0.028, tones.dark * _BLACK)
    pen.disc((0.3, 0.42), 0.06, tones.skin)


def mouse(pen: Pen, phase: float, tones: Tones) -> None:
    sway = 0.06 * math.sin(phase)
    tail = [(-0.4, 0.15), (-0.7, 0.08), (-0.95, 0.22 + sway), (-1.15, 0.14 + sway)]
    for a, b in pairwise(tail):
        pen.limb(a, b, 0.025, 0.02, tones.skin)
    pen.oval((-0.08, 0.3), (0.42, 0.28), tones.body)
    pen.oval((0.34, 0.32), (0.26, 0.17), tones.body, -0.25)
    for x in (0.14, 0.3):
        pen.disc((x, 0.58), 0.15, tones.body)
        pen.disc((x + 0.01, 0.58), 0.1, tones.skin)
    pen.disc((0.44, 0.38), 0.03, tones.dark * _BLACK)
    pen.disc((0.6, 0.26), 0.03, tones.skin)
    for x in (-0.2, 0.2, 0.32):
        pen.limb((x, 0.06), (x + 0.1, 0.03), 0.035, 0.03, tones.skin)


def kangaroo(pen: Pen, phase: float, tones: Tones) -> None:
    """A kangaroo that stands on its hind legs."""
    nod = 0.02 * math.sin(phase)
    for a, b, g, h in (((-0.1, 0.3), (-0.5, 0.1), 0.11, 0.07), ((-0.5, 0.1), (-0.95, 0.05), 0.07, 0.03)):
        pen.limb(a, b, g, h, tones.body)
    pen.oval((-0.02, 0.45), (0.22, 0.34), tones.body, 0.25)
    pen.oval((0.06, 0.42), (0.12, 0.2), tones.skin, 0.2)
    pen.limb((-0.06, 0.32), (0.14, 0.24), 0.15, 0.09, tones.body)
    pen.limb((0.14, 0.24), (-0.02, 0.05), 0.07, 0.05, tones.body)
    pen.limb((-0.04, 0.035), (0.34, 0.03), 0.045, 0.03, tones.body)
    pen.limb((0.0, 0.7), (0.12, 0.95), 0.12, 0.07, tones.body)
    pen.limb((0.1, 0.68), (0.22, 0.54), 0.04, 0.03, tones.body)
    pen.limb((0.22, 0.54), (0.3, 0.6), 0.03, 0.02, tones.body)
    pen.oval((0.2, 1.02 + nod), (0.15, 0.08), tones.body, -0.25)
    for x, turn in ((0.08, 1.75), (0.16, 1.5)):
        pen.oval((x, 1.17 + nod), (0.11, 0.035), tones.dark, turn)
    pen.disc((0.2, 1.05 + nod), 0.016, tones.dark * _BLACK)
    pen.disc((0.34, 0.98 + nod), 0.02, tones.dark * _BLACK)


def koala(pen: Pen, phase: float, tones: Tones) -> None:
    """A koala that holds on to a trunk."""
    bark = np.array([58, 74, 96], np.float32) * np.float32(0.8)
    pen.limb((0.34, 0.0), (0.3, 1.6), 0.13, 0.11, bark)
    pen.limb((0.32, 1.1), (0.75, 1.5), 0.05, 0.03, bark)
    for number in range(6):
        at = (0.5 + 0.07 * number, 1.3 + 0.06 * (number % 3) + 0.01 * math.sin(phase + number))
        pen.oval(at, (0.1, 0.03), np.array([80, 130, 92], np.float32), 0.6 + number)
    pen.oval((0.0, 0.6), (0.24, 0.32), tones.body, -0.15)
    pen.oval((0.08, 0.54), (0.13, 0.2), tones.skin, -0.15)
    for y in (0.72, 0.38):
        pen.limb((0.05, y), (0.36, y + 0.08), 0.08, 0.07, tones.body)
    pen.disc((0.02, 1.0), 0.22, tones.body)
    for x in (-0.2, 0.22):
        pen.disc((x, 1.14), 0.12, tones.body)
        pen.disc((x, 1.14), 0.07, tones.skin)
    pen.oval((0.06, 0.95), (0.055, 0.09), tones.dark * _BLACK)
    for x in (-0.04, 0.16):
        pen.disc((x, 1.03), 0.026, tones.dark * _BLACK)


def gorilla(pen: Pen, phase: float, tones: Tones) -> None:
    """A gorilla on its knuckles."""
    step = 0.14 * math.sin(phase)
    pen.limb((-0.34, 0.42), (-0.3 - step, 0.05), 0.15, 0.1, tones.dark)
    pen.limb((0.24, 0.72), (0.38 - step, 0.06), 0.13, 0.09, tones.dark)
    pen.limb((-0.34, 0.46), (0.22, 0.74), 0.26, 0.3, tones.body)
    pen.limb((-0.28, 0.42), (-0.24 + step, 0.05), 0.16, 0.1, tones.body)
    pen.limb((0.3, 0.74), (0.46 + step, 0.06), 0.15, 0.1, tones.body)
    pen.limb((0.36, 0.98), (0.5, 0.92), 0.2, 0.16, tones.body)
    pen.oval((0.58, 0.88), (0.12, 0.14), tones.skin)
    pen.limb((0.5, 0.98), (0.66, 0.96), 0.035, 0.03, tones.body)
    pen.disc((0.6, 0.93), 0.022, tones.dark * _BLACK)


def crocodile(pen: Pen, phase: float, tones: Tones) -> None:
    sway = 0.04 * math.sin(phase)
    spine = [(-1.35, 0.08 + sway), (-0.85, 0.16), (-0.4, 0.24), (0.3, 0.24), (0.55, 0.24)]
    girths = (0.02, 0.08, 0.17, 0.16, 0.13)
    _legs(pen, phase, tones, (-0.35, 0.25), 0.15, 0.06)
    for (a, b), g, h in zip(pairwise(spine), girths, girths[1:], strict=False):
        pen.limb(a, b, g, h, tones.body)
    for number in range(13):
        x = -1.1 + number * 0.12
        y = 0.12 + 0.29 * min(1.0, (x + 1.3) / 1.0)
        pen.shape([(x - 0.05, y - 0.03), (x + 0.05, y - 0.03), (x, y + 0.07)], tones.dark)
    gape = 0.05 + 0.05 * abs(math.sin(phase * 0.5))
    pen.shape([(0.5, 0.16), (1.2, 0.1), (1.22, 0.15), (0.6, 0.24)], tones.skin)
    pen.shape([(0.45, 0.26), (0.6, 0.4), (1.0, 0.28 + gape), (1.24, 0.24 + gape), (1.2, 0.19 + gape)],
              tones.body)  # fmt: skip
    for x in (0.8, 0.92, 1.04, 1.14):
        pen.shape([(x, 0.19 + gape), (x + 0.05, 0.19 + gape), (x + 0.025, 0.14 + gape)],
                  np.array([235, 240, 240], np.float32))  # fmt: skip
    pen.disc((0.6, 0.38), 0.035, tones.skin)
    pen.disc((0.61, 0.385), 0.016, tones.dark * _BLACK)


def lizard(pen: Pen, phase: float, tones: Tones) -> None:
    """A lizard on a stone."""
    pen.shape([(-1.2, 0.0), (-1.0, 0.26), (-0.4, 0.36), (0.6, 0.34), (1.1, 0.2), (1.25, 0.0)],
              np.array([92, 104, 118], np.float32))  # fmt: skip
    wave = 0.03 * math.sin(phase)
    spine = [(-1.05, 0.3 + wave), (-0.7, 0.42), (-0.3, 0.46), (0.2, 0.48), (0.42, 0.58)]
    girths = (0.015, 0.05, 0.1, 0.1, 0.07)
    for x, far in ((-0.28, 0.12), (0.2, 0.12)):
        pen.limb((x, 0.45), (x + far, 0.38), 0.04, 0.03, tones.dark)
        pen.limb((x + far, 0.38), (x + far + 0.1, 0.34), 0.028, 0.02, tones.dark)
    for (a, b), g, h in zip(pairwise(spine), girths, girths[1:], strict=False):
        pen.limb(a, b, g, h, tones.body)
    pen.oval((0.55, 0.62), (0.17, 0.085), tones.body, 0.15)
    for number in range(9):
        pen.disc((-0.5 + number * 0.1, 0.5 + 0.012 * (number % 2)), 0.022, tones.dark)
    pen.disc((0.6, 0.66), 0.028, tones.skin)
    pen.disc((0.605, 0.66), 0.014, tones.dark * _BLACK)


def bat(pen: Pen, phase: float, tones: Tones) -> None:
    flap = 0.3 * math.sin(phase)
    for side in (-1, 1):
        pen.shape(
            [(side * 0.08, 0.14), (side * 0.5, 0.42 + flap), (side * 1.05, 0.16 + flap * 0.7),
             (side * 0.86, -0.04 + flap * 0.5), (side * 0.7, 0.06 + flap * 0.45),
             (side * 0.5, -0.12 + flap * 0.3), (side * 0.34, 0.02), (side * 0.1, -0.14)],
            tones.body,
        )  # fmt: skip
        for end in ((1.05, 0.16 + flap * 0.7), (0.86, -0.04 + flap * 0.5), (0.5, -0.12 + flap * 0.3)):
            pen.limb((side * 0.5, 0.42 + flap), (side * end[0], end[1]), 0.014, 0.008, tones.dark)
        pen.shape([(side * 0.02, 0.26), (side * 0.13, 0.46), (side * 0.15, 0.22)], tones.dark)
        pen.disc((side * 0.05, 0.24), 0.022, tones.skin)
    pen.oval((0.0, 0.0), (0.12, 0.22), tones.dark)
    pen.disc((0.0, 0.22), 0.12, tones.dark)
    for side in (-1, 1):
        pen.disc((side * 0.05, 0.25), 0.024, tones.skin)


def snail(pen: Pen, phase: float, tones: Tones) -> None:
    stretch = 0.05 * math.sin(phase)
    pen.limb((-0.75, 0.05), (0.5 + stretch, 0.08), 0.05, 0.09, tones.skin)
    pen.limb((0.45 + stretch, 0.1), (0.68 + stretch, 0.34), 0.1, 0.08, tones.skin)
    for dx in (0.02, 0.16):
        tip = (0.72 + dx + stretch, 0.66)
        pen.limb((0.68 + stretch, 0.38), tip, 0.022, 0.016, tones.skin)
        pen.disc(tip, 0.035, tones.dark)
    pen.disc((-0.08, 0.46), 0.42, tones.body)
    turns = [(-0.08 + 0.4 * (1 - u) * math.cos(u * 15), 0.46 + 0.4 * (1 - u) * math.sin(u * 15))
             for u in np.linspace(0, 0.95, 60)]  # fmt: skip
    pen.thread([(float(x), float(y)) for x, y in turns], 0.05, tones.dark)


def spider(pen: Pen, phase: float, tones: Tones) -> None:
    """A spider in its web."""
    pale = np.array([205, 205, 205], np.float32)
    for number in range(10):
        pen.thread([(0.0, 0.0), step_to((0.0, 0.0), number * math.tau / 10, 1.35)], 0.012, pale)
    for ring in (0.35, 0.6, 0.85, 1.1):
        points = [step_to((0.0, 0.0), n * math.tau / 10, ring * (1 + 0.03 * (n % 2))) for n in range(11)]
        pen.thread(points, 0.01, pale)
    for side in (-1, 1):
        for number in range(4):
            up = 0.24 - 0.15 * number + 0.02 * math.sin(phase * 2 + number)
            knee = (side * (0.3 + 0.03 * (number % 2)), up + 0.14)
            pen.limb((side * 0.08, 0.02), knee, 0.022, 0.018, tones.body)
            pen.limb(knee, (side * 0.5, up - 0.14), 0.018, 0.01, tones.body)
    pen.oval((0.0, -0.14), (0.17, 0.2), tones.body)
    pen.disc((0.0, 0.1), 0.11, tones.body)
    pen.oval((0.0, -0.16), (0.05, 0.1), tones.accent)


def ladybird(pen: Pen, phase: float, tones: Tones) -> None:
    """A ladybird on a leaf."""
    pen.shape([(-1.2, 0.0), (-0.5, 0.14), (0.7, 0.12), (1.3, 0.02), (0.6, -0.14), (-0.6, -0.14)],
              np.array([70, 140, 84], np.float32))  # fmt: skip
    pen.thread([(-1.2, 0.0), (1.3, 0.02)], 0.025, np.array([60, 110, 70], np.float32))
    for x in (-0.25, 0.0, 0.25):
        pen.limb((x, 0.18), (x + 0.06 * math.sin(phase + x * 9), 0.08), 0.03, 0.02, tones.dark * _BLACK)
    pen.disc((0.42, 0.28), 0.15, tones.dark * _BLACK)
    for dx in (0.05, 0.16):
        pen.thread([(0.48, 0.38), (0.52 + dx, 0.54)], 0.02, tones.dark * _BLACK)
    dome = [(-0.02 + math.cos(a) * 0.46, 0.14 + math.sin(a) * 0.46) for a in np.linspace(0, math.pi, 24)]
    pen.shape([(float(x), float(y)) for x, y in dome], tones.accent)
    pen.thread([(-0.02, 0.6), (-0.1, 0.15)], 0.025, tones.dark * _BLACK)
    for at in ((-0.28, 0.26), (-0.2, 0.46), (0.1, 0.45), (0.24, 0.26), (0.04, 0.24)):
        pen.disc(at, 0.065, tones.dark * _BLACK)


def seal(pen: Pen, phase: float, tones: Tones) -> None:
    """A seal with a raised head."""
    nod = 0.03 * math.sin(phase)
    pen.shape([(-0.95, 0.08), (-1.3, 0.26), (-1.22, 0.05), (-1.28, -0.02)], tones.dark)
    for a, b, g, h in (((-1.0, 0.1), (-0.3, 0.2), 0.07, 0.2), ((-0.3, 0.2), (0.2, 0.3), 0.2, 0.24),
                       ((0.2, 0.3), (0.4, 0.7 + nod), 0.24, 0.14)):  # fmt: skip
        pen.limb(a, b, g, h, tones.body)
    pen.oval((0.47, 0.78 + nod), (0.19, 0.15), tones.body, 0.2)
    pen.oval((0.6, 0.76 + nod), (0.1, 0.08), tones.skin)
    pen.disc((0.68, 0.79 + nod), 0.03, tones.dark * _BLACK)
    pen.disc((0.5, 0.84 + nod), 0.028, tones.dark * _BLACK)
    for dy in (-0.03, 0.0, 0.03):
        pen.thread([(0.62, 0.74 + nod + dy), (0.8, 0.72 + nod + 2 * dy)], 0.008, tones.dark)
    pen.shape([(0.05, 0.2), (0.26, 0.16), (0.36, -0.02), (0.12, 0.0)], tones.dark)
    for number in range(7):
        pen.disc((-0.6 + number * 0.13, 0.24 + 0.05 * (number % 3)), 0.02, tones.dark)


def starfish(pen: Pen, phase: float, tones: Tones) -> None:
    arms = []
    for number in range(10):
        reach = 0.5 if number % 2 == 0 else 0.17
        arms.append(step_to((0.0, 0.42), number * math.tau / 10 + math.pi + 0.02 * math.sin(phase), reach))
    pen.shape(arms, tones.body)
    for number in range(5):
        for reach in (0.12, 0.22, 0.32):
            pen.disc(step_to((0.0, 0.42), number * math.tau / 5 + math.pi, reach), 0.024, tones.skin)


def seahorse(pen: Pen, phase: float, tones: Tones) -> None:
    sway = 0.03 * math.sin(phase)
    body = [(0.1 + sway, 0.42), (-0.06, 0.24), (-0.04, -0.05), (0.1, -0.3), (0.06, -0.52), (-0.1, -0.62),
            (-0.2, -0.5), (-0.12, -0.42)]  # fmt: skip
    girths = (0.09, 0.13, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025)
    fin = 0.05 * math.sin(phase * 4)
    pen.shape([(-0.14, 0.12), (-0.36, 0.16 + fin), (-0.36, -0.1 + fin), (-0.16, -0.1)], tones.skin)
    for (a, b), g, h in zip(pairwise(body), girths, girths[1:], strict=False):
        pen.limb(a, b, g, h, tones.body)
    for number in range(6):
        y = 0.2 - number * 0.08
        pen.thread([(-0.16, y), (0.1, y - 0.03)], 0.014, tones.dark)
    pen.disc((0.14 + sway, 0.52), 0.12, tones.body)
    pen.limb((0.2 + sway, 0.5), (0.42 + sway, 0.44), 0.045, 0.035, tones.body)
    for number in range(3):
        x = 0.04 + number * 0.06 + sway
        pen.shape([(x - 0.03, 0.6), (x + 0.03, 0.61), (x - 0.01, 0.72)], tones.dark)
    pen.disc((0.17 + sway, 0.55), 0.028, tones.dark * _BLACK)


def lobster(pen: Pen, phase: float, tones: Tones) -> None:
    for number in range(4):
        x = -0.05 + number * 0.13
        pen.limb((x, 0.16), (x + 0.06 * math.sin(phase + number * 2), 0.01), 0.02, 0.014, tones.dark)
    for number, x in enumerate((-0.75, -0.6, -0.45, -0.3, -0.15)):
        pen.oval((x, 0.16 + 0.012 * number), (0.13, 0.1 + 0.014 * number), tones.body)
        pen.thread([(x + 0.06, 0.08), (x + 0.04, 0.26)], 0.014, tones.dark)
    for turn in (-0.5, 0.0, 0.5):
        pen.oval((-0.95, 0.14 + 0.12 * turn), (0.15, 0.05), tones.body, turn)
    pen.oval((0.16, 0.23), (0.34, 0.15), tones.body)
    snap = 0.06 * abs(math.sin(phase))
    for y in (0.5, 0.14):
        pen.limb((0.4, 0.22), (0.68, y), 0.045, 0.05, tones.body)
        pen.oval((0.92, y + 0.07 + snap), (0.28, 0.11), tones.body, 0.25)
        pen.oval((0.9, y - 0.06), (0.22, 0.06), tones.dark, -0.15)
    for dy in (0.18, 0.3):
        pen.thread([(0.46, 0.28), (0.8, 0.42 + dy), (1.15, 0.4 + dy)], 0.016, tones.dark)
    pen.disc((0.45, 0.3), 0.03, tones.dark * _BLACK)


def parrot(pen: Pen, phase: float, tones: Tones) -> None:
    """A parrot on a branch."""
    nod = 0.02 * math.sin(phase)
    pen.limb((-0.9, 0.0), (1.0, 0.1), 0.06, 0.04, np.array([52, 68, 92], np.float32))
    for dx, tone in ((-0.04, tones.dark), (0.03, tones.accent), (0.08, tones.body)):
        pen.limb((-0.08 + dx, 0.2), (-0.24 + dx, -0.6), 0.06, 0.02, tone)
    pen.oval((0.0, 0.42), (0.2, 0.36), tones.body, -0.25)
    pen.oval((-0.09, 0.36), (0.12, 0.32), tones.accent, -0.25)
    pen.oval((-0.12, 0.26), (0.08, 0.24), np.array([60, 190, 235], np.float32), -0.2)
    pen.disc((0.12, 0.84 + nod), 0.17, tones.body)
    pen.oval((0.19, 0.84 + nod), (0.09, 0.08), tones.skin)
    pen.shape([(0.24, 0.93 + nod), (0.38, 0.86 + nod), (0.33, 0.7 + nod), (0.26, 0.8 + nod)],
              tones.dark * _BLACK)  # fmt: skip
    pen.disc((0.18, 0.87 + nod), 0.026, tones.dark * _BLACK)
    for x in (0.0, 0.1):
        pen.limb((x, 0.12), (x + 0.02, 0.04), 0.035, 0.03, tones.dark)


def _fan(pen: Pen, middle: tuple[float, float], reach: float, tones: Tones, *, eyes: bool) -> None:
    for number in range(15):
        a = math.pi * (0.06 + 0.88 * number / 14)
        tip = (middle[0] + math.cos(a) * reach, middle[1] + math.sin(a) * reach)
        pen.limb(middle, tip, 0.03, 0.075, tones.dark if number % 2 else tones.accent)
        if eyes:
            pen.disc(tip, 0.055, np.array([60, 170, 220], np.float32))
            pen.disc(tip, 0.028, np.array([150, 60, 40], np.float32))
        else:
            pen.disc(tip, 0.06, tones.skin)


def peacock(pen: Pen, phase: float, tones: Tones) -> None:
    """A peacock that displays its tail."""
    _fan(pen, (0.0, 0.3), 0.95 + 0.01 * math.sin(phase), tones, eyes=True)
    for x in (-0.05, 0.07):
        pen.limb((x, 0.22), (x, 0.0), 0.018, 0.016, tones.dark)
    pen.oval((0.02, 0.34), (0.2, 0.17), tones.body)
    pen.limb((0.06, 0.4), (0.1, 0.78), 0.1, 0.055, tones.body)
    pen.disc((0.12, 0.82), 0.075, tones.body)
    pen.shape([(0.17, 0.85), (0.29, 0.81), (0.17, 0.79)], tones.skin)
    for dx in (-0.06, 0.0, 0.06):
        pen.thread([(0.11, 0.88), (0.11 + dx, 1.0)], 0.012, tones.dark)
        pen.disc((0.11 + dx, 1.0), 0.018, tones.body)
    pen.disc((0.14, 0.84), 0.014, tones.dark * _BLACK)


def turkey(pen: Pen, phase: float, tones: Tones) -> None:
    _fan(pen, (-0.12, 0.45), 0.52, tones, eyes=False)
    for x in (-0.04, 0.1):
        pen.limb((x, 0.24), (x + 0.02, 0.0), 0.024, 0.02, np.array([70, 130, 200], np.float32))
    pen.oval((0.0, 0.42), (0.32, 0.25), tones.body)
    pen.oval((-0.06, 0.42), (0.2, 0.14), tones.dark, 0.1)
    nod = 0.02 * math.sin(phase)
    red = np.array([60, 64, 200], np.float32)
    pen.limb((0.2, 0.54), (0.32, 0.86 + nod), 0.09, 0.05, red)
    pen.disc((0.34, 0.9 + nod), 0.065, np.array([190, 150, 110], np.float32))
    pen.shape([(0.39, 0.93 + nod), (0.5, 0.89 + nod), (0.39, 0.87 + nod)], tones.skin)
    pen.limb((0.4, 0.87 + nod), (0.41, 0.74 + nod), 0.024, 0.018, red)
    pen.disc((0.36, 0.92 + nod), 0.013, tones.dark * _BLACK)


def ostrich(pen: Pen, phase: float, tones: Tones) -> None:
    for turn, tone in ((0.0, tones.skin), (math.pi, tones.skin * np.float32(0.85))):
        knee = step_to((0.0, 0.55), 0.35 * math.sin(phase + turn), 0.28)
        foot = step_to(knee, -0.25 + 0.3 * math.sin(phase + turn), 0.28)
        pen.limb((0.0, 0.55), knee, 0.06, 0.03, tone)
        pen.limb(knee, (foot[0], max(0.02, foot[1])), 0.026, 0.022, tone)
    pale = tones.skin * np.float32(0.4) + np.float32(120)
    for dy in (0.0, 0.08, 0.15):
        pen.oval((-0.34, 0.6 + dy), (0.16, 0.07), pale, 0.5)
    pen.oval((-0.02, 0.68), (0.36, 0.22), tones.body, 0.1)
    neck = [(0.24, 0.74), (0.36, 1.0), (0.34, 1.26), (0.42, 1.42)]
    for a, b in pairwise(neck):
        pen.limb(a, b, 0.05, 0.042, tones.skin)
    pen.oval((0.46, 1.45), (0.09, 0.06), tones.skin)
    pen.shape([(0.53, 1.48), (0.66, 1.43), (0.53, 1.41)], tones.accent)
    pen.disc((0.47, 1.47), 0.02, tones.dark * _BLACK)


def _entry(
    draw: Drawing,
    share: float,
    extent: tuple[float, float, float, float],
    homes: tuple[Env, ...],
    colours: tuple[str, ...],
    *,
    accent: str = "#b5483c",
    pale: str = "#efe2c8",
    motion: Motion = Motion.FIXED,
    speed: float = 0.0,
    rate: float = 1.6,
    tint: Tint | None = None,
) -> Entry:
    return Entry(
        make=always(draw), share=share, extent=extent, homes=homes, colours=colours, accent=accent,
        pale=pale, motion=motion, speed=speed, rate=rate, shadow=1.2, tint=tint,
    )  # fmt: skip


_FIELD, _WOOD, _SAND, _BENEATH = (Env.MEADOW,), (Env.FOREST,), (Env.BEACH,), (Env.UNDERWATER,)
_WALKS = Motion.GROUND

WILDLIFE: dict[Kind, Entry] = {
    Kind.HEDGEHOG: _entry(hedgehog, 0.24, (0.8, 0.8, 1.0, 0.05), _WOOD, ("#8a6a4a",), pale="#d9b890",
                          motion=_WALKS, speed=0.12, rate=4.0),
    Kind.MOUSE: _entry(mouse, 0.22, (1.3, 0.8, 0.9, 0.05), _FIELD, ("#9a8a7a", "#c8b49a"), pale="#e8b8a8"),
    Kind.KANGAROO: _entry(kangaroo, 0.34, (1.1, 0.6, 1.4, 0.05), _FIELD, ("#a8743f",), tint=Tint.DRY),
    Kind.KOALA: _entry(koala, 0.4, (0.6, 1.1, 1.7, 0.05), _WOOD, ("#8f9094",), pale="#d8d4d0"),
    Kind.GORILLA: _entry(gorilla, 0.36, (0.8, 0.9, 1.3, 0.05), _WOOD, ("#3f3a3c",), pale="#6b5f5a",
                         motion=_WALKS, speed=0.25, rate=3.0),
    Kind.CROCODILE: _entry(crocodile, 0.28, (1.5, 1.4, 0.7, 0.05), (Env.LAKE,), ("#5f7048",),
                           pale="#c8b890", motion=_WALKS, speed=0.12, rate=2.5),
    Kind.LIZARD: _entry(lizard, 0.34, (1.3, 1.3, 0.9, 0.05), (Env.DESERT,), ("#5f9a58", "#a8843f")),
    Kind.BAT: _entry(bat, 0.26, (1.2, 1.2, 0.9, 0.6), _WOOD, ("#4a4048",), pale="#e8c860",
                     motion=Motion.AIR, speed=0.25, rate=7.0),
    Kind.SNAIL: _entry(snail, 0.26, (0.9, 1.0, 1.0, 0.05), _FIELD, ("#a8703f",), pale="#d9c090",
                       motion=_WALKS, speed=0.03, rate=1.2),
    Kind.SPIDER: _entry(spider, 0.24, (1.5, 1.5, 1.5, 1.5), _WOOD, ("#3a3438",), motion=Motion.AIR),
    Kind.LADYBIRD: _entry(ladybird, 0.3, (1.4, 1.4, 0.8, 0.2), _FIELD, ("#3a3030",), accent="#d0382a"),
    Kind.SEAL: _entry(seal, 0.26, (1.4, 1.0, 1.1, 0.1), _SAND, ("#7f858c",), pale="#b8b4ac"),
    Kind.STARFISH: _entry(starfish, 0.22, (0.6, 0.6, 1.0, 0.1), _SAND, ("#d0683f",), pale="#f0c090"),
    Kind.SEAHORSE: _entry(seahorse, 0.4, (0.6, 0.6, 0.9, 0.8), _BENEATH, ("#e0a840",), pale="#f4d890",
                          motion=Motion.UNDERWATER, speed=0.03),
    Kind.LOBSTER: _entry(lobster, 0.3, (1.2, 1.3, 0.9, 0.05), _SAND, ("#c83f2a",), motion=_WALKS,
                         speed=0.06, rate=3.0),
    Kind.PARROT: _entry(parrot, 0.3, (1.0, 1.1, 1.2, 0.8), _WOOD, ("#d0382f", "#3f9a58"), accent="#3f6ac0",
                        motion=Motion.AIR),
    Kind.PEACOCK: _entry(peacock, 0.34, (1.2, 1.2, 1.5, 0.05), _FIELD, ("#2f5ac0",), accent="#3f8a5c",
                         pale="#e8d8a8"),
    Kind.TURKEY: _entry(turkey, 0.32, (0.9, 0.8, 1.2, 0.05), _FIELD, ("#6b4a38",), accent="#8a5a3c",
                        pale="#e8d0a0"),
    Kind.OSTRICH: _entry(ostrich, 0.28, (0.7, 0.8, 1.7, 0.05), _FIELD, ("#3a3638",), pale="#d9b09a",
                         motion=_WALKS, speed=0.6, rate=4.5, tint=Tint.DRY),
}  # fmt: skip
