"""Faces drawn by code that the face detector finds, so that tests need no photographs of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What tells one drawn person from another; lengths in parts of the picture's side."""

    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    wide: float
    tall: float
    apart: float
    mouth: float
    fringe: bool = False


ANN = Looks(
    skin=(232, 190, 168), hair=(60, 40, 30), wide=0.21, tall=0.29, apart=0.42, mouth=0.30, fringe=True
)
BEN = Looks(skin=(140, 100, 78), hair=(220, 200, 120), wide=0.18, tall=0.33, apart=0.5, mouth=0.2)


def portrait(who: Looks, *, side: int = 400, brightness: float = 1.0) -> Pixels:
    """The person from the front, before a plain wall."""
    import cv2

    image = np.full((side, side, 3), (150, 165, 180), np.uint8)
    middle = (side // 2, side // 2)
    wide, tall = round(side * who.wide), round(side * who.tall)
    dark = tuple(int(value * 0.72) for value in who.skin)

    def ellipse(
        at: tuple[int, int], axes: tuple[int, int], colour: tuple[int, ...], *, arc: int = 360, fill: int = -1
    ) -> None:
        start = 180 if arc == -180 else 0
        cv2.ellipse(image, at, axes, 0, start, start + abs(arc), colour, fill, cv2.LINE_AA)

    ellipse((middle[0], middle[1] - tall // 4), (round(wide * 1.12), tall), who.hair)
    ellipse(middle, (wide, tall), who.skin)
    if who.fringe:
        ellipse((middle[0], middle[1] - round(tall * 0.72)), (round(wide * 0.8), round(tall * 0.3)), who.hair)
    eyes, away = middle[1] - round(tall * 0.18), round(wide * who.apart)
    for side_of in (-1, 1):
        eye = (middle[0] + side_of * away, eyes)
        ellipse(eye, (round(wide * 0.2), round(tall * 0.075)), (245, 245, 245))
        cv2.circle(image, eye, round(tall * 0.06), (60, 40, 30), -1, cv2.LINE_AA)
        brow = (eye[0], eyes - round(tall * 0.16))
        ellipse(brow, (round(wide * 0.27), round(tall * 0.05)), who.hair, arc=-180, fill=6)
        ellipse(eye, (round(wide * 0.22), round(tall * 0.09)), dark, arc=-180, fill=3)
    nose = middle[1] + round(tall * 0.25)
    ellipse((middle[0], nose), (round(wide * 0.16), round(tall * 0.07)), dark, arc=180, fill=4)
    cv2.line(
        image,
        (middle[0] - round(wide * 0.08), eyes),
        (middle[0] - round(wide * 0.14), nose),
        dark,
        3,
        cv2.LINE_AA,
    )
    lips = (middle[0], middle[1] + round(tall * 0.52))
    ellipse(lips, (round(wide * who.mouth), round(tall * 0.08)), (170, 90, 90))
    soft = cv2.GaussianBlur(image, (7, 7), 2)
    light = np.linspace(1.05, 0.85, side)[None, :, None] * brightness
    return np.clip(soft * light, 0, 255).astype(np.uint8)


def pair(one: Looks, other: Looks, *, side: int = 400) -> Pixels:
    """Two people side by side."""
    return np.concatenate([portrait(one, side=side), portrait(other, side=side)], axis=1)
