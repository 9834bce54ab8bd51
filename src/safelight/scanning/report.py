"""What a scan found, what it looked at, and what it did not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from safelight.detectors.protocol import Capability, MediaText
from safelight.media.images import ImageInfo
from safelight.media.probe import MediaInfo
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.findings import Finding, Modality
from safelight.scanning.audio_report import AudioReport
from safelight.scanning.keyframes import StoredKeyframe
from safelight.scanning.sampling import SamplingReport


class DetectorRun(msgspec.Struct, frozen=True, kw_only=True):
    """How one detector fared."""

    name: str
    version: str = ""
    calls: int = 0
    cpu_s: float = 0.0
    ran: bool = False
    #: It looked at everything it was to look at, without a fault.
    complete: bool = False
    #: What went wrong, one sentence; or a remark where nothing did.
    note: str = ""
    #: It was there, and had nothing to look for: see `note`.
    idle: bool = False
    #: It reads text, or, where it would not load and says nothing of itself, may be one that does.
    reads: bool = False
    #: It makes words of speech.
    transcribes: bool = False


class WorkerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a child says about one file."""

    findings: tuple[Finding, ...]
    texts: tuple[MediaText, ...]
    runs: tuple[DetectorRun, ...]
    #: What readers in the child made of speech.
    transcript: tuple[MediaText, ...] = ()
    audio: AudioReport | None = None
    media: MediaInfo | None = None
    image: ImageInfo | None = None
    sampling: SamplingReport | None = None
    thumbnail: str = ""
    contact_sheet: str = ""
    #: Blurred stills of the strongest frame of a category.
    evidence: dict[str, str] = {}
    #: Frames kept for detectors outside of the child, and how many the schedule chose.
    keyframes: tuple[StoredKeyframe, ...] = ()
    selected_frames: int = 0
    wall_s: float = 0.0
    #: Processor time of the scan, loading of models not included where they were loaded before.
    cpu_s: float = 0.0


class ScanReport(msgspec.Struct, frozen=True, kw_only=True):
    """One scan of one file. Holes stand in `coverage` (nothing there is marked required) and `runs`."""

    findings: tuple[Finding, ...] = ()
    #: Text read off frames and pictures; nobody has judged it yet.
    texts: tuple[MediaText, ...] = ()
    #: Words heard, with times, judged like those read; None where nobody transcribed.
    transcript: tuple[MediaText, ...] | None = None
    #: How loud, and where somebody speaks; None where there is no sound.
    audio: AudioReport | None = None
    coverage: Coverage = Coverage()
    runs: tuple[DetectorRun, ...] = ()
    media: MediaInfo | None = None
    image: ImageInfo | None = None
    sampling: SamplingReport | None = None
    #: Paths of WebP files, empty where none were asked for.
    thumbnail: str = ""
    contact_sheet: str = ""
    evidence: dict[str, str] = {}
    #: Frames kept for detectors outside of the child, and how many the schedule chose.
    keyframes: tuple[StoredKeyframe, ...] = ()
    selected_frames: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    #: Why there is no result at all: the child crashed or ran out of time.
    failure: str = ""

    @property
    def has_audio(self) -> bool:
        return self.media is not None and self.media.audio_codec is not None

    @property
    def has_ocr(self) -> bool:
        """Some detector was to read text, as far as is known."""
        return bool(self.failure) or any(run.reads for run in self.runs)

    @property
    def ocr_incomplete(self) -> str:
        """Why text in the picture was not read, or not all of it: one sentence; empty where it was."""
        if self.failure:
            return self.failure
        if not self.has_ocr:
            return "No detector that reads text in pictures is installed."
        return next((run.note for run in self.runs if run.reads and not run.complete), "")

    def run_of(self, detector: str) -> DetectorRun | None:
        return next((run for run in self.runs if run.name == detector), None)


#: A detector that was asked for: its name, and what it says it can fill (nothing where it is broken).
CapabilityList = tuple[str, Sequence[Capability]]


def coverage_of(
    asked: Iterable[CapabilityList], runs: Iterable[DetectorRun], modalities: frozenset[Modality]
) -> Coverage:
    """A cell for every capability in these modalities, filled by how its detectors fared."""
    by_name = {run.name: run for run in runs}
    coverage = Coverage()
    for name, capabilities in asked:
        run = by_name.get(name, DetectorRun(name=name, note=f"{name} was not run."))
        coverage = coverage.merge(
            Cell(
                category=capability.category,
                modality=capability.modality,
                available=not run.idle,
                ran=run.ran,
                complete=run.ran and run.complete,
                detectors=(name,),
                note="" if run.ran and run.complete else run.note,
                measured=capability.measured,
            )
            for capability in capabilities
            if capability.modality in modalities
        )
    return coverage
