"""Small animals and birds on the ground: rabbits, squirrels, monkeys, turtles, frogs, penguins, ducks ...

One unit is about the height of the animal; of the turtle and the frog, its length.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from safelight_storyboard.figures import Pen, Point, Tones, step_to


def rabbit(pen: Pen, phase: float, tones: Tones) -> None:
    """A rabbit that sits up, with moving nose and ears."""
    twitch = 0.04 * math.sin(phase * 1.7)
    pen.disc((-0.38, 0.16), 0.085, tones.skin)
    pen.oval((-0.12, 0.24), (0.28, 0.24), tones.body)
    pen.limb((-0.05, 0.28), (0.13, 0.42), 0.19, 0.13, tones.body)
    pen.limb((0.12, 0.3), (0.16, 0.04), 0.05, 0.04, tones.body)
    pen.limb((0.14, 0.035), (0.22, 0.03), 0.04, 0.035, tones.body)
    pen.oval((-0.16, 0.16), (0.19, 0.16), tones.body * np.float32(0.9))
    pen.limb((-0.2, 0.045), (0.06, 0.04), 0.05, 0.045, tones.body * np.float32(0.9))
    for turn, tone in ((1.95 + twitch, tones.dark), (1.68 - twitch, tones.body)):
        pen.oval((0.17 + math.cos(turn) * 0.3, 0.56 + math.sin(turn) * 0.26), (0.2, 0.055), tone, turn)
    pen.oval((0.2, 0.53), (0.14, 0.115), tones.body, -0.2)
    pen.disc((0.25, 0.56), 0.018, tones.dark * np.float32(0.4))
    pen.disc((0.335, 0.51), 0.016, tones.dark)


def squirrel(pen: Pen, phase: float, tones: Tones) -> None:
    sway = 0.03 * math.sin(phase)
    tail = [(-0.2, 0.1), (-0.42, 0.25), (-0.44 + sway, 0.55), (-0.28 + sway, 0.78), (-0.4 + sway, 0.9)]
    for number, (a, b) in enumerate(pairwise(tail)):
        pen.limb(
            a, b, 0.08 + 0.03 * min(number, 2), 0.11 + 0.02 * min(number, 2), tones.body * np.float32(0.85)
        )
    pen.oval((-0.06, 0.25), (0.2, 0.25), tones.body)
    pen.limb((-0.02, 0.35), (0.1, 0.55), 0.15, 0.1, tones.body)
    pen.limb((0.06, 0.4), (0.24, 0.42), 0.045, 0.035, tones.dark)
    pen.disc((0.27, 0.44), 0.05, tones.dark * np.float32(0.7))
    pen.limb((-0.14, 0.04), (0.12, 0.035), 0.055, 0.04, tones.body)
    pen.oval((0.16, 0.64), (0.13, 0.11), tones.body)
    pen.shape([(0.06, 0.7), (0.08, 0.85), (0.15, 0.73)], tones.body)
    pen.disc((0.2, 0.67), 0.018, tones.dark * np.float32(0.4))


def monkey(pen: Pen, phase: float, tones: Tones) -> None:
    """A monkey that sits and scratches its head."""
    move = 0.04 * math.sin(phase * 2)
    tail = [(-0.2, 0.08), (-0.42, 0.06), (-0.56, 0.2), (-0.5, 0.38), (-0.38, 0.36)]
    for a, b in pairwise(tail):
        pen.limb(a, b, 0.035, 0.03, tones.body)
    pen.oval((-0.06, 0.3), (0.2, 0.28), tones.body)
    pen.limb((-0.02, 0.12), (0.2, 0.3), 0.08, 0.06, tones.body)
    pen.limb((0.2, 0.3), (0.2, 0.04), 0.055, 0.04, tones.body)
    pen.limb((0.2, 0.04), (0.3, 0.04), 0.04, 0.035, tones.skin)
    pen.disc((0.06, 0.72), 0.17, tones.body)
    pen.disc((-0.1, 0.74), 0.06, tones.skin)
    pen.oval((0.11, 0.7), (0.12, 0.12), tones.skin)
    pen.oval((0.15, 0.64), (0.1, 0.07), tones.skin)
    for dx in (0.08, 0.17):
        pen.disc((dx, 0.74), 0.018, tones.dark * np.float32(0.4))
    pen.limb((-0.1, 0.48), (-0.26, 0.62 + move), 0.055, 0.045, tones.body)
    pen.limb((-0.26, 0.62 + move), (-0.08, 0.86 + move), 0.045, 0.035, tones.body)


def turtle(pen: Pen, phase: float, tones: Tones) -> None:
    for x, turn in ((0.24, 0.0), (-0.26, 2.2)):
        foot = step_to((x, 0.12), 0.5 * math.sin(phase + turn), 0.13)
        pen.limb((x, 0.12), foot, 0.06, 0.05, tones.skin)
    pen.limb((-0.38, 0.1), (-0.5, 0.06), 0.035, 0.01, tones.skin)
    stretch = 0.02 * math.sin(phase)
    pen.limb((0.36, 0.16), (0.52 + stretch, 0.24), 0.065, 0.055, tones.skin)
    pen.oval((0.57 + stretch, 0.25), (0.095, 0.072), tones.skin)
    pen.disc((0.6 + stretch, 0.275), 0.014, tones.dark * np.float32(0.4))
    dome: list[Point] = [(math.cos(a) * 0.43, 0.12 + math.sin(a) * 0.3) for a in np.linspace(0, math.pi, 20)]
    pen.shape(dome, tones.body)
    for x in (-0.2, 0.0, 0.2):
        pen.shape(
            [
                (x - 0.08, 0.22),
                (x - 0.05, 0.32 - abs(x) * 0.2),
                (x + 0.05, 0.32 - abs(x) * 0.2),
                (x + 0.08, 0.22),
            ],
            tones.dark,
        )
    pen.limb((-0.42, 0.13), (0.42, 0.13), 0.035, 0.035, tones.dark)


def frog(pen: Pen, phase: float, tones: Tones) -> None:
    breath = 0.012 * math.sin(phase * 2)
    pen.oval((-0.05, 0.2), (0.34, 0.17 + breath), tones.body, 0.45)
    pen.oval((0.2, 0.34), (0.2, 0.13), tones.body, 0.1)
    pen.disc((0.2, 0.46), 0.075, tones.body)
    pen.disc((0.22, 0.47), 0.035, tones.dark * np.float32(0.4))
    pen.thread([(0.22, 0.3), (0.38, 0.33)], 0.014, tones.dark)
    pen.limb((0.12, 0.2), (0.18, 0.03), 0.045, 0.035, tones.body)
    pen.limb((0.16, 0.025), (0.28, 0.02), 0.03, 0.025, tones.body)
    pen.oval((-0.24, 0.14), (0.2, 0.11), tones.body * np.float32(0.88), 0.6)
    pen.limb((-0.3, 0.05), (-0.02, 0.03), 0.045, 0.03, tones.body * np.float32(0.88))


def snake(pen: Pen, phase: float, tones: Tones) -> None:
    points = [(x, 0.1 + 0.07 * math.sin(x * 9 - phase)) for x in np.linspace(-0.75, 0.5, 26)]
    for number, (a, b) in enumerate(pairwise(points)):
        pen.limb(
            a, b, 0.012 + 0.0022 * number, 0.014 + 0.0022 * number, (tones.body, tones.dark)[number // 2 % 2]
        )
    end = points[-1]
    head = (end[0] + 0.13, end[1] + 0.17)
    pen.limb(end, head, 0.068, 0.055, tones.body)
    pen.oval((head[0] + 0.05, head[1] + 0.02), (0.1, 0.06), tones.body, 0.1)
    pen.thread([(head[0] + 0.14, head[1] + 0.02), (head[0] + 0.23, head[1] + 0.02)], 0.012, tones.accent)
    pen.disc((head[0] + 0.06, head[1] + 0.045), 0.014, tones.dark * np.float32(0.4))


def penguin(pen: Pen, phase: float, tones: Tones) -> None:
    """A penguin. It leans from side to side as it walks."""
    lean = 0.05 * math.sin(phase)
    black = tones.dark * np.float32(0.6)
    for dx, lift in ((-0.1, max(0.0, math.sin(phase))), (0.1, max(0.0, -math.sin(phase)))):
        pen.oval((dx + 0.04, 0.03 + 0.03 * lift), (0.1, 0.035), tones.accent)
    pen.limb((-0.16, 0.1), (-0.24, 0.03), 0.06, 0.02, black)
    pen.oval((0.0 + lean * 0.5, 0.42), (0.24, 0.38), black)
    pen.oval((0.07 + lean * 0.5, 0.39), (0.18, 0.32), tones.body)
    pen.disc((0.02 + lean, 0.85), 0.135, black)
    pen.oval((0.1 + lean, 0.79), (0.07, 0.055), tones.skin)
    pen.shape([(0.12 + lean, 0.9), (0.29 + lean, 0.85), (0.12 + lean, 0.83)], tones.accent)
    pen.disc((0.08 + lean, 0.89), 0.02, tones.body)
    flap = 0.05 * math.sin(phase * 2)
    pen.limb((-0.14 + lean, 0.64), (-0.3 - flap, 0.32), 0.055, 0.03, black)
    pen.limb((0.06 + lean, 0.62), (0.12 + flap, 0.32), 0.05, 0.025, black)


def rooster(pen: Pen, phase: float, tones: Tones) -> None:
    peck = max(0.0, math.sin(phase * 0.8)) * 0.12
    for dx in (-0.04, 0.1):
        pen.limb((dx, 0.28), (dx + 0.02, 0.02), 0.022, 0.018, tones.accent)
        pen.limb((dx + 0.02, 0.02), (dx + 0.12, 0.015), 0.018, 0.012, tones.accent)
    for turn in (2.0, 2.3, 2.6, 2.9):
        tip = (-0.28 + math.cos(turn) * 0.4, 0.45 + math.sin(turn) * 0.42)
        pen.limb((-0.24, 0.42), tip, 0.08, 0.04, tones.dark)
    pen.oval((0.0, 0.42), (0.3, 0.2), tones.body, 0.15)
    head = (0.3, 0.82 - peck)
    pen.limb((0.18, 0.48), head, 0.14, 0.075, tones.body)
    pen.disc(head, 0.085, tones.body)
    red = np.array([40, 44, 196], np.float32)
    for dx in (-0.06, 0.0, 0.06):
        pen.disc((head[0] + dx, head[1] + 0.1), 0.042, red)
    pen.oval((head[0] + 0.07, head[1] - 0.1), (0.03, 0.055), red)
    pen.shape([(head[0] + 0.06, head[1] + 0.04), (head[0] + 0.2, head[1] - 0.01), (head[0] + 0.06,
        head[1] - 0.03)],
              tones.accent)  # fmt: skip
    pen.disc((head[0] + 0.03, head[1] + 0.02), 0.016, tones.dark * np.float32(0.4))
    pen.oval((-0.06, 0.42), (0.18, 0.12), tones.dark, 0.1)


def wader(pen: Pen, phase: float, tones: Tones) -> None:
    """A bird on long legs: a flamingo, a heron, a crane."""
    step = 0.1 * math.sin(phase)
    for dx, turn in ((-0.03, step), (0.04, -step)):
        knee = step_to((dx, 0.5), turn, 0.24)
        pen.limb((dx, 0.5), knee, 0.016, 0.013, tones.dark)
        pen.limb(knee, step_to(knee, -turn, 0.25), 0.013, 0.012, tones.dark)
    pen.oval((-0.02, 0.56), (0.21, 0.12), tones.body, 0.25)
    pen.shape([(-0.12, 0.6), (-0.36, 0.46), (-0.1, 0.5)], tones.dark)
    neck = [(0.12, 0.6), (0.26, 0.72), (0.18, 0.88), (0.24, 1.02)]
    for a, b in pairwise(neck):
        pen.limb(a, b, 0.036, 0.03, tones.body)
    pen.oval((0.27, 1.04), (0.07, 0.05), tones.body)
    pen.shape([(0.31, 1.06), (0.47, 0.98), (0.31, 1.01)], tones.dark)


def swan(pen: Pen, phase: float, tones: Tones) -> None:
    """A swan on the water. The water line is at 0."""
    pen.shape([(-0.5, 0.06), (-0.64, 0.26), (-0.3, 0.3), (0.2, 0.26), (0.36, 0.1), (0.2, -0.03), (-0.3,
        -0.03)],
              tones.body)  # fmt: skip
    pen.oval((-0.16, 0.2), (0.34, 0.15), tones.body * np.float32(0.93), 0.2)
    sway = 0.012 * math.sin(phase)
    neck = [(0.24, 0.12), (0.4, 0.3), (0.3 + sway, 0.55), (0.32 + sway, 0.74), (0.42 + sway, 0.78)]
    for a, b in pairwise(neck):
        pen.limb(a, b, 0.062, 0.052, tones.body)
    pen.oval((0.45 + sway, 0.77), (0.08, 0.055), tones.body, -0.2)
    pen.shape([(0.5 + sway, 0.79), (0.64 + sway, 0.71), (0.5 + sway, 0.73)], tones.accent)
    pen.disc((0.47 + sway, 0.785), 0.012, tones.dark * np.float32(0.3))


def duck(pen: Pen, phase: float, tones: Tones) -> None:
    """A duck on the water. The water line is at 0."""
    pen.shape([(-0.5, 0.1), (-0.62, 0.32), (-0.3, 0.34), (0.2, 0.32), (0.36, 0.14), (0.2, -0.03),
        (-0.3, -0.03)],
              tones.body)  # fmt: skip
    pen.oval((-0.12, 0.22), (0.28, 0.14), tones.dark, 0.1)
    head = (0.3, 0.62 + 0.012 * math.sin(phase * 2))
    pen.limb((0.2, 0.28), head, 0.13, 0.1, tones.accent * np.float32(0.6))
    pen.disc(head, 0.14, tones.accent * np.float32(0.6))
    pen.shape([(head[0] + 0.1, head[1] + 0.02), (head[0] + 0.31, head[1] - 0.03), (head[0] + 0.1,
        head[1] - 0.08)],
              np.array([40, 150, 226], np.float32))  # fmt: skip
    pen.disc((head[0] + 0.04, head[1] + 0.04), 0.02, tones.dark * np.float32(0.3))


def owl(pen: Pen, phase: float, tones: Tones) -> None:
    """An owl on a branch, which turns its head and blinks."""
    turn = 0.05 * math.sin(phase * 0.6)
    pen.limb((-1.2, -0.06), (1.3, 0.04), 0.075, 0.05, tones.dark * np.float32(0.7))
    pen.limb((0.7, 0.02), (1.2, 0.3), 0.04, 0.02, tones.dark * np.float32(0.7))
    pen.oval((0.0, 0.38), (0.27, 0.4), tones.body)
    pen.oval((-0.19, 0.36), (0.1, 0.32), tones.dark, -0.12)
    pen.oval((0.19, 0.36), (0.1, 0.32), tones.dark, 0.12)
    for row in range(4):
        for x in (-0.08, 0.0, 0.08):
            pen.disc((x + 0.03 * (row % 2), 0.2 + row * 0.1), 0.02, tones.dark)
    pen.oval((turn, 0.8), (0.26, 0.2), tones.body)
    for side in (-1, 1):
        pen.shape(
            [(turn + side * 0.24, 0.85), (turn + side * 0.25, 1.08), (turn + side * 0.08, 0.96)], tones.body
        )
        pen.disc((turn + side * 0.11, 0.82), 0.095, tones.skin)
        pen.disc(
            (turn + side * 0.11, 0.82),
            0.05 if math.sin(phase * 1.3) < 0.93 else 0.012,
            tones.dark * np.float32(0.3),
        )
        pen.disc((side * 0.09, 0.0), 0.045, tones.dark)
    pen.shape([(turn - 0.04, 0.79), (turn + 0.04, 0.79), (turn, 0.68)], tones.dark * np.float32(0.5))
