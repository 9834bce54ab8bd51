"""Keyframes for detectors outside the child: raw RGB files, at most `MAX_KEYFRAMES` per scanned file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from safelight.core.arrays import Pixels
from safelight.detectors.protocol import Keyframe

from .segments import FrameTiming

#: Longest side of a keyframe, and maximum number of keyframes per scanned file; together at most 130 MB.
KEYFRAME_SIDE_PX, MAX_KEYFRAMES = 800, 96


class StoredKeyframe(msgspec.Struct, frozen=True, kw_only=True):
    """A keyframe: its time in the clip, and the file with its RGB bytes."""

    frame: int
    start_s: float
    end_s: float
    path: str
    width: int
    height: int

    def opened(self) -> Keyframe:
        """The keyframe as detectors read it."""
        return Keyframe(
            frame=self.frame,
            start_s=self.start_s,
            end_s=self.end_s,
            path=Path(self.path),
            width=self.width,
            height=self.height,
        )


class KeyframeWriter:
    """Writes the selected frames to files. If there are too many, it deletes some, evenly over the clip.

    Frames with `priority` (cuts and appearances, not regular samples) are deleted last.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._kept: list[tuple[int, bool, Path, int, int]] = []
        #: Number of frames that were added, including those that were deleted again.
        self.offered = 0

    @property
    def enabled(self) -> bool:
        return self._folder is not None

    def add(self, frame: int, pixels: Pixels, *, priority: bool = False) -> None:
        """Write one frame of shape (height, width, 3)."""
        if self._folder is None:
            return
        self.offered += 1
        path = self._folder / f"keyframe-{frame:07d}.rgb"
        path.write_bytes(np.ascontiguousarray(pixels).tobytes())
        self._kept.append((frame, priority, path, pixels.shape[1], pixels.shape[0]))
        if len(self._kept) > 2 * MAX_KEYFRAMES:
            self._thin()

    def keyframes(self, timing: Callable[[int], FrameTiming] | None) -> tuple[StoredKeyframe, ...]:
        """The keyframes that were kept, in order.

        `timing` has the times of the frames; it is None for images.
        """
        self._thin()
        return tuple(
            StoredKeyframe(
                frame=frame,
                start_s=timing(frame).start_s if timing else 0.0,
                end_s=timing(frame).end_s if timing else 0.0,
                path=str(path),
                width=width,
                height=height,
            )
            for frame, _priority, path, width, height in sorted(self._kept)
        )

    def _thin(self) -> None:
        excess = len(self._kept) - MAX_KEYFRAMES
        if excess <= 0:
            return
        kept = sorted(self._kept)
        # Regular samples are deleted first, evenly over the clip.
        for priority in (False, True):
            candidates = [index for index, entry in enumerate(kept) if entry[1] is priority]
            drop_count = min(excess, len(candidates))
            positions = (
                np.linspace(0, len(candidates) - 1, drop_count).round().astype(int).tolist()
                if drop_count
                else []
            )
            dropped = {candidates[position] for position in positions}
            for index in dropped:
                kept[index][2].unlink(missing_ok=True)
            kept = [entry for index, entry in enumerate(kept) if index not in dropped]
            excess -= len(dropped)
        self._kept = kept
