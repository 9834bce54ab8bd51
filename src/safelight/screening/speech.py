"""Screens the transcript of a clip. If it cannot, a coverage gap is recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from safelight.detectors.protocol import MediaText, Transcriber, TranscriptionFailed
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Category, Cell, Finding, suggests_sexual_minors

from .scanning.audio_report import AudioReport, to_clip_time
from .scanning.report import ScanReport

#: If this many seconds of speech have no transcript, there is a coverage gap. Less can be music that was
#: detected as speech.
_MIN_SPEECH_WITH_TEXT_S = 3.0
_UNCOMPARED = "Spoken names are checked; voices are not compared."


class _Heard(NamedTuple):
    """The transcript, and why it is missing or incomplete; the reason is empty if it is complete."""

    lines: tuple[MediaText, ...] | None
    gap: str = ""
    #: False if the words exist for no detector, so that a waiver excuses the gap.
    available: bool = True


@dataclass(frozen=True, kw_only=True)
class SpeechResult:
    """Findings in the transcript of a scan."""

    #: Findings in the transcript.
    findings: tuple[Finding, ...] = ()
    #: Coverage of the sound. It is incomplete if the transcript may miss speech.
    cells: tuple[Cell, ...] = ()
    #: The transcript, as lines with their times. None if the speech was not transcribed.
    transcript: tuple[MediaText, ...] | None = None
    heard: _Heard | None = None


@dataclass(frozen=True, kw_only=True)
class SpeechAnalyzer:
    """Transcribes speech, unless the scan child has done it already."""

    transcriber: Transcriber | None = None
    scratch: Callable[[], Path] | None = None

    @contextmanager
    def folder(self) -> Iterator[Path | None]:
        """A temporary folder for audio files of speech. None if no component needs them."""
        if self.transcriber is None:
            yield None
            return
        beside = self.scratch() if self.scratch is not None else None
        with tempfile.TemporaryDirectory(prefix="speech-", dir=beside) as folder:
            yield Path(folder)

    def analyze(
        self,
        report: ScanReport,
        pipeline: TextPipeline,
        *,
        known: Iterable[Finding] = (),
        before: SpeechResult | None = None,
    ) -> SpeechResult:
        """Screen the transcript of a scan. Its speech files must still exist.

        `known` has the other findings of the clip. If they suggest child abuse, no speech is sent to a
        server. The transcript of `before` is used again.
        """
        spoken = self._screen_transcript(report, pipeline, known, before.heard if before else None)
        return replace(spoken, cells=tuple(map(_names_only, spoken.cells)))

    def _screen_transcript(
        self, report: ScanReport, pipeline: TextPipeline, known: Iterable[Finding], heard: _Heard | None
    ) -> SpeechResult:
        if report.failure:
            return SpeechResult(cells=_incomplete(pipeline, report.failure))
        if report.audio is None and report.transcript is not None:
            screened = pipeline.screen_media_text(report.transcript, "transcript")
            return SpeechResult(
                findings=screened.findings, cells=screened.cells, transcript=report.transcript
            )
        if not report.has_audio or report.audio is None:
            return SpeechResult()
        heard = heard or self._lines(report, report.audio, known)
        lines, gap, available = heard
        screened = pipeline.screen_media_text(lines or (), "transcript")
        cells = screened.cells
        if gap:
            ran = lines is not None
            cells = tuple(_untranscribed_cell(cell, gap, available=available, ran=ran) for cell in cells)
        return SpeechResult(findings=screened.findings, cells=cells, transcript=lines, heard=heard)

    def _lines(self, report: ScanReport, sound: AudioReport, known: Iterable[Finding]) -> _Heard:
        if sound.has_no_speech:
            return _Heard(())
        lines: tuple[MediaText, ...] | None = report.transcript
        broken = [run.note for run in report.runs if run.transcribes and not run.complete]
        gap = broken[0] if broken else ""
        if self.transcriber is not None:
            if suggests_sexual_minors(known):
                gap = "Speech was not sent to the transcription server."
            else:
                try:
                    lines = (*(lines or ()), *self._transcribed(self.transcriber, sound))
                except TranscriptionFailed as error:
                    gap = str(error)
                except Exception as error:
                    gap = f"{self.transcriber.name} failed: {type(error).__name__}: {error}".rstrip(": ")[
                        :300
                    ]
        elif lines is None and not broken:
            return _Heard(None, _untranscribed(sound), available=False)
        if gap:
            return _Heard(lines, gap)
        spoken_s = sound.speech_s
        if self.transcriber is None and sound.unreadable:
            return _Heard(lines, _unreadable(sound), available=False)
        if not lines and spoken_s is not None and spoken_s >= _MIN_SPEECH_WITH_TEXT_S:
            gap = f"The transcript is empty, although {spoken_s:.1f} s of speech were detected."
            return _Heard(lines, gap, available=self.transcriber is not None)
        return _Heard(lines)

    def _transcribed(self, transcriber: Transcriber, sound: AudioReport) -> list[MediaText]:
        found: list[MediaText] = []
        for file in sound.files:
            found += to_clip_time(transcriber.transcribe(Path(file.path)), file.spans)
        return found


def _unreadable(sound: AudioReport) -> str:
    first, last = sound.unreadable[0].start_s, sound.unreadable[-1].end_s
    seconds = sum(span.end_s - span.start_s for span in sound.unreadable)
    return (
        f"{seconds:.1f} s of speech between {first:.1f} and {last:.1f} s could not be transcribed reliably:"
        " its words are not checked."
    )


def _untranscribed(sound: AudioReport) -> str:
    if sound.speech is None:
        unknown = "It is unknown whether the sound contains speech, and no transcriber is configured."
        return f"{unknown} {sound.no_vad_reason}".rstrip()
    first, last = sound.speech[0].start_s, sound.speech[-1].end_s
    return (
        f"Speech present, not transcribed: {sound.speech_s:.1f} s between {first:.1f} and {last:.1f} s,"
        " and no transcriber is configured."
    )


def _incomplete(pipeline: TextPipeline, note: str) -> tuple[Cell, ...]:
    return tuple(
        _untranscribed_cell(cell, note, available=True, ran=False)
        for cell in pipeline.screen_media_text((), "transcript").cells
    )


def _untranscribed_cell(cell: Cell, note: str, *, available: bool, ran: bool) -> Cell:
    # Without a transcriber no text is available, so the status is that of a detector that is not installed.
    return msgspec.structs.replace(cell, available=available, ran=ran and cell.ran, complete=False, note=note)


def _names_only(cell: Cell) -> Cell:
    if cell.category != Category.LIKENESS:
        return cell
    return msgspec.structs.replace(cell, complete=False, note=f"{cell.note} {_UNCOMPARED}".lstrip())
