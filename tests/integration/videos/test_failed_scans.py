from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from safelight.detectors.image import ocr
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.policy.findings import Modality, Stage
from safelight.testing.generators import create as instant
from safelight.videos.models import VideoState
from safelight.web.api.record import record_object
from safelight.web.api.serializers import video_object

pytestmark = pytest.mark.real_media


def test_a_failed_scan_is_held_despite_waivers(furnish: Callable[..., Any]) -> None:
    """Also where no detector fills a required cell: a waiver excuses what is missing, not a crash."""
    house = furnish(scan={"timeout_s": 0.05})
    house.waive()
    video = house.make()
    assert video.state is VideoState.HELD
    record = house.record(video)
    [output] = [judged for judged in record.stages if judged.stage is Stage.OUTPUT]
    assert "did not finish within" in output.details["failure"]
    cell = output.coverage.cell("violence/graphic", Modality.FRAMES)
    assert cell is not None
    assert cell.is_gap
    assert cell.note.endswith(output.details["failure"])
    assert output.verdict.waived == ()


@pytest.fixture
def cuts(furnish: Callable[..., Any], tmp_path: Path) -> Any:
    """A house that delivers sixty dark scenes in five seconds: no flicker, but more cuts than the sampling
    budget has frames.
    """
    clip = tmp_path / "cuts.mp4"
    rng = np.random.default_rng(1)
    with Mp4Writer(clip, VideoFormat(width=160, height=96, fps=12)) as writer:
        for _ in range(60):
            blocks = rng.integers(0, 85, (6, 10, 3), dtype=np.uint8)
            writer.add_frame(cv2.resize(blocks, (160, 96), interpolation=cv2.INTER_NEAREST))
    house = furnish(ocr.PLUGIN)
    house.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "seconds": [4, 8, 12], "file": str(clip)}
    )
    house.waive()
    return house


def test_a_clip_that_uses_up_the_sampling_budget_is_inspected_beyond_it_and_delivered(cuts: Any) -> None:
    video = cuts.make()
    assert video.state is VideoState.DELIVERED
    [output] = [judged for judged in cuts.record(video).stages if judged.stage is Stage.OUTPUT]
    assert (output.details["schedule"]["unseen"], output.verdict.gaps) == (0, ())
    assert output.details["schedule"]["extra"] > 10


def test_a_clip_with_more_to_check_than_its_time_allows_is_held_despite_waivers_and_accused_of_nothing(
    cuts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.screening.scanning.service._SPARE_FRACTION", 0.0)
    video = cuts.make()
    assert video.state is VideoState.HELD
    record = cuts.record(video)
    [output] = [judged for judged in record.stages if judged.stage is Stage.OUTPUT]
    assert output.details["schedule"]["unseen"] > 0
    assert output.verdict.rule == "req-screen"
    assert {cell.modality for cell in output.verdict.gaps} == {Modality.TEXT}
    assert "the sampling budget was used up" in output.verdict.reason
    shown = record_object(record, cuts.container.core.taxonomy)["stages"][-1]["verdict"]
    assert (shown["group"], shown["category"], shown["rule"]) == (None, None, "req-screen")
    explanation = video_object(video, record)["safelight"]["explanation"]
    assert (explanation["group"], explanation["categories"], explanation["retry"]["action"]) == (
        None,
        [],
        "never",
    )
    assert "more to check in this clip than the time for it allows" in explanation["message"]
