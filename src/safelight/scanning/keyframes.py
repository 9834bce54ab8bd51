"""The frames that are kept for models and servers outside of the scan child: raw pixels, a bounded number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.scanning.segments import FrameTiming

Pixels = npt.NDArray[np.uint8]

#: Longest side of a kept frame, and how many are kept of one file: 130 MB at the most.
KEYFRAME_SIDE_PX, MAX_KEYFRAMES = 800, 96


class StoredKeyframe(msgspec.Struct, frozen=True, kw_only=True):
    """One kept frame: when it was shown, and the file with its RGB bytes."""

    frame: int
    start_s: float
    end_s: float
    path: str
    width: int
    height: int


class KeyframeWriter:
    """Writes frames as they are chosen; where they are too many, every second one goes.

    What was chosen for a reason beyond the regular sample (`pressing`: a jump, its neighbours) is kept before
    the others.
    """

    def __init__(self, folder: Path | None, *, most: int = MAX_KEYFRAMES) -> None:
        self._folder = folder
        self._most = most
        self._kept: list[tuple[int, bool, Path, int, int]] = []
        #: How many were offered.
        self.offered = 0

    @property
    def enabled(self) -> bool:
        return self._folder is not None

    def add(self, frame: int, pixels: Pixels, *, pressing: bool = False) -> None:
        """Keep one frame, (height, width, 3)."""
        if self._folder is None:
            return
        self.offered += 1
        path = self._folder / f"look-{frame:07d}.rgb"
        path.write_bytes(np.ascontiguousarray(pixels).tobytes())
        self._kept.append((frame, pressing, path, pixels.shape[1], pixels.shape[0]))
        if len(self._kept) > 2 * self._most:
            self._thin()

    def keyframes(self, times: Callable[[int], FrameTiming] | None) -> tuple[StoredKeyframe, ...]:
        """What was kept, in order; `times` tells when a frame is shown, None where it is a picture."""
        self._thin()
        return tuple(
            StoredKeyframe(
                frame=frame,
                start_s=times(frame).start_s if times else 0.0,
                end_s=times(frame).end_s if times else 0.0,
                path=str(path),
                width=width,
                height=height,
            )
            for frame, _pressing, path, width, height in sorted(self._kept)
        )

    def _thin(self) -> None:
        spare = len(self._kept) - self._most
        if spare <= 0:
            return
        kept = sorted(self._kept)
        # The ordinary ones first, evenly over the clip.
        for pressing in (False, True):
            places = [place for place, look in enumerate(kept) if look[1] is pressing]
            leave = min(spare, len(places))
            chosen = np.linspace(0, len(places) - 1, leave).round().astype(int).tolist() if leave else []
            gone = {places[one] for one in chosen}
            for place in gone:
                kept[place][2].unlink(missing_ok=True)
            kept = [look for place, look in enumerate(kept) if place not in gone]
            spare -= len(gone)
        self._kept = kept
