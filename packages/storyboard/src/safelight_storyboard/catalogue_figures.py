"""Figures of the catalogue in the air, on the water, under it, or on a bridge."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from safelight_storyboard import buildings
from safelight_storyboard.catalogue import CATALOGUE
from safelight_storyboard.catalogue_entry import Entry, Motion
from safelight_storyboard.figures import Figure, Point, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.palette import Light
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_reader import Subject
from safelight_storyboard.subject_style import (
    choose_look,
    height_of,
    rim_light,
    subject_drawing,
    subject_tones,
)
from safelight_storyboard.trades import TRADES, working

#: Vehicles that are drawn on the bridge if the prompt names both.
_CROSSES = frozenset(
    {SubjectKind.TRAM, SubjectKind.TRAIN, SubjectKind.BUS, SubjectKind.CAR, SubjectKind.TRUCK,
     SubjectKind.FIRE_ENGINE, SubjectKind.MOTORCYCLE, SubjectKind.BICYCLE, SubjectKind.TRACTOR}
)  # fmt: skip
#: Animals on a branch or in a web, which do not drift.
_PERCHED = (SubjectKind.OWL, SubjectKind.PARROT, SubjectKind.SPIDER)
_LENGTH = {SubjectKind.TRAIN: (14.0, 1.6), SubjectKind.CAR: (1.5, 1.5), SubjectKind.BICYCLE: (0.6, 0.6)}
_BY_WATER = (Environment.SEA, Environment.LAKE)


def is_placed_apart(scene: Scene, subject: Subject) -> bool:
    """Whether `place_apart` places this subject."""
    entry = CATALOGUE.get(subject.kind)
    if _crosses_bridge(scene, subject):
        return True
    if subject.kind is SubjectKind.FISHERMAN:
        return scene.setting in (*_BY_WATER, Environment.BEACH)
    if subject.kind is SubjectKind.LIGHTHOUSE:
        return scene.setting in (*_BY_WATER, Environment.BEACH)
    return entry is not None and entry.motion not in (Motion.GROUND, Motion.FIXED)


def entry_tones(
    scene: Scene, subject: Subject, place: Place, light: Light, rng: np.random.Generator
) -> Tones:
    """The colours of a subject of the catalogue, lighter than a silhouette, so that marks are seen."""
    entry = CATALOGUE[subject.kind]
    light = replace(light, ambient=np.maximum(light.ambient, 0.55))
    lit = Place(ground=place.ground, depth=place.depth, dark=min(place.dark, 0.26))
    pale = rgb(entry.pale)
    glass = entry.motion is Motion.FIXED or subject.kind in _CROSSES or subject.kind is SubjectKind.SHIP
    if glass and entry.shadow != 0.8:
        pale = rgb("#ffdd9e") / np.maximum(light.ambient, 0.3) if light.lamps > 0.3 else light.sky[2]
    main = subject_tones(scene, subject, lit, light, rgb(str(rng.choice(entry.colours))), pale)
    second = subject_tones(
        scene, Subject(kind=subject.kind, action=subject.action), lit, light, rgb(entry.accent), pale
    )
    return Tones(body=main.body, dark=main.dark, skin=main.skin, accent=second.body)


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
    entry = CATALOGUE.get(subject.kind)
    unit = height_of(subject.kind, place, frame.h, scene.closeness)
    if _crosses_bridge(scene, subject):
        return _on_bridge(scene, subject, unit, place, light, frame, rng)
    start = float(rng.random() * 6.28)
    if entry is None:
        look = choose_look(scene, subject, rng, index)
        clothes = rgb(TRADES[subject.kind].clothes)
        tones = subject_tones(scene, subject, place, light, clothes, rgb("#c98f68"))
        figure = _figure(scene, light, frame, tones, unit, (1.0, 1.75, 1.5, 0.25))
        figure.draw = working(subject.kind, look)
        return _afloat(figure, place, frame, 0.0, index, start)
    tones = entry_tones(scene, subject, place, light, rng)
    many = min(subject.count, entry.most)
    if many > 1:
        unit *= float(rng.uniform(0.55, 0.75))
    figure = _figure(scene, light, frame, tones, unit, entry.extent)
    figure.draw = entry.make(subject.action)
    figure.phase = lambda t: start + entry.rate * t
    if entry.motion is Motion.AFLOAT and subject.kind is not SubjectKind.BRIDGE:
        return _afloat(figure, place, frame, entry.speed, index, start, many=many)
    if subject.kind is SubjectKind.BRIDGE:
        return _bridge(scene, figure, place, frame)
    if subject.kind is SubjectKind.LIGHTHOUSE:
        x, y = frame.w * 0.62, ((place.water or 0.6) + 0.03) * frame.h
        figure.path, figure.depth, figure.mirror = (lambda _t: (x, y)), 0.35, scene.setting in _BY_WATER
        return figure
    return _adrift(entry, subject, figure, frame, index - (many - 1) / 2, start)


def _figure(
    scene: Scene,
    light: Light,
    frame: FrameGeometry,
    tones: Tones,
    unit: float,
    extent: tuple[float, float, float, float],
) -> Figure:
    return Figure(
        draw=buildings.bridge,
        tones=tones,
        depth=0.45,
        unit=unit,
        extent=extent,
        path=lambda _t: (0.0, 0.0),
        phase=lambda t: 1.6 * t,
        rim=rim_light(light, frame, scene),
        side=1.0 if frame.sun[0] > frame.w / 2 else -1.0,
    )


def _afloat(
    figure: Figure, place: Place, frame: FrameGeometry, speed: float, index: int, start: float, many: int = 1
) -> Figure:
    h, w = frame.h, frame.w
    line = ((place.water or place.ground) + 0.07 + 0.045 * (index % 3)) * h
    step = 0.2 if many <= 3 else 0.7 / many
    x0 = w * (0.46 + step * ((index + 1) // 2) * (1 if index % 2 else -1))
    moved = speed * figure.unit

    def path(t: float) -> Point:
        return x0 + moved * (t - frame.seconds / 2), line + 0.003 * h * math.sin(1.3 * t + start)

    figure.path, figure.mirror = path, True
    figure.tilt = lambda t: 0.012 * math.sin(1.1 * t + start)
    return figure


def _adrift(
    entry: Entry, subject: Subject, figure: Figure, frame: FrameGeometry, spread: float, start: float
) -> Figure:
    """In the air or under water: moves slowly across the picture."""
    h, w = frame.h, frame.w
    under = entry.motion is Motion.UNDERWATER
    x0 = w * 0.48 + spread * 0.26 * h
    y0 = h * (0.48 if under else 0.34) + 0.1 * h * math.sin(spread * 2.4)
    still = subject.kind in _PERCHED
    if still:
        y0 = h * 0.56
    elif subject.kind in (SubjectKind.EAGLE, SubjectKind.BALD_EAGLE):
        y0 += 0.12 * h
    if subject.kind is SubjectKind.ROCKET:
        rise = 0.1 * h
        figure.path = lambda t: (x0, h * 0.72 - rise * (t - frame.seconds / 2))
        return figure
    moved = entry.speed * figure.unit

    def path(t: float) -> Point:
        bob = 0.0 if still else 0.012 * h * math.sin(0.9 * t + start)
        return x0 + moved * (t - frame.seconds / 2), y0 + bob

    figure.path = path
    if not still:
        figure.tilt = lambda t: 0.04 * math.sin(0.8 * t + start)
    return figure


def _crosses_bridge(scene: Scene, subject: Subject) -> bool:
    on_water = scene.setting in _BY_WATER
    return subject.kind in _CROSSES and on_water and any(s.kind is SubjectKind.BRIDGE for s in scene.subjects)


def _bridge(scene: Scene, figure: Figure, place: Place, frame: FrameGeometry) -> Figure:
    line = ((place.water or 0.7) + 0.06) * frame.h
    figure.path, figure.mirror = (lambda _t: (frame.w * 0.5, line)), True
    if any(s.kind in _CROSSES for s in scene.subjects):
        figure.draw, figure.extent = buildings.viaduct, (5.0, 5.0, 0.75, 0.1)
    return figure


def _on_bridge(
    scene: Scene,
    subject: Subject,
    unit: float,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> Figure:
    """A vehicle on the road of the bridge."""
    bridge = height_of(SubjectKind.BRIDGE, place, frame.h, scene.closeness)
    size = min(unit, bridge * 0.42)
    if subject.kind in CATALOGUE:
        tones, (left, right, up, _) = (
            entry_tones(scene, subject, place, light, rng),
            CATALOGUE[subject.kind].extent,
        )
    else:
        glass = rgb("#ffdd9e") if light.lamps > 0.3 else light.sky[2]
        tones = subject_tones(scene, subject, place, light, rgb("#a8483c"), glass)
        (left, right), up = _LENGTH[subject.kind], 1.2
    figure = _figure(scene, light, frame, tones, size, (left, right, up, 0.05))
    figure.draw = subject_drawing(scene, subject, rng, 0)
    row = ((place.water or 0.7) + 0.06) * frame.h - 0.6 * bridge
    pace = 0.07 * frame.w
    figure.path = lambda t: (frame.w * 0.5 + pace * (t - frame.seconds / 2), row)
    figure.phase = lambda t: 4.0 * t
    return figure
