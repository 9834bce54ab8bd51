"""The pictures that a reviewer is shown: which frames, how large, and in grey unless asked otherwise."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.web.console.case_media import PictureRequest, Shot, draw_pictures
from support.clips import make_clip

#: A frame that is in a clip only once.
LIT = np.full((192, 320, 3), 250, np.uint8)


def draw(sandbox: Sandbox, source: Path, into: Path, asked: PictureRequest, kind: str) -> dict[str, Any]:
    drawn: dict[str, Any] = sandbox.run(
        EntryPoint.of(draw_pictures),
        {
            "source": str(source),
            "into": str(into),
            "media_type": kind,
            "shot": asked.shot.value,
            "frame": asked.frame,
            "longest_side": asked.longest_side,
            "grey": not asked.in_colour,
        },
        reads=[source],
        writes=[into],
    )
    return drawn


def tiles(into: Path, drawn: dict[str, Any]) -> dict[int, float]:
    """The mean brightness of each frame on the page, by its number."""
    with Image.open(into) as picture:
        pixels = np.asarray(picture.convert("L"), np.float64)
    columns = drawn["columns"]
    height = pixels.shape[0] // -(-len(drawn["frames"]) // columns)
    width = pixels.shape[1] // columns
    return {
        number: float(
            pixels[
                place // columns * height : (place // columns + 1) * height,
                place % columns * width : (place % columns + 1) * width,
            ].mean()
        )
        for place, number in enumerate(drawn["frames"])
    }


@pytest.mark.parametrize("kind", ["video/mp4", "image/png"])
def test_the_least_is_small_and_grey_and_more_is_large_and_in_colour(
    tmp_path: Path, sandbox: Sandbox, kind: str
) -> None:
    source, into = tmp_path / "source", tmp_path / "sheet.webp"
    red = np.zeros((192, 640, 3), np.uint8)
    red[..., 0] = 200
    if kind == "video/mp4":
        clip = make_clip(tmp_path / "clip.mp4", width=640, frames=3, odd=dict.fromkeys(range(3), red))
        clip.rename(source)
    else:
        Image.fromarray(red).save(source, "PNG")
    for asked in (
        PictureRequest(file=0, shot=Shot.FRAME),
        PictureRequest(file=0, shot=Shot.FRAME, in_colour=True, large=True),
    ):
        draw(sandbox, source, into, asked, kind)
        assert stat.S_ISREG(into.lstat().st_mode)
        with Image.open(into) as picture:
            assert max(picture.size) == (640 if asked.large else 160)
            r, g, b = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
        assert (max(r, g, b) - min(r, g, b) > 100) == asked.in_colour


@pytest.mark.parametrize(
    ("lit", "asked", "shown"),
    [
        (29, 29, [29]),
        (0, 0, [0]),
        # Far after the end: the last frame.
        (29, 999_999, [29]),
    ],
    ids=["last", "first", "after the end"],
)
def test_the_flagged_frame_is_that_frame_and_no_other(
    tmp_path: Path, sandbox: Sandbox, lit: int, asked: int, shown: list[int]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=30, fps=8, odd={lit: LIT})
    into = tmp_path / "sheet.webp"
    request = PictureRequest(file=0, shot=Shot.FRAME, frame=asked)
    drawn = draw(sandbox, clip, into, request, "video/mp4")
    assert drawn["frames"] == shown
    assert tiles(into, drawn)[lit] > 235


def test_frames_around_it_and_the_film_contain_it_and_the_whole_video_is_nine_frames(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=240, fps=24, odd={120: LIT})
    into = tmp_path / "sheet.webp"
    drawn = {
        shot: draw(sandbox, clip, into, PictureRequest(file=0, shot=shot, frame=120), "video/mp4")
        for shot in (Shot.AROUND, Shot.CLIP)
    }
    assert drawn[Shot.AROUND]["frames"] == [96, 102, 108, 114, 120, 126, 132, 138, 144]
    film = drawn[Shot.CLIP]
    assert (len(film["frames"]), film["per_s"], film["frames"][0]) == (32, 8.0, 72)
    brightness = tiles(into, film)
    assert max(brightness, key=lambda number: brightness[number]) == 120
    whole = draw(sandbox, clip, into, PictureRequest(file=0, shot=Shot.WHOLE), "video/mp4")
    assert len(whole["frames"]) == 9
    assert (whole["frames"][0], whole["frames"][-1]) == (13, 227)


@pytest.mark.parametrize("shot", list(Shot))
def test_a_clip_of_one_frame_has_one_picture(tmp_path: Path, sandbox: Sandbox, shot: Shot) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=1)
    drawn = draw(sandbox, clip, tmp_path / "sheet.webp", PictureRequest(file=0, shot=shot), "video/mp4")
    assert drawn["frames"] == [0]


def test_the_last_frame_of_a_clip_of_ten_minutes_is_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    frames = 10 * 60 * 8
    clip = make_clip(
        tmp_path / "clip.mp4",
        width=64,
        height=48,
        fps=8,
        frames=frames,
        odd={frames - 1: np.full((48, 64, 3), 250, np.uint8)},
    )
    into = tmp_path / "sheet.webp"
    request = PictureRequest(file=0, shot=Shot.FRAME, frame=frames - 1)
    drawn = draw(sandbox, clip, into, request, "video/mp4")
    assert tiles(into, drawn)[frames - 1] > 235
