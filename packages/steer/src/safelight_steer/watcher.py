"""The watcher: detectors read estimates of the clean image during a generation and stop it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from .errors import DetectorFailed, InvalidLatents, ModerationBlocked
from .gaps import Gap, GapName
from .plan import Method
from .record import Check, GenerationRecord
from .sequential_test import Boundary, SequentialTest

#: Checks in one generation. An estimate changes little from step to step, and ten cost under a tenth of a
#: detector on all steps of a usual run of 40 or 50.
DEFAULT_CHECKS = 10
#: Share of the steps before the first check: estimates of the first steps are blurred means of many scenes.
FIRST_CHECK_SHARE = 0.1


@dataclass(frozen=True)
class Estimate:
    """An estimate of the clean clip, in step `step` (from 0) of `steps`."""

    step: int
    steps: int
    #: In the layout of the pipeline.
    latents: torch.Tensor
    #: Decodes a frame, as a tensor (frames, 3, height, width) with values from 0 to 1. Costs a call of the
    #: decoder.
    frames: Callable[[], torch.Tensor]


class Detector(Protocol):
    def __call__(self, estimate: Estimate) -> float:
        """A finite score; higher means more likely unsafe."""
        ...


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A detector and when its scores stop a generation."""

    name: str
    detector: Detector
    boundary: Boundary
    checks: int = DEFAULT_CHECKS


def check_steps(steps: int, checks: int) -> tuple[int, ...]:
    """The steps (from 0) in which a generation is checked, spread evenly; fewer if it has fewer steps."""
    first = math.ceil(FIRST_CHECK_SHARE * steps)
    available = max(0, steps - first)
    count = min(checks, available)
    return tuple(first + (i * available) // count for i in range(count)) if count else ()


class Watcher:
    """The watches of one generation."""

    @classmethod
    def start(cls, watches: Sequence[Watch], *, steps: int, record: GenerationRecord) -> Watcher:
        """The watcher; the record has its stated rates of false aborts."""
        watcher = cls(watches, steps=steps)
        record.mark(Method.WATCHING)
        for watch in watches:
            rate = watch.boundary.rate_for(watcher.count(watch))
            record.false_abort_rates[watch.name] = rate
            if rate is None:
                record.add_gap(Gap(GapName.FALSE_ABORT_RATE_UNKNOWN))
        return watcher

    def __init__(self, watches: Sequence[Watch], *, steps: int) -> None:
        self._steps = steps
        self._running = [
            (watch, SequentialTest(watch.boundary), frozenset(check_steps(steps, watch.checks)))
            for watch in watches
        ]
        self.checks: list[Check] = []

    def count(self, watch: Watch) -> int:
        """How often the watch reads this generation."""
        return len(check_steps(self._steps, watch.checks))

    def due(self, step: int) -> bool:
        return any(step in steps for _, _, steps in self._running)

    def observe(self, estimate: Estimate) -> None:
        """Raises `ModerationBlocked`, `InvalidLatents` or `DetectorFailed`."""
        if not bool(torch.isfinite(estimate.latents).all()):
            raise InvalidLatents(
                f"The latents of step {estimate.step + 1} contain values that are not numbers."
            )
        for watch, test, steps in self._running:
            if estimate.step not in steps:
                continue
            try:
                score = float(watch.detector(estimate))
            except Exception as error:
                raise DetectorFailed(
                    f"The detector {watch.name} failed in step {estimate.step + 1}: {type(error).__name__}."
                ) from error
            if not math.isfinite(score):
                raise DetectorFailed(
                    f"The detector {watch.name} returned no number in step {estimate.step + 1}."
                )
            stop = test.add(score)
            self.checks.append(
                Check(step=estimate.step, detector=watch.name, score=score, statistic=test.statistic)
            )
            if stop:
                raise ModerationBlocked(step=estimate.step, steps=self._steps, detector=watch.name)
