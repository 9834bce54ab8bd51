from __future__ import annotations

from pathlib import Path

import pytest
import torch

from safelight_steer.errors import UnsafeWeights
from safelight_steer.latent_head import LatentHead, load_watch, save_watch
from safelight_steer.sequential_test import Boundary
from safelight_steer.watcher import Estimate, Watch


def clips(count: int, *, shift: float, seed: int) -> list[torch.Tensor]:
    """Noise in four channels; "red paint" is a shift of the second one."""
    generator = torch.Generator().manual_seed(seed)
    latents = [torch.randn(1, 4, 3, 4, 4, generator=generator) for _ in range(count)]
    for each in latents:
        each[:, 1] += shift
    return latents


def estimate(latents: torch.Tensor) -> Estimate:
    return Estimate(step=1, steps=4, latents=latents, frames=lambda: latents)


@pytest.fixture(scope="module")
def head() -> LatentHead:
    return LatentHead.fit(clips(40, shift=0.0, seed=1), clips(40, shift=1.0, seed=2), channel_axis=1)


def test_a_fitted_head_separates_other_clips(head: LatentHead) -> None:
    safe = [head(estimate(latents)) for latents in clips(40, shift=0.0, seed=3)]
    unsafe = [head(estimate(latents)) for latents in clips(40, shift=1.0, seed=4)]
    assert sum(score > 0.5 for score in safe) <= 2
    assert sum(score > 0.5 for score in unsafe) >= 38


def test_the_channel_axis_may_be_the_last_one(head: LatentHead) -> None:
    (latents,) = clips(1, shift=1.0, seed=5)
    packed = LatentHead(head.weight, head.bias, channel_axis=2)
    tokens = latents.flatten(2).transpose(1, 2)
    assert packed(estimate(tokens)) == pytest.approx(head(estimate(latents)), abs=1e-5)


def test_one_unsafe_clip_of_a_batch_is_enough(head: LatentHead) -> None:
    (safe,), (unsafe,) = clips(1, shift=0.0, seed=6), clips(1, shift=1.5, seed=7)
    assert head(estimate(torch.cat([safe, unsafe]))) == pytest.approx(head(estimate(unsafe)), abs=1e-5)


def test_a_watch_is_written_and_read(head: LatentHead, tmp_path: Path) -> None:
    boundary = Boundary(limit=2.5, means=(0.1,), deviations=(0.2,), false_abort_rate=0.01, clips=100)
    watch = Watch(name="paint", detector=head, boundary=boundary, checks=1)
    save_watch(tmp_path / "paint", watch)
    read = load_watch(tmp_path / "paint")
    assert (read.name, read.boundary, read.checks) == ("paint", boundary, 1)
    (latents,) = clips(1, shift=0.5, seed=8)
    assert read.detector(estimate(latents)) == pytest.approx(head(estimate(latents)))


@pytest.mark.parametrize("name", ["watch.json", "head.safetensors"])
def test_a_damaged_watch_is_refused(head: LatentHead, tmp_path: Path, name: str) -> None:
    save_watch(tmp_path, Watch(name="paint", detector=head, boundary=Boundary.fixed(0.5)))
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(UnsafeWeights):
        load_watch(tmp_path)
