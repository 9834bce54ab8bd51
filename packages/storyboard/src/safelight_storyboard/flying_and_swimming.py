"""Subjects in the air, on the water and under it."""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard import animals, people, vehicles
from safelight_storyboard.figures import Figure, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.palette import Light
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import Colour, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_reader import Subject
from safelight_storyboard.subject_style import (
    BALLOONS,
    choose_look,
    height_of,
    rim_light,
    subject_tones,
)


def add_flying_and_swimming(
    scene: Scene,
    subject: Subject,
    index: int,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> Figure:
    """Figures in the air, on the water and under it."""
    kind, w, h = subject.kind, frame.w, frame.h
    colour = {
        SubjectKind.BIRD: "#3a3d46",
        SubjectKind.FISH: "#d98a4a",
        SubjectKind.WHALE: "#3d5668",
        SubjectKind.BOAT: "#5a4438",
        SubjectKind.BUTTERFLY: "#c9813a",
        SubjectKind.ASTRONAUT: "#e6e6ea",
    }.get(kind, str(rng.choice(BALLOONS)))
    clothes = rgb(colour)
    place = Place(
        ground=place.ground,
        depth=place.depth,
        water=place.water,
        scale=place.scale,
        dark=min(place.dark, 0.35),
    )
    tones = subject_tones(scene, subject, place, light, clothes, rgb("#efe2c8"))
    if kind is SubjectKind.BOAT and subject.colour is None:
        tones = Tones(
            body=tones.body,
            dark=tones.dark,
            skin=tones.skin,
            accent=rgb("#f1e8d8") * light.ambient * np.float32(0.9) + light.sun * np.float32(0.06),
        )
    if kind is SubjectKind.WHALE:
        tones = Tones(
            body=tones.body,
            dark=tones.dark,
            skin=tones.skin,
            accent=tones.body * np.float32(0.6) + light.haze * np.float32(0.4),
        )
    unit = height_of(kind, place, h, scene.closeness)
    start = float(rng.random() * 6.28)
    rim = rim_light(light, frame, scene)
    side = 1.0 if frame.sun[0] > w / 2 else -1.0
    spread = index - (min(subject.count, 9) - 1) / 2
    if kind is SubjectKind.BIRD:
        return _bird(subject, spread, tones, unit, start, rim, side, frame, rng)
    if kind is SubjectKind.BOAT:
        line = (place.water or 0.7) * h + 0.05 * h * index
        shrink = 1.0 - 0.28 * index
        x0, speed = w * (0.4 + 0.24 * ((index + 1) // 2) * (1 if index % 2 else -1)), 0.045 * h
        return Figure(
            draw=vehicles.sailboat,
            mirror=True,
            tones=tones,
            depth=0.3,
            unit=unit * shrink,
            extent=(0.62, 0.62, 1.06, 0.12),
            rim=rim,
            side=side,
            path=lambda t: (
                x0 + speed * (t - frame.seconds / 2),
                line + 0.004 * h * math.sin(1.3 * t + start),
            ),
            phase=lambda t: start + 1.5 * t,
            tilt=lambda t: 0.03 * math.sin(1.1 * t + start),
        )
    if kind in (SubjectKind.HOT_AIR_BALLOON, SubjectKind.BALLOON):
        big = kind is SubjectKind.HOT_AIR_BALLOON
        shrink = (1.0, 0.55, 0.4, 0.68, 0.3)[index % 5] if big else float(rng.uniform(0.8, 1.1))
        x0 = w * (0.42, 0.74, 0.2, 0.88, 0.58)[index % 5] if big else w * (0.5 + 0.07 * spread)
        y0 = h * ((0.5, 0.34, 0.44, 0.6, 0.28)[index % 5] if big else 0.5 + 0.06 * (index * 37 % 5 - 2))
        rise = 0.014 * h if big else 0.05 * h
        return Figure(
            draw=vehicles.hot_air_balloon if big else vehicles.balloon,
            tones=tones,
            depth=0.16 + 0.25 * shrink,
            unit=unit * shrink,
            extent=(0.5, 0.5, 1.06, 0.06 if big else 2.1),
            rim=rim,
            side=side,
            path=lambda t: (
                x0 + 0.012 * h * (t - frame.seconds / 2) + 0.008 * h * math.sin(0.6 * t + start),
                y0 - rise * (t - frame.seconds / 2) + 0.006 * h * math.sin(0.9 * t + start),
            ),
            phase=lambda t: start + t,
            tilt=lambda t: 0.02 * math.sin(0.7 * t + start),
        )
    if kind is SubjectKind.BUTTERFLY:
        x0, y0 = w * (0.45 + 0.13 * spread), h * (0.5 + 0.09 * math.sin(index * 2.4))
        return Figure(
            draw=animals.butterfly,
            tones=tones,
            depth=0.8,
            unit=unit,
            extent=(0.8, 0.8, 0.6, 0.5),
            rim=rim,
            side=side,
            path=lambda t: (
                x0 + 0.05 * h * (t - frame.seconds / 2) + 0.04 * h * math.sin(1.9 * t + start),
                y0 + 0.04 * h * math.sin(2.7 * t + start) + 0.012 * h * math.sin(12 * t),
            ),
            phase=lambda t: start + 11 * t,
            tilt=lambda t: 0.35 + 0.2 * math.sin(2 * t + start),
        )
    if kind in (SubjectKind.FISH, SubjectKind.WHALE):
        return _swimmer(subject, index, spread, tones, unit, start, rim, frame, scene, rng)
    draw = people.person(choose_look(scene, subject, rng, index), people.floating)
    x0, y0 = w * (0.42 + 0.16 * spread), h * 0.62
    return Figure(
        draw=draw,
        tones=tones,
        depth=0.55,
        unit=unit,
        extent=(0.75, 0.75, 1.2, 0.3),
        rim=rim,
        side=side,
        path=lambda t: (x0 + 0.02 * h * (t - frame.seconds / 2), y0 + 0.015 * h * math.sin(0.8 * t + start)),
        phase=lambda t: start + 1.2 * t,
        tilt=lambda t: 0.3 + 0.12 * math.sin(0.45 * t + start),
    )


def _bird(
    subject: Subject,
    spread: float,
    tones: Tones,
    unit: float,
    start: float,
    rim: Colour | None,
    side: float,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> Figure:
    w, h = frame.w, frame.h
    flock = subject.count > 1
    size = unit * (float(rng.uniform(0.5, 0.78)) if flock else 1.5)
    speed = h * (0.1 if flock else 0.075)
    x0 = w * 0.46 + spread * 0.085 * h + (abs(spread) * -0.05 * h) + float(rng.uniform(-0.02, 0.02)) * h
    y0 = h * 0.27 + abs(spread) * 0.028 * h + float(rng.uniform(-0.015, 0.015)) * h
    if not flock:
        x0, y0 = w * 0.45, h * 0.36
        size *= 1.25
    beat = 7.5 if flock else 4.6
    return Figure(
        draw=animals.gull if flock else animals.bird,
        tones=tones,
        depth=0.2 if flock else 0.35,
        unit=size,
        extent=(0.95, 0.95, 0.85, 0.85),
        rim=None if flock else rim,
        side=side,
        path=lambda t: (
            x0 + speed * (t - frame.seconds / 2),
            y0 - 0.012 * h * math.sin(0.7 * t + start) - 0.006 * h * (t - frame.seconds / 2),
        ),
        phase=lambda t: start + beat * t,
    )


def _swimmer(
    subject: Subject,
    index: int,
    spread: float,
    tones: Tones,
    unit: float,
    start: float,
    rim: Colour | None,
    frame: FrameGeometry,
    scene: Scene,
    rng: np.random.Generator,
) -> Figure:
    w, h = frame.w, frame.h
    whale = subject.kind is SubjectKind.WHALE
    size = unit * (1.0 if subject.count == 1 else float(rng.uniform(0.42, 0.8)))
    speed = (0.075 if whale else 0.11) * h * float(rng.uniform(0.85, 1.15))
    x0 = w * 0.47 + spread * 0.19 * h
    y0 = h * (0.46 + 0.24 * math.sin(index * 2.4))
    if not whale and scene.setting is not Environment.UNDERWATER:
        # A fish that is drawn above water jumps in repeated arcs.
        high, period = 0.2 * h, 2.2
        base = frame.horizon + 0.16 * h

        def leap(t: float) -> float:
            return ((t / period + start) % 1.0) * 2 - 1

        return Figure(
            draw=animals.fish,
            tones=tones,
            depth=0.5,
            unit=size * 0.7,
            extent=(0.85, 0.6, 0.45, 0.45),
            rim=rim,
            path=lambda t: (x0 + leap(t) * 0.16 * h, base - high * (1 - 1.25 * leap(t) ** 2)),
            phase=lambda t: start + 9 * t,
            tilt=lambda t: -0.85 * leap(t),
        )
    return Figure(
        draw=animals.whale if whale else animals.fish,
        tones=tones,
        depth=0.5,
        unit=size,
        extent=(1.3, 1.0, 0.6, 0.6) if whale else (0.85, 0.6, 0.45, 0.45),
        rim=rim,
        path=lambda t: (x0 + speed * (t - frame.seconds / 2), y0 + 0.014 * h * math.sin(0.8 * t + start)),
        phase=lambda t: start + (1.3 if whale else 5.5) * t,
        tilt=lambda t: 0.05 * math.sin(0.8 * t + start + 1.2),
    )
