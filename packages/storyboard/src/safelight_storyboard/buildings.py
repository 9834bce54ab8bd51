"""Buildings: lighthouses, windmills, castles, pagodas, churches, cabins, bridges ...

One unit is the height of the building,
    or a little less; its foot is at 0. Their windows have the tone `skin`.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from safelight_storyboard.figures import Pen, Point, Tones, step_to
from safelight_storyboard.raster import Colour


def box(pen: Pen, x0: float, y0: float, x1: float, y1: float, tone: Colour) -> None:
    pen.shape([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], tone)


def wall(pen: Pen, x0: float, y0: float, x1: float, y1: float, tone: Colour) -> None:
    """A wall whose right third is in shade."""
    box(pen, x0, y0, x1, y1, tone)
    box(pen, x0 + (x1 - x0) * 0.66, y0, x1, y1, tone * np.float32(0.78))


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
        box(pen, -0.03, y, 0.005, y + 0.05, tones.dark)
    box(pen, -0.1, 0.81, 0.1, 0.83, tones.dark)
    for x in (-0.095, -0.05, 0.05, 0.095):
        pen.limb((x, 0.83), (x, 0.865), 0.004, 0.004, tones.dark)
    box(pen, -0.055, 0.83, 0.055, 0.945, tones.skin)
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
    box(pen, 0.23, 0.15, 0.28, 0.22, tones.skin)


def windmill(pen: Pen, phase: float, tones: Tones) -> None:
    """A windmill with four turning sails."""
    pen.shape([(-0.2, 0.0), (0.2, 0.0), (0.12, 0.62), (-0.12, 0.62)], tones.body)
    pen.shape([(0.07, 0.0), (0.2, 0.0), (0.12, 0.62), (0.05, 0.62)], tones.body * np.float32(0.78))
    dome: list[Point] = [(math.cos(a) * 0.15, 0.61 + math.sin(a) * 0.15) for a in np.linspace(0, math.pi, 16)]
    pen.shape(dome, tones.accent)
    box(pen, -0.045, 0.0, 0.045, 0.13, tones.dark)
    for y in (0.26, 0.45):
        box(pen, -0.03, y, 0.03, y + 0.07, tones.skin)
    box(pen, -0.2, 0.185, 0.2, 0.2, tones.dark)
    hub = (0.0, 0.66)
    # With cloth on both sides of the arm: on one side only, the turning sails resemble symbols of hate.
    for sail in range(4):
        turn = phase * 0.5 + sail * math.pi / 2
        end = step_to(hub, turn, 0.46)
        pen.limb(
            step_to(hub, turn, 0.14),
            end,
            0.032,
            0.04,
            tones.body * np.float32(0.55) + tones.skin * np.float32(0.45),
        )
        pen.limb(hub, end, 0.011, 0.008, tones.dark)
    pen.disc(hub, 0.03, tones.dark)


def castle(pen: Pen, phase: float, tones: Tones) -> None:
    """A castle with towers, battlements and flags, on a rock."""
    _rock(pen, 0.72, 0.2, tones.dark)
    foot = 0.17
    for x, wide, high, roof in ((-0.17, 0.1, 0.72, True), (0.16, 0.11, 0.84, True)):
        _tower(pen, x, foot, wide, high, tones, phase, roof=roof)
    wall(pen, -0.44, foot, 0.44, 0.42, tones.body)
    for step in range(11):
        box(pen, -0.44 + step * 0.083, 0.42, -0.395 + step * 0.083, 0.46, tones.body)
    for x, wide, high in ((-0.46, 0.1, 0.56), (0.46, 0.1, 0.56)):
        _tower(pen, x, foot, wide, high, tones, phase, roof=False)
    gate: list[Point] = [(math.cos(a) * 0.07, 0.27 + math.sin(a) * 0.07) for a in np.linspace(0, math.pi, 12)]
    pen.shape([(0.07, foot), *gate, (-0.07, foot)], tones.dark * np.float32(0.6))
    for x in (-0.28, -0.18, 0.18, 0.28):
        box(pen, x - 0.014, 0.29, x + 0.014, 0.36, tones.skin)


def _tower(
    pen: Pen, x: float, foot: float, wide: float, high: float, tones: Tones, phase: float, *, roof: bool
) -> None:
    wall(pen, x - wide, foot, x + wide, high, tones.body * np.float32(0.94))
    if roof:
        pen.shape([(x - wide * 1.25, high), (x + wide * 1.25, high), (x, high + wide * 2.4)], tones.accent)
        top = high + wide * 2.4
        pen.limb((x, top - 0.02), (x, top + 0.1), 0.005, 0.004, tones.dark)
        wave = 0.012 * math.sin(phase * 3 + x * 9)
        pen.shape([(x, top + 0.1), (x + 0.1, top + 0.085 + wave), (x, top + 0.05)], tones.accent)
    else:
        for step in range(4):
            left = x - wide + step * wide * 0.57
            box(pen, left, high, left + wide * 0.3, high + 0.04, tones.body)
    for y in (high - 0.1, high - 0.24):
        box(pen, x - 0.016, y, x + 0.016, y + 0.055, tones.skin)


def pagoda(pen: Pen, phase: float, tones: Tones) -> None:
    """A pagoda of seven storeys with curved roofs."""
    box(pen, -0.3, 0.0, 0.3, 0.05, tones.dark)
    for step in range(7):
        y, wide = 0.05 + step * 0.122, 0.215 - step * 0.022
        wall(pen, -wide * 0.72, y, wide * 0.72, y + 0.085, tones.body)
        for x in (-0.5, 0.0, 0.5):
            box(pen, x * wide - 0.022, y + 0.015, x * wide + 0.022, y + 0.065, tones.skin)
        roof = y + 0.075
        pen.shape(
            [(-wide * 1.5, roof + 0.03), (-wide * 1.1, roof), (wide * 1.1, roof), (wide * 1.5, roof + 0.03),
             (wide * 0.8, roof + 0.035), (wide * 0.62, roof + 0.06), (-wide * 0.62, roof + 0.06),
             (-wide * 0.8, roof + 0.035)],
            tones.accent,
        )  # fmt: skip
        for side in (-1, 1):
            swing = 0.004 * math.sin(phase * 2 + step)
            pen.limb(
                (side * wide * 1.46, roof + 0.02),
                (side * wide * 1.46 + swing, roof - 0.015),
                0.004,
                0.006,
                tones.dark,
            )
    pen.limb((0.0, 0.9), (0.0, 1.06), 0.018, 0.004, tones.dark)
    for y in (0.94, 0.975, 1.01):
        pen.oval((0.0, y), (0.026, 0.009), tones.dark)


def temple(pen: Pen, _phase: float, tones: Tones) -> None:
    """A temple hall with red columns, a wide curved roof and steps."""
    for step in range(3):
        box(pen, -0.62 + step * 0.05, step * 0.045, 0.62 - step * 0.05, step * 0.045 + 0.045, tones.dark)
    box(pen, -0.42, 0.135, 0.42, 0.5, tones.dark * np.float32(0.8))
    for number in range(6):
        x = -0.42 + number * 0.168
        box(pen, x - 0.024, 0.135, x + 0.024, 0.5, tones.accent)
    for x in (-0.17, 0.0, 0.17):
        box(pen, x - 0.05, 0.16, x + 0.05, 0.42, tones.skin)
    for y, wide in ((0.48, 0.72), (0.72, 0.48)):
        pen.shape(
            [(-wide, y + 0.07), (-wide * 0.8, y), (wide * 0.8, y), (wide, y + 0.07), (wide * 0.55, y + 0.16),
             (wide * 0.42, y + 0.2), (-wide * 0.42, y + 0.2), (-wide * 0.55, y + 0.16)],
            tones.body,
        )  # fmt: skip
        box(pen, -wide * 0.8, y, wide * 0.8, y + 0.025, tones.accent)
    box(pen, -0.3, 0.66, 0.3, 0.73, tones.dark)
    pen.limb((-0.22, 0.93), (0.22, 0.93), 0.018, 0.018, tones.dark)


def church(pen: Pen, phase: float, tones: Tones) -> None:
    """A church with a bell tower and a spire."""
    wall(pen, -0.06, 0.0, 0.5, 0.3, tones.body)
    pen.shape([(-0.1, 0.29), (0.55, 0.29), (0.46, 0.52), (-0.02, 0.52)], tones.accent)
    wall(pen, -0.3, 0.0, -0.05, 0.62, tones.body * np.float32(0.95))
    pen.shape([(-0.33, 0.61), (-0.02, 0.61), (-0.175, 1.0)], tones.accent * np.float32(0.9))
    pen.limb((-0.175, 0.98), (-0.175, 1.08), 0.006, 0.006, tones.dark)
    pen.limb((-0.205, 1.045), (-0.145, 1.045), 0.006, 0.006, tones.dark)
    for x in (0.05, 0.19, 0.33):
        arch(pen, x, 0.09, 0.033, 0.11, tones.skin)
    arch(pen, -0.175, 0.45, 0.04, 0.07, tones.dark)
    pen.disc((-0.175 + 0.012 * math.sin(phase * 2), 0.47), 0.024, tones.skin)
    arch(pen, -0.175, 0.0, 0.05, 0.1, tones.dark * np.float32(0.7))


def arch(pen: Pen, x: float, y: float, wide: float, high: float, tone: Colour) -> None:
    top = [(x + math.cos(a) * wide, y + high + math.sin(a) * wide) for a in np.linspace(0, math.pi, 10)]
    pen.shape([(x + wide, y), *top, (x - wide, y)], tone)


def cabin(pen: Pen, phase: float, tones: Tones) -> None:
    """A small house of logs with a chimney that smokes."""
    for step in range(6):
        age = (phase * 0.12 + step / 6) % 1.0
        pale = tones.body * np.float32(0.3) + np.float32(150)
        pen.disc(
            (0.3 + 0.25 * age + 0.03 * math.sin(phase + step), 0.93 + 0.45 * age), 0.02 + 0.05 * age, pale
        )
    box(pen, 0.25, 0.6, 0.36, 0.92, tones.dark)
    wall(pen, -0.5, 0.0, 0.5, 0.46, tones.body)
    for y in np.linspace(0.06, 0.42, 6):
        pen.limb((-0.53, float(y)), (0.53, float(y)), 0.008, 0.008, tones.dark)
    pen.shape([(-0.5, 0.45), (0.5, 0.45), (0.0, 0.85)], tones.body * np.float32(0.85))
    for side in (-1, 1):
        pen.shape([(side * 0.62, 0.38), (side * 0.56, 0.34), (0.0, 0.83), (0.0, 0.93)], tones.accent)
    box(pen, -0.1, 0.0, 0.1, 0.32, tones.dark * np.float32(0.7))
    pen.disc((0.06, 0.15), 0.014, tones.skin)
    for x in (-0.32, 0.32):
        box(pen, x - 0.1, 0.14, x + 0.1, 0.34, tones.dark)
        box(pen, x - 0.085, 0.155, x + 0.085, 0.325, tones.skin)
        pen.limb((x, 0.15), (x, 0.33), 0.008, 0.008, tones.dark)
        pen.limb((x - 0.09, 0.24), (x + 0.09, 0.24), 0.008, 0.008, tones.dark)
    pen.disc((0.0, 0.6), 0.07, tones.dark)
    pen.disc((0.0, 0.6), 0.055, tones.skin)


def barn(pen: Pen, _phase: float, tones: Tones) -> None:
    """A barn with a bent roof, a large door and a silo."""
    box(pen, 0.5, 0.0, 0.74, 0.78, tones.skin * np.float32(0.3) + tones.body * np.float32(0.4))
    dome: list[Point] = [
        (0.62 + math.cos(a) * 0.12, 0.78 + math.sin(a) * 0.12) for a in np.linspace(0, math.pi, 12)
    ]
    pen.shape(dome, tones.dark)
    outline: list[Point] = [
        (-0.5, 0.0),
        (0.5, 0.0),
        (0.5, 0.46),
        (0.34, 0.72),
        (0.0, 0.88),
        (-0.34, 0.72),
        (-0.5, 0.46),
    ]
    pen.shape(outline, tones.body)
    pale = tones.skin * np.float32(0.5) + np.float32(70)
    for a, b in itertools.pairwise(outline):
        pen.limb(a, b, 0.03, 0.03, tones.dark)
    box(pen, -0.17, 0.0, 0.17, 0.34, tones.dark)
    for a, b in (((-0.17, 0.0), (0.17, 0.34)), ((-0.17, 0.34), (0.17, 0.0)), ((-0.17, 0.34), (0.17, 0.34))):
        pen.limb(a, b, 0.014, 0.014, pale)
    box(pen, -0.08, 0.5, 0.08, 0.64, pale)
    box(pen, -0.06, 0.52, 0.06, 0.62, tones.dark)


def tower(pen: Pen, phase: float, tones: Tones) -> None:
    """A clock tower with a pointed roof."""
    wall(pen, -0.13, 0.0, 0.13, 0.72, tones.body)
    box(pen, -0.16, 0.7, 0.16, 0.74, tones.dark)
    box(pen, -0.16, 0.44, 0.16, 0.46, tones.dark)
    pen.shape([(-0.17, 0.74), (0.17, 0.74), (0.0, 1.06)], tones.accent)
    pen.disc((0.0, 0.6), 0.1, tones.dark)
    pen.disc((0.0, 0.6), 0.085, tones.skin)
    for pace, reach in ((0.05, 0.07), (0.004, 0.045)):
        pen.limb((0.0, 0.6), step_to((0.0, 0.6), -phase * pace + 2.2, reach), 0.008, 0.005, tones.dark)
    for y in (0.1, 0.24, 0.34):
        arch(pen, 0.0, y, 0.026, 0.03, tones.dark)


def pyramid(pen: Pen, _phase: float, tones: Tones) -> None:
    for x, size in ((0.72, 0.55), (0.0, 1.0)):
        pen.shape([(x - 0.85 * size, 0.0), (x + 0.85 * size, 0.0), (x, size)], tones.body)
        pen.shape([(x + 0.22 * size, 0.0), (x + 0.85 * size, 0.0), (x, size)], tones.body * np.float32(0.7))
        for step in range(1, 9):
            u = step / 9
            pen.limb((x - 0.85 * size * (1 - u), u * size), (x + 0.22 * size * (1 - u), u * size),
                0.004, 0.004,
                     tones.body * np.float32(0.86))  # fmt: skip


def tent(pen: Pen, phase: float, tones: Tones) -> None:
    """A tent, lit from inside, with guy ropes."""
    flap = 0.03 * math.sin(phase)
    pen.shape([(-0.9, 0.0), (0.55, 0.0), (0.1, 0.9), (-0.5, 0.9)], tones.body * np.float32(0.85))
    pen.shape([(-0.3, 0.0), (0.95, 0.0), (0.3, 0.92)], tones.body)
    pen.shape([(0.08 + flap, 0.0), (0.56 - flap, 0.0), (0.3, 0.78)], tones.skin)
    pen.limb((0.3, 0.0), (0.3, 0.95), 0.014, 0.012, tones.dark)
    for a, b in (((0.3, 0.94), (1.2, 0.0)), ((-0.5, 0.9), (-1.15, 0.0))):
        pen.limb(a, b, 0.006, 0.006, tones.dark)


def viaduct(pen: Pen, _phase: float, tones: Tones) -> None:
    """A long, level bridge with many arches; the water line is at 0 and the road at 0.6."""
    for number in range(-8, 9):
        x = number * 0.62
        box(pen, x - 0.08, -0.03, x + 0.08, 0.56, tones.body * np.float32(0.9))
        arch = [
            (x + 0.31 - 0.23 * math.cos(a), 0.26 + 0.2 * math.sin(a)) for a in np.linspace(0, math.pi, 14)
        ]
        pen.shape([(x + 0.08, 0.56), (x + 0.08, 0.26), *arch, (x + 0.54, 0.26), (x + 0.54, 0.56)], tones.body)
    box(pen, -5.0, 0.52, 5.0, 0.6, tones.body)
    box(pen, -5.0, 0.5, 5.0, 0.53, tones.dark)
    for number in range(-40, 41):
        pen.limb((number * 0.125, 0.6), (number * 0.125, 0.66), 0.006, 0.006, tones.dark)
    box(pen, -5.0, 0.655, 5.0, 0.675, tones.dark)


def bridge(pen: Pen, _phase: float, tones: Tones) -> None:
    """A stone bridge with three arches; the water line is at 0."""
    spans = ((-0.86, 0.36, 0.42), (0.0, 0.5, 0.62), (0.86, 0.36, 0.42))
    top = [(x, 0.66 + 0.24 * math.cos(x / 1.6 * math.pi / 2) ** 1.2) for x in np.linspace(-1.6, 1.6, 30)]
    edges = [(-1.6, -0.02)]
    for middle, half, high in spans:
        edges.append((middle - half, -0.02))
        edges += [(middle - half * math.cos(a), high * math.sin(a)) for a in np.linspace(0, math.pi, 18)]
    edges.append((1.6, -0.02))
    outline: list[Point] = [(float(x), float(y)) for x, y in [*edges, *reversed(top)]]
    pen.shape(outline, tones.body)
    for middle, half, high in spans:
        ring = [(middle - half * math.cos(a), high * math.sin(a)) for a in np.linspace(0, math.pi, 14)]
        for a, b in itertools.pairwise(ring):
            pen.limb(a, b, 0.022, 0.022, tones.dark)
    for x, y in top[::2]:
        pen.limb((float(x), float(y)), (float(x), float(y) + 0.1), 0.02, 0.02, tones.body * np.float32(0.88))
    for (xa, ya), (xb, yb) in itertools.pairwise(top):
        pen.limb((float(xa), float(ya) + 0.1), (float(xb), float(yb) + 0.1), 0.016, 0.016, tones.dark)
