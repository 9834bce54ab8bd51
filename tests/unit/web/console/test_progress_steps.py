from __future__ import annotations

import msgspec
import pytest

from safelight.policy.findings import Cell, Coverage, Modality, Stage
from safelight.policy.verdicts import Action
from safelight.videos.models import StageRecord, VideoRecord, VideoState
from safelight.web.console.video_view import PipelineStep, StepStatus, list_progress_steps, step_started_at
from support.fake_api_server import a_video
from support.verdicts import decided


def statuses(state: VideoState, stage: Stage, **changes: object) -> list[StepStatus]:
    return [stop.status for stop in list_progress_steps(a_video(state=state, stage=stage, **changes), None)]


@pytest.mark.parametrize("state", VideoState)
@pytest.mark.parametrize("stage", Stage)
def test_seven_steps_of_which_at_most_one_is_running(state: VideoState, stage: Stage) -> None:
    found = statuses(state, stage)
    assert len(found) == len(PipelineStep)
    assert found.count(StepStatus.RUNNING) <= 1


def test_steps_are_done_up_to_a_block_that_a_vaulted_video_hides() -> None:
    done, skipped, blocked = StepStatus.DONE, StepStatus.SKIPPED, StepStatus.BLOCKED
    not_reached = StepStatus.NOT_REACHED
    delivered = statuses(VideoState.DELIVERED, Stage.DELIVERY)
    assert delivered == [done, done, skipped, done, done, done, done]
    assert statuses(VideoState.BLOCKED, Stage.OUTPUT)[4:] == [blocked, not_reached, not_reached]
    assert statuses(VideoState.REJECTED, Stage.PROMPT)[1:3] == [blocked, not_reached]
    assert len({tuple(statuses(VideoState.BLOCKED, stage, vaulted=True)) for stage in Stage}) == 1
    running = a_video(state=VideoState.GENERATING, stage=Stage.GENERATION, progress=42)
    percents = [step.percent for step in list_progress_steps(running, None)]
    assert percents == [None, None, None, 42, None, None, None]


def test_steps_last_from_one_state_to_the_next() -> None:
    video = a_video(state=VideoState.SEALING, stage=Stage.OUTPUT)
    log = [
        ("video.queued", 10.0),
        ("verdict", 11.0),
        ("video.generating", 12.0),
        ("video.scanning", 15.5),
        ("video.sealing", 17.0),
    ]
    record = VideoRecord(
        video=video,
        stages=(),
        attempts=(),
        seal=None,
        audit_log=tuple({"event": event, "at": at} for event, at in log),
    )
    took = {step.step: step.ms for step in list_progress_steps(video, record)}
    assert took[PipelineStep.GENERATION] == 3500
    assert took[PipelineStep.OUTPUT] == 1500
    assert took[PipelineStep.SEAL] is None
    assert step_started_at(video, record) == 17.0
    assert step_started_at(video, None) == video.created_at


@pytest.mark.parametrize("action", [Action.ALLOW, Action.LABEL])
def test_a_step_that_is_allowed_only_under_a_waiver_is_not_shown_as_done(action: Action) -> None:
    plain = msgspec.structs.replace(decided("prompt"), action=action)
    cell = Cell(category="ncii", modality=Modality.FRAMES, required=True)
    waived = msgspec.structs.replace(plain, stage=Stage.OUTPUT, waived=(cell,), waivers=("demo",))
    stages = tuple(
        StageRecord(
            stage=verdict.stage, verdict=verdict, findings=(), coverage=Coverage(), at=0.0, details={}
        )
        for verdict in (plain, waived)
    )
    video = a_video(state=VideoState.DELIVERED, stage=Stage.DELIVERY, waived=True)
    record = VideoRecord(video=video, stages=stages, attempts=(), seal=None, audit_log=())
    steps = list_progress_steps(video, record)
    status = {step.step: step.status for step in steps}
    assert status[PipelineStep.PROMPT] is StepStatus.DONE
    assert status[PipelineStep.OUTPUT] is StepStatus.WAIVED
