"""Symbols of hate movements and harmless look-alikes, drawn by code: what `bench.symbols_train` learns from.

Every drawing is a mask, 0 to 1, in which the thing fills the circle of radius 1; `rendering` puts it on
something.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.float32]
Rng = np.random.Generator
Points = Sequence[tuple[float, float]]

#: Side of a mask, and pixels for the radius 1.
SIDE, UNIT = 192, 60


class Pen:
    """Draws in units of the symbol, y downwards, onto one mask."""

    def __init__(self, turn: float = 0.0) -> None:
        self.mask = np.zeros((SIDE, SIDE), np.uint8)
        self._cos, self._sin = math.cos(turn), math.sin(turn)

    def line(self, points: Points, width: float, *, tone: int = 255, closed: bool = False) -> None:
        placed = self._placed(points)
        cv2.polylines(self.mask, [placed], closed, tone, max(round(width * UNIT), 1), cv2.LINE_AA)

    def bars(self, points: Points, width: float, *, tone: int = 255) -> None:
        """A line of bars with square ends, the corners filled."""
        half = width / 2
        for (x0, y0), (x1, y1) in pairwise(points):
            long = math.hypot(x1 - x0, y1 - y0) or 1.0
            ux, uy = (x1 - x0) / long * half, (y1 - y0) / long * half
            self.fill(
                [
                    (x0 - ux - uy, y0 - uy + ux),
                    (x1 + ux - uy, y1 + uy + ux),
                    (x1 + ux + uy, y1 + uy - ux),
                    (x0 - ux + uy, y0 - uy - ux),
                ],
                tone=tone,
            )

    def fill(self, points: Points, *, tone: int = 255) -> None:
        cv2.fillPoly(self.mask, [self._placed(points)], tone, cv2.LINE_AA)

    def ring(self, x: float, y: float, radius: float, width: float = 0.0, *, tone: int = 255) -> None:
        """A ring; with no width, a disc."""
        [[at]] = self._placed([(x, y)]).reshape(1, 1, 2).tolist()
        thick = -1 if width == 0 else max(round(width * UNIT), 1)
        cv2.circle(self.mask, tuple(at), max(round(radius * UNIT), 1), tone, thick, cv2.LINE_AA)

    def arc(self, x: float, y: float, radius: float, start: float, end: float, width: float) -> None:
        steps = np.linspace(start, end, 16)
        self.line([(x + radius * math.cos(a), y + radius * math.sin(a)) for a in steps], width)

    def done(self) -> Mask:
        return self.mask.astype(np.float32) / 255

    def _placed(self, points: Points) -> npt.NDArray[np.int32]:
        at = np.asarray(points, np.float64)
        turned = np.stack(
            [at[:, 0] * self._cos - at[:, 1] * self._sin, at[:, 0] * self._sin + at[:, 1] * self._cos], axis=1
        )
        return np.round(turned * UNIT + SIDE / 2).astype(np.int32)


def _around(points: Points, times: int = 4) -> list[list[tuple[float, float]]]:
    turned = []
    for number in range(times):
        a = number * 2 * math.pi / times
        turned.append(
            [(x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a)) for x, y in points]
        )
    return turned


def _mirrored(points: Points) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in points]


def _shaky(rng: Rng, points: Points, by: float) -> list[tuple[float, float]]:
    """As a hand draws it: corners off, lines bent."""
    out: list[tuple[float, float]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = rng.normal(0, by, 2)
        out += [(x0 + rng.normal(0, by), y0 + rng.normal(0, by))]
        out += [((x0 + x1) / 2 + bend[0] / 2, (y0 + y1) / 2 + bend[1] / 2)]
    return [*out, (points[-1][0] + rng.normal(0, by), points[-1][1] + rng.normal(0, by))]


def _hooked(rng: Rng, *, left: bool, turn: float, dots: bool = False, curved: bool = False) -> Mask:
    """A hooked cross; `left`: its arms point the other way."""
    pen = Pen(turn)
    size, width = rng.uniform(0.6, 0.72), rng.uniform(0.13, 0.36)
    if dots or curved:
        width = rng.uniform(0.08, 0.26)
    foot = size * rng.uniform(0.75, 1.1) if not curved else size * rng.uniform(0.5, 0.9)
    arm: Points = [(0.0, 0.0), (0.0, -size), (foot, -size)]
    if curved:
        arm = [(0.0, 0.0), (0.0, -size * 0.8), (foot * 0.25, -size), (foot * 0.8, -size), (foot, -size * 1.2)]
    if left:
        arm = _mirrored(arm)
    by_hand = rng.random() < 0.35 and not dots
    for one in _around(arm):
        if by_hand:
            pen.line(_shaky(rng, one, rng.uniform(0.015, 0.06)), width * 0.8)
        elif rng.random() < 0.15 or curved:
            pen.line(one, width)
        else:
            pen.bars(one, width)
    if dots:
        for x, y in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            pen.ring(x * size * 0.5, y * size * 0.5, rng.uniform(0.06, 0.12))
    return pen.done()


_DIAGONAL = math.pi / 4


def hooked_on_point(rng: Rng) -> Mask:
    """The hooked cross on its point, as on flags; either way round."""
    return _hooked(rng, left=rng.random() < 0.25, turn=_DIAGONAL + rng.normal(0, 0.1))


def hooked_upright(rng: Rng) -> Mask:
    return _hooked(rng, left=False, turn=rng.normal(0, 0.1))


def manji(rng: Rng) -> Mask:
    return _hooked(rng, left=True, turn=rng.normal(0, 0.08))


def dotted(rng: Rng) -> Mask:
    dots = rng.random() < 0.75
    return _hooked(
        rng,
        left=rng.random() < 0.2,
        turn=rng.normal(0, 0.08),
        dots=dots,
        curved=rng.random() < 0.5 or not dots,
    )


def _bolt(rng: Rng) -> list[tuple[float, float]]:
    lean, step = rng.uniform(0.18, 0.32), rng.uniform(0.05, 0.22)
    return [(lean * 0.9, -0.8), (-lean, step), (lean, -step), (-lean * 0.9, 0.8)]


def runes(rng: Rng) -> Mask:
    """Two bolts side by side."""
    pen = Pen(rng.normal(0, 0.1))
    bolt, apart = _bolt(rng), rng.uniform(0.26, 0.4)
    width, slant = rng.uniform(0.13, 0.28), rng.random()
    for side in (-1, 1):
        moved = [(x + side * apart, y) for x, y in bolt]
        if slant < 0.3:
            pen.line(_shaky(rng, moved, rng.uniform(0.005, 0.04)), width)
        else:
            # Cut level at the ends, as it is printed.
            half = width / 2
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = moved
            pen.fill([(ax - half, ay), (ax + half, ay), (bx + half, by), (bx - half, by)])
            pen.fill(
                [(bx - half, by), (bx + half * 0.3, by - half), (cx + half, cy), (cx - half * 0.3, cy + half)]
            )
            pen.line([(bx, by), (cx, cy)], width * 0.9)
            pen.fill([(cx - half, cy), (cx + half, cy), (dx + half, dy), (dx - half, dy)])
    return pen.done()


def black_sun(rng: Rng) -> Mask:
    """The wheel of twelve bent rays."""
    pen = Pen(rng.uniform(0, math.tau))
    outer, width = rng.uniform(0.8, 0.95), rng.uniform(0.06, 0.13)
    inner, middle = rng.uniform(0.14, 0.35), rng.uniform(0.48, 0.62)
    bend, way = rng.uniform(0.2, 0.5), rng.choice((-1, 1))
    if rng.random() < 0.85:
        pen.ring(0, 0, outer, width)
    if rng.random() < 0.8:
        pen.ring(0, 0, inner, 0.0 if rng.random() < 0.4 else width)
    for number in range(12):
        a = number * math.tau / 12
        b = a + way * bend
        points = [
            (inner * math.cos(a), inner * math.sin(a)),
            (middle * math.cos(a), middle * math.sin(a)),
            ((middle + 0.03) * math.cos(b), (middle + 0.03) * math.sin(b)),
            (outer * math.cos(b), outer * math.sin(b)),
        ]
        pen.line(points, width)
    return pen.done()


def sun_cross(rng: Rng) -> Mask:
    """The even-armed cross whose arms reach over their ring."""
    pen = Pen(rng.normal(0, 0.12))
    ring, width = rng.uniform(0.5, 0.66), rng.uniform(0.13, 0.26)
    reach = ring + width / 2 + rng.uniform(0.1, 0.3)
    pen.ring(0, 0, ring, width * rng.uniform(0.7, 1.1))
    by_hand = rng.random() < 0.25
    for one in ([(0.0, -reach), (0.0, reach)], [(-reach, 0.0), (reach, 0.0)]):
        if by_hand:
            pen.line(_shaky(rng, one, 0.03), width)
        else:
            pen.bars(one, width)
    return pen.done()


def othala(rng: Rng) -> Mask:
    """The rune of a diamond on two legs, mostly with feet."""
    pen = Pen(rng.normal(0, 0.1))
    width, wide = rng.uniform(0.12, 0.24), rng.uniform(0.42, 0.58)
    top, knee = rng.uniform(0.75, 0.85), rng.uniform(-0.25, -0.05)
    left = [(wide * 1.05, 0.7), (-wide, knee), (0.0, -top)]
    right = _mirrored(left)
    feet = rng.random() < 0.8
    for one in (left, right):
        line = list(one)
        if feet:
            x = line[0][0]
            sign = 1 if x > 0 else -1
            line = [(x + sign * rng.uniform(0.2, 0.3), 0.7 - rng.uniform(0.2, 0.3)), *line]
        if rng.random() < 0.3:
            pen.line(_shaky(rng, line, 0.02), width)
        else:
            pen.bars(line, width)
    return pen.done()


def wolfs_hook(rng: Rng) -> Mask:
    """A bar hooked at both ends, with another across."""
    turn = float(rng.choice((0.0, math.pi / 2))) + rng.normal(0, 0.1)
    pen = Pen(turn)
    width, hook = rng.uniform(0.12, 0.22), rng.uniform(0.35, 0.5)
    down = rng.uniform(0.25, 0.55)
    spine = [(-hook, -0.85 + down), (0.0, -0.85), (0.0, 0.85), (hook, 0.85 - down)]
    slant = rng.uniform(-0.15, 0.15)
    across = [(-rng.uniform(0.3, 0.45), slant), (rng.uniform(0.3, 0.45), -slant)]
    if rng.random() < 0.5:
        # The other common form: a slanted stroke between two uprights' ends, as a Z, with a bar through.
        spine = [(-0.45, -0.7 + down * 0.5), (-0.45, -0.75), (0.45, 0.75), (0.45, 0.7 - down * 0.5)]
        across = [(0.0, -0.7), (0.0, 0.7)]
    if rng.random() < 0.5:
        spine, across = _mirrored(spine), _mirrored(across)
    for one in (spine, across):
        if rng.random() < 0.3:
            pen.line(_shaky(rng, one, 0.02), width)
        else:
            pen.bars(one, width)
    return pen.done()


def drop_cross(rng: Rng) -> Mask:
    """A disc with a broad cross let in, and a drop at its heart."""
    pen = Pen(rng.normal(0, 0.1))
    pen.ring(0, 0, rng.uniform(0.85, 0.95))
    width = rng.uniform(0.3, 0.44)
    for one in ([(0.0, -0.58), (0.0, 0.58)], [(-0.58, 0.0), (0.58, 0.0)]):
        pen.bars(one, width, tone=0)
    if rng.random() < 0.6:
        for one in ([(0.0, -0.58), (0.0, 0.58)], [(-0.58, 0.0), (0.58, 0.0)]):
            pen.bars(one, width * 0.25, tone=int(rng.integers(100, 255)))
    heart = rng.uniform(0.16, 0.24)
    pen.fill([(0, -heart), (heart, 0), (0, heart), (-heart, 0)], tone=0)
    pen.ring(0.0, heart * 0.2, heart * 0.4)
    pen.fill([(-heart * 0.3, heart * 0.1), (0.0, -heart * 0.7), (heart * 0.3, heart * 0.1)])
    return pen.done()


# What only looks like it.


def meander(rng: Rng) -> Mask:
    """A piece of a Greek key border."""
    pen = Pen(float(rng.choice((0.0, math.pi / 2))) + rng.normal(0, 0.05))
    step, width = rng.uniform(0.5, 0.9), rng.uniform(0.08, 0.16)
    cell = [(0.0, 0.5), (0.0, -0.5), (0.8, -0.5), (0.8, 0.25), (0.35, 0.25), (0.35, -0.1)]
    if rng.random() < 0.5:
        cell = [*cell[:4], (0.8, 0.5)]
    for number in range(-3, 4):
        pen.line([((x + number * 1.05) * step, y * step) for x, y in cell], width)
        pen.line(
            [((number * 1.05 + 0.8) * step, 0.5 * step), ((number * 1.05 + 1.05) * step, 0.5 * step)], width
        )
    return pen.done()


def windmill(rng: Rng) -> Mask:
    pen = Pen(rng.uniform(0, math.tau))
    blades, long = int(rng.choice((3, 4, 4, 4, 5, 6, 8))), rng.uniform(0.7, 0.95)
    shape = rng.integers(4)
    wide = rng.uniform(0.12, 0.35)
    blade = {
        0: [(0.0, 0.0), (0.05, -long), (wide, -long), (wide, -0.2)],
        1: [(0.0, 0.0), (-wide, -long * 0.5), (0.0, -long), (wide * 0.2, -long * 0.5)],
        2: [(0.0, 0.0), (0.0, -long), (long * 0.6, -long * 0.6)],
        3: [(-0.04, 0.0), (-wide / 2, -long), (wide / 2, -long), (0.04, 0.0)],
    }[int(shape)]
    for one in _around(blade, blades):
        pen.fill(one)
    if rng.random() < 0.5:
        pen.ring(0, 0, rng.uniform(0.06, 0.16), tone=int(rng.choice((0, 255))))
    if rng.random() < 0.3:
        pen.fill([(-0.1, 0.0), (0.1, 0.0), (0.25, 1.5), (-0.25, 1.5)])
    return pen.done()


def crosses(rng: Rng) -> Mask:
    """Plain, red, Latin, Maltese, iron and potent crosses, and those on graves."""
    pen = Pen(rng.normal(0, 0.08) + (_DIAGONAL if rng.random() < 0.2 else 0))
    kind, width = int(rng.integers(7)), rng.uniform(0.1, 0.4)
    long = rng.uniform(0.6, 0.9)
    if kind == 0:
        pen.bars([(0, -long), (0, long)], width)
        pen.bars([(-long, 0), (long, 0)], width)
    elif kind == 1:
        pen.bars([(0, -0.9), (0, 1.0)], width * 0.7)
        pen.bars([(-0.55, -0.35), (0.55, -0.35)], width * 0.7)
    elif kind == 2:
        for one in _around([(0.0, 0.0), (-0.4, -long), (0.0, -long * rng.uniform(0.7, 1)), (0.4, -long)]):
            pen.fill(one)
    elif kind == 3:
        for one in _around([(-0.1, 0.0), (-0.35, -long), (0.35, -long), (0.1, 0.0)]):
            pen.fill(one)
    elif kind == 4:
        for one in _around([(0.0, 0.0), (0.0, -long)]):
            pen.bars(one, width * 0.7)
        for one in _around([(-0.3, -long), (0.3, -long)]):
            pen.bars(one, width * 0.6)
    elif kind == 5:
        # A high cross: a ring behind the head of a long shaft.
        pen.bars([(0, -0.9), (0, 1.5)], width * 0.8)
        pen.bars([(-0.6, -0.35), (0.6, -0.35)], width * 0.7)
        pen.ring(0, -0.35, rng.uniform(0.33, 0.45), rng.uniform(0.06, 0.14))
    else:
        pen.bars([(0, -long), (0, long)], width * 0.6)
        pen.bars([(-0.5, -0.3), (0.5, -0.3)], width * 0.5)
        pen.bars([(-0.3, -0.6), (0.3, -0.6)], width * 0.5)
        pen.bars([(-0.3, 0.5), (0.3, 0.3)], width * 0.5)
    return pen.done()


def rings(rng: Rng) -> Mask:
    """Cross hairs, circled plus and times, targets, wheels, clocks, peace signs, steering wheels."""
    pen = Pen(rng.normal(0, 0.2))
    kind, radius, width = int(rng.integers(7)), rng.uniform(0.6, 0.95), rng.uniform(0.05, 0.2)
    pen.ring(0, 0, radius, width)
    if kind == 0:
        for one in _around([(0.0, -radius * rng.uniform(0.1, 0.6)), (0.0, -radius * 1.2)]):
            pen.line(one, width * 0.5)
    elif kind == 1:
        for one in _around([(0.0, 0.0), (0.0, -radius * rng.uniform(0.6, 1.0))]):
            pen.line(one, width)
    elif kind == 2:
        pen.ring(0, 0, radius * 0.6, width)
        pen.ring(0, 0, radius * 0.2)
    elif kind == 3:
        for one in _around([(0.0, 0.0), (0.0, -radius)], int(rng.choice((3, 5, 6, 8, 10, 12, 16)))):
            pen.line(one, width * 0.6)
        if rng.random() < 0.5:
            pen.ring(0, 0, radius * 0.25)
    elif kind == 4:
        pen.line([(0, 0), (0, -radius * 0.7)], width * 0.6)
        pen.line([(0, 0), (radius * 0.5, radius * 0.2)], width * 0.6)
        for one in _around([(0.0, -radius * 0.85), (0.0, -radius)], 12):
            pen.line(one, width * 0.5)
    elif kind == 5:
        pen.line([(0, -radius), (0, radius)], width)
        pen.line([(0, 0), (-radius * 0.7, radius * 0.7)], width)
        pen.line([(0, 0), (radius * 0.7, radius * 0.7)], width)
    else:
        for one in _around([(0.0, 0.0), (0.0, -radius)], 3):
            pen.line(one, width * 1.5)
    return pen.done()


def sunburst(rng: Rng) -> Mask:
    """Suns, gears, snowflakes, flowers, compass roses."""
    pen = Pen(rng.uniform(0, math.tau))
    kind, arms = int(rng.integers(4)), int(rng.choice((5, 6, 8, 10, 12, 16)))
    width = rng.uniform(0.05, 0.14)
    if kind == 0:
        pen.ring(0, 0, rng.uniform(0.3, 0.5))
        for one in _around([(0.0, -0.6), (0.0, -0.95)], arms):
            pen.line(one, width)
    elif kind == 1:
        pen.ring(0, 0, 0.65, rng.uniform(0.1, 0.3))
        for one in _around([(-0.1, -0.6), (-0.08, -0.9), (0.08, -0.9), (0.1, -0.6)], arms):
            pen.fill(one)
    elif kind == 2:
        for one in _around([(0.0, 0.0), (0.0, -0.9)], 6):
            pen.line(one, width)
        for one in _around([(-0.25, -0.8), (0.0, -0.55), (0.25, -0.8)], 6):
            pen.line(one, width)
    else:
        for one in _around([(-0.12, -0.1), (0.0, -0.95), (0.12, -0.1)], int(rng.choice((4, 8, 16)))):
            pen.fill(one)
        pen.ring(0, 0, 0.6, width * 0.5)
    return pen.done()


def lightning(rng: Rng) -> Mask:
    """One bolt, or several that are not the runes."""
    pen = Pen(rng.normal(0, 0.2))
    wide = rng.uniform(0.3, 0.5)
    bolt = [(0.15, -0.9), (-wide, 0.1), (-0.03, 0.1), (-0.2, 0.9), (wide, -0.15), (0.03, -0.15), (0.4, -0.9)]
    kind = int(rng.integers(4))
    if kind <= 1:
        pen.fill(bolt)
    elif kind == 2:
        pen.line(_bolt(rng), rng.uniform(0.1, 0.25))
    else:
        pen.fill([(x * 0.6 - 0.5, y * 0.6 + 0.2) for x, y in bolt])
        pen.fill([(x * 0.6 + 0.5, y * 0.6 - 0.2) for x, y in bolt])
    if rng.random() < 0.4:
        pen.line([(0.0, -1.0), (1.0, 0.75), (-1.0, 0.75)], 0.08, closed=True)
    return pen.done()


_FONTS = (0, 1, 2, 3, 4, 5, 6, 7)
_WORDS = (
    *("SS", "S", "ZZ", "Z", "N", "H", "X", "XX", "K", "HH", "LL", "55", "22", "SL", "S8", "US", "25"),
    *("+", "x", "#", "=", "%", "&", "*", "@", "R", "Q", "A", "V", "W", "MN", "OPEN", "BUS", "TAXI", "CLASS"),
)


def words(rng: Rng) -> Mask:
    pen = Pen()
    text = (
        str(rng.choice(_WORDS))
        if rng.random() < 0.7
        else "".join(chr(rng.integers(65, 91)) for _ in range(3))
    )
    font, scale = int(rng.choice(_FONTS)), rng.uniform(0.8, 3.5)
    thick = int(rng.integers(2, 14))
    (wide, high), _ = cv2.getTextSize(text, font, scale, thick)
    at = (int(SIDE / 2 - wide / 2), int(SIDE / 2 + high / 2))
    cv2.putText(pen.mask, text, at, font, scale, 255, thick, cv2.LINE_AA)
    return pen.done()


def geometry(rng: Rng) -> Mask:
    """Triangles, stars, squares, spirals, hooks, tetrominoes, arrows, ribbons, lattices."""
    pen = Pen(rng.uniform(0, math.tau) if rng.random() < 0.5 else 0.0)
    kind, width = int(rng.integers(11)), rng.uniform(0.06, 0.25)
    if kind == 0:
        n = int(rng.integers(3, 9))
        pen.line(_around([(0.0, -0.8)], n) and [p[0] for p in _around([(0.0, -0.8)], n)], width, closed=True)
    elif kind == 1:
        n = int(rng.integers(5, 9))
        star = []
        for number in range(2 * n):
            r, a = (0.9, 0.4)[number % 2], number * math.pi / n
            star.append((r * math.sin(a), -r * math.cos(a)))
        pen.fill(star)
    elif kind == 2:
        turns = np.linspace(0, rng.uniform(1.5, 4) * math.tau, 80)
        pen.line(
            [(0.9 * t / turns[-1] * math.cos(t), 0.9 * t / turns[-1] * math.sin(t)) for t in turns],
            width * 0.5,
        )
    elif kind == 3:
        cells = [
            [(0, 0), (1, 0), (1, 1), (2, 1)],
            [(0, 0), (0, 1), (1, 1), (1, 2)],
            [(0, 0), (1, 0), (2, 0), (2, 1)],
            [(0, 0), (1, 0), (2, 0), (1, 1)],
        ][int(rng.integers(4))]
        for x, y in cells:
            pen.fill(
                [
                    ((a + x - 1.2) * 0.5, (b + y - 0.8) * 0.5)
                    for a, b in ((0, 0), (0.92, 0), (0.92, 0.92), (0, 0.92))
                ]
            )
    elif kind == 4:
        for x in range(-3, 4):
            pen.line([(x * 0.35, -1.5), (x * 0.35, 1.5)], width * 0.4)
            pen.line([(-1.5, x * 0.35), (1.5, x * 0.35)], width * 0.4)
    elif kind == 5:
        for one in _around([(0.1, -0.9), (0.1, -0.1), (0.9, -0.1), (0.9, -0.9)]):
            pen.fill(one)
    elif kind == 6:
        pen.line([(-0.5, 0.9), (0.35, -0.5)], width)
        pen.line([(0.5, 0.9), (-0.35, -0.5)], width)
        pen.arc(0, -0.5, 0.35, math.pi, math.tau, width)
    elif kind == 7:
        for number in range(3):
            a = number * math.tau / 3
            pen.arc(0.35 * math.cos(a), 0.35 * math.sin(a), 0.4, a, a + rng.uniform(2, 5), width)
    elif kind == 8:
        # Two or three arms with hooks, or four of unequal length: near, and not it.
        size, n = rng.uniform(0.6, 0.8), int(rng.choice((2, 3, 3, 5, 6)))
        for one in _around([(0.0, 0.0), (0.0, -size), (size * 0.6, -size)], n):
            pen.line(one, width)
    elif kind == 9:
        for one in _around([(0.0, 0.0), (0.0, -0.8), (0.45, -0.35)]):
            pen.line(one, width * 0.7)
        for one in _around([(0.0, -0.8), (-0.45, -0.35)]):
            pen.line(one, width * 0.7)
    else:
        for one in _around([(0.0, 0.0), (0.0, -0.75)]):
            pen.bars(one, width)
        for one in _around([(-0.6, -0.6), (-0.6, -0.2), (-0.2, -0.2), (-0.2, -0.6)]):
            pen.line(one, width * 0.5, closed=True)
    return pen.done()


def hooks_in_part(rng: Rng) -> Mask:
    """A hooked cross with an arm or two missing or straight: a piece of something else."""
    pen = Pen(rng.choice((0.0, _DIAGONAL)) + rng.normal(0, 0.1))
    size, width = rng.uniform(0.6, 0.75), rng.uniform(0.12, 0.3)
    bent = int(rng.choice((1, 2)))
    arms = _around([(0.0, 0.0), (0.0, -size), (size * 0.9, -size)])
    order = rng.permutation(4)
    for place, number in enumerate(order):
        arm = arms[int(number)]
        pen.bars(arm if place < bent else arm[:2], width)
    return pen.done()


def nothing(_rng: Rng) -> Mask:
    return np.zeros((SIDE, SIDE), np.float32)


#: Classes of the network, in its order. `nothing` and all look-alikes are class 0.
CLASSES: tuple[tuple[str, Callable[[Rng], Mask]], ...] = (
    ("other", nothing),
    ("hooked cross on its point", hooked_on_point),
    ("hooked cross, upright", hooked_upright),
    ("manji", manji),
    ("hooked cross with dots or curls", dotted),
    ("two bolt runes", runes),
    ("wheel of twelve rays", black_sun),
    ("sun cross", sun_cross),
    ("othala", othala),
    ("wolf's hook", wolfs_hook),
    ("drop cross", drop_cross),
)
ALIKE: tuple[Callable[[Rng], Mask], ...] = (
    *(meander, windmill, crosses, rings, sunburst, lightning, words, geometry, hooks_in_part),
    *(words, geometry, rings, crosses),
)
