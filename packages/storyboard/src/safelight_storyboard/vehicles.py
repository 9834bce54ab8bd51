"""Vehicles: boats, cars, trains, bicycles, balloons."""

from __future__ import annotations

import math
from itertools import pairwise

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


def train(pen: Pen, phase: float, tones: Tones) -> None:
    """A train of five cars. One unit is its height; each car is 3 units long, and the first one has a
    nose.
    """
    sway = 0.006 * math.sin(phase * 3)
    for number in range(5):
        right = 1.5 - number * 3.06
        left = right - 3.0
        nose = 0.75 if number == 0 else 0.03
        pen.shape(
            [
                (left, 0.2 + sway),
                (left, 1.0 + sway),
                (right - nose, 1.0 + sway),
                (right - nose * 0.25, 0.6 + sway),
                (right, 0.3 + sway),
                (right, 0.2 + sway),
            ],
            tones.body,
        )
        pen.shape(
            [
                (left, 0.36 + sway),
                (right - nose * 0.05, 0.36 + sway),
                (right, 0.29 + sway),
                (left, 0.29 + sway),
            ],
            tones.accent,
        )
        for window in range(6):
            x = left + 0.22 + window * (2.55 - nose) / 6
            pen.shape(
                [(x, 0.56 + sway), (x, 0.82 + sway), (x + 0.3, 0.82 + sway), (x + 0.3, 0.56 + sway)],
                tones.skin,
            )
        for wheel in (0.4, 0.8, 2.2, 2.6):
            pen.disc((left + wheel, 0.13), 0.12, tones.dark * np.float32(0.5))
        pen.limb((left + 0.2, 0.2), (right - 0.25, 0.2), 0.05, 0.05, tones.dark)


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


def hot_air_balloon(pen: Pen, _phase: float, tones: Tones) -> None:
    """A hot-air balloon. One unit is its whole height; the floor of the basket is at 0."""

    def gore(share_left: float, share_right: float) -> list[Point]:
        left: list[Point] = []
        right: list[Point] = []
        for step in range(17):
            u = step / 16
            y = 0.26 + 0.74 * u
            girth = 0.36 * math.sin(math.pi * (0.09 + 0.91 * u) ** 1.35) ** 0.62 if u < 1 else 0.0
            left.append((share_left * girth, y))
            right.append((share_right * girth, y))
        return [*left, *reversed(right)]

    edges = [math.sin(a) for a in np.linspace(-math.pi / 2, math.pi / 2, 8)]
    pale = tones.skin
    for number, (a, b) in enumerate(pairwise(edges)):
        tone = (tones.accent, pale)[number % 2]
        shade = 1.06 - 0.36 * abs((a + b) / 2 - 0.25)
        pen.shape(gore(a, b), tone * np.float32(shade))
    for x in (-0.06, 0.06):
        pen.thread([(x * 0.9, 0.11), (x * 1.3, 0.29)], 0.006, tones.dark)
    pen.shape([(-0.062, 0.1), (0.062, 0.1), (0.05, 0.0), (-0.05, 0.0)], tones.dark)
    pen.limb((-0.066, 0.105), (0.066, 0.105), 0.009, 0.009, tones.body)


def balloon(pen: Pen, phase: float, tones: Tones) -> None:
    """A balloon on a string. One unit is its height without the string."""
    pen.shape([(-0.06, -0.04), (0.0, 0.03), (0.06, -0.04)], tones.accent)
    pen.oval((0.0, 0.5), (0.41, 0.5), tones.accent)
    pen.oval((0.15, 0.68), (0.09, 0.15), tones.accent * np.float32(0.4) + np.float32(140), -0.5)
    string = [
        (0.1 * math.sin(phase + u * 4) * u * (1 - u) - 0.1 * u, -0.04 - 1.9 * u)
        for u in np.linspace(0, 1, 12)
    ]
    pen.thread([(float(x), float(y)) for x, y in string], 0.014, tones.dark)
