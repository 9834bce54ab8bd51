"""Tasks for the scan worker: the arguments of its entry points in the sandboxed child."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.images import ImageLimits
from safelight.media.probe import VideoLimits

from .sampling import SamplingConfig


@dataclass(frozen=True, kw_only=True)
class OutputDirs:
    """Folders to which a scan writes its files. None: these files are not written."""

    #: Thumbnail, contact sheet and blurred evidence for reviewers.
    previews: Path | None = None
    #: Keyframes for detectors outside the child.
    keyframes: Path | None = None
    #: Speech files for a transcriber outside the child.
    speech: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.previews, self.keyframes, self.speech) if path is not None)


class DetectorSet(msgspec.Struct, frozen=True, kw_only=True):
    """The detectors to load, each with its options, and the time limit for one call of a detector."""

    specs: tuple[tuple[str, dict[str, Any]], ...]
    call_timeout_s: float = 20.0


class VideoScanTask(msgspec.Struct, frozen=True, kw_only=True):
    """Task: scan a clip."""

    path: str
    detectors: DetectorSet
    limits: VideoLimits
    sampling: SamplingConfig = SamplingConfig()
    #: The scan of the frames stops after this many seconds, a little before the time limit of the sandbox.
    budget_s: float = 540.0
    #: In these first seconds, frames beyond the sampling budget are inspected too.
    spare_s: float = 270.0
    #: The folders of `OutputDirs` as paths; empty: these files are not written.
    previews: str = ""
    keyframes: str = ""
    speech: str = ""
    decode_threads: int = 1

    @property
    def output_dirs(self) -> OutputDirs:
        return OutputDirs(
            previews=Path(self.previews) if self.previews else None,
            keyframes=Path(self.keyframes) if self.keyframes else None,
            speech=Path(self.speech) if self.speech else None,
        )


class ImagePass(StrEnum):
    """Which detectors run in one pass over an image."""

    WHOLE = "whole"
    #: All detectors except the slow ones: their findings may be enough to block the image.
    QUICK = "quick"
    #: Only the slow detectors, which the quick pass skipped.
    REST = "rest"


class ImageScanTask(msgspec.Struct, frozen=True, kw_only=True):
    """Task: scan an image."""

    path: str
    detectors: DetectorSet
    limits: ImageLimits
    #: The request field with the image.
    field: str = ""
    scan_pass: ImagePass = ImagePass.WHOLE
    #: Folder for keyframes; empty: no keyframes are written.
    keyframes: str = ""
