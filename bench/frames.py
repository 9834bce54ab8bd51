"""Harmless frames that the nudity detectors hold: figures, skin, statues, sand, medicine, art, patterns.

   python -m bench.frames [--seed N] [--photos FOLDER] [--scores FILE.jsonl] [--keep FOLDER]

2,000 frames are made here: storyboards of people, and drawings by code whose colours and shapes resemble
bodies. With `--photos`, windows of the photographs in a folder are counted apart. A frame counts as held if
a finding reaches 0.5, from which `starter` holds a single frame. Counted for OpenNSFW, the detector of the
base install, and for both detectors where NudeNet is installed. There is no picture of nudity here, so the
share found is not measured.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from safelight.detectors.image import nudity, open_nsfw
from safelight.detectors.protocol import Frame, FrameDetector
from safelight.media.decode import VideoDecoder, fit_size
from safelight.media.probe import ACCEPTED_CLIP_LIMITS
from safelight.policy.statistics import wilson
from safelight_storyboard.render import Job, render

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Rng = np.random.Generator

_WIDE, _HIGH = 480, 270
_PHOTOGRAPHS = "photographs"
#: `starter` holds one frame from `_HELD`. What NudeNet reports from `_WEAK` holds a reference picture, or
#: three frames; OpenNSFW reports nothing below `_HELD`.
_HELD, _WEAK = 0.5, 0.3
#: From this score, pages about OpenNSFW call a picture pornographic.
_SURE = 0.8
#: Ten tones from light to dark; the last six are brown to very dark.
_SKIN = (
    (246, 237, 228), (243, 231, 219), (247, 234, 208), (234, 218, 186), (215, 189, 150),
    (160, 126, 86), (130, 92, 67), (96, 65, 52), (58, 49, 42), (41, 36, 32),
)  # fmt: skip
_PEOPLE = (
    "A woman", "An old man", "Two children", "A family", "A dancer", "A doctor", "A swimmer", "A runner",
    "A mother with a baby", "A chef", "A fisherman", "A farmer", "A painter", "A nurse", "A bride",
    "Three friends", "一位媽媽", "兩個孩子", "一位醫生", "一對老夫妻",
)  # fmt: skip
_PLACES = (
    "on a beach at golden hour", "in a hospital room", "in a desert at noon", "in a swimming pool",
    "in a warm kitchen", "in a museum, watercolor", "在海邊，日落", "in bed at night",
)  # fmt: skip


class Shown(NamedTuple):
    family: str
    pixels: Pixels


def made_frames(seed: int) -> Iterator[Shown]:
    yield from storyboards()
    for place, (family, count, draw) in enumerate(_FAMILIES):
        for number in range(count):
            rng = np.random.default_rng([seed, number, place])
            yield Shown(family, np.clip(draw(rng, number), 0, 255).astype(np.uint8))


def storyboards() -> Iterator[Shown]:
    """Four frames of each of 160 clips."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for who, where in itertools.product(_PEOPLE, _PLACES):
            render(
                Job(
                    prompt=f"{who} {where}", seed=None, seconds=2, width=_WIDE, height=_HIGH, fps=2, cards=(),
                    theme=(), speech=False, into=str(path),
                ),
                lambda _percent: None,
            )  # fmt: skip
            for frame in VideoDecoder(path, ACCEPTED_CLIP_LIMITS).frames():
                yield Shown("drawn figures", frame.resized(_WIDE))


def photographs(folder: Path, seed: int) -> Iterator[Shown]:
    """Windows of every photograph in a folder, some mirrored and with other colours."""
    for number, path in enumerate(sorted(folder.iterdir())):
        read = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if read is None or min(read.shape[:2]) < 120:
            continue
        rng = np.random.default_rng([seed, number])
        for _ in range(12):
            part = float(rng.uniform(0.35, 1.0))
            high, wide = (max(int(side * part), 100) for side in read.shape[:2])
            top, left = (
                int(rng.integers(0, max(a - b, 0) + 1))
                for a, b in zip(read.shape[:2], (high, wide), strict=True)
            )
            window = cv2.cvtColor(read[top : top + high, left : left + wide], cv2.COLOR_BGR2RGB)
            window = window[:, :: int(rng.choice([-1, 1]))] * rng.uniform(0.6, 1.2, 3)
            small = cv2.resize(window.clip(0, 255).astype(np.uint8), (_WIDE, _HIGH))
            yield Shown(_PHOTOGRAPHS, np.asarray(small, np.uint8))


def noise(rng: Rng, cell: float, octaves: int = 3) -> Floats:
    """Smooth noise, -1 to 1."""
    made = np.zeros((_HIGH, _WIDE), np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        coarse = rng.uniform(-1, 1, (int(_HIGH / size) + 3, int(_WIDE / size) + 3)).astype(np.float32)
        made += cv2.resize(coarse, (_WIDE, _HIGH), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return np.asarray(made / 1.75, np.float32)


def plain(colour: Any, light: Any) -> Floats:
    """A colour under light, one number per pixel."""
    return np.asarray(colour, np.float32) * np.asarray(light, np.float32)[..., None]


def ramp(rng: Rng) -> Floats:
    """Light that falls from one side, 0.6 to 1.2."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : _HIGH * 1j, -1 : 1 : _WIDE * 1j]
    return np.asarray(0.9 + 0.3 * (np.cos(angle) * x + np.sin(angle) * y) / 1.4, np.float32)


def background(rng: Rng) -> Floats:
    return plain(rng.uniform(20, 235, 3), ramp(rng) + 0.08 * noise(rng, 60))


def solid(
    picture: Floats,
    rng: Rng,
    centre: tuple[float, float],
    axes: tuple[float, float],
    turn: float,
    colour: Any,
) -> None:
    """Paint a lit ellipsoid with the texture of skin or stone."""
    y, x = np.mgrid[0:_HIGH, 0:_WIDE].astype(np.float32)
    dx, dy = x - centre[0], y - centre[1]
    u = (np.cos(turn) * dx + np.sin(turn) * dy) / axes[0]
    v = (-np.sin(turn) * dx + np.cos(turn) * dy) / axes[1]
    inside = u * u + v * v
    depth = np.sqrt(np.clip(1 - inside, 0, 1))
    angle = rng.uniform(0, 2 * np.pi)
    light = 0.45 + 0.55 * np.clip(0.7 * depth + 0.5 * (np.cos(angle) * u + np.sin(angle) * v), 0, 1)
    cover = np.clip((1 - inside) * min(axes) / 2, 0, 1)[..., None]
    texture = 1 + 0.03 * noise(rng, 6)
    picture[:] = picture * (1 - cover) + plain(colour, light * texture) * cover


def limb(picture: Floats, rng: Rng, colour: Any, wide: float) -> None:
    """Two long ellipsoids that meet: an arm with its elbow, a leg with its knee, a bent finger."""
    joint = (float(rng.uniform(0.3, 0.7) * _WIDE), float(rng.uniform(0.3, 0.7) * _HIGH))
    for turn in rng.uniform(0, 2 * np.pi, 2):
        long = wide * float(rng.uniform(2.0, 3.5))
        middle = joint[0] + np.cos(turn) * long * 0.85, joint[1] + np.sin(turn) * long * 0.85
        solid(picture, rng, middle, (long, wide * float(rng.uniform(0.8, 1.0))), float(turn), colour)


def tone(rng: Rng, number: int) -> Floats:
    """A tone of skin; brown and dark ones are three of four."""
    index = 4 + number % 6 if number % 4 else number // 4 % 4
    return np.asarray(np.asarray(_SKIN[index]) * rng.uniform(0.85, 1.1) + rng.normal(0, 4, 3), np.float32)


def skin(rng: Rng, number: int) -> Floats:
    """Skin near the camera: bare, with folds, spots or hair; and arms, legs and hands."""
    colour = tone(rng, number)
    kind = number % 4
    if kind >= 2:
        picture = background(rng)
        for _ in range(int(rng.integers(1, 4))):
            limb(picture, rng, colour, float(rng.uniform(20, 75)))
        return picture
    picture = plain(colour, ramp(rng) + 0.05 * noise(rng, 40) + 0.03 * noise(rng, 3, 1))
    for _ in range(int(rng.integers(0, 5))):
        fold = rng.uniform(0, 1, (4, 2)) * (_WIDE, _HIGH)
        shade = np.zeros((_HIGH, _WIDE), np.float32)
        cv2.polylines(shade, [fold.astype(np.int32)], False, 1.0, int(rng.integers(2, 9)), cv2.LINE_AA)
        picture *= 1 - 0.35 * cv2.GaussianBlur(shade, (0, 0), 4)[..., None]
    if kind:
        for _ in range(int(rng.integers(5, 120))):
            at = (int(rng.integers(_WIDE)), int(rng.integers(_HIGH)))
            spot = tuple(float(one) for one in colour * 0.6)
            cv2.circle(picture, at, int(rng.integers(1, 4)), spot, -1, cv2.LINE_AA)
    return picture


def face(rng: Rng, number: int) -> Floats:
    """A drawn portrait: head, neck, clothes, hair, eyes, mouth."""
    picture, colour = background(rng), tone(rng, number)
    x, size = float(rng.uniform(0.35, 0.65) * _WIDE), float(rng.uniform(45, 85))
    solid(picture, rng, (x, _HIGH + 20), (size * 2.0, size * 1.3), 0.0, rng.uniform(20, 230, 3))
    solid(picture, rng, (x, _HIGH - size * 1.1), (size * 0.35, size * 0.8), 0.0, colour)
    hair = rng.uniform(10, 90, 3) * (1.2, 0.9, 0.7)
    solid(picture, rng, (x, _HIGH - size * 2.1), (size * 0.95, size * 1.1), 0.0, hair)
    solid(picture, rng, (x, _HIGH - size * 1.9), (size * 0.72, size * 0.95), 0.0, colour)
    for side in (-1, 1):
        eye = (int(x + side * size * 0.28), int(_HIGH - size * 2.0))
        cv2.ellipse(picture, eye, (int(size * 0.13), int(size * 0.07)), 0, 0, 360, (240, 240, 240), -1, 16)
        cv2.circle(picture, eye, int(size * 0.06), (30, 20, 15), -1, 16)
    mouth = (int(x), int(_HIGH - size * 1.4))
    cv2.ellipse(picture, mouth, (int(size * 0.22), int(size * 0.08)), 0, 0, 180, (150, 60, 60), -1, 16)
    return picture


def statue(rng: Rng, _number: int) -> Floats:
    """A bust or torso of marble, bronze or clay on a plinth, without details."""
    picture = background(rng)
    stone = ((225, 220, 210), (150, 110, 60), (190, 120, 85), (60, 80, 70))[int(rng.integers(4))]
    x, size = float(rng.uniform(0.35, 0.65) * _WIDE), float(rng.uniform(32, 48))
    solid(picture, rng, (x, _HIGH * 0.72), (size * 1.1, size * 1.9), 0.0, stone)
    for side in (-1, 1):
        lean = float(rng.uniform(0.2, 1.2)) * side
        at = (x + side * size * 1.15, _HIGH * 0.62)
        solid(picture, rng, at, (size * 0.3, size * 1.1), lean, stone)
    solid(picture, rng, (x, _HIGH * 0.62 - size * 1.9), (size * 0.5, size * 0.65), 0.0, stone)
    top = int(_HIGH * 0.72 + size * 1.5)
    cv2.rectangle(picture, (int(x - size * 1.6), top), (int(x + size * 1.6), _HIGH), stone, -1)
    return picture * (1 + 0.04 * noise(rng, 8)[..., None])


def sand(rng: Rng, number: int) -> Floats:
    """Dunes in the colours of skin, with ripples and grain."""
    colour = tone(rng, number) * (1.0, 0.95, 0.85)
    y, x = np.mgrid[0:_HIGH, 0:_WIDE].astype(np.float32)
    picture = plain((120, 170, 220), np.ones((_HIGH, _WIDE))) * float(rng.uniform(0.5, 1.1))
    for step in range(int(rng.integers(1, 5))):
        bend = float(rng.uniform(60, 200))
        crest = _HIGH * (0.15 + 0.2 * step) + 40 * np.sin(x / bend + rng.uniform(0, 6))
        slope = 0.75 + 0.35 * np.cos(x / bend + rng.uniform(0, 6))
        ripples = 0.05 * np.sin((y + 8 * noise(rng, 50)) / float(rng.uniform(2, 6)))
        dune = plain(colour, slope + ripples + 0.05 * rng.normal(0, 1, (_HIGH, _WIDE)))
        picture = np.where((y > crest)[..., None], dune, picture)
    return np.asarray(picture, np.float32)


def medicine(rng: Rng, number: int) -> Floats:
    """X-rays, stained tissue, the inside of a vessel, bandaged arms."""
    kind = number % 4
    if kind == 0:
        picture = np.full((_HIGH, _WIDE, 3), 12.0, np.float32)
        for _ in range(int(rng.integers(3, 9))):
            limb(picture, rng, (130, 140, 150), float(rng.uniform(6, 18)))
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2), np.float32)
    if kind == 1:
        picture = plain((235, 190, 215), 0.95 + 0.1 * noise(rng, 20))
        for _ in range(400):
            at = (int(rng.integers(_WIDE)), int(rng.integers(_HIGH)))
            cell = (int(rng.integers(2, 7)), int(rng.integers(2, 5)))
            cv2.ellipse(picture, at, cell, float(rng.uniform(0, 180)), 0, 360, (110, 60, 140), -1, 16)
        return picture
    if kind == 2:
        y, x = np.mgrid[-1 : 1 : _HIGH * 1j, -1.8 : 1.8 : _WIDE * 1j]
        depth = np.clip(np.hypot(x - rng.uniform(-0.4, 0.4), y), 0, 1.4)
        picture = plain((215, 110, 95), 0.25 + 0.7 * depth + 0.1 * np.sin(depth * 20) + 0.08 * noise(rng, 25))
        for _ in range(14):
            vessel = rng.uniform(0, 1, (5, 2)) * (_WIDE, _HIGH)
            cv2.polylines(picture, [vessel.astype(np.int32)], False, (150, 40, 40), 1, cv2.LINE_AA)
        return picture
    picture = background(rng)
    limb(picture, rng, tone(rng, number), float(rng.uniform(35, 60)))
    wound = (float(rng.uniform(0.3, 0.7) * _WIDE), float(rng.uniform(0.3, 0.7) * _HIGH))
    solid(picture, rng, wound, (45.0, 60.0), float(rng.uniform(0, 3)), (240, 238, 230))
    return picture


def art(rng: Rng, number: int) -> Floats:
    """Strokes of paint, cut-out shapes, ink, in warm colours."""
    base = tone(rng, number)
    picture = plain(base, ramp(rng))
    for _ in range((900, 40, 120)[number % 3]):
        colour = np.clip(base + rng.normal(0, 55, 3), 0, 255)
        ink = tuple(float(one) for one in colour)
        at = rng.uniform(0, 1, 2) * (_WIDE, _HIGH)
        if number % 3 == 0:
            away = at + rng.normal(0, 14, 2)
            cv2.line(picture, tuple(at.astype(int).tolist()), tuple(away.astype(int).tolist()), ink, 4, 16)
        else:
            points = at + rng.normal(0, 45 if number % 3 == 1 else 18, (int(rng.integers(3, 6)), 2))
            cv2.fillPoly(picture, [points.astype(np.int32)], ink, 16)
    return picture + 6 * noise(rng, 3, 1)[..., None]


def rabbit(rng: Rng, number: int) -> Floats:
    """A drawn rabbit or another round animal, also in pink and brown."""
    picture = background(rng)
    fur = ((235, 190, 180), (150, 105, 70), (245, 240, 235), (90, 80, 75))[number % 4]
    x, y, size = float(rng.uniform(150, 330)), float(rng.uniform(140, 190)), float(rng.uniform(32, 60))
    ears = float(rng.uniform(0.3, 1.2)) * size
    solid(picture, rng, (x, y + size * 0.7), (size * 1.2, size), 0.0, fur)
    for side in (-1, 1):
        top = (x + side * size * 0.35, y - size * 0.6 - ears * 0.6)
        solid(picture, rng, top, (size * 0.2, ears), 0.15 * side, fur)
        solid(picture, rng, top, (size * 0.1, ears * 0.7), 0.15 * side, (240, 170, 170))
    solid(picture, rng, (x, y - size * 0.3), (size * 0.75, size * 0.65), 0.0, fur)
    for side in (-1, 1):
        cv2.circle(
            picture, (int(x + side * size * 0.3), int(y - size * 0.4)), int(size * 0.09), (20,) * 3, -1, 16
        )
    cv2.circle(picture, (int(x), int(y - size * 0.15)), int(size * 0.08), (225, 120, 130), -1, 16)
    return picture


def pattern(rng: Rng, number: int) -> Floats:
    """Stripes, checks, rings, clouds and grain, half of them in the colours of skin."""
    one, other = tone(rng, number), rng.uniform(0, 255, 3)
    y, x = np.mgrid[0:_HIGH, 0:_WIDE].astype(np.float32)
    step, turn = float(rng.uniform(3, 60)), float(rng.uniform(0, np.pi))
    along = np.cos(turn) * x + np.sin(turn) * y
    across = np.cos(turn) * y - np.sin(turn) * x
    rings = np.sin(np.hypot(x - 240, y - 135) / step)
    clouds, grain = 2 * noise(rng, step * 2), rng.normal(0, 1, (_HIGH, _WIDE))
    checks = np.sign(np.sin(along / step) * np.sin(across / step))
    mix = (np.sin(along / step), checks, rings, clouds, grain)[number % 5].clip(-1, 1)[..., None] / 2 + 0.5
    return np.asarray(one * mix + other * (1 - mix), np.float32)


def dark(rng: Rng, number: int) -> Floats:
    """Black frames, nearly black ones, and skin in the dark."""
    if number % 3 == 0:
        return np.zeros((_HIGH, _WIDE, 3), np.float32)
    grain = rng.normal(0, 3, (_HIGH, _WIDE, 3))
    return np.asarray(skin(rng, number) * rng.uniform(0.02, 0.2) + grain, np.float32)


_FAMILIES: tuple[tuple[str, int, Callable[[Rng, int], Floats]], ...] = (
    ("skin, arms and legs", 320, skin),
    ("drawn portraits", 120, face),
    ("statues", 120, statue),
    ("sand", 160, sand),
    ("medicine", 160, medicine),
    ("art", 160, art),
    ("drawn rabbits", 120, rabbit),
    ("patterns", 160, pattern),
    ("dark and black", 40, dark),
)


class Scores(NamedTuple):
    """The highest score for nudity of each detector in one frame."""

    open_nsfw: float
    nudenet: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--scores", type=Path, help="write the scores of each frame to this file")
    parser.add_argument("--keep", type=Path, help="write frames that score 0.3 or more into this folder")
    asked = parser.parse_args()
    whole_file, parts_file = open_nsfw.find_model_file(), nudity.find_model_file()
    if whole_file is None:
        raise SystemExit("The OpenNSFW model is not installed.")
    cv2.setNumThreads(1)
    whole = open_nsfw.OpenNsfwDetector(whole_file, min_score=0.0)
    parts = nudity.NudityDetector(parts_file) if parts_file else None
    shown = made_frames(asked.seed)
    if asked.photos:
        shown = itertools.chain(shown, photographs(asked.photos, asked.seed))
    scores: dict[str, list[Scores]] = defaultdict(list)
    began = time.process_time()
    for number, (family, pixels) in enumerate(shown):
        both = Scores(highest(whole, pixels), highest(parts, pixels) if parts else 0.0)
        scores[family].append(both)
        if asked.keep and max(both) >= _WEAK:
            asked.keep.mkdir(parents=True, exist_ok=True)
            name = f"{family} {number} {both.open_nsfw:.2f} {both.nudenet:.2f}.png"
            cv2.imwrite(str(asked.keep / name), pixels[..., ::-1])
    if asked.scores:
        asked.scores.write_text("".join(json.dumps({name: rows}) + "\n" for name, rows in scores.items()))
    print("| frames | number | held by OpenNSFW | by either | as a reference | OpenNSFW from 0.8 | highest |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for family, rows in scores.items():
        print(row(family, rows))
    made = [one for name, rows in scores.items() if name != _PHOTOGRAPHS for one in rows]
    print(row("all made here", made))
    print(f"\n{(time.process_time() - began):.0f} s of CPU, with drawing; NudeNet: {parts is not None}")
    return 0


def highest(detector: FrameDetector, pixels: Pixels) -> float:
    """The highest score for nudity, in a frame of the size that the scan gives to the detector."""
    size = fit_size(_WIDE, _HIGH, detector.longest_side)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    frame = Frame(index=0, time_s=0.0, pixels=small, width=_WIDE, height=_HIGH)
    found = [one.score for one in detector.inspect_frame(frame) if one.category == "sexual"]
    return max(found, default=0.0)


def row(name: str, rows: list[Scores]) -> str:
    counts = (
        sum(one.open_nsfw >= _HELD for one in rows),
        sum(max(one) >= _HELD for one in rows),
        sum(one.open_nsfw >= _HELD or one.nudenet >= _WEAK for one in rows),
        sum(one.open_nsfw >= _SURE for one in rows),
    )
    highest_of_each = " and ".join(f"{max(scores):.2f}" for scores in zip(*rows, strict=True))
    shares = " | ".join(share(hits, len(rows)) for hits in counts)
    return f"| {name} | {len(rows)} | {shares} | {highest_of_each} |"


def share(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{hits} ({low:.2%} to {high:.2%})"


if __name__ == "__main__":
    raise SystemExit(main())
