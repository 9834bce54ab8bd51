"""A small classifier of clean latents: logistic regression on the mean and the deviation of each channel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from .errors import UnsafeWeights
from .sequential_test import Boundary
from .watcher import DEFAULT_CHECKS, Estimate, Watch

#: Strength of the penalty on the weights. With few clips and two features a channel, fits without it are
#: exact and worthless on other clips.
_PENALTY = 1e-2
_FIT_STEPS = 50


class LatentHead:
    """Called with an estimate it returns a probability. `channel_axis` is that of the pipeline's latents."""

    def __init__(self, weight: Tensor, bias: Tensor, *, channel_axis: int) -> None:
        self.weight = weight.float()
        self.bias = bias.float()
        self.channel_axis = channel_axis

    def __call__(self, estimate: Estimate) -> float:
        features = _features(estimate.latents, self.channel_axis)
        weight, bias = self.weight.to(features), self.bias.to(features)
        # The highest of the clips: one unsafe clip of a batch is enough.
        return float(torch.sigmoid(features @ weight + bias).max())

    @classmethod
    def fit(cls, safe: Sequence[Tensor], unsafe: Sequence[Tensor], *, channel_axis: int) -> LatentHead:
        """From clean latents, or estimates of them, each with a batch axis."""
        rows = torch.cat([_features(latents, channel_axis) for latents in (*safe, *unsafe)])
        n_safe = sum(latents.shape[0] for latents in safe)
        labels = (torch.arange(len(rows)) >= n_safe).float()
        mean, deviation = rows.mean(dim=0), rows.std(dim=0).clamp_min(1e-6)
        scaled = (rows - mean) / deviation
        weight = torch.zeros(scaled.shape[1], requires_grad=True)
        bias = torch.zeros((), requires_grad=True)
        optimizer = torch.optim.LBFGS([weight, bias], max_iter=_FIT_STEPS, line_search_fn="strong_wolfe")
        loss_of = torch.nn.functional.binary_cross_entropy_with_logits

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = loss_of(scaled @ weight + bias, labels) + _PENALTY * weight.pow(2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        final = weight.detach() / deviation
        return cls(final, bias.detach() - final @ mean, channel_axis=channel_axis)


def _features(latents: Tensor, channel_axis: int) -> Tensor:
    channels = latents.float().movedim(channel_axis, 1).flatten(2)
    return torch.cat([channels.mean(dim=2), channels.std(dim=2)], dim=1)


def save_watch(folder: Path, watch: Watch) -> None:
    """Writes a watch with a `LatentHead` as `head.safetensors` and `watch.json`."""
    from safetensors.torch import save_file

    head = watch.detector
    if not isinstance(head, LatentHead):
        raise TypeError("Only a watch with a LatentHead can be written.")
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weight": head.weight, "bias": head.bias}, str(folder / "head.safetensors"))
    text = {
        "name": watch.name,
        "checks": watch.checks,
        "channel_axis": head.channel_axis,
        "boundary": asdict(watch.boundary),
    }
    (folder / "watch.json").write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


def load_watch(folder: Path) -> Watch:
    """Reads what `save_watch` wrote. Raises `UnsafeWeights`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        text = json.loads((folder / "watch.json").read_text(encoding="utf-8"))
        tensors = load_file(str(folder / "head.safetensors"))
        boundary = text["boundary"] | {
            name: tuple(map(float, text["boundary"][name])) for name in ("means", "deviations")
        }
        head = LatentHead(tensors["weight"], tensors["bias"], channel_axis=int(text["channel_axis"]))
        return Watch(
            name=str(text["name"]),
            detector=head,
            boundary=Boundary(**boundary),
            checks=int(text.get("checks", DEFAULT_CHECKS)),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UnsafeWeights(f"{folder} holds no watch that can be read: {type(error).__name__}.") from error
