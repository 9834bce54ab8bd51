"""Attachments between subjects: followers, passengers of a boat, riders."""

from __future__ import annotations

import math

from safelight_storyboard import people, vehicles
from safelight_storyboard.figures import Figure, Point
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.people import Look
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_words import PEOPLE, SubjectKind


def carried(figure: Figure, place: Place, frame: FrameGeometry, travel: float) -> Figure:
    """Makes a flying subject near the camera move along with the subject that the camera follows."""
    if not travel or figure.depth < 0.3:
        return figure
    own, speed = figure.path, travel / frame.seconds * figure.depth / place.depth

    def path(t: float) -> Point:
        x, y = own(t)
        return x + speed * t, y

    figure.path = path
    return figure


def board_vehicle(scene: Scene, behind: list[Figure], front: list[Figure]) -> None:
    """Seats people in the boat of the scene (at sea only) or on the horse that they ride."""
    boat = next((f for f in behind if f.draw is vehicles.sailboat), None)
    if boat is not None and scene.setting is Environment.SEA:
        crew = front[:2]
        del front[:]
        for number, figure in enumerate(crew):
            _seat(figure, boat, size=0.3, dx=0.12 - 0.3 * number, up=0.1)
            behind.insert(behind.index(boat), figure)
    mounts = [f for f in front if f.name == SubjectKind.HORSE]
    riders = [f for f in front if f.name in PEOPLE]
    if scene.rides:
        for mount, rider in zip(mounts, riders, strict=False):
            look = Look(hat="brim")
            rider.draw, rider.shadow, rider.flip = people.person(look, people.riding), 0.0, mount.flip
            _seat(rider, mount, size=1.12, dx=-0.03, up=1.0)
            front.remove(rider)
            front.insert(front.index(mount) + 1, rider)


def _seat(figure: Figure, on: Figure, *, size: float, dx: float, up: float) -> None:
    way, phase = on.path, on.phase
    unit = on.unit

    def path(t: float) -> Point:
        x, y = way(t)
        return x + dx * unit, y - up * unit + 0.02 * unit * math.sin(phase(t))

    figure.path, figure.depth, figure.unit, figure.shadow = path, on.depth, unit * size, 0.0
