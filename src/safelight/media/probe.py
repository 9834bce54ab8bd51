"""Properties of a clip from its headers; rejects clips that are malformed or too large.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from safelight.core.errors import InvalidMedia, TooLarge

_MAX_BOXES = 10_000
_MAX_TRACKS = 64
_WRONG_CODEC = "Send H.264 with AAC."
#: A track of another type counts as subtitles, because it may have text that some players show.
_TRACK_KINDS = {"audio": "audio_track", "attachment": "attachment"}
#: Formats of MP4 tracks that no player shows: time code, sensor data, streaming hints, timed metadata.
_DATA_FORMATS = frozenset({"tmcd", "gpmd", "rtp ", "mebx"})
#: The format of a data track that has the titles of the chapters of an MP4.
_CHAPTER_FORMAT = "text"
_LONGER_CLIPS = "The operator can raise `scan.max_minutes`, and `scan.timeout_s` with it."
_LARGER_CLIPS = "The operator can raise `scan.max_clip_mb`."
#: Types of the first box of an MP4. The format is passed to FFmpeg explicitly, because FFmpeg would otherwise
#: also accept playlists and scripts that name other files.
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def read_sample_formats(path: Path) -> dict[int, str]:
    """The format of each track of an MP4 by track id, such as `tmcd`. An id of two tracks is left out."""
    formats: dict[int, str] = {}
    repeated: set[int] = set()
    with path.open("rb") as file:
        for moov in _boxes(file, b"moov", 0, path.stat().st_size):
            for track in _boxes(file, b"trak", *moov):
                number, sample_format = _track_id(file, track), _sample_format(file, track)
                if number in formats:
                    repeated.add(number)
                formats[number] = sample_format
    return {number: found for number, found in formats.items() if number not in repeated}


def _track_id(file: BinaryIO, track: tuple[int, int]) -> int:
    for start, _end in _boxes(file, b"tkhd", *track):
        file.seek(start)
        head = file.read(24)
        # Version 1 has times of 8 bytes.
        at = 20 if head[:1] == b"\x01" else 12
        return int.from_bytes(head[at : at + 4], "big")
    return 0


def _sample_format(file: BinaryIO, track: tuple[int, int]) -> str:
    """The format of the samples of a track; empty if it has none or several."""
    spans = [track]
    for box in (b"mdia", b"minf", b"stbl", b"stsd"):
        spans = [inner for span in spans for inner in _boxes(file, box, *span)]
    if len(spans) != 1:
        return ""
    file.seek(spans[0][0])
    head = file.read(16)
    return head[12:16].decode("latin-1") if int.from_bytes(head[4:8], "big") == 1 else ""


def _boxes(file: BinaryIO, wanted: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each box of this type in a byte range."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        size, header_bytes = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header_bytes = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = end - start
        if size < header_bytes or start + size > end:
            return
        if head[4:8] == wanted:
            yield start + header_bytes, start + size
        start += size


# The tracks of a clip: those that a player shows first, which are scanned, and all others.
#
# Runs only inside a sandboxed child.


class UnscannedKind(StrEnum):
    """A kind of content that a scan of a clip does not inspect."""

    VIDEO_TRACK = "video_track"
    COVER_IMAGE = "cover_image"
    AUDIO_TRACK = "audio_track"
    #: Subtitles that are images, captions in the picture stream, more text than is read, or unknown tracks.
    SUBTITLES = "subtitles"
    DATA_TRACK = "data_track"
    #: A file inside the clip, such as a font.
    ATTACHMENT = "attachment"
    #: Tags and chapter titles, if there are too many.
    TAGS = "tags"
    #: Bytes after the end of an MP4; the count is the number of bytes.
    TRAILING_BYTES = "trailing_bytes"


class UnscannedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a clip that was not scanned, and how many there are of it."""

    kind: UnscannedKind
    count: int = 1


def select_tracks(container: Any) -> tuple[Any, Any]:
    """The video stream and the audio stream that a player shows; None for the audio if there is none.

    These are the first video stream that is not a cover image, and the first audio stream. Raises
    `InvalidMedia`.
    """
    if len(container.streams) > _MAX_TRACKS:
        raise InvalidMedia(
            f"The clip has {len(container.streams)} tracks; at most {_MAX_TRACKS} are allowed."
        )
    videos = [one for one in container.streams.video if not _is_cover(one)] or list(container.streams.video)
    if not videos:
        raise InvalidMedia("The file has no picture stream.")
    video = next((one for one in videos if one.codec_context is not None), None)
    if video is None:
        raise InvalidMedia("The clip's video codec is not supported.", remedy=_WRONG_CODEC)
    return video, select_audio(container)


def select_audio(container: Any) -> Any:
    """The audio stream that a player plays: the first one; None if there is none. Raises `InvalidMedia`."""
    audios = list(container.streams.audio)
    audio = next((one for one in audios if one.codec_context is not None), None)
    if audios and audio is None:
        raise InvalidMedia("The clip's audio codec is not supported.", remedy=_WRONG_CODEC)
    return audio


def unscanned_tracks(container: Any) -> tuple[UnscannedPart, ...]:
    """The tracks that are not selected. Subtitles of which the text can be read do not count."""
    selected = [one.index for one in select_tracks(container) if one is not None]
    others = [one for one in container.streams if one.index not in selected and not is_text_subtitle(one)]
    has_data = "mov" in container.format.name and any(one.type == "data" for one in others)
    formats = read_sample_formats(Path(container.name)) if has_data else {}
    kinds = Counter(_kind(one, formats) for one in others)
    if container.chapters() and any(
        one.type == "data" and formats.get(one.id) == _CHAPTER_FORMAT for one in others
    ):
        # The titles of the chapters are read as tags.
        kinds[UnscannedKind.SUBTITLES] -= 1
    return _parts(kinds)


def add_unscanned(
    parts: tuple[UnscannedPart, ...], more: Mapping[UnscannedKind, int]
) -> tuple[UnscannedPart, ...]:
    """The parts, with `more` of each kind added."""
    counts = Counter({part.kind: part.count for part in parts})
    counts.update(more)
    return _parts(counts)


def is_text_subtitle(stream: Any) -> bool:
    """Whether a stream has subtitles as text. Other subtitles are images."""
    if stream.type != "subtitle" or stream.codec_context is None:
        return False
    return bool(stream.codec_context.codec.text_sub)


def _parts(counts: Mapping[UnscannedKind, int]) -> tuple[UnscannedPart, ...]:
    return tuple(UnscannedPart(kind=kind, count=counts[kind]) for kind in UnscannedKind if counts[kind])


def _kind(stream: Any, formats: Mapping[int, str]) -> UnscannedKind:
    if stream.type == "video":
        return UnscannedKind.COVER_IMAGE if _is_cover(stream) else UnscannedKind.VIDEO_TRACK
    if stream.type == "data" and formats.get(stream.id) in _DATA_FORMATS:
        return UnscannedKind.DATA_TRACK
    return UnscannedKind(_TRACK_KINDS.get(stream.type, "subtitles"))


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


class VideoLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits for a clip; larger clips are rejected."""

    bytes: int = 2 << 30
    #: Maximum number of pixels of one frame: 4096 x 2304.
    pixels: int = 4096 * 2304
    frames: int = 36_000
    duration_s: float = 600.0


#: Limits for clips that Safelight accepted earlier, perhaps under larger limits than today's.
ACCEPTED_CLIP_LIMITS = VideoLimits(bytes=1 << 40, frames=1 << 24, duration_s=86_400.0)


class MediaInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of a clip from its headers. Width and height are as displayed, after rotation."""

    container: str
    bytes: int
    width: int
    height: int
    fps: float
    duration_s: float
    #: The number of frames that the container declares; 0 if it declares none.
    frames: int
    video_codec: str
    pixel_format: str
    #: Rotation that players apply, counter-clockwise in degrees: 0, 90, 180 or 270.
    rotation: int
    audio_codec: str | None = None
    audio_rate: int = 0
    audio_channels: int = 0
    audio_duration_s: float = 0.0
    streams: int = 1
    #: Number of tracks with subtitles as text, which are read.
    subtitles: int = 0
    #: What is in the file and is not scanned, such as a second audio track.
    unscanned: tuple[UnscannedPart, ...] = ()


def detect_container(head: bytes) -> str | None:
    """FFmpeg's name for the container format of a file that starts with `head`; None if not supported."""
    if head[4:8] in _MP4_BOXES:
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return None


def detect_audio_container(head: bytes) -> str | None:
    """FFmpeg's name for the audio format of a file with these first bytes; None if it is not supported."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "mp3"
    return {b"fLaC": "flac", b"OggS": "ogg"}.get(head[:4])


@contextlib.contextmanager
def open_container(
    path: Path,
    limits: VideoLimits,
    *,
    animations: bool = False,
    as_played: bool = False,
) -> Iterator[Any]:
    """Open a clip as a PyAV container with safe options.

    `animations`: also accept GIF. `as_played`: obey edit lists, which a scan must not, because they can hide
    frames. Raises `InvalidMedia`, `TooLarge`.
    """
    import av

    av.logging.set_level(None)
    size = path.stat().st_size
    if size > limits.bytes:
        raise TooLarge(
            f"The clip has {size:,} bytes; at most {limits.bytes:,} are allowed.", remedy=_LARGER_CLIPS
        )
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise InvalidMedia("The clip is empty.")
    container = "gif" if animations and head[:4] == b"GIF8" else detect_container(head)
    if container is None:
        raise InvalidMedia(
            "This is not a video file in a supported format.", remedy="Send MP4, MOV, WebM, MKV or AVI."
        )
    options = {"protocol_whitelist": "file", "max_pixels": str(limits.pixels)}
    if container == "mov" and not as_played:
        options["ignore_editlist"] = "1"
    with decoder_errors_raise():
        opened_container = av.open(
            str(path), format=container, options=options, metadata_errors="replace", timeout=30
        )
    try:
        yield opened_container
    finally:
        opened_container.close()


@contextlib.contextmanager
def decoder_errors_raise() -> Iterator[None]:
    """Convert FFmpeg errors that the content causes into `InvalidMedia`."""
    import av

    try:
        yield
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError, OverflowError, IndexError) as error:
        raise InvalidMedia("The clip is cut off or damaged: it cannot be decoded.") from error


def strict_decoding(stream: Any) -> Any:
    """Make the decoder of a stream fail on damaged data instead of concealing the damage.

    Decoders conceal damage differently, so a player could show frames that the scan did not see.
    """
    stream.codec_context.options = {"err_detect": "explode"}
    return stream


def probe(path: Path, limits: VideoLimits) -> MediaInfo:
    """Read the properties of a clip. Raises `InvalidMedia` or `TooLarge`."""
    with open_container(path, limits) as container:
        return probe_container(container, path.stat().st_size, limits)


class ProbeTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `probe_in_child`."""

    path: str
    limits: VideoLimits


def probe_in_child(argument: Any, _link: object) -> MediaInfo:
    """Entry point of `probe` in a sandboxed child."""
    task = msgspec.convert(argument, ProbeTask)
    return probe(Path(task.path), task.limits)


def probe_container(container: Any, size: int, limits: VideoLimits) -> MediaInfo:
    """Like `probe`, but for a container that is already open. `size` is the size of the file in bytes."""
    video, audio = select_tracks(container)
    codec = video.codec_context
    width, height = codec.width, codec.height
    if width < 1 or height < 1:
        raise InvalidMedia("The clip does not declare the size of its picture, or is damaged.")
    check_size(width, height, limits)
    video_s = _seconds(video)
    container_s = container.duration / 1_000_000 if container.duration else 0.0
    duration_s = video_s or container_s
    longest_s = max(duration_s, container_s)
    if longest_s > limits.duration_s:
        raise TooLarge(
            f"The clip is {longest_s:.1f} s long; at most {limits.duration_s:g} s are allowed.",
            remedy=_LONGER_CLIPS,
        )
    # A file cannot have more frames than bytes, so a larger declared number is ignored. The decoder counts
    # the frames itself.
    declared_frames = video.frames if 0 < video.frames <= size else 0
    if declared_frames > limits.frames:
        raise TooLarge(
            f"The clip has {declared_frames:,} frames; at most {limits.frames:,} are allowed.",
            remedy=_LONGER_CLIPS,
        )
    frame_rate = video.average_rate or video.guessed_rate
    rotation = _rotation(container, video)
    if rotation in (90, 270):
        width, height = height, width
    return MediaInfo(
        container=container.format.name,
        bytes=size,
        width=width,
        height=height,
        fps=round(float(frame_rate), 4) if frame_rate else 0.0,
        duration_s=round(duration_s, 4),
        frames=declared_frames,
        video_codec=codec.name,
        pixel_format=codec.pix_fmt or "",
        rotation=rotation,
        audio_codec=audio.codec_context.name if audio is not None else None,
        audio_rate=audio.codec_context.sample_rate if audio is not None else 0,
        audio_channels=audio.codec_context.channels if audio is not None else 0,
        audio_duration_s=round(_seconds(audio), 4) if audio is not None else 0.0,
        streams=len(container.streams),
        subtitles=sum(map(is_text_subtitle, container.streams)),
        unscanned=unscanned_tracks(container),
    )


def check_size(width: int, height: int, limits: VideoLimits) -> None:
    """Raise `TooLarge` if a frame has too many pixels, before memory for it is allocated."""
    if width * height > limits.pixels:
        raise TooLarge(f"The picture is {width} x {height}; at most {limits.pixels:,} pixels are allowed.")


def check_extent(number: int, seconds: float, limits: VideoLimits) -> None:
    """Raise `TooLarge` for a frame (numbered from 0, at this time after the first) beyond the limits."""
    if number >= limits.frames:
        raise TooLarge(f"The clip has more than {limits.frames:,} frames.", remedy=_LONGER_CLIPS)
    if seconds > limits.duration_s + 1:
        raise TooLarge(f"The clip is longer than {limits.duration_s:g} s.", remedy=_LONGER_CLIPS)


def _seconds(stream: Any) -> float:
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0


def _rotation(container: Any, video: Any) -> int:
    """Rotation of the first frame, as reported by the decoder, to the nearest quarter turn."""
    with decoder_errors_raise():
        for frame in container.decode(video):
            rotation = round((getattr(frame, "rotation", 0) or 0) / 90) * 90 % 360
            container.seek(0)
            return rotation
    raise InvalidMedia("No frame of the clip can be decoded.")
