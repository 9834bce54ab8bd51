"""The reference stage: scans the images and clips of a request in a sandboxed child."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.core.fileio import sha256_file
from safelight.detectors.likeness.matching import (
    all_given_on_camera,
    covering_consents,
    mark_consented,
    merge_shortfalls,
)
from safelight.detectors.text.pipeline import TextPipeline
from safelight.media.metadata import copy_without_metadata
from safelight.media.probe import detect_container
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.media.signatures import detect_image
from safelight.policy.findings import Cell, Coverage, Finding, Modality, Stage
from safelight.policy.verdicts import Action

from .evaluation import ScreeningContext, StageInput, StageResult, evaluate
from .file_tags import screen_tags
from .known_content import NO_HASH_LISTS, HashMatchResult, KnownContent
from .ocr import screen_ocr_text
from .output import summary
from .scanning.report import ScanReport
from .scanning.service import Scanner
from .scanning.tasks import OutputDirs
from .scene_detection import SceneDetection, scene_of
from .unscanned import mark_unscanned, reject_extra_tracks, unscanned_modalities

#: Image types from which metadata, or what follows the image, can be stripped.
_STRIPPABLE = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_STRIP_LIMITS = Limits(wall_s=30.0, cpu_s=30, memory_bytes=1 << 30)
_NO_OUTPUTS = OutputDirs()
_CLIP_TYPES = {"mov": "video/mp4", "matroska": "video/x-matroska", "avi": "video/x-msvideo"}


@dataclass(frozen=True, kw_only=True)
class ReferenceInput:
    """A reference as a local file. Its media type comes from its first bytes, not from the client."""

    path: Path
    field: str
    media_type: str
    sha256: str

    @classmethod
    def of(cls, path: Path, field: str) -> ReferenceInput:
        """A reference with the media type that its first bytes show. Raises `InvalidMedia`."""
        return cls(path=path, field=field, media_type=media_type(path, field), sha256=sha256_file(path))

    @property
    def is_picture(self) -> bool:
        return self.media_type.startswith("image/")

    @property
    def modality(self) -> Modality:
        return Modality.IMAGE if self.is_picture else Modality.FRAMES


def media_type(path: Path, field: str) -> str:
    """The media type by the first bytes of a file. Raises `InvalidMedia` for any other file."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise InvalidMedia(f"The file in {field!r} is empty.", param=field, remedy="Send it again.")
    if image := detect_image(head):
        return image
    container = detect_container(head)
    if container == "matroska" and b"webm" in head:
        return "video/webm"
    if container == "mov" and head[4:12] == b"ftypqt  ":
        return "video/quicktime"
    if container is not None:
        return _CLIP_TYPES[container]
    raise InvalidMedia(
        f"The file in {field!r} is not a PNG, JPEG, GIF, WebP, MP4, MOV, WebM, MKV or AVI file.",
        param=field,
        remedy="Send a file of one of these types. Its content counts, not its name.",
    )


@dataclass(frozen=True, kw_only=True)
class ReferenceStage:
    scanner: Scanner
    pipeline: TextPipeline
    scene_detection: SceneDetection = field(default_factory=SceneDetection)
    known_content: KnownContent = NO_HASH_LISTS
    #: Reads the provenance claims of a file in a sandboxed child, for the stage record.
    provenance_claims: Callable[[Path], Mapping[str, Any]] = lambda _path: {}

    @property
    def compares_faces(self) -> bool:
        return self.scene_detection.likeness is not None

    def estimate_scan_s(self, clip: ReferenceInput) -> float:
        """The time that a scan of a clip probably takes, in seconds. Raises the errors of `screen`."""
        try:
            return self.scanner.estimate_scan_s(self.scanner.probe(clip.path))
        except (InvalidMedia, TooLarge) as error:
            raise _of_field(error, clip) from error

    def screen(
        self,
        files: Sequence[ReferenceInput],
        context: ScreeningContext,
        *,
        cancel: threading.Event | None = None,
    ) -> StageResult:
        """Scan all references, and evaluate them together with the texts of the request.

        Images are scanned without the slow detectors first. They are scanned again with all detectors, unless
        the first scan already blocks them. Raises `InvalidMedia` or `TooLarge`, with the field, if a file
        cannot be opened or is not accepted, and `SandboxFailed` after `cancel` was set.
        """
        first: dict[ReferenceInput, ScanReport] = {}
        lists = self.known_content.lists_for_frames()
        # With face recognition, only the full scan shows whether a consent covers a face.
        if files and all(file.is_picture for file in files) and self.scene_detection.likeness is None:
            # OCR and large inputs take most of the time, so a block without them is returned sooner.
            first = {file: self._scan(file, quick=True, cancel=cancel) for file in files}
            results = _FileResults(hash_lists=lists)
            for file, report in first.items():
                self._add(results, file, report)
            quick = self._evaluate(files, context, results)
            verdict = quick.verdict
            # Text in a sexual image can show that the image must be vaulted, so such an image gets the full
            # scan.
            if verdict.action is Action.BLOCK and verdict.findings and not verdict.quarantine:
                return quick
        return self._screen_fully(files, context, first, lists, cancel)

    def _screen_fully(
        self,
        files: Sequence[ReferenceInput],
        context: ScreeningContext,
        first: Mapping[ReferenceInput, ScanReport],
        hash_lists: frozenset[str],
        cancel: threading.Event | None,
    ) -> StageResult:
        results, scenes, people = _FileResults(hash_lists=hash_lists), [], []
        tenant = context.policy.tenant
        with ExitStack() as folders:
            for file in files:
                keyframes = folders.enter_context(self.scene_detection.folder())
                report = self._scan(
                    file,
                    outputs=OutputDirs(keyframes=keyframes),
                    after=first.get(file),
                    cancel=cancel,
                )
                self._add(results, file, report)
                scene = scene_of(
                    report,
                    file.modality,
                    texts=dict(context.texts),
                    on_screen=None
                    if report.ocr_incomplete
                    else "\n".join(text.text for text in report.texts),
                    transcript=None,
                )
                scenes.append((file, scene))
                local = self.scene_detection.run_local(scene)
                faces = self.scene_detection.match_faces(
                    scene, tenant=tenant, faces=report.findings, requester=context.requester
                )
                people.append(faces)
                results.extend(
                    file,
                    (*local.findings, *faces.findings),
                    (*local.cells, *faces.cells),
                )
            consents = covering_consents(people)
            results.consented = all_given_on_camera(people)
            results.shortfalls = merge_shortfalls(people)
            result = self._evaluate(files, context, results, consents, full=True)

            def ask_text_guards(not_sent: str) -> None:
                asked = self.pipeline.withholding(not_sent) if not_sent else self.pipeline
                for file, report in results.reports.items():
                    results.add_texts(file, report, asked)

            # Remote detectors run last, because the verdict on the local findings decides whether they may
            # get the files and their texts.
            answers = self.scene_detection.run_remote(
                [scene for _file, scene in scenes],
                result.verdict,
                result.findings,
                ask_text_guards if self.pipeline.has_remote else None,
            )
            for (file, _scene), remote in zip(scenes, answers, strict=True):
                results.extend(file, remote.findings, remote.cells)
            if not any(answers) and not self.pipeline.has_remote:
                return result
            return self._evaluate(files, context, results, consents, full=True)

    def _add(self, results: _FileResults, file: ReferenceInput, report: ScanReport) -> None:
        matches = self.known_content.match(
            file.path, file.sha256, report, file.modality, known=results.hash_lists, source=file.field
        )
        results.add(file, report, matches)
        results.add_texts(file, report, self.pipeline.local)

    def _evaluate(
        self,
        files: Sequence[ReferenceInput],
        context: ScreeningContext,
        results: _FileResults,
        consents: tuple[str, ...] = (),
        *,
        full: bool = False,
    ) -> StageResult:
        reports = results.reports
        return evaluate(
            context.policy,
            StageInput(
                stage=Stage.REFERENCE,
                subject_sha256=_combined_sha256(files),
                findings=(*context.prior, *results.all_findings),
                coverage=results.all_cells,
                modalities=frozenset(results.modalities),
                audience=context.audience,
                approved=context.approved,
                overturned=context.overturned,
                consents=consents,
                details={
                    "references": [self._facts(file, report, full) for file, report in reports.items()],
                    **({"uncovered": results.shortfalls} if results.shortfalls else {}),
                },
                scan_error=next((report.failure for report in reports.values() if report.failure), ""),
            ),
        )

    def _scan(
        self,
        file: ReferenceInput,
        *,
        outputs: OutputDirs = _NO_OUTPUTS,
        quick: bool = False,
        after: ScanReport | None = None,
        cancel: threading.Event | None = None,
    ) -> ScanReport:
        try:
            if file.is_picture:
                return self.scanner.scan_image(
                    file.path,
                    field=file.field,
                    quick=quick,
                    keyframes=outputs.keyframes,
                    after=after,
                    cancel=cancel,
                )
            report = self.scanner.scan_video(file.path, field=file.field, outputs=outputs, cancel=cancel)
            if report.media is not None:
                reject_extra_tracks(report.media)
            return report
        except (InvalidMedia, TooLarge) as error:
            raise _of_field(error, file) from error

    def _facts(self, file: ReferenceInput, report: ScanReport, full: bool) -> dict[str, Any]:
        """Facts about one reference for the stage record. Provenance claims only after a full scan."""
        facts = {name: value for name, value in summary(report).items() if value}
        if report.image is not None:
            facts["picture"] = msgspec.to_builtins(report.image)
        if full:
            facts["origin"] = dict(self.provenance_claims(file.path))
        return {"field": file.field, "sha256": file.sha256, **facts}


@dataclass(frozen=True, kw_only=True)
class MetadataStripper:
    """Strips metadata, such as place and camera, from references before a generator gets them."""

    sandbox: Sandbox

    def strip(self, file: Path, media_type: str, into: Path) -> Path:
        """Write a copy of an image without its metadata and what follows it. A clip is returned unchanged.

        Pixels and orientation stay the same. Raises `InvalidMedia` or `SandboxFailed`.
        """
        if media_type not in _STRIPPABLE:
            return file
        self.sandbox.run(
            EntryPoint.of(copy_without_metadata),
            {"source": str(file.absolute()), "into": str(into.absolute())},
            reads=[file],
            writes=[into],
            limits=_STRIP_LIMITS,
        )
        return into


@dataclass(kw_only=True)
class _FileResults:
    """Findings and coverage of the files that were scanned so far."""

    #: The hash lists with which frames were to be compared when the scans began.
    hash_lists: frozenset[str]
    findings: list[Finding] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    modalities: set[Modality] = field(default_factory=set)
    reports: dict[ReferenceInput, ScanReport] = field(default_factory=dict)
    #: Findings and coverage of the texts in each file.
    texts: dict[ReferenceInput, tuple[tuple[Finding, ...], Coverage]] = field(default_factory=dict)
    #: Whether every person shown gave a consent before the camera.
    consented: bool = False
    #: Why consents on camera do not cover the request, by record.
    shortfalls: dict[str, str] = field(default_factory=dict)

    def add(self, file: ReferenceInput, report: ScanReport, matches: HashMatchResult) -> None:
        self.reports[file] = report
        self.modalities |= {file.modality} | unscanned_modalities(report.media)
        self.findings += [*matches.findings, *report.findings]
        self.cells += mark_unscanned(Coverage(cells=(*matches.cells, *report.coverage)), report.media)

    def add_texts(self, file: ReferenceInput, report: ScanReport, pipeline: TextPipeline) -> None:
        """Screen the texts of a file; results of an earlier call for this file are replaced."""
        ocr, tags = screen_ocr_text(report, pipeline), screen_tags(report, pipeline)
        if ocr.present or report.tags:
            self.modalities.add(Modality.TEXT)
        cells = mark_unscanned(Coverage(cells=(*ocr.cells, *tags.cells)), report.media)
        self.texts[file] = ((*ocr.findings, *_with_source(tags.findings, file)), cells)

    def extend(self, file: ReferenceInput, findings: Iterable[Finding], cells: Iterable[Cell]) -> None:
        self.findings += _with_source(findings, file)
        self.cells += cells

    @property
    def all_findings(self) -> list[Finding]:
        found = [*self.findings, *(one for findings, _cells in self.texts.values() for one in findings)]
        return mark_consented(found) if self.consented else found

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        return (*self.cells, *(cell for _findings, cells in self.texts.values() for cell in cells))


def _with_source(findings: Iterable[Finding], file: ReferenceInput) -> list[Finding]:
    return [
        msgspec.structs.replace(one, attributes={**one.attributes, "source": file.field}) for one in findings
    ]


def _of_field(error: InvalidMedia | TooLarge, file: ReferenceInput) -> InvalidMedia | TooLarge:
    return type(error)(error.message, param=file.field, remedy=error.remedy)


def _combined_sha256(files: Iterable[ReferenceInput]) -> str:
    """The combined hash of several files, for their verdict: the hash of their hashes, in order."""
    return hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest()
