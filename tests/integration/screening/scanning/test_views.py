from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from safelight.detectors import safety_card
from safelight.media.probe import VideoLimits
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import FrameRange
from safelight.screening.scanning import worker
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.scanning.tasks import DetectorSet, OutputDirs, VideoScanTask
from support.clips import make_clip, scenery
from support.track_clips import add_tracks
from support.view_clips import interlaced_clip, transparent_clip

CARD_FRAMES = range(5, 10)
CARD = safety_card.draw_card("violence", 640, 384)


def scan(sandbox: Sandbox, clip: Path, **outputs: Any) -> ScanReport:
    scanner = Scanner(
        sandbox,
        [("safety-card-image", {}), ("flicker", {})],
        ScannerOptions(video_timeout_s=60.0, warm_children=0),
    )
    return scanner.scan_video(clip, outputs=OutputDirs(**outputs))


def hidden_card(colour: int) -> Any:
    """Frames of one colour. In some, the card is in the transparency only: the other colour shows it."""
    dark = CARD.mean(axis=2) < 128

    def pixels(number: int) -> npt.NDArray[np.uint8]:
        made = np.full((*CARD.shape[:2], 4), colour, np.uint8)
        if number in CARD_FRAMES:
            made[:, :, 3] = np.where(dark == (colour == 0), 255, 0)
        return made

    return pixels


@pytest.mark.parametrize("name", ["vp9.webm", "prores.mov"])
@pytest.mark.parametrize(("colour", "view"), [(0, "over_white"), (255, "over_black")])
def test_a_card_that_only_one_background_shows_is_found(
    sandbox: Sandbox, tmp_path: Path, name: str, colour: int, view: str
) -> None:
    report = scan(sandbox, transparent_clip(tmp_path, name, 15, hidden_card(colour)))
    [found] = [one for one in report.findings if one.test_card]
    place = found.evidence[0]
    assert isinstance(place, FrameRange)
    assert (found.category, found.attributes["view"]) == ("violence", view)
    assert place.first == 5
    assert all(run.complete for run in report.runs)


def test_a_card_in_every_view_is_one_finding(sandbox: Sandbox, tmp_path: Path) -> None:
    def pixels(number: int) -> npt.NDArray[np.uint8]:
        made = np.dstack([scenery(number, 640, 384), np.full((384, 640), 255, np.uint8)])
        if number in CARD_FRAMES:
            made[:, :, :3] = CARD
        made[:20, :20, 3] = 0
        return made

    keyframes = tmp_path / "keyframes"
    keyframes.mkdir()
    report = scan(sandbox, transparent_clip(tmp_path, "vp9.webm", 15, pixels), keyframes=keyframes)
    [found] = [one for one in report.findings if one.test_card]
    assert "view" not in found.attributes
    # Detectors outside the child get only the stored view, so coverage shows their check as incomplete.
    assert report.selected_frames > len(report.keyframes) > 0


def test_a_card_in_one_field_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    def fields(number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        calm = scenery(number, 640, 384)
        return (calm, CARD) if number in CARD_FRAMES else (calm, calm)

    report = scan(sandbox, interlaced_clip(tmp_path / "a.mkv", 15, fields))
    [found] = [one for one in report.findings if one.test_card]
    assert (found.category, found.attributes["view"]) == ("violence", "bottom_field")


def test_an_exhausted_time_budget_in_another_view_is_a_gap(tmp_path: Path) -> None:
    clip = transparent_clip(tmp_path, "vp9.webm", 6, hidden_card(0))
    specs: tuple[tuple[str, dict[str, Any]], ...] = (("safety-card-image", {}), ("flicker", {}))
    task = VideoScanTask(
        path=str(clip), detectors=DetectorSet(specs=specs), limits=VideoLimits(), budget_s=0.0
    )
    channel: Any = SimpleNamespace(progress=lambda _message: None)
    result = worker.scan_video(msgspec.to_builtins(task), channel)
    assert [run.complete for run in result.runs] == [False, False]


@pytest.mark.parametrize(("budget_s", "unread"), [(60.0, 0), (0.0, 1)])
def test_subtitles_are_not_read_after_the_time_budget(tmp_path: Path, budget_s: float, unread: int) -> None:
    clip = add_tracks(
        tmp_path / "a.mkv", make_clip(tmp_path / "b.mp4", frames=6), subtitles=[[(0, 100, "hello")]]
    )
    task = VideoScanTask(
        path=str(clip), detectors=DetectorSet(specs=()), limits=VideoLimits(), budget_s=budget_s
    )
    channel: Any = SimpleNamespace(progress=lambda _message: None)
    result = worker.scan_video(msgspec.to_builtins(task), channel)
    assert sum(part.count for part in result.media.unscanned if part.kind == "subtitles") == unread
    assert [text.text for text in result.texts] == ([] if unread else ["hello"])
