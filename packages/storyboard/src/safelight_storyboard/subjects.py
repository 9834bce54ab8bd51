"""Subjects: creates the figures of a scene with position, speed, colours and light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from safelight_storyboard.attachments import board_vehicle, carried, held
from safelight_storyboard.catalogue import CATALOGUE
from safelight_storyboard.catalogue_entry import Motion
from safelight_storyboard.catalogue_figures import (
    entry_tones,
    is_placed_apart,
    place_apart,
)
from safelight_storyboard.figures import Figure, Point
from safelight_storyboard.flying_and_swimming import add_flying_and_swimming
from safelight_storyboard.lexicon import Environment, SubjectAction
from safelight_storyboard.palette import Light
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_reader import PEOPLE, Subject, most_of
from safelight_storyboard.subject_style import (
    CLOTHES,
    DRESSES,
    height_of,
    pace_of,
    rim_light,
    subject_drawing,
    subject_tones,
)
from safelight_storyboard.trades import TRADES

_EXTENTS = {
    SubjectKind.HORSE: (1.0, 1.2, 1.55, 0.05),
    SubjectKind.DOG: (0.75, 0.85, 1.1, 0.05),
    SubjectKind.CAT: (0.75, 0.65, 1.0, 0.05),
    SubjectKind.CAR: (1.5, 1.5, 1.1, 0.05),
    SubjectKind.TRAIN: (14.0, 1.6, 1.1, 0.05),
    SubjectKind.BICYCLE: (0.55, 0.6, 1.1, 0.05),
}
#: Width in units that a subject needs in a row, where it is not the usual share of its extent.
_ROOM = {SubjectKind.TRAIN: 6.0, SubjectKind.CAR: 3.1, SubjectKind.HORSE: 2.0, SubjectKind.BICYCLE: 1.2}


def lead_speed(scene: Scene, place: Place, frame_h: float) -> float:
    """Speed in pixels per second of the first moving subject that is not a bird or fish; else 0."""
    for subject in scene.subjects:
        speed, _ = pace_of(subject)
        if speed and subject.kind not in (SubjectKind.BIRD, SubjectKind.FISH):
            return speed * height_of(subject.kind, place, frame_h, scene.closeness)
    return 0.0


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
    grounded = [s for s in scene.subjects if _stands(s) and not is_placed_apart(scene, s)]
    slots, smaller = _row(scene, grounded, place, frame)
    row = replace(scene, closeness=scene.closeness * smaller)
    used = 0
    for subject in sorted(scene.subjects, key=lambda s: not _stands(s)):
        for index in range(_shown(subject, frame)):
            figure: Figure | None
            if subject.kind is SubjectKind.RAINBOW:
                continue
            if is_placed_apart(scene, subject):
                behind.append(place_apart(scene, subject, index, place, light, frame, rng))
            elif _stands(subject):
                figure = _on_ground(row, subject, index, slots[used], place, light, frame, rng, travel)
                used += 1
                front.append(figure)
            else:
                holder = (
                    next((f for f in front[index:] if f.name in PEOPLE), None)
                    if subject.kind is SubjectKind.BALLOON
                    else None
                )
                if holder is not None:
                    figure = add_flying_and_swimming(scene, subject, index, place, light, frame, rng)
                    behind.append(held(figure, holder))
                    continue
                behind.append(
                    carried(
                        add_flying_and_swimming(scene, subject, index, place, light, frame, rng),
                        place,
                        frame,
                        travel,
                    )
                )
    front.sort(key=lambda f: f.path(0.0)[1])
    board_vehicle(scene, behind, front)


def _stands(subject: Subject) -> bool:
    if subject.kind in CATALOGUE:
        return CATALOGUE[subject.kind].motion in (Motion.GROUND, Motion.FIXED)
    if subject.kind is SubjectKind.RAINBOW:
        return False
    floats = subject.kind in PEOPLE and subject.action in (SubjectAction.FLY, SubjectAction.SWIM)
    aloft = (
        SubjectKind.BIRD,
        SubjectKind.BUTTERFLY,
        SubjectKind.BALLOON,
        SubjectKind.HOT_AIR_BALLOON,
        SubjectKind.FISH,
        SubjectKind.WHALE,
        SubjectKind.BOAT,
    )
    return subject.kind not in aloft and not floats


def _shown(subject: Subject, frame: FrameGeometry) -> int:
    most = most_of(subject.kind)
    return min(subject.count, min(most, 5) if frame.w < frame.h else most)


def _extent(kind: SubjectKind) -> tuple[float, float, float, float]:
    """Extent of a drawing on the ground in units: left, right, up, down."""
    if kind in CATALOGUE:
        return CATALOGUE[kind].extent
    if kind in TRADES:
        wide = 3.1 if kind in (SubjectKind.RICE_FARMER, SubjectKind.TEA_PICKER) else 1.75
        return (wide, wide, 1.5, 0.2)
    return _EXTENTS.get(kind, (0.62, 0.62, 1.36, 0.05))


def _row(
    scene: Scene, grounded: list[Subject], place: Place, frame: FrameGeometry
) -> tuple[list[float], float]:
    """Horizontal positions of the subjects, and a factor for their size, with which all have room.

    One subject is placed off-centre; several stand side by side around the middle.
    """
    wide = [
        _ROOM.get(subject.kind, 1.2 if subject.kind in TRADES else 0.7 * sum(_extent(subject.kind)[:2]))
        * height_of(subject.kind, place, frame.h, scene.closeness)
        / frame.w
        for subject in grounded
        for _ in range(_shown(subject, frame))
    ]
    if len(wide) <= 1:
        at = 0.38 if frame.sun[0] > frame.w / 2 else 0.6
        return [0.56 - 0.17 * frame.h / frame.w if scene.setting is Environment.KITCHEN else at], 1.0
    if scene.setting is Environment.KITCHEN:
        gap = min(0.3, 0.62 / len(wide))
        return [0.46 + (index - (len(wide) - 1) / 2) * gap for index in range(len(wide))], 1.0
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
    if subject.kind in (SubjectKind.WOMAN, SubjectKind.DANCER):
        clothes = rgb(str(rng.choice(DRESSES)))
    if subject.kind is SubjectKind.CHEF:
        clothes = rgb("#e9e4da")
    if subject.kind is SubjectKind.ASTRONAUT:
        clothes = rgb("#e6e6ea")
    if subject.kind in (SubjectKind.DOG, SubjectKind.HORSE, SubjectKind.CAT):
        clothes = rgb(str(rng.choice(("#8a5f3c", "#6b4a33", "#3d3230", "#b08a5e", "#d9c9ad"))))
    if subject.kind in (SubjectKind.CAR, SubjectKind.TRAIN, SubjectKind.BICYCLE):
        clothes = rgb(str(rng.choice(("#a8483c", "#3f6a7a", "#d0b070", "#d9d5cb", "#4d7a5c"))))
        skin = rgb("#ffdd9e") / np.maximum(light.ambient, 0.3) if light.lamps > 0.3 else light.sky[2]
    if subject.kind in TRADES and TRADES[subject.kind].clothes:
        clothes = rgb(TRADES[subject.kind].clothes)
    tones = (
        entry_tones(scene, subject, place, light, rng)
        if subject.kind in CATALOGUE
        else subject_tones(scene, subject, place, light, clothes, skin)
    )
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
    if subject.kind is SubjectKind.TRAIN:
        x0 = frame.w * 0.34 + 3 * unit

    def path(t: float) -> Point:
        return x0 + pixels * t, ground

    def phase(t: float) -> float:
        return start + rate * t

    entry = CATALOGUE.get(subject.kind)
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
            SubjectKind.TRAIN: 0.0,
            SubjectKind.CAT: 1.1,
            SubjectKind.DOG: 1.2,
        }.get(subject.kind, entry.shadow if entry is not None else 0.55),
    )


def _leader(scene: Scene) -> Subject | None:
    return next((s for s in scene.subjects if pace_of(s)[0] and _stands(s)), None)
