"""Harmless drawings for the hate symbol detector: storyboards, skylines at night, test patterns.

    python -m bench.symbols_harmless SET [--scores FILE.jsonl]

SET is `fitting`, `choosing` or `reporting`; they share no prompt and no random number. Every clip is written
as H.264, read back and inspected once a second, as the schedule does. Printed is how many frames have a
finding at each score, and in how many clips a finding has three frames, from which `starter` holds. With
`--scores` every candidate is written, with the certainty of the network.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.symbols import MODEL
from safelight.detectors.image.symbols.detector import SYMBOLS, SymbolDetector
from safelight.detectors.protocol import Frame
from safelight.media.decode import VideoDecoder
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.media.probe import ACCEPTED_CLIP_LIMITS
from safelight.policy.findings import Finding
from safelight.policy.statistics import wilson
from safelight.screening.scanning.segments import FrameTiming, build_segments
from safelight_storyboard.render import Job, render

Pixels = npt.NDArray[np.uint8]
Rng = np.random.Generator

_SIZE, _FPS, _SECONDS = (640, 360), 12, 4
_SETS = ("fitting", "choosing", "reporting")
_SCORES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
#: Parts of prompts for storyboards; each set takes every third combination.
_PLACES = (
    "A city skyline at night with lit windows", "A rooftop at night above the city", "A street in the rain",
    "A quiet harbour with boats", "Misty mountains at dawn", "A pine forest in snow", "A lake at dusk",
    "A kitchen in the morning", "A small stage with a dancer", "A desert at noon", "Stars over the sea",
    "A meadow with two horses", "A reef under water", "An astronaut in space", "A room with a cat",
    "夜晚的城市天際線", "雨中的街道", "清晨的厨房", "雪夜的山", "海邊的日落",
)  # fmt: skip
_WAYS = ("", ", storm, crane up", ", slow pan left, neon signs, noir", ", a train and a bicycle, vintage",
         ", birds fly, watercolor", ", fog, orbit")  # fmt: skip
_SKYLINES, _PATTERNS, _CUTS = 24, 24, 8


class Clip(NamedTuple):
    family: str
    frames: list[Pixels]


def clips(name: str, side: int) -> Iterator[Clip]:
    """The clips of a set, each with one frame a second and the last one, scaled to this longest side."""
    number = _SETS.index(name)
    prompts = [place + way for place in _PLACES for way in _WAYS][number :: len(_SETS)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        boards = []
        for prompt in prompts:
            render(_job(prompt, path), lambda _percent: None)
            boards.append(list(sampled(path, side)))
            yield Clip("storyboard", boards[-1])
        for first in range(_CUTS):
            # Another scene in every second.
            scenes = [boards[(first * 5 + step * 7) % len(boards)][step % 4] for step in range(5)]
            yield Clip("storyboard, many scenes", scenes)
        for family, count, draw in (("skyline", _SKYLINES, skyline), ("test pattern", _PATTERNS, pattern)):
            for index in range(count):
                rng = np.random.default_rng([number, index, count])
                encode(draw(rng), rng, path)
                yield Clip(family, list(sampled(path, side)))


def _job(prompt: str, into: Path) -> Job:
    return Job(
        prompt=prompt, seed=None, seconds=_SECONDS, width=_SIZE[0], height=_SIZE[1], fps=_FPS, cards=(),
        theme=(), speech=False, into=str(into),
    )  # fmt: skip


def encode(picture: Pixels, rng: Rng, into: Path) -> None:
    """Write a clip of the picture under a camera that moves a little."""
    across, down, zoom = rng.uniform(-12, 12), rng.uniform(-5, 5), rng.uniform(0, 0.02)
    with Mp4Writer(into, VideoFormat(width=_SIZE[0], height=_SIZE[1], fps=_FPS, crf=24)) as writer:
        for number in range(_SECONDS * _FPS):
            moment = number / _FPS
            matrix = cv2.getRotationMatrix2D((_SIZE[0] / 2, _SIZE[1] / 2), 0, 1.05 + zoom * moment)
            matrix[0, 2] += across * (moment - 2)
            matrix[1, 2] += down * (moment - 2)
            frame = cv2.warpAffine(picture, matrix, _SIZE, borderMode=cv2.BORDER_REFLECT_101)
            writer.add_frame(np.asarray(frame, np.uint8))


def sampled(path: Path, side: int) -> Iterator[Pixels]:
    """The frames that the schedule selects of a quiet clip, scaled to this longest side."""
    last = _SECONDS * _FPS - 1
    for frame in VideoDecoder(path, ACCEPTED_CLIP_LIMITS).frames():
        if frame.index % _FPS == 0 or frame.index == last:
            yield frame.resized(side)


def skyline(rng: Rng) -> Pixels:
    """Draw towers with lit windows, masts, cranes, a moon, reflections."""
    width, height = _SIZE
    dusk = float(rng.uniform(0, 1))
    ramp = np.linspace(0, 1, height)[:, None, None]
    made = np.tile((10 + 60 * dusk * ramp) * np.array([0.8, 0.9, 1.4]), (1, width, 1)).astype(np.float32)
    for _ in range(int(rng.integers(0, 120))):
        made[int(rng.integers(height // 2)), int(rng.integers(width))] = rng.uniform(120, 255)
    cv2.circle(made, (int(rng.integers(width)), int(rng.integers(90))), int(rng.integers(8, 26)),
               (235, 230, 210), -1, cv2.LINE_AA)  # fmt: skip
    left, ground = -20, int(height * rng.uniform(0.8, 1.0))
    while left < width:
        wide, tall = int(rng.integers(28, 110)), int(rng.integers(60, 270))
        _tower(made, rng, left, ground - tall, wide, ground)
        left += wide + int(rng.integers(-8, 14))
    if ground < height - 20:
        turned = made[2 * ground - height : ground][::-1]
        made[ground:] = 0.5 * cv2.GaussianBlur(turned, (0, 0), 2.5)
    made += rng.normal(0, rng.uniform(0, 8), made.shape)
    return np.clip(made, 0, 255).astype(np.uint8)


def _tower(made: npt.NDArray[np.float32], rng: Rng, left: int, top: int, wide: int, ground: int) -> None:
    wall, light = float(rng.uniform(6, 45)), rng.uniform(130, 255, 3) * (1, 0.9, 0.65)
    cv2.rectangle(made, (left, top), (left + wide, ground), (wall, wall, wall * 1.2), -1)
    step, size, share = int(rng.integers(6, 22)), float(rng.uniform(0.3, 0.75)), rng.uniform(0.15, 0.9)
    kind = int(rng.integers(4))
    for y in range(top + step // 2, ground - step, step):
        for x in range(left + step // 2, left + wide - step // 2, step):
            if rng.random() > share:
                continue
            across, down = ((1, 1), (2.2, 0.7), (0.5, 1.6), (1, 1))[kind]
            far = (x + round(step * size * across / 2), y + round(step * size * down / 2))
            cv2.rectangle(made, (x, y), far, light.tolist(), -1)
            if kind == 3:
                cv2.line(made, (x, y), (x + round(step * size), y + round(step * size)), light.tolist(), 1)
    middle, ink = left + wide // 2, (90.0, 90.0, 100.0)
    roof = int(rng.integers(5))
    if roof == 0:
        cv2.line(made, (middle, top), (middle, top - 45), ink, 2)
    elif roof == 1:
        cv2.line(made, (middle, top - 40), (middle, top), ink, 2)
        cv2.line(made, (middle - 30, top - 34), (middle + 60, top - 34), ink, 2)
        cv2.line(made, (middle, top - 48), (middle + 60, top - 34), ink, 1)
    elif roof == 2:
        cv2.fillPoly(made, [np.array([(left, top), (middle, top - 35), (left + wide, top)])], (wall,) * 3)


def pattern(rng: Rng) -> Pixels:
    """Draw one of twelve kinds of test pattern."""
    width, height = _SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    step, turn = float(rng.uniform(8, 60)), float(rng.uniform(0, np.pi))
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    radius = np.hypot(x - width / 2, y - height / 2)
    angle = np.arctan2(y - height / 2, x - width / 2)
    blocks = rng.integers(0, 2, (int(rng.integers(8, 40)), int(rng.integers(8, 40))))
    kinds: tuple[npt.ArrayLike, ...] = (
        (np.floor(along / step) + np.floor(across / step)) % 2,
        np.sin(along * np.pi / step) > 0,
        0.5 + 0.5 * np.sin(radius**2 / (step * 12)),
        np.sin(angle * int(rng.integers(6, 40))) > 0,
        np.sin(radius * np.pi / step) > 0,
        ((along % step) < 2) | ((across % step) < 2) | (np.abs(radius - 150) < 2),
        cv2.resize(blocks.astype(np.float32), _SIZE, interpolation=cv2.INTER_NEAREST),
        rng.random((height, width)),
        cv2.resize(rng.random((20, 36)).astype(np.float32), _SIZE, interpolation=cv2.INTER_CUBIC),
        (np.floor(along / step) % 3) / 2,
        ((x // step + (y // step) * 2) % 5) < 2,
        (np.sin(along * np.pi / step) > 0.4) ^ (np.sin(across * np.pi / step) > 0.4),
    )
    plane = np.asarray(kinds[int(rng.integers(len(kinds)))], np.float32)
    dark, light = rng.uniform(0, 110, 3), rng.uniform(130, 255, 3)
    return np.clip(dark + plane[..., None] * (light - dark), 0, 255).astype(np.uint8)


class _Seconds:
    """Frames once a second."""

    def __getitem__(self, call: int, /) -> FrameTiming:
        return FrameTiming(frame=call * _FPS, start_s=float(call), end_s=call + 1.0)


def measure(name: str, scores: Path | None) -> None:
    detector = SymbolDetector(MODEL)
    frames: dict[str, list[float]] = {}
    held: dict[str, list[bool]] = {}
    rows = []
    for number, clip in enumerate(clips(name, SymbolDetector.longest_side)):
        found: list[tuple[int, Finding]] = []
        for call, pixels in enumerate(clip.frames):
            height, width = pixels.shape[:2]
            if scores is not None:
                for place in detector.find_symbols(pixels):
                    kind = SYMBOLS[place.symbol].kind
                    rows.append(
                        [clip.family, number, call, kind, round(place.certainty, 4), place.side / width]
                    )
            frame = Frame(index=call, time_s=call, pixels=pixels, width=width, height=height)
            seen = list(detector.inspect_frame(frame))
            found += [(call, one) for one in seen]
            frames.setdefault(clip.family, []).append(max((one.score for one in seen), default=0.0))
        segments = build_segments(found, _Seconds(), bridge=0)
        held.setdefault(clip.family, []).append(
            any(one.score >= 0.7 and int(one.attributes["frames"]) >= 3 for one in segments)
        )
    if scores is not None:
        scores.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for family, best in frames.items():
        parts = [f"{least}: {sum(one >= least for one in best)}" for least in _SCORES]
        print(f"{family}: {len(best)} frames; with a finding from {', '.join(parts)}")
        low, high = wilson(sum(held[family]), len(held[family]))
        print(f"  {sum(held[family])} of {len(held[family])} clips held ({low:.1%} to {high:.1%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=_SETS)
    parser.add_argument("--scores", type=Path)
    given = parser.parse_args()
    measure(given.set, given.scores)


if __name__ == "__main__":
    main()
