"""What is said, and by whom: words transcribed and judged as texts, voices compared; a hole where not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from safelight.detectors.likeness.matching import MatchResult
from safelight.detectors.likeness.voices import SpeechPieces, VoiceRecogniser
from safelight.detectors.protocol import MediaText, Transcriber, TranscriptionFailed
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.categories import Category
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, sexual_with_minor
from safelight.scanning.audio_report import AudioReport, to_clip_time
from safelight.scanning.report import ScanReport
from safelight.scanning.voice_segments import voice_segments

#: So much speech is not without a word; less may be music that was taken for a voice.
_WORDLESS_S = 3.0
_UNCOMPARED = "Names that are spoken are looked for; voices were not compared, as {why}."
_OFF, _NOBODY = "no model of voices is configured", "nobody's voice is on record"


@dataclass(frozen=True, kw_only=True)
class SpeechResult:
    """What the text detectors make of the words that a scan heard, and whose voices say them."""

    #: Of the words alone.
    findings: tuple[Finding, ...] = ()
    #: Of the sound; incomplete wherever words may have gone unheard.
    cells: tuple[Cell, ...] = ()
    #: The lines with their times; None where nobody transcribed.
    transcript: tuple[MediaText, ...] | None = None
    speakers: MatchResult = field(default_factory=MatchResult)


@dataclass(frozen=True, kw_only=True)
class SpeechAnalyzer:
    """Who transcribes, if anybody does outside of the scan child, who compares voices, and where speech may
    lie meanwhile."""

    transcriber: Transcriber | None = None
    scratch: Callable[[], Path] | None = None
    #: None: nobody's voice is described.
    voices: VoiceRecogniser | None = None

    @contextmanager
    def folder(self, *, words: bool = True) -> Iterator[Path | None]:
        """A folder for files of speech while it is needed; None where nobody would read them.

        Without `words` nothing is going to be transcribed.
        """
        if self.voices is None and (self.transcriber is None or not words):
            yield None
            return
        beside = self.scratch() if self.scratch is not None else None
        with tempfile.TemporaryDirectory(prefix="speech-", dir=beside) as folder:
            yield Path(folder)

    def analyze(
        self, report: ScanReport, pipeline: TextPipeline, *, tenant: str, seen: Iterable[Finding] = ()
    ) -> SpeechResult:
        """Judge the words and compare the voices of a scan, while its files of speech lie where it says.

        `seen` is what is known of the clip so far: where it may be abuse of a child nothing is sent anywhere.
        """
        words = self._words(report, pipeline, seen)
        speakers = self.match_voices(report, tenant=tenant)
        cells = words.cells
        if speakers.cells:
            names = [cell for cell in cells if cell.category == Category.LIKENESS]
            cells = (*(_beside(one, names) for one in speakers.cells), *cells)
        else:
            cells = tuple(map(self._names_only, cells))
        return replace(words, cells=cells, speakers=speakers)

    def match_voices(self, report: ScanReport, *, tenant: str) -> MatchResult:
        """Whose voices a scan heard, as far as anybody is on record, while its files of speech are there."""
        if self.voices is None or report.failure or not report.has_sound:
            return MatchResult()
        heard = (
            SpeechPieces(note="Voices were not compared: nobody listened.")
            if report.sound is None
            else voice_segments(report.sound, least_s=self.voices.least_s)
        )
        return self.voices.recognise(heard, tenant=tenant)

    def _names_only(self, cell: Cell) -> Cell:
        if cell.category != Category.LIKENESS:
            return cell
        note = _UNCOMPARED.format(why=_OFF if self.voices is None else _NOBODY)
        return msgspec.structs.replace(cell, complete=False, note=f"{cell.note} {note}".lstrip())

    def _words(self, report: ScanReport, pipeline: TextPipeline, seen: Iterable[Finding]) -> SpeechResult:
        if report.failure:
            return SpeechResult(cells=_incomplete(pipeline, report.failure))
        if report.sound is None and report.heard is not None:
            read = pipeline.screen_media_text(report.heard, "transcript")
            return SpeechResult(findings=read.findings, cells=read.cells, transcript=report.heard)
        if not report.has_sound or report.sound is None:
            return SpeechResult()
        lines, hole = self._lines(report, report.sound, seen)
        read = pipeline.screen_media_text(lines or (), "transcript")
        cells = read.cells
        if hole:
            tried = self.transcriber is not None or any(run.transcribes for run in report.runs)
            available = lines is not None or tried
            ran = lines is not None
            cells = tuple(_unheard(cell, hole, available=available, ran=ran) for cell in cells)
        return SpeechResult(findings=read.findings, cells=cells, transcript=lines)

    def _lines(
        self, report: ScanReport, sound: AudioReport, seen: Iterable[Finding]
    ) -> tuple[tuple[MediaText, ...] | None, str]:
        """The transcript, and why it is none or not whole."""
        if sound.speechless:
            return (), ""
        lines: tuple[MediaText, ...] | None = report.heard
        broken = [run.note for run in report.runs if run.transcribes and not run.complete]
        hole = broken[0] if broken else ""
        if self.transcriber is not None:
            if sexual_with_minor(seen):
                hole = "Speech was not sent to the transcription server, because of what else was found."
            else:
                try:
                    lines = (*(lines or ()), *self._transcribed(self.transcriber, sound))
                except TranscriptionFailed as error:
                    hole = str(error)
                except Exception as error:
                    hole = f"{self.transcriber.name} failed: {type(error).__name__}: {error}".rstrip(": ")[
                        :300
                    ]
        elif lines is None and not broken:
            return None, _untranscribed(sound)
        spoken_s = sound.speech_s
        if not hole and not lines and spoken_s is not None and spoken_s >= _WORDLESS_S:
            hole = f"Somebody speaks for {spoken_s:.1f} s, and the transcript has no word."
        return lines, hole

    def _transcribed(self, transcriber: Transcriber, sound: AudioReport) -> list[MediaText]:
        found: list[MediaText] = []
        for file in sound.files:
            found += to_clip_time(transcriber.transcribe(Path(file.path)), file)
        return found


def _untranscribed(sound: AudioReport) -> str:
    if sound.speech is None:
        return f"Whether anybody speaks is not known, and nobody transcribes. {sound.no_vad_reason}".rstrip()
    first, last = sound.speech[0].start_s, sound.speech[-1].end_s
    return (
        f"Speech present, not transcribed: {sound.speech_s:.1f} s of it between {first:.1f} and {last:.1f} s,"
        " and no transcriber is configured."
    )


def _incomplete(pipeline: TextPipeline, note: str) -> tuple[Cell, ...]:
    return tuple(
        _unheard(cell, note, available=True, ran=False)
        for cell in pipeline.screen_media_text((), "transcript").cells
    )


def _unheard(cell: Cell, note: str, *, available: bool, ran: bool) -> Cell:
    # Without a transcriber the words cannot be had at all here, as with a detector that is not installed.
    return msgspec.structs.replace(cell, available=available, ran=ran and cell.ran, complete=False, note=note)


def _beside(voices: Cell, names: Sequence[Cell]) -> Cell:
    """The cell of whoever speaks, beside that of whoever is named, which counts as much."""
    figures = [one.measured for one in (*names, voices) if one.measured]
    return msgspec.structs.replace(
        voices,
        complete=voices.complete and all(one.complete for one in names),
        measured="; ".join(figures) or None,
    )
