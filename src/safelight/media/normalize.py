"""Normalizes any video to a plain MP4: one picture track, at most one audio track, nothing else.

A file that is already plain is kept byte for byte. Otherwise its tracks are copied, or re-encoded if MP4
cannot contain them or players cannot play them. Normalization runs before the scan, so that the scanned file
is the delivered file. Runs only inside a sandboxed child.
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

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.encode import AudioFormat, Mp4Writer, encoded_again
from safelight.media.probe import (
    VideoLimits,
    decoder_errors_raise,
    open_container,
    probe_container,
    select_tracks,
    strict_decoding,
)
from safelight.media.shown_frames import FrameShape, shown_frames
from safelight.media.tags import FileTags, read_tags

#: Codecs that browsers can play in an MP4.
_VIDEO_CODECS = frozenset({"h264", "hevc", "av1", "vp9"})
#: The start of closed captions (ATSC A/53) in a packet of these codecs.
_CAPTIONS = b"\xb5\x00\x31GA94\x03"
_AUDIO_CODECS = frozenset({"aac", "mp3", "opus", "flac", "ac3", "eac3", "alac"})
#: MP4 boxes that are allowed at the top level, and MP4 boxes that contain other boxes.
_TOP_LEVEL_BOXES = frozenset(
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
_CONTAINER_BOXES = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"mvex", b"moof", b"traf"}
)
#: Bytes per entry, for each type of sample table.
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stsz": 4}
_MAX_BOXES, _MAX_BOX_DEPTH = 100_000, 12
_AUDIO_RATE_HZ = 48_000
#: Maximum delay, in seconds, between the decode time and the presentation time of a frame in ordinary files.
_MAX_REORDER_S = 0.5


class NormalizeMethod(StrEnum):
    """Method by which a file was normalized."""

    #: The file was already plain, so no new file was written.
    KEPT = "kept"
    COPIED = "copied"
    ENCODED = "encoded"


class NormalizeTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `normalize_in_child`."""

    source: str
    into: str
    limits: VideoLimits


class NormalizeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The method by which the file was normalized, and the types of the streams that were dropped.

    `tags` among them: texts such as a title or comment, and chapters; and `captions`: closed captions, which
    are part of the picture stream, so that only encoding drops them.
    """

    method: NormalizeMethod
    dropped_streams: tuple[str, ...] = ()


def normalize_in_child(argument: Any, _link: object) -> NormalizeResult:
    """Entry point of `normalize_video` in a sandboxed child."""
    task = msgspec.convert(argument, NormalizeTask)
    return normalize_video(Path(task.source), Path(task.into), task.limits)


def normalize_video(source: Path, into: Path, limits: VideoLimits) -> NormalizeResult:
    """Write a plain copy of a video to `into` unless it is already plain.

    Raises `InvalidMedia`, `TooLarge`.
    """
    with open_container(source, limits, animations=True) as container:
        video, audio = select_tracks(container)
        others = [stream for stream in container.streams if stream not in (video, audio)]
        dropped = tuple(sorted(stream.type or "unknown" for stream in others))
        if read_tags(container) != FileTags():
            dropped = (*dropped, "tags")
        if captions := _has_captions(container, video):
            dropped = (*dropped, "captions")
        playable = video.codec_context.name in _VIDEO_CODECS and (
            audio is None or audio.codec_context.name in _AUDIO_CODECS
        )
        if playable and not dropped and _is_well_formed_mp4(source):
            return NormalizeResult(method=NormalizeMethod.KEPT)
    if playable and not captions and _remux(source, into, limits):
        return NormalizeResult(method=NormalizeMethod.COPIED, dropped_streams=dropped)
    _transcode(source, into, limits)
    return NormalizeResult(method=NormalizeMethod.ENCODED, dropped_streams=dropped)


def _has_captions(container: Any, video: Any) -> bool:
    header = bytes(video.codec_context.extradata or b"")
    with decoder_errors_raise():
        return _CAPTIONS in header or any(_CAPTIONS in bytes(packet) for packet in container.demux(video))


def _is_well_formed_mp4(source: Path) -> bool:
    """Whether the boxes of an MP4 are nested without gaps.

    The C2PA library that seals the file requires this, although players do not.
    """
    size = source.stat().st_size
    with source.open("rb") as file:
        head = file.read(12)
        if head[4:8] != b"ftyp" or head[8:12] == b"qt  ":
            return False
        box_types = _box_types(file, 0, size, depth=0)
    return box_types is not None and box_types.count(b"ftyp") == 1 and box_types.count(b"moov") == 1


def _box_types(file: BinaryIO, start: int, end: int, *, depth: int) -> list[bytes] | None:
    """The types of the boxes in a byte range.

    None if the boxes do not fill the range exactly, are not allowed there, or are too many.
    """
    types: list[bytes] = []
    while start < end:
        file.seek(start)
        head = file.read(16)
        size, box_type, header_bytes = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, header_bytes = int.from_bytes(head[8:16], "big"), 16
        if size < header_bytes or start + size > end or len(types) >= _MAX_BOXES or depth > _MAX_BOX_DEPTH:
            return None
        if depth == 0 and box_type not in _TOP_LEVEL_BOXES:
            return None
        if (
            box_type in _CONTAINER_BOXES
            and _box_types(file, start + header_bytes, start + size, depth=depth + 1) is None
        ):
            return None
        if box_type in _ENTRY_BYTES and not _fits_its_entries(
            file, start + header_bytes, size - header_bytes, box_type
        ):
            return None
        types.append(box_type)
        start += size
    return types


def _fits_its_entries(file: BinaryIO, start: int, size: int, box_type: bytes) -> bool:
    """Whether a sample table has enough bytes for the number of entries that it declares."""
    file.seek(start)
    head = file.read(12)
    if box_type == b"stsz":
        # If all samples have the same size, `stsz` has no table.
        entries = 0 if any(head[4:8]) else int.from_bytes(head[8:12], "big")
        return len(head) == 12 and 12 + entries * _ENTRY_BYTES[box_type] <= size
    return len(head) >= 8 and 8 + int.from_bytes(head[4:8], "big") * _ENTRY_BYTES[box_type] <= size


def _remux(source: Path, into: Path, limits: VideoLimits) -> bool:
    """Copy the packets into an MP4 without re-encoding, at the times at which they are played.

    False if the copy would not be a complete MP4.
    """
    import av

    with open_container(source, limits, animations=True, as_played=True) as container:
        video, audio = select_tracks(container)
        wanted = [stream for stream in (video, audio) if stream is not None]
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        try:
            with av.open(str(into), "w", format="mp4", container_options=options) as target:
                tracks = {stream.index: target.add_stream_from_template(stream) for stream in wanted}
                presented_until = decoded_until = count = 0
                for packet in _with_decode_times(_played(container.demux(*wanted))):
                    if packet.stream is video:
                        count += 1
                        decoded_until = packet.dts + (packet.duration or 0)
                        presented_until = max(presented_until, (packet.pts or 0) + (packet.duration or 0))
                    packet.stream = tracks[packet.stream.index]
                    target.mux(packet)
                # The duration of an MP4 comes from its decode times. If they end too early, a player stops
                # before the last frames.
                complete = (
                    count > 0 and float((presented_until - decoded_until) * video.time_base) <= _MAX_REORDER_S
                )
        except (av.FFmpegError, ValueError, OverflowError):
            return False
    return complete


def _played(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets that are played, and those that a decoder needs before the first of them."""
    latest: dict[int, int] = {}
    for packet in packets:
        track, pts = packet.stream.index, packet.pts or 0
        if not packet.is_discard:
            latest[track] = max(pts, latest.get(track, pts))
        elif pts > latest.get(track, pts):
            raise ValueError("an edit list hides a part in the middle, which would be played in a copy")
        yield packet


def _with_decode_times(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets, each with a decode time. Matroska omits the decode time of the first packets."""
    untimed: dict[int, list[Any]] = {}
    started: set[int] = set()
    for packet in packets:
        track = packet.stream.index
        if not packet.size:
            continue
        if packet.dts is None:
            if track in started:
                raise ValueError("a packet in the middle of the stream has no decode time")
            untimed.setdefault(track, []).append(packet)
            continue
        started.add(track)
        preceding = untimed.pop(track, [])
        step = max(int(packet.duration or 0), 1)
        for position, item in enumerate(preceding):
            item.dts = packet.dts - (len(preceding) - position) * step
        yield from preceding
        yield packet
    for items in untimed.values():
        for item in items:
            item.dts = item.pts
            yield item


def _transcode(source: Path, into: Path, limits: VideoLimits) -> None:
    """Decode all frames and audio, and encode them as H.264 and AAC with the original frame times."""
    with open_container(source, limits, animations=True) as probed:
        info = probe_container(probed, source.stat().st_size, limits)
    with open_container(source, limits, animations=True, as_played=True) as container:
        video, audio = select_tracks(container)
        shape = FrameShape.of(video.codec_context)
        rate = Fraction(video.average_rate or video.guessed_rate or 25)
        video_format = encoded_again(shape, min(max(rate, Fraction(1, 10)), Fraction(240)))
        audio_format = AudioFormat(rate=_AUDIO_RATE_HZ, channels=2) if audio is not None else None
        with Mp4Writer(into, video_format, audio_format) as writer:
            # Before the first frame: a decoder of VP8 knows other colours than the file.
            writer.copy_display(video, rotation=info.rotation)
            start_s: float | None = None
            for time_s, frame in shown_frames(container, video, shape, limits):
                start_s = time_s if start_s is None else start_s
                writer.add_picture(frame, time_s=max(time_s - start_s, 0.0))
            if start_s is None:
                raise InvalidMedia("No frame of the clip can be decoded.")
            if audio is not None:
                for samples in _stereo_samples(source, start_s, limits):
                    writer.add_audio(samples)


def _stereo_samples(source: Path, start_s: float, limits: VideoLimits) -> Iterator[npt.NDArray[np.float32]]:
    """The audio in stereo; its start is aligned with the start of the picture."""
    import av

    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_AUDIO_RATE_HZ)
    max_samples, sample_count, early = int((limits.duration_s + 1) * _AUDIO_RATE_HZ), 0, 0
    with open_container(source, limits, animations=True, as_played=True) as container:
        _video, audio = select_tracks(container)
        decoded = container.decode(strict_decoding(audio))
        delay_s: float | None = None
        ended = False
        while not ended:
            with decoder_errors_raise():
                frame = next(decoded, None)
                ended = frame is None
                if delay_s is None and frame is not None:
                    delay_s = (frame.time or 0.0) - start_s
                    if 0 < delay_s < limits.duration_s:
                        yield np.zeros((2, round(delay_s * _AUDIO_RATE_HZ)), np.float32)
                    early = max(-round(delay_s * _AUDIO_RATE_HZ), 0)
                pieces = [piece.to_ndarray() for piece in resampler.resample(frame)]
            for piece in pieces:
                # What is heard before the first frame has no place in a file that begins with it.
                piece, early = piece[:, early:], max(early - piece.shape[1], 0)
                sample_count += piece.shape[1]
                if sample_count > max_samples:
                    raise TooLarge(f"The audio is longer than {limits.duration_s:g} s.")
                yield piece.astype(np.float32, copy=False)
