"""The evaluated clips as registered videos, among which assisted reading looks for the origin of a copy."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.pdq import BYTES
from safelight.provenance.fingerprints.clip_fingerprint import ClipFingerprint
from safelight.provenance.fingerprints.fingerprint_index import FingerprintChange, FingerprintIndex
from safelight.provenance.fingerprints.fingerprinter import (
    THUMBNAIL_SIDE,
    ClipFrame,
    fingerprint_clip,
    fingerprint_frames,
)
from safelight.provenance.fingerprints.frame_hashes import Hashes, searched_hashes
from safelight.provenance.fingerprints.picture_comparison import RegisteredPicture, SearchedPictures
from safelight.provenance.recovery.known_mark_search import KnownPicture, SearchBudget, search_known
from safelight.provenance.recovery.recovery import AGREEING_SHARE, KNOWN_S
from safelight.provenance.watermark.assisted_detector import MIN_CORRELATION, correlate
from safelight.provenance.watermark.pattern import WatermarkPattern
from safelight.provenance.watermark.residual import ResidualSums

from .watermark_attacks import Luma, LumaClip

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: Time between two frames of the fingerprint of a delivered copy, as in a delivery.
_STEP_S = 0.5
#: Frames of a copy that are registered, and those that are hashed, as in a recovery.
_REGISTERED, _HASHED = 16, 24


@dataclass(frozen=True, kw_only=True)
class SearchedCopy:
    """A copy in which no mark was read."""

    clip: LumaClip
    sums: ResidualSums
    #: Soft bits of the places where a mark may be.
    unread: Sequence[Floats]


class RegisteredClips:
    """Fingerprints of all evaluated clips, in place of a database."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._fingerprints = {sha256: fingerprint_clip(path) for sha256, path in paths.items()}
        self._index = FingerprintIndex(self)

    @property
    def clips(self) -> tuple[str, ...]:
        return tuple(self._fingerprints)

    def changes(self, since: float) -> list[FingerprintChange]:
        return [
            FingerprintChange(sha256=one, changed_at=1.0, is_removed=False)
            for one in self._fingerprints
            if since <= 1.0
        ]

    def hashes(self, wanted: Collection[str]) -> Iterable[tuple[str, Hashes]]:
        for one in wanted:
            yield one, np.frombuffer(self._fingerprints[one].hashes, np.uint8).reshape(-1, BYTES)

    def register(self, sha256: str, delivered: LumaClip) -> None:
        """Use the thumbnails of the delivered, marked copy."""
        found = fingerprint_frames(_sampled(delivered, _STEP_S))
        self._fingerprints[sha256] = ClipFingerprint(
            hashes=self._fingerprints[sha256].hashes, thumbnails=found.thumbnails, step_s=found.step_s
        )

    def find(self, copy: SearchedCopy, marks: dict[str, int], seed: bytes) -> str | None:
        """The clip whose picture and mark a copy has, searched as in a recovery; `marks` are the ids of all
        clips. A mark without an agreeing picture does not count.
        """
        hashed = [searched_hashes(one.pixels) for one in _spread(copy.clip, _HASHED)]
        found = self._index.search(hashed)
        similar = {one.sha256 for one in found if one.share >= AGREEING_SHARE}
        named = [one.sha256 for one in found]
        searched = SearchedPictures([one.pixels for one in _spread(copy.clip, _REGISTERED)])
        pattern = WatermarkPattern.from_seed(seed)
        for one in named:
            if correlate(pattern, marks[one], copy.unread) >= MIN_CORRELATION:
                return one if one in similar or searched.register(self._picture(one)) else None
        budget = SearchBudget(KNOWN_S, time.process_time)
        known = [KnownPicture(picture=self._picture(one), content_id=marks[one], seed=seed) for one in named]
        results = search_known(searched, lambda: copy.sums, known, budget)
        pairs = zip(named, results, strict=True)
        return next(
            (one for one, result in pairs if result.has_mark and (result.agrees or one in similar)), None
        )

    def _picture(self, sha256: str) -> RegisteredPicture:
        known = self._fingerprints[sha256]
        return RegisteredPicture(thumbnails=known.thumbnails, step_s=known.step_s)


def _spread(clip: LumaClip, count: int) -> Sequence[ClipFrame]:
    return _sampled(clip, max(clip.times[-1] / count, 1e-3))[:count]


def _sampled(clip: LumaClip, step_s: float) -> list[ClipFrame]:
    frames, next_s = list[ClipFrame](), 0.0
    for luma, time_s in zip(clip.frames, clip.times, strict=True):
        if time_s >= next_s:
            frames.append(ClipFrame(time_s=time_s, pixels=_thumbnail(luma)))
            next_s = time_s + step_s * 0.999
    return frames


def _thumbnail(luma: Luma) -> Pixels:
    height, width = luma.shape
    factor = min(THUMBNAIL_SIDE / min(height, width), 1.0)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB), np.uint8)
