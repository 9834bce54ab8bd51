"""Generations that start from an image: what is steered, and what is a gap."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import diffusers.pipelines.wan.pipeline_wan_i2v as wan_i2v
import pytest
import tiny_pipelines
import torch
from diffusers import LTXImageToVideoPipeline, WanImageToVideoPipeline, WanTransformer3DModel
from PIL import Image

from safelight_steer.errors import ModerationBlocked, SteeringRefused
from safelight_steer.gaps import GapName
from safelight_steer.plan import Concept, Method, SteeringPlan
from safelight_steer.sequential_test import Boundary
from safelight_steer.steered_pipeline import SteeredPipeline
from safelight_steer.watcher import Watch

SPLASH = Concept(id="splash", phrases=("red paint splash",), near_misses=("red ball",), anchor="blue splash")


@pytest.fixture(params=["ltx", "wan"])
def from_image(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, Any]]:
    """A pipeline and the arguments of a call."""
    name = request.param
    components = dict(tiny_pipelines.build(name).components)
    if name == "ltx":
        pipeline = LTXImageToVideoPipeline(**components)
    else:
        # The pipeline calls ftfy, an optional package, without asking whether it is there.
        monkeypatch.setattr(wan_i2v, "ftfy", SimpleNamespace(fix_text=str), raising=False)
        channels = 2 * components["vae"].config.z_dim + 4
        torch.manual_seed(0)
        components["transformer"] = WanTransformer3DModel.from_config(
            dict(components["transformer"].config) | {"in_channels": channels}
        )
        components.pop("transformer_2", None)
        pipeline = WanImageToVideoPipeline(**components, image_encoder=None, image_processor=None)
    pipeline.set_progress_bar_config(disable=True)
    given = tiny_pipelines.arguments(name, prompt="a red paint splash hits the wall")
    return pipeline, given | {"image": Image.new("RGB", (given["width"], given["height"]), (200, 30, 30))}


def call(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"generator": torch.Generator().manual_seed(0)}


def plan(*methods: Method, required: bool = False) -> SteeringPlan:
    wanted = frozenset(methods)
    return SteeringPlan(concepts=(SPLASH,), methods=wanted, required=wanted if required else frozenset())


def test_text_is_not_steered_and_that_is_a_gap_or_a_refusal(from_image: Any) -> None:
    pipeline, given = from_image
    own = pipeline(**call(given)).frames
    steered = SteeredPipeline(pipeline)
    made = steered.generate(plan(Method.EMBEDDING), **call(given))
    assert torch.equal(made.output.frames, own)
    assert made.record.applied == []
    assert GapName.IMAGE_INPUT in [gap.name for gap in made.record.gaps]
    with pytest.raises(SteeringRefused):
        steered.generate(plan(Method.EMBEDDING, required=True), **call(given))


def test_a_real_image_does_not_become_drawn_by_words(from_image: Any) -> None:
    pipeline, given = from_image
    assert SteeredPipeline(pipeline).generate(plan(Method.STYLE), **call(given)).record.applied == []
    with pytest.raises(SteeringRefused):
        SteeredPipeline(pipeline).generate(plan(Method.STYLE, required=True), **call(given))


def test_negative_prompts_work_as_from_text(from_image: Any) -> None:
    pipeline, given = from_image
    own = pipeline(**call(given)).frames
    made = SteeredPipeline(pipeline).generate(plan(Method.NEGATIVE, required=True), **call(given))
    assert not torch.equal(made.output.frames, own)


def test_the_safety_arm_works_or_is_a_gap(from_image: Any) -> None:
    pipeline, given = from_image
    own = pipeline(**call(given)).frames
    made = SteeredPipeline(pipeline).generate(plan(Method.GUIDANCE), **call(given))
    if isinstance(pipeline, WanImageToVideoPipeline):
        assert made.record.applied == [Method.GUIDANCE]
        return
    assert torch.equal(made.output.frames, own)
    assert GapName.OTHER_GUIDANCE in [gap.name for gap in made.record.gaps]
    with pytest.raises(SteeringRefused):
        SteeredPipeline(pipeline).generate(plan(Method.GUIDANCE, required=True), **call(given))


def test_a_stopped_generation_leaves_the_pipeline_as_it_was(from_image: Any) -> None:
    pipeline, given = from_image
    own = pipeline(**call(given)).frames
    watch = Watch(name="toy", detector=lambda _: 1.0, boundary=Boundary.fixed(0.4))
    steered = SteeredPipeline(pipeline, watches=[watch])
    with pytest.raises(ModerationBlocked):
        steered.generate(plan(Method.WATCHING, required=True), **call(given))
    assert torch.equal(steered.generate(SteeringPlan(), **call(given)).output.frames, own)
