"""Vehicles: sailing boats, cars, trams, bicycles."""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.figures import Pen, Point, Tones, step_to


def sailboat(pen: Pen, phase: float, tones: Tones) -> None:
    """A sailing boat. One unit is the height of the mast; the water line is at 0."""
    fill = 0.02 * math.sin(phase * 0.8)
    pen.limb((0.02, 0.06), (0.02, 1.0), 0.008, 0.005, tones.dark)
    pen.shape([(-0.0, 0.16), (0.0, 0.97), (-0.14 - fill, 0.6), (-0.38 - fill, 0.18)], tones.accent)
    pen.shape(
        [(0.045, 0.93), (0.045, 0.2), (0.36 + fill, 0.2), (0.2 + fill * 1.5, 0.5)],
        tones.accent * np.float32(0.9),
    )
    pen.limb((-0.4, 0.165), (0.03, 0.15), 0.008, 0.008, tones.dark)
    pen.shape([(-0.44, 0.1), (0.5, 0.13), (0.36, -0.03), (-0.36, -0.03)], tones.body)
    pen.shape([(-0.44, 0.1), (0.5, 0.13), (0.48, 0.105), (-0.435, 0.075)], tones.accent)


def car(pen: Pen, phase: float, tones: Tones) -> None:
    """A car. One unit is its height; its length is about 2.9 units."""
    bounce = 0.008 * math.sin(phase * 1.7)
    y = 0.16 + bounce
    pen.shape(
        [
            (-1.42, y + 0.06),
            (-1.44, y + 0.38),
            (-1.28, y + 0.5),
            (-0.9, y + 0.53),
            (-0.56, y + 0.82),
            (0.24, y + 0.84),
            (0.68, y + 0.52),
            (1.2, y + 0.44),
            (1.42, y + 0.3),
            (1.44, y + 0.08),
            (1.3, y),
        ],
        tones.body,
    )
    glass = tones.skin
    pen.shape([(-0.74, y + 0.53), (-0.5, y + 0.76), (-0.16, y + 0.77), (-0.16, y + 0.53)], glass)
    pen.shape([(-0.1, y + 0.53), (-0.1, y + 0.77), (0.21, y + 0.77), (0.5, y + 0.52)], glass)
    pen.limb((-1.4, y + 0.28), (1.38, y + 0.26), 0.012, 0.012, tones.dark)
    pen.oval((1.36, y + 0.28), (0.06, 0.06), tones.accent * np.float32(0.3) + np.float32(175))
    pen.shape(
        [(-1.44, y + 0.26), (-1.36, y + 0.26), (-1.36, y + 0.38), (-1.44, y + 0.38)],
        np.array([40, 30, 190], np.float32),
    )
    for x in (-0.86, 0.86):
        pen.disc((x, 0.2), 0.235, tones.dark)
        pen.disc((x, 0.19), 0.19, tones.dark * np.float32(0.4))
        pen.disc((x, 0.19), 0.1, tones.skin * np.float32(0.6))
        for spoke in range(5):
            end = step_to((x, 0.19), phase * 4 + spoke * math.tau / 5, 0.1)
            pen.limb((x, 0.19), end, 0.016, 0.016, tones.dark)


def tram(pen: Pen, _phase: float, tones: Tones) -> None:
    """A tram of two cars with a pantograph on the wire. One unit is its height without it."""
    pen.limb((-3.5, 1.42), (3.5, 1.42), 0.008, 0.008, tones.dark)
    for left, right in ((-2.0, -0.06), (0.06, 2.0)):
        nose, tail = 0.16 * (right > 1), 0.16 * (left < -1)
        pen.shape(
            [(left, 0.14), (right, 0.14), (right, 0.5), (right - nose, 1.0), (left + tail, 1.0), (left, 0.5)],
            tones.body,
        )
        pen.box(left, 0.3, right, 0.36, tones.skin * np.float32(0.5) + np.float32(90))
        for number in range(4):
            x = left + 0.17 + number * (right - left - 0.28) / 4
            pen.box(x, 0.48, x + 0.36, 0.86, tones.skin)
        for x in (left + 0.45, right - 0.45):
            pen.disc((x, 0.1), 0.1, tones.dark * np.float32(0.5))
            pen.disc((x, 0.1), 0.055, tones.skin * np.float32(0.5))
    pen.box(-0.08, 0.18, 0.08, 0.96, tones.dark)
    for a, b in (((0.8, 1.0), (1.0, 1.2)), ((1.0, 1.2), (0.84, 1.4)), ((0.7, 1.41), (1.0, 1.41))):
        pen.limb(a, b, 0.015, 0.015, tones.dark)


def bicycle(pen: Pen, phase: float, tones: Tones, *, parked: bool = False) -> None:
    """A bicycle with its rider, or parked without one. One unit is the rider's height."""
    front, back, crank, saddle, bar = (0.34, 0.17), (-0.3, 0.17), (-0.02, 0.18), (-0.13, 0.5), (0.26, 0.53)
    for hub in (front, back):
        ring: list[Point] = [
            (hub[0] + math.cos(a) * 0.165, hub[1] + math.sin(a) * 0.165) for a in np.linspace(0, math.tau, 30)
        ]
        pen.thread(ring, 0.018, tones.dark)
        for spoke in range(6):
            pen.thread([hub, step_to(hub, -phase + spoke * math.tau / 6, 0.16)], 0.004, tones.dark)
    for a, b in (
        (back, crank),
        (crank, (0.24, 0.44)),
        (back, (-0.11, 0.42)),
        (saddle, crank),
        ((-0.11, 0.42), (0.24, 0.44)),
        (front, bar),
    ):
        pen.limb(a, b, 0.011, 0.011, tones.accent)
    pen.limb((-0.18, 0.5), (-0.07, 0.5), 0.016, 0.012, tones.dark)
    if parked:
        pen.thread([(0.24, 0.44), bar, (bar[0] + 0.06, bar[1] + 0.02)], 0.02, tones.dark)
        pen.limb(crank, (crank[0] - 0.09, 0.01), 0.01, 0.008, tones.dark)
        return
    hip, chest = (-0.1, 0.56), (0.08, 0.84)
    for side, tone in ((math.pi, tones.dark), (0.0, tones.dark)):
        pedal = step_to(crank, -phase + side, 0.085)
        knee = _joint(hip, pedal, 0.25, 0.245)
        pen.limb(hip, knee, 0.05, 0.036, tone)
        pen.limb(knee, pedal, 0.035, 0.022, tone)
        pen.limb(pedal, (pedal[0] + 0.05, pedal[1] - 0.01), 0.02, 0.013, tone)
    pen.limb(hip, chest, 0.06, 0.075, tones.body)
    elbow = (0.19, 0.66)
    pen.limb((chest[0], chest[1] - 0.02), elbow, 0.033, 0.025, tones.body)
    pen.limb(elbow, (bar[0] - 0.01, bar[1] + 0.015), 0.024, 0.018, tones.body)
    pen.limb(chest, (0.13, 0.9), 0.026, 0.026, tones.skin)
    pen.oval((0.16, 0.95), (0.058, 0.068), tones.skin)
    pen.oval((0.145, 0.985), (0.066, 0.045), tones.dark)


def _joint(a: Point, b: Point, first: float, second: float) -> Point:
    """Position of the knee between hip and pedal; the knee bends forward."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    span = min(math.hypot(dx, dy), first + second - 1e-4)
    along = (first**2 - second**2 + span**2) / (2 * span)
    off = math.sqrt(max(0.0, first**2 - along**2))
    ux, uy = dx / span, dy / span
    return a[0] + ux * along - uy * off, a[1] + uy * along + ux * off
