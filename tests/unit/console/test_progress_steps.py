from __future__ import annotations

import pytest

from safelight.console.progress_steps import PipelineStep, StepStatus, progress_steps
from safelight.jobs.states import VideoState
from safelight.policy.findings import Stage
from support.fake_api_server import a_video


def marks(state: VideoState, stage: Stage, **changes: object) -> list[StepStatus]:
    return [stop.mark for stop in progress_steps(a_video(state=state, stage=stage, **changes), None)]


@pytest.mark.parametrize("state", VideoState)
@pytest.mark.parametrize("stage", Stage)
def test_the_way_has_seven_stops_and_at_most_one_is_now(state: VideoState, stage: Stage) -> None:
    found = marks(state, stage)
    assert len(found) == len(PipelineStep)
    assert found.count(StepStatus.NOW) <= 1


def test_a_delivered_video_went_all_the_way() -> None:
    found = marks(VideoState.DELIVERED, Stage.DELIVERY)
    assert found == [
        StepStatus.DONE,
        StepStatus.DONE,
        StepStatus.SKIPPED,
        StepStatus.DONE,
        StepStatus.DONE,
        StepStatus.DONE,
        StepStatus.DONE,
    ]


def test_a_blocked_video_stops_where_it_was_blocked() -> None:
    found = marks(VideoState.BLOCKED, Stage.OUTPUT)
    assert found[4:] == [StepStatus.STOPPED, StepStatus.UNREACHED, StepStatus.UNREACHED]
    assert marks(VideoState.REJECTED, Stage.PROMPT)[1:3] == [StepStatus.STOPPED, StepStatus.UNREACHED]


def test_progress_stands_where_work_is_done() -> None:
    stops = progress_steps(a_video(state=VideoState.GENERATING, stage=Stage.GENERATION, progress=42), None)
    assert [stop.percent for stop in stops] == [None, None, None, 42, None, None, None]


def test_a_vaulted_video_does_not_say_where_it_stopped() -> None:
    ways = {tuple(marks(VideoState.BLOCKED, stage, vaulted=True)) for stage in Stage}
    assert len(ways) == 1
