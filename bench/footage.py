"""Moving pictures for measuring: storyboard renders, and cameras that move over photographs packages ship.

The photographs are those of scikit-image (`pip install scikit-image`, in an environment for benchmarks
only) and scikit-learn. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from safelight.media.decode import VideoDecoder
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.media.probe import VideoLimits
from safelight.providers.protocol import GenerationRequest
from safelight_storyboard import create

Pixels = npt.NDArray[np.uint8]

FPS, WIDTH, HEIGHT = 30, 1280, 720

PROMPTS = {
    "beach": "A woman in a red coat walks along a beach at golden hour",
    "mountains": "Misty mountains at dawn, slow pan",
    "forest": "A hiker walks through a pine forest, golden hour",
    "city": "A city at night in the rain",
    "lake": "A sailboat on a calm lake at dusk",
    "kitchen": "A chef cooks in a warm kitchen",
    "snow": "Snow falls in the mountains, a dog runs, night",
    "space": "An astronaut floats in space near a planet",
}
#: Photographs without faces; the astronaut's is one to insert.
PHOTOGRAPHS = {
    "skimage": (
        *("data/coffee.png", "data/chelsea.png", "data/rocket.jpg", "data/motorcycle_left.png"),
        *("data/brick.png", "data/grass.png", "data/gravel.png", "data/hubble_deep_field.jpg"),
        *("data/retina.jpg", "data/coins.png", "data/ihc.png"),
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
}


@dataclass(frozen=True, kw_only=True)
class Footage:
    """One clip to be: its frames, made anew each time it is asked for them."""

    name: str
    moving: bool
    frames: Callable[[int], Iterator[Pixels]]


def everything(cache: Path) -> list[Footage]:
    """All footage; renders are kept in `cache`, keyed by their prompts."""
    return [*photographed(), *rendered(cache)]


def photograph(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def files_of(package: str, names: tuple[str, ...]) -> list[Path]:
    """Those of these files that the package really ships."""
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    return [path for name in names if places and (path := Path(places[0]) / name).is_file()]


def photographed() -> list[Footage]:
    """Every photograph under one camera that stands still and four that move."""
    made = []
    for package, names in PHOTOGRAPHS.items():
        for path in files_of(package, names):
            for move, step in MOVES.items():
                made.append(
                    Footage(
                        name=f"{path.stem}/{move}",
                        moving=move != "still",
                        frames=lambda count, path=path, step=step: _under_camera(path, step, count),
                    )
                )
    return made


#: Where a camera is at a moment in seconds: shift across and down in pixels, zoom, degrees.
Move = Callable[[float], tuple[float, float, float, float]]
MOVES: dict[str, Move] = {
    "still": lambda _t: (0.0, 0.0, 1.25, 0.0),
    "pan": lambda t: (-160 + 90 * t, 0.0, 1.5, 0.0),
    "fast": lambda t: (300 * math.sin(1.6 * t), 40 * math.sin(2.3 * t), 1.7, 0.0),
    "zoom": lambda t: (0.0, 0.0, 1.15 + 0.12 * t, 2.0 * t),
    "shake": lambda t: (
        9 * math.sin(11 * t) + 5 * math.sin(29 * t),
        7 * math.sin(13 * t + 1) + 4 * math.sin(31 * t),
        1.3,
        0.7 * math.sin(7 * t),
    ),
}


@lru_cache(maxsize=3)
def _grained(path: Path) -> Pixels:
    """The photograph, large enough for 720p, with the grain that enlarging took away."""
    small = photograph(path)
    scale = max(WIDTH / small.shape[1], HEIGHT / small.shape[0])
    size = (math.ceil(small.shape[1] * scale), math.ceil(small.shape[0] * scale))
    large = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    # The same grain in every process: str's own hash differs.
    seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4], "big")
    grain = np.random.default_rng(seed).normal(0, 3, (*large.shape[:2], 1))
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def _under_camera(path: Path, move: Move, count: int) -> Iterator[Pixels]:
    large = _grained(path)
    middle = (large.shape[1] / 2, large.shape[0] / 2)
    for number in range(count):
        across, down, zoom, degrees = move(number / FPS)
        matrix = cv2.getRotationMatrix2D(middle, degrees, zoom)
        matrix[:, 2] += (WIDTH / 2 - middle[0] - across, HEIGHT / 2 - middle[1] - down)
        yield cv2.warpAffine(
            large, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        ).astype(np.uint8)


def rendered(cache: Path) -> list[Footage]:
    return [
        Footage(
            name=f"storyboard/{name}", moving=True, frames=lambda count, name=name: _film(name, cache, count)
        )
        for name in PROMPTS
    ]


def _film(name: str, cache: Path, count: int) -> Iterator[Pixels]:
    path = cache / f"storyboard-{name}.mp4"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        order = GenerationRequest(
            key=name, model="storyboard", prompt=PROMPTS[name], seconds=8, width=WIDTH, height=HEIGHT
        )
        create({}).render(order, path, lambda _percent: None)
    for number, frame in enumerate(VideoDecoder(path, VideoLimits()).frames()):
        if number >= count:
            return
        yield frame.resized(0)


def write(path: Path, frames: Iterator[Pixels], *, crf: int = 23) -> Path:
    """The frames as H.264."""
    with Mp4Writer(path, VideoFormat(width=WIDTH, height=HEIGHT, fps=FPS, crf=crf)) as writer:
        for frame in frames:
            writer.add_frame(frame)
    return path
