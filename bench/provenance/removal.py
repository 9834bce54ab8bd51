"""Removes the mark from delivered clips as an informed attacker would, and measures what quality it costs.

    python -m bench.provenance.removal CLIPS --work FOLDER --results FILE [--count 8] [--attacks NAMES]

CLIPS is a folder as `safelight eval provenance` takes it; they are sealed by an installation in FOLDER. The
attacker has this source code and the delivered files, but neither a key nor an original. The quality is that
of the attacked picture against the delivered one, before its last encoding. Finished rows are kept.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bench.provenance import installation, pictures
from bench.provenance.installation import (
    Installation,
    Results,
    SealedClip,
    describe_recovery,
    is_marked,
    share,
)
from bench.provenance.pictures import Floats, Luma, psnr_db, read_frames, to_luma, write_frames
from bench.provenance.real_chains import one_of_each_source
from safelight.provenance.recovery.conclusion import Ground
from safelight.provenance.watermark.clip_marking import WatermarkEmbedder, choose_strength
from safelight.provenance.watermark.masking import allowed_amplitude
from safelight.provenance.watermark.pattern import PAYLOAD_TONES, SHORT_SIDE, TILE, TONES, WatermarkPattern
from safelight.provenance.watermark.residual import ResidualSums
from safelight.provenance.watermark.synchroniser import fold
from safelight_lab.evaluation.provenance_eval import find_clips
from safelight_lab.evaluation.structural_similarity import structural_similarity
from safelight_lab.evaluation.watermark_attacks import LumaClip, encode_and_decode

Complex = npt.NDArray[np.complex64]
Attack = Callable[[list[Luma], float, "LearnedPattern"], list[Luma]]

SECONDS = 4.0
#: Rounds of aligning all pieces with their mean.
_ROUNDS = 6
#: A pattern is subtracted this often, because what is left of it is found again each time; and so many times
#: stronger than its projection. Tried on one clip: less leaves the mark readable.
_SUBTRACTIONS, _OVERSHOOT = 4, 2.0
_TINY = 1e-9


def tones_of(frames: Sequence[Luma], fps: float) -> Complex:
    """The tones of each second of a clip that was only encoded, all of the same strength: seconds, tones."""
    sums = ResidualSums()
    for number, frame in enumerate(frames):
        sums.add(frame, number / fps)
    chunks = sums.chunks
    tiles = fold(chunks, np.diag(np.full(2, SHORT_SIDE / min(chunks[0].shape))))
    found = np.fft.fft2(tiles)[:, TONES[:, 1], TONES[:, 0]]
    return np.asarray(found / (np.abs(found) + _TINY), np.complex64)


def tones_in(path: Path) -> Complex:
    frames = read_frames(path, SECONDS)
    return tones_of(frames.luma, frames.fps)


@dataclass(frozen=True, kw_only=True)
class LearnedPattern:
    """What the mean of aligned seconds of many clips shows: phases of tones that are alike in all marks."""

    tones: Complex
    pieces: int

    @classmethod
    def from_pieces(cls, pieces: Complex) -> LearnedPattern:
        learned = pieces[0]
        for _ in range(_ROUNDS):
            aligned = [piece * turn(best_place(piece, learned)) for piece in pieces]
            learned = np.asarray(np.mean(aligned, axis=0), np.complex64)
        # The tones for synchronisation are the same in all marks, so their mean is longest.
        strongest = np.argsort(-np.abs(learned))[: len(TONES) - PAYLOAD_TONES]
        kept = np.zeros_like(learned)
        kept[strongest] = learned[strongest] / (np.abs(learned[strongest]) + _TINY)
        return cls(tones=kept, pieces=len(pieces))

    def agreement(self, pattern: WatermarkPattern) -> float:
        """Share of the tones for synchronisation that were learned with about the right phase."""
        true = np.zeros(len(TONES), np.complex64)
        true[pattern.sync] = np.exp(1j * pattern.phases[pattern.sync])
        placed = self.tones * turn(best_place(self.tones, true))
        return float(np.mean((placed[pattern.sync] * true[pattern.sync].conj()).real > 0.7))


def render(tones: Complex, like: Luma) -> Floats:
    """The pattern of these tones over a whole picture, with a standard deviation of 1."""
    height, width = like.shape
    scale = min(height, width) / SHORT_SIDE
    spectrum = np.zeros((TILE, TILE), np.complex128)
    spectrum[TONES[:, 1], TONES[:, 0]] = tones
    tile = np.fft.ifft2(spectrum).real.astype(np.float32)
    tile /= tile.std() + _TINY
    matrix = np.array([[1 / scale, 0, 0], [0, 1 / scale, 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(tile, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found, np.float32)


def turn(place: tuple[int, int]) -> Complex:
    """The factors that undo a move of the tile."""
    return np.asarray(np.exp(2j * np.pi / TILE * (TONES @ np.array(place))), np.complex64)


def best_place(piece: Complex, pattern: Complex) -> tuple[int, int]:
    """Where a piece fits a pattern best."""
    grid = np.zeros((TILE, TILE), np.complex64)
    grid[TONES[:, 1], TONES[:, 0]] = piece * pattern.conj()
    down, across = np.unravel_index(int(np.argmax(np.fft.ifft2(grid).real)), grid.shape)
    return int(across), int(down)


def subtract_learned(frames: list[Luma], fps: float, learned: LearnedPattern) -> list[Luma]:
    """Subtract the tones for synchronisation, learned from many clips, where they are in each second."""
    for _ in range(_SUBTRACTIONS):
        places = [best_place(piece, learned.tones) for piece in tones_of(frames, fps)]
        frames = _subtract(
            frames, fps, [render(learned.tones * turn(one).conj(), frames[0]) for one in places]
        )
    return frames


def subtract_own(frames: list[Luma], fps: float, _learned: LearnedPattern) -> list[Luma]:
    """Subtract the mean of all tiles of each second of the clip itself: it needs one clip and no key."""
    for _ in range(_SUBTRACTIONS):
        frames = _subtract(frames, fps, [render(piece, frames[0]) for piece in tones_of(frames, fps)])
    return frames


def _subtract(frames: list[Luma], fps: float, patterns: Sequence[Floats]) -> list[Luma]:
    """Subtract the pattern of each second, shaped by the public perceptual model, as strong as its projection
    on the picture.
    """
    found = []
    for number, frame in enumerate(frames):
        pattern = patterns[min(int(number / fps), len(patterns) - 1)]
        shape = pattern * cv2.resize(allowed_amplitude(frame), frame.shape[::-1])
        high = frame.astype(np.float32) - cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 6.0)
        strength = float((high * shape).sum() / ((shape * shape).sum() + _TINY))
        found.append(to_luma(frame - _OVERSHOOT * strength * shape))
    return found


def filter_tones(frames: list[Luma], _fps: float, _learned: LearnedPattern) -> list[Luma]:
    """Remove the public frequencies of all tones, and their neighbours, from each frame."""
    height, width = frames[0].shape
    scale = min(height, width) / SHORT_SIDE
    keep = np.ones((height, width // 2 + 1), np.float32)
    for u, v in np.concatenate([TONES, -TONES]):
        across, down = round(u * width / TILE / scale), round(v * height / TILE / scale)
        for column in range(max(across - 1, 0), across + 2) if across >= 0 else ():
            keep[(down + np.arange(-1, 2)) % height, column] = 0
    return [to_luma(np.fft.irfft2(np.fft.rfft2(one) * keep, s=one.shape)) for one in frames]


def denoise(frames: list[Luma], _fps: float, _learned: LearnedPattern) -> list[Luma]:
    """An edge-keeping filter."""
    return [np.asarray(cv2.bilateralFilter(one, 9, 25, 4), np.uint8) for one in frames]


def _squeeze(crf: int) -> Attack:
    """A codec as a bottleneck: half the size, this constant quality, and back to the old size."""

    def attack(frames: list[Luma], fps: float, _learned: LearnedPattern) -> list[Luma]:
        half = (frames[0].shape[1] // 4 * 2, frames[0].shape[0] // 4 * 2)
        small = tuple(
            np.asarray(cv2.resize(one, half, interpolation=cv2.INTER_AREA), np.uint8) for one in frames
        )
        clip = LumaClip(frames=small, times=tuple(number / fps for number in range(len(small))), fps=fps)
        passed = encode_and_decode(clip, "libx264", {"crf": str(crf), "preset": "veryfast"})
        return [to_luma(pictures.resized(one, frames[0])) for one in passed.frames]

    return attack


def overwrite(frames: list[Luma], fps: float, _learned: LearnedPattern) -> list[Luma]:
    """Another mark over the first, with a key of the attacker."""
    pattern = WatermarkPattern.from_seed(secrets.token_bytes(32))
    content_id = secrets.randbits(64)
    factor = choose_strength(pattern, content_id, frames[::6]).factor
    marker = WatermarkEmbedder(pattern, content_id, factor=factor)
    return [marker.mark(one, number / fps) for number, one in enumerate(frames)]


ATTACKS: dict[str, Attack] = {
    "overwrite": overwrite,
    "average": subtract_learned,
    "own-tiles": subtract_own,
    "filter-tones": filter_tones,
    "denoise": denoise,
    "squeeze-33": _squeeze(33),
    "squeeze-43": _squeeze(43),
}


def measure(name: str, house: Installation, sealed: SealedClip, learned: LearnedPattern) -> dict[str, Any]:
    frames = read_frames(sealed.path, SECONDS)
    attacked = frames.with_luma(ATTACKS[name](frames.luma, frames.fps, learned))
    similar = [
        structural_similarity(*pair) for pair in zip(frames.luma[::12], attacked.luma[::12], strict=False)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = write_frames(attacked, Path(folder) / "attacked.mp4", crf=20)
        found = describe_recovery(house.recovery.recover(path), sealed)
    return {
        "attack": name,
        "clip": sealed.clip.sha256,
        "source": sealed.clip.source,
        "psnr_db": psnr_db(attacked.luma, frames.luma),
        "ssim": round(float(np.mean(similar)), 4),
        **found,
        "removed": not is_marked(Ground(found["ground"])),
    }


def report(rows: Sequence[dict[str, Any]], learned: LearnedPattern, agreement: float) -> dict[str, Any]:
    found: dict[str, Any] = {"learned_from_seconds": learned.pieces, "learned_tones": round(agreement, 3)}
    for name in dict.fromkeys(row["attack"] for row in rows):
        part = [row for row in rows if row["attack"] == name]
        found[name] = {
            **share(part, "removed"),
            "psnr_db": round(float(np.mean([row["psnr_db"] for row in part])), 1),
            "ssim": round(float(np.mean([row["ssim"] for row in part])), 3),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--attacks", default=",".join(ATTACKS))
    asked = parser.parse_args()
    results = Results(asked.results, installation.measured_code(sys.modules[__name__], pictures))
    house = Installation(asked.work)
    try:
        sealed = [house.seal(one) for one in find_clips(asked.clips)]
        marked = [one for one in sealed if one.seal.mark.content_id is not None]
        learned = LearnedPattern.from_pieces(np.concatenate([tones_in(one.path) for one in marked]))
        agreement = learned.agreement(WatermarkPattern.from_seed(house.watermark_keys.current().seed))
        print(json.dumps({"learned_from_seconds": learned.pieces, "learned_tones": agreement}), flush=True)
        rows = [
            results.measure(f"{name} {one.clip.sha256}", lambda n=name, o=one: measure(n, house, o, learned))  # type: ignore[misc]
            for one in one_of_each_source(marked, asked.count)
            for name in asked.attacks.split(",")
        ]
    finally:
        house.close()
    print(json.dumps(report(rows, learned, agreement), indent=1))


if __name__ == "__main__":
    main()
