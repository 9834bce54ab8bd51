"""Pictures, sound and transcript of a case, as the review page offers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from safelight.jobs.models import StageRecord, VideoRecord
from safelight.jobs.transcripts import SpokenLine, Transcript
from safelight.policy.findings import Stage

from .case_media import CaseFiles, MediaFile
from .formatting import format_decimal, translate_category
from .highlights import TextSegment, split_highlights
from .sound_excerpt import MAX_PART_S, SoundPart, list_parts
from .translations import Translations
from .video_timeline import scan_seconds


@dataclass(frozen=True, kw_only=True)
class CaseMediaView:
    #: Number and name of each file.
    files: tuple[tuple[int, str], ...]
    #: How many files the reviewer may not see; empty if none.
    files_note: str
    #: Form value and name of each part of the sound.
    sound: tuple[tuple[str, str], ...]
    #: Why the page offers no sound of the video, or none of its words.
    sound_note: str
    transcript: tuple[tuple[str, tuple[TextSegment, ...]], ...]
    transcript_note: str


@dataclass(frozen=True, kw_only=True)
class CaseMediaContent:
    """What is stored of a case, as far as the reviewer may see it."""

    files: CaseFiles = field(default_factory=CaseFiles)
    transcript: Transcript | None = None
    #: Only the vault officer may see the transcript.
    is_restricted: bool = False
    #: The reviewer sees no evidence, and neither transcript nor note about it.
    is_blind: bool = False


def case_media_view(content: CaseMediaContent, record: VideoRecord, t: Translations) -> CaseMediaView:
    scan = next((one for one in reversed(record.stages) if one.stage is Stage.OUTPUT), None)
    if scan is not None and not scan.details.get("facts"):
        scan = None
    # Which videos have a transcript depends on their verdict, which a blind reviewer must not know.
    transcript = None if content.is_blind else content.transcript
    lines = () if transcript is None else transcript.lines
    return CaseMediaView(
        files=tuple((file.number, _name(file.number, t)) for file in content.files.shown),
        files_note=t("review.files_withheld", n=content.files.withheld) if content.files.withheld else "",
        sound=tuple(part for file in content.files.shown for part in _parts(file, scan, content, t)),
        sound_note="" if scan is None or _has_sound(scan) else t("record.no_sound"),
        transcript=tuple(_line(line, t) for line in lines),
        transcript_note="" if content.is_blind else _transcript_note(content, scan, t),
    )


def _name(number: int, t: Translations) -> str:
    return t("review.reference", n=number) if number else t("review.video")


def _parts(
    file: MediaFile, scan: StageRecord | None, content: CaseMediaContent, t: Translations
) -> list[tuple[str, str]]:
    """The parts of the sound of one file. Without a scan of it, its length is not known here."""
    if not file.is_clip or (file.number == 0 and scan is not None and not _has_sound(scan)):
        return []
    parts: Sequence[SoundPart] = (SoundPart(start_s=0.0, end_s=MAX_PART_S),)
    if file.number == 0 and scan is not None:
        parts = list_parts(() if content.is_blind else scan.findings, scan_seconds(scan))
    return [
        (
            f"{file.number} {part.start_s:g} {part.end_s:g}",
            t(
                "review.sound_part",
                name=translate_category(part.category, t) if part.category else _name(file.number, t),
                times=_times(part.start_s, part.end_s, t),
            ),
        )
        for part in parts
    ]


def _line(line: SpokenLine, t: Translations) -> tuple[str, tuple[TextSegment, ...]]:
    return _times(line.start_s, line.end_s, t), split_highlights(line.text, line.marks)


def _times(start_s: float, end_s: float, t: Translations) -> str:
    return t("record.at", start=format_decimal(start_s), end=format_decimal(end_s))


def _transcript_note(content: CaseMediaContent, scan: StageRecord | None, t: Translations) -> str:
    if content.is_restricted:
        return t("review.transcript_restricted")
    if content.transcript is not None and content.transcript.is_cut:
        return t("review.transcript_cut")
    if scan is None or not _has_sound(scan) or (content.transcript and content.transcript.lines):
        return ""
    sound = scan.details["sound"]
    if sound.get("speech") == []:
        return t("record.no_speech")
    if not sound.get("transcribed"):
        return t("review.not_transcribed")
    return t("review.transcript_not_stored" if content.transcript is None else "review.transcript_empty")


def _has_sound(scan: StageRecord) -> bool:
    return bool(scan.details["facts"].get("audio_codec")) and scan.details.get("sound") is not None
