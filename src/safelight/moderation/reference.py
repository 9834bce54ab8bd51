"""The reference stage: pictures and clips that go with a request, opened in a child and judged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.likeness.matching import covering_consents
from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia, TooLarge
from safelight.media.metadata import copy_without_metadata
from safelight.media.probe import container_of
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Action, Audience
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Limits, Sandbox
from safelight.scanning.report import ScanReport
from safelight.scanning.service import Scanner

from .evaluation import PolicyEvaluator, StageResult
from .known_content import NO_HASH_LISTS, HashMatchResult, KnownContent
from .ocr import OcrResult, screen_ocr_text
from .output import reject_extra_tracks, summary
from .scene_detection import SceneDetection, scene_of
from .speech import SpeechAnalyzer


@dataclass(frozen=True, kw_only=True)
class ReferenceInput:
    """A reference on our own disk. `media_type` is what its first bytes say, not what the client said."""

    path: Path
    field: str
    media_type: str
    sha256: str

    @property
    def is_picture(self) -> bool:
        return self.media_type.startswith("image/")

    @property
    def modality(self) -> Modality:
        return Modality.IMAGE if self.is_picture else Modality.FRAMES


#: Pictures we take as references, by the bytes they begin with.
_PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
)
#: Of these, those that carry metadata we know how to leave out.
_SAYING = frozenset({"image/png", "image/jpeg", "image/webp"})
_BARE_LIMITS = Limits(wall_s=30.0, cpu_s=30, memory_bytes=1 << 30)
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
    judge: PolicyEvaluator
    scanner: Scanner
    pipeline: TextPipeline
    onlookers: SceneDetection = field(default_factory=SceneDetection)
    #: Compares the voices of clips; their words are not transcribed.
    hearing: SpeechAnalyzer = field(default_factory=SpeechAnalyzer)
    known: KnownContent = NO_HASH_LISTS
    #: What a file says of where it comes from, as facts for the record; read in a child.
    origin: Callable[[Path], Mapping[str, Any]] = lambda _path: {}

    def judge_files(
        self,
        files: Sequence[ReferenceInput],
        *,
        tenant: str,
        prior: tuple[Finding, ...] = (),
        settled: tuple[Finding, ...] = (),
        overturned: tuple[Finding, ...] = (),
        texts: Mapping[str, str] | None = None,
        audience: Audience = Audience.GENERAL,
    ) -> StageResult:
        """One verdict on all references together with `prior`, the findings of `texts`, which they go with.

        Of these a person has let the `settled` ones through, so that they hold nothing again; an appeal was
        won against the `overturned` ones.
        Pictures are looked at twice: quickly at first, which is enough where that blocks. Raises
        `InvalidMedia` or `TooLarge`, naming the field, where one cannot be opened or is not taken.
        """
        request = _Request(
            tenant=tenant,
            texts=texts or {},
            prior=prior,
            settled=settled,
            overturned=overturned,
            audience=audience,
        )
        first: dict[ReferenceInput, ScanReport] = {}
        # A face may be there by consent, which takes the long look to see.
        if files and all(file.is_picture for file in files) and self.onlookers.likeness is None:
            # Reading text and large inputs are most of the work: what blocks without them need not wait.
            first = {file: self._look(file, quick=True) for file in files}
            seen = _Seen()
            for file, report in first.items():
                self._add(seen, file, report)
            judged = self._verdict(files, request, seen)
            verdict = judged.verdict
            # Words in a sexual picture may say that it has to be vaulted: that one is read first.
            if verdict.action is Action.BLOCK and verdict.findings and not verdict.quarantine:
                return judged
        return self._thoroughly(files, request, first)

    def _thoroughly(
        self, files: Sequence[ReferenceInput], request: _Request, first: Mapping[ReferenceInput, ScanReport]
    ) -> StageResult:
        seen, scenes, people = _Seen(), [], []
        with ExitStack() as folders:
            for file in files:
                looks = folders.enter_context(self.onlookers.folder())
                speech = folders.enter_context(self.hearing.folder(words=False))
                report = self._look(file, looks=looks, speech=speech, after=first.get(file))
                self._add(seen, file, report)
                scene = scene_of(
                    report,
                    file.modality,
                    texts=dict(request.texts),
                    on_screen=None
                    if report.ocr_incomplete
                    else "\n".join(text.text for text in report.texts),
                    transcript=None,
                )
                scenes.append((file, scene))
                local = self.onlookers.run_local(scene)
                who = self.onlookers.match_faces(scene, tenant=request.tenant, faces=report.findings)
                people.append(who)
                heard = self.hearing.match_voices(report, tenant=request.tenant)
                seen.further(
                    file,
                    (*local.findings, *who.findings, *heard.findings),
                    (*local.cells, *who.cells, *map(_names_unheard, heard.cells)),
                )
            consents = covering_consents(people)
            judged = self._verdict(files, request, seen, consents, whole=True)
            # Whatever is asked of a server is asked when everybody here has finished with every file.
            before = len(seen.cells)
            for file, scene in scenes:
                asked = self.onlookers.run_remote(scene, judged.verdict, judged.findings)
                seen.further(file, asked.findings, asked.cells)
            if len(seen.cells) == before:
                return judged
            return self._verdict(files, request, seen, consents, whole=True)

    def _add(self, seen: _Seen, file: ReferenceInput, report: ScanReport) -> None:
        listed = self.known.match(file.path, file.sha256, report, file.modality, source=file.field)
        seen.add(file, report, screen_ocr_text(report, self.pipeline), listed)

    def _verdict(
        self,
        files: Sequence[ReferenceInput],
        request: _Request,
        seen: _Seen,
        consents: tuple[str, ...] = (),
        *,
        whole: bool = False,
    ) -> StageResult:
        return self.judge.evaluate(
            Stage.REFERENCE,
            tenant=request.tenant,
            findings=(*request.prior, *seen.findings),
            cells=seen.cells,
            modalities=frozenset(seen.modalities),
            subject_sha256=_together(files),
            audience=request.audience,
            settled=request.settled,
            overturned=request.overturned,
            consents=consents,
            failure=next((report.failure for report in seen.reports.values() if report.failure), ""),
            extra={"references": [self._facts(file, report, whole) for file, report in seen.reports.items()]},
        )

    def _look(
        self,
        file: ReferenceInput,
        *,
        looks: Path | None = None,
        speech: Path | None = None,
        quick: bool = False,
        after: ScanReport | None = None,
    ) -> ScanReport:
        try:
            if file.is_picture:
                return self.scanner.scan_picture(
                    file.path, field=file.field, quick=quick, looks=looks, after=after
                )
            report = self.scanner.scan_video(file.path, field=file.field, looks=looks, speech=speech)
            if report.facts is not None:
                reject_extra_tracks(report.facts)
            return report
        except (InvalidMedia, TooLarge) as error:
            raise type(error)(error.message, param=file.field, remedy=error.remedy) from error

    def _facts(self, file: ReferenceInput, report: ScanReport, whole: bool) -> dict[str, Any]:
        """What goes on the record of one reference: what it is, and what it says of itself."""
        told = {name: value for name, value in summary(report).items() if value}
        if report.picture is not None:
            told["picture"] = msgspec.to_builtins(report.picture)
        if whole:
            told["origin"] = dict(self.origin(file.path))
        return {"field": file.field, "sha256": file.sha256, **told}


@dataclass(frozen=True, kw_only=True)
class MetadataStripper:
    """What of a reference a generator is given: the picture, and not where it was taken or by what."""

    sandbox: Sandbox

    def bare(self, file: Path, media_type: str, into: Path) -> Path:
        """A copy of a picture without what it says of itself; a clip, or a GIF, as it is.

        The pixels are the same, and a turned picture stays turned. Raises `InvalidMedia`, `ChildFailed`.
        """
        if media_type not in _SAYING:
            return file
        self.sandbox.run(
            EntryPoint.of(copy_without_metadata),
            {"source": str(file.absolute()), "into": str(into.absolute())},
            reads=[file],
            writes=[into],
            limits=_BARE_LIMITS,
        )
        return into


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What the references go with."""

    tenant: str
    texts: Mapping[str, str]
    prior: tuple[Finding, ...]
    settled: tuple[Finding, ...]
    overturned: tuple[Finding, ...]
    audience: Audience


@dataclass(kw_only=True)
class _Seen:
    """What was seen in all files so far."""

    findings: list[Finding] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    modalities: set[Modality] = field(default_factory=set)
    reports: dict[ReferenceInput, ScanReport] = field(default_factory=dict)

    def add(self, file: ReferenceInput, report: ScanReport, read: OcrResult, listed: HashMatchResult) -> None:
        self.reports[file] = report
        self.modalities.add(file.modality)
        if read.present:
            self.modalities.add(Modality.TEXT)
        self.findings += [*listed.findings, *report.findings, *read.findings]
        self.cells += [*listed.cells, *report.coverage, *read.cells]

    def further(self, file: ReferenceInput, findings: Iterable[Finding], cells: Iterable[Cell]) -> None:
        self.findings += [
            msgspec.structs.replace(one, attributes={**one.attributes, "source": file.field})
            for one in findings
        ]
        self.cells += cells


def _names_unheard(cell: Cell) -> Cell:
    note = f"{cell.note} Voices were compared; names in the words of a reference are not looked for."
    return msgspec.structs.replace(cell, complete=False, note=note.lstrip()) if cell.ran else cell


def _together(files: Iterable[ReferenceInput]) -> str:
    """The hash a verdict on several files is bound to: of their hashes, in order."""
    return hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest()
