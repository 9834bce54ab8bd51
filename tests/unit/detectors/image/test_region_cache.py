from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.detectors.image.region_cache import (
    MAX_NOISE_STEPS,
    CachedRegions,
    RegionCache,
    Window,
    WindowSizes,
    crop,
)

SIZES = WindowSizes(stride=32, margin=16, max_share=0.5, max_age_frames=8)
WIDTH, HEIGHT = 320, 192


def picture(level: int = 100) -> npt.NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def after(first: npt.NDArray[np.uint8], *, index: int = 0) -> RegionCache:
    memory = RegionCache(SIZES)
    memory.record(index, first, memory.window_to_inspect(index, first))
    return memory


def surrounds(window: Window, inner: Window) -> bool:
    begins = window[0] <= inner[0] and window[1] <= inner[1]
    return begins and window[2] >= inner[2] and window[3] >= inner[3]


def test_the_first_frame_is_inspected_whole_and_a_repeat_is_not() -> None:
    memory = RegionCache(SIZES)
    assert memory.window_to_inspect(0, picture()) == (0, 0, WIDTH, HEIGHT)
    memory.record(0, picture(), (0, 0, WIDTH, HEIGHT))
    assert memory.window_to_inspect(1, picture()) is None
    memory = after(picture(), index=7)
    assert memory.window_to_inspect(0, picture()) == (0, 0, WIDTH, HEIGHT), "a new clip"
    assert memory.window_to_inspect(8, picture()[:96]) == (0, 0, WIDTH, 96), "another size"


def test_a_slow_drift_adds_up_until_it_is_inspected() -> None:
    memory, seen = after(picture()), []
    for index in range(1, 9):
        frame = picture(100 + index)
        window = memory.window_to_inspect(index, frame)
        memory.record(index, frame, window)
        seen.append(window is not None)
    assert seen == [index % (MAX_NOISE_STEPS + 1) == 0 for index in range(1, 9)]


def test_a_window_includes_every_detection_it_touches() -> None:
    frame = picture()
    frame[100:104, 100:104] = 200
    chain: list[Window] = [(150, 60, 170, 80), (90, 90, 152, 110)]
    window = after(picture()).window_to_inspect(1, frame, chain)
    assert all(surrounds(window, thing) for thing in chain)


@settings(deadline=None)
@given(
    x=st.integers(0, WIDTH - 1),
    y=st.integers(0, HEIGHT - 1),
    w=st.integers(1, WIDTH),
    h=st.integers(1, HEIGHT),
)
def test_everything_that_changed_is_in_the_window(x: int, y: int, w: int, h: int) -> None:
    frame = picture()
    frame[y : y + h, x : x + w] = 160
    window = after(picture()).window_to_inspect(1, frame)
    assert window is not None
    assert surrounds(window, (x, y, min(x + w, WIDTH), min(y + h, HEIGHT)))
    assert window[0] % SIZES.stride == window[1] % SIZES.stride == 0


def test_the_whole_frame_is_inspected_again_after_the_maximum_age() -> None:
    memory = after(picture())
    whole = []
    for index in range(1, 40):
        frame = picture()
        frame[50:60, index : index + 10] = 200
        window = memory.window_to_inspect(index, frame)
        memory.record(index, frame, window)
        if window == (0, 0, WIDTH, HEIGHT):
            whole.append(index)
    assert whole == [9, 18, 27, 36]


def lit(pixels: npt.NDArray[np.uint8], window: Window) -> list[tuple[int, int]]:
    """A detector that finds white pixels in the given window."""
    left, top = window[:2]
    return [(int(x) + left, int(y) + top) for y, x in np.argwhere(crop(pixels, window)[..., 0] == 255)]


@given(
    frames=st.lists(st.sets(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1))), max_size=12)
)
@settings(deadline=None, max_examples=60)
def test_cached_detection_finds_what_full_detection_finds(frames: list[set[tuple[int, int]]]) -> None:
    watch = CachedRegions(
        SIZES, inspect=lit, locate=lambda at, _width, _height: (at[0], at[1], at[0] + 1, at[1] + 1)
    )
    for index, there in enumerate(frames):
        frame = picture()
        for x, y in there:
            frame[y, x] = 255
        assert set(watch.detect(index, frame)) == there
