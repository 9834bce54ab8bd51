"""What happens to a clip on its way to a stranger: encoders, sizes, crops, colours, recording of a screen.

Attacks work on luma. Colour planes are grey, because the watermark is in luma only. Every attack that is not
an encoder itself is followed by H.264 with CRF 23, as an app would do.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from safelight.media.decode import is_intra_coded
from safelight.provenance.watermark.clip_marking import AQ_STRENGTH, CRF

from .scheduling import keep_scheduling

Luma = npt.NDArray[np.uint8]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class LumaClip:
    frames: tuple[Luma, ...]
    #: Time of each frame from the first one, in seconds.
    times: tuple[float, ...]
    fps: float
    #: Numbers of the frames that the last encoder encoded without reference to others.
    intra_coded: frozenset[int] = frozenset()


Attack = Callable[[LumaClip, Random], LumaClip]


def encode_and_decode(clip: LumaClip, codec: str, options: dict[str, str]) -> LumaClip:
    """The clip after a lossy encoder of PyAV, in one thread."""
    import av

    target = io.BytesIO()
    height, width = (side - side % 2 for side in clip.frames[0].shape)
    with keep_scheduling(), av.open(target, "w", format="matroska") as writer:
        stream: Any = writer.add_stream(codec, rate=max(round(clip.fps), 1))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = options
        stream.codec_context.thread_count = 1
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        for number, luma in enumerate(clip.frames):
            planes[:height] = luma[:height, :width]
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    target.seek(0)
    with av.open(target, "r") as reader:
        decoded: list[Any] = list(reader.decode(video=0))
    return replace(
        clip,
        frames=tuple(frame.to_ndarray()[:height] for frame in decoded),
        times=clip.times[: len(decoded)],
        intra_coded=frozenset(number for number, frame in enumerate(decoded) if is_intra_coded(frame)),
    )


def _h264(clip: LumaClip, crf: int) -> LumaClip:
    return encode_and_decode(clip, "libx264", {"crf": str(crf), "preset": "veryfast"})


def deliver(clip: LumaClip) -> LumaClip:
    """The copy that a gateway would deliver."""
    options = {"crf": str(CRF), "preset": "veryfast", "aq-strength": str(AQ_STRENGTH)}
    return encode_and_decode(clip, "libx264", options)


def _with_codec(codec: str, **options: str) -> Attack:
    return lambda clip, _random: encode_and_decode(clip, codec, options)


def _with_crf(crf: int) -> Attack:
    return lambda clip, _random: _h264(clip, crf)


def _each(change: Callable[[Luma, Random], npt.NDArray[Any]]) -> Attack:
    """Changes each frame alone."""

    def attack(clip: LumaClip, random: Random) -> LumaClip:
        frames = tuple(_to_luma(change(frame, random)) for frame in clip.frames)
        return _h264(replace(clip, frames=frames), 23)

    return attack


def _to_luma(values: npt.NDArray[Any]) -> Luma:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _resize(luma: Luma, across: float, down: float) -> Luma:
    size = (round(luma.shape[1] * across), round(luma.shape[0] * down))
    smaller = across * down < 1
    return np.asarray(
        cv2.resize(luma, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8
    )


def _resize_to(share: float) -> Attack:
    return _each(lambda luma, _random: _resize(luma, share, share))


def _crop_to(share: float) -> Attack:
    """Keeps this share of each side, somewhere in the picture."""

    def attack(clip: LumaClip, random: Random) -> LumaClip:
        return _h264(_crop(clip, share, random), 23)

    return attack


def _crop(clip: LumaClip, share: float, random: Random) -> LumaClip:
    height, width = clip.frames[0].shape
    rows, columns = int(height * share), int(width * share)
    top, left = (int(random.integers(0, free + 1)) for free in (height - rows, width - columns))
    frames = tuple(frame[top : top + rows, left : left + columns] for frame in clip.frames)
    return replace(clip, frames=frames)


def _rotate(degrees: float) -> Attack:
    def change(luma: Luma, _random: Random) -> npt.NDArray[Any]:
        height, width = luma.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(luma, turn, (width, height)))

    return _each(change)


def _put_bars(luma: Luma, _random: Random) -> npt.NDArray[Any]:
    """The picture at 70 % of its size on a black canvas of the same size, bars of different width."""
    height, width = luma.shape
    small = _resize(luma, 0.7, 0.7)
    canvas = np.full((height, width), 16, np.uint8)
    top, left = (height - small.shape[0]) // 3, (width - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def _put_logos(luma: Luma, _random: Random) -> npt.NDArray[Any]:
    """Three opaque boxes, 16 % of the picture."""
    height, width = luma.shape
    covered = luma.copy()
    for y, x, h, w, level in (
        (0.05, 0.05, 0.2, 0.25, 235),
        (0.75, 0.6, 0.2, 0.35, 40),
        (0.4, 0.4, 0.2, 0.2, 128),
    ):
        covered[int(y * height) : int((y + h) * height), int(x * width) : int((x + w) * width)] = level
    return covered


def _change_frame_rate(clip: LumaClip, _random: Random) -> LumaClip:
    """To 15 frames per second, each the frame shown at that time."""
    wanted = np.arange(0, clip.times[-1], 1 / 15)
    return _h264(_pick(clip, wanted, 15.0), 23)


def _pick(clip: LumaClip, times: Iterable[float], fps: float) -> LumaClip:
    kept = tuple(float(time) for time in times)
    numbers = np.searchsorted(clip.times, np.array(kept) + 1e-6, side="right") - 1
    return LumaClip(frames=tuple(clip.frames[number] for number in numbers), times=kept, fps=fps)


def _trim(clip: LumaClip, random: Random) -> LumaClip:
    """Two seconds from a random time on."""
    first = random.uniform(0, max(clip.times[-1] - 2.0, 0.0))
    kept = [number for number, time in enumerate(clip.times) if first <= time < first + 2.0]
    start = clip.times[kept[0]]
    return _h264(
        replace(
            clip,
            frames=tuple(clip.frames[number] for number in kept),
            times=tuple(clip.times[number] - start for number in kept),
        ),
        23,
    )


def _crop_resize_compress(clip: LumaClip, random: Random) -> LumaClip:
    cropped = _crop(clip, 0.85, random)
    return _h264(replace(cropped, frames=tuple(_resize(one, 0.5, 0.5) for one in cropped.frames)), 33)


def _record_screen(clip: LumaClip, random: Random) -> LumaClip:
    """The standard simulation of a screen recording.

    In this order: crop to 90 to 100 % of each side; scale 0.6 to 1.3; moire, a grid of 2.1 to 3.7 pixels with
    2 to 4 % contrast; contrast 0.85 to 1.1 and gamma 0.8 to 1.25; blur of 0.6 pixels; noise of 4 levels; 30
    frames per second with 3 % of them lost; H.264 with CRF 30.
    """
    share = random.uniform(0.6, 1.3)
    shown = _crop(clip, random.uniform(0.9, 1.0), random)
    return _h264(_record(shown, share, random), 30)


def _film_screen(clip: LumaClip, random: Random) -> LumaClip:
    """The hard recording: a screen that a camera on a stand films at an angle.

    Each corner moves inwards by up to 6 % of its side; scale 0.5 to 1.0; then as in `screen-recording`, with
    CRF 33.
    """
    height, width = clip.frames[0].shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inwards = np.sign(np.array([width, height]) / 2 - corners) * random.uniform(0, 0.06, (4, 2))
    seen = (corners + inwards * (width, height)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    filmed = tuple(
        np.asarray(cv2.warpPerspective(frame, matrix, (width, height), borderValue=30), np.uint8)
        for frame in clip.frames
    )
    recorded = _record(replace(clip, frames=filmed), random.uniform(0.5, 1.0), random)
    return _h264(recorded, 33)


def _record(shown: LumaClip, share: float, random: Random) -> LumaClip:
    """What a recorder gets of a clip that is shown at this scale."""
    height, width = _resize(shown.frames[0], share, share).shape
    angle, period = random.uniform(0, np.pi), random.uniform(2.1, 3.7)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    moire = (1 + random.uniform(0.02, 0.04) * np.sin(2 * np.pi * along / period)).astype(np.float32)
    levels = np.linspace(0, 1, 256) ** random.uniform(0.8, 1.25) * random.uniform(0.85, 1.1)
    table = _to_luma(np.rint(255 * levels))
    times = [time for time in np.arange(0, shown.times[-1], 1 / 30) if random.random() > 0.03]
    recorded = []
    for frame in (picked := _pick(shown, times, 30.0)).frames:
        seen = cv2.LUT(_to_luma(_resize(frame, share, share) * moire), table)
        blurred = cv2.GaussianBlur(seen, (0, 0), 0.6).astype(np.float32)
        recorded.append(_to_luma(blurred + 4 * random.standard_normal(blurred.shape, np.float32)))
    return replace(picked, frames=tuple(recorded))


def _apply_gamma(luma: Luma, _random: Random) -> npt.NDArray[Any]:
    return np.rint(255 * (luma / 255) ** 1.4)


#: Every attack by name, in the order of reports.
ATTACKS: dict[str, Attack] = {
    "delivered": lambda clip, _random: clip,
    "h264-23": _with_crf(23),
    "h264-28": _with_crf(28),
    "h264-33": _with_crf(33),
    "h264-38": _with_crf(38),
    "h264-43": _with_crf(43),
    "h265-30": _with_codec(
        "libx265", crf="30", preset="superfast", **{"x265-params": "log-level=none:pools=1"}
    ),
    "vp9-40": _with_codec("libvpx-vp9", crf="40", **{"b:v": "0", "deadline": "realtime", "cpu-used": "8"}),
    "av1-45": _with_codec("libsvtav1", crf="45", preset="10", **{"svtav1-params": "lp=1"}),
    "resize-50": _resize_to(0.5),
    "resize-35": _resize_to(0.35),
    "stretch": _each(lambda luma, _random: _resize(luma, 0.9, 1.0)),
    "crop-75": _crop_to(0.75),
    "crop-50": _crop_to(0.5),
    "rotate-1": _rotate(1.0),
    "rotate-2": _rotate(2.0),
    "mirror": _each(lambda luma, _random: luma[:, ::-1]),
    "bars": _each(_put_bars),
    "logos": _each(_put_logos),
    "frame-rate": _change_frame_rate,
    "trim": _trim,
    "contrast": _each(lambda luma, _random: 20 + luma * 0.75),
    "gamma": _each(_apply_gamma),
    "blur": _each(lambda luma, _random: cv2.GaussianBlur(luma, (0, 0), 2.0)),
    "noise": _each(lambda luma, random: luma + 15 * random.standard_normal(luma.shape, np.float32)),
    "crop-resize-h264": _crop_resize_compress,
    "screen-recording": _record_screen,
    "hard-recording": _film_screen,
}
