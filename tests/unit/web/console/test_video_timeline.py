"""The timeline of a scanned video: frames only of a delivered file, findings by category, speech."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.policy.findings import SHIPPED, Coverage, Finding, FrameRange, Stage
from safelight.videos.models import StageRecord, VideoRecord, VideoState
from safelight.web.console.finding_lanes import timeline_ticks
from safelight.web.console.video_timeline import VideoTimeline, video_timeline
from safelight.web.translations import load_languages
from support.fake_api_server import a_video, allowed
from support.rows import each_row
from support.verdicts import seen

NOW = 1_795_000_000.0
EN = load_languages()["en"]
FACTS = {"duration_s": 4.0, "frames": 96, "width": 1280, "height": 720, "audio_codec": "aac"}
SPEECH = {"speech": [{"start_s": 1.0, "end_s": 2.0}], "transcribed": True}


def found(category: str = "violence") -> Finding:
    place = FrameRange(first=24, last=36, peak=30, start_s=1.0, end_s=1.5)
    return seen(category, 0.9, "frames", evidence=(place,))


def timeline(
    *findings: Finding, sound: Any = SPEECH, now: float | None = NOW, **changes: Any
) -> VideoTimeline | None:
    changes = {"state": VideoState.DELIVERED, "expires_at": NOW + 60, **changes}
    scan = StageRecord(
        stage=Stage.OUTPUT,
        verdict=allowed(Stage.OUTPUT),
        findings=findings,
        coverage=Coverage(),
        at=NOW,
        details={"facts": FACTS, "sound": sound},
    )
    record = VideoRecord(video=a_video(**changes), stages=(scan,), attempts=(), seal=None, audit_log=())
    return video_timeline(record, SHIPPED, EN, now=now)


@pytest.mark.parametrize(
    ("changes", "has_frames"),
    [
        ({}, True),
        ({"expires_at": NOW - 1}, False),
        ({"state": VideoState.HELD}, False),
        ({"state": VideoState.BLOCKED}, False),
        ({"state": VideoState.WITHDRAWN}, False),
        ({"now": None}, False),
    ],
)
def test_only_a_delivered_file_that_exists_has_frames(changes: dict[str, Any], has_frames: bool) -> None:
    shown = timeline(**changes)
    assert shown
    assert bool(shown.sheet_url) is bool(shown.cells) is has_frames


@pytest.mark.parametrize(
    "changes",
    [{}, {"audio_duration_s": 8.0}, {"duration_s": 40.0}],
    ids=["usual", "longer sound", "uneven frame times"],
)
def test_frames_are_blurred_by_their_number_where_something_was_found_and_beside_it(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, float]
) -> None:
    for name, value in changes.items():
        monkeypatch.setitem(FACTS, name, value)
    shown = timeline(found())
    assert shown
    assert [number for number, cell in enumerate(shown.cells) if cell.flagged] == [1, 2, 3, 4]
    assert [(cell.column, cell.row) for cell in shown.cells][4:6] == [(4, 0), (0, 1)]


def test_a_finding_without_details_blurs_frames_but_has_no_lane_and_a_vaulted_video_nothing() -> None:
    assert timeline(found(), vaulted=True, state=VideoState.BLOCKED) is None
    shown = timeline(found("self-harm/instructions"))
    assert shown
    assert shown.lanes == ()
    assert any(cell.flagged for cell in shown.cells)


def test_lanes_and_speech_are_aligned_to_the_length_of_the_clip() -> None:
    shown = timeline(found())
    assert shown
    assert shown.speech
    (lane,) = shown.lanes
    assert [(one.left, one.width) for one in (*lane.segments, *shown.speech.segments)] == [
        (250, 125),
        (250, 250),
    ]
    assert shown.sound.startswith("The speech was transcribed")


@each_row
def test_what_is_known_about_the_sound_is_said(sound: Any, sentence: str) -> None:
    shown = timeline(sound=sound)
    assert shown
    assert shown.sound.startswith(sentence)


def test_the_axis_names_the_frame_that_is_shown_at_each_time() -> None:
    t = load_languages()["en"]
    assert [frame for _, frame in timeline_ticks(4.0, 96, t, picture_s=4.0)] == ["0", "24", "48", "72", "95"]
    longer_sound = timeline_ticks(8.0, 96, t, picture_s=4.0)
    assert [frame for _, frame in longer_sound] == ["0", "48", "95", "95", "95"]
    assert not any(frame for _, frame in timeline_ticks(4.0, 0, t, picture_s=0.0))
