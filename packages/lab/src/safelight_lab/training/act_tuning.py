"""Fine-tunes the top layers of E5 to tell acts of harm from their harmless twins. Needs torch.

The layers below stay as they are, so that their tokens are read once for every text and then fitted on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from safelight.detectors.text.acts import NO_FINDING, Array, Window
from safelight.detectors.text.e5.encoder import SHARED_LAYER
from safelight.detectors.text.minilm.graph import HEADS, WIDTH, build_top

from .act_training import CLASSES, PLAIN_WEIGHT, WINDOW_WEIGHT, ActText, Tune

#: Rounds over the texts, texts of a step, rates of the layers and of the head, steps in which the rates rise,
#: and the share of them that is left at the end.
EPOCHS, BATCH, RATE, HEAD_RATE, WARM_STEPS, LAST_SHARE = 3, 32, 2e-4, 1e-3, 100, 0.02
DECAY, BETAS, MAX_SLOPE = 0.01, (0.9, 0.98), 1.0
#: Shares of values that are dropped in the layers and before the head.
DROPPED, HEAD_DROPPED = 0.1, 0.3
#: Part of the probability that is spread over all classes.
SMOOTHING = 0.05
#: How far the log-odds of an act are to be above those of its twin, and how much that counts.
MARGIN, MARGIN_WEIGHT = 1.5, 0.3
#: More tokens of a text are not fitted.
MAX_TOKENS = 192
_EPSILON, _NEVER = 1e-12, -1e4
#: Texts of about the same length, so that a step has little padding.
_LENGTH_NOISE = 6


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """A text, or a window of a harmless one."""

    windows: tuple[Window, ...]
    label: int
    weight: float
    tokens: int


#: Two samples of a step; true if they are an act and its twin.
_Unit = tuple[_Sample, _Sample, bool]


def tune(
    texts: Sequence[ActText],
    tensors: Mapping[str, Array],
    layers: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """The layers after `SHARED_LAYER`, fitted to these texts: the arguments of `TopLayers`. `tensors` are
    those of E5, which has so many `layers`.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    numbers = range(SHARED_LAYER + 1, layers)
    names = [f"encoder.layer.{number}." for number in numbers]
    values = {
        name: torch.tensor(tensor, requires_grad=True)
        for name, tensor in tensors.items()
        if name.startswith(tuple(names))
    }
    head = torch.normal(0, 0.02, (2 * WIDTH, len(CLASSES))).requires_grad_()
    bias = torch.zeros(len(CLASSES), requires_grad=True)
    optimizer = torch.optim.AdamW(
        [{"params": [*values.values()], "lr": RATE}, {"params": [head, bias], "lr": HEAD_RATE}],
        betas=BETAS,
        weight_decay=DECAY,
        fused=True,
    )
    units = _Units(texts, random)
    steps = EPOCHS * units.steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARM_STEPS, 1) * max(LAST_SHARE, 1 - step / steps)
    )
    losses: list[float] = []
    for _ in range(EPOCHS):
        for step in units.shuffled():
            samples = [one for first, second, _paired in step for one in (first, second)]
            tokens, mask, attended = _batch(samples)
            with torch.autocast("cpu", torch.bfloat16):
                words = tokens
                for name in names:
                    words = _layer(values, name, words, attended)
            pooled = functional.dropout(_pool(words.float(), mask), HEAD_DROPPED)
            loss = _loss(functional.log_softmax(pooled @ head + bias, -1), step)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*values.values(), head, bias], MAX_SLOPE)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) % 100 == 0:
                progress(f"E5: step {len(losses)} of {steps}, loss {np.mean(losses[-100:]):.3f}")
    tuned = {name: value.detach().numpy() for name, value in values.items()}
    return {
        "graph": build_top(tuned, numbers),
        "head": head.detach().numpy(),
        "bias": bias.detach().numpy(),
    }


def keep_tuned(folder: Path, tune: Tune) -> Tune:
    """`tune` with its results kept in a folder, so that a stopped run goes on after the last of them.

    Changed texts are tuned anew, and all texts by another version of this module.
    """

    def load_or_tune(texts: Sequence[ActText]) -> Mapping[str, Any]:
        fingerprint = hashlib.sha256(Path(__file__).read_bytes())
        for one in texts:
            fingerprint.update(f"{one.name}\0{one.beside}\0{one.pair}\0".encode())
            fingerprint.update(one.inputs.tobytes())
        path = folder / f"{fingerprint.hexdigest()[:32]}.npz"
        if not path.exists():
            tuned = dict(tune(texts))
            folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            with partial.open("wb") as file:
                np.savez(file, **tuned | {"graph": np.frombuffer(tuned["graph"], dtype=np.uint8)})
            partial.replace(path)
        with np.load(path) as arrays:
            return {"graph": arrays["graph"].tobytes(), "head": arrays["head"], "bias": arrays["bias"]}

    return load_or_tune


class _Units:
    """The samples of some texts, in twos: an act and its twin, or two others."""

    def __init__(self, texts: Sequence[ActText], random: np.random.Generator) -> None:
        self._random = random
        acts: dict[tuple[str, str], list[_Sample]] = {}
        twins: dict[tuple[str, str], list[_Sample]] = {}
        self._others: list[_Sample] = []
        self._windows: list[list[_Sample]] = []
        for text in texts:
            label = list(CLASSES).index(text.name)
            paired = text.beside not in NO_FINDING
            sample = _sample(text.tokens[0], label, 1.0 if text.beside != "none" else PLAIN_WEIGHT)
            if paired:
                side = twins if text.name in NO_FINDING else acts
                side.setdefault((text.pair, text.beside), []).append(sample)
            else:
                self._others.append(sample)
            if text.name in NO_FINDING and len(text.tokens) > 1:
                self._windows.append([_sample(windows, label, WINDOW_WEIGHT) for windows in text.tokens[1:]])
        self._pairs: list[tuple[_Sample, _Sample]] = []
        for key in acts | twins:
            found = list(zip(acts.get(key, []), twins.get(key, []), strict=False))
            self._pairs += found
            self._others += acts.get(key, [])[len(found) :] + twins.get(key, [])[len(found) :]
        others = len(self._others) + len(self._windows)
        self.steps = -(-(len(self._pairs) + others // 2) // (BATCH // 2))

    def shuffled(self) -> list[list[_Unit]]:
        """The steps of one round, with one window of each harmless text."""
        windows = [one[self._random.integers(len(one))] for one in self._windows]
        others = self._by_length([*self._others, *windows], lambda one: one.tokens)
        units: list[_Unit] = [(*two, False) for two in zip(others[::2], others[1::2], strict=False)]
        units += [(*pair, True) for pair in self._pairs]
        units = self._by_length(units, lambda one: max(one[0].tokens, one[1].tokens))
        size = BATCH // 2
        steps = [units[start : start + size] for start in range(0, len(units), size)]
        return [steps[index] for index in self._random.permutation(len(steps))]

    def _by_length(self, found: Sequence[Any], length: Callable[[Any], int]) -> list[Any]:
        noise = self._random.integers(0, _LENGTH_NOISE, len(found))
        order = sorted(
            self._random.permutation(len(found)), key=lambda index: length(found[index]) + noise[index]
        )
        return [found[index] for index in order]


def _sample(windows: Sequence[Window], label: int, weight: float) -> _Sample:
    """Of a long text, the first windows."""
    kept: list[Window] = []
    for window in windows:
        if kept and sum(map(len, kept)) + len(window) > MAX_TOKENS:
            break
        kept.append(window)
    return _Sample(windows=tuple(kept), label=label, weight=weight, tokens=sum(map(len, kept)))


def _batch(samples: Sequence[_Sample]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens (samples, tokens, 384), which of them exist, and what is added to the attention scores: a token
    sees those of its window.
    """
    length = max(one.tokens for one in samples)
    tokens = np.zeros((len(samples), length, WIDTH), dtype=np.float32)
    window = np.full((len(samples), length), -1)
    for row, one in enumerate(samples):
        start = 0
        for number, words in enumerate(one.windows):
            tokens[row, start : start + len(words)] = words
            window[row, start : start + len(words)] = number
            start += len(words)
    seen = torch.tensor(window[:, None, :, None] == window[:, None, None, :])
    attended = torch.zeros(seen.shape).masked_fill(~seen, _NEVER)
    return torch.tensor(tokens), torch.tensor(window >= 0), attended


def _layer(
    values: Mapping[str, torch.Tensor], name: str, words: torch.Tensor, attended: torch.Tensor
) -> torch.Tensor:
    def linear(given: torch.Tensor, part: str) -> torch.Tensor:
        return functional.linear(given, values[f"{name}{part}.weight"], values[f"{name}{part}.bias"])

    def normed(given: torch.Tensor, part: str) -> torch.Tensor:
        weight, offset = values[f"{name}{part}.weight"], values[f"{name}{part}.bias"]
        return functional.layer_norm(given, (WIDTH,), weight, offset, _EPSILON)

    count, length, _ = words.shape
    query, key, value = (
        linear(words, f"attention.self.{part}").reshape(count, length, HEADS, -1).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    # Not torch's own function: on a CPU its way back takes half of the time of a step.
    shares = torch.softmax(query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + attended, -1)
    mixed = shares @ value
    mixed = linear(mixed.transpose(1, 2).reshape(count, length, WIDTH), "attention.output.dense")
    words = normed(words + functional.dropout(mixed, DROPPED), "attention.output.LayerNorm")
    inner = linear(functional.gelu(linear(words, "intermediate.dense")), "output.dense")
    return normed(words + functional.dropout(inner, DROPPED), "output.LayerNorm")


def _pool(words: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The maxima of the tokens, and their mean, of unit length."""
    maxima = words.masked_fill(~mask[..., None], _NEVER).amax(1)
    mean = (words * mask[..., None]).sum(1)
    return torch.cat([maxima, functional.normalize(mean, dim=-1)], -1)


def _loss(logs: torch.Tensor, step: Sequence[_Unit]) -> torch.Tensor:
    samples = [one for first, second, _paired in step for one in (first, second)]
    labels = torch.tensor([one.label for one in samples])
    weights = torch.tensor([one.weight for one in samples])
    right = logs.gather(1, labels[:, None])[:, 0]
    loss = -((1 - SMOOTHING) * right + SMOOTHING * logs.mean(1))
    harm = torch.tensor([name not in NO_FINDING for name in CLASSES])
    odds = logs[:, harm].logsumexp(1) - logs[:, ~harm].logsumexp(1)
    paired = torch.tensor([float(one[2]) for one in step])
    short = functional.softplus(MARGIN - (odds[::2] - odds[1::2])) * paired
    return (loss * weights).sum() / weights.sum() + MARGIN_WEIGHT * short.sum() / (paired.sum() + 1e-6)
