"""The few frames of a clip that are kept for people: a thumbnail, a sheet, blurred evidence."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.media import thumbnails
from safelight.media.decode import DecodedFrame
from safelight.media.probe import MediaInfo
from safelight.policy.findings import Finding

Pixels = npt.NDArray[np.uint8]

_THUMBNAIL, _SHEET, _EVIDENCE = 480, 240, 640
_SHEET_FRAMES = 20
#: Every `_stride`th frame is kept, and every other one dropped when there are too many.
_MOST = 2 * _SHEET_FRAMES


class Previews(msgspec.Struct, frozen=True, kw_only=True):
    """Paths of what was written; empty where nothing was asked for."""

    thumbnail: str = ""
    contact_sheet: str = ""
    evidence: dict[str, str] = {}


class PreviewCollector:
    """Collects during the walk, writes after it."""

    def __init__(self, folder: Path | None, facts: MediaInfo) -> None:
        self._folder = folder
        self._stride = 1
        self._kept: list[tuple[int, Pixels]] = []
        self._middle_s = facts.duration_s / 2
        self._thumbnail: Pixels | None = None
        self._best: dict[str, tuple[float, Pixels]] = {}

    def add_frame(self, frame: DecodedFrame) -> None:
        if self._folder is None:
            return
        if self._thumbnail is None or (frame.time_s <= self._middle_s and frame.index % 12 == 0):
            self._thumbnail = frame.resized(_THUMBNAIL)
        if frame.index % self._stride == 0:
            self._kept.append((frame.index, frame.resized(_SHEET)))
            if len(self._kept) > _MOST:
                self._stride *= 2
                self._kept = [kept for kept in self._kept if kept[0] % self._stride == 0]

    def add_evidence(self, finding: Finding, frame: DecodedFrame) -> None:
        """Keep the frame where it is the strongest of its category so far."""
        if self._folder is None:
            return
        best = self._best.get(finding.category)
        if best is None or finding.score > best[0]:
            self._best[finding.category] = (finding.score, frame.resized(_EVIDENCE))

    def write(self) -> Previews:
        """Write what was collected. A full disk costs the pictures and not what was found."""
        if self._folder is None or self._thumbnail is None:
            return Previews()
        try:
            return self._written(self._folder, self._thumbnail)
        except OSError:
            return Previews()

    def _written(self, folder: Path, thumb: Pixels) -> Previews:
        places = np.linspace(0, len(self._kept) - 1, min(_SHEET_FRAMES, len(self._kept))).round().astype(int)
        page = [self._kept[place][1] for place in places.tolist()]
        evidence = {
            category: str(thumbnails.write_blurred(pixels, folder / f"evidence-{number}.webp"))
            for number, (category, (_score, pixels)) in enumerate(self._best.items())
        }
        return Previews(
            thumbnail=str(thumbnails.write_thumbnail(thumb, folder / "thumbnail.webp")),
            contact_sheet=str(thumbnails.write_contact_sheet(page, folder / "sheet.webp")),
            evidence=evidence,
        )
