"""Subjects: creates the figures of a scene with position, speed, colours and light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from safelight_storyboard.attachments import board_vehicle, carried
from safelight_storyboard.figures import Figure, Point
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.palette import Light
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_reader import Subject, most_of
from safelight_storyboard.subject_style import (
    CLOTHES,
    DRESSES,
    VEHICLES,
    height_of,
    pace_of,
    rim_light,
    subject_drawing,
    subject_tones,
)
from safelight_storyboard.subject_words import ON_ROADS, SubjectKind
from safelight_storyboard.water_and_air import is_placed_apart, place_apart

_EXTENTS = {
    SubjectKind.HORSE: (1.0, 1.2, 1.55, 0.05),
    SubjectKind.DOG: (0.75, 0.85, 1.1, 0.05),
    SubjectKind.CAT: (0.75, 0.65, 1.0, 0.05),
    SubjectKind.CAR: (1.5, 1.5, 1.1, 0.05),
    SubjectKind.TRAM: (3.6, 3.6, 1.5, 0.05),
    SubjectKind.BICYCLE: (0.55, 0.6, 1.1, 0.05),
}
#: Width in units that a subject needs in a row, where it is not the usual share of its extent.
_ROOM = {SubjectKind.TRAM: 4.4, SubjectKind.CAR: 3.1, SubjectKind.HORSE: 2.0, SubjectKind.BICYCLE: 1.2}


def lead_speed(scene: Scene, place: Place, frame_h: float) -> float:
    """Speed in pixels per second of the first subject that moves on the ground; else 0."""
    leader = _leader(scene)
    if leader is None:
        return 0.0
    return pace_of(leader)[0] * height_of(leader.kind, place, frame_h, scene.closeness)


def assemble(
    scene: Scene,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
    *,
    travel: float,
    behind: list[Figure],
    front: list[Figure],
) -> None:
    """Adds the subjects in air and water to `behind`, and those on the ground to `front`.

    `travel`: distance in pixels that the camera moves.
    """
    grounded = [s for s in scene.subjects if not is_placed_apart(scene, s)]
    slots, smaller = _row(scene, grounded, place, frame)
    row = replace(scene, closeness=scene.closeness * smaller)
    free = iter(slots)
    front += [
        _on_ground(row, subject, index, next(free), place, light, frame, rng, travel)
        for subject in grounded
        for index in range(_shown(subject, frame))
    ]
    # The bridge comes first, behind its traffic.
    for subject in sorted(scene.subjects, key=lambda s: s.kind is not SubjectKind.BRIDGE):
        for index in range(_shown(subject, frame) if subject not in grounded else 0):
            figure = place_apart(scene, subject, index, place, light, frame, rng)
            if subject.kind in (SubjectKind.BIRD, SubjectKind.BOAT):
                figure = carried(figure, place, frame, travel)
            behind.append(figure)
    front.sort(key=lambda f: f.path(0.0)[1])
    board_vehicle(scene, behind, front)


def _shown(subject: Subject, frame: FrameGeometry) -> int:
    most = most_of(subject.kind)
    return min(subject.count, min(most, 5) if frame.w < frame.h else most)


def _extent(kind: SubjectKind) -> tuple[float, float, float, float]:
    """Extent of a drawing on the ground in units: left, right, up, down."""
    return _EXTENTS.get(kind, (0.62, 0.62, 1.36, 0.05))


def _row(
    scene: Scene, grounded: list[Subject], place: Place, frame: FrameGeometry
) -> tuple[list[float], float]:
    """Horizontal positions of the subjects, and a factor for their size, with which all have room.

    One subject is placed off-centre; several stand side by side around the middle.
    """
    wide = [
        _ROOM.get(subject.kind, 0.7 * sum(_extent(subject.kind)[:2]))
        * height_of(subject.kind, place, frame.h, scene.closeness)
        / frame.w
        for subject in grounded
        for _ in range(_shown(subject, frame))
    ]
    if len(wide) <= 1:
        at = 0.38 if frame.sun[0] > frame.w / 2 else 0.6
        return [at], 1.0
    smaller = min(1.0, 0.9 / sum(wide))
    slots, left = [], 0.48 - 0.5 * min(0.9, sum(wide))
    for width in wide:
        slots.append(left + 0.5 * width * smaller)
        left += width * smaller
    return slots, smaller


def _on_ground(
    scene: Scene,
    subject: Subject,
    index: int,
    slot: float,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
    travel: float,
) -> Figure:
    speed, rate = pace_of(subject)
    unit = height_of(subject.kind, place, frame.h, scene.closeness) * float(rng.uniform(0.94, 1.05))
    pixels = speed * unit
    start = float(rng.random() * 6.28)
    clothes = rgb(str(rng.choice(CLOTHES)))
    skin = rgb(str(rng.choice(("#e3b594", "#c98f68", "#8a5a3c", "#f0c8a8"))))
    if subject.kind is SubjectKind.WOMAN:
        clothes = rgb(str(rng.choice(DRESSES)))
    if subject.kind in (SubjectKind.DOG, SubjectKind.HORSE, SubjectKind.CAT):
        clothes = rgb(str(rng.choice(("#8a5f3c", "#6b4a33", "#3d3230", "#b08a5e", "#d9c9ad"))))
    if subject.kind in ON_ROADS:
        clothes = rgb(str(rng.choice(VEHICLES)))
        skin = rgb("#ffdd9e") / np.maximum(light.ambient, 0.3) if light.lamps > 0.3 else light.sky[2]
    tones = subject_tones(scene, subject, place, light, clothes, skin)
    draw = subject_drawing(scene, subject, rng, index)
    # A subject that moves and is not followed reaches the middle of its path at half of the clip.
    x0 = slot * frame.w
    drift = pixels * frame.seconds
    lead = subject is _leader(scene)
    if lead or travel == 0:
        x0 -= (drift - travel) * 0.5
    deep = (index * 0.618) % 1.0 * 0.045 * frame.h + (
        0.02 * frame.h if subject.kind in (SubjectKind.DOG, SubjectKind.CAT, SubjectKind.CHILD) else 0.0
    )
    ground = place.ground * frame.h + deep
    depth = place.depth
    if scene.setting is Environment.ROOM and subject.kind is SubjectKind.CAT and not speed:
        # In a room, a cat that does not move sits on the window sill.
        ground, depth, x0, unit = (
            0.612 * frame.h,
            0.32,
            0.5 * frame.w + (0.06 + 0.2 * index) * frame.h,
            unit * 0.62,
        )

    def path(t: float) -> Point:
        return x0 + pixels * t, ground

    def phase(t: float) -> float:
        return start + rate * t

    facing = index % 2 == 1 and speed == 0 and subject.count > 1
    return Figure(
        name=subject.kind,
        draw=draw,
        tones=tones,
        depth=depth,
        unit=unit,
        path=path,
        phase=phase,
        extent=_extent(subject.kind),
        flip=facing,
        rim=rim_light(light, frame, scene),
        side=1.0 if frame.sun[0] > x0 else -1.0,
        shadow={
            SubjectKind.CAR: 3.1,
            SubjectKind.HORSE: 1.7,
            SubjectKind.TRAM: 4.0,
            SubjectKind.CAT: 1.1,
            SubjectKind.DOG: 1.2,
        }.get(subject.kind, 0.55),
    )


def _leader(scene: Scene) -> Subject | None:
    return next((s for s in scene.subjects if pace_of(s)[0] and not is_placed_apart(scene, s)), None)
