"""Whatever a generator made, as one plain MP4: one picture track, at most one sound track, nothing hidden.

What is plain already stays as it is, byte for byte. Otherwise tracks are copied, or where MP4 cannot carry
them or nobody plays them, made anew. It comes before the scan: what is looked at is what may leave. Only
inside a sandboxed child.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.errors import InvalidMedia, TooLarge
from safelight.media.encode import Writer
from safelight.media.probe import (
    VideoLimits,
    check_size,
    decoder_errors_raise,
    open_container,
    strict_decoding,
)

Pixels = npt.NDArray[np.uint8]

#: What browsers play in an MP4.
_PICTURES = frozenset({"h264", "hevc", "av1", "vp9"})
_SOUNDS = frozenset({"aac", "mp3", "opus", "flac", "ac3", "eac3", "alac"})
#: Boxes at the top of an MP4, and those that are made of others.
_TOP = frozenset(
    {
        b"ftyp",
        b"styp",
        b"moov",
        b"mdat",
        b"moof",
        b"mfra",
        b"sidx",
        b"free",
        b"skip",
        b"uuid",
        b"meta",
        b"pdin",
    }
)
_NESTED = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"mvex", b"moof", b"traf"}
)
#: Bytes of one row of the tables of samples.
_ROWS = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stsz": 4}
_MOST_BOXES, _DEEPEST = 100_000, 12
_RATE = 48_000
#: How much later than it is decoded a frame is commonly shown.
_SLACK_S = 0.5


class NormalizeMethod(StrEnum):
    #: It was plain: `into` was not written.
    KEPT = "kept"
    COPIED = "copied"
    ENCODED = "encoded"


class NormalizeTask(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    into: str
    limits: VideoLimits


class NormalizeResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and the kinds of tracks that were left out."""

    how: NormalizeMethod
    left_out: tuple[str, ...] = ()


def make_plain_in_child(argument: Any, _link: object) -> NormalizeResult:
    """`make_plain`, as a child's function."""
    task = msgspec.convert(argument, NormalizeTask)
    return normalize_video(Path(task.source), Path(task.into), task.limits)


def normalize_video(source: Path, into: Path, limits: VideoLimits) -> NormalizeResult:
    """Write the plain copy of a clip to `into`, where it needs one. Raises `InvalidMedia`, `TooLarge`."""
    with open_container(source, limits, animations=True) as container:
        video, audio = _chosen(container)
        others = [stream for stream in container.streams if stream not in (video, audio)]
        left_out = tuple(sorted(stream.type or "unknown" for stream in others))
        kind = (video.codec_context.name, audio.codec_context.name if audio is not None else None)
        carried = kind[0] in _PICTURES and (kind[1] is None or kind[1] in _SOUNDS)
        if carried and not others and _is_mp4(source):
            return NormalizeResult(how=NormalizeMethod.KEPT)
    if carried and _copied(source, into, limits):
        return NormalizeResult(how=NormalizeMethod.COPIED, left_out=left_out)
    _encoded(source, into, limits)
    return NormalizeResult(how=NormalizeMethod.ENCODED, left_out=left_out)


def _is_mp4(source: Path) -> bool:
    """An MP4 whose boxes fit into one another without a gap: what seals it is stricter than what plays it."""
    size = source.stat().st_size
    with source.open("rb") as file:
        head = file.read(12)
        if head[4:8] != b"ftyp" or head[8:12] == b"qt  ":
            return False
        kinds = _boxes(file, 0, size, depth=0)
    return kinds is not None and kinds.count(b"ftyp") == 1 and kinds.count(b"moov") == 1


def _boxes(file: BinaryIO, start: int, end: int, *, depth: int) -> list[bytes] | None:
    """The kinds of the boxes that fill this stretch; None where they do not fill it, or are too many."""
    kinds: list[bytes] = []
    while start < end:
        file.seek(start)
        head = file.read(16)
        size, kind, header = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        if size < header or start + size > end or len(kinds) >= _MOST_BOXES or depth > _DEEPEST:
            return None
        if depth == 0 and kind not in _TOP:
            return None
        if kind in _NESTED and _boxes(file, start + header, start + size, depth=depth + 1) is None:
            return None
        if kind in _ROWS and not _holds_its_rows(file, start + header, size - header, kind):
            return None
        kinds.append(kind)
        start += size
    return kinds


def _holds_its_rows(file: BinaryIO, start: int, size: int, kind: bytes) -> bool:
    """Whether a table is as long as the number of rows it claims."""
    file.seek(start)
    head = file.read(12)
    if kind == b"stsz":
        # Of samples that are all of one size there are no rows.
        rows = 0 if any(head[4:8]) else int.from_bytes(head[8:12], "big")
        return len(head) == 12 and 12 + rows * _ROWS[kind] <= size
    return len(head) >= 8 and 8 + int.from_bytes(head[4:8], "big") * _ROWS[kind] <= size


def _chosen(container: Any) -> tuple[Any, Any]:
    """The picture and sound that a player would show: the first that is no cover, and the first sound."""
    from av.stream import Disposition

    if len(container.streams) > 64:
        raise InvalidMedia(f"The clip has {len(container.streams)} streams; at most 64 are looked through.")
    films = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    videos = [one for one in films if one.codec_context is not None] or list(container.streams.video)
    if not videos:
        raise InvalidMedia("The file has no picture stream.")
    if videos[0].codec_context is None:
        raise InvalidMedia("The clip is in a codec that is not known here.", remedy="Send H.264 with AAC.")
    sounds = [one for one in container.streams.audio if one.codec_context is not None]
    if container.streams.audio and not sounds:
        raise InvalidMedia("The sound is in a codec that is not known here.", remedy="Send H.264 with AAC.")
    return videos[0], sounds[0] if sounds else None


def _copied(source: Path, into: Path, limits: VideoLimits) -> bool:
    """Pass the packets on. False where MP4 does not take them as they are."""
    import av

    with open_container(source, limits, animations=True) as container:
        video, audio = _chosen(container)
        wanted = [stream for stream in (video, audio) if stream is not None]
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        try:
            with av.open(str(into), "w", format="mp4", container_options=options) as copy:
                tracks = {stream.index: copy.add_stream_from_template(stream) for stream in wanted}
                shown = decoded = count = 0
                for packet in _timed(container.demux(*wanted)):
                    if packet.stream is video:
                        count += 1
                        decoded = packet.dts + (packet.duration or 0)
                        shown = max(shown, (packet.pts or 0) + (packet.duration or 0))
                    packet.stream = tracks[packet.stream.index]
                    copy.mux(packet)
                # An MP4 is as long as its decoding takes: a player would end before the last frames.
                whole = count > 0 and float((shown - decoded) * video.time_base) <= _SLACK_S
        except (av.FFmpegError, ValueError, OverflowError):
            return False
    return whole


def _timed(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets, each with the time it is decoded at: Matroska does not say it of the first ones."""
    waiting: dict[int, list[Any]] = {}
    begun: set[int] = set()
    for packet in packets:
        track = packet.stream.index
        if not packet.size:
            continue
        if packet.dts is None:
            if track in begun:
                raise ValueError("a packet in the middle has no time")
            waiting.setdefault(track, []).append(packet)
            continue
        begun.add(track)
        early = waiting.pop(track, [])
        step = max(int(packet.duration or 0), 1)
        for place, one in enumerate(early):
            one.dts = packet.dts - (len(early) - place) * step
        yield from early
        yield packet
    for rest in waiting.values():
        for one in rest:
            one.dts = one.pts
            yield one


def _encoded(source: Path, into: Path, limits: VideoLimits) -> None:
    """Decode everything and write it anew as H.264 and AAC, with its own times."""
    with open_container(source, limits, animations=True) as container:
        video, audio = _chosen(container)
        rate = video.average_rate or video.guessed_rate or 25
        frames = _frames(container, strict_decoding(video), limits)
        begin, first = next(frames, (0.0, None))
        if first is None:
            raise InvalidMedia("The clip has no frame that can be decoded.")
        height, width = first.shape[:2]
        made = Writer(
            into,
            width=width,
            height=height,
            fps=min(max(Fraction(rate), Fraction(1, 10)), Fraction(240)),
            own_times=True,
            crf=18,
            audio_rate=_RATE if audio is not None else 0,
            audio_channels=2,
        )
        with made as writer:
            writer.add_frame(first, time_s=0.0)
            for time_s, pixels in frames:
                if pixels.shape != first.shape:
                    raise InvalidMedia("The picture changes its size in the middle of the clip.")
                writer.add_frame(pixels, time_s=max(time_s - begin, 0.0))
            if audio is not None:
                for samples in _sounds(source, begin, limits):
                    writer.add_audio(samples)


def _frames(container: Any, video: Any, limits: VideoLimits) -> Iterator[tuple[float, Pixels]]:
    """Times and RGB pixels as shown, their sides even."""
    begin: float | None = None
    decoded = container.decode(video)
    for number in range(limits.frames + 1):
        with decoder_errors_raise():
            frame = next(decoded, None)
        if frame is None:
            return
        if number == limits.frames:
            raise TooLarge(f"The clip has more than {limits.frames:,} frames.")
        check_size(frame.width, frame.height, limits)
        time_s = frame.time if frame.time is not None else number / 25
        begin = time_s if begin is None else begin
        if time_s - begin > limits.duration_s + 1:
            raise TooLarge(f"The clip lasts longer than {limits.duration_s:g} s.")
        with decoder_errors_raise():
            pixels = frame.to_ndarray(format="rgb24")
        turned = np.rot90(pixels, int(frame.rotation or 0) // 90 % 4)
        # H.264 in 4:2:0 wants even sides: the last row or column is doubled.
        odd = (turned.shape[0] % 2, turned.shape[1] % 2)
        yield time_s, np.pad(turned, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")


def _sounds(source: Path, begin: float, limits: VideoLimits) -> Iterator[npt.NDArray[np.float32]]:
    """The sound in stereo, beginning with the picture."""
    import av

    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_RATE)
    most, count = int((limits.duration_s + 1) * _RATE), 0
    with open_container(source, limits, animations=True) as container:
        _video, audio = _chosen(container)
        decoded = container.decode(strict_decoding(audio))
        late: float | None = None
        ended = False
        while not ended:
            with decoder_errors_raise():
                frame = next(decoded, None)
                ended = frame is None
                if late is None and frame is not None:
                    late = (frame.time or 0.0) - begin
                    if 0 < late < limits.duration_s:
                        yield np.zeros((2, int(late * _RATE)), np.float32)
                pieces = [piece.to_ndarray() for piece in resampler.resample(frame)]
            for piece in pieces:
                count += piece.shape[1]
                if count > most:
                    raise TooLarge(f"The sound lasts longer than {limits.duration_s:g} s.")
                yield piece.astype(np.float32, copy=False)
