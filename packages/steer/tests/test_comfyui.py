"""The nodes of ComfyUI, against a stand-in for its samplers over a tiny Wan: ComfyUI is no package."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comfy_stand_in as stand_in
import pytest
import tiny_pipelines
import torch

from safelight_steer.errors import (
    DetectorFailed,
    InvalidLatents,
    ModerationBlocked,
    SteeringRefused,
    UnsafeWeights,
)
from safelight_steer.latent_head import LatentHead, save_watch
from safelight_steer.plan import DRAWN
from safelight_steer.sequential_test import Boundary
from safelight_steer.watcher import Watch

PROMPT = "a red paint splash hits the wall"
CHANNELS = 16


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return tiny_pipelines.build("wan")


@pytest.fixture
def model(pipeline: Any) -> stand_in.ModelPatcher:
    return stand_in.ModelPatcher(stand_in.WAN21(pipeline.transformer))


@pytest.fixture
def clip(pipeline: Any) -> stand_in.Clip:
    return stand_in.Clip(pipeline)


@pytest.fixture(autouse=True)
def comfy() -> Iterator[None]:
    with stand_in.installed():
        yield


@pytest.fixture
def concepts(tmp_path: Path) -> str:
    concept = {"phrases": ["red paint splash"], "near_misses": ["red ball"], "anchor": "blue water splash"}
    path = tmp_path / "concepts.json"
    path.write_text(json.dumps({"splash": concept}))
    return str(path)


def watch_folder(tmp_path: Path, *, bias: float, name: str = "watch") -> str:
    head = LatentHead(torch.zeros(2 * CHANNELS), torch.tensor(bias), channel_axis=1)
    save_watch(tmp_path / name, Watch(name="splash", detector=head, boundary=Boundary.fixed(0.4)))
    return str(tmp_path / name)


class Graph:
    """The node with its inputs, as a graph holds it."""

    def __init__(self, model: Any, clip: Any, concepts: str) -> None:
        nodes = importlib.import_module("safelight_steer.comfyui")
        self.node = nodes.NODE_CLASS_MAPPINGS["SafelightSteer"]()
        self.show = nodes.NODE_CLASS_MAPPINGS["SafelightRecord"]()
        inputs = self.node.INPUT_TYPES()["required"]
        self.given = {name: options[0]["default"] for name, (_, *options) in inputs.items() if options} | {
            "model": model,
            "clip": clip,
            "prompt": PROMPT,
            "concepts": concepts,
            "categories": "splash",
        }

    def run(self, **changed: Any) -> tuple[Any, Any, Any, Any]:
        return self.node.steer(**self.given | changed)  # type: ignore[no-any-return]

    def record(self, record: Any) -> dict[str, Any]:
        _, text = self.show.read({}, record)
        return json.loads(text)  # type: ignore[no-any-return]


@pytest.fixture
def graph(model: Any, clip: Any, concepts: str) -> Graph:
    return Graph(model, clip, concepts)


NOTHING = {"embedding": False, "anchor": False, "categories": ""}


def test_without_a_method_the_samples_are_those_of_the_plain_model(
    graph: Graph, model: Any, clip: Any
) -> None:
    patched, positive, negative, record = graph.run(**NOTHING)
    own = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in (PROMPT, "")]
    assert torch.equal(stand_in.sample(patched, positive, negative), stand_in.sample(model, *own))
    assert graph.record(record)["asked"] == []


def test_the_embedding_is_changed_for_the_concept_and_for_no_near_miss(graph: Graph, clip: Any) -> None:
    for prompt, opens in ((PROMPT, True), ("a red ball rolls down a green hill", False)):
        patched, positive, negative, record = graph.run(prompt=prompt)
        plain = clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
        assert torch.equal(positive[0][0], plain[0][0]) is not opens
        stand_in.sample(patched, positive, negative)
        shown = graph.record(record)
        assert shown["gates"][0]["opened"] is opens
        assert shown["applied"] == (["anchor", "embedding"] if opens else ["embedding"])
        assert (shown["outcome"], shown["steps"], shown["steps_done"]) == ("completed", 4, 4)


def test_only_positions_of_words_are_changed(graph: Graph, clip: Any) -> None:
    _, positive, _, record = graph.run()
    ((plain, _),) = clip.encode_from_tokens_scheduled(clip.tokenize(PROMPT))
    changed = (positive[0][0] != plain)[0].any(dim=1)
    assert int(changed.sum()) == record.gates[0].positions
    assert not changed[len(PROMPT.split()) :].any()


def test_style_stands_before_the_prompt(graph: Graph, clip: Any) -> None:
    _, positive, _, record = graph.run(style=True, embedding=False, anchor=False)
    drawn = clip.encode_from_tokens_scheduled(clip.tokenize(DRAWN + PROMPT))
    assert torch.equal(positive[0][0], drawn[0][0])
    assert record.applied == ["style"]


def test_what_comes_from_an_image_stays_in_the_third_prediction(
    graph: Graph, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    own = stand_in.WAN21.extra_conds
    monkeypatch.setattr(
        stand_in.WAN21,
        "extra_conds",
        lambda self, **given: own(self, **given) | {"c_concat": given.get("concat_latent_image")},
    )
    predict = stand_in.calc_cond_batch
    monkeypatch.setattr(
        importlib.import_module("comfy.samplers"),
        "calc_cond_batch",
        lambda model, conds, *rest: seen.append(conds) or predict(model, conds, *rest),
    )
    patched, positive, negative, _ = graph.run(guidance=True)
    positive[0][1]["concat_latent_image"] = "first frame"
    stand_in.sample(patched, positive, negative)
    ((safety,),) = seen[0]
    assert safety["model_conds"]["c_concat"] == "first frame"
    assert not torch.equal(safety["model_conds"]["c_crossattn"], positive[0][0])


def test_concepts_are_encoded_once_for_a_node(graph: Graph, clip: Any) -> None:
    graph.run()
    before = clip.encoded
    graph.run(prompt="another red paint splash")
    # The prompt and the negative prompt.
    assert clip.encoded == before + 2


def test_the_safety_arm_makes_a_third_prediction_and_changes_the_samples(graph: Graph, model: Any) -> None:
    plain, positive, negative, _ = graph.run(**NOTHING)
    unsteered = stand_in.sample(plain, positive, negative)
    patched, positive, negative, record = graph.run(embedding=False, anchor=False, guidance=True)
    model.model.calls = 0
    steered = stand_in.sample(patched, positive, negative)
    assert model.model.calls == 12
    assert not torch.allclose(steered, unsteered)
    shown = graph.record(record)
    assert (shown["denoiser_calls"], shown["safety_calls"], shown["applied"]) == (12, 4, ["guidance"])


def test_another_formula_of_guidance_is_a_gap_and_an_error_where_guidance_is_required(
    graph: Graph, model: Any
) -> None:
    model.set_model_sampler_cfg_function(lambda args: args["uncond"])
    patched, positive, negative, record = graph.run(guidance=True)
    stand_in.sample(patched, positive, negative)
    assert "other_guidance" in {gap["name"] for gap in graph.record(record)["gaps"]}
    patched, positive, negative, record = graph.run(guidance=True, required="guidance")
    with pytest.raises(SteeringRefused):
        stand_in.sample(patched, positive, negative)
    assert graph.record(record)["outcome"] == "failed"


def test_a_scale_of_one_has_no_negative_branch(graph: Graph) -> None:
    patched, positive, negative, record = graph.run(negative=True, guidance=True)
    stand_in.sample(patched, positive, negative, cfg=1.0)
    assert "no_negative_branch" in {gap["name"] for gap in graph.record(record)["gaps"]}
    assert "negative" not in graph.record(record)["applied"]
    patched, positive, negative, _ = graph.run(negative=True, required="negative")
    with pytest.raises(SteeringRefused):
        stand_in.sample(patched, positive, negative, cfg=1.0)


def test_our_negative_prompt_stands_before_the_users(graph: Graph, clip: Any) -> None:
    _, _, negative, _ = graph.run(negative=True, negative_prompt="blurred")
    joined = clip.encode_from_tokens_scheduled(clip.tokenize("red paint splash, blurred"))
    assert torch.equal(negative[0][0], joined[0][0])


@pytest.mark.parametrize("heun", [False, True])
def test_a_stopped_sampling_returns_nothing_and_the_next_one_is_as_before(
    graph: Graph, model: Any, tmp_path: Path, heun: bool
) -> None:
    plain, positive, negative, _ = graph.run(**NOTHING)
    before = stand_in.sample(plain, positive, negative, heun=heun)
    folder = watch_folder(tmp_path, bias=10.0)
    patched, positive, negative, record = graph.run(**NOTHING, watch=folder, required="watching")
    with pytest.raises(ModerationBlocked) as blocked:
        stand_in.sample(patched, positive, negative, steps=8, heun=heun)
    shown = graph.record(record)
    assert shown["outcome"] == "moderation_blocked"
    assert shown["saved_share"] == pytest.approx(blocked.value.saved_share)
    assert shown["steps_done"] < 8
    assert "false_abort_rate_unknown" in {gap["name"] for gap in shown["gaps"]}
    assert torch.equal(stand_in.sample(plain, positive, negative, heun=heun), before)


def test_a_model_that_is_sampled_again_begins_anew(graph: Graph, tmp_path: Path) -> None:
    patched, positive, negative, record = graph.run(guidance=True, watch=watch_folder(tmp_path, bias=-10.0))
    first = stand_in.sample(patched, positive, negative)
    shown = graph.record(record)
    assert torch.equal(stand_in.sample(patched, positive, negative), first)
    assert graph.record(record) == shown
    assert [check["step"] for check in shown["checks"]] == [1, 2, 3]


def test_each_step_is_read_once_by_a_sampler_with_two_calls_in_a_step(graph: Graph, tmp_path: Path) -> None:
    patched, positive, negative, record = graph.run(watch=watch_folder(tmp_path, bias=-10.0))
    stand_in.sample(patched, positive, negative, heun=True)
    assert [check["step"] for check in graph.record(record)["checks"]] == [1, 2, 3]


def test_an_encoder_of_several_models_is_a_gap_and_an_error_where_required(
    model: Any, pipeline: Any, concepts: str
) -> None:
    graph = Graph(model, stand_in.Clip(pipeline, ("umt5xxl", "l")), concepts)
    *_, record = graph.run()
    assert "unknown_architecture" in {gap["name"] for gap in graph.record(record)["gaps"]}
    with pytest.raises(SteeringRefused):
        graph.run(required="embedding")


def test_latents_that_are_no_numbers_end_the_sampling(graph: Graph, model: Any, tmp_path: Path) -> None:
    patched, positive, negative, _ = graph.run(watch=watch_folder(tmp_path, bias=-10.0))
    positive[0][0] = positive[0][0] * float("nan")
    with pytest.raises(InvalidLatents):
        stand_in.sample(patched, positive, negative)


def test_a_comfyui_that_does_not_tell_its_steps_is_refused(graph: Graph) -> None:
    patched, positive, negative, _ = graph.run(guidance=True)
    with pytest.raises(DetectorFailed, match="too old"):
        stand_in.sample(patched, positive, negative, with_sigmas=False)


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"categories": "unheard-of"}, ValueError),
        ({"categories": ""}, ValueError),
        ({"required": "guidance"}, ValueError),
        ({"required": "hope"}, ValueError),
        ({"watch": "/nowhere"}, UnsafeWeights),
        ({"concepts": "/nowhere.json"}, OSError),
    ],
)
def test_a_wrong_input_is_an_error(graph: Graph, inputs: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        graph.run(**inputs)
