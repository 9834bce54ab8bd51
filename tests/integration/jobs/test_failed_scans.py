from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safelight.jobs.states import VideoState
from safelight.policy.findings import Modality, Stage


def test_a_failed_scan_is_held_despite_waivers(furnish: Callable[..., Any]) -> None:
    """Also where no detector fills a required cell: a waiver excuses what is missing, not a crash."""
    house = furnish(scan={"warm_workers": 0, "timeout_s": 0.05})
    house.waive()
    video = house.carry(house.order())
    assert video.state is VideoState.HELD
    record = house.videos.record(house.who, video.id)
    [output] = [judged for judged in record.stages if judged.stage is Stage.OUTPUT]
    assert "did not finish within" in output.details["failure"]
    cell = output.coverage.cell("violence/graphic", Modality.FRAMES)
    assert cell is not None
    assert cell.is_gap
    assert cell.note.endswith(output.details["failure"])
    assert output.verdict.waived == ()
