"""Measures how often a watermark is read where there is none.

    python -m bench.provenance.false_accepts CLIPS --results FILE [--searches 400] [--decodes 1000000]

CLIPS is a folder as `safelight eval provenance` takes it. Each search is a full one, in an unmarked copy that
was cropped and reduced at random, with a key of its own. Each cheap decode looks for the mark of another key
in one second of an unmarked clip, at one geometry. Finished rows are kept in FILE, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from safelight.core.fileio import append_line
from safelight.provenance.watermark import (
    detector,
    lattice_spectrum,
    masking,
    pattern,
    payload,
    residual,
    synchroniser,
)
from safelight.provenance.watermark import payload as polar_code
from safelight.provenance.watermark.detector import MIN_SIGMAS, WatermarkDetector
from safelight.provenance.watermark.pattern import SHORT_SIDE, WatermarkPattern, derive_seed
from safelight.provenance.watermark.residual import ChunkTime
from safelight.provenance.watermark.synchroniser import Floats, Synchronisation, Synchroniser, fold
from safelight.provenance.watermark_service import SEARCH_S
from safelight_lab.evaluation.provenance_eval import EvaluatedClip, add_up, find_clips, read_luma
from safelight_lab.evaluation.watermark_attacks import Luma, LumaClip

#: Searches in copies of one clip, before the next clip.
_EACH = 4
#: Cheap decodes of one row of results.
_BLOCK = 1000
#: One random input passes the check of a decoded list of 32 words with this chance (32 bits, 32 words).
CHANCE_OF_CHECK = 2.0**-27
_EULER = 0.5772156649
#: The code that reads. Rows of other code are not used again.
_READING = (detector, lattice_spectrum, masking, pattern, payload, polar_code, residual, synchroniser)


def reading_code() -> str:
    return hashlib.sha256(b"".join(Path(str(one.__file__)).read_bytes() for one in _READING)).hexdigest()


class RecordingSynchroniser(Synchroniser):
    """Keeps the height of every peak."""

    def __init__(self, key: WatermarkPattern) -> None:
        super().__init__(key)
        self.peaks: list[float] = []

    def synchronise(self, tiles: Floats, times: Sequence[ChunkTime]) -> Synchronisation:
        found = super().synchronise(tiles, times)
        self.peaks.append(found.sigmas)
        return found


def pattern_of(name: str) -> WatermarkPattern:
    return WatermarkPattern.from_seed(derive_seed(hashlib.sha256(name.encode()).digest(), 1))


def reduced(clip: LumaClip, random: np.random.Generator) -> LumaClip:
    """60 to 100 % of each side, somewhere in the picture, at 50 to 100 % of its size."""
    height, width = clip.frames[0].shape
    share, scale = random.uniform(0.6, 1.0), random.uniform(0.5, 1.0)
    rows, columns = int(height * share), int(width * share)
    top, left = (int(random.integers(0, free + 1)) for free in (height - rows, width - columns))
    size = (round(columns * scale), round(rows * scale))

    def change(frame: Luma) -> Luma:
        part = frame[top : top + rows, left : left + columns]
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)

    return replace(clip, frames=tuple(map(change, clip.frames)))


def search(clip: EvaluatedClip, number: int) -> dict[str, Any]:
    """One full search in an unmarked copy."""
    copy = reduced(read_luma(clip.path), np.random.default_rng(number))
    key = pattern_of(f"unmarked search {number}")
    recorder = RecordingSynchroniser(key)
    end = time.process_time() + SEARCH_S
    found = WatermarkDetector(key, recorder).search(add_up(copy), lambda: time.process_time() > end).found
    return {
        "search": number,
        "clip": clip.sha256,
        "tried": len(recorder.peaks),
        "highest": round(max(recorder.peaks, default=0.0), 3),
        "decoded": sum(peak >= MIN_SIGMAS for peak in recorder.peaks),
        "accepted": found is not None,
    }


def folded_seconds(clips: Iterable[EvaluatedClip]) -> list[Floats]:
    """Tiles of one second each, of unmarked clips, as the fast path of a reader folds them."""
    tiles: list[Floats] = []
    for clip in clips:
        chunks = add_up(read_luma(clip.path)).chunks
        upright = np.diag(np.full(2, SHORT_SIDE / min(chunks[0].shape)))
        tiles += [one[None] for one in fold(chunks, upright)]
    return tiles


def decode_block(tiles: Sequence[Floats], number: int) -> dict[str, Any]:
    """Cheap decodes, each with a key of its own."""
    peaks, decoded, accepted = [], 0, 0
    for each in range(_BLOCK):
        key = pattern_of(f"unmarked decode {number} {each}")
        tile = tiles[(number * _BLOCK + each) % len(tiles)]
        found = Synchroniser(key).synchronise(tile, [ChunkTime(number=0)])
        peaks.append(found.sigmas)
        if found.sigmas >= MIN_SIGMAS:
            decoded += 1
            accepted += payload.decode(key, found.llr) is not None
    return {"block": number, "highest": round(max(peaks), 3), "decoded": decoded, "accepted": accepted}


def gumbel(maxima: Sequence[float]) -> tuple[float, float]:
    """Location and scale of the distribution of maxima, by their mean and variance."""
    scale = float(np.std(maxima, ddof=1)) * np.sqrt(6) / np.pi
    return float(np.mean(maxima)) - _EULER * scale, scale


def chance_above(level: float, fitted: tuple[float, float]) -> float:
    return float(-np.expm1(-np.exp(-(level - fitted[0]) / fitted[1])))


def report(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was measured, the fits, and the rate of accepted marks that follows."""
    searches = [row for row in rows if "search" in row]
    blocks = [row for row in rows if "block" in row]
    found: dict[str, Any] = {"code": reading_code()[:16], "least_sigmas": MIN_SIGMAS}
    if len(searches) > 1:
        decoded = float(np.mean([row["decoded"] for row in searches]))
        # Each decoded peak is decoded again after its geometry was refined.
        rate = 2 * decoded * CHANCE_OF_CHECK
        fitted = gumbel([row["highest"] for row in searches])
        found["searches"] = {
            "n": len(searches),
            "clips": len({row["clip"] for row in searches}),
            "keys": len(searches),
            "accepted": sum(row["accepted"] for row in searches),
            "geometries": round(float(np.mean([row["tried"] for row in searches]))),
            "highest": max(row["highest"] for row in searches),
            "fit_location_and_scale": [round(one, 3) for one in fitted],
            "chance_of_8_sigmas": chance_above(8.0, fitted),
            "decoded_peaks": round(decoded, 1),
            "accepted_per_search_at_most": rate,
            "accepted_per_10000_searches_with_3_keys": 3e4 * rate,
        }
    if len(blocks) > 1:
        fitted = gumbel([row["highest"] for row in blocks])
        found["decodes"] = {
            "n": _BLOCK * len(blocks),
            "keys": _BLOCK * len(blocks),
            "accepted": sum(row["accepted"] for row in blocks),
            "decoded": sum(row["decoded"] for row in blocks),
            "highest": max(row["highest"] for row in blocks),
            "fit_of_maxima_of_1000": [round(one, 3) for one in fitted],
            "chance_of_8_sigmas_in_one": chance_above(8.0, fitted) / _BLOCK,
        }
    return found


def missing_rows(
    clips: Sequence[EvaluatedClip], rows: Sequence[dict[str, Any]], searches: int, decodes: int
) -> Iterator[dict[str, Any]]:
    """Measures what is not in `rows` yet: in turns, so that a stopped run has both."""
    done = {row["search"] for row in rows if "search" in row}
    blocks = {row["block"] for row in rows if "block" in row}
    tiles = folded_seconds(clips) if len(blocks) * _BLOCK < decodes else []
    blocks_each = max(decodes // _BLOCK // max(searches, 1), 1)
    waiting = [number for number in range(decodes // _BLOCK) if number not in blocks]
    for number in range(searches):
        if number not in done:
            yield search(clips[number // _EACH % len(clips)], number)
        for block in waiting[:blocks_each]:
            yield decode_block(tiles, block)
        waiting = waiting[blocks_each:]
    for block in waiting:
        yield decode_block(tiles, block)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--searches", type=int, default=400)
    parser.add_argument("--decodes", type=int, default=1_000_000)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    code = reading_code()
    lines = asked.results.read_text("utf-8").splitlines() if asked.results.is_file() else []
    rows = [row for row in map(json.loads, lines) if row["code"] == code]
    for row in missing_rows(find_clips(asked.clips), rows, asked.searches, asked.decodes):
        rows.append(row)
        append_line(asked.results, json.dumps({**row, "code": code}).encode())
    print(json.dumps(report(rows), indent=1))


if __name__ == "__main__":
    main()
