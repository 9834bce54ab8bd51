"""A stand-in for the parts of ComfyUI that `safelight_steer.comfyui` builds on, over a tiny Wan.

ComfyUI is an application and no package, so it is not installed here. Names, arguments and the order of calls
are those of its ModelPatcher and samplers as of release 0.3.60; nothing else of it is imitated. What it shows
is that the nodes fit this interface, not that ComfyUI samples with them.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor

#: ComfyUI pads UMT5 to 512 positions.
MIN_TOKENS = 40


class WrappersMP:
    OUTER_SAMPLE = "outer_sample"


class Clip:
    """A CLIP object with one encoder, UMT5, whose padding is set to zero; or with two, if `parts` has two."""

    def __init__(self, pipeline: Any, parts: tuple[str, ...] = ("umt5xxl",)) -> None:
        self.cond_stage_model = pipeline.text_encoder
        self.layer_idx = None
        self._tokenizer = pipeline.tokenizer
        self._parts = parts
        self.encoded = 0

    def tokenize(self, text: str) -> dict[str, list[list[tuple[int, float]]]]:
        ids = self._tokenizer(text)["input_ids"]
        padded = ids + [self._tokenizer.pad_token_id] * (MIN_TOKENS - len(ids))
        return {name: [[(token, 1.0) for token in padded]] for name in self._parts}

    def encode_from_tokens_scheduled(self, tokens: dict[str, Any]) -> list[list[Any]]:
        self.encoded += 1
        ids = torch.tensor([[token for token, _ in tokens[self._parts[0]][0]]])
        mask = (ids != self._tokenizer.pad_token_id).long()
        with torch.no_grad():
            vectors = self.cond_stage_model(ids, attention_mask=mask).last_hidden_state
        return [[vectors * mask.unsqueeze(-1), {"pooled_output": None}]]


class WAN21:
    """A `BaseModel` of flow matching: the noisy latents are (1 - sigma) * clean + sigma * noise."""

    def __init__(self, transformer: Any) -> None:
        self.diffusion_model = transformer
        self.calls = 0

    def extra_conds(self, **kwargs: Any) -> dict[str, Any]:
        return {"c_crossattn": kwargs["cross_attn"]}

    def apply_model(self, noisy: Tensor, sigma: Tensor, text: Tensor) -> Tensor:
        self.calls += 1
        with torch.no_grad():
            velocity = self.diffusion_model(noisy, sigma * 1000, text, return_dict=False)[0]
        return noisy - sigma.reshape(-1, 1, 1, 1, 1) * velocity


class ModelPatcher:
    def __init__(self, model: WAN21) -> None:
        self.model = model
        self.model_options: dict[str, Any] = {"transformer_options": {}}
        self.wrappers: dict[str, dict[str, list[Any]]] = {}

    def clone(self) -> ModelPatcher:
        other = ModelPatcher(self.model)
        other.model_options = copy.deepcopy(self.model_options)
        other.wrappers = {
            name: {key: list(each) for key, each in by_key.items()}
            for name, by_key in (self.wrappers.items())
        }
        return other

    def set_model_sampler_post_cfg_function(
        self, function: Any, disable_cfg1_optimization: bool = False
    ) -> None:
        options = self.model_options
        options["sampler_post_cfg_function"] = [*options.get("sampler_post_cfg_function", []), function]

    def set_model_sampler_cfg_function(self, function: Any, disable_cfg1_optimization: bool = False) -> None:
        self.model_options["sampler_cfg_function"] = function

    def add_wrapper_with_key(self, wrapper_type: str, key: str, wrapper: Any) -> None:
        self.wrappers.setdefault(wrapper_type, {}).setdefault(key, []).append(wrapper)


def convert_cond(cond: list[list[Any]]) -> list[dict[str, Any]]:
    return [
        {**values, "cross_attn": vectors, "model_conds": dict(values.get("model_conds", {}))}
        for vectors, values in cond
    ]


def encode_model_conds(
    model_function: Any, conds: list[dict[str, Any]], noise: Tensor, device: Any, prompt_type: str, **_: Any
) -> list[dict[str, Any]]:
    return [
        {**each, "model_conds": {**each["model_conds"], **model_function(**each, noise=noise)}}
        for each in conds
    ]


def calc_cond_batch(
    model: WAN21, conds: list[Any], x_in: Tensor, timestep: Tensor, model_options: dict[str, Any]
) -> list[Tensor]:
    return [
        torch.zeros_like(x_in)
        if cond is None
        else model.apply_model(x_in, timestep, cond[0]["model_conds"]["c_crossattn"])
        for cond in conds
    ]


def sampling_function(
    model: WAN21, x: Tensor, timestep: Tensor, uncond: Any, cond: Any, cond_scale: float, model_options: Any
) -> Tensor:
    uncond_ = None if cond_scale == 1.0 else uncond
    cond_pred, uncond_pred = calc_cond_batch(model, [cond, uncond_], x, timestep, model_options)
    if own := model_options.get("sampler_cfg_function"):
        result = x - own(
            {"cond": x - cond_pred, "uncond": x - uncond_pred, "cond_scale": cond_scale, "input": x}
        )
    else:
        result = uncond_pred + (cond_pred - uncond_pred) * cond_scale
    for function in model_options.get("sampler_post_cfg_function", []):
        result = function(
            {
                "denoised": result,
                "cond": cond,
                "uncond": uncond_,
                "cond_scale": cond_scale,
                "model": model,
                "uncond_denoised": uncond_pred,
                "cond_denoised": cond_pred,
                "sigma": timestep,
                "model_options": model_options,
                "input": x,
            }
        )
    return result


def sample(
    patcher: ModelPatcher,
    positive: Any,
    negative: Any,
    *,
    cfg: float = 5.0,
    steps: int = 4,
    seed: int = 0,
    with_sigmas: bool = True,
    heun: bool = False,
) -> Tensor:
    """What the node KSampler does: the sampler `euler` or `heun` inside of the wrappers of a sampling."""
    noise = torch.randn(1, 16, 2, 4, 4, generator=torch.Generator().manual_seed(seed))
    sigmas = torch.linspace(1.0, 0.0, steps + 1)

    def inner(*_: Any) -> Tensor:
        conds = [
            encode_model_conds(patcher.model.extra_conds, convert_cond(each), noise, noise.device, "")
            for each in (positive, negative)
        ]
        options = copy.copy(patcher.model_options)
        if with_sigmas:
            options["transformer_options"] = {**options["transformer_options"], "sample_sigmas": sigmas}

        def slope(x: Tensor, sigma: Tensor) -> Tensor:
            at = sigma.reshape(1)
            return (x - sampling_function(patcher.model, x, at, conds[1], conds[0], cfg, options)) / sigma

        x = noise
        for sigma, after in pairwise(sigmas):
            first = slope(x, sigma)
            predicted = x + first * (after - sigma)
            if heun and after > 0:
                predicted = x + (first + slope(predicted, after)) / 2 * (after - sigma)
            x = predicted
        return x

    run: Callable[..., Tensor] = inner
    for wrappers in patcher.wrappers.get(WrappersMP.OUTER_SAMPLE, {}).values():
        for wrapper in wrappers:
            run = _wrapped(wrapper, run)
    return run(noise, None, None, sigmas)


def _wrapped(wrapper: Any, executor: Any) -> Any:
    return lambda *args, **kwargs: wrapper(executor, *args, **kwargs)


@contextmanager
def installed() -> Iterator[None]:
    """The modules that the nodes import, under the names of ComfyUI."""
    here = SimpleNamespace(**globals())
    contents: dict[str, dict[str, Any]] = {
        "comfy": {},
        "comfy.patcher_extension": {"WrappersMP": here.WrappersMP},
        "comfy.sampler_helpers": {"convert_cond": here.convert_cond},
        "comfy.samplers": {
            "calc_cond_batch": here.calc_cond_batch,
            "encode_model_conds": here.encode_model_conds,
        },
    }
    for name, values in contents.items():
        module = ModuleType(name)
        vars(module).update(values)
        if name != "comfy":
            setattr(sys.modules["comfy"], name.rpartition(".")[2], module)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in [*contents, "safelight_steer.comfyui"]:
            sys.modules.pop(name, None)
