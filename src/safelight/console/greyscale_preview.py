"""In the child: a small grey sheet of what a case is about. Nothing larger or in colour is ever made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.sandbox.child_main import ChildChannel

FRAMES = 9
SIDE = 160
COLUMNS = 3


def draw(argument: dict[str, str], _link: ChildChannel) -> None:
    """`source`, a clip or a picture, as grey frames on one page in `into`."""
    import numpy as np

    from safelight.media.thumbnails import sheet

    source = Path(argument["source"])
    frames = _clip(source) if argument["media_type"].startswith("video/") else [_picture(source)]
    grey = [np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) for pixels in frames]
    sheet(grey, Path(argument["into"]), columns=min(COLUMNS, len(grey)), longest_side=SIDE)


def _clip(source: Path) -> list[Any]:
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED
    from safelight.media.thumbnails import spread

    walk = VideoDecoder(source, ACCEPTED)
    _total, wanted = spread(walk.facts, FRAMES)
    found = [frame.at(SIDE) for frame in walk.frames() if frame.index in wanted or frame.index == 0]
    return found[1:] or found


def _picture(source: Path) -> Any:
    from safelight.media.images import PictureLimits, read_picture

    return read_picture(source, PictureLimits(longest_side=SIDE))[1][0]
