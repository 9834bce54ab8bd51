"""What the gateway asks a scan worker to do: arguments of the worker's entry points."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.images import ImageLimits
from safelight.media.probe import VideoLimits
from safelight.scanning.sampling import SamplingConfig


@dataclass(frozen=True, kw_only=True)
class OutputDirs:
    """Folders that a scan writes to; None: not written."""

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
    """The detectors to load, each with its options, and the time limit of one call."""

    specs: tuple[tuple[str, dict[str, Any]], ...]
    call_timeout_s: float = 20.0


class VideoScanTask(msgspec.Struct, frozen=True, kw_only=True):
    """Scan a clip."""

    path: str
    detectors: DetectorSet
    limits: VideoLimits
    sampling: SamplingConfig = SamplingConfig()
    #: Seconds after which the scan of the frames stops; a little less than the sandbox's own limit.
    budget_s: float = 540.0
    #: Folders as in `OutputDirs`; empty: not written.
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
    """Which detectors scan an image."""

    WHOLE = "whole"
    #: All but the slow ones: may be enough to block.
    QUICK = "quick"
    #: The slow ones, which the quick pass skipped.
    REST = "rest"


class ImageScanTask(msgspec.Struct, frozen=True, kw_only=True):
    """Scan an image."""

    path: str
    detectors: DetectorSet
    limits: ImageLimits
    #: The request field that the image came in.
    field: str = ""
    scan_pass: ImagePass = ImagePass.WHOLE
    #: Folder for keyframes; empty: not written.
    keyframes: str = ""


class RecordingScanTask(msgspec.Struct, frozen=True, kw_only=True):
    """Scan an audio file."""

    path: str
    detectors: DetectorSet
    limits: VideoLimits
    #: Folder for speech files.
    speech: str
