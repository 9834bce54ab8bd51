"""The reference stage: pictures and clips that go with a request, opened in a child and judged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia, TooLarge
from safelight.media.probe import container_of
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Action, Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import Scanner

from .judging import Judge, Judged
from .on_screen import on_screen
from .output import refuse_unread


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


#: Pictures we take as references, by the bytes they begin with.
_PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
)
_CLIPS = {"mov": "video/mp4", "matroska": "video/x-matroska", "avi": "video/x-msvideo"}


def media_type(path: Path, field: str) -> str:
    """What a file's first bytes say it is. Raises `InvalidMedia` where it is nothing we can screen."""
    with path.open("rb") as file:
        head = file.read(64)
    for offset, signature, kind in _PICTURES:
        if head[offset : offset + len(signature)] == signature:
            return kind
    container = container_of(head)
    if container == "matroska" and b"webm" in head:
        return "video/webm"
    if container == "mov" and head[4:12] == b"ftypqt  ":
        return "video/quicktime"
    if container is not None:
        return _CLIPS[container]
    raise InvalidMedia(
        f"The file in {field!r} is not a PNG, JPEG, GIF, WebP, MP4, MOV, WebM, MKV or AVI file.",
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
        settled: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
    ) -> Judged:
        """One verdict on all references together with `prior`, the findings of the prompt they go with.

        Of these a person has let the `settled` ones through, so that they hold nothing again.
        Pictures are looked at twice: quickly at first, which is enough where that blocks. Raises
        `InvalidMedia` or `TooLarge`, naming the field, where one cannot be opened or is not taken.
        """
        if files and all(file.is_picture for file in files):
            # Reading text is most of the work: what blocks without it need not wait for it.
            first = self._judge(files, tenant, prior, settled, audience, quick=True)
            verdict = first.verdict
            # Words in a sexual picture may say that it has to be vaulted: that one is read first.
            if verdict.action is Action.BLOCK and verdict.findings and not verdict.quarantine:
                return first
        return self._judge(files, tenant, prior, settled, audience, quick=False)

    def _judge(
        self,
        files: Sequence[ReferenceFile],
        tenant: str,
        prior: tuple[Finding, ...],
        settled: tuple[Finding, ...],
        audience: Audience,
        *,
        quick: bool,
    ) -> Judged:
        findings: list[Finding] = [*prior]
        cells: list[Cell] = []
        modalities: set[Modality] = set()
        failure = ""
        for file in files:
            modalities.add(Modality.IMAGE if file.is_picture else Modality.FRAMES)
            try:
                report = self._look(file, quick=quick)
            except (InvalidMedia, TooLarge) as error:
                raise type(error)(error.message, param=file.field, remedy=error.remedy) from error
            read = on_screen(report, self.pipeline)
            if read.present:
                modalities.add(Modality.TEXT)
            findings += [*report.findings, *read.findings]
            cells += [*report.coverage, *read.cells]
            failure = failure or report.failure
        return self.judge.judge(
            Stage.REFERENCE,
            tenant=tenant,
            findings=findings,
            cells=cells,
            modalities=frozenset(modalities),
            subject_sha256=_together(files),
            audience=audience,
            settled=settled,
            failure=failure,
        )

    def _look(self, file: ReferenceFile, *, quick: bool) -> ScanReport:
        if file.is_picture:
            return self.scanner.scan_picture(file.path, field=file.field, quick=quick)
        report = self.scanner.scan_video(file.path, field=file.field)
        if report.facts is not None:
            refuse_unread(report.facts)
        return report


def _together(files: Iterable[ReferenceFile]) -> str:
    """The hash a verdict on several files is bound to: of their hashes, in order."""
    return hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest()
