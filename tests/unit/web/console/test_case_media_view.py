"""What the page of a case says about the sound and the transcript."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.policy.findings import Coverage, Stage, TimeRange
from safelight.videos.case_rows import CaseKind
from safelight.videos.models import StageRecord, VideoRecord
from safelight.videos.transcripts import SpokenLine, Transcript
from safelight.web.console.case_media import CaseFiles, MediaFile, Shot
from safelight.web.console.review_pages import CaseMediaContent, CaseMediaView, case_media_view
from safelight.web.translations import load_languages
from support.cases import a_case
from support.fake_api_server import a_video, allowed
from support.verdicts import seen

EN = load_languages()["en"]
SOUND: dict[str, Any] = {"facts": {"duration_s": 4.0, "audio_codec": "aac"}, "sound": {"transcribed": True}}
MUTE: dict[str, Any] = {"facts": {"duration_s": 4.0, "audio_codec": None}, "sound": None}
CLIP = MediaFile(sha256="0" * 64, media_type="video/mp4", number=0)
PICTURE = MediaFile(sha256="1" * 64, media_type="image/png", number=1)
REFERENCE_CLIP = MediaFile(sha256="2" * 64, media_type="video/webm", number=2)
LINE = SpokenLine(text="take the knife", start_s=1.0, end_s=2.0, marks=((9, 14),))
FOUND = seen("violence", 0.9, "audio", evidence=(TimeRange(start_s=1.0, end_s=2.0),))


def view(details: dict[str, Any] | None, **content: Any) -> CaseMediaView:
    """The view of a case whose video has this scan; None: it was not scanned."""
    scans = (
        ()
        if details is None
        else (
            StageRecord(
                stage=Stage.OUTPUT,
                verdict=allowed(Stage.OUTPUT),
                findings=(FOUND,),
                coverage=Coverage(),
                at=0.0,
                details=details,
            ),
        )
    )
    record = VideoRecord(video=a_video(), stages=scans, attempts=(), seal=None, audit_log=())
    return case_media_view(
        CaseMediaContent(**content),
        a_case(kind=CaseKind.QUALITY if content.get("is_blind") else CaseKind.HOLD),
        record,
        EN,
    )


def test_sound_is_offered_around_findings_and_as_a_whole_and_every_file_has_a_name() -> None:
    shown = view(SOUND, files=CaseFiles(shown=(CLIP, PICTURE, REFERENCE_CLIP)))
    assert shown.files == ((0, "Video"), (1, "Reference 1"), (2, "Reference 2"))
    assert [value for value, _ in shown.sound] == ["0 0.5 2.5", "0 0 4", "2 0 60"]
    assert shown.sound[0][1].startswith("Violence, ")
    assert (shown.sound_note, shown.files_note) == ("", "")
    # A finding about the sound leads to the frame at its start; without one, the whole clip comes first.
    assert [(one.name, one.times) for one in shown.moments] == [("Violence", "1 s to 2 s")]
    assert [shot.value for shot in shown.shots] == ["frame", "around", "clip", "whole"]
    assert view(SOUND, files=CaseFiles(shown=(PICTURE,))).shots == ()
    assert view(SOUND, files=CaseFiles(shown=(CLIP,), withheld=2)).files_note.endswith("quarantined: 2")
    mute = view(MUTE, files=CaseFiles(shown=(CLIP,)))
    assert (mute.sound, mute.sound_note, mute.transcript_note) == ((), "The video has no sound.", "")


def test_a_blind_reviewer_is_not_told_that_the_picture_is_of_a_stopped_generation() -> None:
    preview = MediaFile(sha256="3" * 64, media_type="image/webp", number=0)
    shown, blind = (view(None, files=CaseFiles(shown=(preview,)), is_blind=blind) for blind in (False, True))
    assert shown.files == ((0, "Blurred preview of the stopped generation"),)
    assert blind.files == ((0, "Video"),)
    assert (shown.shots, shown.sound) == ((), ())


def test_the_words_of_a_finding_are_marked_in_the_transcript() -> None:
    [(_, segments)] = view(
        SOUND, files=CaseFiles(shown=(CLIP,)), transcript=Transcript(lines=(LINE,))
    ).transcript
    assert "".join(one.text for one in segments) == LINE.text
    assert [one.text for one in segments if one.highlighted] == ["knife"]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"transcript": Transcript(lines=(LINE,))},
        {"transcript": Transcript(lines=(LINE,), is_cut=True)},
        {"is_restricted": True},
    ],
    ids=["no transcript", "transcript", "cut transcript", "restricted"],
)
def test_a_blind_page_is_the_same_with_and_without_a_stored_transcript(content: dict[str, Any]) -> None:
    # A transcript is stored only for a video that was held or blocked, so it tells of an earlier decision.
    shown = view(SOUND, files=CaseFiles(shown=(CLIP,)), is_blind=True, **content)
    assert (shown.transcript, shown.transcript_note) == ((), "")
    assert [value for value, _ in shown.sound] == ["0 0 4"]
    assert (shown.moments, shown.shots) == ((), tuple(Shot))


@pytest.mark.parametrize(
    ("details", "content", "note"),
    [
        (None, {}, ""),
        (SOUND, {"transcript": Transcript(lines=(LINE,))}, ""),
        (SOUND, {"transcript": Transcript(lines=(LINE,), is_cut=True)}, "too long"),
        (SOUND, {"transcript": Transcript(lines=())}, "no word was recognized"),
        (SOUND, {}, "no transcript is stored"),
        (SOUND, {"is_restricted": True}, "Only the vault officer"),
        ({**SOUND, "sound": {"transcribed": False}}, {}, "not transcribed"),
        ({**SOUND, "sound": {"transcribed": True, "speech": []}}, {}, "No speech was detected"),
    ],
)
def test_the_page_says_why_there_is_no_transcript(
    details: dict[str, Any] | None, content: dict[str, Any], note: str
) -> None:
    said = view(details, **content).transcript_note
    assert note in said
    assert bool(said) == bool(note)
