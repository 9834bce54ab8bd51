"""Guidance with a safety arm: a third prediction of the denoiser, whose direction is subtracted.

The form is that of Safe Latent Diffusion (arXiv 2211.05105). Its constants are absolute values for the
noise of one image model; the velocities of flow matching have other magnitudes. Differences are therefore
taken relative to the size of the safety direction, so that one set of constants has the same meaning in
every model. Weights and momentum are averaged over the frames, as a weight per frame flickers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: How far the prediction may be from the combination of its two parts, as a share. Half precision differs
#: by less than 1 %; another formula, such as a rescaled guidance, by more.
COMBINATION_TOLERANCE = 0.02


@dataclass(frozen=True, kw_only=True)
class GuidanceSettings:
    """Constants of the arm. Chosen by reasoning; they were tuned on no trained model."""

    #: Factor from the relative difference to the weight. At 1, an element whose conditional prediction is
    #: as far from the safety prediction as that is from the unconditional one gets the full weight.
    strength: float = 1.0
    #: An element is steered if the conditional prediction is less than this above the safety prediction, in
    #: units of the safety direction. 0 would leave out the elements where both agree exactly.
    threshold: float = 0.1
    #: Share of the steps before the correction begins. The first steps decide the layout of the scene;
    #: SLD's medium setting waits for 10 of 50 steps, and less is needed if layout itself is to be
    #: prevented.
    warm_up_share: float = 0.1
    #: Momentum and its decay: the values of SLD's medium setting.
    momentum: float = 0.3
    momentum_decay: float = 0.4


def is_plain_guidance(prediction: Tensor, conditional: Tensor, unconditional: Tensor, scale: float) -> bool:
    """Whether the prediction is the usual combination of its two parts, so that the scale is known."""
    combined = unconditional + scale * (conditional - unconditional)
    tolerance = COMBINATION_TOLERANCE * float(prediction.float().std())
    if combined.shape != prediction.shape:
        return False
    return bool(
        torch.allclose(combined.float(), prediction.float(), rtol=COMBINATION_TOLERANCE, atol=tolerance)
    )


class SafetyArm:
    """The correction of one generation. Keeps the momentum between its steps.

    `frame_axis` is the axis of the frames in a prediction; None if the pipeline's layout is not known, then
    nothing is averaged.
    """

    def __init__(self, settings: GuidanceSettings | None = None, *, frame_axis: int | None = None) -> None:
        self._settings = settings or GuidanceSettings()
        self._frame_axis = frame_axis
        self._momentum: Tensor | None = None

    def correction(
        self, *, conditional: Tensor, unconditional: Tensor, safety: Tensor, step: int, steps: int
    ) -> Tensor:
        """What is to be subtracted from `conditional - unconditional`, before the guidance scale."""
        settings = self._settings
        direction = (safety - unconditional).float()
        axes = tuple(range(1, direction.dim()))
        size = direction.pow(2).mean(dim=axes, keepdim=True).sqrt().clamp_min(1e-12)
        difference = (conditional - safety).float() / size
        weight = (settings.strength * difference.abs()).clamp(max=1.0)
        weight = torch.where(difference < settings.threshold, weight, torch.zeros_like(weight))
        correction = self._averaged(weight) * direction
        if self._momentum is None:
            self._momentum = torch.zeros_like(correction)
        correction = correction + settings.momentum * self._momentum
        decay = settings.momentum_decay
        self._momentum = self._averaged(decay * self._momentum + (1 - decay) * correction)
        if step < settings.warm_up_share * steps:
            return torch.zeros_like(correction).to(conditional.dtype)
        return correction.to(conditional.dtype)

    def _averaged(self, values: Tensor) -> Tensor:
        if self._frame_axis is None:
            return values
        return values.mean(dim=self._frame_axis, keepdim=True).expand_as(values)
