"""The way of a video: seven steps, and how each stands. The one picture that comes back everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.jobs.models import Video, VideoRecord
from safelight.jobs.states import State
from safelight.policy.findings import Stage


class Step(StrEnum):
    ADMISSION = "admission"
    PROMPT = "prompt"
    REFERENCE = "reference"
    GENERATION = "generation"
    OUTPUT = "output"
    SEAL = "seal"
    DELIVERY = "delivery"


class Mark(StrEnum):
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
class Stop:
    step: Step
    mark: Mark
    #: Percent, where this step is under way and says.
    percent: int | None = None
    #: How long it took, in milliseconds, where it is known.
    ms: int | None = None


STEPS = tuple(Step)
_BY_STAGE = {
    Stage.ADMISSION: Step.ADMISSION,
    Stage.PROMPT: Step.PROMPT,
    Stage.REFERENCE: Step.REFERENCE,
    Stage.GENERATION: Step.GENERATION,
    Stage.OUTPUT: Step.OUTPUT,
    Stage.DELIVERY: Step.DELIVERY,
}
_ENDS = {
    State.HELD: Mark.HELD,
    State.REFUSED: Mark.STOPPED,
    State.BLOCKED: Mark.STOPPED,
    State.WITHDRAWN: Mark.STOPPED,
    State.FAILED: Mark.BROKEN,
}


def way(video: Video, record: VideoRecord | None) -> tuple[Stop, ...]:
    """The seven stops. Of a vaulted video only that it was stopped, not where."""
    if video.vaulted:
        return (
            *(Stop(step=step, mark=Mark.UNREACHED) for step in STEPS[:-1]),
            Stop(step=Step.DELIVERY, mark=Mark.STOPPED),
        )
    here = STEPS.index(_step(video))
    looked = {_BY_STAGE[made.stage] for made in record.judgements} if record else set()
    times = _times(record)
    stops = []
    for index, step in enumerate(STEPS):
        if index > here:
            mark = Mark.WAITING if video.state not in _OVER else Mark.UNREACHED
        elif index == here:
            mark = _ENDS.get(video.state, Mark.NOW)
            if video.state is State.DELIVERED:
                mark = Mark.DONE
        else:
            mark = Mark.DONE
            if step is Step.REFERENCE and step not in looked:
                mark = Mark.SKIPPED
        percent = video.progress if mark is Mark.NOW and step in {Step.GENERATION, Step.OUTPUT} else None
        stops.append(Stop(step=step, mark=mark, percent=percent, ms=times.get(step)))
    return tuple(stops)


_OVER = frozenset({State.REFUSED, State.BLOCKED, State.FAILED})


def _step(video: Video) -> Step:
    match video.state:
        case State.GENERATING:
            return Step.GENERATION
        case State.SCANNING:
            return Step.OUTPUT
        case State.SEALING:
            return Step.SEAL
        case State.DELIVERED | State.WITHDRAWN:
            return Step.DELIVERY
    return _BY_STAGE[video.stage]


def _times(record: VideoRecord | None) -> dict[Step, int]:
    times: dict[Step, int] = {}
    for made in record.judgements if record else ():
        ms = made.extra.get("latency_ms")
        if isinstance(ms, int | float):
            times[_BY_STAGE[made.stage]] = round(ms)
    return times
