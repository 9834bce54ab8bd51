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

    from safelight.media.thumbnails import write_contact_sheet

    source = Path(argument["source"])
    frames = _clip(source) if argument["media_type"].startswith("video/") else [_picture(source)]
    grey = [np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) for pixels in frames]
    write_contact_sheet(grey, Path(argument["into"]), columns=min(COLUMNS, len(grey)), longest_side=SIDE)


def _clip(source: Path) -> list[Any]:
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS
    from safelight.media.thumbnails import pick_frame_indices

    walk = VideoDecoder(source, ACCEPTED_CLIP_LIMITS)
    _total, wanted = pick_frame_indices(walk.info, FRAMES)
    found = [frame.resized(SIDE) for frame in walk.frames() if frame.index in wanted or frame.index == 0]
    return found[1:] or found


def _picture(source: Path) -> Any:
    from safelight.media.images import ImageLimits, read_image

    return read_image(source, ImageLimits(longest_side=SIDE))[1][0]
