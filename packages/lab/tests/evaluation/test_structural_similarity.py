from __future__ import annotations

import numpy as np

from safelight_lab.evaluation.structural_similarity import structural_similarity

PICTURE = np.random.default_rng(1).integers(0, 255, (64, 64)).astype(np.uint8)


def test_equal_pictures_have_similarity_1() -> None:
    assert abs(structural_similarity(PICTURE, PICTURE) - 1) < 1e-4


def test_more_noise_is_less_similar() -> None:
    noise = np.random.default_rng(2).normal(0, 1, PICTURE.shape)
    little, much = (np.clip(PICTURE + level * noise, 0, 255).astype(np.uint8) for level in (5, 60))
    assert 1 > structural_similarity(PICTURE, little) > structural_similarity(PICTURE, much) > 0
