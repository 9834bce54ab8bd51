"""Copies a clip with the visible label in every frame, drawn into its planes, so that colours, pixel
shape and sound stay as they are. Runs only inside a sandboxed child.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats
from safelight.core.errors import InvalidMedia
from safelight.media.badge import Badge, BadgeStyle
from safelight.media.encode import CopiedSound, Mp4Writer, encoded_again
from safelight.media.probe import VideoLimits, open_container, probe, select_tracks
from safelight.media.shown_frames import HLG, PQ, FrameShape, is_full_range, planes_of, shown_frames

#: Pixel formats that are drawn into; frames in another one, such as RGB, are converted.
_DRAWN_FORMATS = (
    "yuv420p",
    *("yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"),
)
#: Shares of red and blue in luma, by the number of the colour matrix in H.273; others count as BT.709.
_LUMA_SHARES = {5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT709 = (0.2126, 0.0722)
#: The brightest part of the label, by the transfer function: white paper (203 cd/m2) in PQ and HLG (BT.2408).
_WHITE = {PQ: 0.58, HLG: 0.75}


class BadgeTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `burn_badge_in_child`."""

    source: str
    into: str
    style: BadgeStyle
    limits: VideoLimits


def burn_badge_in_child(argument: Any, _link: object) -> None:
    """Entry point of `burn_badge` in a sandboxed child."""
    task = msgspec.convert(argument, BadgeTask)
    burn_badge(Path(task.source), Path(task.into), task.style, task.limits)


def burn_badge(source: Path, into: Path, style: BadgeStyle, limits: VideoLimits) -> None:
    """Write the labelled copy. Raises `InvalidMedia` or `TooLarge`."""
    info = probe(source, limits)
    with (
        open_container(source, limits, as_played=True) as container,
        open_container(source, limits, as_played=True) as sounding,
    ):
        video, audio = select_tracks(container)[0], select_tracks(sounding)[1]
        shape = FrameShape.of(video.codec_context, kept=_DRAWN_FORMATS)
        with Mp4Writer(into, encoded_again(shape, info.fps or 25)) as writer:
            writer.copy_display(video, rotation=info.rotation)
            sound = CopiedSound(writer, sounding, audio)
            badge: _PlanarBadge | None = None
            for time_s, frame in shown_frames(container, video, shape, limits):
                badge = badge or _PlanarBadge.draw(style, frame, video.codec_context, rotation=info.rotation)
                frame.make_writable()
                badge.blend(frame)
                sound.copy_until(time_s)
                writer.add_picture(frame, time_s=time_s)
            if badge is None:
                raise InvalidMedia("No frame of the clip can be decoded.")
            sound.copy_until(math.inf)


@dataclass(frozen=True, kw_only=True)
class _PlanarBadge:
    """A label for frames of one pixel format: where it is in each plane, its values and how opaque it is."""

    patches: tuple[tuple[slice, slice, Floats, Floats], ...]

    @classmethod
    def draw(cls, style: BadgeStyle, frame: Any, codec: Any, *, rotation: int) -> _PlanarBadge:
        """The label at the bottom left of the picture as it is shown, turned as the frame is stored."""
        turned = rotation // 90 % 4
        shown = (frame.width, frame.height) if turned % 2 == 0 else (frame.height, frame.width)
        badge = Badge.draw(style, *shown)
        canvas = np.zeros((shown[1], shown[0], 4), np.uint8)
        place = canvas[badge.top :, badge.left :][: badge.pixels.shape[0], : badge.pixels.shape[1]]
        place[..., :3], place[..., 3:] = badge.pixels, (badge.opacity * 255).round()
        canvas = np.rot90(canvas, -turned)
        rows, columns = (_even_range(np.any(canvas[..., 3], axis=axis)) for axis in (1, 0))
        drawn = np.divide(canvas[rows, columns], 255, dtype=np.float32)
        values = _yuv(
            drawn[..., :3] * np.float32(_WHITE.get(codec.color_trc, 1.0)),
            _LUMA_SHARES.get(codec.colorspace, _BT709),
            frame.format.components[0].bits,
            is_full=is_full_range(codec),
        )
        patches = []
        for number, plane in enumerate(frame.planes):
            across, down = frame.width // plane.width, frame.height // plane.height
            box = (
                slice(rows.start // down, rows.stop // down),
                slice(columns.start // across, columns.stop // across),
            )
            # Where the label is half over a chroma sample, its own part of the colour counts.
            weighted = _shrink(values[..., number] * drawn[..., 3], across, down)
            patches.append((*box, weighted, _shrink(drawn[..., 3], across, down)))
        return cls(patches=tuple(patches))

    def blend(self, frame: Any) -> None:
        """Draw the label into a writable frame."""
        for lines, (rows, columns, weighted, opacity) in zip(planes_of(frame), self.patches, strict=True):
            under = lines[rows, columns].astype(np.float32)
            lines[rows, columns] = (under * (1 - opacity) + weighted).round().astype(lines.dtype)


def _even_range(marked: npt.NDArray[np.bool_]) -> slice:
    """The range with everything that is marked, from an even number to an even one, as chroma samples are."""
    places = np.flatnonzero(marked)
    return slice(places[0] // 2 * 2, (places[-1] + 2) // 2 * 2)


def _yuv(rgb: Floats, shares: tuple[float, float], bits: int, *, is_full: bool) -> Floats:
    """Code values of luma and both chroma components, for RGB from 0 to 1 (H.273, 8.3)."""
    red, blue = shares
    luma = rgb @ np.array([red, 1 - red - blue, blue], np.float32)
    cb, cr = (rgb[..., 2] - luma) / (2 * (1 - blue)), (rgb[..., 0] - luma) / (2 * (1 - red))
    unit, top = 2 ** (bits - 8), 2**bits - 1
    black, luma_span, chroma_span = (0, top, top) if is_full else (16 * unit, 219 * unit, 224 * unit)
    chroma = (part * chroma_span + 128 * unit for part in (cb, cr))
    return np.stack([luma * luma_span + black, *chroma], axis=-1)


def _shrink(values: Floats, across: int, down: int) -> Floats:
    """Means of blocks, for planes with fewer samples than pixels."""
    rows, columns = values.shape[0] // down, values.shape[1] // across
    blocks = values[: rows * down, : columns * across].reshape(rows, down, columns, across)
    means: Floats = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means
