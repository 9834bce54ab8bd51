"""A complete request with a vision guard, which gets the prompt and can block the video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from safelight.detectors.protocol import DetectorPlugin
from safelight.detectors.remote.plugins import VISION_GUARD
from safelight.policy.findings import CoverageStatus, Modality, Stage
from safelight.testing.guard_server import ScriptedAnswer, ScriptedGuard
from safelight.videos.models import VideoState

SAFE = '{"violation": 0, "categories": [], "confidence": "high"}'
GORE = '{"violation": 1, "categories": ["violence/graphic"], "confidence": "medium"}'


def configured(guard: ScriptedGuard) -> DetectorPlugin:
    options = {"url": guard.url, "model": "m", "format": "policy"}
    claims, load = VISION_GUARD.configured_capabilities, VISION_GUARD.load
    assert claims is not None
    return replace(
        VISION_GUARD,
        load=lambda _: load(options),
        configured_capabilities=lambda _: claims(options),
        missing=lambda _: None,
    )


def test_a_vision_guard_can_block_and_is_recorded(
    furnish: Callable[..., Any],
) -> None:
    lines = [ScriptedAnswer(says=GORE, words=("prompt: a film of the old mill",))]
    with ScriptedGuard(lines, otherwise=SAFE) as guard:
        house = furnish(configured(guard))
        house.waive()
        fine = house.make("a quiet lake")
        stopped = house.make("a film of the old mill")
        assert (fine.state, stopped.state) == (VideoState.DELIVERED, VideoState.BLOCKED)
        assert [len(asked.pictures) for asked in guard.asked] == [1, 1]
        output = [
            judgement
            for judgement in house.context.videos.snapshot(stopped.tenant, stopped.id).stages
            if judgement.stage is Stage.OUTPUT
        ][-1]
        assert output.verdict.category == "violence/graphic"
        cell = output.coverage.cell("violence/graphic", Modality.FRAMES)
        assert cell is not None
        assert cell.status is CoverageStatus.CHECKED
        assert not list(house.container.persistence.data_directory.scratch.glob("keyframes-*"))
