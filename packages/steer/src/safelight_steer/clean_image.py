"""The clean image that a scheduler's step implies: an estimate at no cost to the denoiser."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class UnknownPrediction(ValueError):
    """What the scheduler's model predicts is not known, so no clean image can be computed."""


def prediction_type(scheduler: Any) -> str:
    """`flow`, `epsilon`, `v` or `sample`. Raises `UnknownPrediction`."""
    config = getattr(scheduler, "config", None)
    stated = config.get("prediction_type") if config is not None and hasattr(config, "get") else None
    if stated == "flow_prediction" or (stated is None and type(scheduler).__name__.startswith("FlowMatch")):
        if getattr(scheduler, "sigmas", None) is not None:
            return "flow"
    # Euler's and its kin scale the latents by another rule.
    elif getattr(scheduler, "alphas_cumprod", None) is not None and float(scheduler.init_noise_sigma) == 1.0:
        known = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}
        if stated in known:
            return known[stated]
    raise UnknownPrediction(f"{type(scheduler).__name__} with prediction_type {stated!r}")


def estimate(scheduler: Any, *, model_output: Tensor, timestep: Any, sample: Tensor) -> Tensor:
    """The clean latents. `model_output` is the prediction after guidance."""
    kind = prediction_type(scheduler)
    output, noisy = model_output.float(), sample.float()
    moment = torch.as_tensor(timestep, device=noisy.device).flatten()[0]
    if kind == "flow":
        timesteps = torch.as_tensor(scheduler.timesteps, device=noisy.device)
        index = int((timesteps.float() - moment.float()).abs().argmin())
        sigma = torch.as_tensor(scheduler.sigmas, device=noisy.device)[index].float()
        return noisy - sigma * output
    if kind == "sample":
        return output
    alpha = torch.as_tensor(scheduler.alphas_cumprod, device=noisy.device)[int(moment)].float()
    if kind == "v":
        return alpha.sqrt() * noisy - (1 - alpha).sqrt() * output
    return (noisy - (1 - alpha).sqrt() * output) / alpha.sqrt().clamp_min(1e-6)


def estimate_after_step(scheduler: Any, *, before: Tensor, after: Tensor, step: int) -> Tensor:
    """The clean latents from the latents before and after a step, where the prediction itself is not at hand.

    Raises `UnknownPrediction` for schedulers whose steps cannot be reversed in this way.
    """
    config = scheduler.config
    outputs = getattr(scheduler, "model_outputs", None)
    if outputs and outputs[-1] is not None:
        # Multistep solvers of the second kind keep their estimate.
        if config.get("predict_x0") or str(config.get("algorithm_type", "")).endswith("++"):
            return torch.as_tensor(outputs[-1]).float()
    elif type(scheduler).__name__ == "FlowMatchEulerDiscreteScheduler" and not config.get(
        "stochastic_sampling"
    ):
        sigma, following = (float(scheduler.sigmas[i]) for i in (step, step + 1))
        velocity = (before.float() - after.float()) / (sigma - following)
        return before.float() - sigma * velocity
    raise UnknownPrediction(f"{type(scheduler).__name__} keeps no estimate of the clean image")
