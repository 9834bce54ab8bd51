from __future__ import annotations

import pytest
import torch

from safelight_steer.guidance import GuidanceSettings, SafetyArm

SHAPE = (1, 4, 3, 2, 2)


def arms(scale: float = 1.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    names = ("conditional", "unconditional", "safety")
    return {name: scale * torch.randn(SHAPE, generator=generator) for name in names}


def test_the_constants_have_the_same_meaning_at_every_magnitude() -> None:
    small = SafetyArm().correction(**arms(), step=5, steps=10)
    large = SafetyArm().correction(**arms(1000.0), step=5, steps=10)
    assert torch.allclose(large, 1000 * small, rtol=1e-4, atol=1e-3)
    assert small.abs().sum() > 0


def test_nothing_is_subtracted_where_the_prompt_is_far_above_the_concept() -> None:
    given = arms()
    given["conditional"] = given["safety"] + 100.0
    assert torch.equal(SafetyArm().correction(**given, step=5, steps=10), torch.zeros(SHAPE))


def test_nothing_is_subtracted_during_the_warm_up_but_momentum_builds() -> None:
    arm = SafetyArm(GuidanceSettings(warm_up_share=0.5))
    assert not arm.correction(**arms(), step=0, steps=10).any()
    late = arm.correction(**arms(), step=5, steps=10)
    fresh = SafetyArm(GuidanceSettings(warm_up_share=0.5)).correction(**arms(), step=5, steps=10)
    assert not torch.equal(late, fresh)


def test_every_frame_has_the_same_weight() -> None:
    given = arms()
    settings = GuidanceSettings(momentum=0.0)
    correction = SafetyArm(settings, frame_axis=2).correction(**given, step=5, steps=10)
    weight = correction / (given["safety"] - given["unconditional"])
    assert torch.allclose(weight, weight[:, :, :1].expand_as(weight), atol=1e-5)


def test_equal_predictions_give_no_correction_and_no_nan() -> None:
    same = torch.ones(SHAPE)
    correction = SafetyArm().correction(conditional=same, unconditional=same, safety=same, step=5, steps=10)
    assert torch.equal(correction, torch.zeros(SHAPE))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_correction_has_the_precision_of_the_prediction(dtype: torch.dtype) -> None:
    given = {name: value.to(dtype) for name, value in arms().items()}
    assert SafetyArm().correction(**given, step=5, steps=10).dtype == dtype
