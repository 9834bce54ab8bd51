"""The output stage: scans every frame and the sound of a generated clip before the clip is delivered."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.progress import ProgressSink
from safelight.detectors.likeness.matching import mark_consented, merge_shortfalls
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.cross_modal import mark_disagreements
from safelight.policy.findings import Cell, Coverage, Finding, Modality, Stage

from .bare_threats import find_bare_threats, named_people, without_lines_of_scenes
from .cross_modal import CrossModalResult, screen_joined_text
from .evaluation import ScreeningContext, StageInput, StageResult, evaluate
from .file_tags import TagResult, screen_tags
from .known_content import NO_HASH_LISTS, NO_MATCH, HashMatchResult, KnownContent
from .ocr import OcrResult, mark_unread, screen_ocr_text
from .requested_text import added_text
from .scanning.report import ScanReport
from .scanning.service import Scanner
from .scanning.tasks import OutputDirs
from .scene_detection import NO_SCENES, SceneDetection, SceneResult, scene_of
from .speech import SpeechAnalyzer, SpeechResult
from .text_parts import NEGATED_FIELDS, parts_of
from .unscanned import mark_unscanned, reject_extra_tracks, unscanned_modalities


@dataclass(frozen=True, kw_only=True)
class OutputStage:
    scanner: Scanner
    pipeline: TextPipeline
    scene_detection: SceneDetection = field(default_factory=SceneDetection)
    speech_analyzer: SpeechAnalyzer = field(default_factory=SpeechAnalyzer)
    known_content: KnownContent = NO_HASH_LISTS

    def scan(
        self,
        path: Path,
        context: ScreeningContext,
        *,
        subject_sha256: str,
        progress: ProgressSink | None = None,
        previews: Path | None = None,
        accepts_extra_tracks: bool = False,
        cancel: threading.Event | None = None,
    ) -> tuple[StageResult, ScanReport]:
        """Scan a clip and evaluate the policy. Returns the result and the scan report.

        `subject_sha256` is the hash of the file. Preview images are written to the folder `previews`. Raises
        `InvalidMedia` if the file is not a complete video. Tracks besides one of picture and one of sound
        raise it too, because such a file is delivered, unless `accepts_extra_tracks`: they are then gaps.
        Raises `SandboxFailed` if `cancel` is set.
        """
        known = self.known_content.lists_for_frames()
        with self.scene_detection.folder() as keyframes, self.speech_analyzer.folder() as speech:
            report = self.scanner.scan_video(
                path,
                outputs=OutputDirs(previews=previews, keyframes=keyframes, speech=speech),
                progress=progress,
                cancel=cancel,
            )
            if report.media is not None and not accepts_extra_tracks:
                reject_extra_tracks(report.media)
            hash_matches = self.known_content.match(
                path, subject_sha256, report, Modality.FRAMES, known=known
            )
            return self.evaluate_report(
                report, context, subject_sha256=subject_sha256, hash_matches=hash_matches
            )

    def evaluate_report(
        self,
        report: ScanReport,
        context: ScreeningContext,
        *,
        subject_sha256: str,
        hash_matches: HashMatchResult = NO_MATCH,
    ) -> tuple[StageResult, ScanReport]:
        """Evaluate the policy on a scan report. Returns the result, and the report with the transcript.

        The keyframes and speech files that `report` names must still exist.
        """
        texts, prior, tenant = context.texts, context.prior, context.policy.tenant
        wanted = {name: text for name, text in texts.items() if name not in NEGATED_FIELDS}
        expected = (*wanted.values(), *context.generator_texts)
        on_screen = added_text(report.texts, expected)
        scene_input = scene_of(
            report,
            Modality.FRAMES,
            texts=dict(texts),
            on_screen=None if report.ocr_incomplete else "\n".join(text.text for text in report.texts),
            transcript=None,
        )
        local = self.scene_detection.run_local(scene_input)

        def read_texts(pipeline: TextPipeline, before: SpeechResult | None = None) -> _ReadTexts:
            ocr = screen_ocr_text(msgspec.structs.replace(report, texts=on_screen), pipeline)
            speech = self.speech_analyzer.analyze(
                report,
                pipeline,
                known=(*hash_matches.findings, *report.findings, *ocr.findings, *local.findings, *prior),
                before=before,
            )
            tags = screen_tags(report, pipeline)
            joined = screen_joined_text(
                parts_of(wanted, on_screen, added_text(speech.transcript or (), expected)),
                pipeline,
                (*ocr.findings, *speech.findings, *prior),
            )
            return _ReadTexts(ocr=ocr, speech=speech, tags=tags, joined=joined)

        # The guards of texts are asked later, because all local findings decide whether they may be.
        read = read_texts(self.pipeline.local)
        speech = read.speech
        report = msgspec.structs.replace(report, transcript=speech.transcript)
        threats = find_bare_threats(
            added_text(report.texts, context.generator_texts),
            added_text(report.transcript or (), context.generator_texts),
            wanted,
            clip_s=report.media.duration_s if report.media is not None else 0.0,
            people=named_people((*read.ocr.findings, *speech.findings, *prior)),
        )
        modalities = {Modality.FRAMES}
        if read.ocr.present or report.tags:
            modalities.add(Modality.TEXT)
        if report.has_audio or report.failure:
            modalities.add(Modality.AUDIO)
        modalities |= unscanned_modalities(report.media)
        if report.transcript is not None:
            heard = "\n".join(text.text for text in report.transcript)
            scene_input = replace(scene_input, transcript=heard)
        faces = self.scene_detection.match_faces(
            scene_input, tenant=tenant, faces=report.findings, requester=context.requester
        )
        findings = [
            *hash_matches.findings,
            *report.findings,
            *threats,
            *local.findings,
            *(mark_consented(faces.findings) if faces.all_on_camera else faces.findings),
        ]
        cells = [
            *hash_matches.cells,
            *report.coverage,
            *local.cells,
            *faces.cells,
        ]

        uncovered = merge_shortfalls((faces,))

        def evaluate_with(read: _ReadTexts, remote: SceneResult = NO_SCENES) -> StageResult:
            coverage = mark_unscanned(
                Coverage().merge([*cells, *read.cells(report), *remote.cells]), report.media
            )
            marked = mark_disagreements(
                (*findings, *without_lines_of_scenes(read.findings, wanted), *remote.findings),
                coverage,
                beside=prior,
                asked=bool(texts),
                read=not report.ocr_incomplete,
            )
            return evaluate(
                context.policy,
                StageInput(
                    stage=Stage.OUTPUT,
                    subject_sha256=subject_sha256,
                    findings=(*marked, *prior),
                    coverage=coverage.cells,
                    modalities=frozenset(modalities),
                    audience=context.audience,
                    approved=context.approved,
                    overturned=context.overturned,
                    consents=faces.consents,
                    details={
                        **summary(report),
                        **({"uncovered": uncovered} if uncovered else {}),
                    },
                    scan_error=report.failure,
                ),
            )

        first = evaluate_with(read)

        def ask_text_guards(not_sent: str) -> None:
            nonlocal read
            asked = self.pipeline.withholding(not_sent) if not_sent else self.pipeline
            read = read_texts(asked, speech)

        # Remote detectors run last, because the verdict on the local findings decides whether they may get
        # the frames and texts.
        (remote,) = self.scene_detection.run_remote(
            (scene_input,),
            first.verdict,
            first.findings,
            ask_text_guards if self.pipeline.has_remote else None,
        )
        asked_any = remote or self.pipeline.has_remote
        return (evaluate_with(read, remote) if asked_any else first), report


@dataclass(frozen=True, kw_only=True)
class _ReadTexts:
    """The results of the text detectors on all texts of a clip."""

    ocr: OcrResult
    speech: SpeechResult
    tags: TagResult
    joined: CrossModalResult

    @property
    def findings(self) -> tuple[Finding, ...]:
        parts = (self.ocr, self.speech, self.tags, self.joined)
        return tuple(finding for part in parts for finding in part.findings)

    def cells(self, report: ScanReport) -> tuple[Cell, ...]:
        joined = mark_unread(self.joined.cells, report)
        return (*self.ocr.cells, *self.tags.cells, *joined, *self.speech.cells)


def sound_summary(report: ScanReport) -> dict[str, Any] | None:
    """Facts about the sound, such as loudness and times of speech, without the transcript."""
    if report.audio is None:
        return None
    return {
        "facts": report.audio.info,
        "speech": report.audio.speech,
        "speech_s": report.audio.speech_s,
        "unheard": report.audio.no_vad_reason,
        "transcribed": report.transcript is not None,
        "longer_than_picture_s": audio_overhang_s(report),
    }


def audio_overhang_s(report: ScanReport) -> float:
    """The number of seconds by which the sound is longer than the picture."""
    if report.audio is None or report.media is None:
        return 0.0
    sound = report.audio.info
    return round(max(sound.start_s + sound.seconds - report.media.duration_s, 0.0), 2)


def summary(report: ScanReport) -> dict[str, Any]:
    """Facts about a scan for the stage record: media facts, detector runs, sampling and cost."""
    facts: dict[str, Any] = msgspec.to_builtins(
        {
            "facts": report.media,
            "runs": report.runs,
            "schedule": report.sampling,
            "sound": sound_summary(report),
            "wall_s": round(report.wall_s, 3),
            "cpu_s": report.cpu_s,
            "failure": report.failure,
        }
    )
    return facts
