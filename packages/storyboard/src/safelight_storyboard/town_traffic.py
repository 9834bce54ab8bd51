"""Traffic of towns and ports: school buses, double-decker buses, taxis, scooters, cargo ships, dragon boats.

One unit is the height of the vehicle.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.buildings import box
from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.figures import Drawing, Pen, Tones
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.raster import rgb
from safelight_storyboard.road_vehicles import wheel, windows
from safelight_storyboard.subject_kinds import SubjectKind as Kind
from safelight_storyboard.vehicles import car

_LAMP = rgb("#faebbe")


def school_bus(pen: Pen, phase: float, tones: Tones) -> None:
    """A school bus: a long body with black stripes, a short bonnet and a stop sign."""
    black = tones.dark * np.float32(0.25)
    box(pen, -1.4, 0.18, 0.9, 0.98, tones.body)
    pen.limb((-1.34, 0.97), (0.84, 0.97), 0.06, 0.06, tones.body)
    pen.shape([(0.88, 0.18), (1.46, 0.18), (1.46, 0.48), (1.36, 0.58), (0.88, 0.6)], tones.body)
    for y in (0.3, 0.42):
        box(pen, -1.41, y, 0.9, y + 0.03, black)
    windows(pen, -1.3, 0.46, 6, 0.54, 0.84, tones.skin)
    box(pen, 0.52, 0.2, 0.78, 0.86, black)
    box(pen, 0.56, 0.3, 0.74, 0.82, tones.skin)
    pen.shape([(0.84, 0.6), (1.0, 0.6), (0.9, 0.88), (0.84, 0.88)], tones.skin)
    pen.oval((1.42, 0.36), (0.05, 0.06), _LAMP)
    box(pen, 1.36, 0.16, 1.5, 0.22, black)
    for x in (-1.2, 0.66):
        pen.disc((x, 0.96), 0.045, rgb("#d8402a"))
    pen.limb((-0.36, 0.36), (-0.2, 0.36), 0.012, 0.012, black)
    pen.shape([(-0.2 + 0.1 * math.cos(a), 0.36 + 0.1 * math.sin(a))
            for a in np.arange(0.39, 6.3, math.pi / 4)],
              rgb("#c8281e"))  # fmt: skip
    for x in (-0.9, 1.06):
        wheel(pen, x, 0.19, phase, tones)


def double_decker(pen: Pen, phase: float, tones: Tones) -> None:
    """A bus with two floors."""
    box(pen, -0.92, 0.1, 0.92, 0.98, tones.body)
    pen.limb((-0.87, 0.97), (0.87, 0.97), 0.05, 0.05, tones.body)
    box(pen, -0.93, 0.5, 0.93, 0.55, tones.body * np.float32(0.7))
    windows(pen, -0.86, 0.86, 6, 0.64, 0.86, tones.skin)
    windows(pen, -0.5, 0.6, 4, 0.28, 0.46, tones.skin)
    box(pen, -0.88, 0.12, -0.6, 0.46, tones.dark)
    pen.shape([(0.68, 0.26), (0.92, 0.26), (0.92, 0.46), (0.68, 0.46)], tones.skin)
    box(pen, 0.2, 0.56, 0.62, 0.62, tones.dark)
    pen.oval((0.9, 0.18), (0.03, 0.035), _LAMP)
    for x in (-0.42, 0.52):
        wheel(pen, x, 0.12, phase, tones)


def taxi(pen: Pen, phase: float, tones: Tones) -> None:
    """A car with a lit sign on the roof and a row of checks."""
    car(pen, phase, tones)
    box(pen, -0.34, 0.98, 0.08, 1.14, tones.dark * np.float32(0.4))
    box(pen, -0.31, 1.0, 0.05, 1.12, rgb("#fff0b8"))
    for number in range(16):
        x = -1.1 + number * 0.13
        box(
            pen,
            x,
            0.44 + 0.05 * (number % 2),
            x + 0.13,
            0.49 + 0.05 * (number % 2),
            tones.dark * np.float32(0.3),
        )


def scooter(pen: Pen, phase: float, tones: Tones) -> None:
    """A motor scooter with a rider who wears a helmet."""
    for x in (-0.4, 0.46):
        wheel(pen, x, 0.15, phase, tones)
    pen.shape([(-0.62, 0.3), (-0.56, 0.5), (-0.1, 0.52), (0.0, 0.24),
            (-0.2, 0.17), (-0.3, 0.28), (-0.5, 0.3)],
              tones.body)  # fmt: skip
    pen.limb((-0.1, 0.2), (0.3, 0.2), 0.045, 0.04, tones.body)
    pen.limb((0.28, 0.2), (0.4, 0.66), 0.075, 0.045, tones.body)
    pen.shape([(0.3, 0.22), (0.34, 0.3), (0.52, 0.34), (0.62, 0.2)], tones.body * np.float32(0.8))
    pen.limb((0.4, 0.66), (0.3, 0.78), 0.022, 0.02, tones.dark)
    pen.oval((0.46, 0.64), (0.05, 0.06), _LAMP)
    pen.limb((-0.56, 0.53), (-0.12, 0.55), 0.045, 0.04, tones.dark * np.float32(0.5))
    hip, chest = (-0.22, 0.64), (-0.12, 1.0)
    pen.limb(hip, (0.12, 0.56), 0.075, 0.055, tones.dark)
    pen.limb((0.12, 0.56), (0.14, 0.28), 0.05, 0.04, tones.dark)
    pen.limb((0.14, 0.26), (0.23, 0.25), 0.035, 0.03, tones.dark * np.float32(0.5))
    pen.limb(hip, chest, 0.085, 0.1, tones.accent)
    pen.limb((chest[0], chest[1] - 0.02), (0.08, 0.84), 0.045, 0.036, tones.accent)
    pen.limb((0.08, 0.84), (0.3, 0.78), 0.036, 0.03, tones.accent)
    head = (-0.06 + 0.01 * math.sin(phase), 1.18)
    pen.disc((head[0] + 0.03, head[1] - 0.02), 0.095, rgb("#d8a684"))
    pen.oval((head[0] - 0.01, head[1] + 0.03), (0.125, 0.11), tones.body)
    pen.limb((head[0] + 0.02, head[1] + 0.03), (head[0] + 0.15, head[1] + 0.02), 0.02, 0.015, tones.dark)


def delivery_scooter(pen: Pen, phase: float, tones: Tones) -> None:
    """A scooter with a large delivery box behind the rider."""
    box(pen, -0.82, 0.56, -0.34, 1.02, tones.body)
    box(pen, -0.82, 0.94, -0.34, 1.02, tones.body * np.float32(0.7))
    box(pen, -0.7, 0.68, -0.46, 0.84, rgb("#f4f0e6"))
    scooter(pen, phase, tones)


def cargo_ship(pen: Pen, _phase: float, tones: Tones) -> None:
    """A container ship: stacks of containers and the bridge at the stern."""
    stacks = ("#c0443a", "#3f7a9a", "#d9a03a", "#5a8a5a", "#8a8f96", "#b0683a")
    shade = np.float32(0.25)
    for column in range(9):
        x = -0.82 + column * 0.22
        for row in range((3, 4, 4, 3, 4, 4, 3, 3, 2)[column]):
            tone = rgb(stacks[(column * 2 + row * 5) % 6]) * (1 - shade) + tones.dark * shade
            box(pen, x, 0.36 + row * 0.115, x + 0.205, 0.465 + row * 0.115, tone)
            for line in range(4):
                at = x + 0.03 + line * 0.048
                pen.limb(
                    (at, 0.375 + row * 0.115), (at, 0.45 + row * 0.115), 0.004, 0.004, tone * np.float32(0.8)
                )
    white = tones.skin * np.float32(0.3) + np.float32(150)
    box(pen, -1.3, 0.34, -0.92, 0.96, white)
    box(pen, -1.36, 0.84, -0.86, 0.95, white * np.float32(0.9))
    windows(pen, -1.34, -0.88, 5, 0.87, 0.92, tones.dark)
    windows(pen, -1.28, -0.94, 4, 0.6, 0.66, tones.dark)
    windows(pen, -1.28, -0.94, 4, 0.45, 0.51, tones.dark)
    box(pen, -1.24, 0.96, -1.08, 1.1, tones.accent)
    pen.limb((-1.0, 0.96), (-1.0, 1.12), 0.01, 0.006, tones.dark)
    pen.limb((1.36, 0.4), (1.36, 0.66), 0.012, 0.008, tones.dark)
    pen.shape(
        [(-1.5, 0.36), (1.3, 0.36), (1.62, 0.46), (1.4, -0.06), (-1.36, -0.06), (-1.46, 0.1)], tones.body
    )
    pen.shape([(-1.43, 0.05), (1.44, 0.05), (1.4, -0.06), (-1.36, -0.06)], tones.accent)


def dragon_boat(pen: Pen, phase: float, tones: Tones) -> None:
    """A dragon boat: a long hull with a dragon's head and tail, paddlers and a drummer."""
    pull = math.sin(phase * 2.2)
    for number in range(7):
        x = -0.95 + number * 0.28
        lean = 0.06 + 0.05 * pull
        pen.limb((x, 0.24), (x + lean, 0.5), 0.062, 0.07, tones.accent)
        pen.disc((x + lean + 0.02, 0.63), 0.06, tones.skin)
        pen.limb((x + lean, 0.48), (x + 0.18 + 0.06 * pull, 0.36), 0.03, 0.024, tones.accent)
        pen.limb((x + 0.12 + 0.04 * pull, 0.46), (x + 0.24 + 0.1 * pull, -0.06), 0.014, 0.014, tones.dark)
        pen.oval((x + 0.25 + 0.1 * pull, -0.06), (0.03, 0.07), tones.dark, -0.25)
    box(pen, 1.04, 0.26, 1.22, 0.42, rgb("#c8281e"))
    pen.oval((1.13, 0.42), (0.09, 0.03), rgb("#f0e0c0"))
    hull = [
        (-1.55, 0.5),
        (-1.3, 0.22),
        (1.35, 0.22),
        (1.6, 0.4),
        (1.5, 0.06),
        (1.2, -0.08),
        (-1.2, -0.08),
        (-1.45, 0.1),
    ]
    pen.shape(hull, tones.body)
    for number in range(16):
        pen.oval((-1.2 + number * 0.165, 0.08), (0.07, 0.045), rgb("#e0b040") if number % 2 else tones.accent)
    gold, red = rgb("#e8b43a"), rgb("#c8321e")
    pen.limb((1.5, 0.22), (1.66, 0.6), 0.12, 0.1, tones.body)
    pen.oval((1.74, 0.68), (0.17, 0.12), gold, 0.2)
    pen.shape([(1.78, 0.7), (2.04, 0.72), (2.02, 0.63), (1.82, 0.62)], gold)
    pen.shape([(1.8, 0.6), (1.98, 0.56), (1.96, 0.5), (1.74, 0.54)], gold * np.float32(0.85))
    pen.shape([(1.82, 0.62), (2.0, 0.62), (1.97, 0.57), (1.8, 0.57)], red)
    pen.disc((1.78, 0.74), 0.03, rgb("#fff4e0"))
    pen.disc((1.79, 0.74), 0.015, rgb("#201810"))
    for dx, dy in ((-0.1, 0.24), (-0.02, 0.27)):
        pen.limb((1.7, 0.76), (1.7 + dx, 0.74 + dy), 0.024, 0.008, red)
    for step in range(5):
        pen.shape([(1.6 - step * 0.02, 0.72 - step * 0.1), (1.44 - step * 0.03, 0.74 - step * 0.1),
                   (1.56 - step * 0.02, 0.62 - step * 0.1)], red)  # fmt: skip
    pen.limb((-1.48, 0.34), (-1.68, 0.68), 0.07, 0.03, tones.body)
    pen.shape([(-1.66, 0.62), (-1.86, 0.86), (-1.62, 0.78), (-1.56, 0.9), (-1.54, 0.66)], red)


def _entry(
    draw: Drawing,
    share: float,
    extent: tuple[float, float, float, float],
    homes: tuple[Env, ...],
    colours: tuple[str, ...],
    *,
    accent: str,
    speed: float,
    most: int = 3,
    motion: Motion = Motion.GROUND,
    pale: str = "#d9a888",
) -> Entry:
    return Entry(
        make=always(draw), share=share, extent=extent, homes=homes, colours=colours, accent=accent, pale=pale,
        motion=motion, speed=speed, rate=3.6, shadow=2.6 if extent[0] > 1 else 1.2, most=most,
    )  # fmt: skip


_ROAD, _LONG = (Env.STREET,), (1.55, 1.55, 1.2, 0.05)
TOWN_TRAFFIC: dict[Kind, Entry] = {
    Kind.SCHOOL_BUS: _entry(school_bus, 0.3, _LONG, _ROAD, ("#f0be28",), accent="#2a2a2a", speed=0.9),
    Kind.DOUBLE_DECKER: _entry(double_decker, 0.44, (1.05, 1.05, 1.1, 0.05), _ROAD, ("#c0281e",),
                               accent="#2a2a2a", speed=0.6),
    Kind.TAXI: _entry(taxi, 0.165, (1.55, 1.55, 1.25, 0.05), _ROAD, ("#f0be28",), accent="#f0be28", speed=1.8,
                      most=4),
    Kind.SCOOTER: _entry(scooter, 0.28, (0.85, 0.8, 1.4, 0.05),
            _ROAD, ("#c8432f", "#3f8a8a"), accent="#4f6d8a",
                         speed=1.3, most=4),
    Kind.DELIVERY_RIDER: _entry(delivery_scooter, 0.3, (0.95, 0.8, 1.4, 0.05), _ROAD, ("#e0762f",),
                                accent="#3f6a5c", speed=1.2),
    Kind.CARGO_SHIP: _entry(cargo_ship, 0.3, (1.6, 1.75, 1.25, 0.14), (Env.SEA,), ("#2f3f56",),
                            accent="#a8382c", speed=0.14, most=2, motion=Motion.AFLOAT, pale="#ffe6b0"),
    Kind.DRAGON_BOAT: _entry(dragon_boat, 0.24, (2.0, 2.15, 1.15, 0.2), (Env.LAKE,), ("#2f7a5a",),
                             accent="#d0442f", speed=0.3, motion=Motion.AFLOAT),
}  # fmt: skip
