"""A tornado: a turning funnel between the clouds and the ground, with dust at its foot."""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.figures import Pen, Tones


def tornado(pen: Pen, phase: float, tones: Tones) -> None:
    """One unit is the height of the funnel."""
    rings = 46
    for step in range(rings):
        u = 1 - step / (rings - 1)
        wide = 0.035 + 0.5 * u**2.3 + 0.012 * math.sin(step * 1.9 + phase * 2)
        x = 0.1 * math.sin(2.4 * u + phase * 0.35) * (0.3 + u)
        shade = 0.82 + 0.24 * math.sin(step * 0.9 - phase * 2.2)
        pen.oval(
            (x, u * 1.08),
            (wide, 0.03 + 0.04 * u),
            tones.body * np.float32(shade),
            0.1 * math.sin(step + phase),
        )
        light = tones.body * np.float32(1.25)
        pen.oval((x - wide * 0.4, u * 1.08), (wide * 0.24, 0.02), light * np.float32(shade))
    foot = 0.1 * math.sin(phase * 0.35) * 0.3
    for number in range(16):
        a = number * 2.4 + phase * 1.5
        at = (
            foot + math.cos(a) * (0.1 + 0.012 * number),
            0.02 + 0.028 * abs(math.sin(a * 0.7)) + 0.003 * number,
        )
        pen.disc(at, 0.045, tones.dark * np.float32(0.5) + tones.skin * np.float32(0.3))
    for number in range(12):
        a = number * 1.7 + phase * 2.6
        pen.disc(
            (math.cos(a) * (0.14 + 0.02 * number), 0.1 + 0.05 * number + 0.03 * math.sin(a)),
            0.008,
            tones.dark,
        )
