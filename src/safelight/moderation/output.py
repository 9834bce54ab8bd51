"""The output stage: every frame and the sound of what a generator made, before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.likeness.matching import MatchResult
from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia
from safelight.media.probe import MediaInfo
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.cross_modal import mark_disagreements
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import FrameProgress, Scanner

from .admission import NEGATED_FIELDS
from .context_rescoring import rescore_in_context
from .cross_modal import screen_joined_text
from .evaluation import PolicyEvaluator, StageResult
from .known_content import NO_HASH_LISTS, NO_MATCH, HashMatchResult, KnownContent
from .ocr import screen_ocr_text
from .scene_detection import SceneDetection, scene_of
from .speech import SpeechAnalyzer
from .text_parts import parts_of


@dataclass(frozen=True, kw_only=True)
class OutputStage:
    judge: PolicyEvaluator
    scanner: Scanner
    pipeline: TextPipeline
    onlookers: SceneDetection = field(default_factory=SceneDetection)
    hearing: SpeechAnalyzer = field(default_factory=SpeechAnalyzer)
    known: KnownContent = NO_HASH_LISTS

    def scan(
        self,
        path: Path,
        *,
        tenant: str,
        subject_sha256: str,
        texts: Mapping[str, str] | None = None,
        prior: tuple[Finding, ...] = (),
        settled: tuple[Finding, ...] = (),
        overturned: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
        progress: Callable[[int], None] | None = None,
        frames: FrameProgress | None = None,
        stills: Path | None = None,
    ) -> tuple[StageResult, ScanReport]:
        """The verdict on a clip, and what the scan saw.

        `texts` is what was asked for, by field, and `prior` its findings: words, picture and sound are judged
        together. Of the findings a person has let the `settled` ones through, so that they hold nothing
        again; an appeal was won against the `overturned` ones. `progress` is told percents, `frames` how many
        of how many; pictures go into the folder `stills`. Raises `InvalidMedia` where the file is no
        video that can be walked to its end, or has tracks that nobody looks into.
        """

        def tell(done: int, total: int) -> None:
            if progress is not None and total:
                progress(100 * done // total)
            if frames is not None:
                frames(done, total)

        with self.onlookers.folder() as looks, self.hearing.folder() as speech:
            report = self.scanner.scan_video(path, stills=stills, looks=looks, speech=speech, progress=tell)
            if report.facts is not None:
                reject_extra_tracks(report.facts)
            return self.judge_report(
                report,
                listed=self.known.match(path, subject_sha256, report, Modality.FRAMES),
                tenant=tenant,
                subject_sha256=subject_sha256,
                texts=texts or {},
                prior=prior,
                settled=settled,
                overturned=overturned,
                audience=audience,
            )

    def judge_report(
        self,
        report: ScanReport,
        *,
        tenant: str,
        subject_sha256: str,
        texts: Mapping[str, str],
        listed: HashMatchResult = NO_MATCH,
        prior: tuple[Finding, ...] = (),
        settled: tuple[Finding, ...] = (),
        overturned: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
    ) -> tuple[StageResult, ScanReport]:
        """The verdict on what a scan saw, while its stills and speech lie where it says; and the scan with
        the words that were heard."""
        read = screen_ocr_text(report, self.pipeline)
        seen = (*listed.findings, *report.findings, *read.findings, *prior)
        heard = self.hearing.analyze(report, self.pipeline, tenant=tenant, seen=seen)
        report = msgspec.structs.replace(report, heard=heard.transcript)
        asked = {name: text for name, text in texts.items() if name not in NEGATED_FIELDS}
        scene = " ".join(asked.values())
        words = [
            *rescore_in_context(read.findings, report.texts, scene, self.pipeline),
            *rescore_in_context(heard.findings, report.heard or (), scene, self.pipeline),
        ]
        joined = screen_joined_text(
            parts_of(asked, report.texts, report.heard or ()), self.pipeline, (*words, *prior)
        )
        modalities = {Modality.FRAMES}
        if read.present:
            modalities.add(Modality.TEXT)
        if report.has_sound or report.failure:
            modalities.add(Modality.AUDIO)
        shown = scene_of(
            report,
            Modality.FRAMES,
            texts=dict(texts),
            on_screen=None if report.ocr_incomplete else "\n".join(text.text for text in report.texts),
            transcript=None if report.heard is None else "\n".join(text.text for text in report.heard),
        )
        local = self.onlookers.run_local(shown)
        who = self.onlookers.match_faces(shown, tenant=tenant, faces=report.findings)
        findings = [
            *listed.findings,
            *report.findings,
            *words,
            *joined.findings,
            *local.findings,
            *who.findings,
            *heard.speakers.findings,
        ]
        cells = [
            *listed.cells,
            *report.coverage,
            *read.cells,
            *joined.cells,
            *heard.cells,
            *local.cells,
            *who.cells,
        ]

        def judge(more: Iterable[Finding], others: Iterable[Cell]) -> StageResult:
            covered = Coverage().merged([*cells, *others])
            seen = mark_disagreements(
                (*findings, *more), covered, beside=prior, asked=bool(texts), read=not report.ocr_incomplete
            )
            return self.judge.evaluate(
                Stage.OUTPUT,
                tenant=tenant,
                findings=(*seen, *prior),
                cells=covered,
                modalities=frozenset(modalities),
                subject_sha256=subject_sha256,
                audience=audience,
                extra={**summary(report), **voice_match_facts(heard.speakers)},
                settled=settled,
                overturned=overturned,
                consents=who.consents,
                failure=report.failure,
            )

        first = judge((), ())
        # Whatever is asked of a server is asked when everybody here has finished.
        further = self.onlookers.run_remote(shown, first.verdict, first.findings)
        return (judge(further.findings, further.cells) if further else first), report


def reject_extra_tracks(facts: MediaInfo) -> None:
    """Raises `InvalidMedia` where a clip has more than picture and sound: nothing unchecked may leave."""
    if facts.unread:
        raise InvalidMedia(
            f"The clip has tracks that nothing here looks into: {', '.join(facts.unread)}.",
            remedy="Send a file with one picture track and at most one sound track.",
        )


def sound_summary(report: ScanReport) -> dict[str, Any] | None:
    """The sound in figures: how loud, and where somebody speaks, without a word of what is said."""
    if report.sound is None:
        return None
    return {
        "facts": report.sound.facts,
        "speech": report.sound.speech,
        "speech_s": report.sound.speech_s,
        "unheard": report.sound.no_vad_reason,
        "transcribed": report.heard is not None,
        "longer_than_picture_s": audio_overhang_s(report),
    }


def voice_match_facts(speakers: MatchResult) -> dict[str, Any]:
    """For the record: with how many people on record the voices were compared, and whose consents cover all
    of them. Empty where nobody's voice was described."""
    if not speakers.people:
        return {}
    return {"voices": {"compared_with": speakers.people, "consents": list(speakers.consents)}}


def audio_overhang_s(report: ScanReport) -> float:
    """By how many seconds the sound outlasts the picture."""
    if report.sound is None or report.facts is None:
        return 0.0
    sound = report.sound.facts
    return round(max(sound.start_s + sound.seconds - report.facts.duration_s, 0.0), 2)


def summary(report: ScanReport) -> dict[str, Any]:
    """What of a scan goes on the record beside findings and coverage: how it was made, and what it cost."""
    told: dict[str, Any] = msgspec.to_builtins(
        {
            "facts": report.facts,
            "runs": report.runs,
            "schedule": report.schedule,
            "sound": sound_summary(report),
            "wall_s": round(report.wall_s, 3),
            "cpu_s": report.cpu_s,
            "failure": report.failure,
        }
    )
    return told
