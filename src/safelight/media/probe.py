"""What a clip is, read from its headers, and refused where it is not what it claims or is too much.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from safelight.errors import InvalidMedia, TooLarge


class VideoLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a clip may be at most."""

    bytes: int = 2 << 30
    #: Pixels of one frame: 4096 x 2304.
    pixels: int = 4096 * 2304
    frames: int = 36_000
    duration_s: float = 600.0
    #: Streams of any kind; only one of them may be a picture and one sound.
    streams: int = 8


#: For clips that were accepted once, whatever an operator had allowed then.
ACCEPTED = VideoLimits(bytes=1 << 40, frames=1 << 24, duration_s=86_400.0)


class MediaInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers of a clip say. Width and height are as shown, after rotation."""

    container: str
    bytes: int
    width: int
    height: int
    fps: float
    duration_s: float
    #: As claimed; 0 where the container does not say.
    frames: int
    video_codec: str
    pixel_format: str
    #: Degrees, counter-clockwise, that players turn the picture by: 0, 90, 180 or 270.
    rotation: int
    audio_codec: str | None = None
    audio_rate: int = 0
    audio_channels: int = 0
    audio_duration_s: float = 0.0
    streams: int = 1
    #: Kinds of streams nothing here looks into, such as `subtitle`.
    unread: tuple[str, ...] = ()


#: Containers by their first bytes. FFmpeg is told which one it is: left to guess, it also knows play lists
#: and scripts that name other files.
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def container_of(head: bytes) -> str | None:
    """FFmpeg's name for the container that begins with these bytes; None: not one we read."""
    if head[4:8] in _MP4_BOXES:
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return None


def probe_audio(head: bytes) -> str | None:
    """FFmpeg's name for the container of sound that begins with these bytes; None: not one we read."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "mp3"
    return {b"fLaC": "flac", b"OggS": "ogg"}.get(head[:4])


@contextlib.contextmanager
def open_container(
    path: Path, limits: VideoLimits, *, animations: bool = False, recordings: bool = False
) -> Iterator[Any]:
    """The clip as a PyAV container, safely set up; with `animations` a GIF, too, with `recordings` sound.

    Raises `InvalidMedia`, `TooLarge`.
    """
    import av

    av.logging.set_level(None)
    size = path.stat().st_size
    if size > limits.bytes:
        raise TooLarge(f"The clip has {size:,} bytes; at most {limits.bytes:,} are allowed.")
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise InvalidMedia("The clip is empty.")
    container = "gif" if animations and head[:4] == b"GIF8" else container_of(head)
    if container is None and recordings:
        container = probe_audio(head)
        if container is None:
            raise InvalidMedia(
                "This is not a recording of a known kind.",
                remedy="Send WAV, FLAC, Ogg, MP3, or a clip with sound.",
            )
    if container is None:
        raise InvalidMedia(
            "This is not a video file of a known kind.", remedy="Send MP4, MOV, WebM, MKV or AVI."
        )
    options = {"protocol_whitelist": "file", "max_pixels": str(limits.pixels)}
    if container == "mov":
        # An edit list hides frames from well-behaved players only: we look at all of them.
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
    """Turns FFmpeg's complaints about the bytes into `InvalidMedia`."""
    import av

    try:
        yield
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError, OverflowError, IndexError) as error:
        raise InvalidMedia("The clip is cut off or damaged: it cannot be decoded.") from error


def strict_decoding(stream: Any) -> Any:
    """The stream, to be decoded without guessing: what is damaged is an error.

    Decoders fill gaps in their own ways, so that a player might show what nobody here has looked at.
    """
    stream.codec_context.options = {"err_detect": "explode"}
    return stream


def probe(path: Path, limits: VideoLimits) -> MediaInfo:
    """The facts of a clip. Raises `InvalidMedia` or `TooLarge` with a plain sentence."""
    with open_container(path, limits) as container:
        return facts_of(container, path.stat().st_size, limits)


class ProbeTask(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    limits: VideoLimits


def probe_in_child(argument: Any, _link: object) -> MediaInfo:
    """`probe`, as a child's function."""
    task = msgspec.convert(argument, ProbeTask)
    return probe(Path(task.path), task.limits)


def facts_of(container: Any, size: int, limits: VideoLimits) -> MediaInfo:
    """As `probe`, for a container that is open already."""
    kinds = [stream.type for stream in container.streams]
    if len(kinds) > limits.streams:
        raise InvalidMedia(f"The clip has {len(kinds)} streams; at most {limits.streams} are allowed.")
    videos, sounds = kinds.count("video"), kinds.count("audio")
    if videos == 0:
        raise InvalidMedia("The file has no picture stream.")
    if videos > 1 or sounds > 1:
        raise InvalidMedia(
            f"The clip has {videos} picture and {sounds} sound streams; at most one of each is allowed.",
            remedy="Send a file with a single picture track and a single sound track.",
        )
    video = container.streams.video[0]
    audio = container.streams.audio[0] if sounds else None
    codec = video.codec_context
    if codec is None or (audio is not None and audio.codec_context is None):
        raise InvalidMedia("The clip is in a codec that is not known here.", remedy="Send H.264 with AAC.")
    width, height = codec.width, codec.height
    if width < 1 or height < 1:
        raise InvalidMedia("The clip says nothing about the size of its picture, or is damaged.")
    check_size(width, height, limits)
    seconds = _seconds(video)
    whole = container.duration / 1_000_000 if container.duration else 0.0
    duration = seconds or whole
    if max(duration, whole) > limits.duration_s:
        raise TooLarge(
            f"The clip lasts {max(duration, whole):.1f} s; at most {limits.duration_s:g} s are allowed."
        )
    # A claim of more frames than the file has bytes is none; whoever walks over it counts for himself.
    claimed = video.frames if 0 < video.frames <= size else 0
    if claimed > limits.frames:
        raise TooLarge(f"The clip has {claimed:,} frames; at most {limits.frames:,} are allowed.")
    rate = video.average_rate or video.guessed_rate
    rotation = _rotation(container, video)
    if rotation in (90, 270):
        width, height = height, width
    return MediaInfo(
        container=container.format.name,
        bytes=size,
        width=width,
        height=height,
        fps=round(float(rate), 4) if rate else 0.0,
        duration_s=round(duration, 4),
        frames=claimed,
        video_codec=codec.name,
        pixel_format=codec.pix_fmt or "",
        rotation=rotation,
        audio_codec=audio.codec_context.name if audio is not None else None,
        audio_rate=audio.codec_context.sample_rate if audio is not None else 0,
        audio_channels=audio.codec_context.channels if audio is not None else 0,
        audio_duration_s=round(_seconds(audio), 4) if audio is not None else 0.0,
        streams=len(kinds),
        unread=tuple(sorted({kind or "unknown" for kind in kinds if kind not in ("video", "audio")})),
    )


def check_size(width: int, height: int, limits: VideoLimits) -> None:
    """Refuse frames of too many pixels before memory is taken for one."""
    if width * height > limits.pixels:
        raise TooLarge(f"The picture is {width} x {height}; at most {limits.pixels:,} pixels are allowed.")


def _seconds(stream: Any) -> float:
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0


def _rotation(container: Any, video: Any) -> int:
    """From the first frame, where decoders put it."""
    with decoder_errors_raise():
        for frame in container.decode(video):
            turned = int(getattr(frame, "rotation", 0) or 0) % 360
            container.seek(0)
            return turned
    raise InvalidMedia("The clip has no frame that can be decoded.")
