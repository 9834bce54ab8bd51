"""Pipelines that do not do what was agreed, and values that are not numbers."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_pipelines
import torch
from diffusers import WanPipeline
from tiny_pipelines import STEPS, arguments

from safelight_steer.errors import (
    DetectorFailed,
    IncompleteGeneration,
    InvalidLatents,
    ModerationBlocked,
    SteeringNotApplied,
    SteeringRefused,
)
from safelight_steer.gaps import GapName
from safelight_steer.plan import Concept, Method, SteeringPlan
from safelight_steer.probe import probe
from safelight_steer.record import GenerationRecord
from safelight_steer.sequential_test import Boundary
from safelight_steer.steered_pipeline import SteeredPipeline
from safelight_steer.watcher import Estimate, Watch

SPLASH = Concept(id="splash", phrases=("red paint splash",), near_misses=("red ball",))
UNSAFE = "a red paint splash hits the wall"


def plan(*methods: Method, required: bool = False) -> SteeringPlan:
    wanted = frozenset(methods)
    return SteeringPlan(concepts=(SPLASH,), methods=wanted, required=wanted if required else frozenset())


def watch(detector: Any) -> Watch:
    return Watch(name="toy", detector=detector, boundary=Boundary.fixed(0.4))


@pytest.fixture
def pipeline() -> Any:
    return tiny_pipelines.build("wan")


def as_class(pipeline: Any, kind: type) -> Any:
    """The same pipeline as an object of a subclass."""
    pipeline.__class__ = kind
    return pipeline


class SwallowingPipeline(WanPipeline):
    """Returns what it has, whatever happens."""

    def __call__(self, prompt: str = "", negative_prompt: str | None = None, **kwargs: Any) -> Any:
        try:
            return super().__call__(prompt=prompt, negative_prompt=negative_prompt, **kwargs)
        except Exception:
            return SimpleNamespace(frames=torch.ones(1))


class RetryingPipeline(WanPipeline):
    """Tries again after an error, and then raises one of its own."""

    attempts = 0

    def __call__(self, prompt: str = "", negative_prompt: str | None = None, **kwargs: Any) -> Any:
        for _ in range(3):
            self.attempts += 1
            try:
                return super().__call__(prompt=prompt, negative_prompt=negative_prompt, **kwargs)
            except Exception as error:
                last = error
        raise RuntimeError("All attempts failed.") from last


class OtherSchedulerPipeline(WanPipeline):
    """Makes its output without its scheduler, so that no hook sees a step."""

    def __call__(self, prompt: str = "", negative_prompt: str | None = None, **kwargs: Any) -> Any:
        return SimpleNamespace(frames=torch.ones(1))


class InterruptedPipeline(WanPipeline):
    """Interrupts itself after the second step and decodes what it has."""

    def __call__(self, prompt: str = "", negative_prompt: str | None = None, **kwargs: Any) -> Any:
        def interrupt(pipe: Any, step: int, _: Any, values: dict[str, Any]) -> dict[str, Any]:
            pipe._interrupt = step >= 1
            return values

        return super().__call__(
            prompt=prompt, negative_prompt=negative_prompt, callback_on_step_end=interrupt, **kwargs
        )


class UnknownPipeline(WanPipeline):
    """A class that no list of architectures has."""


class NoNegativePipeline(WanPipeline):
    def __call__(self, prompt: str = "", **kwargs: Any) -> Any:
        return super().__call__(prompt=prompt, **kwargs | {"guidance_scale": 1.0})


def test_an_output_of_a_pipeline_that_swallows_the_abort_is_not_returned(pipeline: Any) -> None:
    steered = SteeredPipeline(as_class(pipeline, SwallowingPipeline), watches=[watch(lambda _: 1.0)])
    # Its architecture is unknown, and watching does not need it.
    with pytest.raises(ModerationBlocked):
        steered.generate(plan(Method.WATCHING, required=True), **arguments("wan"))


def test_the_frames_of_a_stopped_estimate_are_decoded_once_and_only_if_they_are_kept(pipeline: Any) -> None:
    decoded, kept = [], []
    decode = pipeline.vae.decode

    def counted(*args: Any, **kwargs: Any) -> Any:
        decoded.append(1)
        return decode(*args, **kwargs)

    pipeline.vae.decode = counted
    looks = SteeredPipeline(
        pipeline, watches=[watch(lambda estimate: 1.0 if estimate.frames().ndim == 4 else 0.0)]
    )
    for steered, keep, calls in (
        (SteeredPipeline(pipeline, watches=[watch(lambda _: 1.0)]), None, 0),
        (SteeredPipeline(pipeline, watches=[watch(lambda _: 1.0)]), kept.append, 1),
        # What the detector has decoded is not decoded again.
        (looks, kept.append, 1),
    ):
        decoded.clear()
        with pytest.raises(ModerationBlocked):
            steered.generate(plan(Method.WATCHING), keep_preview=keep, **arguments("wan"))
        assert len(decoded) == calls
    assert [one.shape[1] for one in kept] == [3, 3]


def test_a_preview_that_cannot_be_made_does_not_undo_the_abort(pipeline: Any) -> None:
    def fails(_: Any) -> None:
        raise OSError("The disk is full.")

    unknown = as_class(pipeline, UnknownPipeline)
    for keep in (fails, lambda _: None):
        record = GenerationRecord()
        with pytest.raises(ModerationBlocked):
            SteeredPipeline(unknown, watches=[watch(lambda _: 1.0)]).generate(
                plan(Method.WATCHING), record=record, keep_preview=keep, **arguments("wan")
            )
        assert record.outcome == "moderation_blocked"


def test_a_pipeline_that_tries_again_after_the_abort_computes_nothing_more(pipeline: Any) -> None:
    retrying = as_class(pipeline, RetryingPipeline)
    record = GenerationRecord()
    steered = SteeredPipeline(retrying, watches=[watch(lambda _: 1.0)])
    with pytest.raises(ModerationBlocked) as caught:
        steered.generate(plan(Method.WATCHING), record=record, **arguments("wan"))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert retrying.attempts == 3
    # Two calls in each of the two computed steps.
    assert record.denoiser_calls == 4
    assert record.outcome == "moderation_blocked"


def test_an_output_made_past_the_hooks_is_not_returned_if_anything_was_asked(pipeline: Any) -> None:
    steered = SteeredPipeline(as_class(pipeline, OtherSchedulerPipeline), watches=[watch(lambda _: 0.0)])
    with pytest.raises(SteeringNotApplied):
        steered.generate(plan(Method.WATCHING), **arguments("wan"))
    assert steered.generate(SteeringPlan(), **arguments("wan")).output.frames.shape == (1,)


def test_an_unfinished_output_is_not_returned(pipeline: Any) -> None:
    with pytest.raises(IncompleteGeneration, match="after 2 of 4 steps"):
        SteeredPipeline(as_class(pipeline, InterruptedPipeline)).generate(
            plan(Method.NEGATIVE), **arguments("wan")
        )


def test_an_unknown_architecture_is_refused_where_required_and_a_gap_elsewhere(pipeline: Any) -> None:
    expected = pipeline(**arguments("wan", prompt=UNSAFE)).frames
    unknown = as_class(pipeline, UnknownPipeline)
    steered = SteeredPipeline(unknown)
    with pytest.raises(SteeringRefused) as caught:
        steered.generate(plan(Method.EMBEDDING, required=True), **arguments("wan", prompt=UNSAFE))
    assert [gap.name for gap in caught.value.gaps] == [GapName.UNKNOWN_ARCHITECTURE]
    generation = steered.generate(plan(Method.EMBEDDING, Method.GUIDANCE), **arguments("wan", prompt=UNSAFE))
    assert torch.equal(generation.output.frames, expected)
    assert generation.record.applied == []
    assert GapName.UNKNOWN_ARCHITECTURE in [gap.name for gap in generation.record.gaps]


@pytest.mark.parametrize("method", [Method.GUIDANCE, Method.NEGATIVE])
def test_a_generation_without_negative_branch_is_refused_where_required_and_a_gap_elsewhere(
    pipeline: Any, method: Method
) -> None:
    given = arguments("wan") | {"guidance_scale": 1.0}
    expected = pipeline(**given).frames
    steered = SteeredPipeline(pipeline)
    with pytest.raises(SteeringRefused):
        steered.generate(plan(method, required=True), **arguments("wan") | {"guidance_scale": 1.0})
    generation = steered.generate(plan(method), **arguments("wan") | {"guidance_scale": 1.0})
    assert torch.equal(generation.output.frames, expected)
    assert generation.record.applied == []
    assert [gap.name for gap in generation.record.gaps] == [GapName.NO_NEGATIVE_BRANCH]


def test_a_pipeline_without_negative_prompts_is_found_by_the_probe(pipeline: Any) -> None:
    names = [gap.name for gap in probe(as_class(pipeline, NoNegativePipeline)).gaps]
    assert GapName.NO_NEGATIVE_BRANCH in names


def test_a_rescaled_guidance_is_a_gap_and_not_corrected() -> None:
    ltx = tiny_pipelines.build("ltx")
    given = arguments("ltx") | {"guidance_rescale": 0.9, "guidance_scale": 30.0}
    expected = ltx(**given).frames
    generation = SteeredPipeline(ltx).generate(
        plan(Method.GUIDANCE), **arguments("ltx") | {"guidance_rescale": 0.9, "guidance_scale": 30.0}
    )
    assert torch.equal(generation.output.frames, expected)
    assert [gap.name for gap in generation.record.gaps] == [GapName.OTHER_GUIDANCE]


@pytest.mark.parametrize("methods", [(), (Method.WATCHING,)])
def test_latents_that_are_not_numbers_fail_and_the_next_output_is_identical(
    pipeline: Any, methods: tuple[Method, ...]
) -> None:
    expected = pipeline(**arguments("wan")).frames
    bias = pipeline.transformer.proj_out.bias
    kept = bias.detach().clone()
    with torch.no_grad():
        bias.fill_(float("nan"))
    record = GenerationRecord()
    steered = SteeredPipeline(pipeline, watches=[watch(lambda _: 0.0)])
    with pytest.raises(InvalidLatents):
        steered.generate(plan(*methods), record=record, **arguments("wan"))
    assert record.outcome == "failed"
    # The watcher sees it in its first check; without one, only the result is looked at.
    assert record.steps_done == (2 if methods else STEPS)
    with torch.no_grad():
        bias.copy_(kept)
    assert torch.equal(pipeline(**arguments("wan")).frames, expected)


@pytest.mark.parametrize("returned", [float("nan"), float("inf"), "text", None])
def test_a_detector_without_a_number_ends_the_generation(pipeline: Any, returned: Any) -> None:
    with pytest.raises(DetectorFailed):
        SteeredPipeline(pipeline, watches=[watch(lambda _: returned)]).generate(
            plan(Method.WATCHING), **arguments("wan")
        )


def test_a_detector_that_cannot_decode_ends_the_generation(pipeline: Any) -> None:
    def detector(estimate: Estimate) -> float:
        return float(estimate.frames().mean())

    steered = SteeredPipeline(as_class(pipeline, UnknownPipeline), watches=[watch(detector)])
    with pytest.raises(DetectorFailed):
        steered.generate(plan(Method.WATCHING), **arguments("wan"))


def test_watching_without_a_detector_is_refused_where_required_and_a_gap_elsewhere(pipeline: Any) -> None:
    with pytest.raises(SteeringRefused):
        SteeredPipeline(pipeline).generate(plan(Method.WATCHING, required=True), **arguments("wan"))
    record = SteeredPipeline(pipeline).generate(plan(Method.WATCHING), **arguments("wan")).record
    assert [gap.name for gap in record.gaps] == [GapName.NO_DETECTOR]
    assert record.applied == []


@pytest.mark.parametrize("name", ["prompt_embeds", "negative_prompt_embeds"])
def test_text_given_as_vectors_would_bypass_the_steering(pipeline: Any, name: str) -> None:
    with pytest.raises(ValueError, match="would bypass"):
        SteeredPipeline(pipeline).generate(
            plan(Method.NEGATIVE), **arguments("wan"), **{name: torch.zeros(1, 32, 32)}
        )


def test_running_out_of_memory_passes_through_and_the_next_output_is_identical(
    pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = pipeline(**arguments("wan")).frames
    steered = SteeredPipeline(pipeline)

    def forward(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(pipeline.transformer, "forward", forward)
    with pytest.raises(torch.OutOfMemoryError):
        steered.generate(plan(Method.GUIDANCE), **arguments("wan"))
    monkeypatch.undo()
    assert torch.equal(pipeline(**arguments("wan")).frames, expected)


def test_two_generations_at_a_time_on_one_pipeline_do_not_mix(pipeline: Any) -> None:
    steered = SteeredPipeline(pipeline)
    prompts = ["a red ball", UNSAFE] * 3
    alone = [
        steered.generate(plan(Method.EMBEDDING), **arguments("wan", prompt=text)).output.frames
        for text in prompts
    ]
    together: dict[int, torch.Tensor] = {}

    def generate(index: int, text: str) -> None:
        generation = steered.generate(plan(Method.EMBEDDING), **arguments("wan", prompt=text))
        together[index] = generation.output.frames

    threads = [threading.Thread(target=generate, args=item) for item in enumerate(prompts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(together[index], frames) for index, frames in enumerate(alone))


def _compiled(pipeline: Any) -> None:
    pipeline.transformer._compiled_call_impl = pipeline.transformer._call_impl


def _with_lora(pipeline: Any) -> None:
    pipeline.transformer.peft_config = {"default": object()}


def _offloaded(pipeline: Any) -> None:
    pipeline.transformer._hf_hook = object()


def _cached(pipeline: Any) -> None:
    from diffusers import FirstBlockCacheConfig

    pipeline.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.1))


def _spread(pipeline: Any) -> None:
    pipeline.hf_device_map = {"transformer": 0, "vae": 1}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (_compiled, GapName.COMPILED),
        (_with_lora, GapName.LORA_LOADED),
        (_cached, GapName.CACHED),
        (_offloaded, GapName.OFFLOADED),
        (_spread, GapName.SEVERAL_DEVICES),
    ],
)
def test_the_probe_finds_what_was_done_to_a_pipeline_after_loading(
    pipeline: Any, change: Any, name: GapName
) -> None:
    steered = SteeredPipeline(pipeline)
    change(pipeline)
    assert name in [gap.name for gap in probe(pipeline).gaps]
    with pytest.raises(SteeringRefused):
        steered.generate(plan(Method.GUIDANCE, required=True), **arguments("wan"))


def test_a_pipeline_that_starts_from_an_image_has_a_gap_for_its_text_steering() -> None:
    from diffusers import LTXImageToVideoPipeline

    ltx = tiny_pipelines.build("ltx")
    from_image = LTXImageToVideoPipeline(**ltx.components)
    found = probe(from_image)
    assert GapName.IMAGE_INPUT in [gap.name for gap in found.gaps]
    assert found.blocking(frozenset({Method.EMBEDDING}))
    assert not found.blocking(frozenset({Method.GUIDANCE, Method.WATCHING}))


def test_a_scheduler_whose_prediction_is_not_known_cannot_be_watched(pipeline: Any) -> None:
    pipeline.scheduler.register_to_config(prediction_type="other")
    assert GapName.NO_CLEAN_IMAGE in [gap.name for gap in probe(pipeline).gaps]


def test_a_scheduler_that_scales_its_latents_by_another_rule_cannot_be_watched() -> None:
    from diffusers import EulerDiscreteScheduler

    pipeline = tiny_pipelines.build("animatediff")
    assert GapName.NO_CLEAN_IMAGE not in [gap.name for gap in probe(pipeline).gaps]
    pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    assert GapName.NO_CLEAN_IMAGE in [gap.name for gap in probe(pipeline).gaps]


def test_a_clip_in_several_passes_is_a_gap() -> None:
    pipeline = tiny_pipelines.build("animatediff")
    pipeline.enable_free_init()
    assert probe(pipeline).blocking(frozenset({Method.WATCHING}))
