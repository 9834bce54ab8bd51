"""Twelve kinds of harmless picture in which most frames differ from their neighbours, drawn by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from safelight.media.encode import Mp4Writer, VideoFormat

Pixels = npt.NDArray[np.uint8]
FPS = 24


def write_busy_clip(path: Path, kind: str, *, frames: int, width: int = 320, height: int = 180) -> Path:
    """An H.264 clip of one of `KINDS`."""
    with Mp4Writer(path, VideoFormat(width=width, height=height, fps=FPS, crf=20)) as writer:
        for pixels in draw_frames(kind, frames, width, height):
            writer.add_frame(pixels)
    return path


def draw_frames(kind: str, frames: int, width: int, height: int) -> Iterator[Pixels]:
    """The frames of a clip as height x width x 3 levels, the same for the same arguments."""
    rng = np.random.default_rng(KINDS.index(kind))
    backdrop = _backdrop(rng, width, height)
    yield from _DRAWN[kind](rng, backdrop, frames)


def _backdrop(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Hills under a sky, with the texture of a photograph."""
    down, across = np.mgrid[0:height, 0:width]
    hill = height * (0.55 + 0.12 * np.sin(across / width * 7) + 0.05 * np.sin(across / width * 23))
    sky = np.stack([90 + 50 * down / height, 110 + 50 * down / height, 150 + 40 * down / height], axis=-1)
    ground = np.stack([60 + 0 * down, 80 + 0 * down, 55 + 0 * down], axis=-1)
    picture = np.where((down > hill)[..., None], ground, sky) + rng.normal(0, 3, (height, width, 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _draw_falling(
    rng: np.random.Generator,
    backdrop: Pixels,
    frames: int,
    *,
    density: float,
    size: int,
    speed: float,
    streak: int = 0,
    coloured: bool = False,
) -> Iterator[Pixels]:
    """`density`: things per 1,000 pixels; the other lengths in pixels of a picture of 180 lines."""
    height, width = backdrop.shape[:2]
    scale = height / 180
    count = int(density * (width / scale) * 180 / 1000)
    x, y = rng.uniform(0, width, count), rng.uniform(0, height, count)
    pace = speed * scale * rng.uniform(0.6, 1.4, count)
    drift = rng.normal(0, 1.2 * scale, count)
    colours = rng.integers(60, 255, (count, 3)) if coloured else np.full((count, 3), 235)
    for _ in range(frames):
        picture = backdrop.copy()
        for at_x, at_y, move, colour in zip(x, y, drift, colours.tolist(), strict=True):
            top = (int(at_x - move), int(at_y - streak * scale))
            cv2.line(picture, top, (int(at_x), int(at_y)), colour, max(round(size * scale), 1))
        yield picture
        x = (x + drift + rng.normal(0, 0.8 * scale, count)) % width
        y = (y + pace) % height


def _waves(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    down, across = np.mgrid[0:height, 0:width] / height
    waves = [(rng.uniform(10, 60), rng.uniform(-15, 15), rng.uniform(0.2, 0.7)) for _ in range(24)]
    for number in range(frames):
        swell = sum(np.sin(f * down + g * across + pace * number) for f, g, pace in waves) / 5
        foam = (swell > 1.1) * 110
        picture = np.stack([30 + 25 * swell + foam, 70 + 30 * swell + foam, 110 + 30 * swell + foam], axis=-1)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def _fireworks(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    night = backdrop // 5
    bursts: list[tuple[int, float, float, list[int], npt.NDArray[np.float64]]] = []
    for number in range(frames):
        if number % 4 == 0:
            where = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.5) * height
            bursts.append((number, *where, rng.integers(90, 255, 3).tolist(), rng.normal(0, 1, (90, 2))))
        picture = night.copy()
        for start, x, y, colour, sparks in bursts[-6:]:
            age = number - start
            for across, down in (sparks * age * height / 70).tolist():
                spot = (int(x + across), int(y + down + age * age * height / 9000))
                cv2.circle(picture, spot, max(height // 180, 1), colour, -1)
        yield picture


def _crowd(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    count = 90
    place = np.sort(rng.uniform(0.25, 1.05, count)) * height
    x = rng.uniform(0, width, count)
    pace = rng.choice([-1, 1], count) * rng.uniform(2, 6, count) * height / 180
    coats = rng.integers(30, 220, (count, 3)).tolist()
    for number in range(frames):
        picture = backdrop.copy()
        for person in range(count):
            at, foot = int(x[person] + pace[person] * number) % width, int(place[person])
            bob = int(2 * np.sin(number * 0.9 + person) * height / 180)
            tall = int(height * 0.16)
            cv2.rectangle(picture, (at, foot - tall + bob), (at + tall // 2, foot + bob), coats[person], -1)
            cv2.circle(
                picture, (at + tall // 4, foot - tall + bob - tall // 6), tall // 5, (190, 150, 120), -1
            )
        yield picture


def _glitter(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    for _ in range(frames):
        picture = backdrop.copy()
        for x, y, level in rng.integers((0, 0, 150), (width, height, 256), (250, 3)).tolist():
            cv2.circle(picture, (x, y), max(height // 120, 1), (level, level, level * 3 // 4), -1)
        yield picture


def _grain(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    for _ in range(frames):
        yield np.clip(backdrop + rng.normal(0, 28, (*backdrop.shape[:2], 1)), 0, 255).astype(np.uint8)


def _handheld(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    scene = cv2.resize(backdrop, None, fx=1.6, fy=1.6)
    for x, y, side in rng.integers((0, 0, 6), (scene.shape[1], scene.shape[0], 40), (160, 3)).tolist():
        cv2.rectangle(scene, (x, y), (x + side, y + side), rng.integers(20, 230, 3).tolist(), -1)
    left, top = 0.3 * width, 0.3 * height
    for _ in range(frames):
        left = float(np.clip(left + rng.normal(0, 0.06) * width, 0, 0.6 * width - 1))
        top = float(np.clip(top + rng.normal(0, 0.06) * height, 0, 0.6 * height - 1))
        window = scene[int(top) : int(top) + height, int(left) : int(left) + width]
        yield cv2.blur(window, (max(width // 60, 1), 1)).astype(np.uint8)


def _cuts(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    shot = backdrop
    for number in range(frames):
        if number % (FPS // 4) == 0:
            shot = _backdrop(rng, width, height)[:, :: rng.choice([-1, 1])].copy()
            for x, y, side in rng.integers((0, 0, 10), (width, height, height // 2), (14, 3)).tolist():
                cv2.rectangle(shot, (x, y), (x + side, y + side), rng.integers(20, 230, 3).tolist(), -1)
        yield shot


def _noise(rng: np.random.Generator, backdrop: Pixels, frames: int) -> Iterator[Pixels]:
    height, width = backdrop.shape[:2]
    for _ in range(frames):
        small = rng.integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
        yield cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


#: How each kind is drawn.
_DRAWN: dict[str, Callable[[np.random.Generator, Pixels, int], Iterator[Pixels]]] = {
    "snow": partial(_draw_falling, density=6.0, size=2, speed=7.0),
    "hail": partial(_draw_falling, density=4.0, size=2, speed=22.0, streak=5),
    "confetti": partial(_draw_falling, density=3.0, size=3, speed=5.0, coloured=True),
    "rain": partial(_draw_falling, density=6.0, size=1, speed=30.0, streak=12),
    "waves": _waves,
    "fireworks": _fireworks,
    "crowd": _crowd,
    "glitter": _glitter,
    "grain": _grain,
    "handheld": _handheld,
    "cuts": _cuts,
    "noise": _noise,
}
KINDS = tuple(_DRAWN)
