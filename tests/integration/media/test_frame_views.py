from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from safelight.media.decode import VideoDecoder
from safelight.media.frame_views import FIELD_VIEWS, TRANSPARENT_VIEWS, FrameView
from safelight.media.probe import VideoLimits
from support.clips import make_clip, scenery
from support.view_clips import TRANSPARENT, interlaced_clip, transparent_clip

LIMITS = VideoLimits()


def half_transparent(_number: int) -> npt.NDArray[np.uint8]:
    """Red everywhere; the left half is transparent."""
    pixels = np.zeros((96, 128, 4), np.uint8)
    pixels[:, :, 0] = 255
    pixels[:, 64:, 3] = 255
    return pixels


@pytest.mark.parametrize("name", TRANSPARENT)
def test_a_transparent_clip_is_shown_over_black_and_over_white(tmp_path: Path, name: str) -> None:
    decoder = VideoDecoder(transparent_clip(tmp_path, name, 4, half_transparent), LIMITS)
    assert sum(1 for _ in decoder.frames()) == 4
    assert decoder.more_views == frozenset(TRANSPARENT_VIEWS)
    for view, colour in ((FrameView.OVER_WHITE, (255, 255, 255)), (FrameView.OVER_BLACK, (0, 0, 0))):
        frames = list(decoder.frames(view))
        assert len(frames) == 4
        assert [round(frame.time_s, 2) for frame in frames] == [0.0, 0.08, 0.17, 0.25]
        pixels = frames[2].resized(0)
        assert pixels[50, 20] == pytest.approx(colour, abs=4)
        assert pixels[50, 100] == pytest.approx((255, 0, 0), abs=12)


def test_an_opaque_clip_with_an_alpha_channel_has_one_view(tmp_path: Path) -> None:
    def opaque(number: int) -> npt.NDArray[np.uint8]:
        return np.dstack([scenery(number, 128, 96), np.full((96, 128), 255, np.uint8)])

    for name in ("prores.mov", "png.mov"):
        decoder = VideoDecoder(transparent_clip(tmp_path, name, 3, opaque), LIMITS)
        assert sum(1 for _ in decoder.frames()) == 3
        assert decoder.more_views == frozenset()


def test_an_ordinary_clip_has_one_view(tmp_path: Path) -> None:
    decoder = VideoDecoder(make_clip(tmp_path / "a.mp4", frames=6), LIMITS)
    assert sum(1 for _ in decoder.frames()) == 6
    assert decoder.more_views == frozenset()


def test_the_fields_of_an_interlaced_clip_are_views_if_they_differ(tmp_path: Path) -> None:
    def fields(number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        below = scenery(number, 128, 96)
        below[20:60, 20:60] = 255
        return scenery(number, 128, 96), below

    decoder = VideoDecoder(interlaced_clip(tmp_path / "a.mkv", 6, fields), LIMITS)
    assert sum(1 for _ in decoder.frames()) == 6
    assert decoder.more_views == frozenset(FIELD_VIEWS)
    top, bottom = (list(decoder.frames(view))[3].resized(0) for view in FIELD_VIEWS)
    assert top.shape == bottom.shape == (96, 128, 3)
    assert int(bottom[40, 40].min()) > 200 > int(top[40, 40].max())


def test_fields_that_differ_below_a_fine_pattern_are_views(tmp_path: Path) -> None:
    """Each line differs from the next line of its field, so that single pixels show nothing."""
    pattern = np.full((96, 128, 3), 100, np.uint8)
    pattern[(np.arange(96) // 2) % 2 == 1] = 150

    def fields(_number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        below = pattern.copy()
        below[16:80, 16:112] -= 30
        return pattern, below

    decoder = VideoDecoder(interlaced_clip(tmp_path / "a.mkv", 3, fields), LIMITS)
    assert sum(1 for _ in decoder.frames()) == 3
    assert decoder.more_views == frozenset(FIELD_VIEWS)


def test_an_interlaced_clip_with_equal_fields_has_one_view(tmp_path: Path) -> None:
    clip = interlaced_clip(
        tmp_path / "a.mkv", 6, lambda number: (scenery(number, 128, 96), scenery(number, 128, 96))
    )
    decoder = VideoDecoder(clip, LIMITS)
    assert sum(1 for _ in decoder.frames()) == 6
    assert decoder.more_views == frozenset()
