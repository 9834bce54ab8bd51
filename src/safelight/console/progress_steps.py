"""The seven pipeline steps of a video with the status of each, for the progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from safelight.jobs.models import Video, VideoRecord
from safelight.jobs.states import VideoState
from safelight.policy.findings import Stage


class PipelineStep(StrEnum):
    ADMISSION = "admission"
    PROMPT = "prompt"
    REFERENCE = "reference"
    GENERATION = "generation"
    OUTPUT = "output"
    SEAL = "seal"
    DELIVERY = "delivery"


class StepStatus(StrEnum):
    DONE = "done"
    #: Done, and allowed only because of a waiver. It never has the icon of `done`.
    WAIVED = "waived"
    RUNNING = "running"
    PENDING = "pending"
    #: The request does not need the step, for example `reference` without a reference file.
    SKIPPED = "skipped"
    #: The video reached a final state before this step.
    NOT_REACHED = "not_reached"
    HELD = "held"
    BLOCKED = "blocked"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ProgressStep:
    step: PipelineStep
    status: StepStatus
    #: Progress in percent. Set only for a running step that reports its progress.
    percent: int | None = None
    #: Duration in milliseconds, if it is known.
    ms: int | None = None


PIPELINE_STEPS = tuple(PipelineStep)
_STEP_OF_STAGE = {
    Stage.ADMISSION: PipelineStep.ADMISSION,
    Stage.PROMPT: PipelineStep.PROMPT,
    Stage.REFERENCE: PipelineStep.REFERENCE,
    Stage.GENERATION: PipelineStep.GENERATION,
    Stage.OUTPUT: PipelineStep.OUTPUT,
    Stage.DELIVERY: PipelineStep.DELIVERY,
}
_STATES = frozenset(state.value for state in VideoState)
_STEP_OF_STATE = {
    VideoState.GENERATING.value: PipelineStep.GENERATION,
    VideoState.SCANNING.value: PipelineStep.OUTPUT,
    VideoState.SEALING.value: PipelineStep.SEAL,
}
_FINAL_STATUS = {
    VideoState.HELD: StepStatus.HELD,
    VideoState.REJECTED: StepStatus.BLOCKED,
    VideoState.BLOCKED: StepStatus.BLOCKED,
    VideoState.WITHDRAWN: StepStatus.BLOCKED,
    VideoState.FAILED: StepStatus.FAILED,
}


def list_progress_steps(video: Video, record: VideoRecord | None) -> tuple[ProgressStep, ...]:
    """The status of each step of a video. A vaulted video shows only that it was blocked, not in which
    step.
    """
    if video.vaulted:
        return (
            *(ProgressStep(step=step, status=StepStatus.NOT_REACHED) for step in PIPELINE_STEPS[:-1]),
            ProgressStep(step=PipelineStep.DELIVERY, status=StepStatus.BLOCKED),
        )
    current = PIPELINE_STEPS.index(_current_step(video))
    recorded = {_STEP_OF_STAGE[stage_record.stage] for stage_record in record.stages} if record else set()
    waived = (
        {_STEP_OF_STAGE[stage.stage] for stage in record.stages if stage.verdict.waivers} if record else set()
    )
    latencies_ms = _latencies_ms(record)
    steps = []
    for index, step in enumerate(PIPELINE_STEPS):
        if index > current:
            status = StepStatus.PENDING if video.state not in _ENDED_STATES else StepStatus.NOT_REACHED
        elif index == current:
            status = _FINAL_STATUS.get(video.state, StepStatus.RUNNING)
            if video.state is VideoState.DELIVERED:
                status = StepStatus.DONE
        else:
            status = StepStatus.DONE
            if step in waived:
                status = StepStatus.WAIVED
            elif step is PipelineStep.REFERENCE and step not in recorded:
                status = StepStatus.SKIPPED
        percent = (
            video.progress
            if status is StepStatus.RUNNING and step in {PipelineStep.GENERATION, PipelineStep.OUTPUT}
            else None
        )
        steps.append(ProgressStep(step=step, status=status, percent=percent, ms=latencies_ms.get(step)))
    return tuple(steps)


_ENDED_STATES = frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED})


def _current_step(video: Video) -> PipelineStep:
    match video.state:
        case VideoState.GENERATING:
            return PipelineStep.GENERATION
        case VideoState.SCANNING:
            return PipelineStep.OUTPUT
        case VideoState.SEALING:
            return PipelineStep.SEAL
        case VideoState.DELIVERED | VideoState.WITHDRAWN:
            return PipelineStep.DELIVERY
    return _STEP_OF_STAGE[video.stage]


def _latencies_ms(record: VideoRecord | None) -> dict[PipelineStep, int]:
    """How long each step took: the latency of its stage, or the time between two states in the audit log."""
    latencies_ms: dict[PipelineStep, int] = {}
    for stage_record in record.stages if record else ():
        ms = stage_record.details.get("latency_ms")
        if isinstance(ms, int | float):
            latencies_ms[_STEP_OF_STAGE[stage_record.stage]] = round(ms)
    changes = list(_state_changes(record))
    took: dict[PipelineStep, float] = {}
    for (state, at), (_, next_at) in pairwise(changes):
        if step := _STEP_OF_STATE.get(state):
            took[step] = took.get(step, 0.0) + next_at - at
    return latencies_ms | {step: max(0, round(1000 * seconds)) for step, seconds in took.items()}


def step_started_at(video: Video, record: VideoRecord | None) -> float:
    """When the video reached its present state."""
    return max((at for _, at in _state_changes(record)), default=video.created_at)


def _state_changes(record: VideoRecord | None) -> Iterator[tuple[str, float]]:
    """Each state of the video and its time, from the audit log, oldest first."""
    for entry in record.audit_log if record else ():
        kind, _, state = str(entry["event"]).partition(".")
        if kind == "video" and state in _STATES:
            yield state, float(entry["at"])
