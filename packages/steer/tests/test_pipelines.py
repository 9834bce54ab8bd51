"""Steering and watching on tiny random pipelines of every architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tiny_pipelines
import torch
from tiny_pipelines import STEPS, arguments

from safelight_steer.architectures import ARCHITECTURES, architecture_of
from safelight_steer.diffusers_callback import WatchingCallback
from safelight_steer.errors import GenerationCancelled, ModerationBlocked
from safelight_steer.guidance import GuidanceSettings
from safelight_steer.plan import DRAWN, REALISTIC, Concept, Method, SteeringPlan
from safelight_steer.probe import probe
from safelight_steer.record import GenerationRecord
from safelight_steer.sequential_test import Boundary
from safelight_steer.steered_pipeline import SteeredPipeline
from safelight_steer.watcher import Estimate, Watch

NAMES = list(tiny_pipelines.BUILDERS)
SPLASH = Concept(
    id="splash",
    phrases=("red paint splash",),
    near_misses=("red ball", "blue splash"),
    anchor="blue water splash",
)
UNSAFE = "a red paint splash hits the wall"
STEERED = [
    frozenset({Method.EMBEDDING}),
    frozenset({Method.EMBEDDING, Method.ANCHOR}),
    frozenset({Method.GUIDANCE}),
    frozenset({Method.NEGATIVE}),
    frozenset({Method.STYLE}),
]

Pipelines = dict[str, Any]


def plan(*methods: Method, required: bool = True) -> SteeringPlan:
    wanted = frozenset(methods)
    return SteeringPlan(concepts=(SPLASH,), methods=wanted, required=wanted if required else frozenset())


def watch(score: Callable[[Estimate], float], limit: float = 0.4) -> Watch:
    return Watch(name="toy", detector=score, boundary=Boundary.fixed(limit))


@pytest.fixture(scope="module")
def own(pipelines: Pipelines) -> Callable[..., torch.Tensor]:
    """The pipeline's own output."""
    kept: dict[tuple[str, str], torch.Tensor] = {}

    def output(name: str, prompt: str = "a red ball rolls down a green hill") -> torch.Tensor:
        if (name, prompt) not in kept:
            kept[name, prompt] = pipelines[name](**arguments(name, prompt=prompt)).frames
        return kept[name, prompt]

    return output


@pytest.mark.parametrize("name", NAMES)
def test_the_output_without_a_plan_is_the_pipelines_own(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str
) -> None:
    expected = own(name)
    steps: list[tuple[int, int]] = []
    generation = SteeredPipeline(pipelines[name]).generate(
        SteeringPlan(), progress=lambda done, of: steps.append((done, of)), **arguments(name)
    )
    assert torch.equal(generation.output.frames, expected)
    assert steps == [(done, STEPS) for done in range(1, STEPS + 1)]
    assert generation.record.outcome == "completed"
    assert not generation.record.gaps


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_without_the_concept_gives_an_identical_output(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str
) -> None:
    generation = SteeredPipeline(pipelines[name]).generate(
        plan(Method.EMBEDDING, Method.ANCHOR), **arguments(name)
    )
    assert torch.equal(generation.output.frames, own(name))
    assert [gate.opened for gate in generation.record.gates] == [False]
    assert generation.record.applied == [Method.EMBEDDING]


@pytest.mark.parametrize("methods", STEERED, ids=lambda methods: "+".join(sorted(methods)))
@pytest.mark.parametrize("name", NAMES)
def test_a_method_changes_this_output_and_not_the_next(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str, methods: frozenset[Method]
) -> None:
    expected = own(name, UNSAFE)
    generation = SteeredPipeline(pipelines[name]).generate(plan(*methods), **arguments(name, prompt=UNSAFE))
    assert not torch.equal(generation.output.frames, expected)
    assert methods <= set(generation.record.applied)
    assert torch.equal(pipelines[name](**arguments(name, prompt=UNSAFE)).frames, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_safety_arm_of_no_strength_reproduces_the_pipelines_guidance(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str
) -> None:
    settings = GuidanceSettings(strength=0.0, momentum=0.0)
    generation = SteeredPipeline(pipelines[name], guidance=settings).generate(
        plan(Method.GUIDANCE), **arguments(name)
    )
    assert torch.equal(generation.output.frames, own(name))
    record = generation.record
    assert record.safety_calls == STEPS
    # These make both predictions in one call.
    assert record.denoiser_calls == STEPS * (2 if name in {"ltx", "cogvideox", "animatediff"} else 3)


@pytest.mark.parametrize("name", NAMES)
def test_the_estimate_of_the_last_step_is_the_result(pipelines: Pipelines, name: str) -> None:
    seen: list[Estimate] = []
    steered = SteeredPipeline(pipelines[name], watches=[watch(lambda estimate: seen.append(estimate) or 0.0)])
    given = arguments(name) | {"output_type": "latent"}
    output = steered.generate(plan(Method.WATCHING), **given).output.frames
    assert [estimate.step for estimate in seen] == [1, 2, 3]
    # Wan's solver corrects its last step with earlier ones, which moves it by a little.
    assert torch.allclose(seen[-1].latents, output.float(), atol=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_of_an_estimate_can_be_decoded(pipelines: Pipelines, name: str) -> None:
    frames: list[torch.Tensor] = []
    steered = SteeredPipeline(
        pipelines[name], watches=[watch(lambda estimate: frames.append(estimate.frames()) or 0.0)]
    )
    steered.generate(plan(Method.WATCHING), **arguments(name))
    for frame in frames:
        assert frame.shape[1] == 3
        assert 0 <= float(frame.min()) <= float(frame.max()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_an_abort_returns_nothing_and_the_next_output_is_identical(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = own(name)
    pipeline = pipelines[name]
    steered = SteeredPipeline(pipeline, watches=[watch(lambda _: 1.0)])
    record = GenerationRecord()

    def decode(*_: Any, **__: Any) -> None:
        raise AssertionError("An aborted generation was decoded.")

    monkeypatch.setattr(pipeline.vae, "decode", decode)
    with pytest.raises(ModerationBlocked) as caught:
        steered.generate(plan(Method.WATCHING), record=record, **arguments(name))
    assert (caught.value.step, caught.value.steps) == (1, STEPS)
    assert record.outcome == "moderation_blocked"
    assert record.steps_done == 2
    assert record.saved_share == 0.5
    assert [check.step for check in record.checks] == [1]
    monkeypatch.undo()
    assert torch.equal(pipeline(**arguments(name)).frames, expected)


@pytest.mark.parametrize("at", range(STEPS))
@pytest.mark.parametrize("name", NAMES)
def test_a_cancel_in_any_step_ends_it_and_the_next_output_is_identical(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str, at: int
) -> None:
    expected = own(name)
    done: list[int] = []
    record = GenerationRecord()
    with pytest.raises(GenerationCancelled):
        SteeredPipeline(pipelines[name]).generate(
            plan(Method.EMBEDDING, Method.GUIDANCE),
            progress=lambda step, _: done.append(step),
            cancelled=lambda: len(done) == at,
            record=record,
            **arguments(name),
        )
    assert record.outcome == "cancelled"
    assert record.saved_share == (STEPS - at - 1) / STEPS
    assert torch.equal(pipelines[name](**arguments(name)).frames, expected)


@pytest.mark.parametrize("name", NAMES)
def test_positions_of_words_leave_out_begin_end_padding_and_templates(
    pipelines: Pipelines, name: str
) -> None:
    pipeline = pipelines[name]
    architecture = architecture_of(pipeline)
    assert architecture is not None
    given = tiny_pipelines.ARGUMENTS[name]
    prompts = ["a red ball", "a red paint splash hits the wall"]
    words = architecture.words(pipeline, prompts, given, 32)
    # HunyuanVideo's encoder has a begin token before its template, so the prompt starts at the first kept
    # position. AnimateDiff's has one before the prompt.
    first = 1 if name == "animatediff" else 0
    assert words.shape == (2, 32)
    assert [row.nonzero().flatten().tolist() for row in words] == [
        list(range(first, first + 3)),
        list(range(first, first + 7)),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_probe_finds_no_gap_that_affects_a_method(pipelines: Pipelines, name: str) -> None:
    found = probe(pipelines[name])
    assert found.architecture in ARCHITECTURES
    assert not found.blocking(frozenset(Method))


def encoded_texts(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the pipeline is given to encode from now on."""
    texts: list[str] = []
    original = pipeline.encode_prompt

    def encode_prompt(*args: Any, **kwargs: Any) -> Any:
        texts.extend(one for one in (*args, *kwargs.values()) if isinstance(one, str))
        return original(*args, **kwargs)

    monkeypatch.setattr(pipeline, "encode_prompt", encode_prompt)
    return texts


@pytest.mark.parametrize("name", NAMES)
def test_the_users_negative_prompt_is_kept_behind_ours(
    pipelines: Pipelines, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = encoded_texts(pipelines[name], monkeypatch)
    SteeredPipeline(pipelines[name]).generate(
        plan(Method.NEGATIVE), **arguments(name) | {"negative_prompt": "blurred, old"}
    )
    assert "red paint splash, blurred, old" in texts


@pytest.mark.parametrize("name", ["wan", "wan_2_2", "ltx", "hunyuan"])
def test_the_callback_alone_aborts_and_the_next_output_is_identical(
    pipelines: Pipelines, own: Callable[..., torch.Tensor], name: str
) -> None:
    expected = own(name)
    seen: list[Estimate] = []
    reading = WatchingCallback([watch(lambda estimate: seen.append(estimate) or 0.0)])
    output = pipelines[name](**arguments(name), callback_on_step_end=reading).frames
    assert torch.equal(output, expected)
    with pytest.raises(ModerationBlocked):
        pipelines[name](**arguments(name), callback_on_step_end=WatchingCallback([watch(lambda _: 1.0)]))
    assert torch.equal(pipelines[name](**arguments(name)).frames, expected)
    # The same estimates as those of the steered pipeline, which sees the prediction itself.
    direct: list[Estimate] = []
    SteeredPipeline(
        pipelines[name], watches=[watch(lambda estimate: direct.append(estimate) or 0.0)]
    ).generate(plan(Method.WATCHING), **arguments(name))
    for callback, own_estimate in zip(seen, direct, strict=True):
        assert torch.allclose(callback.latents, own_estimate.latents, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_style_is_asked_for_before_the_prompt_and_photorealism_denied_before_the_users_negative_prompt(
    pipelines: Pipelines, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = encoded_texts(pipelines[name], monkeypatch)
    made = SteeredPipeline(pipelines[name]).generate(
        plan(Method.STYLE), **arguments(name) | {"negative_prompt": "blurred"}
    )
    assert DRAWN + "a red ball rolls down a green hill" in texts
    assert REALISTIC + ", blurred" in texts
    assert made.record.applied == [Method.STYLE]


def test_several_prompts_in_one_call_are_each_steered_by_their_own_text(pipelines: Pipelines) -> None:
    given = arguments("wan") | {"prompt": ["a red ball", UNSAFE]}
    record = SteeredPipeline(pipelines["wan"]).generate(plan(Method.EMBEDDING), **given).record
    assert [gate.opened for gate in record.gates] == [False, True]
    record = SteeredPipeline(pipelines["wan"]).generate(plan(Method.STYLE), **given).record
    assert record.applied == [Method.STYLE]
