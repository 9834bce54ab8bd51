"""Draw coloured emblems and whole objects for ``bench.symbols_unseen``: temples, windmills, quilts, crosses.

As for the other shapes of that set, the author saw no detector and no drawing a detector was trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.symbols_unseen_shapes import Colour, Pixels, Point, Rng, mitred, polar, star

BLACK, WHITE, RED, CREAM = (18, 17, 20), (244, 243, 238), (190, 22, 30), (233, 222, 190)
NAVY, GREEN, GOLD, SILVER = (24, 38, 86), (34, 104, 58), (214, 168, 50), (196, 200, 206)
ORANGE, SAFFRON, MAROON, GREY = (226, 104, 24), (240, 160, 40), (112, 20, 26), (120, 122, 124)
BROWN, SKY = (104, 66, 38), (150, 190, 224)
CHINESE_FONTS = ("wqy-microhei.ttc", "NotoSansCJK-Regular.ttc")


@dataclass
class Thing:
    """An object which carries a symbol: its RGBA pixels, and the symbol's centre and height in it."""

    image: Pixels
    x: float
    y: float
    height: float


class Board:
    """A coloured drawing in coordinates from -1 to 1, y downwards, clear where nothing is drawn."""

    def __init__(self, side: int = 960) -> None:
        """Start an empty drawing."""
        self.side = side
        self.image = Image.new("RGBA", (2 * side, 2 * side))
        self.draw = ImageDraw.Draw(self.image)

    def at(self, p: Point) -> Point:
        """Turn a point into pixels."""
        return (p[0] + 1) * self.side, (p[1] + 1) * self.side

    def poly(self, points: list[Point], ink: Colour) -> None:
        """Fill a polygon."""
        self.draw.polygon([self.at(p) for p in points], fill=ink)

    def box(self, x0: float, y0: float, x1: float, y1: float, ink: Colour) -> None:
        """Fill a rectangle."""
        self.draw.rectangle([*self.at((x0, y0)), *self.at((x1, y1))], fill=ink)

    def disc(self, x: float, y: float, r: float, ink: Colour, squash: float = 1.0) -> None:
        """Fill a disc or an upright ellipse."""
        self.draw.ellipse([*self.at((x - r * squash, y - r)), *self.at((x + r * squash, y + r))], fill=ink)

    def line(self, points: list[Point], width: float, ink: Colour) -> None:
        """Draw a line with mitred corners."""
        self.poly(mitred(points, width / 2), ink)

    def ring(self, x: float, y: float, r: float, width: float, ink: Colour) -> None:
        """Draw a ring whose middle line has radius r."""
        box = [
            *self.at((x - r - width / 2, y - r - width / 2)),
            *self.at((x + r + width / 2, y + r + width / 2)),
        ]
        self.draw.ellipse(box, outline=ink, width=max(1, round(width * self.side)))

    def write(
        self, x: float, y: float, words: str, height: float, ink: Colour, font: str = "DejaVuSans.ttf"
    ) -> None:
        """Write words around a point."""
        face = ImageFont.truetype(font, int(height * self.side))
        self.draw.text(self.at((x, y)), words, fill=ink, font=face, anchor="mm")

    def thing(self, x: float = 0.0, y: float = 0.0, height: float = 1.9) -> Thing:
        """Return the drawing as an object whose symbol has this centre and height in its coordinates."""
        image = np.asarray(self.image.resize((self.side, self.side), Image.Resampling.BOX))
        half = self.side / 2
        return Thing(image, (x + 1) * half, (y + 1) * half, height * half)


def hooked_cross(
    board: Board, x: float, y: float, r: float, width: float, ink: Colour, *, left: bool, dots: bool = False
) -> None:
    """Draw an upright hooked cross, left- or right-facing, with or without a dot in each quarter."""
    side, a, w = (-1 if left else 1), r * (1 - width / 2), r * width
    for turn in range(4):
        arm: list[Point] = [(0.0, w / 2), (0.0, -a), (r * side, -a)]
        dot: Point = (r * 0.45, -r * 0.45)
        for _ in range(turn):
            arm, dot = [(-v, u) for u, v in arm], (-dot[1], dot[0])
        board.line([(x + u, y + v) for u, v in arm], w, ink)
        if dots:
            board.disc(x + dot[0], y + dot[1], r * 0.13, ink)


def iron_cross(rng: Rng) -> Thing:
    """Draw a cross pattee with a swastika in its middle."""
    board, waist = Board(), float(rng.uniform(0.34, 0.4))
    for size, ink in ((1.0, SILVER), (0.93, BLACK)):
        s = (1 - size) * 0.9
        for turn in range(4):
            arm: list[Point] = [(0, 0), (-waist + s / 2, -waist + s), (-0.58 + s, -size), (0.58 - s, -size)]
            arm.append((waist - s / 2, -waist + s))
            for _ in range(turn):
                arm = [(-v, u) for u, v in arm]
            board.poly([(u * 0.96, v * 0.96) for u, v in arm], ink)
        board.box(-waist + s / 2, -waist + s / 2, waist - s / 2, waist - s / 2, ink)
    hooked_cross(board, 0, 0, float(rng.uniform(0.34, 0.4)), 0.3, SILVER, left=False)
    return board.thing()


def gate(rng: Rng) -> Thing:
    """Draw a temple gate with a left-facing manji on its gable or its plaque."""
    board, wood = Board(), [BROWN, RED, (70, 52, 44)][int(rng.integers(3))]
    roof = [(58, 64, 70), (60, 80, 74)][int(rng.integers(2))]
    for x in (-0.62, 0.5):
        board.box(x, -0.15, x + 0.12, 0.98, wood)
        board.box(x - 0.04, 0.9, x + 0.16, 0.98, GREY)
    board.box(-0.72, -0.02, 0.72, 0.06, wood)
    curve = [(-1.0 + i / 10, -0.28 - 0.34 * (1 - abs(i / 10 - 1)) ** 1.6) for i in range(21)]
    board.poly([*curve, (0.86, -0.14), (-0.86, -0.14)], roof)
    for i in range(-8, 9):
        board.line([(i * 0.1, -0.14), (i * 0.06, -0.42)], 0.012, (40, 44, 48))
    board.box(-0.26, -0.14, 0.26, 0.34, GOLD if rng.random() < 0.5 else CREAM)
    hooked_cross(board, 0, 0.1, 0.17, 0.3, BLACK if rng.random() < 0.6 else MAROON, left=True)
    board.box(-0.46, 0.4, -0.44, 0.98, wood)
    board.box(0.44, 0.4, 0.46, 0.98, wood)
    return board.thing(0, 0.1, 0.34)


def temple_map(rng: Rng) -> Thing:
    """Draw a street map which marks temples with the left-facing manji."""
    board = Board()
    board.box(-1, -1, 1, 1, (240, 236, 226))
    board.box(-0.9, 0.2, -0.2, 0.9, (196, 222, 178))
    board.line([(-1, -0.9), (-0.3, -0.5), (0.2, -0.62), (1, -0.2)], 0.16, (160, 198, 226))
    for _ in range(5):
        x, y = rng.uniform(-0.9, 0.9, 2)
        for width, ink in ((0.075, (200, 190, 176)), (0.06, WHITE)):
            board.line([(x, -1), (x + 0.1, 1)], width, ink)
            board.line([(-1, y), (1, y + 0.12)], width, ink)
    board.line([(-1, 0.5), (0, 0.1), (1, 0.3)], 0.07, SAFFRON)
    font = chinese_font()
    names = (
        ("東福寺", "本願寺", "龍安寺") if font != "DejaVuSans.ttf" else ("Temple A", "Temple B", "Temple C")
    )
    ink = [BLACK, MAROON, (150, 40, 120)][int(rng.integers(3))]
    for (x, y), name in zip(((0.0, 0.0), (-0.58, 0.5), (0.6, -0.55)), names, strict=True):
        hooked_cross(board, x, y, 0.09, 0.26, ink, left=True)
        board.write(x, y + 0.16, name, 0.08, (50, 50, 60), font)
    return board.thing(0, 0, 0.2)


def chinese_font() -> str:
    """Return the name of a font with Chinese letters, or one without where there is none."""
    for name in CHINESE_FONTS:
        try:
            ImageFont.truetype(name, 10)
        except OSError:
            continue
        return name
    return "DejaVuSans.ttf"


def dotted(rng: Rng) -> Thing:
    """Draw the Hindu swastika: right-facing, with four dots, in red or orange on yellow or gold."""
    board, ink = Board(), [RED, MAROON, ORANGE][int(rng.integers(3))]
    kind = int(rng.integers(3))
    ground = CREAM if ink == ORANGE else SAFFRON
    if kind == 0:
        board.disc(0, 0, 0.99, MAROON if ink != MAROON else GOLD)
        board.disc(0, 0, 0.9, ground)
    elif kind == 1:
        board.box(-0.98, -0.98, 0.98, 0.98, ground)
        for i in range(16):
            board.disc(*polar(0.88, 22.5 * i), 0.05, ink)
    else:
        board.poly(star(16, 0.99, 0.86), ground)
    hooked_cross(board, 0, 0, 0.56, float(rng.uniform(0.18, 0.28)), ink, left=False, dots=True)
    return board.thing()


def jain(rng: Rng) -> Thing:
    """Draw the Jain emblem: three dots and a crescent over a right-facing swastika with dots."""
    board, ink = Board(), [RED, ORANGE, GREEN][int(rng.integers(3))]
    board.box(-0.9, -0.99, 0.9, 0.99, CREAM)
    hooked_cross(board, 0, 0.42, 0.45, 0.22, ink, left=False, dots=True)
    for x in (-0.3, 0.0, 0.3):
        board.disc(x, -0.24, 0.08, ink)
    board.disc(0, -0.62, 0.26, ink)
    board.disc(0, -0.7, 0.26, CREAM)
    board.disc(0, -0.66, 0.08, ink)
    return board.thing()


def doorway(rng: Rng) -> Thing:
    """Draw a door with a garland and red swastikas with dots, as painted for good luck."""
    board, wood = Board(), [BROWN, (60, 96, 120), (70, 110, 80)][int(rng.integers(3))]
    board.box(-0.7, -0.98, 0.7, 0.98, (214, 196, 160))
    for x in (-0.55, 0.01):
        board.box(x, -0.7, x + 0.54, 0.98, wood)
        for y in (-0.58, 0.5):
            board.box(x + 0.08, y, x + 0.46, y + 0.36, (wood[0] - 20, wood[1] - 20, wood[2] - 20))
        board.disc(x + 0.27, 0.12, 0.25, SAFFRON)
        hooked_cross(board, x + 0.27, 0.12, 0.17, 0.24, RED, left=False, dots=True)
    for i in range(29):
        x = -0.7 + i * 0.05
        sag = -0.72 + 0.1 * abs(float(np.sin(i * np.pi / 7)))
        board.disc(x, sag, 0.045, ORANGE if i % 2 else SAFFRON)
        if i % 4 == 0:
            board.poly([(x - 0.035, sag), (x + 0.035, sag), (x, sag + 0.18)], GREEN)
    return board.thing(-0.28, 0.12, 0.35)


def buddha(rng: Rng) -> Thing:
    """Draw a seated Buddha statue with a left-facing manji on its chest."""
    board = Board()
    body = [(190, 150, 62), (142, 140, 134), (92, 112, 96)][int(rng.integers(3))]
    dark = (body[0] - 50, body[1] - 48, body[2] - 36)
    board.disc(0, -0.45, 0.5, CREAM if rng.random() < 0.5 else GOLD)
    board.poly([(-0.85, 0.98), (-0.95, 0.8), (0.95, 0.8), (0.85, 0.98)], dark)
    for i in range(-4, 5):
        board.disc(i * 0.21, 0.84, 0.13, (214, 140, 150) if i % 2 else (230, 170, 176))
    board.disc(0, 0.6, 0.22, dark, 3.9)
    board.poly([(-0.52, 0.55), (-0.5, -0.05), (-0.2, -0.2), (0.2, -0.2), (0.5, -0.05), (0.52, 0.55)], body)
    board.line([(-0.46, 0.0), (-0.6, 0.42), (0.0, 0.56)], 0.17, dark)
    board.line([(0.46, 0.0), (0.6, 0.42), (0.0, 0.56)], 0.17, dark)
    board.disc(0, -0.46, 0.27, body, 0.82)
    board.disc(0, -0.66, 0.15, dark, 1.5)
    board.disc(0, -0.78, 0.1, dark)
    for x in (-0.24, 0.24):
        board.disc(x, -0.4, 0.12, body, 0.3)
    for x in (-0.09, 0.09):
        board.line([(x - 0.06, -0.45), (x, -0.43), (x + 0.06, -0.45)], 0.02, dark)
    board.line([(-0.06, -0.3), (0, -0.285), (0.06, -0.3)], 0.02, dark)
    board.disc(0, -0.54, 0.025, RED)
    hooked_cross(board, 0, 0.1, 0.15, 0.24, RED if rng.random() < 0.4 else (60, 44, 20), left=True)
    return board.thing(0, 0.1, 0.3)


def lotus(rng: Rng) -> Thing:
    """Draw a left-facing manji in the middle of a lotus flower."""
    board, n = Board(), int(rng.choice([8, 10, 12]))
    inks = ((222, 110, 140), (240, 170, 186)) if rng.random() < 0.6 else (GOLD, CREAM)
    for reach, turn, ink in ((0.99, 180 / n, inks[0]), (0.88, 0.0, inks[1])):
        for i in range(n):
            t = 360 * i / n + turn
            sides = ((0.4, -15), (reach * 0.75, -13), (reach, 0), (reach * 0.75, 13), (0.4, 15))
            board.poly([polar(r, t + turned) for r, turned in sides], ink)
    board.disc(0, 0, 0.55, CREAM if inks[0] != GOLD else MAROON)
    hooked_cross(board, 0, 0, 0.34, 0.27, MAROON if inks[0] != GOLD else GOLD, left=True)
    return board.thing()


def windmill(rng: Rng) -> Thing:
    """Draw a windmill with four lattice sails."""
    board, turn = Board(), float(rng.uniform(0, 90))
    board.poly(
        [(-0.34, 0.99), (-0.2, -0.3), (0.2, -0.3), (0.34, 0.99)], [CREAM, BROWN, GREY][int(rng.integers(3))]
    )
    board.disc(0, -0.32, 0.21, (70, 40, 34))
    board.box(-0.08, 0.7, 0.08, 0.99, (60, 40, 30))
    for i in range(4):
        t = turn + 90 * i
        (cx, cy), (sx, sy) = polar(1, t), polar(1, t + 90)

        def on(a: float, b: float, c: tuple[float, ...] = (cx, cy, sx, sy)) -> Point:
            """Return the point at a along the sail and b across it."""
            return a * c[0] + b * c[2], -0.32 + a * c[1] + b * c[3]

        board.line([on(0, 0), on(0.66, 0)], 0.03, (50, 36, 28))
        board.poly([on(0.16, 0), on(0.66, 0), on(0.66, 0.14), on(0.16, 0.14)], (236, 230, 214))
        for k in range(6):
            board.line([on(0.16 + k * 0.1, 0), on(0.16 + k * 0.1, 0.14)], 0.016, (50, 36, 28))
        board.line([on(0.16, 0.14), on(0.66, 0.14)], 0.016, (50, 36, 28))
        board.line([on(0.16, 0.07), on(0.66, 0.07)], 0.012, (50, 36, 28))
    return board.thing(0, -0.1, 1.9)


def pinwheel(rng: Rng) -> Thing:
    """Draw a paper pinwheel on a stick."""
    board, turn = Board(), float(rng.uniform(0, 90))
    board.line([(0, 0), (0.02, 0.99)], 0.05, CREAM)
    inks = [RED, SAFFRON, (40, 110, 190), GREEN]
    if rng.random() < 0.4:
        inks = [RED, RED, RED, RED]
    for i in range(4):
        t = turn + 90 * i
        board.poly([(0, 0), polar(0.72, t), polar(0.5, t + 52)], inks[i])
        light = [min(255, c + 60) for c in inks[i]]
        board.poly([(0, 0), polar(0.5, t + 52), polar(0.26, t + 62)], (light[0], light[1], light[2]))
    board.disc(0, 0, 0.06, GOLD)
    return board.thing(0, 0.15, 1.7)


def ceiling_fan(rng: Rng) -> Thing:
    """Draw a ceiling fan seen from below."""
    board, n, turn = Board(), int(rng.choice([3, 4, 4, 5])), float(rng.uniform(0, 90))
    blade = [BROWN, WHITE, (50, 44, 42), SILVER][int(rng.integers(4))]
    for i in range(n):
        t = turn + 360 * i / n
        board.poly(
            [polar(0.2, t - 10), polar(0.96, t - 9), polar(0.99, t), polar(0.97, t + 8), polar(0.2, t + 14)],
            blade,
        )
        board.line([polar(0.1, t), polar(0.34, t)], 0.05, GOLD)
    board.disc(0, 0, 0.2, GOLD)
    board.disc(0, 0, 0.14, (250, 244, 216))
    return board.thing()


def tetris(rng: Rng) -> Thing:
    """Draw a game of falling four-square pieces."""
    board, u = Board(), 0.2
    board.box(-1, -1, 1, 1, (20, 22, 36))
    pieces = ["XX.|.XX", ".XX|XX.", "X..|XXX", "XXX|.X.", "XXXX", "XX|XX"]
    inks = [RED, GREEN, (40, 90, 200), (150, 60, 190), (60, 190, 210), SAFFRON, ORANGE]
    taken: set[tuple[int, int]] = set()
    for _ in range(60):
        cells = np.array([[c == "X" for c in row] for row in pieces[int(rng.integers(6))].split("|")])
        cells = np.rot90(cells, int(rng.integers(4)))
        column = int(rng.integers(0, 11 - cells.shape[1]))
        row = int(rng.integers(2, 11 - cells.shape[0]))
        spots = {(row + int(a), column + int(b)) for a, b in np.argwhere(cells)}
        if spots & taken:
            continue
        taken |= spots
        ink = inks[int(rng.integers(7))]
        for a, b in spots:
            board.box(
                -1 + b * u + 0.01, -1 + a * u + 0.01, -1 + (b + 1) * u - 0.01, -1 + (a + 1) * u - 0.01, ink
            )
    return board.thing()


def quilt(rng: Rng) -> Thing:
    """Draw a patchwork of pinwheel blocks."""
    board, n = Board(), int(rng.choice([2, 3, 4]))
    inks = [[NAVY, CREAM], [MAROON, WHITE], [GREEN, SAFFRON], [(150, 90, 130), CREAM]][int(rng.integers(4))]
    u = 2 / n
    for row in range(n):
        for column in range(n):
            x, y = -1 + column * u, -1 + row * u
            board.box(x, y, x + u, y + u, inks[1])
            cx, cy, h = x + u / 2, y + u / 2, u / 2
            for arm in ([(0, 0), (0, -h), (h, -h)], [(0, 0), (h, 0), (h, h)], [(0, 0), (0, h), (-h, h)]):
                board.poly([(cx + a, cy + b) for a, b in arm], inks[0])
            board.poly([(cx, cy), (cx - h, cy), (cx - h, cy - h)], inks[0])
            board.line([(x, y), (x + u, y), (x + u, y + u)], 0.012, GREY)
    return board.thing()


def plain_cross(rng: Rng) -> Thing:
    """Draw the red cross on white, on a square or a disc."""
    board, w = Board(), float(rng.uniform(0.2, 0.28))
    if rng.random() < 0.5:
        board.box(-0.98, -0.98, 0.98, 0.98, WHITE)
    else:
        board.disc(0, 0, 0.98, WHITE)
    board.box(-0.68, -w, 0.68, w, (216, 24, 34))
    board.box(-w, -0.68, w, 0.68, (216, 24, 34))
    return board.thing()


def swiss(rng: Rng) -> Thing:
    """Draw the Swiss flag."""
    board = Board()
    board.box(-0.98, -0.98, 0.98, 0.98, (214, 20, 28))
    a, w = 0.61, 0.185 + float(rng.uniform(-0.01, 0.01))
    board.box(-a, -w, a, w, WHITE)
    board.box(-w, -a, w, a, WHITE)
    return board.thing()


def high_cross(rng: Rng) -> Thing:
    """Draw an Irish high cross: long shaft, ring behind flared arms, knotwork, plinth."""
    board = Board()
    stone = [(132, 130, 122), (104, 108, 104), (160, 152, 136)][int(rng.integers(3))]
    dark = (stone[0] - 42, stone[1] - 42, stone[2] - 40)
    board.poly([(-0.42, 0.99), (-0.3, 0.76), (0.3, 0.76), (0.42, 0.99)], dark)
    board.ring(0, -0.38, 0.36, 0.1, dark)
    board.poly(
        [(-0.2, 0.78), (-0.11, -0.38), (-0.15, -0.97), (0.15, -0.97), (0.11, -0.38), (0.2, 0.78)], stone
    )
    for side in (-1, 1):
        board.poly([(0, -0.48), (side * 0.6, -0.53), (side * 0.6, -0.24), (0, -0.28)], stone)
    for i in range(7):
        y = -0.1 + i * 0.12
        board.ring(0, y, 0.065, 0.022, dark)
    for x, y in ((-0.44, -0.38), (-0.28, -0.38), (0.28, -0.38), (0.44, -0.38), (0, -0.8), (0, -0.64)):
        board.ring(x, y, 0.06, 0.022, dark)
    board.ring(0, -0.38, 0.09, 0.03, dark)
    board.disc(0, -0.38, 0.04, dark)
    return board.thing()


def danger(rng: Rng) -> Thing:
    """Draw the yellow triangle which warns of electricity."""
    board, h = Board(), float(rng.uniform(0.8, 0.95))
    for size, ink in ((1.0, BLACK), (0.82, (246, 206, 30))):
        board.poly([(polar(size, t)[0] * 1.05, polar(size, t)[1] * 1.05 + 0.24) for t in (-90, 30, 150)], ink)
    flash = [
        (0.14, -0.45),
        (-0.16, 0.16),
        (0.02, 0.14),
        (-0.08, 0.5),
        (-0.15, 0.44),
        (-0.1, 0.66),
        (0.06, 0.52),
    ]
    flash += [(-0.01, 0.52), (0.17, 0.04), (0.0, 0.06), (0.24, -0.45)]
    board.poly([(x * h, y * h + 0.05) for x, y in flash], BLACK)
    return board.thing(0, -0.03, 1.6)


EMBLEMS: dict[str, Callable[[Rng], Thing]] = {
    "iron-cross-swastika": iron_cross, "hindu-dots": dotted, "jain-emblem": jain, "lotus-manji": lotus,
    "red-cross": plain_cross, "swiss-flag": swiss, "danger-triangle": danger, "pinwheel": pinwheel,
}  # fmt: skip
SCENES: dict[str, Callable[[Rng], Thing]] = {
    "gate-manji": gate, "map-manji": temple_map, "doorway": doorway, "buddha-manji": buddha,
    "windmill": windmill, "ceiling-fan": ceiling_fan, "tetris": tetris, "quilt": quilt,
    "high-cross": high_cross,
}  # fmt: skip
