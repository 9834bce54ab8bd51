"""Vehicles in the air and on the water: aeroplanes, helicopters, rockets, ships, rowing boats ...

One unit is about the length of a vehicle in the air, and the height of a ship above the water line at 0.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.buildings import box
from safelight_storyboard.figures import Pen, Point, Tones, step_to


def aeroplane(pen: Pen, _phase: float, tones: Tones) -> None:
    """An airliner from the side."""
    far = tones.dark
    pen.shape([(0.1, 0.05), (-0.16, 0.22), (-0.24, 0.22), (-0.08, 0.04)], far)
    pen.shape([(-0.4, 0.05), (-0.56, 0.3), (-0.47, 0.3), (-0.26, 0.06)], tones.accent)
    pen.limb((0.36, 0.0), (-0.3, 0.01), 0.075, 0.07, tones.body)
    pen.shape([(0.34, 0.075), (0.46, 0.045), (0.52, -0.01), (0.46, -0.055), (0.34, -0.075)], tones.body)
    pen.shape([(-0.28, 0.08), (-0.58, 0.06), (-0.58, 0.035), (-0.28, -0.06)], tones.body)
    for x in np.linspace(-0.26, 0.32, 14):
        box(pen, float(x), 0.008, float(x) + 0.02, 0.034, tones.dark)
    pen.shape([(0.42, 0.045), (0.475, 0.02), (0.42, 0.012)], tones.dark)
    pen.limb((-0.4, -0.03), (0.36, -0.045), 0.012, 0.012, tones.accent)
    pen.shape([(0.14, -0.03), (-0.26, -0.27), (-0.36, -0.27), (-0.1, -0.04)], tones.body * np.float32(0.82))
    pen.limb((0.02, -0.14), (-0.1, -0.14), 0.036, 0.03, tones.dark)
    pen.shape([(-0.42, 0.04), (-0.62, 0.12), (-0.66, 0.12), (-0.54, 0.02)], tones.body * np.float32(0.82))


def helicopter(pen: Pen, phase: float, tones: Tones) -> None:
    """A helicopter with turning rotors."""
    pen.limb((-0.1, 0.08), (-0.62, 0.12), 0.055, 0.02, tones.body)
    pen.shape([(-0.6, 0.1), (-0.72, 0.3), (-0.64, 0.3), (-0.54, 0.12)], tones.accent)
    pen.oval((0.1, 0.02), (0.28, 0.17), tones.body)
    pen.shape([(0.12, 0.02), (0.36, 0.0), (0.33, 0.09), (0.24, 0.15), (0.12, 0.17)], tones.skin)
    pen.limb((0.23, 0.0), (0.23, 0.15), 0.01, 0.01, tones.dark)
    box(pen, -0.06, 0.0, 0.06, 0.12, tones.skin)
    for x in (-0.04, 0.2):
        pen.limb((x, -0.12), (x + 0.01, -0.22), 0.011, 0.011, tones.dark)
    pen.limb((-0.16, -0.22), (0.34, -0.22), 0.014, 0.014, tones.dark)
    pen.limb((0.06, 0.16), (0.06, 0.26), 0.02, 0.016, tones.dark)
    reach = 0.35 + 0.3 * abs(math.cos(phase * 7))
    pen.limb((0.06 - reach, 0.265), (0.06 + reach, 0.265), 0.009, 0.009, tones.dark)
    for number in range(3):
        end = step_to((-0.68, 0.2), phase * 9 + number * math.tau / 3, 0.11)
        pen.limb((-0.68, 0.2), end, 0.008, 0.008, tones.dark)


def rocket(pen: Pen, phase: float, tones: Tones) -> None:
    """A rocket in flight, upwards, with its flame."""
    flame = 0.32 + 0.05 * math.sin(phase * 5)
    pen.shape([(-0.09, 0.0), (0.09, 0.0), (0.0, -flame * 1.6)], np.array([60, 150, 245], np.float32))
    pen.shape([(-0.05, 0.0), (0.05, 0.0), (0.0, -flame)], np.array([170, 235, 255], np.float32))
    for side in (-1, 1):
        pen.shape(
            [(side * 0.1, 0.26), (side * 0.26, 0.02), (side * 0.24, -0.05), (side * 0.08, 0.05)], tones.accent
        )
    pen.shape(
        [(-0.11, 0.0), (0.11, 0.0), (0.13, 0.4), (0.1, 0.72), (0.0, 1.0), (-0.1, 0.72), (-0.13, 0.4)],
        tones.body,
    )
    pen.shape([(0.03, 0.0), (0.11, 0.0), (0.13, 0.4), (0.1, 0.72), (0.0, 1.0), (0.05, 0.5)],
              tones.body * np.float32(0.8))  # fmt: skip
    pen.shape([(-0.1, 0.72), (0.1, 0.72), (0.0, 1.0)], tones.accent)
    pen.disc((0.0, 0.54), 0.06, tones.dark)
    pen.disc((0.0, 0.54), 0.045, tones.skin)
    pen.limb((0.0, 0.22), (0.0, -0.02), 0.02, 0.02, tones.accent)


def airship(pen: Pen, _phase: float, tones: Tones) -> None:
    for turn in (0.5, -0.5):
        pen.shape([(-0.36, 0.0), (-0.58, 0.42 * turn), (-0.52, 0.1 * turn)], tones.accent)
    pen.oval((0.0, 0.0), (0.52, 0.17), tones.body)
    pen.oval((0.02, 0.06), (0.44, 0.08), tones.body * np.float32(0.8) + np.float32(38))
    pen.limb((-0.46, 0.0), (-0.58, 0.0), 0.03, 0.02, tones.accent)
    box(pen, -0.1, -0.25, 0.16, -0.17, tones.dark)
    for x in (-0.06, 0.0, 0.06):
        box(pen, x, -0.23, x + 0.035, -0.19, tones.skin)


def kite(pen: Pen, phase: float, tones: Tones) -> None:
    """A kite with a tail and its line."""
    pale = tones.accent * np.float32(0.5) + np.float32(110)
    pen.shape([(0.0, 0.5), (0.34, 0.1), (0.0, -0.5), (-0.34, 0.1)], tones.accent)
    pen.shape([(0.0, 0.5), (0.34, 0.1), (0.0, 0.1)], pale)
    pen.shape([(0.0, -0.5), (-0.34, 0.1), (0.0, 0.1)], pale)
    tail = [(0.12 * math.sin(phase * 2 + u * 6) * u, -0.5 - 1.0 * u) for u in np.linspace(0, 1, 14)]
    points: list[Point] = [(float(x), float(y)) for x, y in tail]
    pen.thread(points, 0.03, tones.dark)
    for x, y in points[3::3]:
        pen.shape(
            [(x - 0.1, y + 0.05), (x + 0.1, y - 0.05), (x + 0.1, y + 0.05), (x - 0.1, y - 0.05)], tones.accent
        )
    pen.thread([(0.0, 0.1), (-0.5, -1.0), (-1.4, -2.2)], 0.014, tones.dark)


def lantern(pen: Pen, phase: float, tones: Tones) -> None:
    """A paper lantern with a light inside."""
    glow = 0.92 + 0.08 * math.sin(phase * 3)
    warm = np.array([70, 160, 250], np.float32) * np.float32(glow)
    pen.shape([(-0.3, 0.2), (0.3, 0.2), (0.36, 0.75), (0.2, 1.0), (-0.2, 1.0), (-0.36, 0.75)],
              tones.accent * np.float32(0.35) + warm * np.float32(0.65))  # fmt: skip
    pen.oval((0.0, 0.42), (0.2, 0.24), np.array([170, 230, 255], np.float32) * np.float32(glow))
    pen.limb((-0.3, 0.19), (0.3, 0.19), 0.03, 0.03, tones.dark)


def ship(pen: Pen, phase: float, tones: Tones) -> None:
    """An ocean liner with three decks and two funnels that smoke."""
    for number, x in enumerate((-0.3, 0.2)):
        for step in range(5):
            age = (phase * 0.1 + step / 5 + number * 0.3) % 1.0
            pale = np.float32(120) + tones.body * np.float32(0.2)
            pen.disc((x - 0.5 * age, 1.0 + 0.22 * age), 0.03 + 0.07 * age, pale)
    white = tones.skin * np.float32(0.25) + tones.accent * np.float32(0.2) + np.float32(110)
    pale = white * np.float32(0.92)
    for y, left, right in ((0.3, -1.1, 0.98), (0.46, -0.9, 0.8), (0.6, -0.7, 0.6)):
        box(pen, left, y, right, y + 0.16, (white, pale)[round(y * 10) % 2])
        for x in np.arange(left + 0.06, right - 0.06, 0.1):
            box(pen, float(x), y + 0.05, float(x) + 0.05, y + 0.1, tones.skin if y < 0.6 else tones.dark)
    for x in (-0.34, 0.16):
        pen.shape([(x - 0.1, 0.74), (x + 0.1, 0.74), (x + 0.06, 1.0), (x - 0.12, 1.0)], tones.accent)
        pen.shape([(x - 0.115, 0.94), (x + 0.07, 0.94), (x + 0.06, 1.0), (x - 0.12, 1.0)], tones.dark)
    pen.limb((0.74, 0.6), (0.72, 0.98), 0.01, 0.006, tones.dark)
    pen.shape(
        [(-1.38, 0.32), (1.5, 0.4), (1.28, 0.0), (1.22, -0.06), (-1.22, -0.06), (-1.34, 0.06)], tones.body
    )
    pen.shape([(-1.38, 0.32), (1.5, 0.4), (1.47, 0.36), (-1.375, 0.28)], white)
    for x in np.linspace(-1.1, 1.1, 16):
        pen.disc((float(x), 0.16), 0.02, tones.skin)
    pen.shape([(-1.3, 0.0), (1.28, 0.0), (1.22, -0.06), (-1.22, -0.06)], tones.accent)


def rowing_boat(pen: Pen, phase: float, tones: Tones) -> None:
    """A small boat with one person who rows."""
    pull = math.sin(phase * 1.4)
    pen.limb((-0.05, 0.18), (-0.02 - 0.1 * pull, 0.58), 0.1, 0.11, tones.accent)
    pen.disc((-0.02 - 0.12 * pull, 0.78), 0.095, tones.skin)
    pen.disc((-0.03 - 0.12 * pull, 0.82), 0.09, tones.dark)
    hand = (0.28 + 0.12 * pull, 0.38)
    pen.limb((0.0 - 0.1 * pull, 0.52), hand, 0.05, 0.035, tones.accent)
    pen.limb((hand[0] - 0.18, hand[1] + 0.12), (hand[0] + 0.44 + 0.2 * pull, -0.08), 0.018, 0.018, tones.dark)
    pen.oval((hand[0] + 0.46 + 0.2 * pull, -0.1), (0.1, 0.035), tones.dark, -0.6)
    pen.shape(
        [(-0.95, 0.32), (-0.6, 0.2), (0.6, 0.2), (0.95, 0.32), (0.66, -0.06), (-0.66, -0.06)], tones.body
    )
    pen.limb((-0.94, 0.3), (-0.6, 0.19), 0.024, 0.024, tones.dark)
    pen.limb((-0.6, 0.19), (0.6, 0.19), 0.024, 0.024, tones.dark)
    pen.limb((0.6, 0.19), (0.94, 0.3), 0.024, 0.024, tones.dark)


def paper_boat(pen: Pen, _phase: float, tones: Tones) -> None:
    """A boat folded from paper."""
    pen.shape([(-0.3, 0.1), (0.3, 0.1), (0.0, 0.75)], tones.body)
    pen.shape([(0.0, 0.1), (0.3, 0.1), (0.0, 0.75)], tones.body * np.float32(0.8))
    pen.shape(
        [(-0.85, 0.42), (0.0, 0.3), (0.85, 0.42), (0.5, -0.05), (-0.5, -0.05)], tones.body * np.float32(0.93)
    )
    pen.shape([(0.0, 0.3), (0.85, 0.42), (0.5, -0.05), (0.0, -0.05)], tones.body * np.float32(0.74))
    pen.thread([(-0.85, 0.42), (0.0, 0.3), (0.85, 0.42)], 0.014, tones.dark)


def submarine(pen: Pen, phase: float, tones: Tones) -> None:
    pen.shape([(-0.05, 0.14), (0.2, 0.14), (0.17, 0.34), (-0.02, 0.34)], tones.body)
    pen.limb((0.06, 0.34), (0.06, 0.5), 0.012, 0.012, tones.dark)
    pen.limb((0.06, 0.5), (0.14, 0.5), 0.014, 0.014, tones.dark)
    pen.oval((0.0, 0.0), (0.62, 0.18), tones.body)
    pen.oval((0.04, 0.07), (0.5, 0.07), tones.body * np.float32(0.8) + np.float32(36))
    pen.shape([(-0.5, 0.05), (-0.7, 0.2), (-0.66, 0.0), (-0.7, -0.2), (-0.5, -0.05)], tones.accent)
    for x in (-0.14, 0.1, 0.34):
        pen.disc((x, 0.0), 0.06, tones.dark)
        pen.disc((x, 0.0), 0.045, np.array([150, 230, 255], np.float32))
    reach = 0.12 * math.cos(phase * 4)
    pen.limb((-0.72, -reach), (-0.72, reach), 0.014, 0.014, tones.dark)
