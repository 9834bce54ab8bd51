"""Vehicles of work and travel: garbage trucks, ambulances, excavators, cranes, carriages, drones, gliders ...

One unit is the height of a vehicle on the ground, and about the length of one in the air.
"""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard import animals
from safelight_storyboard.buildings import box
from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.figures import Drawing, Pen, Point, Tones, step_to
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.lexicon import Tint
from safelight_storyboard.road_vehicles import cab, wheel, windows
from safelight_storyboard.subject_kinds import SubjectKind as Kind
from safelight_storyboard.vehicles import car

_STEEL = np.array([150, 150, 150], np.float32)
_RED, _BLUE = np.array([50, 50, 220], np.float32), np.array([230, 130, 50], np.float32)


def _wheels(pen: Pen, at: tuple[float, ...], radius: float, phase: float, tones: Tones) -> None:
    for x in at:
        wheel(pen, x, radius, phase, tones)


def _tracks(pen: Pen, left: float, right: float, high: float, phase: float, tones: Tones) -> None:
    """A crawler track."""
    pen.limb((left, high / 2), (right, high / 2), high / 2, high / 2, tones.dark * np.float32(0.5))
    count = 5
    for number in range(count):
        x = left + (right - left) * number / (count - 1)
        pen.disc((x, high / 2), high * 0.33, tones.skin * np.float32(0.5))
        pen.limb((x, high / 2), step_to((x, high / 2), -phase * 2, high * 0.3), 0.02, 0.02, tones.dark)


def garbage_truck(pen: Pen, phase: float, tones: Tones) -> None:
    """A garbage truck with a bin at its loader."""
    pen.shape([(-1.25, 0.26), (0.62, 0.26), (0.62, 1.04), (-0.95, 1.04), (-1.3, 0.66)], tones.body)
    for x in (-0.7, -0.3, 0.1):
        pen.limb((x, 0.3), (x, 1.02), 0.02, 0.02, tones.dark)
    pen.shape([(-1.3, 0.66), (-1.0, 1.0), (-0.96, 0.5), (-1.3, 0.3)], tones.dark)
    cab(pen, tones)
    box(pen, -1.3, 0.18, 1.3, 0.26, tones.dark)
    lift = 0.22 + 0.12 * math.sin(phase * 0.5)
    pen.limb((-1.25, 0.4), (-1.45, lift + 0.25), 0.03, 0.03, tones.dark)
    pen.shape([(-1.72, lift + 0.42), (-1.38, lift + 0.42), (-1.42, lift), (-1.68, lift)], tones.accent)
    box(pen, -1.75, lift + 0.42, -1.35, lift + 0.48, tones.accent * np.float32(0.7))
    pen.oval((0.8, 0.93), (0.07, 0.045), np.array([40, 170, 250], np.float32))
    _wheels(pen, (-0.95, -0.55, 0.98), 0.2, phase, tones)


def ambulance(pen: Pen, phase: float, tones: Tones) -> None:
    pen.shape([(-1.25, 0.2), (1.3, 0.2), (1.3, 0.46), (1.02, 0.56), (0.82, 0.94), (-1.25, 0.98)], tones.body)
    pen.shape([(0.5, 0.56), (0.94, 0.56), (0.78, 0.86), (0.5, 0.86)], tones.skin)
    box(pen, -1.25, 0.36, 1.28, 0.44, tones.accent)
    box(pen, -0.56, 0.5, -0.44, 0.86, _RED)
    box(pen, -0.68, 0.62, -0.32, 0.74, _RED)
    box(pen, 0.02, 0.58, 0.34, 0.84, tones.skin)
    on = math.sin(phase * 1.2) > 0
    pen.oval((0.62, 1.0), (0.13, 0.06), _BLUE if on else _RED)
    pen.oval((-0.9, 1.02), (0.12, 0.05), _RED if on else _BLUE)
    pen.oval((1.27, 0.34), (0.05, 0.05), np.array([190, 235, 250], np.float32))
    _wheels(pen, (-0.78, 0.86), 0.2, phase, tones)


def police_car(pen: Pen, phase: float, tones: Tones) -> None:
    car(pen, phase, tones)
    box(pen, -0.5, 0.38, 0.42, 0.6, np.array([235, 236, 238], np.float32))
    on = math.sin(phase * 1.2) > 0
    box(pen, -0.36, 0.99, 0.1, 1.03, tones.dark)
    pen.oval((-0.25, 1.06), (0.11, 0.05), _BLUE if on else _RED)
    pen.oval((0.0, 1.06), (0.11, 0.05), _RED if on else _BLUE)


def pickup(pen: Pen, phase: float, tones: Tones) -> None:
    pen.shape([(-1.35, 0.2), (1.35, 0.2), (1.35, 0.48), (0.86, 0.56), (0.56, 0.92), (-0.16, 0.92),
               (-0.2, 0.58), (-1.35, 0.58)], tones.body)  # fmt: skip
    pen.shape([(-0.08, 0.58), (0.22, 0.58), (0.22, 0.84), (-0.06, 0.84)], tones.skin)
    pen.shape([(0.28, 0.58), (0.74, 0.56), (0.52, 0.84), (0.28, 0.84)], tones.skin)
    for x in (-1.05, -0.7, -0.42):
        box(pen, x - 0.14, 0.56, x + 0.14, 0.76, tones.accent)
    box(pen, -1.36, 0.5, -0.2, 0.58, tones.body)
    _wheels(pen, (-0.85, 0.86), 0.21, phase, tones)


def bulldozer(pen: Pen, phase: float, tones: Tones) -> None:
    _tracks(pen, -0.7, 0.55, 0.36, phase, tones)
    pen.shape([(-0.72, 0.36), (0.62, 0.36), (0.62, 0.62), (-0.1, 0.66), (-0.72, 0.66)], tones.body)
    for x in (-0.62, -0.1):
        pen.limb((x, 0.64), (x, 1.06), 0.025, 0.025, tones.dark)
    box(pen, -0.56, 0.66, -0.14, 0.98, tones.skin)
    box(pen, -0.72, 1.04, 0.0, 1.12, tones.body)
    pen.limb((0.3, 0.64), (0.3, 0.9), 0.03, 0.03, tones.dark)
    pen.limb((0.2, 0.3), (0.85, 0.24), 0.04, 0.04, tones.dark)
    pen.shape([(0.86, 0.0), (1.06, 0.06), (0.98, 0.3), (1.06, 0.58), (0.92, 0.62), (0.84, 0.3)], tones.accent)
    pen.shape([(0.95, 0.0), (1.55, 0.0), (1.3, 0.2), (1.05, 0.3)], np.array([60, 84, 110], np.float32))


def excavator(pen: Pen, phase: float, tones: Tones) -> None:
    """An excavator that digs."""
    _tracks(pen, -0.55, 0.45, 0.3, phase * 0.2, tones)
    pen.shape([(-0.72, 0.36), (0.42, 0.36), (0.42, 0.62), (-0.2, 0.66), (-0.72, 0.66)], tones.body)
    pen.shape([(-0.16, 0.62), (0.4, 0.62), (0.36, 1.02), (-0.12, 1.02)], tones.body)
    pen.shape([(-0.06, 0.66), (0.34, 0.66), (0.31, 0.96), (-0.04, 0.96)], tones.skin)
    swing = 0.12 * math.sin(phase * 0.6)
    elbow, wrist = (1.0, 1.32 + swing), (1.5, 0.62 + swing * 1.6)
    pen.limb((0.36, 0.62), elbow, 0.08, 0.06, tones.body)
    pen.limb(elbow, wrist, 0.06, 0.045, tones.body)
    pen.limb((0.5, 0.66), (0.86, 1.14 + swing), 0.025, 0.025, _STEEL)
    x, y = wrist
    pen.shape([(x + 0.08, y + 0.04), (x - 0.3, y - 0.08), (x - 0.26, y - 0.34), (x + 0.06, y - 0.3)],
              tones.dark)  # fmt: skip
    for number in range(3):
        pen.disc((1.3 + 0.16 * number, 0.05), 0.12, np.array([60, 84, 110], np.float32))


def crane(pen: Pen, phase: float, tones: Tones) -> None:
    """A tower crane with a swinging load."""
    box(pen, -0.2, 0.0, 0.2, 0.05, tones.dark)
    for x in (-0.05, 0.05):
        pen.limb((x, 0.0), (x, 0.92), 0.012, 0.012, tones.body)
    for number in range(11):
        y = 0.04 + number * 0.08
        side = 0.05 if number % 2 else -0.05
        pen.limb((-side, y), (side, y + 0.08), 0.007, 0.007, tones.body)
    box(pen, -0.06, 0.86, 0.08, 0.94, tones.skin)
    for y in (0.94, 1.0):
        pen.limb((-0.3, y), (0.8, y if y < 0.95 else 0.96), 0.011, 0.011, tones.body)
    for number in range(13):
        x = -0.28 + number * 0.08
        pen.limb((x, 0.94), (x + 0.04, 0.99), 0.006, 0.006, tones.body)
    pen.limb((0.0, 0.98), (0.0, 1.12), 0.012, 0.01, tones.body)
    for x in (-0.28, 0.62):
        pen.thread([(0.0, 1.12), (x, 0.98)], 0.01, tones.dark)
    box(pen, -0.32, 0.84, -0.2, 0.95, tones.dark)
    swing = 0.03 * math.sin(phase * 0.7)
    pen.thread([(0.56, 0.94), (0.56 + swing, 0.5)], 0.01, tones.dark)
    pen.limb((0.42 + swing, 0.48), (0.7 + swing, 0.48), 0.022, 0.022, tones.accent)


def combine(pen: Pen, phase: float, tones: Tones) -> None:
    """A combine harvester with its turning reel in the corn."""
    corn = np.array([80, 170, 214], np.float32)
    for number in range(14):
        x = 1.05 + number * 0.07
        pen.limb((x, 0.0), (x + 0.02, 0.4), 0.01, 0.016, corn)
        pen.oval((x + 0.02, 0.43), (0.02, 0.06), corn)
    pen.shape([(-1.1, 0.3), (0.4, 0.3), (0.5, 0.62), (0.4, 0.92), (-0.9, 0.92), (-1.1, 0.7)], tones.body)
    box(pen, -0.8, 0.92, -0.1, 1.04, tones.accent)
    pen.shape([(0.1, 0.62), (0.62, 0.6), (0.56, 1.12), (0.14, 1.12)], tones.skin)
    box(pen, 0.08, 1.1, 0.64, 1.16, tones.body)
    pen.limb((0.4, 0.4), (0.95, 0.18), 0.09, 0.06, tones.dark)
    pen.limb((-0.5, 0.98), (-1.25, 1.14), 0.045, 0.035, tones.body)
    hub = (1.08, 0.32)
    for number in range(6):
        end = step_to(hub, -phase + number * math.tau / 6, 0.28)
        pen.limb(hub, end, 0.012, 0.012, tones.accent)
        pen.limb((end[0] - 0.06, end[1]), (end[0] + 0.06, end[1]), 0.018, 0.018, tones.accent)
    wheel(pen, 0.2, 0.34, phase, tones)
    wheel(pen, -0.8, 0.22, phase, tones)


def forklift(pen: Pen, phase: float, tones: Tones) -> None:
    lift = 0.3 + 0.2 * math.sin(phase * 0.5)
    pen.shape([(-0.72, 0.2), (0.36, 0.2), (0.36, 0.46), (0.0, 0.5), (-0.36, 0.62), (-0.72, 0.6)], tones.body)
    for a, b in (((-0.56, 0.58), (-0.46, 1.16)), ((0.26, 0.44), (0.2, 1.16))):
        pen.limb(a, b, 0.025, 0.025, tones.dark)
    box(pen, -0.52, 1.14, 0.26, 1.2, tones.dark)
    pen.limb((-0.22, 0.56), (-0.16, 0.82), 0.1, 0.08, tones.accent)
    pen.disc((-0.13, 0.96), 0.085, tones.skin)
    for x in (0.42, 0.52):
        pen.limb((x, 0.1), (x, 1.3), 0.025, 0.025, tones.dark)
    pen.limb((0.52, lift), (1.1, lift), 0.022, 0.022, tones.dark)
    wood = np.array([70, 120, 170], np.float32)
    for x in (0.6, 0.86):
        for y in (lift + 0.03, lift + 0.3):
            box(pen, x, y, x + 0.24, y + 0.25, wood)
            pen.limb((x, y + 0.12), (x + 0.24, y + 0.12), 0.01, 0.01, wood * np.float32(0.7))
    _wheels(pen, (-0.5, 0.2), 0.19, phase, tones)


def cement_mixer(pen: Pen, phase: float, tones: Tones) -> None:
    cab(pen, tones)
    box(pen, -1.3, 0.2, 1.3, 0.28, tones.dark)
    pen.limb((-1.05, 0.78), (0.3, 0.62), 0.16, 0.34, tones.accent)
    for number in range(4):
        x = -0.95 + ((phase * 0.12 + number / 4) % 1.0) * 1.2
        half = 0.16 + (x + 1.05) * 0.13
        y = 0.78 - (x + 1.05) * 0.12
        pen.limb((x - 0.08, y - half * 0.9), (x + 0.08, y + half * 0.9), 0.03, 0.03, tones.body)
    pen.shape([(-1.3, 0.9), (-1.02, 0.98), (-1.0, 0.76), (-1.16, 0.7)], tones.dark)
    pen.limb((-1.2, 0.66), (-1.4, 0.3), 0.03, 0.03, tones.dark)
    _wheels(pen, (-0.95, -0.5, 0.98), 0.2, phase, tones)


def carriage(pen: Pen, phase: float, tones: Tones) -> None:
    """A carriage with a horse in front of it."""
    animals.horse(pen.part((1.25, 0.0)), phase, tones, run=False, still=False)
    pen.limb((-0.1, 0.42), (1.0, 0.62), 0.018, 0.016, tones.dark)
    pen.shape([(-1.15, 0.4), (-0.2, 0.36), (-0.1, 0.62), (-0.2, 0.9), (-1.05, 0.9), (-1.2, 0.64)],
              tones.accent)  # fmt: skip
    pen.shape([(-1.12, 0.9), (-0.16, 0.9), (-0.28, 1.0), (-1.0, 1.0)], tones.dark)
    for x in (-0.95, -0.55):
        box(pen, x, 0.6, x + 0.26, 0.84, tones.skin)
    pen.limb((-0.02, 0.62), (0.02, 0.92), 0.07, 0.06, tones.dark)
    pen.disc((0.03, 1.04), 0.06, tones.skin)
    box(pen, -0.05, 1.07, 0.11, 1.17, tones.dark)
    pen.thread([(0.06, 0.84), (1.9, 1.0)], 0.01, tones.dark)
    for x, radius in ((-0.92, 0.32), (-0.12, 0.25)):
        rim = [
            (x + math.cos(a) * radius, radius + math.sin(a) * radius) for a in np.linspace(0, math.tau, 30)
        ]
        points: list[Point] = [(float(p), float(q)) for p, q in rim]
        pen.thread(points, 0.035, tones.dark)
        for spoke in range(8):
            end = step_to((x, radius), -phase * 0.6 + spoke * math.tau / 8, radius)
            pen.limb((x, radius), end, 0.01, 0.01, tones.dark)


def sled(pen: Pen, phase: float, tones: Tones) -> None:
    """A sled with a person, pulled by two dogs."""
    for number, x in enumerate((1.5, 2.3)):
        animals.dog(pen.part((x, 0.0)), phase + number, tones, run=True, still=False)
    pen.thread([(0.75, 0.3), (2.5, 0.5)], 0.014, tones.dark)
    pen.limb((-0.85, 0.06), (0.7, 0.06), 0.028, 0.028, tones.dark)
    pen.limb((0.7, 0.06), (0.92, 0.22), 0.028, 0.02, tones.dark)
    for x in (-0.6, 0.0, 0.5):
        pen.limb((x, 0.08), (x, 0.26), 0.018, 0.018, tones.dark)
    box(pen, -0.75, 0.26, 0.72, 0.34, tones.accent)
    pen.limb((-0.12, 0.4), (-0.18, 0.78), 0.14, 0.12, tones.body)
    pen.limb((-0.1, 0.4), (0.4, 0.42), 0.1, 0.07, tones.dark)
    pen.limb((-0.14, 0.7), (0.3, 0.58), 0.05, 0.04, tones.body)
    pen.disc((-0.18, 0.98), 0.12, tones.skin)
    pen.disc((-0.2, 1.03), 0.12, tones.accent)


def cable_car(pen: Pen, phase: float, tones: Tones) -> None:
    sway = 0.015 * math.sin(phase * 0.7)
    for dy in (0.0, 0.05):
        pen.limb((-2.6, 0.3 + dy), (2.6, 0.86 + dy), 0.009, 0.009, tones.dark)
    pen.limb((0.0, 0.58), (sway, 0.3), 0.02, 0.02, tones.dark)
    box(pen, -0.08, 0.58, 0.08, 0.64, tones.dark)
    pen.shape([(-0.36 + sway, 0.3), (0.36 + sway, 0.3), (0.42 + sway, 0.1), (0.4 + sway, -0.3),
               (-0.4 + sway, -0.3), (-0.42 + sway, 0.1)], tones.body)  # fmt: skip
    windows(pen, -0.36 + sway, 0.36 + sway, 3, -0.04, 0.22, tones.skin)
    box(pen, -0.41 + sway, -0.14, 0.41 + sway, -0.09, tones.accent)


def drone(pen: Pen, phase: float, tones: Tones) -> None:
    """A drone with four rotors and a camera."""
    for x, y in ((-0.5, 0.12), (0.5, 0.12), (-0.72, -0.04), (0.72, -0.04)):
        pen.limb((0.0, 0.0), (x, y), 0.035, 0.025, tones.dark)
        pen.limb((x, y), (x, y + 0.12), 0.035, 0.03, tones.body)
        reach = 0.1 + 0.18 * abs(math.cos(phase * 7 + x))
        pen.limb((x - reach, y + 0.15), (x + reach, y + 0.15), 0.012, 0.012, tones.dark)
    pen.oval((0.0, 0.02), (0.3, 0.13), tones.body)
    pen.oval((0.0, 0.07), (0.2, 0.05), tones.accent)
    for x in (-0.22, 0.22):
        pen.limb((x, -0.06), (x * 1.3, -0.3), 0.018, 0.015, tones.dark)
    pen.disc((0.0, -0.15), 0.09, tones.dark)
    pen.disc((0.02, -0.16), 0.045, np.array([210, 190, 120], np.float32))
    pen.disc((0.24, 0.03), 0.025, _RED if math.sin(phase * 2) > 0 else tones.dark)


def glider(pen: Pen, _phase: float, tones: Tones) -> None:
    pen.shape([(0.12, 0.06), (-0.02, 0.1), (-1.1, 0.44), (-1.12, 0.4)], tones.body * np.float32(0.8))
    pen.limb((0.42, 0.0), (0.1, 0.03), 0.05, 0.075, tones.body)
    pen.limb((0.1, 0.03), (-0.72, 0.03), 0.07, 0.018, tones.body)
    pen.shape([(0.42, 0.03), (0.3, 0.11), (0.1, 0.11), (0.08, 0.04)], tones.dark)
    pen.shape([(-0.62, 0.03), (-0.78, 0.24), (-0.68, 0.24), (-0.54, 0.03)], tones.accent)
    pen.shape([(-0.6, 0.2), (-0.86, 0.26), (-0.86, 0.23)], tones.body)
    pen.shape([(0.16, 0.0), (-0.04, 0.0), (0.9, -0.4), (0.96, -0.38)], tones.body)


def biplane(pen: Pen, phase: float, tones: Tones) -> None:
    pen.limb((0.34, 0.0), (-0.55, 0.04), 0.11, 0.035, tones.body)
    pen.shape([(-0.44, 0.04), (-0.64, 0.24), (-0.54, 0.26), (-0.4, 0.08)], tones.accent)
    pen.shape([(-0.42, 0.03), (-0.68, 0.09), (-0.68, 0.05)], tones.accent)
    for y in (0.24, -0.14):
        pen.limb((-0.02, y), (0.36, y + 0.01), 0.028, 0.028, tones.accent)
    for x in (0.04, 0.3):
        pen.limb((x, -0.12), (x, 0.24), 0.01, 0.01, tones.dark)
    pen.disc((-0.04, 0.14), 0.05, tones.skin)
    pen.disc((-0.05, 0.16), 0.048, tones.dark)
    pen.disc((0.38, 0.0), 0.1, tones.dark)
    reach = 0.08 + 0.2 * abs(math.cos(phase * 8))
    pen.limb((0.48, -reach), (0.48, reach), 0.014, 0.014, tones.dark)
    for x in (0.14, 0.22):
        pen.limb((x, -0.14), (0.18, -0.26), 0.012, 0.012, tones.dark)
    pen.disc((0.18, -0.27), 0.06, tones.dark)


def speedboat(pen: Pen, phase: float, tones: Tones) -> None:
    foam = np.array([240, 240, 236], np.float32)
    for number in range(7):
        age = (phase * 0.5 + number / 7) % 1.0
        pen.disc((-0.95 - 0.9 * age, 0.08 + 0.25 * age * (1 - age) * 3), 0.07 + 0.05 * age, foam)
    pen.shape([(-1.0, 0.3), (1.2, 0.46), (0.75, 0.02), (-1.0, -0.04)], tones.body)
    pen.shape([(-1.0, 0.3), (1.2, 0.46), (1.1, 0.36), (-1.0, 0.2)], tones.accent)
    pen.shape([(0.1, 0.38), (0.34, 0.4), (0.12, 0.66), (0.02, 0.66)], tones.skin)
    pen.limb((-0.25, 0.34), (-0.2, 0.62), 0.1, 0.09, tones.dark)
    pen.disc((-0.18, 0.8), 0.09, np.array([120, 160, 200], np.float32))
    pen.shape([(0.6, 0.1), (1.0, 0.02), (0.4, -0.06)], foam)


def steam_train(pen: Pen, phase: float, tones: Tones) -> None:
    """A steam locomotive with two cars."""
    for step in range(7):
        age = (phase * 0.1 + step / 7) % 1.0
        pale = np.float32(150) + tones.body * np.float32(0.2)
        pen.disc((0.95 - 2.2 * age, 1.24 + 0.4 * age), 0.07 + 0.16 * age, pale)
    for left in (-4.9, -2.7):
        box(pen, left, 0.3, left + 2.0, 0.98, tones.accent)
        box(pen, left - 0.04, 0.96, left + 2.04, 1.04, tones.dark)
        windows(pen, left + 0.1, left + 1.9, 5, 0.58, 0.84, tones.skin)
        _wheels(pen, (left + 0.4, left + 1.6), 0.17, phase, tones)
        pen.limb((left + 2.0, 0.3), (left + 2.2, 0.3), 0.03, 0.03, tones.dark)
    box(pen, -0.5, 0.3, 0.02, 1.12, tones.body)
    box(pen, -0.58, 1.1, 0.1, 1.18, tones.dark)
    box(pen, -0.4, 0.72, -0.1, 1.0, tones.skin)
    pen.limb((0.1, 0.62), (1.1, 0.62), 0.27, 0.27, tones.body)
    box(pen, -0.5, 0.3, 1.3, 0.38, tones.dark)
    for x in (0.3, 0.7):
        box(pen, x, 0.35, x + 0.04, 0.89, tones.accent)
    pen.shape([(0.86, 0.86), (1.04, 0.86), (1.08, 1.2), (0.82, 1.2)], tones.dark)
    pen.oval((0.45, 0.9), (0.12, 0.1), np.array([60, 160, 210], np.float32))
    pen.disc((1.37, 0.66), 0.09, np.array([190, 235, 250], np.float32))
    pen.shape([(1.2, 0.34), (1.62, 0.04), (1.2, 0.04)], tones.dark)
    for x in (-0.3, 0.18, 0.62):
        wheel(pen, x, 0.22, phase, tones)
    wheel(pen, 1.05, 0.14, phase, tones)
    at = 0.1 * math.cos(phase * 3)
    pen.limb((-0.3 + at, 0.22 + 0.06 * math.sin(phase * 3)), (0.62 + at, 0.22 + 0.06 * math.sin(phase * 3)),
             0.025, 0.025, _STEEL)  # fmt: skip
    pen.limb((-5.5, 0.0), (5.5, 0.0), 0.02, 0.02, tones.dark)


def rickshaw(pen: Pen, phase: float, tones: Tones) -> None:
    """A cycle rickshaw with a driver and a roof."""
    for x in (-0.62, 0.78):
        wheel(pen, x, 0.3, phase, tones)
    pen.shape([(-1.05, 0.5), (-0.2, 0.5), (-0.2, 0.36), (-0.98, 0.36)], tones.body)
    pen.shape([(-1.1, 0.5), (-0.95, 0.5), (-0.86, 1.0), (-1.04, 1.0)], tones.body)
    pen.shape([(-1.15, 1.18), (-0.1, 1.18), (-0.2, 1.32), (-0.95, 1.36)], tones.accent)
    for x in (-1.0, -0.24):
        pen.limb((x, 0.5), (x, 1.2), 0.018, 0.018, tones.dark)
    for a, b in (((-0.2, 0.4), (0.5, 0.44)), ((0.5, 0.44), (0.78, 0.3)), ((0.5, 0.44), (0.62, 0.8))):
        pen.limb(a, b, 0.022, 0.022, tones.dark)
    pen.limb((0.12, 0.44), (0.12, 0.64), 0.018, 0.018, tones.dark)
    pen.limb((0.14, 0.7), (0.26, 1.0), 0.1, 0.09, tones.accent)
    pen.limb((0.25, 0.94), (0.6, 0.82), 0.04, 0.035, tones.accent)
    knee = step_to((0.16, 0.68), 0.7 + 0.3 * math.sin(phase), 0.26)
    pen.limb((0.16, 0.68), knee, 0.06, 0.05, tones.dark)
    pen.limb(knee, (0.3 + 0.08 * math.cos(phase), 0.26), 0.045, 0.035, tones.dark)
    pen.disc((0.32, 1.17), 0.1, np.array([120, 160, 200], np.float32))
    pen.shape([(0.16, 1.2), (0.5, 1.2), (0.33, 1.36)], np.array([120, 190, 220], np.float32))


def _entry(
    draw: Drawing,
    share: float,
    extent: tuple[float, float, float, float],
    homes: tuple[Env, ...],
    colour: str,
    accent: str,
    *,
    motion: Motion = Motion.GROUND,
    speed: float = 0.8,
    rate: float = 3.6,
    pale: str = "#efe2c8",
    tint: Tint | None = None,
) -> Entry:
    return Entry(
        make=always(draw), share=share, extent=extent, homes=homes, colours=(colour,), accent=accent,
        pale=pale, motion=motion, speed=speed, rate=rate, shadow=2.4, most=2, tint=tint,
    )  # fmt: skip


_ROAD, _SITE, _FIELD, _HILLS = (Env.STREET,), (Env.MEADOW,), (Env.MEADOW,), (Env.MOUNTAINS,)
_LONG: tuple[float, float, float, float] = (1.9, 1.7, 1.5, 0.05)
_FLIES, _STANDS = Motion.AIR, Motion.FIXED

WORK_VEHICLES: dict[Kind, Entry] = {
    Kind.GARBAGE_TRUCK: _entry(garbage_truck, 0.3, _LONG, _ROAD, "#4f8a4a", "#3f4a52"),
    Kind.AMBULANCE: _entry(ambulance, 0.28, _LONG, _ROAD, "#eceae4", "#d0742f", speed=1.1),
    Kind.POLICE_CAR: _entry(police_car, 0.2, _LONG, _ROAD, "#2f4a8a", "#e8e8ea", speed=1.2),
    Kind.PICKUP: _entry(pickup, 0.24, _LONG, (Env.MEADOW,), "#a8483c", "#a8803f"),
    Kind.BULLDOZER: _entry(bulldozer, 0.32, _LONG, _SITE, "#d9a42f", "#8a8f96", speed=0.15, rate=2.0),
    Kind.EXCAVATOR: _entry(excavator, 0.32, (1.0, 1.9, 1.6, 0.1), _SITE, "#d9962f", "#5a4a3c",
                           motion=_STANDS),
    Kind.CRANE: _entry(crane, 0.68, (0.5, 0.95, 1.25, 0.05), (Env.CITY,), "#d9a42f", "#8a5a44",
                       motion=_STANDS),
    Kind.COMBINE: _entry(combine, 0.34, (1.5, 2.2, 1.4, 0.05), _FIELD, "#4a8a3c", "#c83f2a", speed=0.2),
    Kind.FORKLIFT: _entry(forklift, 0.32, (0.9, 1.3, 1.45, 0.05), _ROAD, "#e0a82f", "#4f6d8a", speed=0.3,
                          pale="#d9a888"),
    Kind.CEMENT_MIXER: _entry(cement_mixer, 0.3, _LONG, _ROAD, "#c8702f", "#c8c4ba"),
    Kind.CARRIAGE: _entry(carriage, 0.28, (1.4, 2.7, 1.7, 0.05), _FIELD, "#6b4a33", "#8a2f3a", speed=0.6,
                          rate=5.0),
    Kind.SLED: _entry(sled, 0.24, (1.1, 3.3, 1.4, 0.05), _FIELD, "#5a5f68", "#b5483c", speed=0.9, rate=7.0,
                      pale="#e3b594", tint=Tint.ICE),
    Kind.CABLE_CAR: _entry(cable_car, 0.32, (2.6, 2.6, 1.0, 0.5), _HILLS, "#c0392b", "#ecebe6",
                           motion=_FLIES, speed=0.1),
    Kind.DRONE: _entry(drone, 0.36, (1.1, 1.1, 0.5, 0.4), _FIELD, "#d8dade", "#3f6aa0", motion=_FLIES,
                       speed=0.1, rate=3.0),
    Kind.GLIDER: _entry(glider, 0.5, (1.2, 1.1, 0.6, 0.5), _HILLS, "#eceef0", "#b8392f", motion=_FLIES,
                        speed=0.1),
    Kind.BIPLANE: _entry(biplane, 0.5, (0.8, 0.7, 0.5, 0.45), _FIELD, "#b8392f", "#e0a82f", motion=_FLIES,
                         speed=0.14),
    Kind.SPEEDBOAT: _entry(speedboat, 0.24, (2.0, 1.4, 1.0, 0.15), (Env.SEA,), "#eceae4", "#b8392f",
                           motion=Motion.AFLOAT, speed=0.5),
    Kind.STEAM_TRAIN: _entry(steam_train, 0.24, (5.5, 5.5, 1.9, 0.05), _FIELD, "#33383f", "#8a2f2a",
                             speed=0.3),
    Kind.RICKSHAW: _entry(rickshaw, 0.28, (1.3, 1.2, 1.5, 0.05), _ROAD, "#3f7a5c", "#c0392b", speed=0.5),
}  # fmt: skip
