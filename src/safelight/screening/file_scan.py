"""Scans single files in the same way as generated clips, and builds a report on each file."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

import safelight
from safelight.core.errors import BadInput, InvalidMedia, SafelightError, SandboxFailed, TooLarge
from safelight.core.fileio import sha256_file
from safelight.core.progress import ProgressSink
from safelight.detectors.protocol import MediaText
from safelight.media.probe import UnscannedKind, UnscannedPart, detect_container
from safelight.media.signatures import HEAD_BYTES, detect_image, detect_unsupported_media
from safelight.policy.findings import Cell, Finding, Modality
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Verdict
from safelight.provenance.models import Verification

from .evaluation import StageResult
from .pipeline import Stages
from .scanning.report import ScanReport
from .scanning.sources import SourceFile

_log = logging.getLogger(__name__)


class TranscriptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of OCR text or of speech in a file."""

    text: str
    start_s: float = 0.0
    end_s: float = 0.0
    #: The single words of a spoken line, if the transcriber returned their times.
    words: tuple[TranscriptLine, ...] = ()


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report on one file. If the scan failed, `verdict` is None and `problem` has the reason."""

    #: Path for display, relative to the scanned folder.
    name: str
    looked_at: float
    size: int = 0
    sha256: str = ""
    picture: bool = False
    problem: str = ""
    #: The content of the file is the problem: another scan of the same bytes has the same result.
    rejected: bool = False
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Cell, ...] = ()
    texts: tuple[TranscriptLine, ...] = ()
    #: None if the speech was not transcribed.
    transcript: tuple[TranscriptLine, ...] | None = None
    #: What is in the file and was not judged.
    unscanned: tuple[UnscannedPart, ...] = ()
    #: Media facts of a clip, detector runs and sampling.
    scan: dict[str, Any] = {}
    #: WebP images by category. They are blurred so strongly that no detail is visible.
    stills: dict[str, bytes] = {}
    #: A contact sheet of twenty frames; blurred like `stills` if there are findings in picture or text, or if
    #: required checks are missing.
    sheet: bytes = b""
    provenance: Verification | None = None
    #: Every configured detector with its version.
    detectors: dict[str, str] = {}
    wall_s: float = 0.0
    version: str = safelight.__version__


@dataclass(frozen=True, kw_only=True)
class FileScanner:
    """Scans single files with one policy. `stills` is whether to keep preview images for a report."""

    stages: Stages
    policy: TenantPolicy
    detectors: Mapping[str, str]
    verify: Callable[[Path], Verification] | None
    stills: bool
    scratch: Path

    def scan(self, path: Path, name: str, progress: ProgressSink | None = None) -> FileReport:
        """The report on a file. If the file cannot be opened or scanned, the report has the reason."""
        began, now = time.perf_counter(), time.time()
        try:
            report = self._scan(path, name, now, progress)
        except (SafelightError, OSError) as error:
            report = msgspec.structs.replace(failed_report(name, error), looked_at=now, **_known(path))
            if isinstance(error, InvalidMedia | TooLarge):
                report = msgspec.structs.replace(report, rejected=True)
        return msgspec.structs.replace(report, wall_s=round(time.perf_counter() - began, 3))

    def scan_source(self, found: SourceFile, name: str, progress: ProgressSink | None = None) -> FileReport:
        """The report on a file of a folder or bucket. One file never ends the work on the others."""
        try:
            with found.download(self.scratch) as path:
                return self.scan(path, name, progress)
        except Exception as error:
            return failed_report(name, error)

    def _scan(self, path: Path, name: str, now: float, progress: ProgressSink | None) -> FileReport:
        picture = is_picture(path)
        with TemporaryDirectory(dir=self.scratch, prefix="scan-") as folder:
            scan: ScanReport | None = None
            if picture:
                result = self.stages.scan_image(path, self.policy)
            else:
                result, scan = self.stages.scan_clip(
                    path, self.policy, progress=progress, previews=Path(folder) if self.stills else None
                )
            report = _report(name, now, result, scan)
        return msgspec.structs.replace(
            report,
            size=path.stat().st_size,
            sha256=sha256_file(path),
            picture=picture,
            provenance=self._provenance(path),
            detectors=dict(self.detectors),
        )

    def _provenance(self, path: Path) -> Verification | None:
        """The provenance claims of the file. None if its manifest cannot be read."""
        try:
            return self.verify(path) if self.verify is not None else None
        except (BadInput, SandboxFailed):
            return None


def failed_report(name: str, error: Exception) -> FileReport:
    """The report on a file that could not be read. Of an `OSError`, only the system message is included.

    The remedy of a bad input is left out: it addresses the sender of a request. That of a limit stays.
    """
    if isinstance(error, BadInput) and not isinstance(error, TooLarge):
        problem = error.message
    elif isinstance(error, SafelightError):
        problem = str(error)
    elif isinstance(error, OSError):
        problem = f"The file cannot be read: {error.strerror or type(error).__name__}."
    else:
        _log.error("The scan of %s failed.", name, exc_info=error)
        problem = f"Internal error: {type(error).__name__}. This is a bug. Please report it."
    return FileReport(name=name, looked_at=time.time(), problem=problem)


def is_picture(file: Path) -> bool:
    """Whether a file is an image, by its first bytes.

    Raises `InvalidMedia` if it is neither an image nor a clip.
    """
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    if not head:
        raise InvalidMedia("The file is empty.")
    if detect_container(head) is not None:
        return False
    if detect_image(head) is not None:
        return True
    if found := detect_unsupported_media(head):
        raise InvalidMedia(
            f"It is {found}. Only MP4, MOV, WebM, MKV, AVI, PNG, JPEG, WebP and GIF files are scanned: "
            "convert a copy of it to one of these types."
        )
    raise InvalidMedia("The file is not a video or picture of a known type.")


def _report(name: str, now: float, result: StageResult, scan: ScanReport | None) -> FileReport:
    verdict = result.verdict
    stills: dict[str, bytes] = {}
    sheet = b""
    # A file without findings is quarantined only because checks are missing: its frames are shown blurred.
    if scan is not None and not (verdict.vault or (verdict.quarantine and result.findings)):
        stills = {category: Path(path).read_bytes() for category, path in scan.evidence.items()}
        visual = any(finding.modality is not Modality.AUDIO for finding in result.findings)
        if strip := scan.blurred_sheet if visual or verdict.quarantine else scan.contact_sheet:
            sheet = Path(strip).read_bytes()
    texts = (
        [TranscriptLine(text=one.text, start_s=one.start_s, end_s=one.end_s) for one in scan.texts]
        if scan
        else []
    )
    return FileReport(
        name=name,
        looked_at=now,
        verdict=verdict,
        findings=result.findings,
        coverage=tuple(result.coverage),
        texts=tuple(texts),
        transcript=None if scan is None or scan.transcript is None else tuple(map(_line, scan.transcript)),
        unscanned=_unscanned(result, scan),
        scan=dict(result.details),
        stills=stills,
        sheet=sheet,
    )


def _unscanned(result: StageResult, scan: ScanReport | None) -> tuple[UnscannedPart, ...]:
    if scan is not None:
        return scan.media.unscanned if scan.media is not None else ()
    pictures = (one.get("picture", {}) for one in result.details["references"])
    counts = (picture.get("trailing_bytes", 0) for picture in pictures)
    return tuple(UnscannedPart(kind=UnscannedKind.TRAILING_BYTES, count=count) for count in counts if count)


def _line(spoken: MediaText) -> TranscriptLine:
    timed = (TranscriptLine(text=word.text, start_s=word.start_s, end_s=word.end_s) for word in spoken.words)
    return TranscriptLine(text=spoken.text, start_s=spoken.start_s, end_s=spoken.end_s, words=tuple(timed))


def _known(path: Path) -> dict[str, Any]:
    """Size and hash of a file that could not be scanned."""
    try:
        return {"size": path.stat().st_size, "sha256": sha256_file(path)}
    except OSError:
        return {}
