"""Reads what our server says about steering and watching, in `safelight.generation` of a video. Pure."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec

from safelight.core.errors import UpstreamInvalidResponse
from safelight.policy.steering import SteeringMethod
from safelight.providers.protocol import GenerationReport

#: Longer lists than any generation has are not read.
_MOST = 4096
_Name = Annotated[str, msgspec.Meta(max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class _Check(msgspec.Struct, frozen=True):
    detector: _Name
    score: float


class _Gap(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,39}$")]


class _Record(msgspec.Struct, frozen=True):
    applied: Annotated[list[_Name], msgspec.Meta(max_length=64)]
    steps: _Count
    steps_done: _Count
    outcome: _Name
    gaps: Annotated[list[_Gap], msgspec.Meta(max_length=64)] = []
    checks: Annotated[list[_Check], msgspec.Meta(max_length=_MOST)] = []
    unknown_categories: Annotated[list[_Name], msgspec.Meta(max_length=64)] = []
    saved_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    preview: bool = False


def read_report(video: dict[str, Any], *, is_done: bool) -> GenerationReport | None:
    """The report of a video that has ended; None if the server gives none.

    Raises `UpstreamInvalidResponse` if the server offers a clip of a generation that it says did not end.
    """
    ours = video.get("safelight")
    stated = ours.get("generation") if isinstance(ours, dict) else None
    if stated is None:
        return None
    try:
        record = msgspec.convert(stated, _Record)
    except msgspec.ValidationError:
        return GenerationReport(unreadable=True)
    if is_done and record.outcome != "completed":
        raise UpstreamInvalidResponse("The generator offers a clip of a generation that it says did not end.")
    last = record.checks[-1] if record.checks else None
    numbers = (record.saved_share, last.score if last else 0.0)
    if record.steps_done > record.steps or not all(map(math.isfinite, numbers)):
        return GenerationReport(unreadable=True)
    return GenerationReport(
        applied=tuple(method.value for method in SteeringMethod if method.value in record.applied),
        gaps=tuple(dict.fromkeys(gap.name for gap in record.gaps)),
        unknown_categories=tuple(dict.fromkeys(record.unknown_categories)),
        steps=record.steps,
        steps_done=record.steps_done,
        checks=len(record.checks),
        watch=last.detector if last and last.detector.isprintable() else "",
        score=min(max(last.score, 0.0), 1.0) if last else 0.0,
        saved_share=record.saved_share,
        preview=record.preview,
    )
