"""Measures fingerprints: the search, the cost, and which changed and which foreign clips agree.

    python -m bench.provenance.fingerprints search
    python -m bench.provenance.fingerprints agreement DIR

`search` looks for one frame at a time among 1,000,000 random hashes. `agreement` takes every clip under DIR
as registered, changes its frames, and compares them; then it compares every pair of clips from different
files, as if the mark of one had been copied onto the other. Files with the same name up to the first `-` are
one source.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.pdq import BYTES, MAX_DISTANCE_BITS, distances
from safelight.provenance.fingerprints.clip_fingerprint import ClipFingerprint
from safelight.provenance.fingerprints.fingerprint_index import FingerprintChange, FingerprintIndex
from safelight.provenance.fingerprints.fingerprinter import fingerprint_clip, sample_file
from safelight.provenance.fingerprints.frame_hashes import searched_hashes
from safelight.provenance.fingerprints.picture_comparison import (
    Comparison,
    RegisteredPicture,
    compare_pictures,
)

Pixels = npt.NDArray[np.uint8]
FILES, HASHES_PER_FILE, SEARCHES = 10_000, 100, 1_000
#: Frames of a clip that are compared, as in `recovery.worker`.
FRAMES = 6


class RandomFingerprints:
    """Random hashes in place of a database."""

    def __init__(self) -> None:
        shape = (FILES, HASHES_PER_FILE, BYTES)
        self._hashes = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)

    def changes(self, since: float) -> list[FingerprintChange]:
        if since > 0:
            return []
        return [FingerprintChange(sha256=str(n), changed_at=1e6, is_removed=False) for n in range(FILES)]

    def hashes(self, wanted: set[str]) -> list[tuple[str, Pixels]]:
        return [(one, self._hashes[int(one)]) for one in wanted]


def measure_search() -> dict[str, float | int]:
    faiss.omp_set_num_threads(1)
    index = FingerprintIndex(RandomFingerprints())
    random = np.random.default_rng(2)
    began = time.perf_counter()
    index.search([np.zeros((1, BYTES), np.uint8)])
    built_s, times = time.perf_counter() - began, []
    for _ in range(SEARCHES):
        frame = random.integers(0, 256, (1, BYTES), dtype=np.uint8)
        began = time.perf_counter()
        index.search([frame])
        times.append(1000 * (time.perf_counter() - began))
    p50, p99 = np.percentile(times, [50, 99])
    return {"hashes": len(index), "searches": SEARCHES, "built_s": built_s, "p50_ms": p50, "p99_ms": p99}


def _crop(share: float, right: float, down: float) -> Callable[[Pixels], Pixels]:
    def change(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        rows, columns = int(height * share), int(width * share)
        top, left = int((height - rows) * down), int((width - columns) * right)
        return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])

    return change


def _jpeg(pixels: Pixels, quality: int) -> Pixels:
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _perspective(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (width, height)
    seen = np.array([[0.06, 0.04], [0.95, 0.08], [0.9, 0.96], [0.03, 0.92]]) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
    return np.asarray(cv2.GaussianBlur(cv2.warpPerspective(pixels, matrix, (width, height)), (0, 0), 1.0))


def _rotated(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 2, 1)
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height)))


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "none": lambda pixels: pixels,
    "jpeg-20": lambda pixels: _jpeg(pixels, 20),
    "mirrored": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
    "crop-75": _crop(0.75, 0.5, 0.5),
    "crop-75-off-centre": _crop(0.75, 0.8, 0.15),
    "crop-50": _crop(0.5, 0.5, 0.5),
    "crop-50-off-centre": _crop(0.5, 0.9, 0.9),
    "size-35-jpeg-30": lambda pixels: _jpeg(
        np.asarray(cv2.resize(pixels, None, fx=0.35, fy=0.35), np.uint8), 30
    ),
    "rotated-2": _rotated,
    "perspective-blur": _perspective,
}


def measure_agreement(folder: Path) -> dict[str, object]:
    clips = sorted(folder.rglob("*.mp4"))
    began = time.process_time()
    registered = {clip: fingerprint_clip(clip) for clip in clips}
    cost_s = (time.process_time() - began) / len(clips)
    frames = {clip: list(sample_file(clip, FRAMES)) for clip in clips}
    changed = {
        name: Counter(_compare(list(map(change, frames[clip])), registered[clip]) for clip in clips)
        for name, change in CHANGES.items()
    }
    foreign = Counter(
        _compare(frames[one], registered[other])
        for one, other in itertools.permutations(clips, 2)
        if _source(one) != _source(other)
    )
    return {"clips": len(clips), "cpu_s_per_clip": cost_s, "changed": changed, "foreign": foreign}


def _compare(frames: list[Pixels], fingerprint: ClipFingerprint) -> Comparison:
    """As a recovery does after it has read the mark of the registered clip."""
    known = np.frombuffer(bytearray(fingerprint.hashes), np.uint8).reshape(-1, BYTES)
    hashed = [hashes for hashes in map(searched_hashes, frames) if len(hashes)]
    near = sum(any(distances(known, one).min() <= MAX_DISTANCE_BITS for one in each) for each in hashed)
    if len(known) and hashed and near / len(hashed) >= 0.5:
        return Comparison.AGREES
    picture = RegisteredPicture(thumbnails=fingerprint.thumbnails, step_s=fingerprint.step_s)
    return compare_pictures(frames, picture, confirms_difference=True)


def _source(clip: Path) -> str:
    return clip.stem.partition("-")[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["search", "agreement"])
    parser.add_argument("folder", type=Path, nargs="?")
    given = parser.parse_args()
    print(json.dumps(measure_search() if given.what == "search" else measure_agreement(given.folder)))
