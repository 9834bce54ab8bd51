from __future__ import annotations

from typing import TypeGuard

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.media.decode import DownscaledFrame
from safelight.screening.scanning import optical_flow
from safelight.screening.scanning.frame_difference import FrameComparator, Novelty
from safelight.screening.scanning.optical_flow import OpticalFlow
from safelight.screening.scanning.overlay import OverlayCrop, extract_overlay
from safelight.screening.scanning.sampling import SamplingConfig

WIDTH, HEIGHT = 320, 180
Plane = npt.NDArray[np.uint8]


def ground(seed: int = 1, width: int = WIDTH * 3) -> Plane:
    """Smooth shapes, as in photographs."""
    import cv2

    coarse = np.random.default_rng(seed).integers(30, 220, (12, width // 16), dtype=np.uint8)
    return cv2.resize(coarse, (width, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def small(light: Plane) -> DownscaledFrame:
    half = np.full((light.shape[0] // 2, light.shape[1] // 2), 128, np.uint8)
    return DownscaledFrame(luma=np.ascontiguousarray(light), chroma_blue=half, chroma_red=half)


def panned(frame: int, speed: float = 2.0) -> Plane:
    left = 100 + round(frame * speed)
    return ground()[:, left : left + WIDTH].copy()


def novelties(frames: list[DownscaledFrame]) -> list[Novelty]:
    comparator = FrameComparator()
    return [
        comparator.compare(
            frames[number - 1] if number else None,
            frame,
            frames[number + 1] if number + 1 < len(frames) else None,
        )
        for number, frame in enumerate(frames)
    ]


def contains(
    region: tuple[float, float, float, float] | None,
    *,
    left: int,
    right: int,
    top: int = HEIGHT,
    bottom: int = 0,
) -> TypeGuard[tuple[float, float, float, float]]:
    """Whether these pixels are within a region in parts of the frame."""
    if region is None:
        return False
    x, y, w, h = region
    is_wide = x * WIDTH <= left and (x + w) * WIDTH >= right
    return is_wide and y * HEIGHT <= top and (y + h) * HEIGHT >= bottom


@pytest.mark.parametrize("speed", [0, 1, 3, 6])
def test_camera_motion_is_not_novel(speed: int) -> None:
    new = novelties([small(panned(number, speed)) for number in range(30)])
    assert max(one.both_excess for one in new) < 5
    assert max(one.far_fraction for one in new) < 0.4


@pytest.mark.parametrize("speed", [0, 2, 5])
def test_content_of_a_single_frame_is_novel_only_in_that_frame(speed: int) -> None:
    pictures = [panned(number, speed) for number in range(30)]
    patch = pictures[17][60:100, 200:280]
    patch[:] = (0.7 * patch + 0.3 * np.random.default_rng(2).integers(0, 2, patch.shape) * 255).astype(
        np.uint8
    )
    new = novelties([small(picture) for picture in pictures])
    assert new[17].both_excess > 5
    assert max(one.both_excess for number, one in enumerate(new) if number != 17) < 5
    region = new[17].region
    assert contains(region, left=210, right=270, top=68, bottom=92)
    assert region[2] * region[3] < 0.3


def odd(new: Novelty) -> bool:
    return new.both_excess >= SamplingConfig().outlier and new.both_cells >= SamplingConfig().outlier_cells


def test_comparing_only_the_changed_window_gives_the_same_result_as_the_whole_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = []
    for number in range(30):
        picture = ground()[:, :WIDTH].copy()
        picture[40:60, 2 * number : 2 * number + 20] = 240
        if number == 20:
            picture[100:130, 200:280] = 255 - picture[100:130, 200:280]
        frames.append(small(picture))
    parts = novelties(frames)
    monkeypatch.setattr(optical_flow, "_MAX_WINDOW_FRACTION", 0.0)
    wholes = novelties(frames)
    for part, whole in zip(parts, wholes, strict=True):
        assert odd(part) == odd(whole)
        assert part.far_fraction == pytest.approx(whole.far_fraction, abs=0.01)
    assert [number for number, one in enumerate(parts) if odd(one)] == [20]


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (320, 320), (322, 134)])
def test_frames_are_equal_outside_the_difference_window(size: tuple[int, int]) -> None:
    width, height = size
    for row, column in ((0, 0), (height - 4, width - 4), (height // 2, width // 2)):
        light = np.full((height, width), 90, np.uint8)
        other = light.copy()
        other[row : row + 4, column : column + 4] = 200
        window = OpticalFlow().difference_window(small(light), small(other))
        assert window is not None
        rest = light != other
        rest[window] = False
        assert not rest.any()
        assert min(light[window].shape) >= min(64, width, height)
    assert OpticalFlow().difference_window(small(light), small(light + 2)) is None


def test_novelty_region_covers_a_pattern_with_a_high_baseline() -> None:
    rng = np.random.default_rng(3)
    frames = []
    for number in range(40):
        picture = ground()[:, :WIDTH].copy()
        # The left side changes slightly in every frame.
        restless = picture[:, :160].astype(int) + rng.integers(0, 2, (HEIGHT // 4, 40)).repeat(4, 0).repeat(
            4, 1
        ) * (14 + number % 3)
        picture[:, :160] = np.clip(restless, 0, 255)
        if number == 33:
            line = picture[80:104, 40:280].astype(int)
            line[:, ::3] = line[:, ::3] // 2 + np.where(line[:, ::3] < 128, 127, 0)
            picture[80:104, 40:280] = line
        frames.append(small(picture))
    assert contains(novelties(frames)[33].region, left=48, right=272)


@pytest.mark.parametrize("off", [(0, 0), (1, -1), (-2, 1)])
def test_global_offset_is_corrected(off: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    wide = ground(7) // 2 + rng.integers(0, 60, (HEIGHT, WIDTH * 3), dtype=np.uint8)
    across, down = off
    frame = wide[10 : 10 + 160, 40 : 40 + 280]
    other = wide[10 + down : 10 + down + 160, 40 + across : 40 + across + 280]
    laid = frame.copy()
    laid[50:80, 100:160] = 255
    window = (slice(20, 140), slice(16, 260))
    nothing = np.zeros((80, 140, 2), np.float32)
    under = FrameComparator().background(other, nothing, window, small(laid), small(other))
    assert under.shape == (120, 244)
    before = np.abs(frame[window].astype(int) - other[window]).mean()
    after = np.abs(frame[window].astype(int) - under).mean()
    assert after <= max(before / 2, 0.5)


@pytest.mark.parametrize("scale", [1, 4])
def test_warping_a_window_equals_the_same_part_of_the_warped_image(scale: int) -> None:
    rng = np.random.default_rng(2)
    flow = np.asarray(
        rng.uniform(-3, 3, (1, 1, 2)) + np.linspace(0, 2, 80)[None, :, None] * np.ones((45, 80, 2)),
        np.float32,
    )
    picture = rng.integers(0, 255, (90 * scale, 160 * scale, 3), dtype=np.uint8)
    window = (slice(11 * scale, 60 * scale), slice(3, 100 * scale + 1))
    flow_model = OpticalFlow()
    whole, part = flow_model.warp(picture, flow), flow_model.warp(picture, flow, window)
    assert np.abs(whole[window].astype(int) - part).mean() < 2


def test_a_cut_is_far_from_the_frame_before_and_not_an_outlier() -> None:
    new = novelties([small(ground(1 if number < 15 else 2)[:, :WIDTH]) for number in range(30)])
    assert new[15].far_fraction > 0.4
    assert new[15].both_excess < 5
    assert max(one.far_fraction for number, one in enumerate(new) if number != 15) < 0.1


def test_coarse_noise_is_always_far() -> None:
    rng = np.random.default_rng(4)
    frames = [
        small(np.repeat(np.repeat(rng.integers(0, 256, (18, 32), dtype=np.uint8), 10, 0), 10, 1))
        for _ in range(20)
    ]
    new = novelties(frames)
    assert all(one.far_fraction > 0.4 or one.blind_fraction > 0.1 for one in new[1:])


def test_a_change_of_colour_only_is_novel() -> None:
    frames = [small(ground()[:, :WIDTH]) for _ in range(20)]
    red = frames[9].chroma_red.copy()
    red[30:50, 60:100] = 190
    frames[9] = DownscaledFrame(luma=frames[9].luma, chroma_blue=frames[9].chroma_blue, chroma_red=red)
    assert novelties(frames)[9].both_excess > 5


@settings(deadline=None, max_examples=25)
@given(width=st.integers(32, 90), height=st.integers(32, 90), level=st.integers(0, 255))
def test_frames_of_any_size_can_be_compared(width: int, height: int, level: int) -> None:
    width, height = width // 2 * 2, height // 2 * 2
    frames = [small(np.full((height, width), value, np.uint8)) for value in (level, 255 - level, level)]
    assert len(novelties(frames)) == 3


def test_a_change_of_frame_size_counts_as_a_cut_and_a_fade_as_no_appearance() -> None:
    large, narrow = small(ground()[:, :320]), small(ground()[:, :64])
    assert novelties([large, narrow, narrow])[1].far_fraction == 1.0
    frames = [small((ground()[:, :WIDTH] * (0.5 + 0.015 * number)).astype(np.uint8)) for number in range(30)]
    assert not any(shaded(one) for one in novelties(frames))


@pytest.mark.parametrize("strength", [0.3, 0.6])
def test_overlay_extraction_removes_the_background(strength: float) -> None:
    under = np.repeat(ground(5, WIDTH)[..., None], 3, axis=2)
    laid = np.repeat(
        (np.random.default_rng(6).integers(0, 2, (HEIGHT // 6, WIDTH // 6)) * 255)[..., None], 3, axis=2
    )
    over = np.repeat(np.repeat(laid, 6, axis=0), 6, axis=1)[:, : under.shape[1]]
    under = under[: over.shape[0], : over.shape[1]]
    overlay = (under * (1 - strength) + over * strength).astype(np.uint8)
    clear = extract_overlay(overlay, [under])
    assert clear is not None
    assert (clear.x, clear.y, clear.w, clear.h) == (0, 0, 1, 1)

    def likeness(picture: Plane) -> float:
        return float(np.corrcoef(picture.ravel().astype(float), over.ravel())[0, 1])

    assert likeness(clear.pixels) > 0.97
    assert likeness(clear.pixels) > likeness(overlay)


def test_an_extracted_overlay_is_cropped() -> None:
    under = np.repeat(ground(5, WIDTH)[..., None], 3, axis=2)
    over = under.copy()
    over[50:90, 100:180] = 255 - over[50:90, 100:180] // 2
    overlay = (under * 0.5 + over * 0.5).astype(np.uint8)
    clear = extract_overlay(overlay, [under])
    assert clear is not None
    assert contains((clear.x, clear.y, clear.w, clear.h), left=100, right=180, top=50, bottom=90)
    assert (clear.w * WIDTH, clear.h * HEIGHT) <= (120, 80)
    view = OverlayCrop(pixels=np.zeros((2, 2, 3), np.uint8), x=0.5, y=0.25, w=0.5, h=0.5)
    assert view.to_frame_box(0.5, 0.5, 0.5, 0.5) == (0.75, 0.5, 0.25, 0.25)


def test_no_overlay_is_extracted_if_the_background_is_invisible() -> None:
    rng = np.random.default_rng(8)
    one, other = (rng.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(2))
    assert extract_overlay(one, [other]) is None
    assert extract_overlay(one, [one]) is None


def grassy(frame: int, speed: int) -> Plane:
    """A fine pattern with light and dark in every neighbourhood."""
    pattern = np.random.default_rng(5).integers(40, 200, (HEIGHT, WIDTH * 2), dtype=np.uint8)
    return pattern[:, 20 + speed * frame : 20 + speed * frame + WIDTH].copy()


def shaded(new: Novelty) -> bool:
    return new.shade_excess >= SamplingConfig().shade and new.shade_cells >= SamplingConfig().outlier_cells


@pytest.mark.parametrize("speed", [0, 2])
def test_faint_content_on_a_fine_pattern_is_darker_than_both_neighbours(speed: int) -> None:
    pictures = [grassy(number, speed) for number in range(40)]
    line = pictures[25][80:92, 100:260]
    # Letters cover about a third.
    letters = np.random.default_rng(8).random(line.shape) < 0.35
    line[letters] = (0.7 * line[letters]).astype(np.uint8)
    new = novelties([small(picture) for picture in pictures])
    assert [number for number, one in enumerate(new) if shaded(one)] == [25]
    # Every neighbourhood has a pixel as dark.
    assert not odd(new[25])
    region = new[25].region
    assert contains(region, left=104, right=256)
    assert region[2] * region[3] < 0.25


def test_baseline_noise_is_not_a_change_and_an_appearance_in_it_is() -> None:
    rng = np.random.default_rng(4)
    frames = [small(rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)) for _ in range(20)]
    comparator = FrameComparator()
    for number in range(1, 19):
        comparator.compare(frames[number - 1], frames[number], frames[number + 1])
    assert comparator.distance(frames[18], frames[2])[0] < SamplingConfig().appeared
    light = frames[19].luma.copy()
    light[40:120, 60:200] = 255
    assert comparator.distance(small(light), frames[2])[0] > SamplingConfig().appeared
