"""Sound stays with the picture, and colours and shape as they are: in copies, with the badge and the mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from safelight.media.badge import BadgeStyle
from safelight.media.burned_badge import burn_badge
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import VideoLimits
from support.claps import (
    ENCODED_COLOURS,
    KEPT_COLOURS,
    SOUNDS,
    STARTS,
    look,
    off_ms,
    write_clap,
    write_marked,
    write_patches,
)

LIMITS = VideoLimits()
#: Milliseconds between flash and beep: half a frame of AAC is 11.
MAX_OFF_MS = 5.0
#: Levels of eight bits by which a field of colour may differ.
MAX_LEVELS = 3


@pytest.mark.parametrize("starts", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize(("ending", "codec", "sound", "title", "method"), SOUNDS)
@pytest.mark.parametrize("b_frames", [True, False], ids=["B-frames", "none"])
def test_sound_stays_with_the_picture(
    tmp_path: Path,
    ending: str,
    codec: str,
    sound: str,
    title: str,
    method: str,
    b_frames: bool,
    starts: tuple[float, float],
) -> None:
    if ending == "mkv" and min(starts) < 0:
        pytest.skip("Matroska has no edit lists.")
    clip = write_clap(
        tmp_path / f"a.{ending}",
        codec=codec,
        sound=sound,
        b_frames=b_frames,
        picture_from_s=starts[0],
        sound_from_s=starts[1],
        title=title,
    )
    assert abs(off_ms(clip)) <= MAX_OFF_MS, "the clip itself"
    result = normalize_video(clip, tmp_path / "plain.mp4", LIMITS)
    assert result.method.value == method
    plain = clip if result.method is NormalizeMethod.KEPT else tmp_path / "plain.mp4"
    assert abs(off_ms(plain)) <= MAX_OFF_MS
    burn_badge(plain, tmp_path / "badged.mp4", BadgeStyle(text="AI"), LIMITS)
    assert abs(off_ms(tmp_path / "badged.mp4")) <= MAX_OFF_MS
    marked = write_marked(plain, tmp_path / "marked.mp4")
    assert marked is not None
    assert abs(off_ms(marked)) <= MAX_OFF_MS


@pytest.mark.parametrize("properties", KEPT_COLOURS.values(), ids=KEPT_COLOURS)
def test_the_badge_changes_nothing_but_its_place(tmp_path: Path, properties: dict[str, Any]) -> None:
    clip = write_patches(tmp_path / "a.mp4", **properties)
    burn_badge(clip, tmp_path / "b.mp4", BadgeStyle(text="AI-generated"), LIMITS)
    before, after = look(clip), look(tmp_path / "b.mp4")
    assert after[1] == before[1]
    assert np.abs(after[0] - before[0]).max() <= MAX_LEVELS
    with av.open(str(tmp_path / "b.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == properties.get("layout", "yuv420p")
        corner = frame.to_ndarray(format="gray")[-20:, 6:40]
        assert np.ptp(corner.astype(int)) > 100, "the badge is seen"


@pytest.mark.parametrize(("ending", "properties"), ENCODED_COLOURS.values(), ids=ENCODED_COLOURS)
def test_an_encoded_clip_keeps_colours_and_shape(
    tmp_path: Path, ending: str, properties: dict[str, Any]
) -> None:
    clip = write_patches(tmp_path / f"a.{ending}", **properties)
    assert normalize_video(clip, tmp_path / "b.mp4", LIMITS).method is NormalizeMethod.ENCODED
    before, after = look(clip), look(tmp_path / "b.mp4")
    assert after[1] == before[1]
    assert np.abs(after[0] - before[0]).max() <= MAX_LEVELS
