"""Report of a scan: its findings, what was scanned, and what was not scanned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from safelight.detectors.protocol import Capability, MediaText
from safelight.media.images import ImageInfo
from safelight.media.probe import MediaInfo
from safelight.media.tags import FileTag
from safelight.policy.findings import Cell, Coverage, Finding, Modality

from .audio_report import AudioReport
from .keyframes import StoredKeyframe
from .sampling import SamplingReport


class DetectorRun(msgspec.Struct, frozen=True, kw_only=True):
    """Record of how one detector ran. It is stored: the field names are part of the scan record."""

    name: str
    version: str = ""
    calls: int = 0
    cpu_s: float = 0.0
    ran: bool = False
    #: The detector inspected everything that it should, without a failure.
    complete: bool = False
    #: If the detector failed, the reason in one sentence; otherwise an optional note.
    note: str = ""
    #: The detector was available, but had no data to compare with, such as an empty hash list: see `note`.
    idle: bool = False
    #: The detector reads text. Also true if it could not be loaded and declares no capabilities, because it
    #: may read text.
    reads: bool = False
    #: The detector transcribes speech.
    transcribes: bool = False
    #: A call of the detector, or its start, exceeded its time limit.
    timed_out: bool = False
    #: The file has more to inspect than the budget of frames or of time allows.
    over_budget: bool = False


class _ScannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan of one file adds to its findings."""

    #: Loudness and speech spans; None if the file has no audio.
    audio: AudioReport | None = None
    media: MediaInfo | None = None
    #: Texts in the file, such as its title and those of its chapters; not yet screened.
    tags: tuple[FileTag, ...] = ()
    image: ImageInfo | None = None
    sampling: SamplingReport | None = None
    #: Paths of WebP files; empty if not requested.
    thumbnail: str = ""
    contact_sheet: str = ""
    blurred_sheet: str = ""
    #: Per category, the path of the blurred image of the frame with the highest score.
    evidence: dict[str, str] = {}
    #: Keyframes for detectors outside the child, and the number of frames that were selected before some were
    #: deleted.
    keyframes: tuple[StoredKeyframe, ...] = ()
    selected_frames: int = 0
    wall_s: float = 0.0
    #: CPU seconds of the scan; excludes loading models that were preloaded.
    cpu_s: float = 0.0


class WorkerResult(_ScannedFile, frozen=True, kw_only=True):
    """Result of the scan worker for one file. It is untrusted until the gateway has validated it."""

    findings: tuple[Finding, ...]
    texts: tuple[MediaText, ...]
    runs: tuple[DetectorRun, ...]
    #: The transcript that transcribers in the child produced.
    transcript: tuple[MediaText, ...] = ()


class ScanReport(_ScannedFile, frozen=True, kw_only=True):
    """Report of the scan of one file.

    Gaps are in `runs` and in `coverage`, in which no cell is marked as required yet.
    """

    findings: tuple[Finding, ...] = ()
    #: OCR texts of frames and images; not yet screened.
    texts: tuple[MediaText, ...] = ()
    #: Transcript with times, screened like OCR texts; None if no transcriber ran.
    transcript: tuple[MediaText, ...] | None = None
    coverage: Coverage = Coverage()
    runs: tuple[DetectorRun, ...] = ()
    #: Why the scan has no result: the child crashed or timed out.
    failure: str = ""

    @property
    def has_audio(self) -> bool:
        return self.media is not None and self.media.audio_codec is not None

    @property
    def has_ocr(self) -> bool:
        """Whether at least one detector should have read text."""
        return bool(self.failure) or any(run.reads for run in self.runs)

    @property
    def ocr_incomplete(self) -> str:
        """Why text was not read, or only partly, in one sentence; empty if all text was read."""
        if self.failure:
            return self.failure
        if not self.has_ocr:
            return "No detector that reads text in images is installed."
        return next((run.note for run in self._unfinished_readers()), "")

    @property
    def ocr_over_budget(self) -> bool:
        """Whether text was read only partly because the file has more to inspect than its budget allows."""
        return any(run.over_budget for run in self._unfinished_readers())

    def _unfinished_readers(self) -> Iterator[DetectorRun]:
        return (run for run in self.runs if run.reads and not run.complete)

    def find_run(self, detector: str) -> DetectorRun | None:
        return next((run for run in self.runs if run.name == detector), None)


#: A requested detector: its name and its declared capabilities (none if it does not load).
DetectorCapabilities = tuple[str, Sequence[Capability]]


def build_coverage(
    requested: Iterable[DetectorCapabilities], runs: Iterable[DetectorRun], modalities: frozenset[Modality]
) -> Coverage:
    """One coverage cell for each capability of the requested detectors in these modalities.

    The status of a cell comes from the run of its detector.
    """
    by_name = {run.name: run for run in runs}
    coverage = Coverage()
    for name, capabilities in requested:
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
                over_budget=run.over_budget,
                measured=capability.measured,
            )
            for capability in capabilities
            if capability.modality in modalities
        )
    return coverage
