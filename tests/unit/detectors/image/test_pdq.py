from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from safelight.detectors.image.pdq import (
    MAX_DISTANCE_BITS,
    MIN_QUALITY,
    distances,
    hexadecimal,
    pdq,
    rotations,
    square,
)
from support.rows import each_row

Pixels = npt.NDArray[np.uint8]


def drawn(width: int = 640, height: int = 360) -> Pixels:
    """A picture with enough detail, always the same."""
    down, across = np.mgrid[0:height, 0:width]
    x, y = across / width, down / height
    red = 127 + 90 * np.sin(9 * x + 4 * y) * np.cos(5 * y)
    green = 127 + 100 * np.cos(7 * x * y + 3 * y)
    blue = 255 * ((np.floor(x * 5) + np.floor(y * 3)) % 2)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8)


def shrunk(pixels: Pixels, by: int) -> Pixels:
    height, width = (side // by * by for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // by, by, width // by, by, 3)
    return blocks.mean(axis=(1, 3)).astype(np.uint8)


@each_row
def test_the_bits_are_those_of_the_reference_program(size: tuple[int, int], known: str) -> None:
    hashed, quality = pdq(drawn(*size))
    assert hexadecimal(hashed) == known
    assert quality >= MIN_QUALITY


def test_a_smaller_copy_is_near_and_another_picture_is_far() -> None:
    whole, _ = pdq(drawn())
    assert distances(whole[None], pdq(shrunk(drawn(), 4))[0])[0] <= MAX_DISTANCE_BITS
    assert distances(whole[None], pdq(drawn()[:, ::-1])[0])[0] > 2 * MAX_DISTANCE_BITS


def test_a_small_frame_is_nearly_the_listed_picture_in_the_size_at_which_it_is_hashed() -> None:
    for seed in range(20):
        patches = np.random.default_rng(seed).integers(0, 255, (9, 15, 3)).astype(np.uint8)
        whole = np.asarray(Image.fromarray(patches).resize((1280, 720), Image.Resampling.BICUBIC))
        known, _ = pdq(whole)
        # In its own size it is up to 26 bits away.
        assert distances(known[None], pdq(square(shrunk(whole, 4)))[0])[0] <= 6


@each_row
def test_rotated_and_mirrored_copies_match_one_of_the_eight(turns: int, mirrored: bool) -> None:
    patches = np.random.default_rng(3).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    picture = np.kron(patches, np.ones((24, 24, 1), np.uint8))
    known, _ = pdq(picture)
    copy = np.rot90(picture, turns)
    copy = copy[:, ::-1] if mirrored else copy
    ways, _ = rotations(np.ascontiguousarray(copy))
    assert min(distances(ways, known).tolist()) <= MAX_DISTANCE_BITS


def test_a_plain_picture_has_quality_zero() -> None:
    _, quality = pdq(np.full((90, 160, 3), 128, np.uint8))
    assert quality < MIN_QUALITY


@settings(max_examples=40, deadline=None)
@given(
    pixels=arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3)), elements=st.integers(0, 255)
    )
)
def test_any_picture_has_a_hash(pixels: Pixels) -> None:
    hashed, quality = pdq(pixels)
    assert hashed.shape == (32,)
    assert 0 <= quality <= 100
