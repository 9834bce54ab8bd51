"""Reads the watermark and makes the fingerprint of a sealed file, in one walk.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.media.decode import is_intra_coded
from safelight.media.probe import (
    ACCEPTED_CLIP_LIMITS,
    MediaInfo,
    decoder_errors_raise,
    open_container,
    probe_container,
    select_tracks,
    strict_decoding,
)

from .fingerprints.clip_fingerprint import ClipFingerprint
from .fingerprints.fingerprinter import MAX_HASHED, STEP_S, ClipFrame, fingerprint_frames, shown_pixels
from .watermark.clip_marking import read_mark, shown_luma
from .watermark.detector import WatermarkDetector
from .watermark.pattern import WatermarkPattern
from .watermark.residual import ResidualSums

#: Time between two frames from which the mark is read. In a file that was just encoded, a third of the frames
#: of a usual reading are enough for most clips.
_READ_STEP_S = 0.25
#: A frame that comes a little before its step is taken: times are rounded.
_TOLERANCE = 0.999


@dataclass(frozen=True, kw_only=True)
class SealedPicture:
    """What was found in a sealed file."""

    #: The id of the mark; None if none is read.
    content_id: int | None
    #: None if no mark is read, or if no fingerprint can be made.
    fingerprint: ClipFingerprint | None = None


@dataclass(kw_only=True)
class _Samples:
    """The frames that are used, added in the order of their time."""

    fingerprint_step_s: float
    sums: ResidualSums = field(default_factory=ResidualSums)
    frames: list[ClipFrame] = field(default_factory=list)
    has_all_frames: bool = True
    _next_read_s: float = 0.0
    _next_frame_s: float = 0.0

    def add(self, frame: Any, time_s: float, rotation: int) -> None:
        if time_s >= self._next_read_s:
            self._next_read_s = time_s + _READ_STEP_S * _TOLERANCE
            is_intra = is_intra_coded(frame)
            if self.sums.wants(time_s, is_intra=is_intra):
                self.sums.add(shown_luma(frame, rotation), time_s, is_intra=is_intra)
        if time_s >= self._next_frame_s and len(self.frames) < MAX_HASHED:
            self._next_frame_s = time_s + self.fingerprint_step_s * _TOLERANCE
            try:
                self.frames.append(ClipFrame(time_s=time_s, pixels=shown_pixels(frame, rotation)))
            except Exception:  # of any library: a missing fingerprint must not cost the mark
                self.has_all_frames = False

    def fingerprint(self) -> ClipFingerprint | None:
        """None if it cannot be made: that must not cost a paid video."""
        if not self.has_all_frames:
            return None
        try:
            return fingerprint_frames(self.frames)
        except Exception:  # of any library
            return None


def read_back(path: Path, seed: bytes) -> SealedPicture:
    """The mark and the fingerprint of a file that was neither cropped nor turned.

    Raises `InvalidMedia` for a damaged file.
    """
    samples = _sample(path)
    found = WatermarkDetector(WatermarkPattern.from_seed(seed)).read(samples.sums)
    # A weak mark is only read from all frames.
    content_id = read_mark(path, seed) if found is None else found.content_id
    if content_id is None:
        return SealedPicture(content_id=None)
    return SealedPicture(content_id=content_id, fingerprint=samples.fingerprint())


def _sample(path: Path) -> _Samples:
    with open_container(path, ACCEPTED_CLIP_LIMITS, as_played=True) as container:
        info = probe_container(container, path.stat().st_size, ACCEPTED_CLIP_LIMITS)
        stream = strict_decoding(select_tracks(container)[0])
        # Only frames that others refer to: the rest is not needed to decode the sampled ones.
        stream.codec_context.skip_frame = "NONREF"
        samples = _Samples(fingerprint_step_s=max(STEP_S, info.duration_s / MAX_HASHED))
        first_s: float | None = None
        with decoder_errors_raise():
            for number, frame in enumerate(container.decode(stream)):
                time_s = _time(frame, number, info)
                first_s = time_s if first_s is None else first_s
                samples.add(frame, time_s - first_s, info.rotation)
    return samples


def _time(frame: Any, number: int, info: MediaInfo) -> float:
    return float(frame.time) if frame.time is not None else number / (info.fps or 25.0)
