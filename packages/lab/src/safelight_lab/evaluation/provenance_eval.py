"""Measures the watermark: marks clips, attacks the marked copies and reads the marks back.

Each row of results is one attack on one clip with one key. Rows are kept in a file, so that a measurement
that was interrupted goes on, as long as the code of the watermark and of the attacks is the same.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from safelight.core.errors import InvalidField, SafelightError
from safelight.core.fileio import append_line, sha256_file
from safelight.media.decode import VideoDecoder
from safelight.media.probe import VideoLimits
from safelight.provenance.fingerprints import fingerprint_index, frame_hashes, picture_comparison
from safelight.provenance.recovery import known_mark_search
from safelight.provenance.watermark import clip_marking as embedder
from safelight.provenance.watermark.clip_marking import (
    WatermarkEmbedder,
    at_viewing_size,
    choose_strength,
    overall_visibility,
    visible_change,
)
from safelight.provenance.watermark.detector import WatermarkDetector, WatermarkSearch
from safelight.provenance.watermark.pattern import WatermarkPattern, derive_seed
from safelight.provenance.watermark.residual import ResidualSums
from safelight.provenance.watermark_service import SEARCH_S

from . import registered_clips, watermark_attacks
from .registered_clips import RegisteredClips, SearchedCopy
from .structural_similarity import structural_similarity
from .tuning_clips import TUNING_CLIPS
from .watermark_attacks import ATTACKS, Luma, LumaClip, deliver

#: Only the start of a clip is measured.
_MAX_S = 4.0
_MEDIA = (".mp4", ".mkv", ".webm", ".avi", ".mov")
#: Name of the search in a copy that was not marked.
UNMARKED = "unmarked"
#: Every n-th frame is sampled, for the strength and to measure the quality.
_SAMPLED = 6


@dataclass(frozen=True, kw_only=True)
class EvaluatedClip:
    path: Path
    sha256: str
    #: Clips whose names are the same up to `--` are of one source.
    source: str
    #: The folder inside the given one; empty without a folder.
    kind: str


def find_clips(folder: Path) -> list[EvaluatedClip]:
    """The clips of a folder, in the order of their paths.

    Raises `InvalidField` for a clip that was used to develop the watermark.
    """
    clips = [
        EvaluatedClip(
            path=path,
            sha256=sha256_file(path),
            source=path.stem.split("--")[0],
            kind="/".join(path.relative_to(folder).parts[:-1]),
        )
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _MEDIA
    ]
    if not clips:
        raise InvalidField(f"{folder} has no video files.", param="clips")
    for clip in clips:
        if clip.sha256 in TUNING_CLIPS:
            raise InvalidField(
                f"{clip.path.name} was used to develop the watermark ({TUNING_CLIPS[clip.sha256]}), so it "
                "measures nothing.",
                param="clips",
                remedy="Remove it from the folder.",
            )
    return clips


def code_sha256() -> str:
    """The hash of the code that is measured: rows of other code are not used again."""
    folder = Path(embedder.__file__).parent
    # `clip_marking` decodes, encodes and keeps time for deliveries, which are not measured here.
    watermark = [path for path in sorted(folder.glob("*.py")) if path.stem != "clip_marking"]
    fingerprints = (picture_comparison, frame_hashes, fingerprint_index)
    others = (watermark_attacks, registered_clips, known_mark_search, *fingerprints)
    files = [*watermark, *(Path(str(one.__file__)) for one in others), Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


class ProvenanceEvaluation:
    """Runs what is missing in a file of results, and reports all of it."""

    def __init__(
        self, clips: Sequence[EvaluatedClip], attacks: Sequence[str], keys: int, results: Path
    ) -> None:
        unknown = sorted(set(attacks) - set(ATTACKS))
        if unknown:
            raise InvalidField(
                f"Unknown attack {unknown[0]!r}; attacks: {', '.join(ATTACKS)}.", param="attacks"
            )
        self._clips = clips
        self._attacks = [name for name in ATTACKS if name in attacks]
        self._keys = keys
        self._results = results
        self._code = code_sha256()
        self._registered: RegisteredClips | None = None
        self._rows = {_identity(row): row for row in _read_rows(results) if row["code"] == self._code}

    @property
    def total(self) -> int:
        return len(self._clips) * self._keys

    def run(self, done: Callable[[int], None]) -> list[dict[str, Any]]:
        """All rows for these clips, attacks and keys. `done` receives the number of finished clips."""
        rows: list[dict[str, Any]] = []
        pairs = [(clip, key) for clip in self._clips for key in range(self._keys)]
        for number, (clip, key) in enumerate(pairs, 1):
            names = [*self._attacks, UNMARKED]
            missing = [name for name in names if (clip.sha256, key, name) not in self._rows]
            if missing:
                for row in self._measure(clip, key, missing):
                    self._keep({**row, "code": self._code})
            rows += [self._rows[clip.sha256, key, name] for name in names]
            done(number)
        return rows

    def _measure(self, clip: EvaluatedClip, key: int, attacks: Sequence[str]) -> Iterator[dict[str, Any]]:
        if self._registered is None:
            self._registered = RegisteredClips({one.sha256: one.path for one in self._clips})
        return measure(clip, key, attacks, self._registered)

    def _keep(self, row: dict[str, Any]) -> None:
        self._rows[_identity(row)] = row
        try:
            append_line(self._results, json.dumps(row).encode())
        except OSError as error:
            raise SafelightError(f"{self._results} cannot be written: {error.strerror}.") from error


def _identity(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["clip"], row["key"], row["attack"]


def _read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise SafelightError(
            f"{path} cannot be read as results of a measurement.", remedy="Give another file: --results FILE"
        ) from error


def measure(
    clip: EvaluatedClip, key: int, attacks: Sequence[str], registered: RegisteredClips
) -> Iterator[dict[str, Any]]:
    """One row for each of these attacks. `registered` has the fingerprints of all clips."""
    plain = read_luma(clip.path)
    pattern = WatermarkPattern.from_seed(derive_seed(hashlib.sha256(b"evaluation %d" % key).digest(), 1))
    content_id = _content_id(clip.sha256, key)
    started = time.process_time()
    factor = choose_strength(pattern, content_id, plain.frames[::_SAMPLED]).factor
    marker = WatermarkEmbedder(pattern, content_id, factor=factor)
    marked = LumaClip(
        frames=tuple(marker.mark(*pair) for pair in zip(plain.frames, plain.times, strict=True)),
        times=plain.times,
        fps=plain.fps,
    )
    mark_s = (time.process_time() - started) / len(plain.frames)
    detector = WatermarkDetector(pattern)
    common = {"clip": clip.sha256, "source": clip.source, "kind": clip.kind, "key": key}
    common |= _quality(plain, marked) | {"mark_s_per_frame": round(mark_s, 5)}
    delivered = deliver(marked)
    registered.register(clip.sha256, delivered)
    marks = {sha256: _content_id(sha256, key) for sha256 in registered.clips}
    for name in attacks:
        # The same clip, key and attack always get the same random numbers.
        random = np.random.default_rng(list(f"{clip.sha256}{key}{name}".encode()))
        copy = deliver(plain) if name == UNMARKED else ATTACKS[name](delivered, random)
        started = time.process_time()
        sums = add_up(copy)
        result = search(detector, sums)
        found = result.found
        search_s = time.process_time() - started
        searched = SearchedCopy(clip=copy, sums=sums, unread=result.unread)
        named = clip.sha256 if found is not None else registered.find(searched, marks, pattern.seed)
        yield {
            **common,
            "attack": name,
            "recovered": found is not None and found.content_id == content_id,
            "accepted": found is not None,
            "sigmas": round(found.sigmas, 2) if found else None,
            # Read, or found with the help of the registered pictures.
            "recovered_registry": named == clip.sha256 and (found is None or found.content_id == content_id),
            "accepted_registry": named is not None,
            "search_s": round(search_s, 3),
        }


def _content_id(clip: str, key: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{clip} {key}".encode()).digest()[:8], "big")


def add_up(clip: LumaClip) -> ResidualSums:
    """The residuals of a clip."""
    sums = ResidualSums()
    for number, (frame, at) in enumerate(zip(clip.frames, clip.times, strict=True)):
        sums.add(frame, at, is_intra=number in clip.intra_coded)
    return sums


def search(detector: WatermarkDetector, sums: ResidualSums) -> WatermarkSearch:
    """A full search within the budget."""
    end = time.process_time() + SEARCH_S
    return detector.search(sums, lambda: time.process_time() > end)


def read_luma(path: Path) -> LumaClip:
    """The luma of the first seconds of a clip."""
    decoder = VideoDecoder(path, VideoLimits())
    frames: list[Luma] = []
    times: list[float] = []
    intra_coded: set[int] = set()
    for number, frame in enumerate(decoder.frames()):
        if times and frame.time_s - times[0] >= _MAX_S:
            break
        luma = np.asarray(cv2.cvtColor(frame.resized(0), cv2.COLOR_RGB2GRAY), np.uint8)
        height, width = (side - side % 2 for side in luma.shape)
        frames.append(luma[:height, :width])
        times.append(frame.time_s)
        if frame.is_intra_coded:
            intra_coded.add(number)
    return LumaClip(
        frames=tuple(frames),
        times=tuple(one - times[0] for one in times),
        fps=decoder.info.fps or 25.0,
        intra_coded=frozenset(intra_coded),
    )


def _quality(plain: LumaClip, marked: LumaClip) -> dict[str, float]:
    pairs = list(zip(plain.frames[::_SAMPLED], marked.frames[::_SAMPLED], strict=True))
    error = np.mean([np.mean(np.square(one.astype(np.float32) - other)) for one, other in pairs])
    similar = np.mean([structural_similarity(one, other) for one, other in pairs])
    return {
        "psnr_db": round(float(10 * np.log10(255**2 / max(error, 1e-9))), 2),
        "ssim": round(float(similar), 4),
    } | _visibility(plain, marked)


def _visibility(plain: LumaClip, marked: LumaClip) -> dict[str, float]:
    """The mark, and its change from one frame to the next, in visible thresholds of most blocks."""
    mark, flicker = [], []
    for number in range(0, len(plain.frames), _SAMPLED):
        picture = at_viewing_size(plain.frames[number].astype(np.float32))
        changes = [
            at_viewing_size(other.astype(np.float32) - one)
            for one, other in zip(
                plain.frames[number : number + 2], marked.frames[number : number + 2], strict=True
            )
        ]
        mark.append(visible_change(picture, changes[0]))
        flicker.append(visible_change(picture, changes[-1] - changes[0]))
    return {
        "visibility": round(overall_visibility(mark), 1),
        "flicker": round(overall_visibility(flicker), 1),
    }
