"""Content of a single frame under camera motion, and noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from safelight.detectors import safety_card
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import FrameRange
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import DetectorSpec, Scanner, ScannerOptions

WIDTH, HEIGHT, FPS, ODD = 960, 540, 30, 41
Pixels = npt.NDArray[np.uint8]


def panned(frame: int, speed: int) -> Pixels:
    coarse = np.random.default_rng(7).integers(20, 230, (20, 80, 3), dtype=np.uint8)
    wide = cv2.resize(coarse, (WIDTH + 60 * 16, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return wide[:, speed * frame : speed * frame + WIDTH].astype(np.uint8)


def laid(frame: Pixels, over: Pixels, weight: npt.NDArray[np.float32], strength: float) -> Pixels:
    made = frame.astype(np.float32)
    height, width = over.shape[:2]
    window = (slice(120, 120 + height), slice(300, 300 + width))
    part = weight[..., None] * strength
    made[window] = made[window] * (1 - part) + over * part
    return made.astype(np.uint8)


def letters() -> tuple[Pixels, npt.NDArray[np.float32]]:
    page = Image.new("L", (460, 70))
    ImageDraw.Draw(page).text((4, 4), "MEET AT THE BRIDGE", fill=255, font=ImageFont.load_default(44))
    weight = np.asarray(page, dtype=np.float32) / 255
    return np.full((70, 460, 3), 255, np.uint8), weight


def clip(
    path: Path,
    *,
    speed: int,
    over: Pixels,
    weight: npt.NDArray[np.float32],
    strength: float,
    odd: tuple[int, ...] = (ODD,),
) -> Path:
    with Mp4Writer(path, VideoFormat(width=WIDTH, height=HEIGHT, fps=FPS, crf=23)) as writer:
        for frame in range(60):
            pixels = panned(frame, speed)
            writer.add_frame(laid(pixels, over, weight, strength) if frame in odd else pixels)
    return path


def scan(sandbox: Sandbox, path: Path, *specs: DetectorSpec) -> ScanReport:
    return Scanner(sandbox, specs, ScannerOptions(video_timeout_s=120.0, warm_children=0)).scan_video(path)


@pytest.mark.parametrize("speed", [0, 8])
def test_faint_text_in_one_frame_is_read_and_reported_as_subliminal(
    tmp_path: Path, sandbox: Sandbox, speed: int
) -> None:
    over, weight = letters()
    report = scan(
        sandbox, clip(tmp_path / "a.mp4", speed=speed, over=over, weight=weight, strength=0.4), ("ocr", {})
    )
    assert [look.frame for look in report.sampling.looks if look.why == "outlier"] == [ODD]
    read = "".join("".join(text.text.split()) for text in report.texts if text.frame == ODD)
    assert "BRIDGE" in read
    [found] = report.findings
    assert (found.category, found.detector) == ("deception/subliminal", "brief")
    where = found.evidence[0]
    assert isinstance(where, FrameRange)
    assert (where.first, where.last) == (ODD, ODD)


@pytest.mark.parametrize("speed", [0, 8])
def test_text_in_two_frames_is_subliminal_and_not_read_in_the_third(
    tmp_path: Path, sandbox: Sandbox, speed: int
) -> None:
    over, weight = letters()
    path = clip(tmp_path / "a.mp4", speed=speed, over=over, weight=weight, strength=0.9, odd=(ODD, ODD + 1))
    report = scan(sandbox, path, ("ocr", {}))
    [found] = report.findings
    assert (found.category, found.detector) == ("deception/subliminal", "brief")
    assert found.attributes["kind"] == "text"
    where = found.evidence[0]
    assert isinstance(where, FrameRange)
    assert where.first == ODD
    assert where.last <= ODD + 1
    # The frame after differs only because the text is gone: it has nothing to read.
    assert {text.frame for text in report.texts} <= {ODD, ODD + 1}


def test_a_faint_test_card_in_one_frame_of_a_moving_picture_is_found(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    card = safety_card.draw_card("hate", 320, 180)
    weight = np.ones(card.shape[:2], np.float32)
    path = clip(tmp_path / "a.mp4", speed=6, over=card, weight=weight, strength=0.4)
    [found] = scan(sandbox, path, ("safety-card-image", {})).findings
    assert (found.category, found.test_card) == ("hate", True)


@pytest.mark.parametrize("speed", [0, 8])
def test_a_moving_camera_is_sampled_once_a_second_only(tmp_path: Path, sandbox: Sandbox, speed: int) -> None:
    over, weight = letters()
    path = clip(tmp_path / "a.mp4", speed=speed, over=over, weight=weight, strength=0.0)
    report = scan(sandbox, path, ("safety-card-image", {}))
    assert report.sampling.looked_at <= 5
    assert report.runs[0].complete


def test_noise_exhausts_the_budget_and_coverage_reports_it(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.screening.scanning.service._SPARE_FRACTION", 0.0)
    rng = np.random.default_rng(3)
    path = tmp_path / "noise.mp4"
    with Mp4Writer(path, VideoFormat(width=320, height=192, fps=FPS, crf=30)) as writer:
        for _ in range(60):
            coarse = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
            writer.add_frame(np.repeat(np.repeat(coarse, 16, axis=0), 16, axis=1))
    report = scan(sandbox, path, ("ocr", {}), ("nudenet", {}))
    assert report.sampling.unseen > 30
    assert "budget" in report.ocr_incomplete
    # Detectors of every frame are not affected.
    every = report.find_run("nudenet")
    assert every.complete
