from __future__ import annotations

import numpy as np
import pytest

from safelight_lab.evaluation.watermark_attacks import ATTACKS, LumaClip

FPS = 10.0


def _clip() -> LumaClip:
    rng = np.random.default_rng(1)
    frames = tuple(rng.integers(60, 200, (96, 128)).astype(np.uint8) for _ in range(25))
    return LumaClip(frames=frames, times=tuple(number / FPS for number in range(25)), fps=FPS)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_gives_frames_of_one_size_with_their_times(name: str) -> None:
    attacked = ATTACKS[name](_clip(), np.random.default_rng(1))
    assert len(attacked.frames) == len(attacked.times) > 10
    assert len({frame.shape for frame in attacked.frames}) == 1
    assert attacked.times[0] == 0
    assert list(attacked.times) == sorted(set(attacked.times))


def test_the_same_random_numbers_give_the_same_copy() -> None:
    one, other = (ATTACKS["screen-recording"](_clip(), np.random.default_rng(5)) for _ in range(2))
    assert one.times == other.times
    assert all((a == b).all() for a, b in zip(one.frames, other.frames, strict=True))


def test_trimming_keeps_two_seconds_and_crops_keep_their_share() -> None:
    random = np.random.default_rng(2)
    assert len(ATTACKS["trim"](_clip(), random).frames) == 20
    assert ATTACKS["crop-50"](_clip(), random).frames[0].shape == (48, 64)
    assert ATTACKS["mirror"](_clip(), random).frames[0].shape == (96, 128)
