"""Draw the one-colour shapes of ``bench.symbols_unseen``: hate symbols and their look-alikes.

The author saw no detector and no drawing a detector was trained on: the geometry is general knowledge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Floats = npt.NDArray[Any]
Pixels = npt.NDArray[Any]
Colour = tuple[int, int, int]
Point = tuple[float, float]
Rng = np.random.Generator

SIDE = 480


class Pen:
    """Draws one shape in coordinates from -1 to 1, y downwards, with one stroke width and one look."""

    def __init__(self, rng: Rng, width: float, look: str) -> None:
        """Start an empty drawing."""
        self.rng, self.width, self.look = rng, width, look
        self.image = Image.new("L", (2 * SIDE, 2 * SIDE))
        self.draw = ImageDraw.Draw(self.image)

    def at(self, p: Point) -> Point:
        """Turn a point into pixels."""
        return (p[0] * 0.92 + 1) * SIDE, (p[1] * 0.92 + 1) * SIDE

    def poly(self, points: list[Point], ink: int = 255) -> None:
        """Fill a polygon."""
        self.draw.polygon([self.at(p) for p in points], fill=ink)

    def disc(self, x: float, y: float, r: float, ink: int = 255) -> None:
        """Fill a disc."""
        self.draw.ellipse([*self.at((x - r, y - r)), *self.at((x + r, y + r))], fill=ink)

    def ring(self, r: float, width: float = 0.0, x: float = 0.0, y: float = 0.0) -> None:
        """Draw a ring whose middle line has radius r."""
        w = width or self.width
        box = [*self.at((x - r - w / 2, y - r - w / 2)), *self.at((x + r + w / 2, y + r + w / 2))]
        self.draw.ellipse(box, outline=255, width=max(1, round(w * 0.92 * SIDE)))

    def stroke(self, points: list[Point], width: float = 0.0) -> None:
        """Draw a line through the points, with sharp corners or, for round and hand looks, round ones."""
        w = width or self.width
        if self.look == "hand" and len(points) < 9:
            points = [(x + self.rng.normal(0, 0.025), y + self.rng.normal(0, 0.025)) for x, y in points]
        if self.look in ("hand", "round"):
            r = w * 0.92 * SIDE / 2
            self.draw.line([self.at(p) for p in points], fill=255, width=max(2, round(2 * r)))
            for x, y in map(self.at, points):
                self.draw.ellipse([x - r, y - r, x + r, y + r], fill=255)
        else:
            self.poly(mitred(points, w / 2))

    def trim(self, top: float) -> None:
        """Rub out all above and below a height, so that strokes end level."""
        self.poly([(-2, -2), (2, -2), (2, -top), (-2, -top)], 0)
        self.poly([(-2, 2), (2, 2), (2, top), (-2, top)], 0)


def mitred(points: list[Point], half: float) -> list[Point]:
    """Return the outline of a line of the given half width, with mitred corners."""
    p = np.array(points)
    d = np.diff(p, axis=0)
    d /= np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-9)
    n = np.stack([-d[:, 1], d[:, 0]], axis=1)
    corner = np.vstack([n[:1], n[:-1] + n[1:], n[-1:]])
    corner /= np.maximum(np.linalg.norm(corner, axis=1, keepdims=True), 1e-9)
    reach = half / np.maximum((corner * np.vstack([n, n[-1:]])).sum(axis=1, keepdims=True), 0.25)
    ways = np.vstack([p + corner * reach, (p - corner * reach)[::-1]])
    return [(float(x), float(y)) for x, y in ways]


def polar(r: float, degrees: float) -> Point:
    """Return the point at a radius and an angle."""
    return r * math.cos(math.radians(degrees)), r * math.sin(math.radians(degrees))


def star(n: int, outer: float, inner: float, turn: float = -90.0) -> list[Point]:
    """Return the outline of a star with n points."""
    return [polar(inner if i % 2 else outer, turn + 180 * i / n) for i in range(2 * n)]


# ---------------------------------------------------------------------------------------------- hate shapes


def swastika(pen: Pen) -> None:
    """Draw the right-facing swastika in one of five constructions."""
    kind = int(pen.rng.choice(5, p=[0.5, 0.15, 0.1, 0.1, 0.15]))
    if kind == 3 and pen.look == "hand":
        kind = 0
    w = min(pen.width, 0.26 if kind == 3 else 0.4)
    a = 1 - w / 2
    if kind == 2 and pen.look == "sharp":
        for row, cells in enumerate(("X.XXX", "X.X..", "XXXXX", "..X.X", "XXX.X")):
            for column, cell in enumerate(cells):
                if cell == "X":
                    x, y, h = column * 0.4 - 0.8, row * 0.4 - 0.8, 0.178
                    pen.poly([(x - h, y - h), (x + h, y - h), (x + h, y + h), (x - h, y + h)])
        return
    hook = 1.0 if kind != 1 else float(pen.rng.uniform(0.68, 0.85))
    slant = 0.16 if kind == 4 else 0.0
    if kind == 3:
        for turn in (-90, 0, 90, 180):
            pen.stroke([(0, 0), polar(a, turn)], w)
            pen.stroke([polar(a, turn + step) for step in range(-3, 50, 3)], w)
        return
    for turn in range(4):
        arm = [(0.0, w / 2), (0.0, -a), (hook, -a - slant)]
        for _ in range(turn):
            arm = [(-y, x) for x, y in arm]
        pen.stroke(arm, w)


def sig_runes(pen: Pen) -> None:
    """Draw two equal sig runes side by side."""
    w = float(np.clip(pen.width, 0.12, 0.22))
    kind, rise = int(pen.rng.integers(3)), float(pen.rng.uniform(0.04, 0.2))
    apart = 0.42 + w * 0.55
    for x in (-apart, apart):
        if kind == 0:
            zig = [
                (0.3, -1.0),
                (-0.3, 0.14),
                (0.02, 0.14),
                (-0.24, 1.0),
                (0.34, -0.12),
                (0.02, -0.12),
                (0.3, -1.0),
            ]
            pen.poly([(x + px * 1.1 + (0.1 if i == 6 else 0), py) for i, (px, py) in enumerate(zig)])
            continue
        pen.stroke([(x + 0.28, -1.1), (x - 0.2, rise), (x + 0.2, -rise), (x - 0.28, 1.1)], w)
    pen.trim(0.98)


def celtic(pen: Pen) -> None:
    """Draw the square cross in a ring which its arms only just pass."""
    w, r = float(np.clip(pen.width, 0.1, 0.3)), float(pen.rng.uniform(0.62, 0.76))
    if pen.look != "hand" and pen.rng.random() < 0.2:
        pen.disc(0, 0, r + w / 2)
        pen.disc(0, 0, r - w / 2, 0)
    pen.ring(r, w)
    for end in ((1.0, 0.0), (0.0, 1.0)):
        pen.stroke([(-end[0], -end[1]), end], w)


def wolfsangel(pen: Pen) -> None:
    """Draw the double hook with its crossbar, upright or lying, or as crossed N or Z and I."""
    w, kind = float(np.clip(pen.width, 0.1, 0.13 if pen.look == "hand" else 0.17)), int(pen.rng.integers(4))
    if kind == 1 and pen.look == "hand":
        kind = 0
    if kind >= 2:
        lines = [[(-0.62, 0.66), (-0.62, -0.66), (0.62, 0.66), (0.62, -0.66)], [(0.0, -1.0), (0.0, 1.0)]]
    else:
        lines = [[(0.44, -0.5), (0.0, -0.88), (0.0, 0.88), (-0.44, 0.5)], [(-0.36, 0.0), (0.36, 0.0)]]
    for line in lines:
        pen.stroke([(-y, x) for x, y in line] if kind in (1, 3) else line, w)


def black_sun(pen: Pen) -> None:
    """Draw the wheel of twelve bent rays."""
    w = float(np.clip(pen.width * 0.4, 0.06, 0.085))
    bend, inner = float(pen.rng.uniform(13, 17)), float(pen.rng.uniform(0.22, 0.3))
    for i in range(12):
        t = 30.0 * i
        pen.stroke([polar(inner, t), polar(0.62, t), polar(0.58, t + bend), polar(0.93, t + bend)], w)
    if pen.rng.random() < 0.25:
        pen.disc(0, 0, inner)
    else:
        pen.ring(inner, w * 1.2)
    if pen.rng.random() < 0.85:
        pen.ring(0.94, w * 1.1)


# -------------------------------------------------------------------------------------------- benign shapes


def spiral(pen: Pen) -> None:
    """Draw smoothly curling arms."""
    arms, swing = int(pen.rng.choice([3, 4, 4, 4, 5])), float(pen.rng.uniform(150, 260))
    pen.look = "round"
    for i in range(arms):
        turn = 360 * i / arms
        pen.stroke([polar(0.88 * s / 30, turn + swing * s / 30) for s in range(31)], min(pen.width, 0.16))


def meander(pen: Pen) -> None:
    """Draw two or three rows of a Greek key border."""
    rows, n, u = int(pen.rng.integers(1, 4)), 3, 2 / 18
    for row in range(rows):
        y0 = (row - (rows - 1) / 2) * 0.66 + 0.25
        line: list[Point] = [(-1, y0)]
        for i in range(n):
            x = -1 + i * 6 * u
            steps = [
                (0, 4),
                (4, 4),
                (4, 1.5),
                (2, 1.5),
                (2, 2.7),
                (3, 2.7),
                (3, 2.7),
                (2, 2.7),
                (2, 1.5),
                (4, 1.5),
            ]
            line += [(x + a * u, y0 - b * u) for a, b in steps[:6]]
            pen.stroke(line, 0.055)
            line = [(x + 5 * u, y0 - 4 * u), (x + 5 * u, y0), (x + 6 * u, y0)]
        pen.stroke(line, 0.055)
        for edge in (y0 + 0.08, y0 - 4 * u - 0.08):
            pen.stroke([(-1, edge), (1, edge)], 0.03)


def crosshair(pen: Pen) -> None:
    """Draw a target sight: thin rings, lines with a gap, ticks."""
    w, gap = 0.035 + pen.width * 0.08, float(pen.rng.uniform(0.1, 0.25))
    rings = [0.72] if pen.rng.random() < 0.5 else [0.35, 0.72]
    for r in rings:
        pen.ring(r, w)
    for turn in range(0, 360, 90):
        pen.stroke([polar(gap, turn), polar(1.0, turn)], w)
        for r in (0.5, 0.86):
            pen.stroke([polar(math.hypot(r, 0.06), turn - 6), polar(math.hypot(r, 0.06), turn + 6)], w)
    pen.disc(0, 0, w)


def circled_plus(pen: Pen) -> None:
    """Draw the sum sign of mathematics, alone or in a formula; its bars end at the ring."""
    if pen.rng.random() < 0.5:
        text(pen, str(pen.rng.choice(["A⊕B", "x⊕y", "V⊕W=U"])), "DejaVuSans.ttf")
        return
    w = 0.06 + pen.width * 0.15
    pen.ring(0.9, w)
    pen.stroke([(-0.86, 0), (0.86, 0)], w)
    pen.stroke([(0, -0.86), (0, 0.86)], w)


def compass(pen: Pen) -> None:
    """Draw a compass rose with an N."""
    pen.ring(0.6, 0.04)
    pen.poly(star(4, 0.62, 0.16, -45))
    pen.poly(star(4, 0.97, 0.18))
    for turn in range(0, 360, 90):
        pen.poly([(0, 0), polar(0.9, turn), polar(0.19, turn + 45)], 0)
    font = ImageFont.truetype("DejaVuSerif-Bold.ttf", 120)
    pen.draw.text(pen.at((0.42, -0.84)), "N", fill=255, font=font, anchor="mm")


def text(pen: Pen, words: str, font: str) -> None:
    """Write words across the drawing."""
    face = ImageFont.truetype(font, 200)
    left, top, right, bottom = face.getbbox(words)
    face = ImageFont.truetype(font, int(200 * 1.75 * SIDE / max(right - left, bottom - top)))
    left, top, right, bottom = face.getbbox(words)
    pen.draw.text((SIDE - (left + right) / 2, SIDE - (top + bottom) / 2), words, fill=255, font=face)


def letter(words: tuple[str, ...]) -> Callable[[Pen], None]:
    """Return a shape which writes one of some words in an ordinary typeface."""
    faces = (
        "DejaVuSans-Bold",
        "DejaVuSerif-Bold",
        "LiberationSerif-BoldItalic",
        "LiberationSans-Bold",
        "DejaVuSansMono",
    )

    def shape(pen: Pen) -> None:
        """Write it."""
        word = str(pen.rng.choice(words))
        face = "DejaVuSans" if word in "∫∮♻♲⇄↻→" or "∫" in word else str(pen.rng.choice(faces))
        text(pen, word, face + ".ttf")

    return shape


#: A lightning flash, from the top right to the bottom.
_FLASH = [
    (0.1, -1.0),
    (-0.5, 0.15),
    (-0.05, 0.15),
    (-0.25, 1.0),
    (0.5, -0.25),
    (0.05, -0.25),
    (0.45, -1.0),
]


def bolt(pen: Pen) -> None:
    """Draw one lightning flash, sometimes in a ring."""
    size = 0.62 if pen.rng.random() < 0.4 else 0.98
    pen.poly([(x * size, y * size) for x, y in _FLASH])
    if size < 0.7:
        pen.ring(0.88, 0.1)


def band_bolts(pen: Pen) -> None:
    """Draw two flashes which mirror or cross each other, around a star or a letter."""
    if pen.rng.random() < 0.5:
        for side in (-1, 1):
            pen.poly([(side * (x * 0.5 + 0.68), y * 0.9) for x, y in _FLASH])
        pen.poly(star(5, 0.36, 0.15))
        return
    for side in (-1, 1):
        turned = [(x * 0.84 - y * 0.54, x * 0.54 + y * 0.84) for x, y in _FLASH]
        pen.poly([(side * (x * 0.55 + 0.52), y * 0.62 - 0.3) for x, y in turned])
    pen.disc(0, 0.62, 0.3)


def sun(pen: Pen) -> None:
    """Draw a sun with straight rays."""
    n = int(pen.rng.choice([8, 10, 12, 16]))
    pen.disc(0, 0, 0.42)
    if pen.rng.random() < 0.4:
        pen.disc(0, 0, 0.34, 0)
        pen.poly([(x * 0.28, y * 0.28) for x, y in star(8, 1, 0.5)])
    for i in range(n):
        t = 360 * i / n
        pen.poly([polar(0.52, t - 120 / n), polar(0.98 if i % 2 else 0.8, t), polar(0.52, t + 120 / n)])


def sun_wheel(pen: Pen) -> None:
    """Draw a wheel of straight spokes."""
    n = int(pen.rng.choice([6, 8, 10, 12]))
    pen.ring(0.9, 0.12)
    pen.ring(0.25, 0.1)
    for i in range(n):
        pen.stroke([polar(0.25, 360 * i / n), polar(0.9, 360 * i / n)], 0.07)


def mandala(pen: Pen) -> None:
    """Draw rings of petals."""
    n = int(pen.rng.choice([8, 10, 12]))
    for size, reach, turn in ((0.24, 0.72, 0.0), (0.14, 0.42, 180 / n)):
        for i in range(n):
            x, y = polar(reach, 360 * i / n + turn)
            pen.ring(size, 0.045, x, y)
            pen.disc(x, y, size * 0.3)
    pen.ring(0.22, 0.05)
    pen.disc(0, 0, 0.08)


def clock(pen: Pen) -> None:
    """Draw a clock face."""
    pen.ring(0.92, 0.09)
    font = ImageFont.truetype("LiberationSerif-Bold.ttf", 110)
    for i in range(12):
        pen.draw.text(pen.at(polar(0.7, 30 * i - 60)), str(i + 1), fill=255, font=font, anchor="mm")
    hour, minute = pen.rng.uniform(0, 360, 2)
    pen.stroke([(0, 0), polar(0.36, hour)], 0.09)
    pen.stroke([(0, 0), polar(0.54, minute)], 0.06)


def gear(pen: Pen) -> None:
    """Draw a toothed wheel."""
    n = int(pen.rng.choice([8, 10, 12, 14]))
    for i in range(n):
        t = 360 * i / n
        pen.poly(
            [
                polar(0.6, t - 130 / n),
                polar(0.98, t - 70 / n),
                polar(0.98, t + 70 / n),
                polar(0.6, t + 130 / n),
            ]
        )
    pen.disc(0, 0, 0.78)
    pen.disc(0, 0, 0.3, 0)


def circuit(pen: Pen) -> None:
    """Draw a resistor, a capacitor and an earth on one wire."""
    w = 0.055
    zigzag: list[Point] = [(-0.75 + 0.09 * i, -0.5 + (0.16 if i % 2 else -0.16)) for i in range(7)]
    pen.stroke([(-1, -0.5), (-0.84, -0.5), *zigzag, (-0.12, -0.5), (0.22, -0.5)], w)
    for x in (0.22, 0.38):
        pen.stroke([(x, -0.82), (x, -0.18)], w)
    pen.stroke([(0.38, -0.5), (0.9, -0.5), (0.9, 0.4)], w)
    for i, y in enumerate((0.4, 0.55, 0.7)):
        pen.stroke([(0.9 - 0.28 + i * 0.09, y), (0.98 - i * 0.02, y)], w)
    pen.ring(0.3, w, -0.55, 0.5)
    pen.stroke([(-1, -0.5), (-1, 0.5), (-0.85, 0.5)], w)
    pen.stroke([(-0.67, 0.5), (-0.43, 0.5)], w)
    pen.stroke([(-0.25, 0.5), (0.62, 0.5)], w)


def arrows(pen: Pen) -> None:
    """Draw two to four arrows chasing each other round a ring, or pointing apart."""
    n = int(pen.rng.integers(2, 5))
    for i in range(n):
        t, span = 360 * i / n, 360 / n - 38
        pen.stroke([polar(0.72, t + span * s / 12) for s in range(13)], 0.16)
        pen.poly([polar(0.5, t + span), polar(0.96, t + span), polar(0.74, t + span + 28)])


SHAPES: dict[str, Callable[[Pen], None]] = {
    "swastika": swastika, "ss-bolts": sig_runes, "celtic-cross": celtic, "wolfsangel": wolfsangel,
    "black-sun": black_sun, "four-arm-spiral": spiral, "greek-key": meander, "crosshair": crosshair,
    "circled-plus": circled_plus, "compass-rose": compass, "bolt": bolt, "band-bolts": band_bolts, "sun": sun,
    "sun-wheel": sun_wheel, "mandala": mandala, "clock": clock, "gear": gear, "circuit": circuit,
    "arrows": arrows, "letter-s": letter(("S", "Ss", "SALE", "SNOW", "S")),
    "zz": letter(("ZZ", "JAZZ", "PIZZA")),
    "hash": letter(("#", "##")), "integral": letter(("∫", "∮", "∫f dx")), "z-n": letter(("Z", "N", "NZ")),
    "recycling": letter(("♻", "♲")),
}  # fmt: skip
