"""Vehicles on the road and on rails: buses, trucks, fire engines, tractors, motorcycles, trams.

One unit is the height of the vehicle, apart from ladders.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.buildings import box
from safelight_storyboard.figures import Pen, Tones, step_to
from safelight_storyboard.raster import Colour


def wheel(pen: Pen, x: float, radius: float, phase: float, tones: Tones, *, y: float | None = None) -> None:
    at = (x, radius if y is None else y)
    pen.disc(at, radius, tones.dark * np.float32(0.5))
    pen.disc(at, radius * 0.55, tones.skin * np.float32(0.5) + np.float32(30))
    for spoke in range(5):
        end = step_to(at, -phase * 3 + spoke * math.tau / 5, radius * 0.55)
        pen.limb(at, end, radius * 0.06, radius * 0.06, tones.dark)


def windows(pen: Pen, left: float, right: float, count: int, y0: float, y1: float, tone: Colour) -> None:
    step = (right - left) / count
    for number in range(count):
        box(pen, left + number * step + step * 0.07, y0, left + (number + 1) * step - step * 0.07, y1, tone)


def bus(pen: Pen, phase: float, tones: Tones) -> None:
    y = 0.005 * math.sin(phase * 2)
    box(pen, -1.35, 0.16 + y, 1.35, 0.97 + y, tones.body)
    pen.limb((-1.3, 0.95 + y), (1.3, 0.95 + y), 0.05, 0.05, tones.body)
    box(pen, -1.37, 0.36 + y, 1.37, 0.41 + y, tones.skin * np.float32(0.5) + np.float32(90))
    windows(pen, -1.28, 0.62, 5, 0.5 + y, 0.86 + y, tones.skin)
    box(pen, 0.68, 0.18 + y, 0.98, 0.86 + y, tones.dark)
    windows(pen, 0.68, 0.98, 2, 0.24 + y, 0.82 + y, tones.skin)
    pen.shape([(1.05, 0.48 + y), (1.37, 0.48 + y), (1.34, 0.86 + y), (1.05, 0.86 + y)], tones.skin)
    pen.oval((1.33, 0.27 + y), (0.05, 0.05), np.array([190, 235, 250], np.float32))
    for x in (-0.85, 0.45):
        wheel(pen, x, 0.19, phase, tones)


def tram(pen: Pen, phase: float, tones: Tones) -> None:
    """A tram of two cars with a pantograph on the wire."""
    pen.limb((-3.5, 1.42), (3.5, 1.42), 0.008, 0.008, tones.dark)
    for left, right in ((-2.0, -0.06), (0.06, 2.0)):
        nose = 0.16 if right > 1 else 0.0
        tail = 0.16 if left < -1 else 0.0
        pen.shape(
            [(left, 0.14), (right, 0.14), (right, 0.5), (right - nose, 1.0), (left + tail, 1.0), (left, 0.5)],
            tones.body,
        )
        box(pen, left, 0.3, right, 0.36, tones.skin * np.float32(0.5) + np.float32(90))
        windows(pen, left + 0.14, right - 0.14, 4, 0.48, 0.86, tones.skin)
        for x in (left + 0.45, right - 0.45):
            wheel(pen, x, 0.1, phase, tones)
    box(pen, -0.08, 0.18, 0.08, 0.96, tones.dark)
    pen.limb((0.8, 1.0), (1.0, 1.2), 0.016, 0.016, tones.dark)
    pen.limb((1.0, 1.2), (0.84, 1.4), 0.016, 0.016, tones.dark)
    pen.limb((0.7, 1.41), (1.0, 1.41), 0.014, 0.014, tones.dark)


def truck(pen: Pen, phase: float, tones: Tones) -> None:
    """A truck with a closed load and a cab."""
    pale = tones.skin * np.float32(0.25) + tones.body * np.float32(0.35) + np.float32(40)
    box(pen, -1.35, 0.24, 0.62, 1.02, pale)
    for x in (-0.86, -0.36, 0.13):
        pen.limb((x, 0.26), (x, 1.0), 0.008, 0.008, pale * np.float32(0.8))
    cab(pen, tones)
    box(pen, -1.35, 0.18, 1.3, 0.26, tones.dark)
    for x in (-1.05, -0.62, 0.98):
        wheel(pen, x, 0.19, phase, tones)


def cab(pen: Pen, tones: Tones) -> None:
    pen.shape(
        [(0.68, 0.2), (1.38, 0.2), (1.38, 0.5), (1.22, 0.56), (1.1, 0.88), (0.68, 0.88)],
        tones.body,
    )
    pen.shape([(0.8, 0.56), (1.14, 0.56), (1.05, 0.8), (0.8, 0.8)], tones.skin)
    pen.oval((1.35, 0.34), (0.045, 0.05), np.array([190, 235, 250], np.float32))


def fire_engine(pen: Pen, phase: float, tones: Tones) -> None:
    """A fire engine with a ladder and a blue lamp."""
    box(pen, -1.35, 0.2, 0.66, 0.78, tones.body)
    cab(pen, tones)
    pale = tones.skin * np.float32(0.3) + np.float32(130)
    box(pen, -1.37, 0.36, 1.36, 0.41, pale)
    windows(pen, -1.28, 0.3, 4, 0.46, 0.7, tones.body * np.float32(0.72))
    for rail in (0.86, 0.96):
        pen.limb((-1.45, rail), (0.6, rail), 0.02, 0.02, pale)
    for x in np.linspace(-1.4, 0.5, 11):
        pen.limb((float(x), 0.86), (float(x), 0.96), 0.014, 0.014, pale)
    for x in (-1.0, 0.2):
        box(pen, x - 0.03, 0.76, x + 0.03, 0.86, tones.dark)
    glow = 0.5 + 0.5 * math.sin(phase * 0.8)
    pen.oval((0.9, 0.93), (0.09, 0.06), np.array([200 + 50 * glow, 120 + 50 * glow, 40], np.float32))
    for x in (-0.95, 0.95):
        wheel(pen, x, 0.19, phase, tones)


def tractor(pen: Pen, phase: float, tones: Tones) -> None:
    """A tractor with a driver and a plough."""
    pen.limb((-0.5, 0.4), (-1.0, 0.22), 0.03, 0.03, tones.dark)
    for x in (-1.0, -0.84):
        pen.shape([(x, 0.28), (x + 0.08, 0.28), (x + 0.02, 0.0), (x - 0.1, 0.02)], tones.dark)
    pen.shape(
        [(-0.42, 0.34), (0.82, 0.34), (0.86, 0.44), (0.8, 0.62), (-0.1, 0.66), (-0.42, 0.6)], tones.body
    )
    box(pen, 0.72, 0.38, 0.84, 0.58, tones.dark)
    for y in (0.42, 0.48, 0.54):
        pen.limb((0.3, y), (0.66, y), 0.008, 0.008, tones.dark)
    pen.limb((0.52, 0.62), (0.52, 0.92), 0.022, 0.022, tones.dark)
    pen.limb((-0.2, 0.66), (-0.16, 0.9), 0.1, 0.075, tones.accent * np.float32(0.5) + np.float32(40))
    pen.disc((-0.13, 0.98), 0.06, tones.skin)
    for a, b in (((-0.44, 0.6), (-0.4, 1.12)), ((0.1, 0.64), (0.06, 1.12))):
        pen.limb(a, b, 0.018, 0.018, tones.dark)
    box(pen, -0.5, 1.1, 0.18, 1.16, tones.body)
    wheel(pen, -0.3, 0.36, phase * 0.5, tones)
    wheel(pen, 0.62, 0.2, phase, tones)
    for number in range(12):
        at = step_to((-0.3, 0.36), -phase * 1.5 + number * math.tau / 12, 0.36)
        pen.disc(at, 0.035, tones.dark * np.float32(0.5))


def motorcycle(pen: Pen, phase: float, tones: Tones) -> None:
    """A motorcycle with a rider who wears a helmet."""
    for x in (-0.44, 0.46):
        wheel(pen, x, 0.2, phase, tones)
    pen.limb((0.46, 0.2), (0.3, 0.6), 0.022, 0.02, tones.skin * np.float32(0.5))
    pen.limb((-0.44, 0.2), (-0.1, 0.28), 0.03, 0.05, tones.dark)
    pen.oval((-0.02, 0.28), (0.2, 0.13), tones.dark * np.float32(0.8))
    pen.limb((-0.5, 0.16), (-0.1, 0.2), 0.03, 0.02, tones.skin * np.float32(0.6))
    pen.shape([(-0.56, 0.5), (-0.1, 0.44), (0.3, 0.46), (0.36, 0.56), (0.14, 0.62), (-0.1, 0.52),
        (-0.52, 0.56)],
              tones.body)  # fmt: skip
    pen.oval((0.36, 0.55), (0.05, 0.06), np.array([190, 235, 250], np.float32))
    hip, chest, lean = (-0.16, 0.58), (0.06, 0.93), 0.01 * math.sin(phase)
    pen.limb(hip, (0.12, 0.5), 0.075, 0.055, tones.dark)
    pen.limb((0.12, 0.5), (0.0, 0.24), 0.05, 0.04, tones.dark)
    pen.limb((0.0, 0.23), (0.09, 0.21), 0.035, 0.03, tones.dark)
    pen.limb(hip, chest, 0.085, 0.1, tones.accent)
    pen.limb((chest[0], chest[1] - 0.02), (0.2, 0.74), 0.05, 0.04, tones.accent)
    pen.limb((0.2, 0.74), (0.31, 0.64), 0.04, 0.03, tones.accent)
    pen.disc((0.12 + lean, 1.08), 0.115, tones.body)
    pen.oval((0.18 + lean, 1.08), (0.06, 0.045), tones.dark * np.float32(0.5))
