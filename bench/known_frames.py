"""How many listed pictures are found as frames, by the size at which a frame is hashed: `python -m
bench.known_frames`.

Lists have hashes of whole pictures, and of pictures reduced to 512 x 512 first, as other programs do. Frames
come as the scan gives them, at most 320 pixels wide, after a JPEG of quality 60. The size was chosen on whole
photographs (those of scikit-image, where it is installed, and scikit-learn). The other sets, which were not
looked at before, are frames of 720p, of cameras that move over the photographs and of storyboards, and
quarters of the photographs, most of them smaller than a frame. Different pictures must not match; those of
one photograph are not compared with each other.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, permutations
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from bench.footage import PHOTOGRAPHS, Pixels, files_of, photograph, photographed, rendered
from safelight.detectors.image.hashes import HashDetector
from safelight.detectors.image.pdq import (
    MAX_DISTANCE_BITS,
    MIN_QUALITY,
    Hash,
    distances,
    pdq,
    rotations,
    square,
)

_LEAST_SIDE = 200
_ROUNDS = 200
#: Where a moving camera has left the place at which it began.
_FRAME = 20


#: A picture, and the photograph or storyboard that it is from.
Named = tuple[str, Pixels]


def quarters(pictures: Sequence[Named]) -> Iterator[Named]:
    for name, picture in pictures:
        for half in np.array_split(picture, 2):
            for part in np.array_split(half, 2, axis=1):
                if min(part.shape[:2]) >= _LEAST_SIDE:
                    yield name, np.ascontiguousarray(part)


def as_frame(picture: Pixels) -> Pixels:
    """As the scan gives a frame to the detector."""
    height, width = picture.shape[:2]
    share = min(HashDetector.longest_side / max(height, width), 1.0)
    size = round(width * share), round(height * share)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def distance(left: Hash, right: Hash) -> int:
    return int(distances(left[None], right)[0])


def measure(named: Sequence[Named]) -> Iterator[dict[str, object]]:
    named = [one for one in named if pdq(one[1])[1] >= MIN_QUALITY]
    pictures = [picture for _, picture in named]
    frames = [as_frame(one) for one in pictures]
    lists: dict[str, Callable[[Pixels], Pixels]] = {
        "whole": lambda picture: picture,
        "512 x 512": lambda picture: cv2.resize(picture, (512, 512), interpolation=cv2.INTER_AREA),  # type: ignore[dict-item]
    }
    ways: dict[str, Callable[[Pixels], Pixels]] = {"its own size": lambda frame: frame, "square": square}
    for listed, reduce in lists.items():
        known = [pdq(reduce(one))[0] for one in pictures]
        for way, fit in ways.items():
            hashed = [pdq(fit(one))[0] for one in frames]
            own = [distance(*pair) for pair in zip(known, hashed, strict=True)]
            others = [
                distance(known[left], hashed[right])
                for left, right in permutations(range(len(named)), 2)
                if named[left][0] != named[right][0]
            ]
            began = time.process_time()
            for number in range(_ROUNDS):
                rotations(fit(frames[number % len(frames)]))
            yield {
                "list": listed,
                "frame": way,
                "found": sum(bits <= MAX_DISTANCE_BITS for bits in own),
                "of": len(own),
                "median": median(own),
                "worst": max(own),
                "different pictures that match": sum(bits <= MAX_DISTANCE_BITS for bits in others),
                "pairs": len(others),
                "ms": round((time.process_time() - began) / _ROUNDS * 1000, 2),
            }


def _origin(name: str) -> str:
    """The photograph of a clip such as `coffee/pan`; of a storyboard, its whole name."""
    kind, _, move = name.partition("/")
    return move if kind == "storyboard" else kind


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    whole = [(path.stem, photograph(path)) for names in PHOTOGRAPHS.items() for path in files_of(*names)]
    with TemporaryDirectory() as folder:
        clips = [*photographed(), *rendered(Path(folder))]
        frames = [(_origin(one.name), next(islice(one.frames(_FRAME + 1), _FRAME, None))) for one in clips]
    sets = {"chosen on": whole, "720p": frames, "small": list(quarters(whole))}
    for name, pictures in sets.items():
        for row in measure(pictures):
            print(json.dumps({"set": name, **row}), flush=True)


if __name__ == "__main__":
    main()
