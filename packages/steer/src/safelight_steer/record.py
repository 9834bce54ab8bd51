"""The record of one generation: what was asked, what was done, and what was not possible. Needs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .gaps import Gap
from .plan import Method


@dataclass(frozen=True, kw_only=True)
class Check:
    """One reading of the watcher. `step` counts from 0."""

    step: int
    detector: str
    score: float
    statistic: float


@dataclass(frozen=True, kw_only=True)
class GateReading:
    """How much the prompt resembled a concept, and whether its vectors were changed."""

    concept: str
    score: float
    threshold: float
    opened: bool
    #: Number of changed positions.
    positions: int = 0


@dataclass(kw_only=True)
class GenerationRecord:
    """Filled during the generation, and complete also if it ends with an error."""

    pipeline: str = ""
    architecture: str = ""
    concepts: tuple[str, ...] = ()
    asked: tuple[Method, ...] = ()
    #: Methods that were in effect. `EMBEDDING` also if its gate stayed closed: the prompt was compared.
    applied: list[Method] = field(default_factory=list)
    gates: list[GateReading] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    steps: int = 0
    #: Steps that were computed.
    steps_done: int = 0
    denoiser_calls: int = 0
    #: Calls for the safety arm; part of `denoiser_calls`.
    safety_calls: int = 0
    checks: list[Check] = field(default_factory=list)
    #: The stated rate of false aborts of each watch; None if no rate is known.
    false_abort_rates: dict[str, float | None] = field(default_factory=dict)
    #: `completed`, `moderation_blocked`, `cancelled` or `failed`.
    outcome: str = ""
    saved_share: float = 0.0

    def add_gap(self, gap: Gap) -> None:
        if gap not in self.gaps:
            self.gaps.append(gap)

    def mark(self, method: Method) -> None:
        if method not in self.applied:
            self.applied.append(method)

    def as_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        values = asdict(self)
        values["gaps"] = [gap.as_json() for gap in self.gaps]
        values["asked"] = [str(method) for method in self.asked]
        values["applied"] = [str(method) for method in self.applied]
        values["saved_share"] = round(self.saved_share, 4)
        return values
