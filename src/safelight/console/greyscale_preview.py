"""Draws a small greyscale contact sheet in the sandbox. Reviewers get no larger image and no colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.sandbox.child_main import ChildChannel

MAX_FRAMES = 9
MAX_SIDE_PX = 160
COLUMNS = 3


def draw_greyscale_preview(argument: dict[str, str], _link: ChildChannel) -> None:
    """Entry point in the sandbox: draw the clip or image `source` as greyscale frames into the file
    `into`.
    """
    import numpy as np

    from safelight.media.thumbnails import write_contact_sheet

    source = Path(argument["source"])
    frames = _read_clip(source) if argument["media_type"].startswith("video/") else [_read_image(source)]
    grey = [np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) for pixels in frames]
    write_contact_sheet(
        grey, Path(argument["into"]), columns=min(COLUMNS, len(grey)), longest_side=MAX_SIDE_PX
    )


def _read_clip(source: Path) -> list[Any]:
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS
    from safelight.media.thumbnails import pick_frame_indices

    walk = VideoDecoder(source, ACCEPTED_CLIP_LIMITS)
    _total, wanted = pick_frame_indices(walk.info, MAX_FRAMES)
    found = [
        frame.resized(MAX_SIDE_PX) for frame in walk.frames() if frame.index in wanted or frame.index == 0
    ]
    return found[1:] or found


def _read_image(source: Path) -> Any:
    from safelight.media.images import ImageLimits, read_image

    return read_image(source, ImageLimits(longest_side=MAX_SIDE_PX))[1][0]
