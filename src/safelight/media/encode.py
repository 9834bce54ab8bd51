"""MP4 encoding: H.264 and AAC, streamable."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.media.probe import decoder_errors_raise
from safelight.media.shown_frames import FrameShape, is_rgb

#: Ticks per second of the time base, for frames that carry their own time.
_TICKS_PER_S = 90_000
#: Quality of what is encoded a second time: the difference is hardly visible.
_CRF_AGAIN = 18


@dataclass(frozen=True, kw_only=True)
class VideoFormat:
    """Picture settings of an MP4 file. Width and height must be even."""

    width: int
    height: int
    fps: Fraction | int | float
    #: Every frame carries its own time. `fps` then sets only the duration of the last frame.
    timestamped: bool = False
    crf: int = 20
    preset: str = "veryfast"
    #: How many more bits flat areas get than busy ones; 1 is x264's own value.
    aq_strength: float = 1.0
    threads: int = 1
    pixel_format: str = "yuv420p"


def encoded_again(shape: FrameShape, fps: Fraction | float) -> VideoFormat:
    """The settings for a clip whose frames are encoded a second time, at their own times."""
    return VideoFormat(
        width=shape.width,
        height=shape.height,
        fps=fps,
        timestamped=True,
        crf=_CRF_AGAIN,
        pixel_format=shape.format,
    )


@dataclass(frozen=True, kw_only=True)
class AudioFormat:
    """AAC settings of an MP4 file."""

    rate: int
    channels: int = 1
    bitrate: int = 96_000


class Mp4Writer:
    """Writes an MP4 file. The same frames and samples always give the same bytes.

    Use it as a context manager: leaving the context writes the index of the file.
    """

    def __init__(self, path: Path, video: VideoFormat, audio: AudioFormat | None = None) -> None:
        import av

        if video.width % 2 or video.height % 2:
            raise ValueError(f"H.264 needs even sides, not {video.width} x {video.height}")
        self._size = (video.width, video.height)
        self._container = av.open(
            str(path), "w", format="mp4", container_options={"movflags": "+faststart", "fflags": "+bitexact"}
        )
        rate = Fraction(video.fps).limit_denominator(1001)
        self._video: Any = self._container.add_stream("libx264", rate=rate)
        self._video.width, self._video.height = self._size
        self._video.pix_fmt = video.pixel_format
        self._video.options = {
            "crf": str(video.crf),
            "preset": video.preset,
            "aq-strength": str(video.aq_strength),
            # Captions in a decoded frame would be written again.
            "a53cc": "0",
        }
        if video.timestamped:
            # No B-frames: the duration of an MP4 comes from its decode times, which with B-frames can end
            # before the last frame is shown.
            self._video.options = {**self._video.options, "bf": "0"}
        self._video.codec_context.thread_count = video.threads
        self._video.codec_context.flags |= 0x00800000  # AV_CODEC_FLAG_BITEXACT
        self._time_base = Fraction(1, _TICKS_PER_S) if video.timestamped else 1 / rate
        self._frame_ticks = max(round(1 / rate / self._time_base), 1)
        self._video.codec_context.time_base = self._time_base
        self._frames = 0
        self._last_pts = -1
        self._audio: Any = None
        if audio is not None:
            layout = "stereo" if audio.channels == 2 else "mono"
            self._audio = self._container.add_stream(
                "aac", rate=audio.rate, layout=layout, bit_rate=audio.bitrate
            )
            self._audio.codec_context.flags |= 0x00800000
            self._fifo = av.AudioFifo()
            self._samples = 0

    def add_frame(self, pixels: Pixels, *, time_s: float | None = None) -> None:
        """Append one RGB frame of shape (height, width, 3)."""
        import av

        if pixels.shape != (self._size[1], self._size[0], 3):
            raise ValueError(f"a frame of {pixels.shape} does not fit {self._size[0]} x {self._size[1]}")
        self._add(av.VideoFrame.from_ndarray(pixels, format="rgb24"), time_s)

    def accepts(self, frame: Any) -> bool:
        """Whether a decoded frame has the size and the pixel format of this file."""
        return (frame.width, frame.height) == self._size and frame.format.name == self._video.pix_fmt

    def add_picture(self, frame: Any, *, time_s: float) -> None:
        """Append a decoded frame of the size and pixel format of this file."""
        if not self.accepts(frame):
            raise ValueError(f"a frame of {frame.width} x {frame.height} in {frame.format.name} does not fit")
        frame.pict_type = 0  # the encoder would keep the type that the frame had in its source
        self._add(frame, time_s)

    def copy_display(self, source: Any, *, rotation: int) -> None:
        """Take over how a video stream is shown: colours, shape of a pixel, rotation. Before any frame."""
        ours, theirs = self._video.codec_context, source.codec_context
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(ours, name, getattr(theirs, name))
        if is_rgb(theirs.format):
            ours.color_range = ours.colorspace = 1
        if source.sample_aspect_ratio:
            ours.sample_aspect_ratio = source.sample_aspect_ratio
        if rotation:
            self._video.set_display_rotation(rotation)

    def _add(self, frame: Any, time_s: float | None) -> None:
        ticks = self._frames if time_s is None else round(time_s / self._time_base)
        self._last_pts = max(ticks, self._last_pts + 1)
        frame.pts, frame.time_base, frame.duration = self._last_pts, self._time_base, self._frame_ticks
        self._frames += 1
        self._container.mux(self._video.encode(frame))

    def add_audio(self, samples: npt.NDArray[np.float32]) -> None:
        """Append audio samples from -1 to 1: shape (n,) for mono, or one row per channel."""
        import av

        rows = np.atleast_2d(np.clip(samples, -1.0, 1.0)).astype(np.float32)
        channels = self._audio.codec_context.channels
        if rows.shape[0] == 1 and channels > 1:
            rows = np.repeat(rows, channels, axis=0)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(rows), format="fltp", layout=self._audio.codec_context.layout.name
        )
        frame.sample_rate = self._audio.codec_context.sample_rate
        frame.pts = self._samples
        frame.time_base = Fraction(1, frame.sample_rate)
        self._samples += rows.shape[1]
        self._fifo.write(frame)
        self._drain(partial=False)

    def add_copied_stream(self, template: Any) -> Any:
        """Add a stream for packets that are copied without re-encoding: see `add_packet`."""
        return self._container.add_stream_from_template(template)

    def add_packet(self, packet: Any) -> None:
        self._container.mux(packet)

    def close(self) -> None:
        """Flush the encoders and write the index."""
        if self._audio is not None:
            self._drain(partial=True)
            self._container.mux(self._audio.encode(None))
        self._container.mux(self._video.encode(None))
        self._container.close()

    def _drain(self, *, partial: bool) -> None:
        size = self._audio.codec_context.frame_size or 1024
        while (frame := self._fifo.read(size, partial=partial)) is not None:
            self._container.mux(self._audio.encode(frame))

    def __enter__(self) -> Mp4Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._container.close()


class CopiedSound:
    """Copies the packets of an audio track between the frames, because the muxer keeps what comes early."""

    def __init__(self, writer: Mp4Writer, container: Any, track: Any) -> None:
        self._writer = writer
        self._copied = None if track is None else writer.add_copied_stream(track)
        self._packets = iter(()) if track is None else container.demux(track)
        self._plays = False
        self._next: Any = self._read()

    def copy_until(self, time_s: float) -> None:
        while self._next is not None and float(self._next.dts * self._next.time_base) <= time_s:
            self._next.stream = self._copied
            self._writer.add_packet(self._next)
            self._next = self._read()

    def _read(self) -> Any:
        with decoder_errors_raise():
            return next((packet for packet in self._packets if self._is_kept(packet)), None)

    def _is_kept(self, packet: Any) -> bool:
        """Whether a packet is played. Those before the first played one stay, because the decoder starts with
        them. Later ones that an edit list hides would go back in time.
        """
        if packet.dts is None or (packet.is_discard and self._plays):
            return False
        self._plays = self._plays or not packet.is_discard
        return True
