"""Computes fingerprints from files. Runs only inside a sandboxed child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from safelight.core.arrays import Pixels
from safelight.core.errors import InvalidMedia
from safelight.media.images import ImageLimits, read_image
from safelight.media.probe import (
    ACCEPTED_CLIP_LIMITS,
    MediaInfo,
    decoder_errors_raise,
    open_container,
    probe_container,
    select_tracks,
)
from safelight.media.signatures import detect_image

from .clip_fingerprint import ClipFingerprint, SearchedFrames
from .frame_hashes import registered_hashes, searched_hashes

#: Time between two frames that are hashed. Longer clips have fewer, so that a row stays below 100 kB.
STEP_S, MAX_HASHED = 0.5, 240
#: Frames of an unknown file that are searched, so that a search takes a bounded time.
_MAX_SEARCHED = 24
THUMBNAILS = 6
#: Shorter side of a thumbnail, as in the canonical picture of the watermark.
THUMBNAIL_SIDE = 360
_JPEG_QUALITY = 80
#: Longer side at which a frame is hashed. PDQ samples 64 by 64 points of it.
_HASHED_SIDE = 512
_IMAGE_LIMITS = ImageLimits()


@dataclass(frozen=True, kw_only=True)
class ClipFrame:
    time_s: float
    #: RGB, turned as it is shown, with a shorter side of at most `THUMBNAIL_SIDE`.
    pixels: Pixels


def fingerprint_clip(path: Path) -> ClipFingerprint:
    """The fingerprint of a delivered clip."""
    return fingerprint_frames(list(sample_clip(path, MAX_HASHED)))


def fingerprint_frames(frames: Sequence[ClipFrame]) -> ClipFingerprint:
    """The fingerprint of a delivered clip, from frames at equal distances."""
    hashes = np.concatenate([registered_hashes(_reduce(each.pixels)) for each in frames])
    count = min(THUMBNAILS, len(frames))
    chosen = [frames[int((number + 0.5) * len(frames) / count)] for number in range(count)]
    length = frames[-1].time_s - frames[0].time_s
    return ClipFingerprint(
        hashes=np.unique(hashes, axis=0).tobytes(),
        thumbnails=tuple(_jpeg(each.pixels) for each in chosen),
        step_s=length / count,
        times_s=tuple(each.time_s - frames[0].time_s for each in chosen),
    )


def search_in_child(argument: Any, _link: object) -> SearchedFrames:
    """Entry point: the hashes of a clip or a picture of any origin. Raises `InvalidMedia`, `TooLarge`."""
    path = Path(argument["source"])
    found = [searched_hashes(_reduce(pixels)).tobytes() for pixels in sample_file(path, _MAX_SEARCHED)]
    return SearchedFrames(frames=tuple(each for each in found if each), is_picture=is_picture(path))


def sample_file(path: Path, most: int) -> Iterator[Pixels]:
    """Frames of a clip or a picture, with a shorter side of at most `THUMBNAIL_SIDE`."""
    if is_picture(path):
        _info, views = read_image(path, _IMAGE_LIMITS)
        yield from (_scale(view, THUMBNAIL_SIDE / min(view.shape[:2])) for view in views[:most])
        return
    yield from (each.pixels for each in sample_clip(path, most))


def is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return detect_image(file.read(64)) is not None


def sample_clip(path: Path, most: int, *, least_step_s: float = STEP_S) -> Iterator[ClipFrame]:
    """Frames at equal distances, at most `most`. Damage after the first frame ends the clip there."""
    with open_container(path, ACCEPTED_CLIP_LIMITS, as_played=True) as container:
        info = probe_container(container, path.stat().st_size, ACCEPTED_CLIP_LIMITS)
        stream = select_tracks(container)[0]
        if least_step_s >= STEP_S:
            # Only frames that others refer to: the rest is not needed to decode the sampled ones.
            stream.codec_context.skip_frame = "NONREF"
        step_s, next_s, count = max(least_step_s, info.duration_s / most), 0.0, 0
        for time_s, frame in _decode(container.decode(stream), info):
            if count and time_s < next_s:
                continue
            yield ClipFrame(time_s=time_s, pixels=shown_pixels(frame, info.rotation))
            count += 1
            next_s = time_s + step_s * 0.999
            if count == most:
                return


def _decode(frames: Iterator[Any], info: MediaInfo) -> Iterator[tuple[float, Any]]:
    first_s: float | None = None
    number = 0
    while True:
        try:
            with decoder_errors_raise():
                frame = next(frames, None)
        except InvalidMedia:
            if first_s is None:
                raise
            return
        if frame is None:
            if first_s is None:
                raise InvalidMedia("The clip has no frames.")
            return
        time_s = frame.time if frame.time is not None else number / (info.fps or 25.0)
        first_s = time_s if first_s is None else first_s
        yield time_s - first_s, frame
        number += 1


def shown_pixels(frame: Any, rotation: int) -> Pixels:
    """A decoded frame as RGB, turned as it is shown, with a shorter side of at most `THUMBNAIL_SIDE`."""
    factor = min(THUMBNAIL_SIDE / min(frame.width, frame.height), 1.0)
    width, height = (max(round(side * factor), 1) for side in (frame.width, frame.height))
    pixels = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90 % 4))


def _reduce(pixels: Pixels) -> Pixels:
    return _scale(pixels, _HASHED_SIDE / max(pixels.shape[:2]))


def _scale(pixels: Pixels, factor: float) -> Pixels:
    """A smaller copy; a factor above 1 returns the same picture."""
    if factor >= 1:
        return pixels
    height, width = (max(round(side * factor), 1) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(pixels: Pixels) -> bytes:
    # Without colours, which no comparison uses.
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    written, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), options)
    if not written:
        raise InvalidMedia("A thumbnail of the clip cannot be written.")
    return bytes(data)
