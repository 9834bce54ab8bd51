"""Decodes a clip: first every frame once, then the audio. Runs only inside a sandboxed child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.core.errors import InvalidMedia, TooLarge

from .frame_views import (
    TRANSPARENT_VIEWS,
    FrameView,
    decode_with_alpha,
    has_captions,
    has_separate_alpha,
    needed_views,
    view_frame,
)
from .probe import (
    MediaInfo,
    UnscannedKind,
    VideoLimits,
    add_unscanned,
    check_extent,
    check_size,
    decoder_errors_raise,
    open_container,
    probe_container,
    select_tracks,
    strict_decoding,
)
from .tags import read_tags

#: A fragmented MP4 has one box for each fragment.
_MAX_BOXES = 100_000
_FIRST_BOXES = (b"ftyp", b"moov")
#: Pixel formats with three planes: luma, blue chroma and red chroma. The chroma planes have half the size.
_YUV420_FORMATS = frozenset({"yuv420p", "yuvj420p"})
#: Shortest side of a downscaled frame, because optical flow does not work on smaller frames.
_MIN_COMPARED_SIDE_PX = 32


def count_trailing_bytes(path: Path) -> int:
    """The number of bytes after the first film in an MP4: from a second header or invalid box.

    0 for a file that is not an MP4, or that has no complete film before them. Boxes beyond a limit count.
    """
    size, start = path.stat().st_size, 0
    seen: set[bytes] = set()
    with path.open("rb") as file:
        for _ in range(_MAX_BOXES):
            file.seek(start)
            head = file.read(16)
            length, box = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:
                length = size - start
            has_film = {b"moov", b"mdat"} <= seen or {b"moov", b"moof"} <= seen
            if has_film and ((box in seen and box in _FIRST_BOXES) or _is_no_box(box, length, size - start)):
                return size - start
            if length < 8 or start + length >= size:
                return 0
            seen.add(box)
            start += length
    return size - start


def _is_no_box(box: bytes, length: int, left: int) -> bool:
    return not 8 <= length <= left or len(box) < 4 or not box.replace(b"\xa9", b"c").isalnum()


@dataclass(frozen=True, kw_only=True)
class DownscaledFrame:
    """A small copy of a frame for comparison: luma, and both chroma planes at half the size."""

    luma: Pixels
    chroma_blue: Pixels
    chroma_red: Pixels


class FrameScaler:
    """Resizes frames in the current thread and keeps one scaler for each target size."""

    def __init__(self) -> None:
        self._scalers: dict[tuple[int, int, str], Any] = {}

    def scale(self, frame: Any, width: int, height: int, pixel_format: str) -> Any:
        """The frame resized to this size and converted to this pixel format."""
        from av.video.reformatter import VideoReformatter

        scaler = self._scalers.setdefault((width, height, pixel_format), VideoReformatter())
        with decoder_errors_raise():
            # By default the scaler starts threads for every frame, which cost more time than they save.
            return scaler.reformat(
                frame, width=width, height=height, format=pixel_format, interpolation="AREA", threads=1
            )


class DecodedFrame:
    """One decoded frame, in presentation order.

    Resized copies are made on request and kept with the frame.
    """

    def __init__(self, frame: Any, *, index: int, time_s: float, rotation: int, scaler: FrameScaler) -> None:
        self._frame = frame
        self._scaler = scaler
        self._quarter_turns = rotation // 90 % 4
        self.index = index
        self.time_s = time_s
        sideways = self._quarter_turns % 2 == 1
        self.width: int = frame.height if sideways else frame.width
        self.height: int = frame.width if sideways else frame.height
        self._resized: dict[tuple[int, int], Pixels] = {}
        self._downscaled: DownscaledFrame | None = None

    @property
    def is_intra_coded(self) -> bool:
        return is_intra_coded(self._frame)

    def resized(self, longest_side: int) -> Pixels:
        """RGB pixels whose longest side is `longest_side`; 0: the source's size.

        Keeps the aspect ratio and never enlarges.
        """
        width, height = fit_size(self._frame.width, self._frame.height, longest_side)
        return self._rgb(width, height)

    def downscaled(self, longest_side: int) -> DownscaledFrame:
        """Luma and chroma at about this size.

        The copy is made once: later calls return the first copy, for any requested size.
        """
        if self._downscaled is None:
            self._downscaled = self._downscale(longest_side)
        return self._downscaled

    def _downscale(self, longest_side: int) -> DownscaledFrame:
        fit = fit_size(self._frame.width, self._frame.height, longest_side)
        width, height = (max(side // 2 * 2, _MIN_COMPARED_SIDE_PX) for side in fit)
        frame, half = self._frame, (width // 2, height // 2)
        if frame.format.name not in _YUV420_FORMATS:
            frame = self._scaler.scale(frame, width, height, "yuv420p")
        sizes = ((width, height), half, half)
        light, blue, red = (
            np.ascontiguousarray(np.rot90(_downscale_plane(_plane(plane), size), self._quarter_turns))
            for plane, size in zip(frame.planes, sizes, strict=True)
        )
        return DownscaledFrame(luma=light, chroma_blue=blue, chroma_red=red)

    def _rgb(self, width: int, height: int) -> Pixels:
        key = (width, height)
        if key not in self._resized:
            pixels = self._scaler.scale(self._frame, width, height, "rgb24").to_ndarray()
            self._resized[key] = np.ascontiguousarray(np.rot90(pixels, self._quarter_turns))
        return self._resized[key]


def is_intra_coded(frame: Any) -> bool:
    """Whether a decoded frame was encoded without reference to others."""
    from av.video.frame import PictureType

    return bool(frame.key_frame) or frame.pict_type == PictureType.I


def _plane(plane: Any) -> Pixels:
    lines = np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)
    return lines[:, : plane.width]


def _downscale_plane(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize by area means. Halving while the size divides evenly is six times faster than a single step."""
    import cv2

    width, height = size
    while pixels.shape[1] % (2 * width) == 0 and pixels.shape[0] % (2 * height) == 0:
        half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def fit_size(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """The size whose longest side is `longest_side`; keeps the aspect ratio and never enlarges."""
    longest = max(width, height)
    if longest_side <= 0 or longest <= longest_side:
        return width, height
    scale = longest_side / longest
    return max(round(width * scale), 1), max(round(height * scale), 1)


class VideoDecoder:
    """Opens a clip and checks its properties. Call `frames` first, then `frames` of `more_views`."""

    def __init__(self, path: Path, limits: VideoLimits, *, threads: int = 1) -> None:
        self._path = path
        self._limits = limits
        self._threads = threads
        with open_container(path, limits) as container:
            info = probe_container(container, path.stat().st_size, limits)
            texts = read_tags(container)
        #: The texts in the file, such as its title.
        self.tags = texts.tags
        #: Closed captions count as unscanned after the first frame that has them is decoded.
        self.info: MediaInfo = info
        self._add_unscanned(UnscannedKind.TAGS, texts.unread)
        self._add_unscanned(UnscannedKind.TRAILING_BYTES, count_trailing_bytes(path))
        #: The views, besides the stored one, in which some frame differs. Known after all frames are decoded.
        self.more_views: frozenset[FrameView] = frozenset()

    def frames(self, view: FrameView = FrameView.STORED) -> Iterator[DecodedFrame]:
        """Decode every frame. Raises `InvalidMedia` if a frame cannot be decoded or the file is cut off."""
        index, last_s, scaler = 0, 0.0, FrameScaler()
        with open_container(self._path, self._limits) as container:
            video = strict_decoding(select_tracks(container)[0])
            video.codec_context.thread_count = self._threads
            first_s: float | None = None
            for frame in self._viewed(container, video, view):
                time_s = frame.time if frame.time is not None else index / (self.info.fps or 25.0)
                first_s = time_s if first_s is None else first_s
                # Frame times never decrease, even if the file declares that they do.
                last_s = max(last_s, time_s - first_s)
                check_extent(index, last_s, self._limits)
                yield DecodedFrame(
                    frame, index=index, time_s=last_s, rotation=self.info.rotation, scaler=scaler
                )
                index += 1
        if index == 0:
            raise InvalidMedia("No frame of the clip can be decoded.")
        if self.info.frames and index < self.info.frames * 0.98 - 2:
            raise InvalidMedia(f"The clip is cut off: it declares {self.info.frames} frames and has {index}.")

    def _viewed(self, container: Any, video: Any, view: FrameView) -> Iterator[Any]:
        """Every frame as `view` shows it."""
        with_alpha = has_separate_alpha(video)
        if view is FrameView.STORED:
            if with_alpha:
                self.more_views |= frozenset(TRANSPARENT_VIEWS)
            captions = False
            for frame in decoded_frames(container.decode(video)):
                check_size(frame.width, frame.height, self._limits)
                if not captions and has_captions(frame):
                    captions = True
                    self._add_unscanned(UnscannedKind.SUBTITLES, 1)
                with decoder_errors_raise():
                    self.more_views |= needed_views(frame, self.more_views)
                yield frame
            return
        with_alpha = with_alpha and view in TRANSPARENT_VIEWS
        frames = decode_with_alpha(container, video) if with_alpha else container.decode(video)
        for frame in decoded_frames(frames):
            check_size(frame.width, frame.height, self._limits)
            with decoder_errors_raise():
                viewed = view_frame(frame, view)
            yield viewed

    def _add_unscanned(self, kind: UnscannedKind, count: int) -> None:
        unscanned = add_unscanned(self.info.unscanned, {kind: count})
        self.info = msgspec.structs.replace(self.info, unscanned=unscanned)

    def audio(self, rates: set[int]) -> dict[int, npt.NDArray[np.float32]]:
        """The whole audio as mono samples at each of these sample rates; empty if the clip has no audio."""
        import av

        if self.info.audio_codec is None or not rates:
            return {}
        max_samples = {rate: int((self._limits.duration_s + 1) * rate) for rate in rates}
        collected: dict[int, list[npt.NDArray[np.float32]]] = {rate: [] for rate in rates}
        counts = dict.fromkeys(rates, 0)
        resamplers = {rate: av.AudioResampler(format="flt", layout="mono", rate=rate) for rate in rates}
        with open_container(self._path, self._limits) as container:
            for frame in chain(
                decoded_frames(container.decode(strict_decoding(select_tracks(container)[1]))), [None]
            ):
                for rate, resampler in resamplers.items():
                    with decoder_errors_raise():
                        pieces = [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
                    collected[rate] += pieces
                    counts[rate] += sum(piece.size for piece in pieces)
                    if counts[rate] > max_samples[rate]:
                        raise TooLarge(f"The audio is longer than {self._limits.duration_s:g} s.")
        return {
            rate: np.concatenate(pieces).astype(np.float32, copy=False)
            if pieces
            else np.zeros(0, dtype=np.float32)
            for rate, pieces in collected.items()
        }


def decoded_frames(frames: Iterator[Any]) -> Iterator[Any]:
    """The frames of a decoder. Raises `InvalidMedia` if one cannot be decoded."""
    while True:
        with decoder_errors_raise():
            frame = next(frames, None)
        if frame is None:
            return
        yield frame
