"""Which frames the slow detectors see: those that differ, a regular sample, and every flash.

Pure: tiny pictures in, decisions out. The thresholds are measured, see docs/benchmarks/scanning.md.
"""

from __future__ import annotations

from collections import Counter, deque
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

#: Side of the square that frames are squeezed into before they are compared.
TINY_SIDE = 64
_BLOCK = 8
_NTH = 8

Tiny = npt.NDArray[np.uint8]


class Why(StrEnum):
    """Why a frame is looked at."""

    FIRST = "first"
    LAST = "last"
    REGULAR = "regular"
    #: Differs from the last frame looked at.
    CHANGED = "changed"
    #: Differs from its predecessor far more than frames did lately: a cut or a flash.
    JUMP = "jump"
    NEIGHBOUR = "neighbour"


class Difference(NamedTuple):
    """How far two tiny pictures are apart, in steps of 0 to 255."""

    mean: float
    #: The 8x8 block that differs most.
    block: float
    #: The eighth most different pixel: small print moves few of them, noise moves them little.
    nth: float


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """When a frame counts as different, and how often one is looked at."""

    mean: float = 3.0
    block: float = 8.0
    nth: float = 24.0
    #: A jump is this many times the usual difference between neighbours.
    jump: float = 2.5
    regular_s: float = 1.0
    #: Frames per second that mere movement may claim, after a burst.
    changed_per_s: float = 1.0
    burst: float = 2.0


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The record of what the slow detectors were shown."""

    frames: int
    looked_at: int
    #: How many for each reason.
    why: dict[str, int]
    #: Frames that differed and were passed over, because movement had used up its share.
    passed_over: int
    rules: Rules


def difference(one: Tiny, other: Tiny) -> Difference:
    """How far two pictures of `TINY_SIDE` squared are apart."""
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16)).mean(axis=2)
    blocks = apart.reshape(TINY_SIDE // _BLOCK, _BLOCK, TINY_SIDE // _BLOCK, _BLOCK).mean(axis=(1, 3))
    nth = np.partition(apart, -_NTH, axis=None)[-_NTH]
    return Difference(float(apart.mean()), float(blocks.max()), float(nth))


class Scheduler:
    """Decides frame by frame, in presentation order."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._seen: Tiny | None = None
        self._seen_s = 0.0
        self._previous: Tiny | None = None
        self._recent: deque[Difference] = deque(maxlen=24)
        self._share = rules.burst
        self._share_s = 0.0
        self._after_jump = False
        self._frames = 0
        self._passed_over = 0
        self._why: Counter[str] = Counter()

    def decide(self, tiny: Tiny, time_s: float) -> Why | None:
        """Whether this frame is looked at. After a `JUMP` its predecessor has to be, too: see `count`."""
        rules, previous = self._rules, self._previous
        self._frames += 1
        self._previous = tiny
        self._share = min(rules.burst, self._share + (time_s - self._share_s) * rules.changed_per_s)
        self._share_s = time_s
        if previous is None or self._seen is None:
            return self._look(tiny, time_s, Why.FIRST)
        step = difference(tiny, previous)
        jumped = self._is_jump(step)
        self._recent.append(step)
        if jumped:
            self._after_jump = True
            return self._look(tiny, time_s, Why.JUMP)
        if self._after_jump:
            self._after_jump = False
            return self._look(tiny, time_s, Why.NEIGHBOUR)
        if time_s - self._seen_s >= rules.regular_s:
            return self._look(tiny, time_s, Why.REGULAR)
        if self._differs(difference(tiny, self._seen)):
            if self._share >= 1:
                self._share -= 1
                return self._look(tiny, time_s, Why.CHANGED)
            self._passed_over += 1
        return None

    def count(self, why: Why) -> None:
        """Record a frame that is looked at without having been decided on: a neighbour, the last one."""
        self._why[why] += 1

    def record(self) -> Schedule:
        return Schedule(
            frames=self._frames,
            looked_at=self._why.total(),
            why=dict(self._why),
            passed_over=self._passed_over,
            rules=self._rules,
        )

    def _look(self, tiny: Tiny, time_s: float, why: Why) -> Why:
        self._seen, self._seen_s = tiny, time_s
        self._why[why] += 1
        return why

    def _differs(self, apart: Difference) -> bool:
        rules = self._rules
        return apart.mean > rules.mean or apart.block > rules.block or apart.nth > rules.nth

    def _is_jump(self, step: Difference) -> bool:
        if not self._differs(step):
            return False
        if not self._recent:
            return True
        usual = np.median(np.array(self._recent), axis=0) * self._rules.jump
        limits = (self._rules.mean, self._rules.block, self._rules.nth)
        return any(
            value > max(limit, level)
            for value, limit, level in zip(step, limits, usual.tolist(), strict=True)
        )
