"""What stands in the water: a lighthouse and a bridge."""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.figures import Pen, Tones
from safelight_storyboard.raster import Colour


def _rock(pen: Pen, wide: float, high: float, tone: Colour) -> None:
    pen.shape(
        [(-wide, -0.12), (-wide * 0.86, high * 0.45), (-wide * 0.55, high * 0.7), (-wide * 0.3, high),
         (wide * 0.32, high * 1.02), (wide * 0.6, high * 0.62), (wide * 0.82, high * 0.5),
             (wide * 1.05, -0.12)],
        tone,
    )  # fmt: skip
    pen.shape(
        [(wide * 0.05, high), (wide * 0.32, high * 1.02), (wide * 0.6, high * 0.62), (wide * 0.82,
            high * 0.5),
         (wide * 1.05, -0.12), (wide * 0.2, -0.12)],
        tone * np.float32(0.75),
    )  # fmt: skip


def lighthouse(pen: Pen, phase: float, tones: Tones) -> None:
    """A striped lighthouse on a rock. Its lamp turns: the two beams grow and shrink."""
    _rock(pen, 0.42, 0.16, tones.dark)
    turn = math.cos(phase * 0.6)
    beam = tones.skin * np.float32(0.55) + tones.body * np.float32(0.45)
    if abs(turn) > 0.25:
        reach = 0.5 * turn
        pen.shape([(0.0, 0.9), (reach, 0.97), (reach, 0.84)], beam)
    for step in range(6):
        a, b = 0.15 + step * 0.11, 0.26 + step * 0.11
        wide_a, wide_b = 0.12 - step * 0.0085, 0.12 - (step + 1) * 0.0085
        tone = tones.accent if step % 2 else tones.body
        pen.shape([(-wide_a, a), (wide_a, a), (wide_b, b), (-wide_b, b)], tone)
        pen.shape([(wide_a * 0.35, a), (wide_a, a), (wide_b, b), (wide_b * 0.35, b)], tone * np.float32(0.78))
    for y in (0.31, 0.53, 0.71):
        pen.box(-0.03, y, 0.005, y + 0.05, tones.dark)
    pen.box(-0.1, 0.81, 0.1, 0.83, tones.dark)
    for x in (-0.095, -0.05, 0.05, 0.095):
        pen.limb((x, 0.83), (x, 0.865), 0.004, 0.004, tones.dark)
    pen.box(-0.055, 0.83, 0.055, 0.945, tones.skin)
    for x in (-0.055, 0.0, 0.055):
        pen.limb((x, 0.83), (x, 0.945), 0.005, 0.005, tones.dark)
    pen.shape([(-0.075, 0.94), (0.075, 0.94), (0.0, 1.03)], tones.accent * np.float32(0.8))
    pen.disc((0.0, 1.04), 0.014, tones.dark)
    pen.shape(
        [(0.16, 0.16), (0.36, 0.14), (0.36, 0.25), (0.26, 0.33), (0.16, 0.26)], tones.body * np.float32(0.8)
    )
    pen.shape(
        [(0.13, 0.25), (0.26, 0.36), (0.39, 0.24), (0.37, 0.22), (0.26, 0.31), (0.15, 0.22)], tones.accent
    )
    pen.box(0.23, 0.15, 0.28, 0.22, tones.skin)


def bridge(pen: Pen, _phase: float, tones: Tones) -> None:
    """A long, level bridge with many arches; the water line is at 0 and the road at 0.6."""
    for number in range(-8, 9):
        x = number * 0.62
        pen.box(x - 0.08, -0.03, x + 0.08, 0.56, tones.body * np.float32(0.9))
        arch = [
            (x + 0.31 - 0.23 * math.cos(a), 0.26 + 0.2 * math.sin(a)) for a in np.linspace(0, math.pi, 14)
        ]
        pen.shape([(x + 0.08, 0.56), (x + 0.08, 0.26), *arch, (x + 0.54, 0.26), (x + 0.54, 0.56)], tones.body)
    pen.box(-5.0, 0.52, 5.0, 0.6, tones.body)
    pen.box(-5.0, 0.5, 5.0, 0.53, tones.dark)
    for number in range(-40, 41):
        pen.limb((number * 0.125, 0.6), (number * 0.125, 0.66), 0.006, 0.006, tones.dark)
    pen.box(-5.0, 0.655, 5.0, 0.675, tones.dark)
