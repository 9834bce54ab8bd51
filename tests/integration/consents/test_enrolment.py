"""What a clip of a person says about itself, after encoding."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from safelight.consents.enrolment import is_still
from support.clips import make_clip, scenery

PICTURE = scenery(0, 320, 192)


@pytest.mark.parametrize("sway_px", [0, 1])
@pytest.mark.parametrize("crf", [18, 38])
def test_only_a_clip_in_which_nothing_moves_is_still(tmp_path: Path, sway_px: int, crf: int) -> None:
    frames = {number: np.roll(PICTURE, sway_px * (number % 5), axis=(0, 1)) for number in range(36)}
    clip = make_clip(tmp_path / "clip.mp4", odd=frames, crf=crf)
    with av.open(str(clip)) as source:
        shown = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    assert is_still(shown) == (sway_px == 0)
