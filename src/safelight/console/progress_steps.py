"""The way of a video: seven steps, and how each stands. The one picture that comes back everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    NOW = "now"
    WAITING = "waiting"
    #: Not needed, as where there is no reference.
    SKIPPED = "skipped"
    #: It ended before this.
    UNREACHED = "unreached"
    HELD = "held"
    STOPPED = "stopped"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class ProgressStep:
    step: PipelineStep
    mark: StepStatus
    #: Percent, where this step is under way and says.
    percent: int | None = None
    #: How long it took, in milliseconds, where it is known.
    ms: int | None = None


STEPS = tuple(PipelineStep)
_BY_STAGE = {
    Stage.ADMISSION: PipelineStep.ADMISSION,
    Stage.PROMPT: PipelineStep.PROMPT,
    Stage.REFERENCE: PipelineStep.REFERENCE,
    Stage.GENERATION: PipelineStep.GENERATION,
    Stage.OUTPUT: PipelineStep.OUTPUT,
    Stage.DELIVERY: PipelineStep.DELIVERY,
}
_ENDS = {
    VideoState.HELD: StepStatus.HELD,
    VideoState.REJECTED: StepStatus.STOPPED,
    VideoState.BLOCKED: StepStatus.STOPPED,
    VideoState.WITHDRAWN: StepStatus.STOPPED,
    VideoState.FAILED: StepStatus.BROKEN,
}


def progress_steps(video: Video, record: VideoRecord | None) -> tuple[ProgressStep, ...]:
    """The seven stops. Of a vaulted video only that it was stopped, not where."""
    if video.vaulted:
        return (
            *(ProgressStep(step=step, mark=StepStatus.UNREACHED) for step in STEPS[:-1]),
            ProgressStep(step=PipelineStep.DELIVERY, mark=StepStatus.STOPPED),
        )
    here = STEPS.index(_step(video))
    looked = {_BY_STAGE[made.stage] for made in record.judgements} if record else set()
    times = _times(record)
    stops = []
    for index, step in enumerate(STEPS):
        if index > here:
            mark = StepStatus.WAITING if video.state not in _OVER else StepStatus.UNREACHED
        elif index == here:
            mark = _ENDS.get(video.state, StepStatus.NOW)
            if video.state is VideoState.DELIVERED:
                mark = StepStatus.DONE
        else:
            mark = StepStatus.DONE
            if step is PipelineStep.REFERENCE and step not in looked:
                mark = StepStatus.SKIPPED
        percent = (
            video.progress
            if mark is StepStatus.NOW and step in {PipelineStep.GENERATION, PipelineStep.OUTPUT}
            else None
        )
        stops.append(ProgressStep(step=step, mark=mark, percent=percent, ms=times.get(step)))
    return tuple(stops)


_OVER = frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED})


def _step(video: Video) -> PipelineStep:
    match video.state:
        case VideoState.GENERATING:
            return PipelineStep.GENERATION
        case VideoState.SCANNING:
            return PipelineStep.OUTPUT
        case VideoState.SEALING:
            return PipelineStep.SEAL
        case VideoState.DELIVERED | VideoState.WITHDRAWN:
            return PipelineStep.DELIVERY
    return _BY_STAGE[video.stage]


def _times(record: VideoRecord | None) -> dict[PipelineStep, int]:
    times: dict[PipelineStep, int] = {}
    for made in record.judgements if record else ():
        ms = made.extra.get("latency_ms")
        if isinstance(ms, int | float):
            times[_BY_STAGE[made.stage]] = round(ms)
    return times
