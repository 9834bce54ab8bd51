"""Writing MP4: H.264 and AAC, ready to stream. `burn_badge` runs only inside a sandboxed child."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.media.decode import DecodedFrame, VideoDecoder
from safelight.media.probe import VideoLimits, decoder_errors_raise, open_container

Pixels = npt.NDArray[np.uint8]

#: Sound that MP4 carries as it is; other kinds are made AAC.
_COPIED = frozenset({"aac", "mp3", "opus", "ac3", "eac3", "alac", "flac"})

#: Time stamps of frames that come with their own time.
_TICKS = 90_000


class Writer:
    """An MP4 in the making. The same frames and sound give the same bytes.

    Use as a context manager; leaving it writes the index. With `own_times` every
    frame comes with its time, and `fps` only says how long the last one lasts.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: Fraction | int | float,
        own_times: bool = False,
        crf: int = 20,
        preset: str = "veryfast",
        audio_rate: int = 0,
        audio_channels: int = 1,
        audio_bitrate: int = 96_000,
        threads: int = 1,
    ) -> None:
        import av

        if width % 2 or height % 2:
            raise ValueError(f"H.264 needs even sides, not {width} x {height}")
        self._size = (width, height)
        self._container = av.open(
            str(path), "w", format="mp4", container_options={"movflags": "+faststart", "fflags": "+bitexact"}
        )
        rate = Fraction(fps).limit_denominator(1001)
        self._video: Any = self._container.add_stream("libx264", rate=rate)
        self._video.width, self._video.height = width, height
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"crf": str(crf), "preset": preset}
        if own_times:
            # An MP4 is as long as its decoding takes: with frames out of order it may end before the last.
            self._video.options = {**self._video.options, "bf": "0"}
        self._video.codec_context.thread_count = threads
        self._video.codec_context.flags |= 0x00800000  # AV_CODEC_FLAG_BITEXACT
        self._base = Fraction(1, _TICKS) if own_times else 1 / rate
        self._step = max(round(1 / rate / self._base), 1)
        self._video.codec_context.time_base = self._base
        self._frames = 0
        self._last = -1
        self._audio: Any = None
        if audio_rate:
            layout = "stereo" if audio_channels == 2 else "mono"
            self._audio = self._container.add_stream(
                "aac", rate=audio_rate, layout=layout, bit_rate=audio_bitrate
            )
            self._audio.codec_context.flags |= 0x00800000
            self._fifo = av.AudioFifo()
            self._samples = 0

    def add_frame(self, pixels: Pixels, *, time_s: float | None = None) -> None:
        """The next frame, RGB, (height, width, 3)."""
        import av

        if pixels.shape != (self._size[1], self._size[0], 3):
            raise ValueError(f"a frame of {pixels.shape} does not fit {self._size[0]} x {self._size[1]}")
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        moment = self._frames if time_s is None else round(time_s / self._base)
        self._last = max(moment, self._last + 1)
        frame.pts, frame.time_base, frame.duration = self._last, self._base, self._step
        self._frames += 1
        self._container.mux(self._video.encode(frame))

    def add_audio(self, samples: npt.NDArray[np.float32]) -> None:
        """More sound: mono (n,), or one row per channel, in [-1, 1]."""
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

    def copy_stream(self, template: Any) -> Any:
        """A stream whose packets are passed on as they are, for `add_packet`."""
        return self._container.add_stream_from_template(template)

    def add_packet(self, packet: Any) -> None:
        self._container.mux(packet)

    def close(self) -> None:
        """Write what is left and the index."""
        if self._audio is not None:
            self._drain(partial=True)
            self._container.mux(self._audio.encode(None))
        self._container.mux(self._video.encode(None))
        self._container.close()

    def _drain(self, *, partial: bool) -> None:
        size = self._audio.codec_context.frame_size or 1024
        while (frame := self._fifo.read(size, partial=partial)) is not None:
            self._container.mux(self._audio.encode(frame))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._container.close()


class BadgeTask(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    into: str
    text: str
    limits: VideoLimits


def burn_badge_in_child(argument: Any, _link: object) -> None:
    """`burn_badge`, as a child's function."""
    task = msgspec.convert(argument, BadgeTask)
    burn_badge(Path(task.source), Path(task.into), task.text, task.limits)


def burn_badge(source: Path, into: Path, text: str, limits: VideoLimits) -> None:
    """A copy of the clip with a plain visible badge on every frame; the sound is kept as it is."""
    walk = VideoDecoder(source, limits)
    width, height = walk.facts.width - walk.facts.width % 2, walk.facts.height - walk.facts.height % 2
    patch, weight = _badge(text, width, height)
    top, left = height - patch.shape[0] - height // 36, height // 36
    window = (slice(top, top + patch.shape[0]), slice(left, left + patch.shape[1]))
    kept = walk.facts.audio_codec in _COPIED
    made = Writer(
        into,
        width=width,
        height=height,
        fps=walk.facts.fps or 25,
        own_times=True,
        crf=18,
        audio_rate=0 if kept or walk.facts.audio_codec is None else 48_000,
    )
    with made as writer, open_container(source, limits) as original:
        copied = writer.copy_stream(original.streams.audio[0]) if kept else None
        for frame in walk.frames():
            writer.add_frame(_badged(frame, window, patch, weight), time_s=frame.time_s)
        if copied is not None:
            with decoder_errors_raise():
                for packet in original.demux(original.streams.audio[0]):
                    if packet.dts is not None:
                        packet.stream = copied
                        writer.add_packet(packet)
        else:
            for sound in walk.sound({48_000}).values():
                writer.add_audio(sound)


def _badged(
    frame: DecodedFrame, window: tuple[slice, slice], patch: Pixels, weight: npt.NDArray[np.float32]
) -> Pixels:
    # Odd sides lose a row or column, which H.264 in 4:2:0 cannot carry.
    pixels = frame.at(0)[: frame.height - frame.height % 2, : frame.width - frame.width % 2].copy()
    under = pixels[window].astype(np.float32)
    pixels[window] = (under * (1 - weight) + patch.astype(np.float32) * weight).round().astype(np.uint8)
    return pixels


def _badge(text: str, width: int, height: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """The badge as pixels and their weights: light type on a dark, slightly clear ground."""
    from PIL import Image, ImageDraw, ImageFont

    size = max(min(width, height) // 28, 9)
    font: Any = ImageFont.load_default(size)
    room = width - 2 * (height // 36) - size
    while size > 6 and font.getlength(text) > room:
        size -= 1
        font = ImageFont.load_default(size)
    box_width = min(int(font.getlength(text)) + size, width - 2 * (height // 36))
    box_height = min(int(size * 1.8), height // 2)
    badge = Image.new("RGB", (max(box_width, 1), max(box_height, 1)), (18, 20, 24))
    pen = ImageDraw.Draw(badge)
    pen.text((badge.width / 2, badge.height / 2), text, fill=(255, 255, 255), font=font, anchor="mm")
    pixels = np.asarray(badge, dtype=np.uint8)
    bright = pixels.astype(np.float32).mean(axis=2, keepdims=True) / 255
    return pixels, np.maximum(bright, 0.72).astype(np.float32)
