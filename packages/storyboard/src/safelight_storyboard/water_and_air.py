"""Subjects that do not stand on the ground: birds, boats, a lighthouse, and a bridge with its traffic."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from safelight_storyboard import animals, buildings, vehicles
from safelight_storyboard.figures import Figure, Point
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.palette import Light
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_reader import Subject
from safelight_storyboard.subject_style import (
    VEHICLES,
    height_of,
    pace_of,
    rim_light,
    subject_drawing,
    subject_tones,
)
from safelight_storyboard.subject_words import ON_ROADS, SubjectKind

#: The subjects that are always placed apart, and their colours.
_COLOURS = {
    SubjectKind.BIRD: "#3a3d46",
    SubjectKind.BOAT: "#5a4438",
    SubjectKind.BRIDGE: "#a39a8c",
    SubjectKind.LIGHTHOUSE: "#eae4d8",
}


def is_placed_apart(scene: Scene, subject: Subject) -> bool:
    """Whether `place_apart` places this subject."""
    bridge = any(s.kind is SubjectKind.BRIDGE for s in scene.subjects)
    return subject.kind in _COLOURS or (bridge and subject.kind in ON_ROADS)


def place_apart(
    scene: Scene,
    subject: Subject,
    index: int,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> Figure:
    """The figure of a subject that does not stand on the ground."""
    kind, w, h = subject.kind, frame.w, frame.h
    unit = height_of(kind, place, h, scene.closeness)
    start = float(rng.random() * 6.28)
    colour = rgb(_COLOURS.get(kind) or str(rng.choice(VEHICLES)))
    lamplit = rgb("#ffdd9e") / np.maximum(light.ambient, 0.3) if light.lamps > 0.3 else light.sky[2]
    pale = rgb("#efe2c8") if kind is SubjectKind.BOAT else lamplit
    if kind not in (SubjectKind.BIRD, SubjectKind.BOAT):
        light = replace(light, ambient=np.maximum(light.ambient, 0.55))
    lit = replace(place, dark=min(place.dark, 0.3))
    tones = subject_tones(scene, subject, lit, light, colour, pale)
    if kind is SubjectKind.LIGHTHOUSE:
        stripes = subject_tones(scene, replace(subject, colour=None), lit, light, rgb("#b8402f"), pale)
        tones = replace(tones, accent=stripes.body)
    elif kind is SubjectKind.BOAT and subject.colour is None:
        sail = rgb("#f1e8d8") * light.ambient * np.float32(0.9) + light.sun * np.float32(0.06)
        tones = replace(tones, accent=sail)
    figure = Figure(
        draw=buildings.bridge,
        tones=tones,
        depth=0.45,
        unit=unit,
        extent=(5.0, 5.0, 0.75, 0.1),
        path=lambda _t: (0.5 * w, line),
        phase=lambda t: start + 1.5 * t,
        rim=rim_light(light, frame, scene),
        side=1.0 if frame.sun[0] > w / 2 else -1.0,
        mirror=kind is SubjectKind.BOAT or scene.setting is not Environment.BEACH,
    )
    water = (place.water or 0.7) * h
    line = water + 0.06 * h
    if kind is SubjectKind.BIRD:
        _bird(figure, subject, index - (min(subject.count, 9) - 1) / 2, start, frame, rng)
    elif kind is SubjectKind.BOAT:
        _boat(figure, index, water, start, frame)
    elif kind is SubjectKind.LIGHTHOUSE:
        figure.draw, figure.extent, figure.depth = buildings.lighthouse, (0.5, 0.5, 1.1, 0.1), 0.35
        figure.path = lambda _t: (0.62 * w, water + 0.03 * h)
    elif kind is not SubjectKind.BRIDGE:
        bridge = height_of(SubjectKind.BRIDGE, place, h, scene.closeness)
        _on_bridge(figure, scene, subject, index, bridge, line, frame, rng)
    return figure


def _boat(figure: Figure, index: int, water: float, start: float, frame: FrameGeometry) -> None:
    w, h = frame.w, frame.h
    line = water + 0.05 * h * index
    x0, speed = w * (0.4 + 0.24 * ((index + 1) // 2) * (1 if index % 2 else -1)), 0.045 * h
    figure.draw, figure.extent, figure.depth = vehicles.sailboat, (0.62, 0.62, 1.06, 0.12), 0.3
    figure.unit *= max(0.2, 1.0 - 0.28 * index)
    figure.tilt = lambda t: 0.03 * math.sin(1.1 * t + start)

    def path(t: float) -> Point:
        return x0 + speed * (t - frame.seconds / 2), line + 0.004 * h * math.sin(1.3 * t + start)

    figure.path = path


def _on_bridge(
    figure: Figure,
    scene: Scene,
    subject: Subject,
    index: int,
    bridge: float,
    line: float,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> None:
    """A vehicle on the road of the bridge."""
    figure.draw = subject_drawing(scene, subject, rng, index)
    figure.unit, figure.extent, figure.mirror = min(figure.unit, 0.42 * bridge), (3.6, 3.6, 1.5, 0.05), False
    at, pace = (0.5 - 0.24 * index) * frame.w, 0.07 * frame.w * (pace_of(subject)[0] > 0)
    figure.path = lambda t: (at + pace * (t - frame.seconds / 2), line - 0.6 * bridge)
    figure.phase = lambda t: 4.0 * t


def _bird(
    figure: Figure,
    subject: Subject,
    spread: float,
    start: float,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> None:
    w, h = frame.w, frame.h
    flock = subject.count > 1
    speed, beat = (h * 0.1, 7.5) if flock else (h * 0.075, 4.6)
    x0 = w * 0.46 + spread * 0.085 * h - abs(spread) * 0.05 * h + float(rng.uniform(-0.02, 0.02)) * h
    y0 = h * 0.27 + abs(spread) * 0.028 * h + float(rng.uniform(-0.015, 0.015)) * h
    figure.unit *= float(rng.uniform(0.5, 0.78)) if flock else 1.9
    if flock:
        figure.rim = None
    else:
        x0, y0 = w * 0.45, h * 0.36
    figure.draw, figure.extent = animals.gull if flock else animals.bird, (0.95, 0.95, 0.85, 0.85)
    figure.depth, figure.mirror = 0.2 if flock else 0.35, False

    def path(t: float) -> Point:
        rise = 0.012 * h * math.sin(0.7 * t + start) + 0.006 * h * (t - frame.seconds / 2)
        return x0 + speed * (t - frame.seconds / 2), y0 - rise

    figure.path = path
    figure.phase = lambda t: start + beat * t
