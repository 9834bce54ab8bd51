"""Preview images of a clip for reviewers: thumbnail, contact sheet, blurred evidence images."""

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

_THUMBNAIL_SIDE_PX, _SHEET_SIDE_PX, _EVIDENCE_SIDE_PX = 480, 240, 640
_SHEET_FRAMES = 20
#: Twice the frames of the contact sheet. If more are buffered, every second one is dropped and the stride
#: doubles, so that the frames stay evenly spaced.
_MAX_BUFFERED_FRAMES = 2 * _SHEET_FRAMES


class Previews(msgspec.Struct, frozen=True, kw_only=True):
    """Paths of the preview images that were written; empty if no previews were requested."""

    thumbnail: str = ""
    contact_sheet: str = ""
    blurred_sheet: str = ""
    evidence: dict[str, str] = {}


class PreviewCollector:
    """Collects preview frames while the clip is decoded; `write` stores them afterwards."""

    def __init__(self, folder: Path | None, info: MediaInfo) -> None:
        self._folder = folder
        self._stride = 1
        self._buffered: list[tuple[int, Pixels]] = []
        self._middle_s = info.duration_s / 2
        self._thumbnail: Pixels | None = None
        self._strongest: dict[str, tuple[float, Pixels]] = {}

    def add_frame(self, frame: DecodedFrame) -> None:
        """Add the next decoded frame as a candidate for the thumbnail and for the contact sheet."""
        if self._folder is None:
            return
        if self._thumbnail is None or (frame.time_s <= self._middle_s and frame.index % 12 == 0):
            self._thumbnail = frame.resized(_THUMBNAIL_SIDE_PX)
        if frame.index % self._stride == 0:
            self._buffered.append((frame.index, frame.resized(_SHEET_SIDE_PX)))
            if len(self._buffered) > _MAX_BUFFERED_FRAMES:
                self._stride *= 2
                self._buffered = [entry for entry in self._buffered if entry[0] % self._stride == 0]

    def add_evidence(self, finding: Finding, frame: DecodedFrame) -> None:
        """Keep the frame as evidence if the finding has the highest score of its category until now."""
        if self._folder is None:
            return
        strongest = self._strongest.get(finding.category)
        if strongest is None or finding.score > strongest[0]:
            self._strongest[finding.category] = (finding.score, frame.resized(_EVIDENCE_SIDE_PX))

    def write(self) -> Previews:
        """Write all previews. An `OSError` while writing loses previews, but no findings."""
        if self._folder is None or self._thumbnail is None:
            return Previews()
        try:
            return self._write_all(self._folder, self._thumbnail)
        except OSError:
            return Previews()

    def _write_all(self, folder: Path, thumbnail: Pixels) -> Previews:
        indices = (
            np.linspace(0, len(self._buffered) - 1, min(_SHEET_FRAMES, len(self._buffered)))
            .round()
            .astype(int)
        )
        frames = [self._buffered[index][1] for index in indices.tolist()]
        evidence = {
            category: str(thumbnails.write_blurred(pixels, folder / f"evidence-{number}.webp"))
            for number, (category, (_score, pixels)) in enumerate(self._strongest.items())
        }
        return Previews(
            thumbnail=str(thumbnails.write_thumbnail(thumbnail, folder / "thumbnail.webp")),
            contact_sheet=str(thumbnails.write_contact_sheet(frames, folder / "sheet.webp")),
            blurred_sheet=str(
                thumbnails.write_contact_sheet(frames, folder / "sheet-blurred.webp", blurred=True)
            ),
            evidence=evidence,
        )
