"""Buildings of towns and farms: schools, hospitals, factories, stations, shops, stadiums, water towers ...

One unit is the height of the building, or a little less; its foot is at 0. Windows have the tone `skin`.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.buildings import arch, box, viaduct, wall
from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.figures import Drawing, Pen, Tones
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.lexicon import Tint
from safelight_storyboard.raster import Colour
from safelight_storyboard.subject_kinds import SubjectKind as Kind


def _rows(
    pen: Pen, left: float, right: float, low: float, high: float, tone: Colour, *, across: int, floors: int
) -> None:
    """Windows in rows."""
    wide, tall = (right - left) / across, (high - low) / floors
    for floor in range(floors):
        for number in range(across):
            x, y = left + number * wide, low + floor * tall
            box(pen, x + wide * 0.2, y + tall * 0.22, x + wide * 0.8, y + tall * 0.8, tone)


def _dome(pen: Pen, x: float, y: float, radius: float, tone: Colour, *, tall: float = 1.0) -> None:
    points = [
        (x + math.cos(a) * radius, y + math.sin(a) * radius * tall) for a in np.linspace(0, math.pi, 20)
    ]
    pen.shape([(float(a), float(b)) for a, b in points], tone)


def _flag(pen: Pen, x: float, y: float, phase: float, tones: Tones) -> None:
    pen.limb((x, y), (x, y + 0.26), 0.008, 0.006, tones.dark)
    wave = 0.015 * math.sin(phase * 3)
    pen.shape([(x, y + 0.26), (x + 0.16, y + 0.24 + wave), (x + 0.16, y + 0.14 + wave), (x, y + 0.16)],
              tones.accent)  # fmt: skip


def school(pen: Pen, phase: float, tones: Tones) -> None:
    """A school with a clock, a flag and a yard gate."""
    wall(pen, -0.95, 0.0, 0.95, 0.46, tones.body)
    box(pen, -0.98, 0.46, 0.98, 0.5, tones.dark)
    _rows(pen, -0.92, -0.26, 0.04, 0.44, tones.skin, across=4, floors=2)
    _rows(pen, 0.26, 0.92, 0.04, 0.44, tones.skin, across=4, floors=2)
    wall(pen, -0.24, 0.0, 0.24, 0.62, tones.body * np.float32(1.08))
    pen.shape([(-0.3, 0.61), (0.3, 0.61), (0.0, 0.8)], tones.accent)
    pen.disc((0.0, 0.52), 0.075, tones.skin)
    for end in ((0.0, 0.575), (0.035, 0.52)):
        pen.limb((0.0, 0.52), end, 0.008, 0.006, tones.dark)
    box(pen, -0.1, 0.0, 0.1, 0.24, tones.dark)
    for x in (-0.18, 0.12):
        box(pen, x, 0.3, x + 0.06, 0.4, tones.skin)
    _flag(pen, -0.62, 0.5, phase, tones)


def hospital(pen: Pen, _phase: float, tones: Tones) -> None:
    wall(pen, -0.85, 0.0, 0.85, 0.5, tones.body)
    wall(pen, -0.36, 0.0, 0.36, 0.9, tones.body * np.float32(1.05))
    _rows(pen, -0.82, -0.38, 0.14, 0.48, tones.skin, across=3, floors=2)
    _rows(pen, 0.38, 0.82, 0.14, 0.48, tones.skin, across=3, floors=2)
    _rows(pen, -0.33, 0.33, 0.2, 0.58, tones.skin, across=4, floors=3)
    red = np.array([60, 50, 205], np.float32)
    box(pen, -0.14, 0.62, 0.14, 0.88, np.array([245, 245, 245], np.float32))
    box(pen, -0.035, 0.645, 0.035, 0.855, red)
    box(pen, -0.105, 0.715, 0.105, 0.785, red)
    box(pen, -0.3, 0.16, 0.3, 0.19, tones.accent)
    box(pen, -0.13, 0.0, 0.13, 0.15, tones.skin)


def factory(pen: Pen, phase: float, tones: Tones) -> None:
    """A factory with a saw-tooth roof and chimneys that smoke."""
    for x in (0.5, 0.74):
        for step in range(5):
            age = (phase * 0.1 + step / 5 + x) % 1.0
            pen.disc(
                (x - 0.34 * age, 1.02 + 0.36 * age), 0.04 + 0.08 * age, tones.body * np.float32(0.3) + 130
            )
        pen.shape([(x - 0.075, 0.0), (x + 0.075, 0.0), (x + 0.05, 1.02), (x - 0.05, 1.02)], tones.accent)
        box(pen, x - 0.06, 0.9, x + 0.06, 0.95, tones.skin * np.float32(0.5) + 90)
    for number in range(4):
        x = -0.95 + number * 0.34
        pen.shape([(x, 0.36), (x + 0.34, 0.36), (x + 0.34, 0.42), (x, 0.66)], tones.dark)
        pen.shape([(x + 0.02, 0.4), (x + 0.05, 0.4), (x + 0.05, 0.58), (x + 0.02, 0.6)], tones.skin)
    wall(pen, -0.95, 0.0, 0.9, 0.38, tones.body)
    _rows(pen, -0.9, 0.4, 0.14, 0.34, tones.skin, across=9, floors=1)
    box(pen, 0.52, 0.0, 0.78, 0.26, tones.dark)


def skyscraper(pen: Pen, _phase: float, tones: Tones) -> None:
    for wide, low, high in ((0.24, 0.0, 0.52), (0.18, 0.52, 0.82), (0.11, 0.82, 1.0)):
        wall(pen, -wide, low, wide, high, tones.body)
        _rows(pen, -wide * 0.95, wide * 0.95, low + 0.01, high - 0.01, tones.skin,
              across=round(wide * 36), floors=round((high - low) * 26))  # fmt: skip
    pen.shape([(-0.08, 1.0), (0.08, 1.0), (0.012, 1.1), (0.0, 1.28), (-0.012, 1.1)], tones.dark)
    box(pen, -0.3, 0.0, 0.3, 0.06, tones.dark)


def mosque(pen: Pen, _phase: float, tones: Tones) -> None:
    for x in (-0.66, 0.66):
        wall(pen, x - 0.06, 0.0, x + 0.06, 0.86, tones.body)
        for y in (0.5, 0.8):
            box(pen, x - 0.09, y, x + 0.09, y + 0.03, tones.dark)
        pen.shape([(x - 0.07, 0.86), (x + 0.07, 0.86), (x, 1.08)], tones.accent)
    wall(pen, -0.5, 0.0, 0.5, 0.4, tones.body)
    box(pen, -0.53, 0.4, 0.53, 0.44, tones.dark)
    for x in (-0.36, 0.36):
        _dome(pen, x, 0.43, 0.13, tones.accent)
    box(pen, -0.25, 0.43, 0.25, 0.52, tones.body)
    _dome(pen, 0.0, 0.51, 0.27, tones.accent, tall=1.15)
    pen.limb((0.0, 0.8), (0.0, 0.92), 0.014, 0.008, tones.dark)
    pen.disc((0.0, 0.95), 0.035, tones.skin)
    pen.disc((0.018, 0.96), 0.028, tones.accent)
    for x in (-0.36, -0.18, 0.18, 0.36):
        arch(pen, x, 0.06, 0.05, 0.14, tones.skin)
    arch(pen, 0.0, 0.0, 0.09, 0.2, tones.dark)


def greenhouse(pen: Pen, _phase: float, tones: Tones) -> None:
    """A glass house with plants inside."""
    glass = tones.skin * np.float32(0.5) + tones.body * np.float32(0.5)
    pen.shape([(-0.9, 0.0), (0.9, 0.0), (0.9, 0.5), (0.62, 0.8), (-0.62, 0.8), (-0.9, 0.5)], glass)
    for number in range(13):
        x, high = -0.8 + number * 0.133, 0.2 + 0.14 * ((number * 7) % 3)
        pen.limb((x, 0.0), (x, high), 0.012, 0.012, tones.accent)
        for up in (0.5, 0.8, 1.0):
            for turn in (0.5, 2.6):
                pen.oval((x + math.cos(turn) * 0.05, high * up), (0.065, 0.026), tones.accent, turn)
        if number % 3 == 0:
            pen.disc((x, high), 0.035, np.array([70, 80, 215], np.float32))
    for x in np.linspace(-0.9, 0.9, 10):
        pen.limb((float(x), 0.0), (float(x), 0.5), 0.01, 0.01, tones.dark)
        pen.limb((float(x), 0.5), (float(x) * 0.69, 0.8), 0.01, 0.01, tones.dark)
    for y, wide in ((0.0, 0.9), (0.5, 0.9), (0.8, 0.62)):
        pen.limb((-wide, y), (wide, y), 0.016, 0.016, tones.dark)


def station(pen: Pen, _phase: float, tones: Tones) -> None:
    """A railway station with a clock, arches, a platform and rails."""
    wall(pen, -0.95, 0.1, 0.95, 0.42, tones.body)
    pen.shape([(-1.0, 0.42), (1.0, 0.42), (0.9, 0.54), (-0.9, 0.54)], tones.accent)
    wall(pen, -0.28, 0.1, 0.28, 0.68, tones.body * np.float32(1.06))
    pen.shape([(-0.34, 0.68), (0.34, 0.68), (0.0, 0.88)], tones.accent)
    pen.disc((0.0, 0.58), 0.085, tones.dark)
    pen.disc((0.0, 0.58), 0.07, tones.skin)
    for end in ((0.0, 0.635), (0.034, 0.57)):
        pen.limb((0.0, 0.58), end, 0.008, 0.006, tones.dark)
    for x in (-0.8, -0.6, -0.4, 0.4, 0.6, 0.8):
        arch(pen, x, 0.14, 0.065, 0.12, tones.skin)
    for x in (-0.13, 0.13):
        arch(pen, x, 0.1, 0.08, 0.2, tones.dark)
    box(pen, -1.15, 0.05, 1.15, 0.1, tones.dark * np.float32(1.4))
    for x in np.linspace(-1.35, 1.35, 28):
        box(pen, float(x), -0.03, float(x) + 0.05, 0.0, tones.dark * np.float32(0.6))
    for y in (-0.005, 0.03):
        pen.limb((-1.4, y), (1.4, y), 0.01, 0.01, np.array([150, 150, 150], np.float32))


def petrol_station(pen: Pen, _phase: float, tones: Tones) -> None:
    """A canopy over fuel pumps, and a kiosk."""
    wall(pen, 0.5, 0.0, 1.15, 0.46, tones.body)
    box(pen, 0.56, 0.1, 0.84, 0.36, tones.skin)
    box(pen, 0.9, 0.0, 1.06, 0.34, tones.skin)
    box(pen, 0.46, 0.46, 1.18, 0.52, tones.accent)
    for x in (-0.85, 0.1):
        box(pen, x, 0.0, x + 0.07, 0.72, tones.dark)
    box(pen, -1.15, 0.72, 0.5, 0.9, tones.body)
    box(pen, -1.15, 0.72, 0.5, 0.78, tones.accent)
    for x in np.linspace(-1.0, 0.3, 5):
        box(pen, float(x), 0.7, float(x) + 0.14, 0.72, tones.skin)
    for x in (-0.62, -0.22):
        box(pen, x, 0.0, x + 0.18, 0.42, tones.accent)
        box(pen, x + 0.03, 0.26, x + 0.15, 0.37, tones.skin)
        pen.thread([(x + 0.18, 0.3), (x + 0.27, 0.2), (x + 0.24, 0.08), (x + 0.19, 0.16)], 0.022, tones.dark)
    box(pen, -0.72, 0.0, 0.08, 0.04, tones.dark)


def shop(pen: Pen, phase: float, tones: Tones) -> None:
    """A shop with a striped awning, goods in the window and a sign."""
    wall(pen, -0.62, 0.0, 0.62, 0.9, tones.body)
    _rows(pen, -0.56, 0.56, 0.62, 0.88, tones.skin, across=4, floors=1)
    box(pen, -0.54, 0.06, 0.14, 0.4, tones.skin)
    box(pen, 0.24, 0.0, 0.5, 0.4, tones.dark)
    box(pen, 0.28, 0.16, 0.46, 0.36, tones.skin)
    for number in range(5):
        x = -0.46 + number * 0.13
        pen.disc((x, 0.11), 0.045, (tones.accent, tones.dark)[number % 2])
        box(pen, x - 0.02, 0.16, x + 0.02, 0.24, tones.body)
    pale = np.array([225, 230, 235], np.float32)
    for number in range(10):
        x = -0.62 + number * 0.124
        sag = 0.01 * math.sin(phase * 2 + number)
        pen.shape([(x + 0.05, 0.56), (x + 0.124 + 0.03, 0.56), (x + 0.124, 0.42 + sag), (x, 0.42 + sag)],
                  tones.accent if number % 2 else pale)  # fmt: skip
    box(pen, -0.62, 0.55, 0.62, 0.6, tones.dark)
    box(pen, -0.68, 0.9, 0.68, 0.96, tones.dark)


def columned_hall(pen: Pen, _phase: float, tones: Tones) -> None:
    """A hall with columns and a pediment: a museum, a library, a court."""
    for step in range(3):
        box(pen, -0.9 + step * 0.05, step * 0.045, 0.9 - step * 0.05, step * 0.045 + 0.045, tones.dark)
    wall(pen, -0.74, 0.135, 0.74, 0.56, tones.body * np.float32(0.72))
    box(pen, -0.09, 0.135, 0.09, 0.42, tones.dark * np.float32(0.7))
    for number in range(8):
        x = -0.7 + number * 0.2
        box(pen, x - 0.042, 0.15, x + 0.042, 0.56, tones.body)
        box(pen, x + 0.012, 0.15, x + 0.042, 0.56, tones.body * np.float32(0.8))
        for y in (0.135, 0.55):
            box(pen, x - 0.06, y, x + 0.06, y + 0.025, tones.body)
    box(pen, -0.82, 0.575, 0.82, 0.64, tones.body)
    pen.shape([(-0.84, 0.64), (0.84, 0.64), (0.0, 0.92)], tones.body)
    pen.shape([(-0.62, 0.665), (0.62, 0.665), (0.0, 0.86)], tones.body * np.float32(0.75))


def water_tower(pen: Pen, _phase: float, tones: Tones) -> None:
    for x in (-0.3, -0.1, 0.1, 0.3):
        pen.limb((x, 0.0), (x * 0.72, 0.62), 0.02, 0.018, tones.dark)
    for low, high in ((0.02, 0.3), (0.3, 0.6)):
        a, b = 0.3 - low * 0.13, 0.3 - high * 0.13
        for side in (-1, 1):
            pen.limb((side * a, low), (-side * b, high), 0.008, 0.008, tones.dark)
    box(pen, -0.31, 0.6, 0.31, 0.64, tones.dark)
    wall(pen, -0.28, 0.64, 0.28, 0.92, tones.body)
    for y in (0.7, 0.86):
        box(pen, -0.285, y, 0.285, y + 0.015, tones.dark)
    pen.shape([(-0.33, 0.92), (0.33, 0.92), (0.0, 1.1)], tones.accent)
    pen.limb((0.0, 0.0), (0.0, 0.62), 0.03, 0.03, tones.body * np.float32(0.8))


def silo(pen: Pen, _phase: float, tones: Tones) -> None:
    for x, high in ((-0.34, 0.78), (0.02, 0.9), (0.38, 0.7)):
        wall(pen, x - 0.16, 0.0, x + 0.16, high, tones.body)
        for y in np.arange(0.1, high, 0.12):
            box(pen, x - 0.16, float(y), x + 0.16, float(y) + 0.012, tones.dark)
        _dome(pen, x, high, 0.16, tones.accent, tall=0.7)
    pen.limb((0.2, 0.0), (0.2, 0.95), 0.012, 0.012, tones.dark)


def igloo(pen: Pen, _phase: float, tones: Tones) -> None:
    _dome(pen, -0.05, 0.0, 0.62, tones.body, tall=1.1)
    line = tones.body * np.float32(0.72)
    for row, high in enumerate((0.15, 0.3, 0.45, 0.58)):
        half = 0.62 * math.sqrt(max(0.0, 1 - (high / 0.68) ** 2))
        pen.limb((-0.05 - half, high), (-0.05 + half, high), 0.008, 0.008, line)
        for number in range(7):
            x = -0.05 - half + (number + 0.5 * (row % 2)) * half * 0.3
            if x < -0.05 + half:
                pen.limb((x, high - 0.14), (x, high), 0.007, 0.007, line)
    arch(pen, 0.42, 0.0, 0.24, 0.14, tones.body * np.float32(0.88))
    arch(pen, 0.46, 0.0, 0.16, 0.1, tones.dark * np.float32(0.5))


def yurt(pen: Pen, phase: float, tones: Tones) -> None:
    for step in range(4):
        age = (phase * 0.1 + step / 4) % 1.0
        pen.disc((0.05 + 0.2 * age, 0.78 + 0.35 * age), 0.02 + 0.05 * age, tones.body * np.float32(0.3) + 130)
    wall(pen, -0.62, 0.0, 0.62, 0.4, tones.body)
    pen.shape([(-0.68, 0.4), (0.68, 0.4), (0.16, 0.72), (-0.16, 0.72)], tones.body * np.float32(0.88))
    box(pen, -0.12, 0.71, 0.12, 0.77, tones.dark)
    for y in (0.12, 0.34):
        box(pen, -0.62, y, 0.62, y + 0.035, tones.accent)
    box(pen, -0.13, 0.0, 0.13, 0.33, tones.accent)
    box(pen, -0.1, 0.0, 0.1, 0.3, tones.skin)
    pen.limb((0.0, 0.0), (0.0, 0.3), 0.01, 0.01, tones.dark)


def treehouse(pen: Pen, phase: float, tones: Tones) -> None:
    """A hut on a platform in a tree, with a ladder."""
    leaf = np.array([64, 112, 76], np.float32)
    for x, y, size in ((-0.5, 1.0, 0.34), (0.5, 1.02, 0.36), (0.0, 1.22, 0.42), (-0.28, 1.14, 0.34)):
        pen.disc((x + 0.01 * math.sin(phase + x), y), size, leaf * np.float32(0.8 + 0.2 * y - 0.1))
    bark = np.array([56, 72, 96], np.float32)
    pen.limb((0.0, 0.0), (0.0, 0.9), 0.14, 0.1, bark)
    for end in ((-0.5, 0.86), (0.5, 0.9)):
        pen.limb((0.0, 0.45), end, 0.07, 0.04, bark)
    box(pen, -0.52, 0.5, 0.52, 0.56, tones.dark)
    wall(pen, -0.36, 0.56, 0.36, 0.84, tones.body)
    for y in (0.63, 0.7, 0.77):
        pen.limb((-0.36, y), (0.36, y), 0.006, 0.006, tones.dark)
    pen.shape([(-0.46, 0.83), (0.46, 0.83), (0.0, 1.06)], tones.accent)
    box(pen, -0.24, 0.56, -0.08, 0.78, tones.dark)
    box(pen, 0.06, 0.63, 0.26, 0.77, tones.skin)
    for x in (0.3, 0.42):
        pen.limb((x + 0.08, 0.0), (x, 0.56), 0.012, 0.012, tones.dark)
    for y in np.linspace(0.06, 0.5, 7):
        pen.limb(
            (0.38 - float(y) * 0.14, float(y)), (0.5 - float(y) * 0.14, float(y)), 0.01, 0.01, tones.dark
        )


def apartments(pen: Pen, _phase: float, tones: Tones) -> None:
    wall(pen, -0.52, 0.0, 0.52, 0.96, tones.body)
    _rows(pen, -0.5, 0.5, 0.14, 0.94, tones.skin, across=6, floors=6)
    for floor in range(6):
        y = 0.15 + floor * 0.133
        for x in (-0.34, 0.16):
            box(pen, x, y, x + 0.18, y + 0.035, tones.dark)
    box(pen, -0.56, 0.96, 0.56, 1.0, tones.dark)
    box(pen, -0.12, 0.0, 0.12, 0.12, tones.dark)
    box(pen, -0.18, 0.12, 0.18, 0.15, tones.accent)


def stadium(pen: Pen, _phase: float, tones: Tones) -> None:
    """A stadium with stands, flood lights and its field."""
    for x in (-1.0, 1.0):
        pen.limb((x, 0.2), (x * 0.96, 0.98), 0.018, 0.014, tones.dark)
        for row in range(2):
            for number in range(3):
                pen.disc((x * 0.96 - 0.07 + number * 0.07, 0.93 + row * 0.07), 0.03, tones.skin)
    pen.oval((0.0, 0.34), (1.15, 0.36), tones.body)
    pen.oval((0.0, 0.44), (0.98, 0.24), tones.dark)
    for ring in (0.92, 0.84, 0.76):
        points = [
            (math.cos(a) * ring, 0.43 + math.sin(a) * ring * 0.23) for a in np.linspace(0, math.tau, 44)
        ]
        pen.thread([(float(x), float(y)) for x, y in points], 0.018, tones.accent)
    pen.oval((0.0, 0.4), (0.68, 0.13), np.array([72, 140, 82], np.float32))
    pen.thread([(0.0, 0.28), (0.0, 0.52)], 0.012, np.array([230, 235, 235], np.float32))
    pen.shape([(-1.15, 0.34), (1.15, 0.34), (1.05, 0.0), (-1.05, 0.0)], tones.body)
    for x in np.linspace(-0.95, 0.95, 15):
        arch(pen, float(x), 0.04, 0.04, 0.16, tones.skin if abs(x) < 0.9 else tones.dark)
    pen.limb((-1.14, 0.33), (1.14, 0.33), 0.03, 0.03, tones.accent)


def stone_arch(pen: Pen, _phase: float, tones: Tones) -> None:
    wall(pen, -0.5, 0.0, 0.5, 0.78, tones.body)
    box(pen, -0.56, 0.78, 0.56, 0.92, tones.body * np.float32(0.9))
    for y in (0.0, 0.5, 0.78):
        box(pen, -0.54, y, 0.54, y + 0.04, tones.body * np.float32(0.8))
    arch(pen, 0.0, 0.0, 0.21, 0.42, tones.skin)
    for x in (-0.4, 0.33):
        box(pen, x, 0.12, x + 0.09, 0.42, tones.dark)


def ruins(pen: Pen, _phase: float, tones: Tones) -> None:
    """Broken columns and a part of a wall."""
    for number, high in enumerate((0.72, 0.9, 0.5, 0.9, 0.3, 0.62)):
        x = -0.85 + number * 0.32
        wall(pen, x - 0.07, 0.06, x + 0.07, high, tones.body)
        pen.shape([(x - 0.07, high), (x + 0.07, high), (x + 0.03, high + 0.05), (x - 0.04, high + 0.02)],
                  tones.body)  # fmt: skip
        box(pen, x - 0.1, 0.0, x + 0.1, 0.07, tones.dark)
    box(pen, -0.62, 0.9, 0.2, 0.98, tones.body * np.float32(0.9))
    for x, y in ((-0.2, 0.05), (0.5, 0.06), (0.95, 0.05), (-1.0, 0.05)):
        pen.shape([(x - 0.13, 0.0), (x + 0.13, 0.0), (x + 0.08, y + 0.08), (x - 0.09, y + 0.05)], tones.dark)


def observatory(pen: Pen, _phase: float, tones: Tones) -> None:
    wall(pen, -0.5, 0.0, 0.5, 0.42, tones.body)
    box(pen, -0.55, 0.42, 0.55, 0.47, tones.dark)
    _dome(pen, 0.0, 0.47, 0.47, tones.body * np.float32(1.05))
    pen.shape([(0.06, 0.6), (0.22, 0.52), (0.42, 0.86), (0.28, 0.94)], tones.dark)
    pen.limb((0.2, 0.66), (0.5, 1.06), 0.06, 0.05, tones.accent)
    _rows(pen, -0.44, 0.44, 0.12, 0.36, tones.skin, across=6, floors=1)
    box(pen, -0.08, 0.0, 0.08, 0.2, tones.dark)


def dam(pen: Pen, phase: float, tones: Tones) -> None:
    """A dam with water that runs over its spillways."""
    pen.shape([(-1.5, 0.0), (1.5, 0.0), (1.35, 0.72), (-1.35, 0.72)], tones.body)
    box(pen, -1.5, 0.7, 1.5, 0.78, tones.dark)
    water = np.array([235, 225, 205], np.float32)
    for x in (-0.75, -0.25, 0.25, 0.75):
        pen.shape([(x - 0.13, 0.66), (x + 0.13, 0.66), (x + 0.17, 0.0), (x - 0.17, 0.0)], water)
        for number in range(4):
            y = 0.62 - ((phase * 0.4 + number / 4 + x) % 1.0) * 0.6
            pen.limb((x - 0.06, y), (x - 0.06, y - 0.1), 0.012, 0.012, water * np.float32(0.85))
            pen.limb((x + 0.07, y - 0.07), (x + 0.07, y - 0.16), 0.012, 0.012, water * np.float32(0.85))
        pen.oval((x, 0.02), (0.24, 0.05), water)


def _entry(
    draw: Drawing,
    share: float,
    extent: tuple[float, float, float, float],
    homes: tuple[Env, ...],
    colour: str,
    *,
    accent: str = "#8a4a38",
    tint: Tint | None = None,
) -> Entry:
    return Entry(
        make=always(draw), share=share, extent=extent, homes=homes, colours=(colour,), accent=accent,
        motion=Motion.FIXED, shadow=0.9, most=3, tint=tint,
    )  # fmt: skip


_TOWN, _LAND, _HILLS = (Env.MEADOW,), (Env.MEADOW,), (Env.MOUNTAINS,)
_WIDE: tuple[float, float, float, float] = (1.2, 1.25, 1.15, 0.05)
_TALL: tuple[float, float, float, float] = (0.7, 0.7, 1.35, 0.05)

TOWN_BUILDINGS: dict[Kind, Entry] = {
    Kind.SCHOOL: _entry(school, 0.46, _WIDE, _TOWN, "#c89a70"),
    Kind.HOSPITAL: _entry(hospital, 0.5, _WIDE, _TOWN, "#d8dade", accent="#4a7a9a"),
    Kind.FACTORY: _entry(factory, 0.44, (1.2, 1.25, 1.6, 0.05), _TOWN, "#9a8a80", accent="#a05a44"),
    Kind.SKYSCRAPER: _entry(skyscraper, 0.6, _TALL, (Env.CITY,), "#7f8fa0"),
    Kind.MOSQUE: _entry(mosque, 0.54, _WIDE, _LAND, "#e0d4bc", accent="#4a8a8a"),
    Kind.GREENHOUSE: _entry(greenhouse, 0.42, _WIDE, _LAND, "#cfe0dc", accent="#4f8a58"),
    Kind.STATION: _entry(station, 0.46, (1.45, 1.45, 1.1, 0.1), _TOWN, "#c0795a", accent="#4a545c"),
    Kind.PETROL_STATION: _entry(petrol_station, 0.42, _WIDE, _TOWN, "#e2e0da", accent="#c0392b"),
    Kind.SHOP: _entry(shop, 0.5, _TALL, _TOWN, "#c8a07a", accent="#b0453a"),
    Kind.COLUMNED_HALL: _entry(columned_hall, 0.5, _WIDE, _TOWN, "#d8cdb8"),
    Kind.WATER_TOWER: _entry(water_tower, 0.6, _TALL, _LAND, "#b08a70", accent="#5a6a70"),
    Kind.SILO: _entry(silo, 0.56, _TALL, _LAND, "#b8b6b0", accent="#8a8f96"),
    Kind.IGLOO: _entry(igloo, 0.4, _WIDE, _LAND, "#e6eef4", tint=Tint.ICE),
    Kind.YURT: _entry(yurt, 0.42, (0.8, 0.8, 1.3, 0.05), _LAND, "#e6dcc8", accent="#3f6aa0"),
    Kind.TREEHOUSE: _entry(treehouse, 0.54, (1.0, 1.0, 1.75, 0.05), (Env.FOREST,), "#a8784a"),
    Kind.APARTMENTS: _entry(apartments, 0.58, _TALL, (Env.CITY,), "#b89a80"),
    Kind.STADIUM: _entry(stadium, 0.44, _WIDE, _TOWN, "#b8bcc2", accent="#3f6a9a"),
    Kind.ARCH: _entry(stone_arch, 0.54, _TALL, _TOWN, "#cbbd9f"),
    Kind.RUINS: _entry(ruins, 0.44, _WIDE, _HILLS, "#cbbfa4"),
    Kind.OBSERVATORY: _entry(observatory, 0.48, _TALL, _HILLS, "#d8d8da", accent="#5a6a7a"),
    Kind.DAM: _entry(dam, 0.5, (1.6, 1.6, 0.9, 0.1), _HILLS, "#a8a49c"),
    Kind.AQUEDUCT: _entry(viaduct, 0.5, (5.0, 5.0, 0.75, 0.1), _LAND, "#c2b294"),
}  # fmt: skip
