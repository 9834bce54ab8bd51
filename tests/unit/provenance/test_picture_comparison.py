"""When the picture of a file is called another one than that of a registered video, and when it is not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from safelight.provenance.fingerprints.picture_comparison import (
    Comparison,
    RegisteredPicture,
    compare_pictures,
)

Pixels = npt.NDArray[np.uint8]


def texture(seed: int, *, grain: float, contrast: float) -> Pixels:
    """Random texture in grey, 640 by 360."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (360, 640)), (0, 0), grain)
    grey = np.clip(noise / noise.std() * contrast + 120, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def registered(*pictures: Pixels) -> RegisteredPicture:
    jpegs = (cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes() for one in pictures)
    return RegisteredPicture(thumbnails=tuple(jpegs), step_s=0.7)


def compare(frames: list[Pixels], known: RegisteredPicture) -> Comparison:
    return compare_pictures(frames, known, confirms_difference=True)


def on_page(video: Pixels, scale: float) -> Pixels:
    """A recorded screen: a page full of words, and the video in a part of it."""
    page = np.full((360, 640, 3), 242, np.uint8)
    for line in range(24):
        words = f"{line} Words of a page beside the video, and more of them {line * 7}"
        cv2.putText(page, words, (4, 12 + 15 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (20, 20, 20), 1)
    small = cv2.resize(video, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    page[20 : 20 + small.shape[0], 20 : 20 + small.shape[1]] = small
    return page


@pytest.mark.parametrize("scale", [0.5, 0.6])
def test_a_recorded_screen_on_which_the_page_has_stronger_features_is_not_called_another_picture(
    scale: float,
) -> None:
    pictures = [texture(seed, grain=2.5, contrast=9) for seed in (1, 2)]
    recorded = [on_page(one, scale) for one in pictures]
    assert compare(recorded, registered(*pictures)) is not Comparison.DIFFERS


def test_other_footage_differs_unless_the_known_one_does_not_agree_with_its_own_half_size() -> None:
    fine = registered(*(texture(seed, grain=0.7, contrast=30) for seed in (1, 2)))
    known = registered(*(texture(seed, grain=3, contrast=40) for seed in (1, 2)))
    other = [texture(3, grain=3, contrast=40), texture(4, grain=3, contrast=40)]
    assert compare(other, known) is Comparison.DIFFERS
    assert compare(other, fine) is Comparison.NOT_COMPARABLE
    assert compare_pictures(other, fine, confirms_difference=False) is Comparison.DIFFERS
