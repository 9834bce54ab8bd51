"""Run by `make test-steer`, in an environment with torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.text.acts import Array, TopLayers
from safelight.detectors.text.minilm.graph import WIDTH
from safelight_lab.training import act_tuning
from safelight_lab.training.act_training import CLASSES, ActText, Kind

INNER = 4 * WIDTH
ACT = "violence/assault"


def tensors(random: np.random.Generator) -> dict[str, Array]:
    """One layer after the shared one."""
    found: dict[str, Array] = {}
    name = f"encoder.layer.{act_tuning.SHARED_LAYER + 1}"
    shapes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
    shapes |= {
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (INNER, WIDTH),
        "output.dense": (WIDTH, INNER),
    }
    for part, shape in shapes.items():
        found[f"{name}.{part}.weight"] = random.normal(0, 0.02, shape).astype(np.float32)
        found[f"{name}.{part}.bias"] = np.zeros(shape[0], dtype=np.float32)
    for part in ("attention.output.LayerNorm", "output.LayerNorm"):
        found[f"{name}.{part}.weight"] = np.ones(WIDTH, dtype=np.float32)
        found[f"{name}.{part}.bias"] = np.zeros(WIDTH, dtype=np.float32)
    return found


def text(random: np.random.Generator, number: int, name: str) -> ActText:
    """Two windows of random tokens. In an act, one token of the second window has a mark."""
    windows = [random.normal(0, 1, (random.integers(4, 9), WIDTH)).astype(np.float16) for _ in range(2)]
    if name == ACT:
        windows[1][1, :40] += 12
    return ActText(
        name=name,
        beside=ACT,
        kind=Kind.PAIR,
        fold=0,
        language="en",
        length="4-8",
        pair=str(number),
        inputs=np.zeros((1, 1), dtype=np.float32),
        tokens=(tuple(windows), (windows[0],), (windows[1],)),
    )


def test_layers_that_were_fine_tuned_tell_acts_that_they_have_not_seen_from_their_twins() -> None:
    random = np.random.default_rng(0)
    texts = [text(random, number, name) for number in range(250) for name in (ACT, "none")]
    progress: list[str] = []
    parts = act_tuning.tune(texts[:440], tensors(random), act_tuning.SHARED_LAYER + 2, progress.append)
    top = TopLayers(**parts)
    act = list(CLASSES).index(ACT)
    shares = np.exp(np.stack([top.log_shares(one.tokens) for one in texts[440:]]))
    assert np.allclose(shares.sum(axis=2), 1, atol=1e-4)
    acts, twins = shares[::2, :, act], shares[1::2, :, act]
    assert (acts[:, 0] > twins[:, 0]).mean() > 0.9
    # The window with the mark is the act, not the one before it.
    assert (acts[:, 2] > acts[:, 1]).mean() > 0.9


def test_a_repeated_run_tunes_only_texts_that_no_run_before_it_has_tuned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = [text(random, number, name) for number in range(6) for name in (ACT, "none")]
    tuned: list[int] = []

    def tune(given: Sequence[ActText]) -> dict[str, Any]:
        tuned.append(len(given))
        return {"graph": b"graph", "head": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}

    for given in (texts, texts[:4], texts, [replace(texts[0], name="none"), *texts[1:]]):
        parts = act_tuning.keep_tuned(tmp_path, tune)(given)
        assert (parts["graph"], parts["head"].shape, parts["bias"].shape) == (b"graph", (2, 3), (3,))
    assert tuned == [12, 4, 12]
