"""Errors of steering and watching.

SteerError
├── ModerationBlocked       the watcher stopped the generation
├── GenerationCancelled     the caller cancelled it
├── SteeringRefused         the plan requires a method that the pipeline does not allow
├── SteeringNotApplied      the pipeline ended without having used the steering
├── IncompleteGeneration    the pipeline ended before its last step
├── InvalidLatents          NaN or infinite values
├── DetectorFailed          a detector raised an error or returned no number
├── NotEnoughClips          a boundary cannot be fitted for the rate
└── UnsafeWeights           a model folder contains something other than safetensors
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .gaps import Gap


class SteerError(Exception):
    """Base class of all errors of this package. No output of the pipeline is returned with it."""


class Stopped(SteerError):
    """The generation was ended in a step. `step` counts from 0 and was computed."""

    def __init__(self, message: str, *, step: int, steps: int) -> None:
        super().__init__(message)
        self.step = step
        self.steps = steps

    @property
    def saved_share(self) -> float:
        """Share of the steps that were not computed."""
        return max(0.0, (self.steps - self.step - 1) / self.steps) if self.steps else 0.0


class ModerationBlocked(Stopped):
    """The watcher stopped the generation. `detector` is the name of the watch that did."""

    def __init__(self, *, step: int, steps: int, detector: str) -> None:
        super().__init__(
            f"The watcher stopped the generation in step {step + 1} of {steps}.", step=step, steps=steps
        )
        self.detector = detector


class GenerationCancelled(Stopped):
    def __init__(self, *, step: int, steps: int) -> None:
        super().__init__(
            f"The generation was cancelled in step {step + 1} of {steps}.", step=step, steps=steps
        )


class SteeringRefused(SteerError):
    """The plan requires a method that the pipeline does not allow. `gaps` are the reasons."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self.gaps = tuple(gaps)
        super().__init__(
            "Steering is required, and this pipeline does not allow it: "
            + " ".join(gap.reason for gap in self.gaps)
        )


class SteeringNotApplied(SteerError):
    pass


class IncompleteGeneration(SteerError):
    pass


class InvalidLatents(SteerError):
    pass


class DetectorFailed(SteerError):
    pass


class NotEnoughClips(SteerError):
    pass


class UnsafeWeights(SteerError):
    pass
