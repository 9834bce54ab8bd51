"""SAFREE and Safe Latent Diffusion for the toy world, as their papers and codes describe them.

Both run in `sample`, a loop of its own over the parts of a pipeline, which without them gives the pipeline's
own clips. Their constants are arguments: those that were published belong to models of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from toy_world import LENGTH, arguments


@dataclass(frozen=True, kw_only=True)
class Safree:
    """arXiv 2410.12761, section 3, and the authors' code for CogVideoX: filtered text in the first steps."""

    #: A word is filtered if the text without it is farther from the concept than `1 + alpha` times the mean.
    alpha: float
    #: Share of the steps with the filtered text.
    share: float
    #: Whether a text is represented by the mean of its words, or by the first vector (CLIP has its summary
    #: elsewhere; for T5 the authors take the first).
    mean: bool

    def filtered(self, pipeline: Any, prompt: str, phrases: Sequence[str]) -> Tensor:
        """The vectors (length, width) of the prompt."""
        vectors, words = _encoded(pipeline, [prompt])
        places = torch.nonzero(words[0]).flatten()
        ids = _ids(pipeline, [prompt])
        without = ids.input_ids.repeat(len(places), 1)
        # The word is replaced by the padding token, as in the authors' code.
        without[torch.arange(len(places)), places] = pipeline.tokenizer.pad_token_id
        mask = ids.attention_mask.repeat(len(places), 1)
        with torch.no_grad():
            others = pipeline.text_encoder(without, mask).last_hidden_state
        left_out = self._pooled(others, words.repeat(len(places), 1))
        concept = _projection(self._pooled(*_encoded(pipeline, phrases)))
        distances = (left_out - left_out @ concept).norm(dim=1)
        mean_of_others = (distances.sum() - distances) / max(1, len(distances) - 1)
        triggers = places[distances >= (1 + self.alpha) * mean_of_others]
        inputs = _projection(left_out)
        changed = vectors[0].clone()
        kept = changed[triggers] @ inputs
        changed[triggers] = kept - kept @ concept
        return changed

    def _pooled(self, vectors: Tensor, words: Tensor) -> Tensor:
        if not self.mean:
            return vectors[:, 0]
        return (vectors * words[:, :, None]).sum(dim=1) / words.sum(dim=1, keepdim=True)


@dataclass(frozen=True, kw_only=True)
class Sld:
    """arXiv 2211.05105, equations 5 to 8."""

    scale: float
    threshold: float
    warm_up_share: float
    momentum: float
    momentum_decay: float


def _ids(pipeline: Any, texts: Sequence[str]) -> Any:
    return pipeline.tokenizer(
        list(texts), padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
    )


def _encoded(pipeline: Any, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Vectors as the pipeline makes them, and which of them are words."""
    ids = _ids(pipeline, texts)
    special = torch.tensor([pipeline.tokenizer.pad_token_id, pipeline.tokenizer.eos_token_id])
    with torch.no_grad():
        vectors = pipeline.text_encoder(ids.input_ids, ids.attention_mask).last_hidden_state
    return vectors * ids.attention_mask[:, :, None], ~torch.isin(ids.input_ids, special)


def _projection(rows: Tensor) -> Tensor:
    """Onto the space of the rows."""
    return torch.linalg.pinv(rows) @ rows


@torch.no_grad()
def sample(
    pipeline: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    phrases: Sequence[str] = (),
    method: Safree | Sld | None = None,
) -> tuple[Tensor, int]:
    """Clips (batch, 3, frames, side, side) with values from 0 to 1, and the calls of the denoiser."""
    call = arguments("", 0)
    scale, steps = call["guidance_scale"], call["num_inference_steps"]
    text, _ = _encoded(pipeline, prompts)
    nothing = _encoded(pipeline, [""])[0].expand_as(text)
    safety = _encoded(pipeline, [", ".join(phrases)])[0].expand_as(text)
    filtered = text
    if isinstance(method, Safree):
        filtered = torch.stack([method.filtered(pipeline, prompt, phrases) for prompt in prompts])
    latents = pipeline.prepare_latents(
        len(prompts),
        pipeline.transformer.config.in_channels,
        call["height"],
        call["width"],
        call["num_frames"],
        torch.float32,
        torch.device("cpu"),
        [torch.Generator().manual_seed(seed) for seed in seeds],
    )
    scheduler = pipeline.scheduler
    scheduler.set_timesteps(steps)
    momentum = torch.zeros_like(latents)
    calls = 0
    for step, timestep in enumerate(scheduler.timesteps):

        def predicted(given: Tensor, at: Tensor = timestep, noisy: Tensor = latents) -> Tensor:
            nonlocal calls
            calls += 1
            result: Tensor = pipeline.transformer(
                hidden_states=noisy,
                timestep=at.expand(len(noisy)),
                encoder_hidden_states=given,
                return_dict=False,
            )[0]
            return result

        first = isinstance(method, Safree) and step < method.share * steps
        conditional = predicted(filtered if first else text)
        unconditional = predicted(nothing)
        guidance = conditional - unconditional
        if isinstance(method, Sld):
            unsafe = predicted(safety)
            difference = conditional - unsafe
            weight = (difference.abs() * method.scale).clamp(max=1.0)
            weight = torch.where(difference < method.threshold, weight, torch.zeros_like(weight))
            correction = weight * (unsafe - unconditional) + method.momentum * momentum
            momentum = method.momentum_decay * momentum + (1 - method.momentum_decay) * correction
            if step >= method.warm_up_share * steps:
                guidance = guidance - correction
        latents = scheduler.step(unconditional + scale * guidance, timestep, latents, return_dict=False)[0]
    config = pipeline.vae.config
    mean, deviation = (
        torch.tensor(v)[:, None, None, None] for v in (config.latents_mean, config.latents_std)
    )
    clips = pipeline.vae.decode(latents * deviation + mean)[0]
    return (clips / 2 + 0.5).clamp(0, 1), calls
