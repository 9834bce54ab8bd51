"""The safety arm as a diffusers guider, for pipelines that have a `guider` component."""

from __future__ import annotations

from typing import Any

from diffusers.configuration_utils import register_to_config
from diffusers.guiders import ClassifierFreeGuidance
from diffusers.guiders.guider_utils import GuiderOutput
from torch import Tensor

from .guidance import GuidanceSettings, SafetyArm


class SafetyGuidance(ClassifierFreeGuidance):  # type: ignore[misc]  # diffusers has no types here
    """Classifier-free guidance; with `steer`, a third prediction for a concept.

    Without a concept it computes exactly what its base class does.
    """

    _input_predictions = ["pred_cond", "pred_uncond", "pred_safety"]  # noqa: RUF012 - an attribute of the base class

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        guidance_scale: float = 7.5,
        guidance_rescale: float = 0.0,
        use_original_formulation: bool = False,
        start: float = 0.0,
        stop: float = 1.0,
        enabled: bool = True,
        frame_axis: int | None = 2,
    ) -> None:
        super().__init__(guidance_scale, guidance_rescale, use_original_formulation, start, stop, enabled)
        self._frame_axis = frame_axis
        self._safety: dict[str, Tensor] = {}
        self._settings: GuidanceSettings | None = None
        self._arm: SafetyArm | None = None

    def steer(self, inputs: dict[str, Tensor], *, settings: GuidanceSettings | None = None) -> None:
        """Steers away from a concept, given as the text inputs of the denoiser; an empty dict ends it."""
        self._safety = dict(inputs)
        self._settings = settings

    def set_state(self, step: int, num_inference_steps: int, timestep: Any) -> None:
        super().set_state(step, num_inference_steps, timestep)
        if step == 0 or self._arm is None:
            self._arm = SafetyArm(self._settings, frame_axis=self._frame_axis)

    @property
    def num_conditions(self) -> int:
        count: int = super().num_conditions
        return count + 1 if count == 2 and self._safety else count

    def prepare_inputs(self, data: dict[str, tuple[Tensor, Tensor]]) -> list[Any]:
        return self._with_safety(
            [self._prepare_batch(data, i, name) for i, name in self._predictions()], data
        )

    def prepare_inputs_from_block_state(self, data: Any, input_fields: dict[str, Any]) -> list[Any]:
        batches = [
            self._prepare_batch_from_block_state(input_fields, data, i, name)
            for i, name in self._predictions()
        ]
        return self._with_safety(batches, input_fields)

    def _predictions(self) -> list[tuple[int, str]]:
        # The third batch starts as the conditional one, so that what is no text stays equal.
        indices = [0, 1, 0][: self.num_conditions]
        return list(zip(indices, self._input_predictions, strict=False))

    def _with_safety(self, batches: list[Any], fields: dict[str, Any]) -> list[Any]:
        if len(batches) == 3:
            for name, value in self._safety.items():
                if name not in fields:
                    raise ValueError(f"The denoiser of this pipeline has no text input {name!r}.")
                setattr(batches[2], name, value)
        return batches

    def forward(
        self, pred_cond: Tensor, pred_uncond: Tensor | None = None, pred_safety: Tensor | None = None
    ) -> Any:
        if pred_safety is None or pred_uncond is None or self._arm is None:
            return super().forward(pred_cond, pred_uncond)
        correction = self._arm.correction(
            conditional=pred_cond,
            unconditional=pred_uncond,
            safety=pred_safety,
            step=self._step,
            steps=self._num_inference_steps,
        )
        guided = super().forward(pred_cond, pred_uncond)
        return GuiderOutput(
            pred=guided.pred - self.guidance_scale * correction, pred_cond=pred_cond, pred_uncond=pred_uncond
        )
