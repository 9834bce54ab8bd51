from __future__ import annotations

from typing import Any

import pytest
import tiny_pipelines
import torch
from diffusers.guiders import ClassifierFreeGuidance
from tiny_pipelines import arguments

from safelight_steer.diffusers_guider import SafetyGuidance
from safelight_steer.guidance import GuidanceSettings

NAME = "hunyuan_1_5"


@pytest.fixture
def pipeline() -> Any:
    return tiny_pipelines.build(NAME)


def safety_inputs(pipeline: Any) -> dict[str, torch.Tensor]:
    names = (
        "encoder_hidden_states",
        "encoder_attention_mask",
        "encoder_hidden_states_2",
        "encoder_attention_mask_2",
    )
    with torch.no_grad():
        encoded = pipeline.encode_prompt("red paint splash")
    return dict(zip(names, encoded, strict=True))


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_without_a_concept_it_equals_classifier_free_guidance(pipeline: Any, scale: float) -> None:
    pipeline.guider = ClassifierFreeGuidance(guidance_scale=scale)
    expected = pipeline(**arguments(NAME)).frames
    pipeline.guider = SafetyGuidance(guidance_scale=scale)
    assert torch.equal(pipeline(**arguments(NAME)).frames, expected)


def test_a_concept_changes_the_output_until_it_is_taken_away(pipeline: Any) -> None:
    pipeline.guider = SafetyGuidance(guidance_scale=4.0)
    expected = pipeline(**arguments(NAME)).frames
    pipeline.guider.steer(safety_inputs(pipeline))
    steered = pipeline(**arguments(NAME)).frames
    assert not torch.equal(steered, expected)
    assert torch.equal(pipeline(**arguments(NAME)).frames, steered)
    pipeline.guider.steer({})
    assert torch.equal(pipeline(**arguments(NAME)).frames, expected)


def test_a_concept_of_no_strength_equals_classifier_free_guidance(pipeline: Any) -> None:
    expected = pipeline(**arguments(NAME)).frames
    pipeline.guider = SafetyGuidance(guidance_scale=4.0)
    pipeline.guider.steer(safety_inputs(pipeline), settings=GuidanceSettings(strength=0.0, momentum=0.0))
    assert torch.equal(pipeline(**arguments(NAME)).frames, expected)


def test_an_input_that_the_denoiser_does_not_have_is_refused(pipeline: Any) -> None:
    pipeline.guider = SafetyGuidance(guidance_scale=4.0)
    pipeline.guider.steer({"text": torch.zeros(1)})
    with pytest.raises(ValueError, match="no text input 'text'"):
        pipeline(**arguments(NAME))


def test_its_settings_are_saved_and_loaded(tmp_path: Any) -> None:
    SafetyGuidance(guidance_scale=3.5, frame_axis=1).save_pretrained(tmp_path)
    loaded = SafetyGuidance.from_pretrained(tmp_path)
    assert (loaded.guidance_scale, loaded.config.frame_axis) == (3.5, 1)
