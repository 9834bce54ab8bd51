"""The reference stage: pictures and clips that go with a request, opened in a child and judged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import Scanner

from .judging import Judge, Judged


@dataclass(frozen=True, kw_only=True)
class ReferenceFile:
    """A reference on our own disk. `media_type` is what its first bytes say, not what the client said."""

    path: Path
    field: str
    media_type: str
    sha256: str

    @property
    def is_picture(self) -> bool:
        return self.media_type.startswith("image/")


#: Media we take as references, by the bytes they begin with.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
)


def media_type(path: Path, field: str) -> str:
    """What a file's first bytes say it is. Raises `InvalidMedia` where it is nothing we can screen."""
    with path.open("rb") as file:
        head = file.read(16)
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return kind
    raise InvalidMedia(
        f"The file in {field!r} is not a PNG, JPEG, GIF, WebP, MP4 or WebM file.",
        param=field,
        remedy="Send one of these, whatever its name says.",
    )


@dataclass(frozen=True, kw_only=True)
class ReferenceStage:
    judge: Judge
    scanner: Scanner
    pipeline: TextPipeline

    def judge_files(
        self,
        files: Sequence[ReferenceFile],
        *,
        tenant: str,
        prior: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
    ) -> Judged:
        """One verdict on all references together with `prior`, the findings of the prompt they go with.

        Raises `InvalidMedia` where one cannot be opened.
        """
        findings: list[Finding] = [*prior]
        cells: list[Cell] = []
        modalities: set[Modality] = set()
        for file in files:
            modalities.add(Modality.IMAGE if file.is_picture else Modality.FRAMES)
            try:
                report = self._look(file)
            except InvalidMedia as error:
                raise InvalidMedia(error.message, param=file.field, remedy=error.remedy) from error
            read = self.pipeline.screen_read(report.texts)
            findings += [*report.findings, *read.findings]
            cells += [*report.coverage, *read.cells]
        return self.judge.judge(
            Stage.REFERENCE,
            tenant=tenant,
            findings=findings,
            cells=cells,
            modalities=frozenset(modalities),
            subject_sha256=_together(files),
            audience=audience,
        )

    def _look(self, file: ReferenceFile) -> ScanReport:
        if file.is_picture:
            return self.scanner.scan_picture(file.path, field=file.field)
        return self.scanner.scan_video(file.path, field=file.field)


def _together(files: Iterable[ReferenceFile]) -> str:
    """The hash a verdict on several files is bound to: of their hashes, in order."""
    return hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest()
