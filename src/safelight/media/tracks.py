"""The tracks of a clip: those that a player shows first, which are scanned, and all others.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from safelight.errors import InvalidMedia
from safelight.media.sample_formats import read_sample_formats

_MAX_TRACKS = 64
_WRONG_CODEC = "Send H.264 with AAC."
#: A track of another type counts as subtitles, because it may have text that some players show.
_TRACK_KINDS = {"audio": "audio_track", "attachment": "attachment"}
#: Formats of MP4 tracks that no player shows: time code, sensor data, streaming hints, timed metadata.
_DATA_FORMATS = frozenset({"tmcd", "gpmd", "rtp ", "mebx"})
#: The format of a data track that has the titles of the chapters of an MP4.
_CHAPTER_FORMAT = "text"


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
