"""Whether a copy shows the same moments as a registered video: on synthetic textures that move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.provenance.fingerprints.fingerprinter import ClipFrame, fingerprint_frames
from safelight.provenance.fingerprints.moment_comparison import Moments, compare_moments
from safelight.provenance.fingerprints.picture_comparison import RegisteredPicture
from safelight.provenance.fingerprints.scene_changes import Assignment, SceneChanges

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[Any]
WIDTH, HEIGHT, FPS = 320, 180, 15
#: Seconds of a registered clip, and where another part of the film begins.
LENGTH_S, OTHER_S = 3.0, 20.0


def texture(seed: int, width: int, height: int) -> npt.NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.5) * 160 + 120)


def film(
    start_s: float,
    length_s: float = LENGTH_S,
    *,
    seed: int = 1,
    things: int = 5,
    change: Callable[[Pixels], Pixels] = lambda one: one,
) -> list[ClipFrame]:
    """A part of a film: textured things that move in front of the same background, from place to place."""
    background = texture(seed, WIDTH, HEIGHT)
    thing = texture(seed + 1, 50, 50) + 40
    paths = np.random.default_rng(seed + 2).uniform(0, 1, (things, 60, 2))
    frames = []
    for number in range(round(length_s * FPS)):
        now = start_s + number / FPS
        picture = background.copy()
        for path in paths:
            at = np.array([np.interp(now, np.arange(60), path[:, axis]) for axis in range(2)])
            y, x = (at * (HEIGHT - 50, WIDTH - 50)).astype(int)
            picture[y : y + 50, x : x + 50] = thing
        grey = np.clip(picture, 0, 255).astype(np.uint8)
        pixels = change(np.repeat(grey[..., None], 3, axis=2))
        frames.append(ClipFrame(time_s=number / FPS, pixels=np.ascontiguousarray(pixels)))
    return frames


def register(frames: Sequence[ClipFrame]) -> RegisteredPicture:
    every = round(FPS / 2)
    found = fingerprint_frames(frames[::every])
    return RegisteredPicture(thumbnails=found.thumbnails, step_s=found.step_s, times_s=found.times_s)


@pytest.fixture(scope="module")
def known() -> RegisteredPicture:
    return register(film(0.0))


def compressed(pixels: Pixels) -> Pixels:
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 15])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def framed(pixels: Pixels) -> Pixels:
    """With black bars and a logo."""
    bars = cv2.copyMakeBorder(pixels, 40, 40, 0, 0, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.rectangle(bars, (0, 0), (90, 80), (255, 255, 255), -1), np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "compressed": compressed,
    "mirrored": lambda one: one[:, ::-1],
    "cropped": lambda one: one[20:-30, 40:-30],
    "framed": framed,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_shows_the_same_moments(
    known: RegisteredPicture, change: Callable[[Pixels], Pixels]
) -> None:
    assert compare_moments(film(0.0, change=change), known) is Moments.SAME


@pytest.mark.parametrize(("length_s", "change"), [(2.0, "compressed"), (LENGTH_S, "mirrored")])
def test_another_part_of_the_same_film_shows_other_moments(
    known: RegisteredPicture, length_s: float, change: str
) -> None:
    assert compare_moments(film(OTHER_S, length_s, change=CHANGES[change]), known) is Moments.OTHER


def test_a_trimmed_or_faster_copy_shows_the_same_moments(known: RegisteredPicture) -> None:
    faster = [replace(one, time_s=one.time_s / 1.25) for one in film(0.0)]
    for copy in (film(0.4, 2.0), film(0.8, 2.0), faster):
        assert compare_moments(copy, known) is Moments.SAME


def test_without_moments_that_can_be_compared_a_copy_is_undecided(known: RegisteredPicture) -> None:
    other = film(OTHER_S)
    first = film(0.0)[0]
    still = [replace(first, time_s=number / FPS) for number in range(30)]
    copies = {
        "nothing": [],
        "one frame": other[:1],
        "too short": film(OTHER_S, 0.9),
        "too few frames": other[::2],
        "still": still,
        "another picture": film(0.0, seed=50),
    }
    for name, copy in copies.items():
        assert compare_moments(copy, known) is Moments.UNDECIDED, name
    assert compare_moments(other, register(film(0.0, things=0))) is Moments.UNDECIDED, "nothing moves"
    timeless = msgspec.structs.replace(known, times_s=())
    assert compare_moments(other, timeless) is Moments.UNDECIDED


def _changes(known: Numbers, copy: Numbers) -> float:
    """Of four thumbnails and the four frames in their places."""
    visible = np.ones(known.shape[1:], np.bool_)
    found = SceneChanges.of(list(known.astype(np.float32)), list(copy.astype(np.float32)), visible)
    return found.agreement([Assignment(thumbnails=(0, 1, 2, 3), frames=(0, 1, 2, 3))])


PICTURES = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 255, (4, 60, 80), dtype=np.uint8)
)


@settings(max_examples=25, deadline=None)
@given(PICTURES, st.floats(0.4, 2.0), st.floats(-50, 50))
def test_contrast_and_brightness_do_not_count(pictures: Pixels, contrast: float, brightness: float) -> None:
    assert _changes(pictures, pictures * contrast + brightness) > 0.99


@settings(max_examples=25, deadline=None)
@given(PICTURES, PICTURES)
def test_the_same_background_alone_does_not_agree(background: Pixels, other: Pixels) -> None:
    same = background[:1].astype(np.float32)
    one = same + 0.1 * background
    two = same + 0.1 * other
    if not np.array_equal(background, other):
        assert _changes(one, two) < 0.6
