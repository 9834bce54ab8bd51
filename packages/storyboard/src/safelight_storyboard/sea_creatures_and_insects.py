"""Sea creatures and insects: sharks, dolphins, jellyfish, octopuses, crabs, bees, dragonflies.

One unit is about the length of the body.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from safelight_storyboard.figures import Pen, Point, Tones


def _body(phase: float, girth: float, bend: float) -> tuple[list[Point], list[Point]]:
    """The upper and lower outline of a swimming body, from nose to tail."""
    top: list[Point] = []
    low: list[Point] = []
    for step in range(17):
        u = step / 16
        wave = bend * math.sin(phase - 2.4 * u) * u * u
        wide = girth * math.sin(math.pi * min(1.0, u * 0.9 + 0.06)) ** 0.9 * (1 - 0.3 * u) + 0.012
        top.append((0.6 - 1.15 * u, wave + wide))
        low.append((0.6 - 1.15 * u, wave - wide * 0.9))
    return top, low


def shark(pen: Pen, phase: float, tones: Tones) -> None:
    top, low = _body(phase, 0.16, 0.1)
    end = top[-1][1]
    pen.shape([(-0.5, end), (-0.78, end + 0.28), (-0.66, end), (-0.72, end - 0.16)], tones.body)
    pen.shape([(0.1, 0.13), (-0.08, 0.4), (-0.16, 0.12)], tones.body)
    pen.shape([*top, *reversed(low)], tones.body)
    belly = [((a[0] + b[0]) / 2, a[1] * 0.28 + b[1] * 0.72) for a, b in zip(top, low, strict=True)]
    pen.shape([*belly[:13], *reversed(low[:13])], tones.body * np.float32(0.4) + np.float32(130))
    pen.shape([(0.2, -0.06), (0.0, -0.34), (-0.04, -0.3), (0.04, -0.08)], tones.dark)
    for x in (0.24, 0.28, 0.32):
        pen.thread([(x, -0.05), (x + 0.02, 0.05)], 0.01, tones.dark)
    pen.disc((0.46, 0.035), 0.02, tones.dark * np.float32(0.3))


def dolphin(pen: Pen, phase: float, tones: Tones) -> None:
    top, low = _body(phase, 0.17, 0.16)
    end = (top[-1][1] + low[-1][1]) / 2
    pen.shape(
        [(-0.5, end + 0.02), (-0.72, end + 0.12), (-0.66, end), (-0.72, end - 0.14), (-0.5, end - 0.02)],
        tones.body,
    )
    pen.shape([(0.04, 0.15), (-0.18, 0.32), (-0.18, 0.12)], tones.body)
    pen.limb((0.52, -0.02), (0.72, -0.05), 0.055, 0.024, tones.body)
    pen.shape([*top, *reversed(low)], tones.body)
    belly = [((a[0] + b[0]) / 2, a[1] * 0.24 + b[1] * 0.76) for a, b in zip(top, low, strict=True)]
    pen.shape([*belly[:12], *reversed(low[:12])], tones.body * np.float32(0.45) + np.float32(125))
    pen.shape([(0.22, -0.09), (0.02, -0.28), (0.06, -0.1)], tones.dark)
    pen.disc((0.46, 0.03), 0.018, tones.dark * np.float32(0.3))


def jellyfish(pen: Pen, phase: float, tones: Tones) -> None:
    pulse = 0.06 * math.sin(phase * 1.4)
    for number in range(7):
        x = -0.3 + number * 0.1
        wave = [(x + 0.07 * math.sin(phase * 1.2 + number + u * 5) * u,
            -0.02 - u * (0.75 - 0.1 * (number % 3)))
                for u in np.linspace(0, 1, 12)]  # fmt: skip
        pen.thread([(float(a), float(b)) for a, b in wave], 0.024, tones.body * np.float32(0.9))
    wide = 0.42 + pulse
    dome: list[Point] = [
        (math.cos(a) * wide, math.sin(a) * (0.44 - pulse)) for a in np.linspace(0, math.pi, 24)
    ]
    hem = [(-wide + (i + 0.5) * wide / 5, -0.05 * (i % 2)) for i in range(10)]
    pen.shape([*dome, *hem], tones.body)
    pen.oval((-0.06, 0.2), (0.24, 0.14), tones.body * np.float32(0.6) + np.float32(95), 0.2)


def octopus(pen: Pen, phase: float, tones: Tones) -> None:
    for number in range(8):
        side = number - 3.5
        points = [(side * 0.05 + side * 0.16 * u + 0.06 * math.sin(phase + number + 4 * u) * u,
            0.05 - 0.55 * u + 0.18 * u * u)
                  for u in np.linspace(0, 1, 10)]  # fmt: skip
        tone = tones.dark if number % 2 else tones.body
        for step, (a, b) in enumerate(pairwise(points)):
            pen.limb(
                (float(a[0]), float(a[1])),
                (float(b[0]), float(b[1])),
                0.055 - 0.005 * step,
                0.05 - 0.005 * step,
                tone,
            )
    pen.oval((0.0, 0.34), (0.27, 0.3), tones.body)
    pen.oval((0.0, 0.1), (0.22, 0.13), tones.body)
    for x in (-0.1, 0.1):
        pen.disc((x, 0.17), 0.055, np.array([225, 235, 240], np.float32))
        pen.disc((x + 0.01, 0.165), 0.025, tones.dark * np.float32(0.3))


def crab(pen: Pen, phase: float, tones: Tones) -> None:
    for side in (-1, 1):
        for number in range(3):
            lift = 0.05 * math.sin(phase * 2 + number * 2 + side)
            knee = (side * (0.4 + 0.07 * number), 0.28 - 0.05 * number + lift)
            pen.limb((side * 0.22, 0.2), knee, 0.03, 0.024, tones.dark)
            pen.limb(knee, (side * (0.5 + 0.08 * number), 0.02), 0.024, 0.012, tones.dark)
        claw = (side * 0.46, 0.46 + 0.04 * math.sin(phase))
        pen.limb((side * 0.26, 0.26), (side * 0.44, 0.32), 0.045, 0.04, tones.body)
        pen.limb((side * 0.44, 0.32), claw, 0.04, 0.06, tones.body)
        pen.shape(
            [(claw[0] - 0.09, claw[1]), (claw[0] - 0.07, claw[1] + 0.17), (claw[0], claw[1] + 0.06)],
            tones.body,
        )
        pen.shape(
            [(claw[0] + 0.09, claw[1]), (claw[0] + 0.06, claw[1] + 0.17), (claw[0], claw[1] + 0.05)],
            tones.body,
        )
        pen.limb((side * 0.09, 0.3), (side * 0.11, 0.42), 0.02, 0.02, tones.body)
        pen.disc((side * 0.11, 0.44), 0.036, tones.dark * np.float32(0.4))
    pen.oval((0.0, 0.22), (0.33, 0.16), tones.body)


def bee(pen: Pen, phase: float, tones: Tones) -> None:
    spread = 0.3 + 0.1 * math.sin(phase * 3)
    for turn in (1.9, 1.4):
        pen.oval((math.cos(turn) * 0.22, 0.12 + math.sin(turn) * 0.26), (spread, 0.11), tones.skin, turn)
    pen.oval((-0.1, 0.0), (0.34, 0.2), tones.accent)
    for x in (-0.28, -0.12, 0.04):
        pen.limb((x, -0.15), (x, 0.15), 0.035, 0.035, tones.dark * np.float32(0.5))
    pen.shape([(-0.42, 0.05), (-0.55, 0.0), (-0.42, -0.05)], tones.dark)
    pen.disc((0.26, 0.02), 0.13, tones.dark * np.float32(0.6))
    for dx in (0.06, 0.14):
        pen.thread([(0.28, 0.12), (0.28 + dx, 0.27)], 0.02, tones.dark)


def dragonfly(pen: Pen, phase: float, tones: Tones) -> None:
    beat = 0.12 * math.sin(phase * 3)
    for turn, reach in ((1.9 + beat, 0.44), (1.25 - beat, 0.44), (-1.9 - beat, 0.4), (-1.25 + beat, 0.4)):
        pen.oval((0.12 + math.cos(turn) * reach, math.sin(turn) * reach), (0.42, 0.075), tones.skin, turn)
    pen.limb((0.2, 0.0), (-0.7, 0.0), 0.055, 0.028, tones.accent)
    pen.oval((0.14, 0.0), (0.15, 0.085), tones.accent * np.float32(0.8))
    pen.disc((0.33, 0.0), 0.085, tones.dark)
