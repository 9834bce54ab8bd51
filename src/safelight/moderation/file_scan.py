"""Files at hand, judged as if they had just been made: all that is said of one, and of one that failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

import safelight
from safelight.detectors.protocol import MediaText
from safelight.errors import BadInput, InvalidMedia, SafelightError, SandboxFailed
from safelight.fileio import sha256_file
from safelight.media.probe import container_of
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding
from safelight.policy.verdicts import Verdict
from safelight.provenance.models import Verification
from safelight.scanning.report import ScanReport
from safelight.scanning.service import FrameProgress

from .evaluation import StageResult
from .pipeline import Stages
from .reference import media_type


class TranscriptLine(msgspec.Struct, frozen=True, kw_only=True):
    """Words read off the picture, or heard; nobody's but the file's."""

    text: str
    start_s: float = 0.0
    end_s: float = 0.0
    #: The words of a spoken line, where they are timed.
    words: tuple[TranscriptLine, ...] = ()


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one file. `verdict` is None where it could not be judged; `problem` says why."""

    #: As shown: below the folder that was asked for.
    name: str
    looked_at: float
    size: int = 0
    sha256: str = ""
    picture: bool = False
    problem: str = ""
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Cell, ...] = ()
    texts: tuple[TranscriptLine, ...] = ()
    #: What was said in it; None where nobody transcribed.
    transcript: tuple[TranscriptLine, ...] | None = None
    #: Facts, detectors' accounts and the schedule of a clip.
    scan: dict[str, Any] = {}
    #: WebP pictures by category, with no detail left in them.
    stills: dict[str, bytes] = {}
    #: Twenty frames on one page; only of a file in whose picture nothing was found.
    sheet: bytes = b""
    provenance: Verification | None = None
    #: Every detector that was to look, with its version.
    detectors: dict[str, str] = {}
    wall_s: float = 0.0
    version: str = safelight.__version__


@dataclass(frozen=True, kw_only=True)
class FileScanner:
    """Looks at one file after another. `stills`: keep pictures for a report."""

    stages: Stages
    tenant: str
    detectors: Mapping[str, str]
    verify: Callable[[Path], Verification] | None
    stills: bool
    scratch: Path

    def judge(self, path: Path, name: str, progress: FrameProgress | None = None) -> FileReport:
        """The report on a file; one that cannot be opened or judged has one, too."""
        began, now = time.perf_counter(), time.time()
        try:
            report = self._judge(path, name, now, progress)
        except (SafelightError, OSError) as error:
            report = msgspec.structs.replace(failed_report(name, error), looked_at=now, **_known(path))
        return msgspec.structs.replace(report, wall_s=round(time.perf_counter() - began, 3))

    def _judge(self, path: Path, name: str, now: float, progress: FrameProgress | None) -> FileReport:
        picture = is_picture(path)
        with TemporaryDirectory(dir=self.scratch, prefix="scan-") as folder:
            seen: ScanReport | None = None
            if picture:
                judged = self.stages.judge_picture(path, tenant=self.tenant)
            else:
                judged, seen = self.stages.judge_file(
                    path, tenant=self.tenant, frames=progress, stills=Path(folder) if self.stills else None
                )
            report = _report(name, now, judged, seen)
        return msgspec.structs.replace(
            report,
            size=path.stat().st_size,
            sha256=sha256_file(path),
            picture=picture,
            provenance=self._provenance(path),
            detectors=dict(self.detectors),
        )

    def _provenance(self, path: Path) -> Verification | None:
        """What the file says of its own origin; a manifest that cannot be read spoils nothing else."""
        try:
            return self.verify(path) if self.verify is not None else None
        except (BadInput, SandboxFailed):
            return None


def failed_report(name: str, error: SafelightError | OSError) -> FileReport:
    """The report on a file that could not be had or opened. Of the system's errors only what they say."""
    if isinstance(error, SafelightError):
        said = str(error)
    else:
        said = f"It cannot be read: {error.strerror or type(error).__name__}."
    return FileReport(name=name, looked_at=time.time(), problem=said)


def is_picture(file: Path) -> bool:
    """By its first bytes, not its name. Raises `InvalidMedia` where it is neither picture nor clip."""
    with file.open("rb") as opened:
        head = opened.read(16)
    if not head:
        raise InvalidMedia("The file is empty.")
    if container_of(head) is not None:
        return False
    try:
        return media_type(file, "file").startswith("image/")
    except InvalidMedia as error:
        raise InvalidMedia(
            "It is not a video or picture file of a known kind.",
            remedy="MP4, MOV, WebM, MKV, AVI, PNG, JPEG, WebP and GIF are read.",
        ) from error


def _report(name: str, now: float, judged: StageResult, seen: ScanReport | None) -> FileReport:
    verdict = judged.verdict
    stills: dict[str, bytes] = {}
    sheet = b""
    if seen is not None and not (verdict.vault or verdict.quarantine):
        stills = {category: Path(path).read_bytes() for category, path in seen.evidence.items()}
        if seen.sheet and not stills:
            sheet = Path(seen.sheet).read_bytes()
    texts = (
        [TranscriptLine(text=one.text, start_s=one.start_s, end_s=one.end_s) for one in seen.texts]
        if seen
        else []
    )
    return FileReport(
        name=name,
        looked_at=now,
        verdict=verdict,
        findings=judged.findings,
        coverage=tuple(judged.coverage),
        texts=tuple(texts),
        transcript=None if seen is None or seen.heard is None else tuple(map(_line, seen.heard)),
        scan=dict(judged.extra),
        stills=stills,
        sheet=sheet,
    )


def _line(heard: MediaText) -> TranscriptLine:
    timed = (TranscriptLine(text=word.text, start_s=word.start_s, end_s=word.end_s) for word in heard.words)
    return TranscriptLine(text=heard.text, start_s=heard.start_s, end_s=heard.end_s, words=tuple(timed))


def _known(path: Path) -> dict[str, Any]:
    """What can be said of a file that could not be judged."""
    try:
        return {"size": path.stat().st_size, "sha256": sha256_file(path)}
    except OSError:
        return {}
